"""`harness compare` says what differs between two runs, and which arms moved beyond chance."""

import json
import shutil

import pytest
from click.testing import CliRunner

from harness import planning
from harness.changes import changes, parted
from harness.cli import main
from harness.comparison import compared
from harness.moves import SAME
from harness.reading import parse
from harness.record import Run, find
from harness.stats import crossed, holm
from harness.store import Store

OTHER = {"mmkd: mmkd": "mmkd: {uses: mmkd, beta: 0.5}", "[omega, kappa]": "[omega, beta]"}


def changed(text, changes):
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def once():
    return {}


@pytest.fixture
def runs(once, registry, toy, run_plan, tmp_path_factory):
    """Two toy runs in one store: as it is, and with another teacher and another β."""
    if not once:
        store = Store(tmp_path_factory.mktemp("compare") / "store")
        toy = toy.replace("[0, 1]", "[0, 1, 2]").replace("words: words", "words: {uses: words, train: 60, test: 80}", 1)
        for name, text in (("a", toy), ("b", changed(toy, OTHER))):
            plan = planning.make(parse(text, registry))
            run_plan(plan, store)
            once[name] = Run(name, plan, store)
    return once


@pytest.fixture
def harness(tmp_path, monkeypatch, toy):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(toy)
    (tmp_path / "b.yaml").write_text(changed(toy, OTHER))

    def call(*arguments, expect=0):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == expect, result.output + result.stderr
        return result

    return call


def test_a_run_beside_itself_has_the_very_same_answers(runs):
    found = compared(runs["a"], runs["a"])
    assert (found.changes, found.remade) == ([], [])
    assert {move.verdict for move in found.moves} == {SAME}
    assert not any(counts["a_only"] or counts["b_only"] for counts in found.steps().values())
    assert [*found.told()][-1] == (
        "12 arms in both: 12 with the very same answers, 0 moved beyond chance, 0 inconclusive"
    )


def test_what_changed_is_told_by_kind_of_step_and_component(runs):
    found = changes(runs["a"], runs["b"])
    assert [(change.kind, str(change)) for change in found] == [
        ("annotate", 'teacher: option words: ["omega", "kappa"] → ["omega", "beta"]  (2 steps)'),
        ("train", "recipe: option objective.beta: 0.1 → 0.5  (12 steps)"),
    ]


def test_steps_part_where_their_inputs_do(runs):
    pairs = parted(runs["a"], runs["b"])
    steps, others = runs["a"].plan.steps, runs["b"].plan.steps
    assert len(pairs) == len(set(pairs))
    assert all(one != other and steps[one].what == others[other].what for one, other in pairs)
    alone = {key for key in steps.keys() - others.keys() if steps[key].kind != "annotate"}
    assert {one for one, _ in pairs if steps[one].kind != "annotate"} == alone
    # The other teacher and the supervised arms, which learn from no teacher, have the same steps.
    assert {steps[one].what for one, _ in pairs if steps[one].kind == "annotate"} == {
        "b on words train",
        "b on words test",
    }


def test_arms_move_by_the_statistics_of_contrasts_adjusted_over_those_that_could(runs):
    found = compared(runs["a"], runs["b"])
    tested = [move for move in found.moves if move.tested]
    assert 0 < len(tested) < len(found.moves)
    truth = found.a.scorer.truth("words")
    for move in tested:
        mine, theirs = (side.arms[move.arm, "words"].correct for side in (found.a, found.b))
        expected = crossed(theirs - mine, truth.groups)
        assert (move.difference, move.low, move.high, move.p) == (
            expected.mean,
            expected.low,
            expected.high,
            expected.p,
        )
        assert move.difference == pytest.approx(move.accuracy_b - move.accuracy_a)
        assert move.paired
    assert [move.p_holm for move in tested] == holm([move.p for move in tested])
    same = {move.arm for move in found.moves if move.verdict == SAME}
    assert {"words/counter/zero-shot", "words/teacher/a", "words/counter/supervised/random/0.1"} <= same


def test_the_other_way_round_the_differences_have_the_other_sign(runs):
    there, back = compared(runs["a"], runs["b"]).moves, compared(runs["b"], runs["a"]).moves
    words = {"better": "worse", "worse": "better"}
    for one, other in zip(there, back, strict=True):
        assert one.arm == other.arm
        assert one.difference == -other.difference
        assert one.verdict == words.get(other.verdict, other.verdict)
        assert one.p_holm == pytest.approx(other.p_holm, nan_ok=True)


def test_a_teacher_that_was_spoilt_is_worse(runs, registry, toy, run_plan, tmp_path):
    text = changed(
        runs["a"].plan.matrix.text, {"a: {uses: listens, words: [omega]}": "a: {uses: listens, words: [kappa]}"}
    )
    plan = planning.make(parse(text, registry))
    run_plan(plan, runs["a"].store)
    moves = {move.arm: move for move in compared(runs["a"], Run("c", plan, runs["a"].store)).moves}
    spoilt = moves["words/teacher/a"]
    assert (spoilt.verdict, spoilt.seeds, spoilt.scope) == ("worse", 1, "these two trained models")
    assert spoilt.high < 0


def test_on_other_items_arms_are_compared_without_pairs_and_with_wider_intervals(runs, registry, run_plan):
    text = changed(runs["a"].plan.matrix.text, {"test: 80": "test: 78"})
    plan = planning.make(parse(text, registry))
    run_plan(plan, runs["a"].store)
    found = compared(runs["a"], Run("c", plan, runs["a"].store))
    assert not any(move.paired for move in found.moves)
    arm = "words/counter/mmkd/all/hard/0.25"
    move = next(move for move in found.moves if move.arm == arm)
    mine, theirs = (
        crossed(side.arms[arm, "words"].correct, side.scorer.truth("words").groups) for side in (found.a, found.b)
    )
    assert move.difference == theirs.mean - mine.mean
    reach = (move.high - move.low) / 2
    own = [(one.high - one.low) / 2 for one in (mine, theirs)]
    assert max(own) < reach < sum(own)
    assert move.seeds == 3


def test_seeds_that_only_one_run_has_are_left_out_of_the_pairs(runs, registry, run_plan):
    text = changed(runs["b"].plan.matrix.text, {"[0, 1, 2]": "[1, 2, 3]"})
    plan = planning.make(parse(text, registry))
    run_plan(plan, runs["a"].store)
    found = compared(runs["a"], Run("c", plan, runs["a"].store))
    by_arm = {move.arm: move for move in found.moves}
    assert (by_arm["words/counter/stage1-only/all"].seeds, by_arm["words/counter/stage1-only/all"].paired) == (2, True)
    # Both seeds that the runs share come from the same steps.
    assert by_arm["words/counter/supervised/random/0.1"].verdict == SAME
    assert [cell for cell in found.facts()["cells_in_b_only"] if not cell.endswith("/seed-3")] == []
    assert [cell for cell in found.facts()["cells_in_a_only"] if not cell.endswith("/seed-0")] == []


def test_the_same_steps_with_other_answers_in_another_store_are_not_called_the_same(runs, tmp_path):
    store = Store(tmp_path / "store")
    shutil.copytree(runs["a"].store.root, store.root)
    cell = next(cell for cell in runs["a"].plan.cells if cell.point.arm == "words/counter/zero-shot")
    folder = store.folder("predict", cell.answers["words"][0])
    rows = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    for row in rows:
        row["verdict"] = {"falsified": "pristine", "pristine": "falsified"}[row["verdict"]]
    (folder / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["predictions.jsonl"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found = compared(runs["a"], Run("copy", runs["a"].plan, store))
    assert found.remade == ["predict counter untrained on words test"]
    assert [move.arm for move in found.moves if move.verdict != SAME] == ["words/counter/zero-shot"]
    text = "\n".join(found.told())
    assert "the same steps with other output in the two stores: 1, not reproduced\n  predict counter untrained" in text


def test_compare_ends_with_0_and_says_what_moved(harness):
    harness("run", "a.yaml")
    harness("run", "b.yaml")
    text = harness("compare", "a.yaml", "b.yaml").stdout
    assert text.startswith("A  a.yaml in runs/store: 20 done cells\nB  b.yaml in runs/store: 20 done cells\n\nidentity")
    assert "    recipe: option objective.beta: 0.1 → 0.5  (8 steps)\n" in text
    assert "accuracy, B minus A in points with 95 % intervals; Holm over 8\n" in text
    assert text.splitlines()[-1].startswith("12 arms in both: 4 with the very same answers, ")
    facts = json.loads(harness("compare", "a.yaml", "b.yaml", "--json").stdout)
    assert facts["a"] == {"run": "a.yaml", "store": "runs/store", "cells": {"done": 20}}
    assert facts["steps"]["annotate"] == {"both": 2, "a_only": 2, "b_only": 2}
    assert len(facts["arms"]) == 12
    assert all(arm["p_holm"] is None for arm in facts["arms"] if arm["verdict"] == SAME)


def test_cells_of_one_run_alone_are_listed_by_arm(harness, tmp_path, toy):
    (tmp_path / "b.yaml").write_text(toy.replace("[0.1, 0.25]", "[0.1]"))
    harness("run", "a.yaml")
    text = harness("compare", "a.yaml", "b.yaml").stdout
    assert "cells in A only: 6\n  words/counter/mmkd/all/hard/0.25, 2 seeds\n" in text
    assert "cells in B only" not in text


def test_what_is_not_done_is_not_compared(harness):
    harness("run", "a.yaml")
    text = harness("compare", "a.yaml", "b.yaml").stdout
    assert text.splitlines()[1] == "B  b.yaml in runs/store: 6 done, 14 pending cells"
    assert "  words/counter/stage1-only/all on words: no result in B\n" in text
    text = harness("compare", "a.yaml", "b.yaml", "--store-b", "elsewhere").stdout
    assert (
        "B  b.yaml in elsewhere: 20 pending cells\n"
        "   Nothing of it is stored. Where the code changed since it ran, name the folder of its tables.\n"
    ) in text


def test_a_folder_stands_for_the_steps_of_its_run_whatever_the_matrix_says_now(harness, tmp_path):
    harness("run", "a.yaml")
    (tmp_path / "a.yaml").write_text((tmp_path / "b.yaml").read_text())
    harness("run", "a.yaml", "--out", "again")
    facts = json.loads(harness("compare", "runs/a", "again", "--json").stdout)
    assert [change["text"] for change in facts["changes"]] == [
        'option words: ["omega", "kappa"] → ["omega", "beta"]',
        "option objective.beta: 0.1 → 0.5",
    ]
    assert (facts["a"]["cells"], facts["b"]["cells"]) == ({"done": 20}, {"done": 20})
    assert harness("compare", "runs/a", "again").stdout.splitlines()[-1].startswith("12 arms in both: 4 with")


def test_a_folder_finds_what_other_code_has_made(harness, registry, tmp_path, monkeypatch):
    import toys

    harness("run", "a.yaml")
    monkeypatch.setattr(toys.Counter, "revision", 2)
    assert "20 pending" not in harness("compare", "runs/a", "runs/a").stdout
    text = harness("compare", "runs/a", "a.yaml").stdout
    assert "student: its code: 1 → 2" in text
    assert "A  runs/a in runs/store: 20 done cells" in text


def test_a_report_stands_for_its_matrix(harness, tmp_path, toy):
    (tmp_path / "a.yaml").write_text(toy.replace("reports: {}", "reports: {page: html}"))
    harness("run", "a.yaml")
    assert "identity: all steps are the same" in harness("compare", "runs/a/report.html", "a.yaml").stdout


def test_what_is_no_run_is_refused(harness, tmp_path):
    (tmp_path / "empty").mkdir()
    assert harness("compare", "empty", "a.yaml", expect=2).stderr == (
        "error: empty: holds no run.json, so it does not say which stored steps its tables were made from\n"
        "  `harness run` and `harness report` write one beside the tables, unless these are redacted.\n"
    )
    (tmp_path / "run.json").write_text('{"schema": 7}')
    assert harness("compare", "run.json", "a.yaml", expect=2).stderr == (
        "error: run.json: is no record of a run that can be read: ValueError('schema 7')\n"
    )
    (tmp_path / "run.json").write_text("[]")
    assert harness("compare", "run.json", "a.yaml", expect=2).stderr.startswith(
        "error: run.json: is no record of a run that can be read: TypeError("
    )
    assert harness("compare", "none.json", "a.yaml", expect=2).stderr == (
        "error: none.json: cannot be read: No such file or directory\n"
    )
    assert "none.yaml: cannot be read" in harness("compare", "none.yaml", "a.yaml", expect=2).stderr


def test_a_record_whose_cells_name_a_step_that_it_lacks_is_refused(harness, tmp_path):
    harness("run", "a.yaml")
    facts = json.loads((tmp_path / "runs/a/run.json").read_text())
    end = facts["cells"][0]["answers"]["words"][0]
    del facts["steps"][end]
    (tmp_path / "run.json").write_text(json.dumps(facts))
    assert harness("compare", "run.json", "a.yaml", expect=2).stderr == (
        f"error: run.json: lacks step '{end}' that its cells name\n"
    )


def test_answers_about_other_items_than_those_of_today_are_refused(harness, tmp_path):
    harness("run", "a.yaml")
    facts = json.loads((tmp_path / "runs/a/run.json").read_text())
    facts["matrix"] = facts["matrix"].replace("words: words", "words: {uses: words, test: 31}", 1)
    (tmp_path / "run.json").write_text(json.dumps(facts))
    assert harness("compare", "run.json", "a.yaml", expect=2).stderr == (
        "error: run.json: its answers do not cover item 'test-30' of a benchmark as it is now\n"
        "  Run the matrix again on the data of today.\n"
    )


def test_a_recorded_plan_has_the_cells_and_steps_that_it_was_made_from(harness, registry, tmp_path):
    harness("run", "a.yaml")
    recorded = find(tmp_path / "runs/a", Store(tmp_path / "runs/store"), registry).plan
    planned = find(tmp_path / "a.yaml", Store(tmp_path / "runs/store"), registry).plan
    assert recorded.cells == planned.cells
    assert recorded.steps.keys() == planned.steps.keys()
    assert [*recorded.steps] == [*planned.steps]
