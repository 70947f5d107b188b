import os

import pytest

from harness import events
from harness.agenda import Agenda
from harness.diagnosis import view
from harness.pace import MOST, SPAN_S, Pace
from harness.plan import Step
from harness.steps import several
from harness.store import Store
from harness.terms import Terms
from harness.work import StepWork


def step(key, kind="rank", rule="one"):
    return Step(kind, key, "", {}, {}, {}, {"components": {"rule": rule}})


def test_steps_of_a_sort_are_sent_together_when_they_were_short_and_alone_when_one_was_long():
    pace = Pace()
    assert pace.worth(step("a")) == 1
    pace.note(step("a"), 0.0001)
    assert pace.worth(step("b")) == MOST
    assert pace.worth(step("b", rule="other")) == 1
    pace.note(step("b"), SPAN_S / 2)
    assert pace.worth(step("c")) == 2
    pace.note(step("c"), 60.0)
    pace.note(step("d"), 0.0)
    assert pace.worth(step("e")) == 1


def test_a_teacher_that_was_quick_is_asked_for_one_step_at_a_time():
    pace = Pace()
    pace.note(step("a", "annotate"), 0.0)
    assert pace.worth(step("b", "annotate")) == 1


def test_short_steps_are_shared_out_over_the_workers_that_are_free_and_sorts_do_not_mix():
    agenda = Agenda({key: step(key, rule="one" if key in "0123" else "two") for key in "012345"})
    agenda.pace.note(step("x", rule="one"), 0.0)
    agenda.pace.note(step("x", rule="two"), 0.0)
    taken = [[one.key for one in agenda.take(free, lambda _: True)] for free in (2, 1, 1)]
    assert taken == [["0", "1"], ["2", "3"], ["4", "5"]]
    agenda.back(step("3"))
    assert [one.key for one in agenda.take(1, lambda _: True)] == ["3"]


def many(toy):
    """Steps enough that most are sent with others."""
    return toy.replace("seeds: [0, 1]", f"seeds: [{', '.join(map(str, range(7)))}]").replace(
        "  words: words", "  words: {uses: words, train: 10, test: 4}"
    )


def together(store):
    """The largest number of steps that began at one moment."""
    (path,) = (store.root / "events").glob("*.jsonl")
    order = [line["event"] for line in events.read(path) if line["event"] in ("started", "ended")]
    return max(map(len, "".join(event[0] for event in order).split("e")))


@pytest.fixture
def patient(monkeypatch):
    """Steps of a second are short, so that a busy machine changes nothing."""
    monkeypatch.setattr("harness.pace.SPAN_S", 30.0)


@pytest.mark.parametrize("executor", ["inline", "{uses: local, workers: 2, threads: 1}"])
def test_steps_that_are_sent_together_end_in_the_artifacts_of_steps_that_are_sent_alone(
    plan_of, toy, run_plan, store, tmp_path, patient, monkeypatch, executor
):
    text = many(toy).replace("executor: inline", f"executor: {executor}")
    outcome, _ = run_plan(plan := plan_of(text))
    assert outcome.count("done") == len(plan.steps)
    assert together(store) > 5
    monkeypatch.setattr(Pace, "worth", lambda *_: 1)
    other = Store(tmp_path / "alone")
    run_plan(plan_of(many(toy)), other)
    assert together(other) == 1
    for one in plan.steps.values():
        assert store.sound(one.kind, one.key)
        assert store.manifest(one.kind, one.key)["files"] == other.manifest(one.kind, one.key)["files"]
    assert view(plan, store).results.to_csv(index=False) == view(plan, other).results.to_csv(index=False)
    assert not list((store.root / "drafts").iterdir())
    assert not list((store.root / "leases").glob("[0-9a-f.]*"))


def ranks(plan, number):
    return [one for one in plan.steps.values() if one.kind == "rank"][:number]


def prepared(plan, run_plan, store, number):
    """Rank steps whose inputs are there, and which are not done."""
    run_plan(plan)
    wanted = ranks(plan, number)
    for one in wanted:
        store.set_aside(one.kind, one.key)
    return tuple(wanted)


def test_what_was_not_begun_when_the_time_is_over_has_no_report(plan_of, toy, run_plan, store, monkeypatch):
    steps = prepared(plan_of(toy), run_plan, store, 3)
    monkeypatch.setattr(several, "LONGEST_S", -1.0)
    reports = StepWork(steps, store.root, {}, Terms())()
    assert [(report.key, report.state) for report in reports] == [(steps[0].key, "done")]
    assert [store.has(one.kind, one.key) for one in steps] == [True, False, False]


def test_a_run_goes_on_where_workers_give_steps_back(plan_of, toy, run_plan, store, patient, monkeypatch):
    monkeypatch.setattr(several, "LONGEST_S", -1.0)
    outcome, _ = run_plan(plan := plan_of(many(toy)))
    assert outcome.count("done") == len(plan.steps)
    (path,) = (store.root / "events").glob("*.jsonl")
    told = [line["event"] for line in events.read(path)]
    assert told.count("back") > 5
    assert told.count("ended") == len(plan.steps) + len(plan.inspections)


def test_of_steps_that_are_sent_together_a_failing_one_fails_alone(plan_of, toy, run_plan, store, patient):
    run_plan(plan := plan_of(many(toy).replace("mmkd: mmkd", "mmkd: mmkd\n  peeking: peeking")))
    results = view(plan, store).results
    assert set(results.loc[results["strategy"] == "peeking", "state"]) == {"failed"}
    assert set(results.loc[results["strategy"] != "peeking", "state"]) == {"done"}
    assert together(store) > 5


def test_an_artifact_that_cannot_be_brought_to_the_disk_fails_its_step_and_leaves_no_part(
    plan_of, toy, run_plan, store, monkeypatch
):
    steps = prepared(plan_of(toy), run_plan, store, 3)
    rename = os.rename

    def full(source, target):
        if os.fspath(target).endswith(steps[1].key):
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", full)
    reports = StepWork(steps, store.root, {}, Terms())()
    assert [report.state for report in reports] == ["done", "failed", "done"]
    assert "No space left on device" in reports[1].reason
    assert [store.has(one.kind, one.key) for one in steps] == [True, False, True]
    assert not list((store.root / "drafts").iterdir())


def test_artifacts_that_may_not_outlive_a_loss_of_power_are_told_as_failed(plan_of, toy, run_plan, store, monkeypatch):
    steps = prepared(plan_of(toy), run_plan, store, 2)
    fsync = os.fsync

    def broken(handle):
        if os.path.samestat(os.fstat(handle), os.stat(store.root / "artifacts" / "rank")):
            raise OSError(5, "Input/output error")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", broken)
    reports = StepWork(steps, store.root, {}, Terms())()
    assert [(report.key, report.state) for report in reports] == [(one.key, "failed") for one in steps]
    assert "Input/output error" in reports[0].reason


def test_what_is_printed_during_one_of_many_steps_is_in_its_own_log(tmp_path, capfd):
    from harness.logs import Logs

    store = Store(tmp_path)
    with Logs(store) as logs:
        os.write(1, b"first\n")
        logs.cut("a", "rank a")
        logs.cut("b", "rank b")
        os.write(2, b"third\n")
        logs.cut("c", "rank c")
    assert store.log("a").read_text() == "--- rank a\nfirst\n"
    assert not store.log("b").exists()
    assert store.log("c").read_text() == "--- rank c\nthird\n"
    print("outside")
    assert "outside" in capfd.readouterr().out
