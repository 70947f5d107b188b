import inspect
from pathlib import Path

from pydantic import Field

import harness.api
from harness import hookspec
from harness.api import Teacher
from harness.described import descriptions

ROOT = Path(__file__).parent.parent


def test_the_authors_world_is_what_api_lists():
    public = {
        name for name, value in vars(harness.api).items() if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert set(harness.api.__all__) == public


def test_there_is_one_hook_per_kind_of_component():
    from harness.components import KINDS

    assert hookspec.HOOKS.keys() == KINDS.keys()
    assert all(hasattr(hookspec, hook) for hook in hookspec.HOOKS.values())


def test_every_built_in_module_with_a_hook_has_an_entry_point(registry):
    files = [
        path
        for root in ("plugins", "benchmarks", "reports")
        for path in (ROOT / root).glob("harness_*/*.py")
        if "\n@hookimpl" in path.read_text()
    ]
    assert {f"{path.parent.name}.{path.stem}" for path in files} == {
        plugin.module for plugin in registry.plugins if plugin.distribution == "ooc-harness"
    }


def test_every_option_of_every_built_in_is_described(registry):
    nameless = [
        f"{component.name}.{option}"
        for plugin in registry.plugins
        if plugin.distribution == "ooc-harness"
        for component in plugin.components
        for option in component.model_fields.keys() - descriptions(component).keys()
    ]
    assert nameless == []


class Loud(Teacher):
    """Says it loudly."""

    name = "loud"

    volume: float = 1
    """In decibel."""
    word: str = Field(default="omega", description="What it says.")
    bare: int = 0

    def annotate(self, items):
        return []


class Louder(Loud):
    """Says it more loudly."""

    name = "louder"

    volume: float = 2
    bare: int = 1
    """At last."""


def test_an_option_that_only_gets_another_default_keeps_its_description():
    assert descriptions(Loud) == {"volume": "In decibel.", "word": "What it says."}
    assert descriptions(Louder) == {"volume": "In decibel.", "word": "What it says.", "bare": "At last."}
