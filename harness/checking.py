"""Benchmarks looked at before anything runs: their files, what remains of them, and all that is found in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.components import Benchmark, Teacher
from harness.errors import DataError
from harness.findings import Finding, gravity
from harness.guard.inspection import Looked, between, in_prompts, within
from harness.guard.integrity import told_of
from harness.handed import Shelf
from harness.intake import unfit
from harness.types import SPLITS, DataFile, Skipped

SAMPLE = 2000
"""Images of a split that are looked at where not all of them are."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Benchmarks by label, as a matrix has them; those of ``trained`` are trained on."""

    benchmarks: Mapping[str, Benchmark]
    trained: frozenset[str]
    teachers: Mapping[str, Teacher]


@dataclass(frozen=True, slots=True)
class SplitCount:
    """What remains of a split."""

    split: str
    items: int
    pristine: int
    falsified: int
    groups: int

    @property
    def unlabelled(self) -> int:
        return self.items - self.pristine - self.falsified


@dataclass(frozen=True, slots=True)
class Checked:
    """One benchmark."""

    label: str
    name: str
    files: tuple[DataFile, ...]
    splits: tuple[SplitCount, ...]
    skipped: tuple[Skipped, ...]
    findings: tuple[Finding, ...]

    def of(self, severity: str) -> int:
        """How many findings are so grave."""
        return sum(finding.severity == severity for finding in self.findings)


def check(subject: Subject, shelf: Shelf, most: int | None = None) -> list[Checked]:
    """Every benchmark, and every one that is trained on beside the test items of the others.

    ``most`` bounds how many images of a split are looked at. What makes data unfit is a finding and raises nothing.
    """
    looked: dict[str, Looked] = {}
    found: dict[str, list[Finding]] = {}
    for label, benchmark in subject.benchmarks.items():
        try:
            faults = list(_faults(benchmark, label in subject.trained))
            looked[label] = Looked.at(benchmark, shelf, most=most)
            found[label] = [*faults, *within(looked[label])]
        except DataError as error:
            looked.pop(label, None)
            place = f"{error.place}: " if error.place else ""
            told = ". ".join(filter(None, (f"cannot be read: {place}{error.cause}", error.remedy)))
            found[label] = [Finding("unfit data", "", 1, told), *_told(benchmark)]
    for label, one in looked.items():
        found[label] += _beside(label, looked, subject)
        for name, teacher in subject.teachers.items():
            if teacher.reads() <= one.benchmark.gives():
                found[label] += [_asked(name, finding) for finding in in_prompts(teacher, one.benchmark)]
    return [_checked(label, subject.benchmarks[label], looked.get(label), own) for label, own in found.items()]


def _faults(benchmark: Benchmark, trained: bool) -> Iterator[Finding]:
    items = {split: benchmark.items(split) for split in SPLITS}
    labels = {split: benchmark.labels(split) for split in SPLITS}
    for cause, remedy in unfit(items, labels, trained and bool(items["train"])):
        yield Finding("unfit data", "", 1, f"{cause}. {remedy}".strip())


def _told(benchmark: Benchmark) -> list[Finding]:
    """What can be said of data that cannot be read."""
    try:
        return told_of(benchmark)
    except DataError:
        return []


def _beside(label: str, looked: Mapping[str, Looked], subject: Subject) -> Iterator[Finding]:
    for trained in sorted(subject.trained & looked.keys() - {label}):
        if looked[trained].benchmark != looked[label].benchmark:
            for finding in between(looked[trained], looked[label]):
                yield replace(finding, other_benchmark=trained)


def _asked(teacher: str, finding: Finding) -> Finding:
    return replace(finding, found=f"{teacher}: {finding.found}")


def _checked(label: str, benchmark: Benchmark, looked: Looked | None, found: Sequence[Finding]) -> Checked:
    splits = tuple(_counts(looked)) if looked else ()
    skipped = tuple(benchmark.skipped()) if looked else ()
    return Checked(label, benchmark.name, tuple(benchmark.files()), splits, skipped, tuple(sorted(found, key=gravity)))


def _counts(looked: Looked) -> Iterator[SplitCount]:
    for split, side in looked.sides.items():
        classes = Counter(looked.benchmark.labels(split).values())
        groups = len({item.cluster for item in side.items})
        yield SplitCount(split, len(side.items), classes["pristine"], classes["falsified"], groups)
