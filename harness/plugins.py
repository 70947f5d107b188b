"""Find, load, check and look up plugins. A registry is a value; there is no global one."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

import pluggy

from harness import hookspec
from harness.components import KINDS, Component
from harness.errors import PluginError

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A module that was found, with what it provides or why it is broken."""

    name: str
    module: str
    distribution: str
    version: str
    components: tuple[type[Component], ...] = ()
    error: str = ""
    import_seconds: float = 0.0
    namespace: object = None


class Registry:
    """The components that a matrix can name.

    Names are unique per kind and distribution. A clash is an error only where a matrix uses the name;
    ``distribution/name`` settles it.
    """

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = tuple(plugins)
        self._manager = _manager()
        for plugin in self.plugins:
            if plugin.namespace is not None and not plugin.error:
                self._manager.register(plugin.namespace, plugin.name)

    @classmethod
    def installed(cls) -> Registry:
        """Every plugin whose distribution declares the entry point group ``harness``."""
        return cls([_load(point) for point in sorted(entry_points(group="harness"), key=_order)])

    @classmethod
    def of(cls, *namespaces: object, distribution: str = "local", version: str = "0") -> Registry:
        """The plugins in modules or in objects that have hook implementations as attributes."""
        return cls([_inspect(space, _name_of(space), distribution, version) for space in namespaces])

    def __add__(self, other: Registry) -> Registry:
        return Registry(self.plugins + other.plugins)

    def components(self, kind: str) -> dict[str, list[tuple[Plugin, type[Component]]]]:
        """Components of a kind by name, each with its plugin."""
        found: dict[str, list[tuple[Plugin, type[Component]]]] = {}
        for plugin in self.plugins:
            for component in plugin.components:
                if component.kind == kind:
                    found.setdefault(component.name, []).append((plugin, component))
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
            spellings = " or ".join(f"{plugin.distribution}/{bare}" for plugin, _ in matches)
            raise PluginError(f"more than one {kind} is called {bare!r}; write {spellings}")
        raise PluginError(f"no {kind} is called {name!r}{did_you_mean(bare, found)}", remedy=self._broken())

    def origin(self, component: type[Component]) -> Plugin:
        """The plugin that provides a component."""
        return next(plugin for plugin in self.plugins if component in plugin.components)

    def step_done(self, step: str, seconds: float, reused: bool) -> None:
        """Tell every tracker that a step is done."""
        self._manager.hook.harness_step_done(step=step, seconds=seconds, reused=reused)

    def _broken(self) -> str:
        return "\n  ".join(
            f"(plugin {plugin.name!r} of {plugin.distribution} {plugin.version} is broken: {plugin.error})"
            for plugin in self.plugins
            if plugin.error
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or the known words where none is close and they are few."""
    names = sorted(known)
    close = get_close_matches(word, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(names)}" if 0 < len(names) <= 12 else ""


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("harness")
    manager.add_hookspecs(hookspec)
    return manager


def _order(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name if point.dist else "", point.name)


def _name_of(space: object) -> str:
    return str(getattr(space, "__name__", type(space).__name__))


def _load(point: EntryPoint) -> Plugin:
    distribution = point.dist.name if point.dist else ""
    version = point.dist.version if point.dist else ""
    start = time.perf_counter()
    try:
        module = import_module(point.value)
    # A stranger's module may fail in any way; it must not disturb those who do not use it.
    except (Exception, SystemExit) as error:
        return Plugin(point.name, point.value, distribution, version, error=_first_line(error))
    seconds = time.perf_counter() - start
    return _inspect(module, point.name, distribution, version, seconds)


def _inspect(space: object, name: str, distribution: str, version: str, seconds: float = 0.0) -> Plugin:
    module = _name_of(space)
    try:
        components = _components_of(space, name)
    except (Exception, SystemExit) as error:
        return Plugin(name, module, distribution, version, error=_first_line(error), import_seconds=seconds)
    return Plugin(name, module, distribution, version, components, "", seconds, space)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().split("\n")[0] or type(error).__name__
    return text if isinstance(error, PluginError | ImportError) else f"{type(error).__name__}: {text}"


def _components_of(space: object, name: str) -> tuple[type[Component], ...]:
    manager = _manager()
    manager.register(space, name)
    callers = manager.get_hookcallers(space) or []
    for caller in callers:
        if caller.spec is None:
            specified = {*hookspec.HOOKS.values(), "harness_step_done"}
            raise PluginError(f"unknown hook {caller.name!r}{did_you_mean(caller.name, specified)}")
    if not callers:
        raise PluginError("it registers nothing; is @hookimpl missing?")
    kinds = {hook: kind for kind, hook in hookspec.HOOKS.items()}
    components: list[type[Component]] = []
    for caller in callers:
        if caller.name in kinds:
            for provided in caller():
                for component in provided:
                    _check(component, kinds[caller.name], components)
                    components.append(component)
    return tuple(components)


def _check(component: object, kind: str, before: Sequence[type[Component]]) -> None:
    base = KINDS[kind]
    label = getattr(component, "__name__", repr(component))
    if not (isinstance(component, type) and issubclass(component, base)):
        raise PluginError(f"{label} is no {base.__name__} class, but {hookspec.HOOKS[kind]} returned it")
    if missing := sorted(getattr(component, "__abstractmethods__", ())):
        raise PluginError(f"{label} lacks {', '.join(f'{method}()' for method in missing)}")
    name = getattr(component, "name", None)
    if not isinstance(name, str) or not _NAME.match(name):
        raise PluginError(f"{label}.name is {name!r}; a name is lower-case words joined by hyphens")
    if any(other.name == name and other.kind == kind for other in before):
        raise PluginError(f"it provides two {kind}s called {name!r}")


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
            "error": plugin.error,
        }
        for component in plugin.components:
            rows.append({"kind": component.kind, "name": component.name, **common})
        if plugin.error:
            rows.append({"kind": "", "name": plugin.name, **common})
    return sorted(rows, key=lambda row: (str(row["kind"]), str(row["name"])))
