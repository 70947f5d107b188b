"""Trainings that are killed and go on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.api import Objective, Preference, Target, opposite
from harness.testing import workbench
from harness_benchmarks.newsworld import NewsWorld
from harness_students.tiny import TinyLlava
from harness_students.vlm_trl import Schedule

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

WORLD = NewsWorld(train=10, validation=0, test=2)
ITEMS = {item.id: item for item in WORLD.items("train")}
TARGETS = [Target(key, label, rationale=words) for key, label in WORLD.labels("train").items() for words in ("a", "b")]
PAIRS = [Preference(one.item_id, one, (Target(one.item_id, opposite(one.verdict)),)) for one in TARGETS]
GROUPS = [Preference(pair.item_id, pair.chosen, (*pair.rejected, Target(pair.item_id, "pristine"))) for pair in PAIRS]
OBJECTIVES = {
    "targets": Objective(),
    "pairs": Objective(losses={"sigmoid": 1.0, "sft": 1.0}),
    "groups": Objective(losses={"plackett_luce": 1.0, "sft": 1.0}),
}
EXAMPLES = {"targets": TARGETS, "pairs": PAIRS, "groups": GROUPS}
# Five batches and three steps in an epoch, so that a kill after step 4 is amid the second one.
SCHEDULE = Schedule(lr=2e-3, epochs=2, batch_size=4, accumulate=2)
STUDENT = TinyLlava(sft=SCHEDULE, dpo=SCHEDULE, threads=1, checkpoint_minutes=0, dropout=0.1)
FILE = "adapter_model.safetensors"


def train(folder, kind, start=None, kill_after=None, student=STUDENT):
    """The workbench of a training, which dies by its own hand when a step has been saved."""
    bench = workbench(folder)
    bench.lines, write = [], bench.log

    def log(**values):
        bench.lines.append(values)
        if kill_after is not None and (bench.checkpoints / f"checkpoint-{kill_after}" / "seal.json").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        write(**values)

    bench.log = log
    student.train(ITEMS, EXAMPLES[kind], OBJECTIVES[kind], start, bench)
    return bench


@pytest.fixture(scope="module")
def stage1(tmp_path_factory):
    return train(tmp_path_factory.mktemp("stage1"), "targets")


@pytest.fixture(scope="module")
def killed(tmp_path_factory, stage1):
    """Folders of trainings that were killed after their fourth step, by kind."""
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in EXAMPLES}
    words = [sys.executable, __file__, *map(str, (stage1.out, *folders.values()))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == [str(-signal.SIGKILL)] * len(folders), done.stderr
    return folders


@pytest.fixture(scope="module", params=EXAMPLES)
def trained(request, tmp_path_factory, stage1, killed):
    """The kind, where it starts, a whole training, and the folder of a killed one."""
    start = None if request.param == "targets" else stage1.out
    whole = train(tmp_path_factory.mktemp("whole"), request.param, start) if start else stage1
    return request.param, start, whole, killed[request.param]


def comparable(lines):
    return [{name: value for name, value in line.items() if name != "train_loss"} for line in lines]


def test_a_killed_training_goes_on_as_if_nothing_had_been(trained, tmp_path):
    kind, start, whole, killed = trained
    bench = train(shutil.copytree(killed, tmp_path / "copy"), kind, start)
    assert bench.proofs["resumed_at_step"] == 4
    assert comparable(bench.lines) == comparable(whole.lines)
    assert (bench.out / FILE).read_bytes() == (whole.out / FILE).read_bytes()
    assert {file.name for file in bench.out.iterdir()} == {FILE, "adapter_config.json", "log.jsonl"}
    if start:
        assert bench.proofs["reference_adapter_sha256"] == whole.proofs["reference_adapter_sha256"]
        assert bench.proofs["first_step_rewards"] == whole.proofs["first_step_rewards"]


def spoil(folder, how):
    newest = max(folder.glob("store/checkpoints/*/checkpoint-*"))
    if how == "is damaged":
        weights = newest / FILE
        weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    else:
        (newest / "seal.json").write_text('{"training": 1}')


@pytest.mark.parametrize("fault", ["is damaged", "is not complete"])
def test_a_checkpoint_that_is_not_whole_is_ignored_and_said(stage1, killed, tmp_path, fault):
    copy = shutil.copytree(killed["targets"], tmp_path / "copy")
    spoil(copy, fault)
    bench = train(copy, "targets")
    assert bench.proofs["checkpoint_ignored"] == f"checkpoint-4 {fault}"
    assert "resumed_at_step" not in bench.proofs
    assert (bench.out / FILE).read_bytes() == (stage1.out / FILE).read_bytes()


def test_a_checkpoint_of_another_training_is_ignored_and_said(trained, tmp_path):
    kind, start, _, killed = trained
    other = STUDENT.model_copy(update={"sft": SCHEDULE.model_copy(update={"lr": 1e-3}), "dpo": Schedule(lr=1e-3)})
    bench = train(shutil.copytree(killed, tmp_path / "copy"), kind, start, student=other)
    assert bench.proofs["checkpoint_ignored"] == "checkpoint-4 is of another training"


def test_a_checkpoint_holds_no_reference_and_nothing_pickled_but_what_is_read_as_weights_alone(trained):
    _, _, _, killed = trained
    (folder,) = killed.glob("store/checkpoints/*/checkpoint-*")
    assert {file.name for file in folder.iterdir()} == {
        *(FILE, "adapter_config.json", "README.md"),
        *("optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", "seal.json"),
    }
    for name in ("optimizer.pt", "scheduler.pt"):
        torch.load(folder / name, weights_only=True)


def test_without_minutes_there_is_no_checkpoint(tmp_path):
    bench = train(tmp_path, "targets", student=STUDENT.model_copy(update={"checkpoint_minutes": None}))
    assert not any(bench.checkpoints.iterdir())


def die(folder, kind, start):
    """Train in a process of its own and return its exit code."""
    child = os.fork()
    if child == 0:
        train(folder, kind, start, kill_after=4)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    start, *folders = map(Path, sys.argv[1:])
    for kind, folder in zip(EXAMPLES, folders, strict=True):
        print(die(folder, kind, None if kind == "targets" else start), flush=True)
