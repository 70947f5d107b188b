"""Every hook, by the example that the manual gives for it."""

import inspect
import json
import os
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image as Pillow

from harness import hookspec, planning
from harness.diagnosis import view
from harness.lookup import made_of
from harness.plugins import Registry
from harness.reading import parse
from harness.results import cell_results
from harness.run import run
from harness.scores import Scorer
from harness.steps.rows import read_ranks
from harness.testing import checks_for, examine

PAGE = Path(__file__).parent.parent / "docs/reference/hooks.md"
HOOKS = [name for name, value in vars(hookspec).items() if hasattr(value, "harness_spec")]

WORLD = """\
benchmarks:
  world: {uses: newsworld, train: 40, validation: 0, test: 20}
teachers:
  names: {uses: evidence-overlap, sources: [entities], checks: names}
  titles: {uses: evidence-overlap, sources: [captions], threshold: 0.6}
seeds: [0]
executor: inline
reports: {}
"""


def section(hook):
    """The hook's part of its page."""
    return re.search(rf"^## {hook}$(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[1]


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The plugin that the manual shows for a hook."""
    made = []

    def load(hook):
        name, source = re.search(r'```python title="(\w+)\.py"\n(.*?)```', section(hook), re.DOTALL).groups()
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        made.append(name)
        own = Registry.of(import_module(name))
        assert own.plugins[0].error == ""
        return own

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield load
    for name in made:
        del sys.modules[name]


@pytest.fixture
def done(store, registry):
    """Runs a matrix with what is installed and more, and returns its plan and the results of its cells."""

    def go(text, more):
        plan = planning.make(parse(text, registry + more))
        silent = type("Silent", (), {name: lambda *_: None for name in ("begin", "started", "ended")})()
        outcome = run(plan, store, plan.matrix.executor, registry + more, {}, silent)
        assert outcome.reasons == {}
        return plan, cell_results(Scorer(plan, store))

    return go


def write_pairs(folder):
    """Four test items of two images."""
    for name in ("black", "white"):
        Pillow.new("RGB", (8, 8), name).save(folder / f"{name}.png")
    rows = [
        {"split": "test", "id": id, "image": f"{image}.png", "caption": f"Item {id}", "label": label}
        for id, image, label in zip("dbca", ["black", "white"] * 2, ["falsified", "pristine"] * 2, strict=True)
    ]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_every_hook_has_its_exact_signature_in_the_manual():
    for hook in HOOKS:
        signature = str(inspect.signature(getattr(hookspec, hook))).replace("'", "")
        assert f"\n```text\ndef {hook}{signature}:\n```\n" in section(hook), hook


def test_every_hook_has_a_test():
    tests = [name for name in globals() if name.startswith("test_harness_")]
    assert len(HOOKS) == 9
    assert [hook for hook in HOOKS if not any(name.startswith(f"test_{hook}_") for name in tests)] == []


@pytest.mark.parametrize("kind", hookspec.HOOKS)
def test_every_example_of_a_component_keeps_its_contract(example, tmp_path, monkeypatch, kind):
    write_pairs(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    (component,) = example(hookspec.HOOKS[kind]).plugins[0].components
    broken = [finding for finding in examine(component(), checks_for(component)) if finding.state == "broken"]
    assert broken == []


def test_harness_benchmarks_provides_a_data_set_that_a_matrix_can_be_tested_on(example, done, tmp_path):
    write_pairs(tmp_path)
    more = example("harness_benchmarks") + example("harness_students")
    plan, results = done(
        WORLD.replace("benchmarks:", "evaluate_on:\n  pairs: pairs\nbenchmarks:")
        + "students: {prior: prior}\nstrategies: {zero-shot: zero-shot}\n",
        more,
    )
    assert plan.facts["pairs"].splits["test"].classes == {"falsified": 2, "pristine": 2}
    assert [result.evaluated_on for result in results if result.state == "done"] == ["world", "pairs"]


def test_harness_teachers_provides_a_teacher_that_can_stand_as_an_arm(example, done):
    text = WORLD.replace(
        "teachers:\n", "teachers_as_arms: true\nteachers:\n  numbers: {uses: numbers, confidence: 0.7}\n"
    )
    _, results = done(text, example("harness_teachers"))
    arms = {result.cell.point.arm: result.score.metrics for result in results}
    # There is no number in this world, so it holds every caption for pristine.
    assert arms["world/teacher/numbers"]["accuracy_pristine"] == 1.0
    assert arms["world/teacher/numbers"]["share_falsified"] == 0.0


def test_harness_students_provides_a_student_that_is_trained(example, done):
    text = WORLD + "students: {prior: prior}\nstrategies: {stage1-only: stage1-only, zero-shot: zero-shot}\n"
    _, results = done(text, example("harness_students"))
    assert [result.score.metrics["accuracy"] for result in results] == [0.5, 0.5]


def test_harness_rules_provides_a_rule_that_orders_items_by_its_score(example, done, store):
    more = example("harness_rules") + example("harness_students")
    text = (
        WORLD
        + "students: {prior: prior}\nrules: {spread: spread}\nlabel_fractions: [0.1]\n"
        + "strategies: {bought: {uses: supervised, rule: spread}}\n"
    )
    _, results = done(text, more)
    rank = read_ranks(store, results[0].cell.rank)
    assert results[0].labels_bought == 4
    assert [row.score for row in rank] == sorted((row.score for row in rank), reverse=True)
    assert {row.conflict for row in rank if row.score >= 0.3} == {True}


def test_harness_label_models_provides_a_model_that_an_option_names(example):
    from typing import ClassVar

    from pydantic import ValidationError

    from harness.api import ConflictRule, LabelModel, Named
    from harness.errors import PluginError

    more = example("harness_label_models")

    class Doubt(ConflictRule):
        """Buys where a label model doubts."""

        name = "doubt"
        revision: ClassVar = 1
        model: Named[LabelModel]
        """The model."""

        def rank(self, panel, seed):
            return []

    rule = made_of(Doubt, {"model": {"uses": "smoothed", "more": 2}}, resolver(more))
    assert (rule.model.name, rule.model.more) == ("smoothed", 2)
    assert rule.model_dump(mode="json") == {"model": {"uses": "smoothed", "more": 2.0}}
    with pytest.raises(PluginError, match=r"no label-model is called 'smooth'; did you mean 'smoothed'\?"):
        made_of(Doubt, {"model": "smooth"}, resolver(more))
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        made_of(Doubt, {"model": {"uses": "smoothed", "more": -1}}, resolver(more))


def resolver(registry):
    """Finds components that are options in a registry."""

    def find(kind, option, entry):
        options = entry if isinstance(entry, dict) else {"uses": entry}
        given = {key: value for key, value in options.items() if key != "uses"}
        return made_of(registry.find(kind, options["uses"]), given)

    return find


def test_harness_strategies_provides_a_strategy_that_trains_on_what_teachers_share(example, done, store):
    more = example("harness_strategies") + example("harness_students")
    _, results = done(WORLD + "students: {prior: prior}\nstrategies: {unanimous: unanimous}\n", more)
    proofs = store.manifest("train", results[0].cell.model)["proofs"]
    assert 20 <= proofs["examples"] < 40


def test_harness_reports_provides_a_report_that_writes_a_file(example, done, tmp_path, store):
    text = WORLD.replace("reports: {}", "reports: {markdown: plain-markdown}\nteachers_as_arms: true")
    plan, _ = done(text, example("harness_reports"))
    (file,) = plan.matrix.reports["markdown"].render(view(plan, store), tmp_path)
    lines = file.read_text().splitlines()
    assert lines[0] == "| arm | accuracy | 95 % | labels |"
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| world/teacher/names",
        "| world/teacher/titles",
        "| world/majority of teachers/all",
    ]


def test_harness_executors_provides_an_executor_that_runs_the_steps(example, done):
    text = WORLD.replace("executor: inline", "executor: {uses: threads, workers: 2}\nteachers_as_arms: true")
    plan, results = done(text, example("harness_executors"))
    assert plan.matrix.executor.slots() == 2
    assert {result.state for result in results} == {"done"}


def test_harness_step_done_is_called_after_each_step(example, done, tmp_path):
    plan, _ = done(WORLD + "teachers_as_arms: true\n", example("harness_step_done"))
    lines = (tmp_path / "steps-done.csv").read_text().splitlines()
    assert sorted(line.partition(",")[0] for line in lines) == sorted(f"annotate:{key}" for key in plan.steps)
