"""Look at a data set before anything runs: what is there, and what makes it unfit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.components import Benchmark
from harness.errors import DataError, Fault, HarnessError
from harness.identity import digest, identity
from harness.matrix import Matrix
from harness.types import SPLITS, VERDICTS, Item, Split, Verdict


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """One split in numbers."""

    items: int
    classes: Mapping[str, int]
    groups: int
    labels_digest: str

    @property
    def unlabelled(self) -> int:
        """Items without a label."""
        return self.items - sum(self.classes.values())


@dataclass(frozen=True, slots=True)
class BenchmarkFacts:
    """A benchmark as the plan needs it."""

    identity: str
    """Digest of the benchmark's identity."""
    gives: frozenset[str]
    splits: Mapping[Split, SplitFacts]
    notes: Mapping[str, str | int]


def inspect(matrix: Matrix) -> tuple[dict[str, BenchmarkFacts], list[Fault]]:
    """Every benchmark of the matrix by label, and the faults found in them."""
    facts: dict[str, BenchmarkFacts] = {}
    faults: list[Fault] = list(_unreadable(matrix))
    for section, entries, trained_on in (
        ("benchmarks", matrix.benchmarks, True),
        ("evaluate_on", matrix.evaluate_on, False),
    ):
        for label, benchmark in entries.items():
            try:
                items = {split: benchmark.items(split) for split in SPLITS}
                labels = {split: benchmark.labels(split) for split in SPLITS}
                facts[label] = _facts(benchmark, items, labels)
                faults += [
                    matrix.fault((section, label), cause, remedy) for cause, remedy in _unfit(items, labels, trained_on)
                ]
            except DataError as error:
                faults.append(matrix.fault((section, label), _cause(error), error.remedy))
    return facts, faults


def _unreadable(matrix: Matrix) -> Iterator[Fault]:
    """Components whose files are missing or damaged."""
    for section in ("teachers", "students", "rules", "strategies"):
        for label, component in getattr(matrix, section).items():
            try:
                component.digest()
            except HarnessError as error:
                yield matrix.fault((section, label), _cause(error), error.remedy)


def _cause(error: HarnessError) -> str:
    return f"{error.place}: {error.cause}" if error.place else error.cause


def _facts(
    benchmark: Benchmark,
    items: Mapping[Split, Sequence[Item]],
    labels: Mapping[Split, Mapping[str, Verdict]],
) -> BenchmarkFacts:
    splits = {
        split: SplitFacts(
            items=len(found),
            classes=Counter(labels[split].values()),
            groups=len({item.cluster for item in found}),
            labels_digest=digest(dict(labels[split])),
        )
        for split, found in items.items()
        if found
    }
    return BenchmarkFacts(digest(identity(benchmark)), benchmark.gives(), splits, benchmark.notes())


def _unfit(
    items: Mapping[Split, Sequence[Item]], labels: Mapping[Split, Mapping[str, Verdict]], trained_on: bool
) -> Iterator[tuple[str, str]]:
    """Causes and remedies."""
    everywhere = Counter(item.id for found in items.values() for item in found)
    doubled = [item_id for item_id, count in everywhere.items() if count > 1]
    if doubled:
        yield (
            f"{len(doubled)} item ids occur more than once, first {doubled[0]!r}",
            "Give every item an id of its own over all splits.",
        )
    for split in ("train", "test") if trained_on else ("test",):
        yield from _unfit_split(split, items[split], labels[split])
    if trained_on:
        yield from _strange("validation", items["validation"], labels["validation"])


def _unfit_split(split: Split, items: Sequence[Item], labels: Mapping[str, Verdict]) -> Iterator[tuple[str, str]]:
    if not items:
        remedy = "List a test-only data set under evaluate_on." if split == "train" else ""
        yield f"the {split} split is empty", remedy
        return
    ids = {item.id for item in items}
    yield from _strange(split, items, labels)
    missing = sorted(ids - labels.keys())
    if missing and split == "test":
        yield f"{len(missing)} test items have no label, first {missing[0]!r}", "Every test item needs a label."
    found = {labels[item_id] for item_id in ids & labels.keys()}
    if len(found) == 1 and not missing:
        lacking = next(verdict for verdict in VERDICTS if verdict not in found)
        yield (
            f"every item of the {split} split is {found.pop()}",
            f"Nothing can be compared without {lacking} items; check how labels are read.",
        )


def _strange(split: Split, items: Sequence[Item], labels: Mapping[str, Verdict]) -> Iterator[tuple[str, str]]:
    if strange := sorted(labels.keys() - {item.id for item in items}):
        yield f"the {split} split has labels of items that it has not, first {strange[0]!r}", ""
