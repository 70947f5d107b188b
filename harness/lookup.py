"""From what a person types to components: a name, a distribution, a folder or a file."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from harness import loading
from harness.component import Component
from harness.errors import PluginError
from harness.loading import Plugin, did_you_mean
from harness.nesting import Resolve
from harness.plugins import Registry

Found = list[tuple[Plugin, type[Component]]]


def find(registry: Registry, words: str) -> Found:
    """Components called so, or all of a plugin or distribution called so.

    ``words`` is ``name``, ``kind:name``, ``distribution/name``, or the name of a plugin or distribution; raises
    `PluginError` where there is none, or where what is called so is broken.
    """
    matches = list(_matches(registry, words))
    if matches:
        return matches
    for plugin in registry.plugins:
        if plugin.error and words in (plugin.name, plugin.distribution):
            raise PluginError(f"plugin {plugin.name!r} of {plugin.distribution} is broken: {plugin.error}")
    known = {component.name for plugin in registry.plugins for component in plugin.components}
    raise PluginError(
        f"no component, plugin or distribution is called {words!r}{did_you_mean(words, known)}",
        remedy="`harness plugins list` shows what there is; what is not installed is named by its path.",
    )


def _matches(registry: Registry, words: str) -> Iterator[tuple[Plugin, type[Component]]]:
    kind, _, name = words.rpartition(":")
    distribution, _, bare = name.rpartition("/")
    every = [(plugin, component) for plugin in registry.plugins for component in plugin.components]
    named = [
        (plugin, component)
        for plugin, component in every
        if component.name == bare and kind in ("", component.kind) and distribution in ("", plugin.distribution)
    ]
    yield from named or [pair for pair in every if words in (pair[0].name, pair[0].distribution)]


def at(path: Path) -> Registry:
    """The plugins of a folder with a pyproject.toml, or of one module file, which need not be installed.

    The folder is put in front of ``sys.path``. Raises `PluginError` where there is nothing to import.
    """
    if path.is_dir():
        project = _project(path / "pyproject.toml")
        points = _table(_table(project, "entry-points"), "harness")
        if not points:
            raise PluginError(
                "declares no plugin",
                place=str(path / "pyproject.toml"),
                remedy='Add  [project.entry-points.harness]  and  my-plugin = "my_module"  below it.',
            )
        # A distribution may keep its packages in src/.
        sys.path[:0] = [str(folder.resolve()) for folder in (path, path / "src") if folder.is_dir()]
        name, version = str(project.get("name", path.name)), str(project.get("version", "0"))
        requires = [str(text) for text in project.get("dependencies", ())]
        return Registry(
            [loading.load(Plugin(str(key), str(module), name, version), requires) for key, module in points.items()]
        )
    if path.suffix != ".py":
        raise PluginError("is neither a folder with a pyproject.toml nor a .py file", place=str(path))
    sys.path.insert(0, str(path.resolve().parent))
    return Registry([loading.load(Plugin(path.stem, path.stem, "local", "0"))])


def _project(file: Path) -> Mapping[str, Any]:
    try:
        return _table(tomllib.loads(file.read_text(encoding="utf-8")), "project")
    except OSError as error:
        raise PluginError(f"cannot be read: {error.strerror}", place=str(file)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PluginError(f"is not TOML: {error}", place=str(file)) from None


def _table(within: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = within.get(key, {})
    return found if isinstance(found, Mapping) else {}


def make(component: type[Component], options: Iterable[str], flag: str = "-o") -> Component:
    """The component with options given as ``name=value``, the value in YAML; raises `PluginError`."""
    given = values_of(options, flag)
    try:
        return made_of(component, given, installed)
    except ValidationError as error:
        raise PluginError(
            f"{component.name} cannot be made: {faults_of(error, component)}",
            remedy=f"`harness plugins show {component.name}` lists its options; give them with  {flag} name=value .",
        ) from None


def values_of(options: Iterable[str], flag: str) -> dict[str, Any]:
    """Options given as ``name=value``, the value in YAML; raises `PluginError`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    given: dict[str, Any] = {}
    for text in options:
        name, equals, value = text.partition("=")
        if not equals:
            raise PluginError(f"{text!r} is no option", remedy=f"Write it as  {flag} name=value .")
        try:
            given[name] = YAML(typ="safe", pure=True).load(value)
        except YAMLError:
            raise PluginError(f"option {name}: {value!r} is not YAML") from None
    return given


def made_of(component: type[Component], options: Mapping[str, Any], resolve: Resolve | None = None) -> Component:
    """The component with options as YAML gave them; raises `ValidationError`.

    Components that are its options are installed ones, unless ``resolve`` finds them elsewhere. No type is guessed:
    "300" is a text and no number, ``yes`` is no text, a number is neither true nor false.
    """
    return component.model_validate_json(json.dumps(options, default=str), strict=True, context=resolve or installed)


def installed(kind: str, option: str, entry: object) -> Component:
    """The installed component that an option names, by its name or as ``{uses: name, …}``; raises `PluginError`."""
    options = entry if isinstance(entry, Mapping) else {"uses": entry}
    name = options.get("uses")
    if not isinstance(name, str):
        raise PluginError(f"option {option!r} is not the name of a {kind}", remedy="Write a name, or  {uses: name} .")
    found = Registry.installed().find(kind, name)
    return made_of(found, {key: value for key, value in options.items() if key != "uses"})


def faults_of(error: ValidationError, component: type[Component]) -> str:
    """What is wrong with a component's options, in words."""
    faults = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        where = ".".join(map(str, problem["loc"])) or "options"
        if problem["type"] == "extra_forbidden":
            faults.append(f"it has no option {where!r}{did_you_mean(where, component.model_fields)}")
        elif problem["type"] == "missing":
            faults.append(f"option {where!r} must be given")
        else:
            faults.append(f"{where}: {said_of(problem)}")
    return "; ".join(faults)


def said_of(problem: ErrorDetails) -> str:
    """What pydantic says of a value; of a component's own check its words alone."""
    return problem["msg"].removeprefix("Value error, ")
