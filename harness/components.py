"""The kinds of component. A component is a frozen model whose fields are its options.

One declaration gives typing, validation with position, cache identity, pickling and the report's text.
A component keeps no heavy state: what is heavy lives inside the method that needs it.
"""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor as Workers
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from harness.errors import DataError, TrainingError
from harness.handed import Panel, Pool, Workbench
from harness.types import (
    SPLITS,
    Annotation,
    Example,
    Exported,
    Item,
    Prediction,
    Preview,
    Ranked,
    Split,
    Verdict,
)

if TYPE_CHECKING:
    from harness.view import RunView

T = TypeVar("T")


class Need(StrEnum):
    """What a rule or a recipe reads besides the items; the plan inserts the steps that make it."""

    ANNOTATIONS = "annotations"
    """What the teachers said about the training items."""
    RANK = "rank"
    """The conflict rule's order of the training items."""
    LABELS = "labels"
    """Bought ground truth; implies the rank by which it is bought."""
    STAGE1_PREDICTIONS = "stage1_predictions"
    """What the stage-1 student says about the training items."""


class Accepts(StrEnum):
    """What a student can be trained on, and what a recipe yields."""

    TARGETS = "targets"
    SOFT_TARGETS = "soft targets"
    WEIGHTS = "weights"
    PREFERENCES = "preferences"
    IMAGE_PREFERENCES = "image-conditional preferences"
    SEVERAL_REJECTED = "several rejected answers"


class Component(BaseModel, ABC):
    """Something that a matrix names. It is best made without arguments: options have defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), use_attribute_docstrings=True)

    kind: ClassVar[str]
    name: ClassVar[str]
    """What a matrix calls it: lower case, words joined by hyphens."""
    revision: ClassVar[int]
    """The author's promise to raise it with every change of the output; without it the source is the identity."""
    transport: ClassVar[frozenset[str]] = frozenset()
    """Options that say how an answer is fetched, not what it is; they are no part of the identity."""
    templates: ClassVar[tuple[str, ...]] = ()
    """Files beside the class's module, whose content is part of the identity."""
    libraries: ClassVar[tuple[str, ...]] = ()
    """Packages besides its own whose modules are part of the identity where it imports them."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """An option that a subclass only gives another default keeps its parent's description."""
        for name, field in cls.model_fields.items():
            for base in cls.__mro__[1:]:
                known = getattr(base, "__pydantic_fields__", {}).get(name)
                if field.description is None and known is not None:
                    field.description = known.description

    def digest(self) -> str:
        """Hex digest of the files that the output depends on; empty where there are none."""
        return ""


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

    def needs(self) -> frozenset[Need]:
        """What the rule reads."""
        return frozenset({Need.ANNOTATIONS})

    @abstractmethod
    def rank(self, panel: Panel, seed: int) -> Sequence[Ranked]:
        """Every item exactly once, first to be bought first.

        The order must not depend on the order of the panel's items; ties are broken by ``seed``.
        """


Reference = Literal["start", "base", "none"]


class Objective(BaseModel):
    """What training minimises: data, not code.

    Targets enter with their negative log-likelihood. Preferences enter with the sum of ``losses``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    losses: Mapping[str, float] = Field(default_factory=dict)
    """Weight of each preference loss, by TRL's names and those in `Student.losses`; ``sft`` is the likelihood of the
    chosen answer, so that CPO is ``{cpo: 1, sft: 1}`` and ORPO ``{orpo: 1, sft: 1}``."""
    beta: float = Field(default=0.1, gt=0)
    """How strongly a preference loss holds the policy to the reference (DPO, eq. 7 of arXiv 2305.18290); in a loss
    without a reference the scale of its reward (SimPO's is 2 and more), and ORPO's λ."""
    gamma: float = Field(default=0.5, ge=0)
    """The margin by which SimPO wants the chosen answer's reward above a rejected one's (arXiv 2405.14734)."""
    reference: Reference = "start"
    """The preference losses' reference model: the start of this training, the base, or none."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the examples, where the student's own setting is not to be used."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate, where the student's own setting is not to be used."""


@dataclass(frozen=True, slots=True)
class Job:
    """One of several trainings at once: what `Student.train` is given."""

    items: Mapping[str, Item]
    examples: Sequence[Example]
    objective: Objective
    start: Path | None
    bench: Workbench


class Recipe(Component):
    """One training: which examples are made of what is known, and what is minimised over them."""

    kind = "recipe"
    name = "recipe"

    objective: Objective = Objective()

    @abstractmethod
    def needs(self) -> frozenset[Need]:
        """What `examples` reads."""

    @abstractmethod
    def examples(self, pool: Pool) -> Iterable[Example]:
        """Targets and preferences, in a fixed order."""

    def asks(self) -> frozenset[Accepts]:
        """What the student must accept."""
        return frozenset({Accepts.TARGETS})


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

    @abstractmethod
    def render(self, view: RunView, out: Path) -> Sequence[Path]:
        """Write into the folder ``out`` and return the files, the one to open first.

        The same view gives the same bytes. Everything in a view that came from a model, a data set or a
        plugin is untrusted text.
        """


class Executor(Component):
    """Where steps run: this process, this machine's workers, a cluster."""

    kind = "executor"

    @abstractmethod
    def open(self) -> AbstractContextManager[Workers]:
        """Workers for one run; a call that is submitted must be picklable."""

    def slots(self) -> int:
        """How many steps may run at once."""
        return 1


KINDS: Mapping[str, type[Component]] = {
    cls.kind: cls for cls in (Benchmark, Teacher, Student, ConflictRule, Strategy, Report, Executor)
}
