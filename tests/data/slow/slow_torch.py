import torch

from harness.api import Teacher, hookimpl


class Weighty(Teacher):
    """Imports torch at the top of its module."""

    name = "weighty"

    def annotate(self, items):
        assert torch.__name__
        return []


@hookimpl
def harness_teachers():
    return [Weighty]
