"""What only a CUDA device can show of devices, workers, bytes and memory: `make gpu-test` (about three minutes).

Models are tiny and data synthetic; each test says what it found. Skipped where torch finds no device.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from itertools import combinations
from threading import Event, Thread

import pytest
from tiny_families import make
from trials import fresh, largest_difference, perform, plan_of

from harness import events, planning
from harness.diagnosis import view
from harness.plugins import Registry
from harness.reading import parse
from harness.run import run
from harness.steps import bench
from harness.store import Store
from harness_executors.devices import found

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")

WORLD = """\
benchmarks:
  world: {{uses: newsworld, seed: 2, train: {train}, validation: 0, test: {test}}}
teachers:
  entities: {{uses: evidence-overlap, sources: [entities], checks: names, threshold: 0.75}}
  titles: {{uses: evidence-overlap, sources: [captions], checks: all, threshold: 0.6}}
students: {{tiny: {{uses: tiny-llava, {student}}}}}
rules: {{disagreement: hard-disagreement}}
strategies: {strategies}
label_fractions: [{fraction}]
seeds: {seeds}
executor: {executor}
reports: {{}}
"""
TWO = "{uses: local, workers: 2, threads: 1, gpus: auto}"
SCHEDULES = "{zero-shot: zero-shot, stage1-only: stage1-only, mmkd: mmkd}"
ROUNDING = 0.06
"""How far accuracies on 300 items may lie from a processor's: other rounding, another training."""

LARGE = 1024
"""Rows in a batch for which a few gigabytes are too little."""


class Silent:
    """Watches a run and says nothing."""

    def begin(self, total, reused): ...
    def started(self, step): ...
    def ended(self, step, report): ...


class Trial:
    """A matrix that was run in a store of its own."""

    def __init__(
        self, root, student, executor=TWO, train=300, test=300, strategies=SCHEDULES, fraction=0.1, seeds=(0, 1)
    ):
        registry = Registry.installed()
        given = {"train": train, "test": test, "strategies": strategies, "fraction": fraction}
        text = WORLD.format(student=student, executor=executor, seeds=list(seeds), **given)
        self.plan, self.store = planning.make(parse(text, registry)), Store(root)
        self.outcome = run(self.plan, self.store, self.plan.matrix.executor, registry, {}, Silent())
        print("".join(f"\n{reason}" for reason in self.outcome.reasons.values()), end="")
        assert set(self.outcome.states.values()) == {"done"}

    def provenance(self, kind):
        steps = [(key, step) for key, step in self.plan.steps.items() if step.kind == kind]
        return [self.store.manifest(kind, key)["provenance"] for key, _ in steps]

    def accuracies(self):
        return view(self.plan, self.store).arms.set_index("arm")["accuracy"].to_dict()

    def adapters(self):
        steps = [key for key, step in self.plan.steps.items() if step.kind == "train"]
        return {key: self.store.manifest("train", key)["proofs"]["adapter_sha256"] for key in steps}

    def losses(self):
        steps = [key for key, step in self.plan.steps.items() if step.kind == "train"]
        logs = [(self.store.folder("train", key) / bench.LOG).read_text().splitlines() for key in steps]
        return [line["loss"] for log in logs for line in map(json.loads, log) if "loss" in line]

    def spans(self, kind):
        """When each step began and ended."""
        (path,) = (self.store.root / "events").glob("*.jsonl")
        lines = [line for line in events.read(path) if line.get("kind", kind) == kind]
        begun = {line["step"]: line["time"] for line in lines if line["event"] == "started"}
        return [
            (begun[line["step"]], line["time"]) for line in lines if line["event"] == "ended" and line["step"] in begun
        ]


@contextmanager
def most_taken():
    """The most bytes of the device that were taken beside what was taken before, by whatever process."""
    most, over, before = [0], Event(), torch.cuda.mem_get_info()[0]

    def look():
        while not over.wait(0.01):
            most[0] = max(most[0], before - torch.cuda.mem_get_info()[0])

    thread = Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def on_processor(tmp_path_factory):
    executor = "{uses: local, workers: 2, threads: 4, gpus: 0}"
    return Trial(tmp_path_factory.mktemp("cpu"), "device: cpu", executor).accuracies()


def test_the_driver_and_torch_tell_of_the_same_devices():
    devices = found()
    assert len(devices) == torch.cuda.device_count()
    for place, device in enumerate(devices):
        known = torch.cuda.get_device_properties(place)
        print(f"\n{device}: {known.name}, {known.total_memory / 1e9:.1f} GB by torch")
        # What the driver keeps for itself is in its own number alone.
        assert known.total_memory / 1e9 <= device.gb <= 1.05 * known.total_memory / 1e9


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_two_workers_share_a_device_and_end_about_where_a_processor_does(dtype, tmp_path, on_processor):
    share = found()[0].gb / 3
    trial = Trial(tmp_path, f"dtype: {dtype}, gpu_gb: {share:.1f}")
    told = trial.provenance("train")
    assert {known["device"] for known in told} == {torch.cuda.get_device_name()}
    spans = trial.spans("train")
    assert any(one[0] < other[1] and other[0] < one[1] for one, other in combinations(spans, 2))
    accuracies = trial.accuracies()
    print(f"\n{dtype}: {accuracies}\nprocessor: {on_processor}")
    print(f"seconds of trainings: {[known['seconds'] for known in told]}")
    assert accuracies == pytest.approx(on_processor, abs=ROUNDING)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_training_that_is_done_again_gives_the_same_bytes(dtype, tmp_path):
    about = {"executor": "inline", "train": 60, "test": 8, "fraction": 0.25, "seeds": [0]}
    trials = []
    for name in ("one", "two"):
        bench.forget_warm()
        trials.append(Trial(tmp_path / name, f"dtype: {dtype}", **about))
    one, two = trials
    alike = [one.adapters()[key] == two.adapters()[key] for key in one.adapters()]
    apart = max(abs(first - second) for first, second in zip(one.losses(), two.losses(), strict=True))
    print(f"\n{dtype}: same bytes {alike}, losses apart by {apart:.2g} at most")
    assert all(alike)


@pytest.mark.parametrize("family", ["llava", "llava_next", "idefics3", "paligemma", "gemma3"])
def test_the_engine_has_the_losses_of_stock_trl(family, tmp_path):
    model = make(family, tmp_path / "model")
    settings = {"model": str(model), "strategies": {"mmkd": "mmkd"}, "fractions": [0.25], "seeds": [0]}
    outcomes = []
    for engine in ("off", "on"):
        with fresh() as store:
            outcomes.append(perform(plan_of(engine=engine, **settings, train=24, test=8, batch=4), store))
    apart = largest_difference(*outcomes)
    print(f"\n{family}: losses apart by {apart:.1e}")
    assert apart < 1e-3


def test_a_training_that_has_no_room_on_the_device_is_done_with_half_as_much_at_once(tmp_path):
    student = (
        f"sft: {{lr: 1.0e-3, epochs: 1, batch_size: {LARGE}}}, gradient_checkpointing: false, predict_batch_size: 8"
    )
    executor = "{uses: local, workers: 1, threads: 4, gpus: auto}"
    about = {"train": 600, "test": 20, "strategies": "{stage1-only: stage1-only}", "seeds": [0]}
    with most_taken() as taken:
        whole = Trial(tmp_path / "whole", student, executor, **about)
    [free] = whole.provenance("train")
    peak = max(line.get("peak_bytes", 0) for line in free["measured"])
    # A context takes more than half a gigabyte; what the allocator held beyond the peak is not needed.
    room = int(6.5e8 + 0.9 * peak)
    print(f"\ntaken {taken[0] / 1e9:.2f} GB, of these a peak of {peak / 1e9:.2f}; left {room / 1e9:.2f}", flush=True)
    ballast = torch.empty(torch.cuda.mem_get_info()[0] - room, dtype=torch.uint8, device="cuda")
    try:
        tight = Trial(tmp_path / "tight", student, executor, **about)
    finally:
        del ballast
        torch.cuda.empty_cache()
    [known] = tight.provenance("train")
    halved = max(line.get("peak_bytes", 0) for line in known["measured"])
    print(f"halvings {known.get('halvings')}, peak {halved / 1e9:.2f} GB, after: {known.get('tried_after', '')[:160]}")
    print(f"losses {whole.losses()} and {tight.losses()}")
    assert "halvings" not in free
    assert known["halvings"] == 1
    assert "out of memory" in known["tried_after"]
    assert tight.losses() == pytest.approx(whole.losses(), rel=1e-3)


def test_trainings_that_are_done_together_end_as_if_each_were_alone(tmp_path):
    about = {"train": 100, "test": 20, "strategies": "{stage1-only: stage1-only}", "seeds": range(8)}
    executor = "{uses: local, workers: 1, threads: 4, gpus: auto}"
    student = "sft: {lr: 5.0e-3, epochs: 2, batch_size: 8}"
    trials = [Trial(tmp_path / str(count), f"{student}, together: {count}", executor, **about) for count in (1, 8)]
    alone, together = (sum(known["seconds"] for known in trial.provenance("train")) for trial in trials)
    apart = max(abs(one - other) for one, other in zip(*(trial.losses() for trial in trials), strict=True))
    print(f"\n8 trainings: {alone:.1f} s one after the other, {together:.1f} s together; losses apart by {apart:.1e}")
    assert apart < 0.05
