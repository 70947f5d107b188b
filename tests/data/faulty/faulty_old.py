from faulty_library import Annotator

from harness.api import hookimpl


class Old(Annotator):
    """Is written against names that will be gone."""

    name = "old"

    def annotate(self, items):
        return []


@hookimpl
def harness_teachers():
    return [Old]
