"""Adapters trained together on one base, beside the same ones one after the other: same steps, same losses.

Seconds are those of the processor, so that what else runs on the machine does not count.
"""

import itertools
import json
import time

import pytest

from harness.api import Job, Objective, Preference, Target, opposite
from harness.testing import workbench
from harness_benchmarks.newsworld import NewsWorld
from harness_students.tiny import TinyLlava
from harness_students.vlm_trl import Schedule

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

ADAPTERS = 4
WORLD = NewsWorld(train=16, validation=0, test=8)
ITEMS = {item.id: item for item in WORLD.items("train")}
TARGETS = [Target(item_id, label, rationale="Word found.") for item_id, label in WORLD.labels("train").items()]
PAIRS = [Preference(target.item_id, target, (Target(target.item_id, opposite(target.verdict)),)) for target in TARGETS]
SFT, DPO = Objective(), Objective(losses={"sigmoid": 1.0, "sft": 1.0})
FRESH = itertools.count()


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A stage-1 adapter, and a base that is loaded."""
    bench = workbench(tmp_path_factory.mktemp("start"))
    TinyLlava().train(ITEMS, TARGETS, SFT, None, bench)
    return bench.out


def student(batch_size):
    schedule = Schedule(lr=2e-3, epochs=1, batch_size=batch_size)
    return TinyLlava(sft=schedule, dpo=schedule, together=ADAPTERS)


def jobs(root, stage, start):
    examples, objective, start = {"sft": (TARGETS, SFT, None), "dpo": (PAIRS, DPO, start)}[stage]
    number = next(FRESH)
    benches = [workbench(root, seed, f"{number}-{seed}") for seed in range(ADAPTERS)]
    return [Job(ITEMS, examples, objective, start, bench) for bench in benches]


def losses(done):
    logs = [(job.bench.out / "log.jsonl").read_text().splitlines() for job in done]
    return [json.loads(line)["loss"] for log in logs for line in log if "loss" in json.loads(line)]


def one_after_the_other(model, some):
    for job in some:
        model.train(job.items, job.examples, job.objective, job.start, job.bench)


def together(model, some):
    model.train_many(some)


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("how", [one_after_the_other, together], ids=["alone", "together"])
@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_adapters(benchmark, tmp_path, start, stage, batch_size, how):
    benchmark.group = f"{ADAPTERS} adapters, {stage}, batches of {batch_size}"
    model, expected = student(batch_size), jobs(tmp_path, stage, start)
    one_after_the_other(model, expected)
    ended = []
    benchmark.pedantic(
        lambda some: ended.append(some) or how(model, some),
        setup=lambda: ((jobs(tmp_path, stage, start),), {}),
        rounds=2,
    )
    for done in ended:
        assert losses(done) == pytest.approx(losses(expected), abs=1e-5)
    benchmark.extra_info["largest_loss_difference"] = max(
        abs(loss - other) for done in ended for loss, other in zip(losses(done), losses(expected), strict=True)
    )
