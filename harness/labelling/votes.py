"""What one person said of one item, as a file has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import DataError
from harness.types import Verdict

WORDS: Mapping[str, Verdict] = {
    "pristine": "pristine",
    "in context": "pristine",
    "falsified": "falsified",
    "out of context": "falsified",
    "out-of-context": "falsified",
    "ooc": "falsified",
}
"""Words whose meaning is plain in any newsroom. *true* and *real* are none: of what?"""


@dataclass(frozen=True, slots=True)
class Vote:
    """A row that says something; nothing of it is checked yet."""

    place: str
    """File with line, or with the number of the task."""
    task: str
    item_id: str
    """Either names the item; an empty one is not given."""
    word: str
    annotator: str
    time: str = ""
    source: str = ""
    comment: str = ""


@dataclass(slots=True)
class Read:
    """A file's votes, and rows that say nothing."""

    votes: list[Vote]
    empty: int = 0
    """Rows that nobody has filled in, and tasks that somebody skipped."""


def refused(faults: Sequence[tuple[str, str, str]], most: int = 20) -> DataError:
    """The error for rows that cannot be labels: places, causes and remedies, all at once."""
    lines = [f"{place}: {cause}\n  {remedy}" for place, cause, remedy in faults[:most]]
    more = len(faults) - most
    lines += [f"and {more} more"] if more > 0 else []
    lines.append(f"nothing was imported: {len(faults)} fault{'s' if len(faults) > 1 else ''}")
    return DataError("\n".join(lines))
