"""Components that do next to nothing, so that what is left of a run is the harness's own work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from harness.api import (
    Accepts,
    Annotation,
    Benchmark,
    ConflictRule,
    Example,
    Item,
    Objective,
    Panel,
    Prediction,
    Ranked,
    Recipe,
    Split,
    Strategy,
    Student,
    Teacher,
    Verdict,
    Workbench,
    hookimpl,
)
from harness.testing.cast import LearnLabels

ITEMS = {
    split: [Item(f"{split}-{number}", f"caption {number} of {split}") for number in range(4)]
    for split in ("train", "test")
}


class Pair(Benchmark):
    """Four captions to learn from and four to judge."""

    name = "pair"
    revision = 1

    def items(self, split: Split) -> Sequence[Item]:
        return ITEMS.get(split, [])

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        return {item.id: "falsified" if number % 2 else "pristine" for number, item in enumerate(self.items(split))}


class Even(Teacher):
    """Finds everything pristine, or the opposite."""

    name = "even"
    revision = 1
    says: Verdict = "pristine"

    def annotate(self, items: Iterable[Item]) -> Iterator[Annotation]:
        return (Annotation(item.id, "ok", self.says, 0.5) for item in items)

    def reads(self) -> frozenset[str]:
        return frozenset()


class Drawn(ConflictRule):
    """The items as they come; the seed makes it another step."""

    name = "drawn"
    revision = 1

    def rank(self, panel: Panel, seed: int) -> Sequence[Ranked]:
        return [Ranked(item, 0.0, True) for item in panel.items]


class Once(Strategy):
    """One training."""

    name = "once"
    revision = 1

    def stage1(self) -> tuple[Recipe, ...]:
        return (LearnLabels(),)

    def stage2(self) -> tuple[Recipe, ...]:
        return ()


class Stone(Student):
    """Learns how many examples there were, and says the same of everything."""

    name = "stone"
    revision = 1

    def reads(self) -> frozenset[str]:
        return frozenset()

    def accepts(self) -> frozenset[Accepts]:
        return frozenset({Accepts.TARGETS})

    def losses(self) -> frozenset[str]:
        return frozenset({"sft"})

    def train(
        self,
        items: Mapping[str, Item],
        examples: Sequence[Example],
        objective: Objective,
        start: Path | None,
        bench: Workbench,
    ) -> None:
        (bench.out / "model.txt").write_text(str(len(examples)))

    def predict(self, items: Sequence[Item], model: Path | None, bench: Workbench) -> Iterator[Prediction]:
        return (Prediction(item.id, "ok", "pristine", 0.25) for item in items)


@hookimpl
def harness_benchmarks() -> list[type[Benchmark]]:
    return [Pair]


@hookimpl
def harness_teachers() -> list[type[Teacher]]:
    return [Even]


@hookimpl
def harness_rules() -> list[type[ConflictRule]]:
    return [Drawn]


@hookimpl
def harness_strategies() -> list[type[Strategy]]:
    return [Once]


@hookimpl
def harness_students() -> list[type[Student]]:
    return [Stone]
