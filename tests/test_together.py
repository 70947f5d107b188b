"""Several trainings as one piece of work."""

from __future__ import annotations

import pytest

from harness.agenda import Agenda
from harness.plan import Step
from harness.testing import workbench


@pytest.fixture
def choir(toy):
    """The toy matrix with a student that is trained several times at once."""
    return lambda options="": toy.replace("counter: counter", f"choir: {{uses: choir{options}}}")


def trainings(plan, store):
    keys = [key for key, step in plan.steps.items() if step.kind == "train" and store.has("train", key)]
    return {key: store.manifest("train", key) for key in keys}


def test_trainings_done_together_leave_what_each_leaves_alone(choir, plan_of, run_plan, store, tmp_path):
    from harness.diagnosis import view
    from harness.store import Store

    alone, other = plan_of(choir(", together: 1")), Store(tmp_path / "other")
    run_plan(alone)
    together = plan_of(choir())
    outcome, _ = run_plan(together, other)
    assert outcome.count("done") == len(together.steps)
    assert view(together, other).results.to_csv() == view(alone, store).results.to_csv()
    one, many = trainings(alone, store), trainings(together, other)
    assert one.keys() == many.keys()
    for key in one:
        for part in ("files", "facts", "ingredients", "what"):
            assert one[key][part] == many[key][part]
        assert one[key]["proofs"] == {name: value for name, value in many[key]["proofs"].items() if name != "sang"}


def test_a_manifest_says_with_whom_a_training_was_done_and_its_share_of_the_time(choir, plan_of, run_plan, store):
    plan = plan_of(choir())
    run_plan(plan)
    found = trainings(plan, store)
    groups = [{key, *told} for key, one in found.items() if (told := one["provenance"].get("together_with"))]
    assert {len(group) for group in groups} <= {2, 3}
    assert max(map(len, groups)) == 3
    for group in groups:
        assert {found[key]["proofs"]["sang"] for key in group} == {len(group)}
        # Seconds are rounded to a thousandth, so that a rate is known to within half of that a share of its examples.
        sizes = {key: sum(found[key]["facts"]["examples"].values()) for key in group}
        seconds = {key: found[key]["provenance"]["seconds"] for key in group}
        assert max((seconds[key] - 0.0005) / sizes[key] for key in group) <= min(
            (seconds[key] + 0.0005) / sizes[key] for key in group
        )


def test_a_training_that_cannot_be_prepared_fails_by_itself(choir, plan_of, run_plan, store):
    plan = plan_of(choir().replace("stage1-only: stage1-only", "stage1-only: stage1-only\n  peeking: peeking"))
    outcome, _ = run_plan(plan)
    failed = {plan.steps[key].what for key, state in outcome.states.items() if state == "failed"}
    assert failed
    assert all("peeking" in what for what in failed)
    assert "was not bought" in next(iter(outcome.reasons.values()))
    assert any("together_with" in one["provenance"] for one in trainings(plan, store).values())


def test_labels_that_nobody_has_make_the_cells_wait_and_no_others(choir, plan_of, run_plan):
    text = choir().replace("words: words", "words: {uses: words, unlabelled: true}", 1)
    outcome, _ = run_plan(plan_of(text))
    assert outcome.count("waiting") > 0
    assert outcome.count("failed") == 0
    assert outcome.count("done") > 0


def test_where_the_common_training_fails_each_is_done_alone_and_says_after_what(choir, plan_of, run_plan, store):
    plan = plan_of(choir(", trouble: raises"))
    outcome, _ = run_plan(plan)
    assert outcome.count("done") == len(plan.steps)
    provenances = [one["provenance"] for one in trainings(plan, store).values()]
    assert not any("together_with" in told for told in provenances)
    assert {told.get("alone_after") for told in provenances} >= {"RuntimeError: out of tune"}
    assert not list((store.root / "drafts").iterdir())


def test_where_the_worker_dies_of_a_common_training_each_is_done_alone(choir, plan_of, run_plan, store):
    text = choir(", trouble: dies").replace("executor: inline", "executor: {uses: local, workers: 1, threads: 1}")
    plan = plan_of(text.replace("seeds: [0, 1]", "seeds: [0]"))
    outcome, _ = run_plan(plan)
    assert outcome.count("done") == len(plan.steps)
    provenances = [one["provenance"] for one in trainings(plan, store).values()]
    assert not any("together_with" in told for told in provenances)
    assert any(told.get("alone_after", "").startswith("the worker died: BrokenExecutor") for told in provenances)


def six_steps(student):
    known = {"components": {"student": "one", "benchmark": "words"}}
    return {name: Step("train", name, "", {"student": student}, {}, {}, known) for name in "012345"}


@pytest.mark.parametrize(("free", "sizes"), [(1, [3]), (2, [3, 3]), (3, [2, 2, 2]), (4, [2, 2, 1, 1])])
def test_every_free_worker_gets_its_share_of_what_is_ready(registry, free, sizes):
    agenda = Agenda(six_steps(registry.find("student", "choir")(together=3)))
    taken = [agenda.take(left, lambda _: True) for left in range(free, 0, -1)]
    assert [len(steps) for steps in taken] == sizes
    assert [step.key for steps in taken for step in steps] == [str(index) for index in range(sum(sizes))]


def test_what_is_warm_is_let_go_when_two_others_were_used_since(tmp_path):
    bench, made = workbench(tmp_path), []

    def warm(name):
        return bench.warm(f"test {name}", lambda: made.append(name) or name)

    for name in ("a", "b", "a", "c", "a", "b", "c", "a"):
        assert warm(name) == name
    assert made == ["a", "b", "c", "b", "c", "a"]
