"""Everything that is to be found in one data set, or between two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.components import Benchmark, Teacher
from harness.findings import Finding, gravity
from harness.guard import integrity, overlap, prompts, traits
from harness.guard.overlap import Side
from harness.guard.sights import Album
from harness.handed import Shelf
from harness.types import SPLITS, Item, Split


@dataclass(frozen=True, slots=True)
class Looked:
    """A benchmark's splits with their images looked at."""

    benchmark: Benchmark
    sides: Mapping[Split, Side]

    @classmethod
    def at(
        cls, benchmark: Benchmark, shelf: Shelf, splits: Sequence[Split] = SPLITS, most: int | None = None
    ) -> Looked:
        """``most`` bounds how many images of a split are read, evenly chosen; by default all of them."""
        sides: dict[Split, Side] = {}
        for split in splits:
            if items := benchmark.items(split):
                sides[split] = Side(split, items, Album.of(_evenly(items, most or len(items)), shelf))
        return cls(benchmark, sides)


def _evenly(items: Sequence[Item], most: int) -> Sequence[Item]:
    return items if len(items) <= most else [items[place * len(items) // most] for place in range(most)]


def within(looked: Looked) -> list[Finding]:
    """All findings of one benchmark, the gravest first."""
    return sorted([*integrity.told_of(looked.benchmark), *_of_splits(looked), *_across(looked)], key=gravity)


def _of_splits(looked: Looked) -> Iterator[Finding]:
    for split, side in looked.sides.items():
        labels, items, album = looked.benchmark.labels(split), side.items, side.album
        yield from _left_out(split, items, album)
        yield from integrity.image_findings(split, items, album)
        yield from integrity.caption_findings(split, items)
        yield from integrity.label_findings(split, items, labels, album)
        yield from traits.findings(split, items, labels, album)
        yield from prompts.references_in_sight(split, items, looked.benchmark.references(split))


def _left_out(split: Split, items: Sequence[Item], album: Album) -> Iterator[Finding]:
    images = sum(item.image is not None for item in items)
    seen = len(album.contents.keys() | album.problems.keys())
    if seen < images:
        yield Finding("images left out", split, images - seen, f"{seen:,} of {images:,} images were looked at")


def _across(looked: Looked) -> Iterator[Finding]:
    for one, other in combinations(looked.sides.values(), 2):
        yield from overlap.compare(one, other)


def between(trained: Looked, tested: Looked) -> list[Finding]:
    """What the test items of one benchmark have in common with the training items of another."""
    if "train" not in trained.sides or "test" not in tested.sides:
        return []
    return sorted(overlap.compare(trained.sides["train"], tested.sides["test"]), key=gravity)


def in_prompts(teacher: Teacher, benchmark: Benchmark) -> list[Finding]:
    """What a teacher's prompts give away of a benchmark's items."""
    found: list[Finding] = []
    for split in SPLITS:
        items = benchmark.items(split)
        found += prompts.prompt_findings(teacher, split, items, benchmark.labels(split), benchmark.references(split))
    return sorted(found, key=gravity)
