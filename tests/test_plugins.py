import sys
from pathlib import Path

import pytest

from harness import __version__
from harness.deprecation import HarnessDeprecation, Renamed, renamed
from harness.errors import PluginError
from harness.plugins import Registry, describe
from harness.reading import parse

DATA = Path(__file__).parent / "data"


def why(name):
    return next(plugin.error for plugin in Registry.installed().plugins if plugin.name == name)


def test_a_plugin_that_does_not_import_is_listed_with_the_reason(faulty):
    assert why("needy") == "No module named 'no_such_package'"
    assert why("absent") == "No module named 'faulty_absent'"


def test_a_plugin_that_exits_when_imported_is_listed_with_the_reason(faulty):
    assert why("leaves") == "SystemExit: I am a script"


def test_a_misspelt_hook_is_explained(faulty):
    assert why("misspelt") == "unknown hook 'harness_teacher'; did you mean 'harness_teachers'?"


def test_a_plugin_that_registers_nothing_is_explained(faulty):
    assert why("idle") == "it registers nothing; is @hookimpl missing?"


def test_a_component_that_lacks_a_method_is_explained(faulty):
    assert why("half") == "Half lacks annotate()"


def test_a_component_with_an_impossible_name_is_explained(faulty):
    assert why("odd-name") == "Loud.name is 'Loud Teacher'; a name is lower-case words joined by hyphens"


def test_a_class_that_is_no_component_is_explained(faulty):
    assert why("stranger") == "dict is no Teacher class, but harness_teachers returned it"


def test_a_plugin_for_another_harness_is_explained_and_not_imported(faulty):
    assert why("next") == f"needs ooc-harness<100,>=99, this is ooc-harness {__version__}"
    assert "faulty_next" not in sys.modules


def test_what_a_distribution_asks_of_its_extras_keeps_nothing_from_loading(tmp_path, monkeypatch):
    from importlib.metadata import PathDistribution

    metadata = tmp_path / "optional-1.0.dist-info"
    metadata.mkdir()
    wanted = 'Requires-Dist: ooc-harness>=99; extra == "next"\nRequires-Dist: ooc-harness-tools>=99\n'
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: optional\nVersion: 1.0\n{wanted}")
    assert len(PathDistribution(metadata).requires) == 2
    (metadata / "entry_points.txt").write_text("[harness]\noptional = optional_plugin\n")
    (tmp_path / "optional_plugin.py").write_text((DATA / "faulty" / "faulty_twin.py").read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    assert why("optional") == ""


def test_a_plugin_that_uses_an_old_name_works_and_is_told_the_new_one(faulty):
    plugin = next(plugin for plugin in Registry.installed().plugins if plugin.name == "old")
    assert plugin.error == ""
    assert plugin.deprecated == (
        "faulty_library.Annotator is called Teacher and will be gone in 0.3; write faulty_library.Teacher",
    )


def test_an_old_name_warns_its_user_and_an_unknown_one_is_unknown():
    moved = renamed("library", {"Old": Renamed("New", 7, gone_in="0.3")})
    with pytest.warns(HarnessDeprecation, match="library.Old is called New and will be gone in 0.3; write library.New"):
        assert moved("Old") == 7
    with pytest.raises(AttributeError, match="module 'library' has no attribute 'Older'"):
        moved("Older")
    with pytest.raises(ImportError):
        exec("from harness.api import NoSuchName")


def test_broken_plugins_disturb_no_matrix_that_does_not_name_them(faulty, toy):
    without_twin = [plugin for plugin in Registry.installed().plugins if plugin.name != "twin"]
    assert parse(toy, Registry(without_twin)).teachers.keys() == {"a", "b"}


def test_an_unknown_name_is_answered_with_the_nearest_name_and_the_broken_plugins(faulty):
    with pytest.raises(PluginError) as caught:
        Registry.installed().find("teacher", "replai")
    assert caught.value.cause == "no teacher is called 'replai'; did you mean 'replay'?"
    assert "(plugin 'needy' of faulty 0.3 is broken: No module named 'no_such_package')" in caught.value.remedy


def test_one_name_from_two_distributions_must_be_written_with_its_distribution(faulty):
    registry = Registry.installed()
    with pytest.raises(PluginError) as caught:
        registry.find("teacher", "listens")
    assert str(caught.value) == "more than one teacher is called 'listens'; write faulty/listens or toys/listens"
    assert registry.find("teacher", "toys/listens").__module__ == "toys"
    assert registry.find("teacher", "faulty/listens").__module__ == "faulty_twin"


def test_names_that_two_distributions_share_are_listed_with_the_spellings_that_settle_them(faulty):
    assert Registry.installed().clashes() == ["2 teachers are called 'listens': write faulty/listens or toys/listens"]


def test_two_distributions_may_call_a_plugin_alike_and_one_may_list_a_module_twice(tmp_path, monkeypatch):
    for name, point in (("one", "replay"), ("one", "again"), ("other", "replay")):
        metadata = tmp_path / f"{name}-1.0.dist-info"
        metadata.mkdir(exist_ok=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        with (metadata / "entry_points.txt").open("a") as points:
            points.write(("" if points.tell() else "[harness]\n") + f"{point} = plugin_of_{name}\n")
        text = (DATA / "faulty" / "faulty_twin.py").read_text().replace('"listens"', f'"listens-{name}"')
        (tmp_path / f"plugin_of_{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry.installed()
    assert [plugin.error for plugin in registry.plugins if plugin.distribution in ("one", "other")] == ["", "", ""]
    assert registry.clashes() == []
    assert registry.find("teacher", "listens-one").name == "listens-one"
    assert registry.find("teacher", "other/listens-other").name == "listens-other"


def test_every_component_is_listed_with_its_origin(registry):
    rows = [row for row in describe(registry) if row["distribution"] == "toys"]
    assert {(row["kind"], row["name"]) for row in rows} >= {("benchmark", "words"), ("teacher", "listens")}
    assert all(row["error"] == "" and row["version"] == "0.1" for row in rows)


def test_every_built_in_plugin_works(registry):
    broken = {plugin.name: plugin.error for plugin in registry.plugins if plugin.error}
    assert broken == {}


def test_a_tracker_hears_of_every_step(registry, plan_of, toy, run_plan, store):
    from harness.hookspec import hookimpl
    from harness.run import run

    class Tracker:
        def __init__(self):
            self.heard = []

        @hookimpl
        def harness_step_done(self, step, seconds, reused):
            self.heard.append((step.partition(":")[0], reused))

    tracker = Tracker()
    plan = plan_of(toy)
    watched = registry + Registry.of(tracker)
    silent = type("Silent", (), {name: lambda *_: None for name in ("begin", "started", "ended")})()
    run(plan, store, plan.matrix.executor, watched, {}, silent)
    assert len(tracker.heard) == len(plan.steps)
    assert not any(reused for _, reused in tracker.heard)
    run(plan, store, plan.matrix.executor, watched, {}, silent)
    assert sum(reused for _, reused in tracker.heard) == len(plan.steps)
