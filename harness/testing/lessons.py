"""What students are tried on: a few small trainings, each done once for all the rules that look at it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from harness.components import Student
from harness.errors import MissingDependency
from harness.recipe import Accepts, Job, Objective
from harness.steps.bench import StepBench as Bench
from harness.store import Store
from harness.testing import material
from harness.testing.contract import broken, skip, told
from harness.types import Example, Item, Prediction, Preference, Target, opposite

ITEMS = 16
FEW = 6

Said = dict[str, Prediction]


class Lessons:
    """One student's trainings. What is made is a property, so that a rule trains only what it needs."""

    def __init__(self, student: Student) -> None:
        self.student = student
        self.root = Path(tempfile.mkdtemp(prefix="harness-lessons-"))
        atexit.register(shutil.rmtree, self.root, ignore_errors=True)
        self.items: list[Item] = material.items(ITEMS, student.reads())
        self.by_id = {item.id: item for item in self.items}
        self.truth = material.truth(self.items)

    @cached_property
    def untrained(self) -> Said:
        """Predictions of the base."""
        return self.predict(None)

    @cached_property
    def stage1(self) -> Path:
        """Trained on the items' true verdicts."""
        return self.train("stage1", self.targets(self.items), None)

    @cached_property
    def stage1_again(self) -> Path:
        """The same training once more."""
        return self.train("stage1-again", self.targets(self.items), None)

    @cached_property
    def stage2(self) -> Path:
        """Trained on a few flipped verdicts, from stage 1."""
        return self.train("stage2", self.flipped(), self.stage1)

    @cached_property
    def stage2_alone(self) -> Path:
        """Trained on the same flipped verdicts, from the base."""
        return self.train("stage2-alone", self.flipped(), None)

    @cached_property
    def other_seed(self) -> Path:
        """As stage 1, with another seed."""
        return self.train("other-seed", self.targets(self.items), None, seed=2)

    def train_together(self) -> list[Path]:
        """Stage 1, another seed and stage 2 at once, as many of them as the student takes."""
        jobs = [
            self.job("stage1-together", self.targets(self.items), None),
            self.job("other-seed-together", self.targets(self.items), None, seed=2),
            self.job("stage2-together", self.flipped(), self.stage1),
        ][: self.student.at_once()]
        try:
            self.student.train_many(jobs)
        except MissingDependency:
            raise
        except Exception as error:
            broken(f"train_many() raised {told(error)}")
        return [job.bench.out for job in jobs]

    def targets(self, items: Sequence[Item]) -> list[Target]:
        """True verdicts with words."""
        return [Target(item.id, self.truth[item.id], rationale="So the pages say.") for item in items]

    def flipped(self) -> list[Example]:
        """Wrong verdicts of the first few items."""
        return [Target(item.id, opposite(self.truth[item.id])) for item in self.items[:FEW]]

    def examples(self, kind: Accepts) -> Sequence[Example]:
        """A few examples of a kind."""
        few = self.items[:FEW]
        match kind:
            case Accepts.TARGETS:
                return self.targets(few)
            case Accepts.SOFT_TARGETS:
                return [Target(item.id, p_falsified=0.25 + 0.5 * (index % 2)) for index, item in enumerate(few)]
            case Accepts.WEIGHTS:
                return [Target(item.id, self.truth[item.id], weight=0.5 + index) for index, item in enumerate(few)]
            case Accepts.TASKS:
                label = [replace(target, rationale="", task="label") for target in self.targets(few)]
                return [*label, *(replace(target, task="rationale") for target in self.targets(few))]
        return [self._preference(index, kind) for index in range(FEW)]

    def _preference(self, index: int, kind: Accepts) -> Preference:
        item, other = self.items[index], self.items[index + 1]
        right, wrong = self.truth[item.id], opposite(self.truth[item.id])
        rejected: tuple[Target, ...] = (Target(item.id, wrong, rationale="The pages say otherwise."),)
        if kind is Accepts.SEVERAL_REJECTED:
            rejected += (Target(item.id, wrong),)
        image_of = other.id if kind is Accepts.IMAGE_PREFERENCES else None
        return Preference(item.id, Target(item.id, right, rationale="So the pages say."), rejected, image_of)

    def train(self, name: str, examples: Sequence[Example], start: Path | None, seed: int = 1) -> Path:
        """Train into a new folder; where that fails, another rule says so."""
        try:
            return self.try_to_train(name, examples, start, seed)
        except MissingDependency:
            raise
        except Exception as error:
            skip(f"train() raised {told(error)}")

    def try_to_train(self, name: str, examples: Sequence[Example], start: Path | None, seed: int = 1) -> Path:
        """Train into a new folder."""
        job = self.job(name, examples, start, seed)
        self.student.train(job.items, job.examples, job.objective, job.start, job.bench)
        return job.bench.out

    def job(self, name: str, examples: Sequence[Example], start: Path | None, seed: int = 1) -> Job:
        """A training into a new folder."""
        return Job(self.by_id, examples, self.objective(examples), start, workbench(self.root, seed, name))

    def objective(self, examples: Sequence[Example]) -> Objective:
        """Targets by their likelihood; preferences by the student's plainest loss."""
        if not any(isinstance(example, Preference) for example in examples):
            return Objective()
        known = self.student.losses()
        plain = [loss for loss in ("sigmoid", "sft") if loss in known] or sorted(known)[:1]
        return Objective(losses=dict.fromkeys(plain, 1.0))

    def predict(self, model: Path | None, items: Sequence[Item] | None = None) -> Said:
        """Predictions by item id; where that fails, another rule says so."""
        try:
            said = self.try_to_predict(model, self.items if items is None else items)
        except MissingDependency:
            raise
        except Exception as error:
            skip(f"predict() raised {told(error)}")
        return {prediction.item_id: prediction for prediction in said if isinstance(prediction, Prediction)}

    def try_to_predict(self, model: Path | None, items: Sequence[Item]) -> list[Prediction]:
        """Predictions as the student gives them."""
        return list(self.student.predict(items, model, self.bench("predict")))

    def bench(self, name: str) -> Bench:
        """A workbench with an empty folder."""
        return workbench(self.root, name=name)


def workbench(folder: Path, seed: int = 1, name: str = "model") -> Bench:
    """A workbench as a step has it: ``out`` is the empty folder ``name``, cache and checkpoints lie beside it."""
    out = folder / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    return Bench(Store(folder / "store"), name, out, seed)


_LESSONS: dict[tuple[type[Student], str], Lessons] = {}


def lessons(student: Student) -> Lessons:
    """The trainings of a student with these options, kept for this process."""
    key = (type(student), repr(student))
    if key not in _LESSONS:
        _LESSONS[key] = Lessons(student)
    return _LESSONS[key]


def same(one: Mapping[str, Prediction], other: Mapping[str, Prediction]) -> bool:
    """Whether no prediction of an item that both judge differs."""
    return all(distance(one[item_id], other[item_id]) < 1e-6 for item_id in one.keys() & other.keys())


def distance(one: Prediction, other: Prediction) -> float:
    """How far two predictions are apart: 1 where they differ in words, else by their probabilities."""
    if (one.outcome, one.p_falsified is None) != (other.outcome, other.p_falsified is None):
        return 1.0
    if one.p_falsified is None or other.p_falsified is None:
        return float((one.verdict, one.text) != (other.verdict, other.text))
    return abs(one.p_falsified - other.p_falsified)
