import pytest

from harness.errors import PluginError
from harness.plugins import Registry, describe
from harness.reading import parse


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
