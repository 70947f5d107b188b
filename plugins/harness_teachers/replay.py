"""A teacher that says again what was recorded in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import Field, model_validator

from harness.api import (
    Annotation,
    DataError,
    Item,
    Outcome,
    Teacher,
    Usage,
    Verdict,
    digest,
    file_digest,
    hookimpl,
    verdict_of,
)
from harness_teachers.recorded import Record, records_in

OWN: Mapping[str, Any] = {
    "match": ("item_id",),
    "verdict": "verdict",
    "p_falsified": "p_falsified",
    "rationale": "rationale",
    "outcome": "outcome",
}
"""What the harness calls the columns of the answers that it keeps."""


class Replay(Teacher):
    """Recorded answers of any system, one per item: a CSV file with a header, JSONL (``.jsonl``) or ``.parquet``.

    A record is an item's where its ``match`` columns name the item. One column holds item ids. From several,
    the id is made as the benchmarks make theirs: the first 16 hex digits of the SHA-256 of the columns' texts
    as a JSON list without blanks. `5pils-ooc` goes by image_id and caption, `verite` by image_path and caption.

    An item without a record is an ``error``. Words that are no verdict, and numbers that are no probability,
    are ``unparsable``, and their text becomes the rationale. Nothing is called, so usage is zero.
    """

    name = "replay"
    transport = frozenset({"path"})

    path: str
    """The file, from the folder where the harness is run; $VARIABLES of the environment are filled in. Where ``*``
    stands for any text, all files that fit it together."""
    own: bool = False
    """Whether it is an ``annotations.jsonl`` of a store: then its columns are known, and need not be named."""
    match: tuple[str, ...] = Field(default=("id",), min_length=1)
    """Columns that name the item."""
    verdict: str | None = "verdict"
    """Column of the verdict; without one, ``p_falsified`` decides."""
    words: Mapping[str, Verdict] = Field(default={"pristine": "pristine", "falsified": "falsified"})
    """What the recorded words mean, letter for letter; others are unparsable."""
    p_falsified: str | None = None
    """Column of the probability of falsified, in [0, 1]; an empty field is none."""
    rationale: str | None = None
    """Column of the reason given."""
    outcome: str | None = None
    """Column with ok, refused, unparsable or error; an empty field is ok, any other word an error."""

    @model_validator(mode="after")
    def _something_is_said(self) -> Self:
        if self.verdict is None and self.p_falsified is None:
            raise ValueError("give verdict or p_falsified, or both")
        return self

    def digest(self) -> str:
        """Digest of the file, or of all of them."""
        return file_digest(*self._files())

    def annotate(self, items: Sequence[Item]) -> Iterator[Annotation]:
        """What was recorded; the whole file is read and checked before the first answer."""
        if self.own:
            yield from self.model_copy(update={**OWN, "own": False}).annotate(items)
            return
        records = self._records()
        for item in items:
            record = records.get(item.id)
            if record is None:
                yield Annotation(
                    item.id, "error", rationale="Nothing was recorded for this item.", usage=Usage(calls=0)
                )
            else:
                yield self._said(item.id, record)

    def _said(self, item_id: str, record: Record) -> Annotation:
        free = Usage(calls=0)
        rationale = record[self.rationale] if self.rationale else ""
        outcome = _outcome(record[self.outcome]) if self.outcome else "ok"
        if outcome != "ok":
            return Annotation(item_id, outcome, rationale=rationale, usage=free)
        word = record[self.verdict].strip() if self.verdict else ""
        number = record[self.p_falsified].strip() if self.p_falsified else ""
        p_falsified = _probability(number)
        verdict = self.words.get(word) if self.verdict else verdict_of(p_falsified) if p_falsified is not None else None
        if verdict is None or (number and p_falsified is None):
            return Annotation(item_id, "unparsable", rationale=rationale or word or number, usage=free)
        return Annotation(item_id, "ok", verdict, p_falsified, rationale, free)

    def _records(self) -> dict[str, Record]:
        """Records by item id; raises `DataError` where two are one item's or a column is missing."""
        records: dict[str, Record] = {}
        named = (self.verdict, self.p_falsified, self.rationale, self.outcome)
        columns = (*self.match, *(column for column in named if column))
        for place, record in (pair for path in self._files() for pair in records_in(path)):
            if missing := [column for column in columns if column not in record]:
                raise DataError(
                    f"there is no column {', '.join(missing)}, only {', '.join(record)}",
                    place=place,
                    remedy="say by the options of replay what the columns are called",
                )
            parts = [record[column] for column in self.match]
            key = parts[0] if len(parts) == 1 else digest(parts)[:16]
            if key in records:
                raise DataError(
                    f"is a second record for {', '.join(map(_short, parts))}",
                    place=place,
                    remedy="keep one record for each item",
                )
            records[key] = {column: record[column] for column in columns}
        return records

    def _files(self) -> list[Path]:
        path = os.path.expandvars(self.path)
        if unset := re.search(r"\$\{?(\w+)", path):
            raise DataError(
                f"the environment variable {unset[1]} is not set",
                place=self.path,
                remedy="set it, or write the path out",
            )
        files = sorted(glob(path)) if "*" in path else [path]
        if not files or not all(Path(file).is_file() for file in files):
            raise DataError(
                "there is no such file", place=path, remedy="record the answers first, or correct the path of replay"
            )
        return [Path(file) for file in files]


def _outcome(word: str) -> Outcome:
    outcomes: dict[str, Outcome] = {"": "ok", **{outcome: outcome for outcome in get_args(Outcome)}}
    return outcomes.get(word.strip(), "error")


def _probability(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"


@hookimpl
def harness_teachers() -> list[type[Teacher]]:
    """Recorded answers."""
    return [Replay]
