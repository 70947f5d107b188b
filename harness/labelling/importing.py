"""Take what people said into the file of labels: all of it that stands, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from harness import given, spreadsheet
from harness.components import Benchmark
from harness.errors import HarnessError
from harness.given import Given
from harness.labelling.agreement import Agreement, agreement
from harness.labelling.checking import Judgement, Register, checked
from harness.labelling.reading import read
from harness.labelling.settling import Conflict, Settled, Way, decisions_of, settle
from harness.labelling.tasks import key_of
from harness.types import Item, Verdict


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    settled: Settled
    empty: int
    """Rows that nobody has filled in, and tasks that somebody skipped."""
    agreement: Agreement | None
    """Of all judgements, earlier ones included."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """Which files, and how they are to be read."""

    files: Sequence[Path]
    annotator: str = ""
    words: Mapping[str, Verdict] | None = None
    settle: str | None = None
    """A way to settle conflicts, or a file of decisions."""


def take(label: str, benchmark: Benchmark, incoming: Incoming, into: Path) -> Imported:
    """Add the labels to the file ``into``; raises `HarnessError`, and then nothing was written."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    register, before = Register(label, benchmark), given.read(into)
    judgements, empty = _judgements(incoming.files, incoming, register, now)
    way, decisions = _way(incoming, register, now)
    settled = settle(before, judgements, register.own, way, decisions, now)
    if settled.rows:
        given.append(into, before, settled.rows)
    said = [*before, *settled.rows, *(one for conflict in settled.open for one in conflict.sides)]
    return Imported(settled, empty, agreement(said))


def _judgements(files: Sequence[Path], incoming: Incoming, register: Register, now: str) -> tuple[list[Judgement], int]:
    found = [read(file, incoming.annotator) for file in files]
    votes = [vote for one in found for vote in one.votes]
    return checked(votes, register, incoming.words or {}, now), sum(one.empty for one in found)


def _way(incoming: Incoming, register: Register, now: str) -> tuple[Way | None, Mapping[str, Given]]:
    if incoming.settle is None:
        return None, {}
    for way in get_args(Way):
        if incoming.settle == way:
            return way, {}
    if not Path(incoming.settle).is_file():
        raise HarnessError(
            f"{incoming.settle!r} is neither {' nor '.join(get_args(Way))} nor a file",
            place="--settle",
            remedy="Give a way, or the file of conflicts with its column verdict filled in.",
        )
    judgements, _ = _judgements([Path(incoming.settle)], incoming, register, now)
    return None, decisions_of(judgements)


COLUMNS = ("task", "id", "caption", "said", "comments", "verdict", "annotator", "comment")


def conflicts_text(label: str, conflicts: Sequence[Conflict], items: Mapping[str, Item]) -> str:
    """The file in which somebody decides: an item a row, with what was said and an empty verdict."""
    rows = [
        [
            key_of(label, conflict.item_id),
            conflict.item_id,
            items[conflict.item_id].caption,
            conflict.votes(),
            "; ".join(f"{one.annotator}: {one.comment}" for one in conflict.sides if one.comment),
            "",
            "",
            "",
        ]
        for conflict in conflicts
    ]
    return spreadsheet.written(COLUMNS, rows)
