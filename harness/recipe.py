"""One training: what it reads, which examples it learns and what it minimises."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.component import Component
from harness.handed import Pool, Workbench
from harness.types import Example, Item


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
    VALIDATION = "validation"
    """Ground truth of the validation split with what the teachers said about it: `Panel.validation`."""


class Accepts(StrEnum):
    """What a student can be trained on, and what a recipe yields."""

    TARGETS = "targets"
    SOFT_TARGETS = "soft targets"
    WEIGHTS = "weights"
    PREFERENCES = "preferences"
    IMAGE_PREFERENCES = "image-conditional preferences"
    SEVERAL_REJECTED = "several rejected answers"
    TASKS = "label and rationale tasks"
    """Targets whose `Target.task` is ``label`` or ``rationale``."""


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

    def teachers(self) -> frozenset[str] | None:
        """Labels of the only teachers that it hears; None for every teacher of the cell."""
        return None

    def min_teachers(self) -> int:
        """Smallest set of teachers on which it means anything."""
        return 1

    def asks(self) -> frozenset[Accepts]:
        """What the student must accept."""
        return frozenset({Accepts.TARGETS})
