"""Names of the authors' world that have moved: the old one works for a while, and says what to write instead."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass


class HarnessDeprecation(DeprecationWarning):
    """Something of the contract that is used and will be gone; the text names its replacement."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """What an old name stands for now."""

    name: str
    value: object
    gone_in: str
    """The version that no longer has the old name; at least one minor version after it was renamed."""


def renamed(module: str, names: Mapping[str, Renamed]) -> Callable[[str], object]:
    """The ``__getattr__`` of a module some of whose names have moved."""

    def moved(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        new = names[name]
        text = f"{module}.{name} is called {new.name} and will be gone in {new.gone_in}; write {module}.{new.name}"
        warnings.warn(text, HarnessDeprecation, stacklevel=2)
        return new.value

    return moved
