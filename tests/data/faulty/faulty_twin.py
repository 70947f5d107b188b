from harness.api import Teacher, hookimpl


class Listens(Teacher):
    """Has the name of another distribution's teacher."""

    name = "listens"

    def annotate(self, items):
        return []


@hookimpl
def harness_teachers():
    return [Listens]
