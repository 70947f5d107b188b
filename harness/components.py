"""The kinds of component. A component is a frozen model whose fields are its options.

One declaration gives typing, validation with position, cache identity, pickling and the report's text.
A component keeps no heavy state: what is heavy lives inside the method that needs it.
"""

from __future__ import annotations

import shutil
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor as Workers
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from harness.component import Component
from harness.errors import DataError, TrainingError
from harness.handed import Panel, Workbench
from harness.label_model import LabelModel
from harness.recipe import Accepts, Job, Need, Objective, Recipe
from harness.resources import Resources
from harness.types import (
    SPLITS,
    Annotation,
    DataFile,
    Example,
    Exported,
    Item,
    Prediction,
    Preview,
    Ranked,
    Skipped,
    Split,
    Verdict,
)

if TYPE_CHECKING:
    from harness.view import RunView

__all__ = ["KINDS", "Benchmark", "ConflictRule", "Executor", "LabelModel", "Report", "Strategy", "Student", "Teacher"]


class Benchmark(Component):
    """A data set: items, and their labels apart from them."""

    kind = "benchmark"

    @abstractmethod
    def items(self, split: Split) -> Sequence[Item]:
        """The items of a split in a fixed order; empty where the data set has no such split."""

    @abstractmethod
    def labels(self, split: Split) -> Mapping[str, Verdict]:
        """Ground truth by item id; ids may be missing on ``train``, where nobody has labelled them."""

    def references(self, split: Split) -> Mapping[str, str]:
        """Reference rationales by item id, as far as there are any; only what is reported of a run reads them."""
        return {}

    def posts(self) -> Sequence[Item | DataError]:
        """Items to be judged, in the order of the data, an error in the place of an unfit one; by default all items."""
        return [item for split in SPLITS for item in self.items(split)]

    def gives(self) -> frozenset[str]:
        """Parts that its items have: ``image``, ``evidence``, ``features.NAME``."""
        return frozenset({"image"})

    def notes(self) -> Mapping[str, str | int]:
        """Facts about how the data were read that a report must tell, such as what was filtered."""
        return {}

    def files(self) -> Sequence[DataFile]:
        """The files it is read from, those that are missing too; raises nothing for a missing one."""
        return ()

    def skipped(self) -> Sequence[Skipped]:
        """Every entry of the data that became no item, with the reason."""
        return ()

    def given(self) -> Path | None:
        """File of labels that people gave, to which `harness labels import` adds; None where none was named.

        A benchmark that can be given one has an option called ``label_file``, null by default, and reads it with
        `harness.api.given_labels`.
        """
        return None

    def oracles(self) -> Sequence[str]:
        """What of the way it is read depends on the label, a sentence each; every report says so."""
        return ()


class Teacher(Component):
    """Annotates items with a verdict and a rationale."""

    kind = "teacher"

    @abstractmethod
    def annotate(self, items: Sequence[Item]) -> Iterable[Annotation]:
        """One annotation per item, in any order; each is journalled as it comes.

        What cannot be answered for good (an unreadable image) is an annotation whose outcome is ``error``;
        what may be answered on another try is one with ``again``, or is raised, and the answers so far are kept.
        A generator that takes item after item, as it can ask, is stopped by a budget without losing an answer.
        """

    def priced(self) -> bool:
        """Whether its answers say what they cost (`harness.types.Usage.usd`); a free teacher's do, with 0."""
        return True

    def reads(self) -> frozenset[str]:
        """Parts of an item that it needs (`Benchmark.gives`)."""
        return frozenset()

    def resources(self) -> Resources:
        """What annotating takes of the machine that runs the step; nothing where a server does the work."""
        return Resources()

    def preview(self, item: Item) -> Preview | None:
        """What a model would be asked about an item, as it would be sent; None where nobody is asked in words.

        Nothing is called. It raises what makes asking about this item impossible, such as `UnreadableImage`.
        """
        return None


class ConflictRule(Component):
    """Orders the training items by how much a label would tell, and says where the teachers conflict."""

    kind = "rule"
    min_teachers: ClassVar[int] = 2
    """Smallest set of teachers on which the rule means anything."""

    def fewest_teachers(self) -> int:
        """`min_teachers`, where it does not hang on an option, as in a rule that asks another rule."""
        return self.min_teachers

    def teachers(self) -> frozenset[str] | None:
        """Labels of the teachers whose answers it reads; None for all of the set."""
        return None

    def needs(self) -> frozenset[Need]:
        """What the rule reads."""
        return frozenset({Need.ANNOTATIONS})

    def reads(self) -> frozenset[str]:
        """Parts of an item that it needs (`Benchmark.gives`)."""
        return frozenset()

    def informed(self) -> bool:
        """Whether it knows anything of the items; one that does not is the control of those that do."""
        return bool(self.needs() or self.reads())

    @abstractmethod
    def rank(self, panel: Panel, seed: int) -> Sequence[Ranked]:
        """Every item exactly once, first to be bought first.

        The order must not depend on the order of the panel's items; ties are broken by ``seed``.
        """


class Strategy(Component):
    """What a student learns in each of the two stages; a stage is a sequence of recipes, maybe empty."""

    kind = "strategy"

    rule: str | None = None
    """Name of the rule by which this strategy buys, whatever the matrix's rules are."""

    @abstractmethod
    def stage1(self) -> Sequence[Recipe]:
        """Recipes on all training items."""

    @abstractmethod
    def stage2(self) -> Sequence[Recipe]:
        """Recipes that go on from where stage 1 ended."""

    def ablations(self) -> Mapping[str, Strategy]:
        """Itself with one factor off or changed, each by a name such as ``no replay``."""
        return {}


class Student(Component):
    """A small model that is trained on examples and predicts verdicts."""

    kind = "student"

    def reads(self) -> frozenset[str]:
        """Parts of an item that it needs (`Benchmark.gives`)."""
        return frozenset({"image"})

    @abstractmethod
    def accepts(self) -> frozenset[Accepts]:
        """What it can be trained on."""

    def losses(self) -> frozenset[str]:
        """Names of the preference losses it knows."""
        return frozenset()

    @abstractmethod
    def train(
        self,
        items: Mapping[str, Item],
        examples: Sequence[Example],
        objective: Objective,
        start: Path | None,
        bench: Workbench,
    ) -> None:
        """Train from ``start`` (a folder that an earlier call wrote, or the base) and write to ``bench.out``.

        ``bench.seed`` fixes every random choice, the new weights first of all.
        """

    def at_once(self) -> int:
        """How many trainings `train_many` may be given; 1 means that each is done by `train`."""
        return 1

    def train_many(self, jobs: Sequence[Job]) -> None:
        """Do several trainings; each writes what `train` alone would write. Where it raises, each is done alone."""
        for job in jobs:
            self.train(job.items, job.examples, job.objective, job.start, job.bench)

    def resources(self) -> Resources:
        """What training takes of a machine, and predicting too unless `resources_to_predict` says otherwise."""
        return Resources()

    def resources_to_predict(self) -> Resources:
        """What predicting takes of a machine."""
        return self.resources()

    @abstractmethod
    def predict(self, items: Sequence[Item], model: Path | None, bench: Workbench) -> Iterable[Prediction]:
        """One prediction per item, in any order; ``model`` is what `train` wrote, or None for the base."""

    def export(self, model: Path, merged: bool, bench: Workbench) -> Exported:
        """Write to ``bench.out`` what others load of ``model``, which `train` wrote; by default a copy.

        ``merged`` asks for one model that needs no base; raises `TrainingError` where there is no such thing.
        """
        if merged:
            raise TrainingError("has no base to merge with", place=self.name, remedy="export it without --merged")
        shutil.copytree(model, bench.out, dirs_exist_ok=True)
        return Exported()


class Report(Component):
    """Renders a run to files."""

    kind = "report"
    outside: ClassVar[bool] = False
    """Whether it writes or sends anything besides files into ``out``. A capsule leaves it out: what others packed must
    reach nothing else."""

    @abstractmethod
    def render(self, view: RunView, out: Path) -> Sequence[Path]:
        """Write into the folder ``out`` and return the files, the one to open first.

        The same view gives the same bytes. Everything in a view that came from a model, a data set or a
        plugin is untrusted text.
        """


class Executor(Component):
    """Where steps run: this process, this machine's workers, a cluster. When they may run is the core's business."""

    kind = "executor"
    in_process: ClassVar[bool] = False
    """Whether calls run in the very process that submits them."""

    @abstractmethod
    def open(self) -> AbstractContextManager[Workers]:
        """Workers for one run. What a run submits is `Work`; ``cancel`` of its future may end it while it runs.

        Where the workers are `Placing`, they are asked whether there is room; otherwise `slots` says how much there is.
        """

    def slots(self) -> int:
        """How many steps may run at once."""
        return 1


KINDS: Mapping[str, type[Component]] = {
    cls.kind: cls for cls in (Benchmark, Teacher, Student, ConflictRule, LabelModel, Strategy, Report, Executor)
}
