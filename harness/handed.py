"""What a component is handed when it works: the panel, a recipe's pool, a student's workbench."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from harness.resources import Resources
from harness.types import Annotation, Item, Prediction, Ranked, Verdict

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Validation:
    """The labelled validation items, and what the teachers said of them."""

    panel: Panel
    labels: Mapping[str, Verdict]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a label model infers."""

    p_falsified: Mapping[str, float]
    """By item id, in [0, 1]; without the items of which nothing is known."""
    confusion: Mapping[str, Confusion] = field(default_factory=dict)
    """By teacher, as far as the model has one."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """How likely a teacher that answers is right, by the true verdict; each in [0, 1]."""

    pristine: float
    falsified: float


class Panel:
    """What every teacher said of every training item, and what else a rule or recipe declared.

    Teachers are in the order of their labels. ``predictions`` is empty unless
    `Need.STAGE1_PREDICTIONS` was declared, and ``validation`` is None unless `Need.VALIDATION` was.
    """

    def __init__(
        self,
        items: Mapping[str, Item],
        annotations: Mapping[str, Mapping[str, Annotation]],
        predictions: Mapping[str, Prediction] | None = None,
        validation: Validation | None = None,
    ) -> None:
        self.items = items
        self.teachers = tuple(sorted(annotations))
        self.predictions: Mapping[str, Prediction] = predictions or {}
        self.validation = validation
        self._annotations = annotations

    def by(self, teacher: str, item_id: str) -> Annotation:
        """What that teacher said of the item."""
        return self._annotations[teacher][item_id]

    def of(self, item_id: str) -> tuple[Annotation, ...]:
        """Every teacher's annotation of the item, whatever its outcome."""
        return tuple(self._annotations[teacher][item_id] for teacher in self.teachers)

    def answers(self, item_id: str) -> tuple[Annotation, ...]:
        """The annotations that carry a verdict."""
        return tuple(said for said in self.of(item_id) if said.outcome == "ok")

    def verdicts(self, item_id: str) -> tuple[Verdict, ...]:
        """The verdicts that were given, in the order of the teachers."""
        return tuple(said.verdict for said in self.answers(item_id) if said.verdict)

    def disagree(self, item_id: str) -> bool:
        """Whether two teachers gave different verdicts."""
        return len(set(self.verdicts(item_id))) > 1


class Pool(Protocol):
    """What a recipe is handed: the training items and what it declared as its needs, nothing else."""

    @property
    def items(self) -> Mapping[str, Item]: ...
    @property
    def panel(self) -> Panel: ...
    @property
    def rank(self) -> Sequence[Ranked]: ...
    @property
    def labels(self) -> Mapping[str, Verdict]:
        """Exactly the bought labels; asking for another raises `LabelNotBought`."""
        ...

    @property
    def seed(self) -> int: ...


class Work(Protocol):
    """What an executor is given to run. Calling it does its steps, in any process that sees the store.

    It can be pickled, and raises nothing: an exception of its future means that the worker ended. `MemoryError` says
    that memory was wanting, and it is tried once more with less at once; `TimeoutError` that it took too long.
    """

    @property
    def kind(self) -> str:
        """Kind of its steps: ``annotate``, ``rank``, ``train``, ``predict`` …"""
        ...

    @property
    def what(self) -> str:
        """Its first step in words."""
        ...

    @property
    def resources(self) -> Resources: ...
    def __call__(self) -> object: ...


@runtime_checkable
class Placing(Protocol):
    """What `Executor.open` gives may have this besides ``submit``."""

    def room(self, wanted: Resources) -> bool:
        """Whether a call that takes ``wanted`` can be submitted now and runs at once; always, where nothing runs."""
        ...


class Shelf(Protocol):
    """Bytes by key, each written once; kept over steps and runs, and shared by processes."""

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """What there is of the keys."""
        ...

    def put(self, entries: Mapping[str, bytes]) -> None:
        """Keep the entries; of two under one key the first stays."""
        ...


class Workbench(Protocol):
    """What a training or predicting student may lean on. Nothing else persists.

    It can be pickled, for processes that a student starts of its own; what these say reaches nobody, unless the student
    passes it on.
    """

    @property
    def out(self) -> Path:
        """Folder that becomes the artifact: whatever the student writes here is kept."""
        ...

    @property
    def seed(self) -> int: ...
    @property
    def halvings(self) -> int:
        """How often it ran out of memory before: take half as much at once each time, with the same result as far as
        the order of sums allows."""
        ...

    @property
    def checkpoints(self) -> Path:
        """Folder of this step that survives a kill and is gone once the step is done."""
        ...

    def log(self, **values: float | int | str) -> None:
        """A line of the training log."""
        ...

    def prove(self, **facts: object) -> None:
        """Facts about this training that go into the artifact's manifest."""
        ...

    def measure(self, **values: float | int | str) -> None:
        """What a clock or a memory counter says; it goes into the manifest's provenance and is never compared."""
        ...

    def warm(self, key: str, make: Callable[[], T]) -> T:
        """The object of that key, kept in this worker process from step to step until two others were used since."""
        ...

    def cached(self, key: str, make: Callable[[Path], None]) -> Path:
        """A folder in the store's cache, made once; ``key`` must say all that the content depends on."""
        ...

    def shelf(self, name: str) -> Shelf:
        """A shelf of the store; its keys must say all that the entries depend on."""
        ...
