"""The sentinel: whether a teacher is still the one that answered before."""

import pytest

from harness.diagnosis import view
from harness.stats import larger

MATRIX = """\
evaluate_on:
  words: {uses: numbered, test: 30}
teachers:
  a: {uses: paid, moody: MOODY, seen: SEEN}
teachers_as_arms: true
sentinel: {items: 20}
executor: inline
reports: {}
"""

# The same teacher and more to ask it about.
MORE = MATRIX.replace("test: 30", "test: 45")


@pytest.fixture
def go(plan_of, run_plan, store, tmp_path):
    """Runs a matrix: what its annotate step found out, or why there is none."""

    def call(text):
        plan = plan_of(text.replace("MOODY", str(tmp_path / "moody")).replace("SEEN", str(tmp_path / "seen")))
        outcome, _ = run_plan(plan)
        call.seen = lambda: view(plan, store)
        (step,) = plan.steps.values()
        if outcome.reasons:
            return outcome.reasons[step.key]
        return store.manifest("annotate", step.key)["facts"]

    call.calls = lambda: len((tmp_path / "seen").read_text().split())
    call.change = (tmp_path / "moody").touch
    return call


def answers(store):
    (path,) = (store.root / "answers").glob("*.sqlite")
    with store.journal(path.stem) as journal:
        return len(journal.latest(1000))


def test_canaries_are_asked_again_only_where_something_new_is_asked(go, store):
    assert "sentinel" not in go(MATRIX)
    assert go.calls() == 30 + 20
    go(MATRIX)
    assert go.calls() == 50
    facts = go(MORE)
    assert facts["asked"] == 15
    assert facts["sentinel"] == {
        "changed": 0, "asked": 20, "own_changed": 0, "own_asked": 20, "p": 1.0, "beyond": False
    }  # fmt: skip
    assert go.calls() == 50 + 20 + 15
    assert answers(store) == 45


def test_a_teacher_that_has_changed_is_stopped_before_anything_new_is_asked(go, store):
    go(MATRIX)
    go.change()
    reason = go(MORE)
    assert reason.startswith(
        "teachers.a no longer answers as it did: 20 of 20 canaries have another answer, and asked twice at once it "
        "changes 0 of 20 (Fisher's exact p = 7.3e-12, below 0.01)\n  Nothing new was asked."
    )
    assert reason.endswith("or accept the change:  sentinel: {accept: [a]}")
    assert go.calls() == 50 + 20
    assert answers(store) == 30


def test_a_change_that_is_accepted_is_told_and_stops_nobody(go, store):
    go(MATRIX)
    go.change()
    facts = go(MORE.replace("items: 20", "items: 20, accept: [a]"))
    assert facts["sentinel"]["changed"] == 20
    assert facts["sentinel"]["beyond"]
    assert answers(store) == 45
    assert go.seen().teachers["warnings"].tolist() == ["20 of 20 canaries have changed"]


def test_another_option_makes_another_teacher_whose_answers_are_kept_apart(go, store):
    go(MATRIX)
    go.change()
    facts = go(MORE.replace("uses: paid", "uses: paid, words: [omega, kappa]"))
    assert facts["asked"] == 45
    assert "sentinel" not in facts


def test_a_teacher_that_never_is_steady_is_not_said_to_have_changed(go):
    go(MATRIX.replace("uses: paid", "uses: paid, fickle: true"))
    facts = go(MORE.replace("uses: paid", "uses: paid, fickle: true"))
    assert 0 < facts["sentinel"]["own_changed"] < 20
    assert 0 < facts["sentinel"]["changed"] < 20
    assert not facts["sentinel"]["beyond"]


def test_without_canaries_what_is_known_is_asked_twice(go, store):
    go(MATRIX.replace("sentinel: {items: 20}\n", ""))
    assert go.calls() == 30
    facts = go(MORE)
    assert (facts["sentinel"]["changed"], facts["sentinel"]["own_asked"]) == (0, 20)
    assert go.calls() == 30 + 2 * 20 + 15


def test_without_canaries_a_change_is_seen_too(go, store):
    go(MATRIX.replace("sentinel: {items: 20}\n", ""))
    go.change()
    assert "20 of 20 canaries have another answer" in go(MORE)
    assert "20 of 20 canaries have another answer" in go(MORE)
    assert answers(store) == 30


def test_canaries_outlive_the_data_set_that_they_came_from(go):
    go(MATRIX)
    go.change()
    assert "20 of 20 canaries" in go(
        MATRIX.replace("words: {uses: numbered, test: 30}", "fresh: {uses: words, test: 9}")
    )


def test_canaries_are_paid_from_the_budget(go):
    reason = go(MATRIX + "budget: {calls: 35}\n")
    assert "35 of 35 calls" in reason
    assert go.calls() == 35


def test_two_steps_of_one_run_check_the_teacher_once(go, plan_of, run_plan, store, tmp_path):
    text = MATRIX.replace("30}", "30}\n  others: {uses: singles, test: 5}").replace("SEEN", str(tmp_path / "seen"))
    outcome, _ = run_plan(plan_of(text))
    assert outcome.reasons == {}
    assert go.calls() == 30 + 20 + 5


def test_canaries_that_are_too_few_are_joined_by_others(go, store):
    go(MATRIX.replace("test: 30", "test: 4"))
    assert go.calls() == 4 + 4
    facts = go(MATRIX)
    assert (facts["sentinel"]["asked"], facts["asked"]) == (4, 26)
    assert go.calls() == 8 + 4 + 26 + 16
    assert go(MORE)["sentinel"]["asked"] == 20


def test_a_canary_keeps_image_evidence_and_features(tmp_path):
    import numpy as np

    from harness.canaries import Canaries, Canary
    from harness.types import Evidence, Image, Item

    vector = np.array([0.1, -2.5e-7], np.float32)
    item = Item("one", "a caption", Image(lambda: b"bytes", "x"), Evidence(("who",), ("what",)), {"clip": vector})
    (tmp_path / "c").mkdir()
    canaries = Canaries(tmp_path / "c" / "one.sqlite")
    canaries.adopt([Canary(item, "pristine", True)])
    (found,) = canaries.read()
    canaries.close()
    assert (found.item.id, found.item.caption, found.answer, found.steady) == ("one", "a caption", "pristine", True)
    assert found.item.image.read() == b"bytes"
    assert found.item.evidence == item.evidence
    assert found.item.features["clip"].tobytes() == vector.tobytes()


def test_fishers_test_is_exact():
    # The tea-tasting lady: all four of four, Fisher (1935), chapter II.
    assert larger(4, 4, 0, 4) == pytest.approx(1 / 70)
    assert larger(3, 4, 1, 4) == pytest.approx(17 / 70)
    assert larger(0, 20, 0, 20) == 1
    assert larger(0, 0, 3, 20) == 1


@pytest.mark.parametrize("items", [20, 50, 200])
def test_seven_changed_answers_of_a_steady_teacher_stop_it_however_many_canaries_there_are(items):
    assert larger(6, items, 0, items) > 0.01 > larger(7, items, 0, items)
