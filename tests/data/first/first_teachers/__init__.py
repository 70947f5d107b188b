# Frozen: see the README beside this package. Never edit or reformat a file here.
# ruff: noqa
# fmt: off
"""Two teachers: one that looks at the light of a picture, one that compares vectors."""

from first_teachers.light import Light
from first_teachers.vectors import Vectors
from harness.api import hookimpl


@hookimpl
def harness_teachers():
    """Light and vectors."""
    return [Light, Vectors]
