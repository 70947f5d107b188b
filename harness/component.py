"""What all kinds of component are: frozen models whose fields are their options."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Component(BaseModel, ABC):
    """Something that a matrix names. It is best made without arguments: options have defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    kind: ClassVar[str]
    name: ClassVar[str]
    """What a matrix calls it: lower case, words joined by hyphens."""
    revision: ClassVar[int]
    """The author's promise to raise it with every change of the output; without it the source is the identity."""
    transport: ClassVar[frozenset[str]] = frozenset()
    """Options that say how an answer is fetched, not what it is; they are no part of the identity."""
    templates: ClassVar[tuple[str, ...]] = ()
    """Files beside the class's module, whose content is part of the identity."""
    libraries: ClassVar[tuple[str, ...]] = ()
    """Packages besides its own whose modules are part of the identity where it imports them."""

    def digest(self) -> str:
        """Hex digest of the files that the output depends on; empty where there are none."""
        return ""
