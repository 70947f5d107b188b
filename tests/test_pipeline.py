"""The whole way from teachers to tables with real training, on the embedded default and on real data."""

import json

import numpy as np
import pytest

from harness.diagnosis import view

MATRIX = """\
benchmarks:
  world: {uses: newsworld, train: 60, validation: 0, test: 24}
teachers:
  names: {uses: evidence-overlap, sources: [entities], checks: names, threshold: 0.75}
  titles: {uses: evidence-overlap, sources: [captions], threshold: 0.6}
teachers_as_arms: true
students:
  tiny: {uses: tiny-llava, sft: {lr: 3.0e-3, epochs: 1, batch_size: 20}, dpo: {lr: 5.0e-4, epochs: 1, batch_size: 10}}
rules: {disagreement: hard-disagreement}
strategies:
  zero-shot: zero-shot
  stage1-only: stage1-only
  mmkd: {uses: mmkd, stage2_order: ORDER}
  supervised: supervised
label_fractions: [0.15]
seeds: [0]
executor: {uses: local, workers: 1, threads: 1}
reports: {}
"""


@pytest.fixture(scope="module")
def once():
    """Keeps one finished run for several tests."""
    return {}


@pytest.fixture
def finished(once, plan_of, run_plan, tmp_path_factory):
    from harness.store import Store

    if not once:
        plan, store = plan_of(MATRIX.replace("ORDER", "joint")), Store(tmp_path_factory.mktemp("store"))
        outcome, _ = run_plan(plan, store)
        assert outcome.reasons == {}
        once.update(plan=plan, store=store)
    return once["plan"], once["store"]


def manifest(plan, store, key):
    return json.loads((store.folder("train", key) / "manifest.json").read_text())


def test_both_stages_train_a_real_llava_through_trl(finished):
    plan, store = finished
    results = view(plan, store).results
    assert set(results["state"]) == {"done"}
    assert set(results["n"]) == {24}


def test_stage_2_starts_from_stage_1_and_its_reference_is_proved_to_be_that_adapter(finished):
    plan, store = finished
    cell = next(cell for cell in plan.cells if cell.point.strategy == "mmkd")
    stage1, stage2 = (manifest(plan, store, key)["proofs"] for key in (cell.stage1, cell.model))
    assert stage2["start_adapter_sha256"] == stage1["adapter_sha256"]
    assert stage2["reference_adapter_sha256"] == stage1["adapter_sha256"]
    assert stage2["adapter_sha256"] != stage1["adapter_sha256"]
    assert np.abs(stage2["first_step_rewards"]).max() < 1e-4
    facts = manifest(plan, store, cell.model)["facts"]
    assert facts["labels_bought"] == 9
    assert sum(facts["examples"].values()) == stage2["examples"]


def test_models_are_kept_as_safetensors_and_nothing_else_that_can_run(finished):
    _, store = finished
    suffixes = {path.suffix for path in (store.root / "artifacts").rglob("*") if path.is_file()}
    assert ".safetensors" in suffixes
    assert suffixes <= {".json", ".jsonl", ".safetensors", ".md"}


def test_a_sequential_stage_2_is_two_trainings_that_share_the_stored_stage_1(finished, plan_of, run_plan):
    _, store = finished
    plan = plan_of(MATRIX.replace("ORDER", "sequential"))
    outcome, _ = run_plan(plan, store)
    assert outcome.reasons == {}
    ran = [plan.steps[key].what for key, state in outcome.states.items() if state == "done"]
    assert ran == [
        "tiny by mmkd, stage 2, seed 0, 9 labels by disagreement",
        "tiny by mmkd, stage 2, seed 0, 9 labels by disagreement",
        "tiny by mmkd, stage 2, seed 0, 9 labels by disagreement on world test",
    ]


def test_a_stage_2_without_a_reference_goes_on_from_the_stored_stage_1(finished, plan_of, run_plan):
    _, store = finished
    plan = plan_of(MATRIX.replace("ORDER", "joint, preference_loss: simpo, beta: 2.0, gamma: 1.0"))
    outcome, _ = run_plan(plan, store)
    assert outcome.reasons == {}
    ran = [plan.steps[key] for key, state in outcome.states.items() if state == "done"]
    assert [step.kind for step in ran] == ["train", "predict"]
    made = manifest(plan, store, ran[0].key)
    assert made["facts"]["objective"]["reference"] == "none"
    assert "reference_adapter_sha256" not in made["proofs"]
    assert made["proofs"]["start_adapter_sha256"] != made["proofs"]["adapter_sha256"]


def test_the_same_cell_trained_again_gives_the_same_bytes(finished, plan_of, run_plan, tmp_path):
    from harness.store import Store

    _, store = finished
    text = MATRIX.replace("  stage1-only: stage1-only\n", "").replace("  supervised: supervised\n", "")
    again, other = plan_of(text.replace("ORDER", "joint")), Store(tmp_path)
    run_plan(again, other)
    cell = next(cell for cell in again.cells if cell.point.strategy == "mmkd")
    for key in (cell.stage1, cell.model):
        name = "adapter_model.safetensors"
        assert (other.folder("train", key) / name).read_bytes() == (store.folder("train", key) / name).read_bytes()


def test_a_published_system_replayed_through_the_pipeline_gives_its_golden_metrics(plan_of, run_plan, store, data):
    from pathlib import Path

    text = (Path(__file__).parent.parent / "examples" / "5pils-ooc.yaml").read_text()
    plan = plan_of(text + "executor: inline\nreports: {}\n")
    run_plan(plan)
    row = view(plan, store).results.iloc[0]
    assert len(plan.cells) == 1
    assert round(100 * row["accuracy"], 2) == 58.17
    assert round(100 * row["accuracy_falsified"], 1) == 83.3
    assert round(100 * row["accuracy_pristine"], 1) == 33.0
    assert round(100 * row["macro_f1"], 2) == 55.35


def test_the_probe_goes_through_both_stages_on_real_data(plan_of, run_plan, store, data):
    text = """
benchmarks: {verite: verite}
teachers:
  trusting: {uses: feature-similarity, threshold: 0.236}
  wary: {uses: feature-similarity, threshold: 0.312}
students: {probe: probe}
rules: {disagreement: hard-disagreement}
strategies: {zero-shot: zero-shot, stage1-only: stage1-only, mmkd: mmkd}
label_fractions: [0.1]
seeds: [0, 1]
executor: inline
reports: {}
"""
    plan = plan_of(text)
    outcome, _ = run_plan(plan)
    assert outcome.reasons == {}
    arms = view(plan, store).arms.set_index("strategy")
    assert arms.loc["stage1-only", "accuracy"] > arms.loc["zero-shot", "accuracy"] + 0.1
    cell = next(cell for cell in plan.cells if cell.point.strategy == "mmkd")
    proofs = manifest(plan, store, cell.model)["proofs"]
    assert proofs["first_step_reward"] < 1e-6
    assert proofs["reference_sha256"] == proofs["start_sha256"]


def test_a_missing_file_is_a_fault_at_the_line_that_names_it(plan_of, monkeypatch):
    from harness.errors import MatrixError

    monkeypatch.delenv("HARNESS_REAL_DATA", raising=False)
    with pytest.raises(MatrixError) as caught:
        plan_of("benchmarks:\n  verite: verite\nteachers:\n  old: {uses: replay, path: nowhere.csv}\n")
    first, *rest = str(caught.value).splitlines()
    assert first.startswith("matrix.yaml:2:3: benchmarks.verite: ")
    assert any("HARNESS_REAL_DATA" in line for line in [first, *rest])
    assert any(line.startswith("matrix.yaml:4:3: teachers.old: ") and "nowhere.csv" in line for line in rest)
