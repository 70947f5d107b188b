"""Cells over shared steps: what is to be done, without a word of how it was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import floor
from typing import Any, Literal

from harness.ablate import Kind
from harness.cells import Point, Role
from harness.component import Component
from harness.families import ABLATION, Family
from harness.identity import IDENTITY_VERSION, digest, identity
from harness.intake import BenchmarkFacts
from harness.matrix import Matrix
from harness.types import Split

# A step's revision is raised when the core does something else under the same ingredients.
REVISIONS = {"annotate": 1, "rank": 1, "train": 1, "predict": 1}

# The same for looking at the data, which no cell waits for; raised, too, when a kind of finding gets another name.
INSPECTION = 1

KINDS = (*REVISIONS, "inspect")
"""Every kind of step that a store may hold."""


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of work: components and parameters, and the keys of the steps whose output it reads."""

    kind: str
    key: str
    what: str
    components: Mapping[str, Component]
    params: Mapping[str, Any]
    inputs: Mapping[str, str]
    ingredients: Mapping[str, Any]
    """What the key is the digest of; components stand here by the digests of their identities."""

    @classmethod
    def of(
        cls,
        kind: str,
        revision: int,
        what: str,
        components: Mapping[str, Component],
        identities: Mapping[str, str],
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
    ) -> Step:
        """The step under its key; ``identities`` are the digests of the components' identities."""
        ingredients = {
            "identity_version": IDENTITY_VERSION,
            "kind": kind,
            "revision": revision,
            "components": identities,
            "params": params,
            "inputs": inputs,
        }
        return cls(kind, digest(ingredients), what, components, params, inputs, ingredients)

    @property
    def title(self) -> str:
        """What it is, with its kind."""
        return f"{self.kind} {self.what}"

    def described(self) -> dict[str, Any]:
        """The ingredients with every component's identity in full, for people who ask why."""
        parts = {role: identity(component) for role, component in self.components.items()}
        return {**self.ingredients, "components": parts}


@dataclass(frozen=True, slots=True)
class Cell:
    """A point of the matrix and the steps that answer it."""

    point: Point
    role: Role
    model: str | None
    """Key of the last training step; None for an untrained student and for teachers."""
    stage1: str | None
    """Key of the step that ended stage 1."""
    rank: str | None
    budget: int
    """Labels that the fraction buys at most."""
    answers: Mapping[str, tuple[str, ...]]
    """Per evaluation benchmark: the predict step, or the annotate steps of teachers that stand as an arm."""
    validation_labels: int = 0
    """Labels of the validation split that its steps read."""

    @property
    def ends(self) -> tuple[str, ...]:
        """The steps whose output its results are read from."""
        answers = tuple(key for keys in self.answers.values() for key in keys)
        return (*answers, self.rank) if self.rank else answers


@dataclass(frozen=True, slots=True)
class Inspection:
    """A step of kind ``inspect``, and the labels of what it looks at; no cell needs its output."""

    step: Step
    benchmark: str
    trained: str = ""
    """The benchmark whose training items the test items are compared with, where there is one."""
    teacher: str = ""
    """The teacher whose prompts are looked at, where there is one."""


Standing = Literal["added", "there", "left out"]


@dataclass(frozen=True, slots=True)
class Ablated:
    """What became of an arm that ``ablate:`` asks for."""

    method: str
    """Label of the strategy that is ablated."""
    factor: str
    """What is different, such as ``no replay``."""
    kind: Kind
    standing: Standing
    arm: str
    """Name of the arm; empty where it is left out."""
    made_of: str
    """Student and strategy with their options, in words."""
    reason: str = ""
    """Why it is left out."""
    apart: bool = False
    """Whether it stands in the ablation alone, and not among the arms of the matrix."""


@dataclass(slots=True)
class Plan:
    """All cells, and each step once."""

    matrix: Matrix
    facts: Mapping[str, BenchmarkFacts]
    cells: list[Cell] = field(default_factory=list)
    steps: dict[str, Step] = field(default_factory=dict)
    """In an order in which every step comes after its inputs."""
    ranks: dict[tuple[str, str, str, int], str] = field(default_factory=dict)
    """Rank steps by rule, teacher set, benchmark and seed; the first, where a rule asks the stage-1 student."""
    annotations: dict[tuple[str, str, Split], str] = field(default_factory=dict)
    """Annotate steps by teacher, benchmark and split."""
    inspections: dict[str, Inspection] = field(default_factory=dict)
    """What looks at the data beside all cells, by the keys of its steps."""
    ablation: list[Ablated] = field(default_factory=list)
    """Every arm that ``ablate:`` asks for, from the floor to the bound."""

    def families(self) -> Iterator[Family]:
        """What is compared because the matrix says so: its families, then each arm of the ablation with its method."""
        yield from self.matrix.compare
        methods = {arm.method: arm.arm for arm in self.ablation if arm.kind == "method" and arm.arm}
        pairs = [(arm.arm, methods.get(arm.method, "")) for arm in self.ablation if arm.arm]
        if found := tuple(dict.fromkeys(pair for pair in pairs if pair[1] and pair[0] != pair[1])):
            yield Family(ABLATION, pairs=found)

    @property
    def apart(self) -> frozenset[str]:
        """Names of the arms that stand in the ablation alone: what is asked of every arm is not asked of them."""
        return frozenset(arm.arm for arm in self.ablation if arm.apart)

    def every_step(self) -> Iterator[Step]:
        """All that cells need, then what looks at the data beside them."""
        yield from self.steps.values()
        yield from (inspection.step for inspection in self.inspections.values())

    def arms(self) -> dict[str, Point]:
        """A point of every arm, by its name; without the seed, or the first of its seeds."""
        arms: dict[str, Point] = {}
        for cell in self.cells:
            arms.setdefault(cell.point.arm, cell.point)
        return arms

    def needed(self, key: str) -> set[str]:
        """The step and all that it depends on."""
        found: set[str] = set()
        waiting = [key]
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                waiting += self.steps[current].inputs.values()
        return found

    def steps_of(self, cell: Cell) -> set[str]:
        """All steps that a cell needs."""
        return set().union(*(self.needed(key) for key in cell.ends))

    def users(self) -> Counter[str]:
        """How many cells need each step."""
        return Counter(key for cell in self.cells for key in self.steps_of(cell))

    def steps_without_sharing(self) -> int:
        """How many steps the cells would take one by one."""
        return sum(len(self.steps_of(cell)) for cell in self.cells)

    def teacher_calls(self) -> dict[str, int]:
        """Items that each teacher is asked about, if nothing is stored."""
        calls = dict.fromkeys(self.matrix.teachers, 0)
        for (teacher, benchmark, split), _ in self.annotations.items():
            calls[teacher] += self.facts[benchmark].splits[split].items
        return calls


def budget_of(fraction: float, items: int) -> int:
    """⌊fraction · items⌋, safe against 0.29 · 100 = 28.999…"""
    return floor(round(fraction * items, 9))
