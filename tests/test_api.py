import inspect
from pathlib import Path

import harness.api
from harness import hookspec

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
        for option, field in component.model_fields.items()
        if not field.description
    ]
    assert nameless == []
