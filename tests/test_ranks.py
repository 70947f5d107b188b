"""Trainings on several devices, which on a processor are as many processes over gloo."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from dataclasses import replace
from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.api import Image, Objective, Preference, Resources, Target, TrainingError, opposite
from harness_benchmarks.newsworld import NewsWorld
from harness_students.tiny import TinyLlava
from harness_students.vlm import Vlm
from harness_students.vlm_schedule import Schedule

torch = pytest.importorskip("torch")
pytest.importorskip("trl")
Bench = pytest.importorskip("tiny_families").Bench

pytestmark = pytest.mark.usefixtures("one_thread")

FAST = Schedule(lr=2e-3, epochs=2, batch_size=8)
ONE = TinyLlava(sft=FAST, dpo=FAST, batches="items", device="cpu", threads=1, checkpoint_minutes=None)
TWO = ONE.model_copy(update={"gpus": 2})
WORLD = NewsWorld(train=15, validation=0, test=2)
ITEMS = {item.id: item for item in WORLD.items("train")}
TARGETS = [Target(item_id, label, rationale="Word found.") for item_id, label in WORLD.labels("train").items()]
# The last batch of an epoch is not full. Of targets its parts are not alike either; pairs of unequal parts would weigh
# otherwise than on one device, as the manual says.
EVEN = TARGETS[:14]
PAIRS = [Preference(target.item_id, target, (Target(target.item_id, opposite(target.verdict)),)) for target in EVEN]
DPO = Objective(losses={"sigmoid": 1.0})
OURS = Objective(losses={"sigmoid": 1.0, "anchor": 0.5})


def trained(student, examples, objective, start, folder):
    """A bench with what the training told it, and the adapter."""
    from safetensors.torch import load_file

    bench = Bench(folder / "out")
    student.train(ITEMS, examples, objective, start, bench)
    return bench, load_file(bench.out / "adapter_model.safetensors")


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    trained(ONE, TARGETS, Objective(), None, folder)
    return folder / "out"


def kill_a_rank(bench):
    """The second of them, when the first has told of two steps."""
    while len(bench.lines) < 2:
        time.sleep(0.001)
    os.kill(max(child.pid for child in multiprocessing.active_children()), signal.SIGKILL)


@pytest.mark.parametrize(
    ("examples", "objective", "options"),
    [(TARGETS, Objective(), {"batches": "random"}), (PAIRS, OURS, {"shard": True})],
    ids=["targets", "pairs on a sharded base"],
)
def test_on_two_devices_the_same_is_learnt_as_on_one(examples, objective, options, start, tmp_path):
    alone, whole = trained(ONE.model_copy(update=options), examples, objective, start, tmp_path / "one")
    shared, joint = trained(TWO.model_copy(update=options), examples, objective, start, tmp_path / "two")
    assert shared.measured[0] == {"ranks": 2, "backend": "gloo"}
    assert max(float((whole[name] - joint[name]).abs().max()) for name in whole) < 2e-4
    for one, two in zip_longest(alone.lines, shared.lines):
        assert two["step"] == one["step"]
        assert two.get("loss", 0) == pytest.approx(one.get("loss", 0), rel=2e-2)
        # What the answers of a batch have in common counts once.
        assert two.get("num_tokens", 0) == pytest.approx(one.get("num_tokens", 0), rel=1e-2)
        assert two.get("rewards/margins", 0) == pytest.approx(one.get("rewards/margins", 0), abs=2e-3)
    assert shared.facts.keys() == alone.facts.keys()
    scored = [[line for line in bench.measured if "reference_answers_computed" in line] for bench in (alone, shared)]
    assert scored[0] == scored[1]


def test_a_training_of_which_a_rank_was_killed_goes_on_from_its_checkpoint(start, tmp_path):
    student = TWO.model_copy(
        update={"checkpoint_minutes": 0, "shard": True, "dpo": FAST.model_copy(update={"epochs": 4})}
    )
    alone = student.model_copy(update={"gpus": 1, "shard": False, "checkpoint_minutes": None})
    _, whole = trained(alone, PAIRS, DPO, start, tmp_path / "whole")
    killed = Bench(tmp_path / "killed" / "out")
    killer = threading.Thread(target=kill_a_rank, args=(killed,))
    killer.start()
    with pytest.raises(MemoryError, match="rank 1 was killed"):
        student.train(ITEMS, PAIRS, DPO, start, killed)
    killer.join()
    assert not multiprocessing.active_children()
    again, resumed = trained(student, PAIRS, DPO, start, tmp_path / "killed")
    assert again.facts["resumed_at_step"] in range(1, 8)
    assert [line["step"] for line in again.lines] == [*range(1, 9), 8]
    assert max(float((whole[name] - resumed[name]).abs().max()) for name in whole) < 2e-4


def test_what_a_rank_raises_is_raised_as_it_is(tmp_path):
    unreadable = {key: replace(item, image=Image.file(tmp_path / "none.png")) for key, item in ITEMS.items()}
    with pytest.raises(TrainingError, match="none of the examples has an image that can be read"):
        TWO.train(unreadable, TARGETS, Objective(), None, Bench(tmp_path / "out"))


def test_items_that_cannot_be_sent_are_refused_with_a_remedy(tmp_path):
    unsent = {key: replace(item, image=Image(lambda: b"", "a picture")) for key, item in ITEMS.items()}
    with pytest.raises(TrainingError, match=r"cannot be sent to other processes.*lambda"):
        TWO.train(unsent, TARGETS, Objective(), None, Bench(tmp_path / "out"))


def test_a_step_of_a_run_can_be_a_training_on_several_devices(plan_of, run_plan, store):
    plan = plan_of(
        """\
benchmarks: {world: {uses: newsworld, train: 8, validation: 0, test: 4}}
teachers: {names: {uses: evidence-overlap, sources: [entities], checks: names}}
students: {tiny: {uses: tiny-llava, device: cpu, gpus: 2, sft: {epochs: 1, batch_size: 4}}}
strategies: {stage1-only: stage1-only}
executor: {uses: local, workers: 2, threads: 1}
reports: {}
"""
    )
    outcome, _ = run_plan(plan)
    assert set(outcome.states.values()) == {"done"}
    (key,) = [key for key, step in plan.steps.items() if step.kind == "train"]
    assert {"ranks": 2, "backend": "gloo"} in store.manifest("train", key)["provenance"]["measured"]


@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 8))
def test_several_devices_take_as_many_rows_in_a_step_as_one(size, accumulate, ranks):
    schedule = Schedule(batch_size=size, accumulate=accumulate)
    if size * accumulate % ranks:
        with pytest.raises(ValueError, match="cannot be divided"):
            schedule.spread(ranks)
    else:
        each = schedule.spread(ranks)
        assert each.batch_size * each.accumulate * ranks == size * accumulate
        assert size % each.batch_size == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"gpus": 3}, r"sft: batch_size 8 x accumulate 1 cannot be divided by 3 devices"),
        ({"gpus": 2, "together": 2}, "trainings are done together on one device"),
        ({"shard": True}, "a base is divided over several devices"),
        ({"gpus": 2, "shard": True, "quantize": "4bit"}, "'shard' needs quantize: none"),
        ({"gpus": 2, "shard": True, "engine": "off"}, "'shard' needs quantize: none and the engine's mechanism"),
    ],
)
def test_what_does_not_work_on_several_devices_is_refused_before_anything_runs(options, said):
    with pytest.raises(ValidationError, match=said):
        Vlm(**options)


def test_devices_are_taken_for_trainings_and_one_for_predictions():
    assert Vlm(gpus=4, gpu_gb=20).resources() == Resources(gpus=4, gpu_gb=20)
    assert Vlm(gpus=4, gpu_gb=20).resources_to_predict() == Resources(gpus=1, gpu_gb=20)
    assert Vlm(gpus=4, shard=True).resources_to_predict() == Resources(gpus=4)
    assert Vlm(gpus=2, device="cpu").resources() == Resources(slots=2)
