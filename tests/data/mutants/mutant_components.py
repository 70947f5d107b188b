"""Faults that any kind of component can have, in teachers and rules."""

import itertools
from pathlib import Path
from typing import Any, ClassVar

from mutant_teachers import Sound
from pydantic import Field

from harness.api import hookimpl

COUNT = itertools.count()


class Silent(Sound):
    name = "silent"
    breaks: ClassVar = "says what it is"
    seen: ClassVar = "Silent has no docstring"


class Bare(Sound):
    """Has an option that nobody can read."""

    name = "bare"
    breaks: ClassVar = "describes its options"
    seen: ClassVar = "without a description: depth"
    depth: int = 3


class Binary(Sound):
    """Has an option that JSON cannot hold."""

    name = "binary"
    breaks: ClassVar = "options survive json"
    seen: ClassVar = "PydanticSerializationError: "
    raw: Any = Field(default=Path, description="A class.")

    def __eq__(self, other):
        return type(self) is type(other)

    __hash__ = None


class Unordered(Sound):
    """Has a set among its options."""

    name = "unordered"
    breaks: ClassVar = "has one identity in every process"
    seen: ClassVar = "sets have no fixed order: words"
    words: frozenset[str] = frozenset({"red", "green", "blue"})
    """Words."""


class Counted(Sound):
    """Is another one each time it is made."""

    name = "counted"
    breaks: ClassVar = "has one identity in every process"
    seen: ClassVar = "made twice with the same options, it is not the same component"
    number: int = Field(default_factory=lambda: next(COUNT), description="Running number.")


class Stateful(Sound):
    """Keeps an open file."""

    name = "stateful"
    breaks: ClassVar = "survives pickling"
    seen: ClassVar = "TypeError: cannot pickle "

    def model_post_init(self, context):
        object.__setattr__(self, "log", open(__file__))  # noqa: SIM115

    def __del__(self):
        self.log.close()


@hookimpl
def harness_teachers():
    return [Silent, Bare, Binary, Unordered, Counted, Stateful]
