"""Import one plugin, check what it registers, and say why it is broken."""

from __future__ import annotations

import re
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module

import pluggy

from harness import __version__, hookspec
from harness.component import Component
from harness.components import KINDS
from harness.deprecation import HarnessDeprecation
from harness.errors import PluginError

DISTRIBUTION = "ooc-harness"

HEAVY = frozenset(
    {
        "accelerate", "crowdkit", "cv2", "datasets", "jax", "lightgbm", "matplotlib", "mlflow", "nltk", "onnxruntime",
        "openai", "pandas", "peft", "ray", "scipy", "sentence_transformers", "sklearn", "spacy", "tensorflow", "torch",
        "torchvision", "transformers", "trl", "vllm",
    }
)  # fmt: skip
"""Packages whose import takes from a tenth of a second to several seconds."""

SLOW_S = 0.25
"""Seconds of import that are felt by every command that looks for plugins."""

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")


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
    heavy: tuple[str, ...] = ()
    """Heavy packages that were first imported by importing it."""
    deprecated: tuple[str, ...] = ()
    """What it uses that will be gone, each with its replacement."""
    namespace: object = None

    @property
    def slow(self) -> bool:
        """Whether importing it is felt by every command that looks for plugins."""
        return bool(self.heavy) or self.import_seconds > SLOW_S


def load(plugin: Plugin, requires: Iterable[str] = ()) -> Plugin:
    """Import a plugin's module unless its distribution asks for another harness; raises nothing."""
    try:
        if unmet := _unmet(requires):
            return replace(plugin, error=unmet)
        with _deprecations() as deprecated:
            plugin = _imported(plugin)
    # A stranger's module may fail in any way; it must not disturb those who do not use it.
    except (Exception, SystemExit) as error:
        return replace(plugin, error=_first_line(error))
    return replace(plugin, deprecated=tuple(dict.fromkeys(deprecated)))


def inspect(space: object, distribution: str, version: str) -> Plugin:
    """What a module, or an object with hook implementations as attributes, registers; raises nothing."""
    name = str(getattr(space, "__name__", type(space).__name__))
    return _with_components(Plugin(name, name, distribution, version), space)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or the known words where none is close and they are few."""
    names = sorted(known)
    close = get_close_matches(word, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(names)}" if 0 < len(names) <= 12 else ""


def manager() -> pluggy.PluginManager:
    """A manager that knows our hooks and no plugin."""
    fresh = pluggy.PluginManager("harness")
    fresh.add_hookspecs(hookspec)
    return fresh


def _unmet(requires: Iterable[str]) -> str:
    """What the distribution asks of our version, where that is not so; it is read before the module is imported."""
    for text in requires:
        if text.lower().startswith("ooc"):
            from packaging.requirements import Requirement
            from packaging.utils import canonicalize_name

            wanted = Requirement(text)
            ours = canonicalize_name(wanted.name) == DISTRIBUTION
            applies = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
            if ours and applies and not wanted.specifier.contains(__version__, prereleases=True):
                return f"needs {DISTRIBUTION}{wanted.specifier}, this is {DISTRIBUTION} {__version__}"
    return ""


def _imported(plugin: Plugin) -> Plugin:
    start, before = time.perf_counter(), set(sys.modules)
    module = import_module(plugin.module)
    seconds = time.perf_counter() - start
    roots = {name.partition(".")[0] for name in set(sys.modules) - before}
    return _with_components(replace(plugin, import_seconds=seconds, heavy=tuple(sorted(roots & HEAVY))), module)


@contextmanager
def _deprecations() -> Iterator[list[str]]:
    """Collects our own deprecation warnings and lets all others through."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HarnessDeprecation)
        yield found
    for warning in caught:
        if issubclass(warning.category, HarnessDeprecation):
            found.append(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _with_components(plugin: Plugin, space: object) -> Plugin:
    try:
        return replace(plugin, components=_components_of(space, plugin.name), namespace=space)
    except (Exception, SystemExit) as error:
        return replace(plugin, error=_first_line(error))


def _first_line(error: BaseException) -> str:
    text = str(error).strip().split("\n")[0] or type(error).__name__
    return text if isinstance(error, PluginError | ImportError) else f"{type(error).__name__}: {text}"


def _components_of(space: object, name: str) -> tuple[type[Component], ...]:
    found = manager()
    found.register(space, name)
    callers = found.get_hookcallers(space) or []
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
    if not isinstance(name, str) or not NAME.match(name):
        raise PluginError(f"{label}.name is {name!r}; a name is lower-case words joined by hyphens")
    if any(other.name == name and other.kind == kind for other in before):
        raise PluginError(f"it provides two {kind}s called {name!r}")
