"""Find, load, check and look up plugins. A registry is a value; there is no global one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import NamedTuple

from harness import loading
from harness.component import Component
from harness.components import KINDS
from harness.errors import PluginError
from harness.loading import Plugin, did_you_mean


class Registry:
    """The components that a matrix can name.

    Names are unique per kind and distribution. A clash is an error only where a matrix uses the name;
    ``distribution/name`` settles it.
    """

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = tuple(plugins)
        self._manager = loading.manager()
        for plugin in self.plugins:
            # Two distributions may call a plugin alike, and one module may stand under two entry points.
            usable = plugin.namespace is not None and not plugin.error
            if usable and not self._manager.is_registered(plugin.namespace):
                self._manager.register(plugin.namespace, f"{plugin.distribution}/{plugin.name}")

    @classmethod
    def installed(cls) -> Registry:
        """Every plugin whose distribution declares the entry point group ``harness``."""
        origin = cache(_origin)
        points = [(origin(point.dist), point) for point in entry_points(group="harness")]
        ordered = sorted(points, key=lambda found: (found[0].name, found[1].name))
        return cls([_load(origin, point) for origin, point in ordered])

    @classmethod
    def of(cls, *namespaces: object, distribution: str = "local", version: str = "0") -> Registry:
        """The plugins in modules or in objects that have hook implementations as attributes."""
        return cls([loading.inspect(space, distribution, version) for space in namespaces])

    def __add__(self, other: Registry) -> Registry:
        return Registry(self.plugins + other.plugins)

    def components(self, kind: str) -> dict[str, list[tuple[Plugin, type[Component]]]]:
        """Components of a kind by name, each with its plugin."""
        found: dict[str, list[tuple[Plugin, type[Component]]]] = {}
        for plugin in self.plugins:
            for component in plugin.components:
                if component.kind != kind:
                    continue
                known = found.setdefault(component.name, [])
                if component not in (other for _, other in known):
                    known.append((plugin, component))
        return found

    def find(self, kind: str, name: str) -> type[Component]:
        """The component called ``name`` or ``distribution/name``; raises `PluginError`."""
        distribution, _, bare = name.rpartition("/")
        found = self.components(kind)
        matches = [
            (plugin, component)
            for plugin, component in found.get(bare, [])
            if distribution in ("", plugin.distribution)
        ]
        if len(matches) == 1:
            return matches[0][1]
        if matches:
            raise PluginError(f"more than one {kind} is called {bare!r}; write {_spellings(matches, bare)}")
        raise PluginError(f"no {kind} is called {name!r}{did_you_mean(bare, found)}", remedy=self._broken())

    def origin(self, component: type[Component]) -> Plugin:
        """The plugin that provides a component."""
        return next(plugin for plugin in self.plugins if component in plugin.components)

    def step_done(self, step: str, seconds: float, reused: bool) -> None:
        """Tell every tracker that a step is done."""
        self._manager.hook.harness_step_done(step=step, seconds=seconds, reused=reused)

    def clashes(self) -> list[str]:
        """Names that more than one component of a kind has, each with the spellings that settle it."""
        return [
            f"{len(matches)} {kind}s are called {name!r}: write {_spellings(matches, name)}"
            for kind in KINDS
            for name, matches in sorted(self.components(kind).items())
            if len(matches) > 1
        ]

    def _broken(self) -> str:
        return "\n  ".join(
            f"(plugin {plugin.name!r} of {plugin.distribution} {plugin.version} is broken: {plugin.error})"
            for plugin in self.plugins
            if plugin.error
        )


def _spellings(matches: Sequence[tuple[Plugin, type[Component]]], name: str) -> str:
    return " or ".join(f"{plugin.distribution}/{name}" for plugin, _ in matches)


class _Origin(NamedTuple):
    """What a distribution says of itself."""

    name: str = ""
    version: str = ""
    requires: Sequence[str] = ()


def _origin(found: Distribution | None) -> _Origin:
    """Its metadata is read anew each time that it is asked, which takes a millisecond."""
    return _Origin(found.name, found.version, found.requires or ()) if found else _Origin()


def _load(origin: _Origin, point: EntryPoint) -> Plugin:
    return loading.load(Plugin(point.name, point.value, origin.name, origin.version), origin.requires)


def describe(registry: Registry) -> list[Mapping[str, object]]:
    """One row per component, and one per plugin that is broken."""
    rows: list[Mapping[str, object]] = []
    for plugin in registry.plugins:
        common = {
            "plugin": plugin.name,
            "module": plugin.module,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "import_seconds": round(plugin.import_seconds, 3),
            "heavy": list(plugin.heavy),
            "deprecated": list(plugin.deprecated),
            "error": plugin.error,
        }
        for component in plugin.components:
            rows.append({"kind": component.kind, "name": component.name, **common})
        if plugin.error:
            rows.append({"kind": "", "name": plugin.name, **common})
    return sorted(rows, key=lambda row: (str(row["kind"]), str(row["name"])))
