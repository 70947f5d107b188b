import json
import os
import signal
import subprocess
import sys
import time

import pytest

from harness.diagnosis import view
from harness.steps import rows


def table(plan, store):
    return view(plan, store).results.to_csv(index=False)


def test_a_run_finishes_every_cell_and_a_second_one_runs_nothing(plan_of, toy, run_plan, store):
    plan = plan_of(toy)
    outcome, _ = run_plan(plan)
    assert outcome.count("done") == len(plan.steps)
    assert set(view(plan, store).results["state"]) == {"done"}
    again, lines = run_plan(plan)
    assert again.count("stored") == len(plan.steps)
    assert lines == [("begin", 0, len(plan.steps))]


def test_workers_in_other_processes_give_the_same_results_as_this_process(plan_of, toy, run_plan, store, tmp_path):
    from harness.store import Store

    small = toy.replace("seeds: [0, 1]", "seeds: [0]")
    inline = plan_of(small)
    run_plan(inline)
    other = Store(tmp_path / "other")
    local = plan_of(small.replace("executor: inline", "executor: {uses: local, workers: 2, threads: 1}"))
    run_plan(local, other)
    assert table(local, other) == table(inline, store)


def test_a_failing_cell_does_not_stop_the_others(plan_of, toy, run_plan, store):
    plan = plan_of(toy.replace("mmkd: mmkd", "mmkd: mmkd\n  peeking: peeking"))
    outcome, _ = run_plan(plan)
    results = view(plan, store).results
    assert set(results.loc[results["strategy"] == "peeking", "state"]) == {"failed"}
    assert set(results.loc[results["strategy"] != "peeking", "state"]) == {"done"}
    assert outcome.count("failed") == outcome.count("blocked") > 0


def test_a_strategy_that_asks_for_a_label_that_was_not_bought_fails(plan_of, toy, run_plan, store):
    plan = plan_of(toy.replace("mmkd: mmkd", "peeking: peeking"))
    outcome, _ = run_plan(plan)
    reason = next(iter(outcome.reasons.values()))
    assert reason.startswith("the label of item 'train-")
    assert "was not bought (4 labels were)\n  A recipe may read only the labels in pool.labels." in reason


def test_a_recipe_that_reads_what_it_did_not_declare_fails(plan_of, toy, run_plan):
    outcome, _ = run_plan(plan_of(toy.replace("mmkd: mmkd", "sneaking: sneaking")))
    assert "the recipe reads its pool's annotations and does not declare them" in next(iter(outcome.reasons.values()))


def test_labels_bought_are_nested_over_fractions(plan_of, toy, run_plan, store):
    from harness.steps.pool import bought_ids

    plan = plan_of(toy)
    run_plan(plan)
    cells = [cell for cell in plan.cells if cell.point.rule == "random" and cell.point.seed == 0]
    ids = {cell.budget: bought_ids(rows.read_ranks(store, cell.rank), cell.budget) for cell in cells}
    assert set(ids) == {4, 10}
    assert ids[10][:4] == ids[4]


def test_a_rule_with_fewer_conflicts_than_the_budget_is_saturated(plan_of, toy, run_plan, store):
    plan = plan_of(toy.replace("[0.1, 0.25]", "[0.1, 1.0]"))
    run_plan(plan)
    results = view(plan, store).results.set_index("cell")
    full = results.loc["words/counter/mmkd/all/hard/1/seed-0"]
    conflicts = sum(row.conflict for row in rows.read_ranks(store, next(c.rank for c in plan.cells if c.rank)))
    assert full["saturated"]
    assert full["labels_bought"] == conflicts < 40
    assert results.loc["words/counter/supervised/random/1/seed-0", "labels_bought"] == 40


def test_a_damaged_artifact_is_noticed_set_aside_and_made_again(plan_of, toy, run_plan, store):
    plan = plan_of(toy)
    run_plan(plan)
    before = table(plan, store)
    key = next(cell.answers["words"][0] for cell in plan.cells if cell.role == "student")
    file = store.folder("predict", key) / "predictions.jsonl"
    file.write_bytes(file.read_bytes().replace(b"0", b"1", 1))
    with pytest.warns(UserWarning, match="was damaged, moved to"):
        outcome, _ = run_plan(plan)
    assert outcome.count("done") == 1
    assert table(plan, store) == before
    assert len(list((store.root / "damaged").iterdir())) == 1


def test_answers_are_kept_when_a_teacher_breaks_off_and_only_the_rest_is_asked_again(
    plan_of, toy, run_plan, store, tmp_path
):
    line = tmp_path / "line"
    plan = plan_of(toy.replace("[omega, kappa]}", f"[omega, kappa], breaks: omega, line: {line}}}"))
    outcome, _ = run_plan(plan)
    assert outcome.count("failed") == 2
    assert set(outcome.reasons.values()) == {"RuntimeError: the line is dead"}
    line.touch()
    run_plan(plan)
    facts = {
        split: store.manifest("annotate", plan.annotations["b", "words", split])["facts"] for split in ("train", "test")
    }
    assert 0 < facts["train"]["asked"] < facts["train"]["items"] == facts["train"]["calls"] == 40


def test_a_refused_answer_is_counted_and_never_a_verdict(plan_of, toy, run_plan, store):
    plan = plan_of(toy.replace("words: [omega, kappa]}", "words: [omega, kappa], refuses: beta}"))
    run_plan(plan)
    seen = view(plan, store)
    teachers = seen.teachers.set_index(["teacher", "split"])
    row = teachers.loc[("b", "test")]
    assert row["refused"] > 0
    assert row["ok"] + row["refused"] == row["items"] == 30
    arm = seen.arms.set_index("arm").loc["words/teacher/b"]
    assert arm["refused"] == row["refused"]
    assert arm["accuracy_parsed"] > arm["accuracy"]


def test_a_worker_that_dies_fails_its_step_only(plan_of, toy, run_plan, store):
    text = toy.replace("executor: inline", "executor: {uses: local, workers: 1, threads: 1}")
    plan = plan_of(text.replace("mmkd: mmkd", "mmkd: mmkd\n  dying: dying"))
    outcome, _ = run_plan(plan)
    reasons = set(outcome.reasons.values())
    assert all(reason == "the worker died: BrokenExecutor: it ended by exit status 9" for reason in reasons)
    results = view(plan, store).results
    assert set(results.loc[results["strategy"] != "dying", "state"]) == {"done"}


def test_a_label_that_nobody_has_makes_the_cell_wait(plan_of, toy, run_plan, store):
    plan = plan_of(toy.replace("words: words", "words: {uses: words, unlabelled: true}", 1))
    run_plan(plan)
    results = view(plan, store).results
    buying = results["label_fraction"].notna()
    assert set(results.loc[buying, "state"]) == {"waiting"}
    assert set(results.loc[~buying, "state"]) == {"done"}
    assert "labels to be bought do not exist yet" in results.loc[buying, "reason"].iloc[0]


@pytest.fixture
def command(tmp_path, toy):
    """Starts ``harness run`` on a slow toy matrix in a process of its own, and waits for its first artifacts."""
    text = toy.replace("executor: inline", "executor: {uses: local, workers: 1, threads: 1}")
    (tmp_path / "toy.yaml").write_text(text.replace("words: words", "words: {uses: words, delay: 0.05}", 1))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def artifacts(name):
        return len(list((tmp_path / name).glob("store/artifacts/*/*")))

    def start(name, artifacts_first=0):
        arguments = [sys.executable, "-m", "harness.cli", "run", "toy.yaml"]
        before = artifacts(name)
        process = subprocess.Popen(
            [*arguments, "--store", f"{name}/store", "--out", f"{name}/out"],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs its jobs in the background has them ignore Ctrl-C, and that is inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        deadline = time.monotonic() + 60
        while artifacts(name) < before + artifacts_first and time.monotonic() < deadline:
            time.sleep(0.01)
        return process

    return start


def test_results_after_kill_9_equal_those_of_an_uninterrupted_run(command, tmp_path):
    with command("whole") as whole:
        whole.communicate(timeout=120)
    for _ in range(3):
        with command("cut", artifacts_first=4) as process:
            process.send_signal(signal.SIGKILL)
            process.communicate()
    with command("cut") as last:
        last.communicate(timeout=120)
    assert (whole.returncode, last.returncode) == (0, 0)
    for name in ("results.csv", "contrasts.csv", "conflicts.csv"):
        assert (tmp_path / "cut/out" / name).read_bytes() == (tmp_path / "whole/out" / name).read_bytes()


def test_ctrl_c_keeps_what_is_done_and_ends_with_3(command, tmp_path):
    with command("stopped", artifacts_first=4) as process:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert said.endswith("stopped: what is done is kept, and running again goes on from there\n")
    assert "Traceback" not in said
    assert len(list((tmp_path / "stopped").glob("store/artifacts/*/*"))) >= 4


def test_the_manifest_says_what_was_learnt_and_where(plan_of, toy, run_plan, store):
    plan = plan_of(toy)
    run_plan(plan)
    cell = next(cell for cell in plan.cells if cell.point.strategy == "mmkd")
    manifest = json.loads((store.folder("train", cell.model) / "manifest.json").read_text())
    assert manifest["facts"]["labels_bought"] == 4
    assert sum(manifest["facts"]["examples"].values()) > 0
    assert manifest["provenance"]["packages"]["numpy"]
    assert manifest["ingredients"]["inputs"]["start"] == cell.stage1


def test_what_a_training_measured_stands_beside_its_results_and_parts_no_surroundings(plan_of, toy, run_plan, store):
    plan = plan_of(toy)
    run_plan(plan)
    manifests = [store.manifest("train", key) for key, step in plan.steps.items() if step.kind == "train"]
    for manifest in manifests:
        assert manifest["provenance"]["measured"] == [{"seconds": 0.25 * (1 + manifest["proofs"]["seed"])}]
    assert len({str(manifest["provenance"]["measured"]) for manifest in manifests}) > 1
    (surroundings,) = view(plan, store).provenance["surroundings"]
    assert "measured" not in surroundings
    assert surroundings["steps"] == len(plan.steps)
