"""VERITE's published tables → rows, checked against each other, with the story that each belongs to."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat, zip_longest
from pathlib import Path

from harness.api import DataError, Evidence
from harness_benchmarks.published import MAX_LIST, content_id, damaged, texts_of

CAPTIONS = "VERITE.csv"
EVIDENCE = "VERITE_with_evidence.csv"
SOURCE = "github.com/stevejpapad/image-text-verification"
EVIDENCE_SOURCE = "github.com/stevejpapad/relevant-evidence-detection"

LABELS = ("true", "miscaptioned", "out-of-context")

_IMAGE = re.compile(r"images/((?:true|false)_(\d{1,9}))\.\w+")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the published files; ``place`` counts from 0, as their index column does."""

    place: int
    caption: str
    image: str
    label: str
    found: Evidence
    group: str

    @property
    def id(self) -> str:
        """What a recorded answer is matched by: `content_id` of the columns image_path and caption."""
        return content_id(self.image, self.caption)


def read_rows(captions: Path, evidence: Path | None, searches: Mapping[str, Evidence]) -> list[Row]:
    """The rows of both files; raises `DataError` where they are damaged, shuffled or not aligned by position.

    ``searches`` are search results by the name of the image, without ending; they have addresses, and stand in
    place of the titles of the file of evidence.
    """
    own = list(_lines(captions, "caption"))
    pairs = list(zip_longest(own, _lines(evidence, "captions"))) if evidence else list(zip(own, repeat(None)))
    rows, stories = [], _merged(own)
    for place, (line, found) in enumerate(pairs):
        if line is None or (evidence and found is None):
            raise _damaged(evidence or captions, place, f"stands alone: {CAPTIONS} and {EVIDENCE} differ in length")
        if line["label"] not in LABELS:
            raise _damaged(captions, place, f"has the label {line['label']!r}, which is none of {', '.join(LABELS)}")
        titles = _titles(evidence, place, line, found) if evidence and found else Evidence()
        image = line["image_path"]
        titles = searches.get(_IMAGE.sub(r"\1", image), titles)
        rows.append(Row(place, line["caption"], image, line["label"], titles, stories[place]))
    if len({row.id for row in rows}) < len(rows):
        raise damaged(captions, "a pair of image and caption stands in two rows", SOURCE)
    return rows


def _titles(evidence: Path, place: int, line: Mapping[str, str], found: Mapping[str, str]) -> Evidence:
    """The titles that the file of evidence has for a row, which must be that of the other file."""
    for column in ("caption", "image_path", "label"):
        if line.get(column) != found.get(column):
            raise _damaged(evidence, place, f"has another {column} than row {place} of {CAPTIONS}")
    if (titles := texts_of(found["captions"])) is None:
        raise _damaged(evidence, place, f"has in captions no list of texts in at most {MAX_LIST:,} characters")
    return Evidence(captions=titles)


def _lines(path: Path, column: str) -> Iterator[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for place, line in enumerate(csv.DictReader(file, strict=True)):
                if None in line.values() or None in line or column not in line or "label" not in line:
                    raise _damaged(path, place, "does not have the columns of the published file")
                if line.get("", str(place)) != str(place):
                    raise _damaged(path, place, f"has the index {line['']!r}: the file was shuffled or cut")
                if not _IMAGE.fullmatch(line.get("image_path", "")):
                    raise _damaged(path, place, f"has the image_path {line.get('image_path')!r}")
                yield line
    except (csv.Error, UnicodeDecodeError) as error:
        raise damaged(path, f"is not a CSV file in UTF-8: {error}", _source(path)) from None


def _merged(lines: Iterable[Mapping[str, str]]) -> list[str]:
    """The group of each row: stories, by the number in the image's name, that share no caption with another."""
    first: dict[str, int] = {}
    parent: dict[int, int] = {}

    def root(story: int) -> int:
        while parent[story] != story:
            story = parent[story]
        return story

    stories = []
    for line in lines:
        story = int(_IMAGE.sub(r"\2", line["image_path"]))
        stories.append(story)
        parent.setdefault(story, story)
        ends = sorted((root(story), root(first.setdefault(line["caption"], story))))
        parent[ends[1]] = ends[0]
    return [f"story-{root(story)}" for story in stories]


def _damaged(path: Path, place: int, cause: str) -> DataError:
    return damaged(path, f"row {place} {cause}", _source(path))


def _source(path: Path) -> str:
    return EVIDENCE_SOURCE if path.name == EVIDENCE else SOURCE
