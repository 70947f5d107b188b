"""What a new plugin is called: its distribution, its module, its class; and which names cannot be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec

from harness.components import KINDS
from harness.errors import HarnessError
from harness.loading import NAME, did_you_mean
from harness.plugins import Registry


@dataclass(frozen=True, slots=True)
class Names:
    """A component's kind and name, and all that is called after them."""

    kind: str
    name: str

    @property
    def distribution(self) -> str:
        """What pip calls it, and its folder."""
        return f"harness-{self.name}"

    @property
    def module(self) -> str:
        """What Python calls it: an identifier, and no keyword, whatever the name."""
        return self.distribution.replace("-", "_")

    @property
    def cls(self) -> str:
        """The class. Its kind stands at its end, so that it hides nothing that its module imports."""
        words = "".join(word.capitalize() for word in self.name.split("-"))
        ending = "".join(word.capitalize() for word in self.kind.split("-"))
        whole = words if words.endswith(ending) else words + ending
        taken = {base.__name__ for base in KINDS.values()}
        return whole if whole.isidentifier() and whole not in taken else f"My{whole}"


def check(names: Names, registry: Registry) -> None:
    """Raises `HarnessError` for a kind that there is not, and for a name that cannot be or is taken."""
    kind, name = names.kind, names.name
    if kind not in KINDS:
        raise HarnessError(f"no kind is called {kind!r}{did_you_mean(kind, KINDS)}", place="KIND")
    if not NAME.match(name):
        near = "-".join(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()))
        raise HarnessError(
            f"{name!r} cannot be the name of a {kind}; a name is lower-case words joined by hyphens",
            place="NAME",
            remedy=f"{near!r} could." if near else "Such as 'my-first'.",
        )
    for plugin, _ in registry.components(kind).get(name, []):
        raise HarnessError(
            f"{plugin.distribution} {plugin.version} has a {kind} called {name!r} already",
            place="NAME",
            remedy=f"Choose another name, or use that one with options of yours: `harness plugins show {name}`.",
        )
    if find_spec(names.module):
        raise HarnessError(
            f"there is a module called {names.module!r} already, which this {kind} would hide",
            place="NAME",
            remedy="Choose another name, or uninstall the distribution that has the module.",
        )
