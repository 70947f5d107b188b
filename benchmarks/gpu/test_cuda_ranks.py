"""Trainings whose ranks work on CUDA, by `make gpu-test`: two of them share one device where there is no second."""

from __future__ import annotations

import pytest
import shapes
from tiny_families import Bench

from harness.api import Job, Objective, Preference, Target, opposite
from harness_benchmarks.newsworld import NewsWorld
from harness_students.ranks import train_on_ranks
from harness_students.tiny import TinyLlava
from harness_students.vlm import Vlm
from harness_students.vlm_schedule import Schedule

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")

SCHEDULE = Schedule(lr=2e-4, epochs=2, batch_size=8)
WORLD = NewsWorld(train=24, validation=0, test=4)
ITEMS = {item.id: item for item in WORLD.items("train")}
TARGETS = [Target(item_id, label, rationale="Word found.") for item_id, label in WORLD.labels("train").items()]
PAIRS = [Preference(target.item_id, target, (Target(target.item_id, opposite(target.verdict)),)) for target in TARGETS]
DPO = Objective(losses={"sigmoid": 1.0})


def told(student, examples, objective, folder, start=None):
    """What a training told its workbench."""
    bench = Bench(folder / "out")
    student.train(ITEMS, examples, objective, start, bench)
    return bench


def losses(bench):
    return [line["loss"] for line in bench.lines if "loss" in line]


def peak(bench):
    """In GB, of the first rank."""
    return max(line["peak_bytes"] for line in bench.measured if "peak_bytes" in line) / 1e9


def speed(bench):
    rates = [line["tokens_per_second"] for line in bench.measured if "tokens_per_second" in line][1:]
    return sum(rates) / len(rates)


needs_two = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="a base is sharded over NCCL, on two devices")


@pytest.mark.parametrize("shard", [False, pytest.param(True, marks=needs_two)], ids=["whole", "sharded"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_two_ranks_learn_on_a_device_what_one_learns(dtype, shard, tmp_path):
    one = TinyLlava(sft=SCHEDULE, dpo=SCHEDULE, dtype=dtype)
    two = one.model_copy(update={"gpus": 2, "shard": shard})
    start = told(one, TARGETS, Objective(), tmp_path / "start").out
    for name, examples, objective in (("targets", TARGETS, Objective()), ("pairs", PAIRS, DPO)):
        alone = losses(told(one, examples, objective, tmp_path / name / "one", start))
        shared = losses(told(two, examples, objective, tmp_path / name / "two", start))
        apart = max(abs(one - other) / one for one, other in zip(alone, shared, strict=True))
        print(f"\n{dtype} {name}: losses of one rank and of two apart by {apart:.1e}")
        assert shared == pytest.approx(alone, rel=1e-3 if dtype == "float32" else 5e-2)


def test_a_single_rank_over_nccl_learns_what_no_rank_learns(tmp_path):
    student = TinyLlava(sft=SCHEDULE)
    alone = losses(told(student, TARGETS, Objective(), tmp_path / "none"))
    bench = Bench(tmp_path / "nccl" / "out")
    train_on_ranks(student._train, Job(ITEMS, TARGETS, Objective(), None, bench), 1, "cuda")
    assert bench.measured[0]["backend"] == "nccl"
    assert losses(bench) == pytest.approx(alone, rel=1e-3)


@needs_two
def test_a_sharded_base_takes_its_part_of_a_device_and_says_the_same(tmp_path):
    model = shapes.SHAPES[1].make(tmp_path / "model", False)
    schedule = Schedule(lr=2e-4, epochs=1, batch_size=4)
    one = Vlm(model=str(model), sft=schedule, dpo=schedule, checkpoint_minutes=None, engine={"features": False})
    benches = {
        name: told(one.model_copy(update=more), TARGETS, Objective(), tmp_path / name)
        for name, more in {"one": {}, "two": {"gpus": 2}, "sharded": {"gpus": 2, "shard": True}}.items()
    }
    for name, bench in benches.items():
        print(f"\n2.2B {name}: {speed(bench):.0f} tokens/s, peak {peak(bench):.1f} GB {losses(bench)}")
    assert losses(benches["two"]) == pytest.approx(losses(benches["one"]), rel=5e-2)
    assert losses(benches["sharded"]) == pytest.approx(losses(benches["one"]), rel=5e-2)
    assert peak(benches["sharded"]) < peak(benches["two"])
    split = one.model_copy(update={"gpus": 2, "shard": True})
    trained = benches["sharded"].out
    answers = [
        [answer.text for answer in student.predict(WORLD.items("test"), trained, Bench(tmp_path / name / "out"))]
        for name, student in (("whole", one), ("split", split))
    ]
    assert answers[0] == answers[1]
