"""A report against the stored answers: rendered again from them, and compared text by text."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.components import Report
from harness.diagnosis import view
from harness.document import Unlike, leaves, read, unlike
from harness.errors import HarnessError
from harness.marks import Mark, marks
from harness.places import place
from harness.plan import Plan
from harness.redaction import redact
from harness.seal import answering
from harness.sealed import META, Sealed
from harness.store import Store
from harness.view import RunView

CODE = ("version", "core", "report")
"""Parts of the seal that say which code made a report."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place of the report that the stored answers do not bear out."""

    place: str
    what: str
    found: str
    expected: str

    def __str__(self) -> str:
        found, expected = _around(self.found, self.expected)
        return f"{self.place}: {self.what} {found}, expected {expected}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of verifying a report.

    ``differences`` are what is wrong. Where other code made the report (``other_code`` says which part), these are of
    the numbers in tables alone, and ``unexplained`` are all further ones, which the code may account for.
    """

    differences: tuple[Difference, ...]
    texts: int
    numbers: int
    other_code: tuple[str, ...] = ()
    unexplained: tuple[Difference, ...] = ()
    missing: int = 0
    """Numbers that stand in only one of the two pages."""
    moved_on: bool = False
    """Whether other answers are stored than the report was made from."""
    damaged: tuple[str, ...] = ()
    """Stored answers that are not as they were written."""

    @property
    def sound(self) -> bool:
        return not self.differences and not self.damaged


def verify(report: Sealed, plan: Plan, store: Store) -> Finding:
    """Recompute every number from what is stored, render, compare."""
    seen = view(plan, store)
    if "redacted" in report.seal:
        seen = redact(seen)
    components = [found for found in plan.matrix.reports.values() if found.name == report.report]
    if not components:
        raise HarnessError(
            f"the report says that {report.report or 'nobody'!r} made it, and {plan.matrix.file} has no such report",
            place=report.file,
            remedy="Add it to  reports:  of the matrix.",
        )
    pages = [text for component in components for text in _rendered(component, seen)]
    found = [_compared(report, text) for text in pages]
    best = min(found, key=lambda one: len(one.differences) + len(one.unexplained))
    return Finding(
        best.differences,
        best.texts,
        best.numbers,
        best.other_code,
        best.unexplained,
        best.missing,
        moved_on=report.seal.get("answers") != seen.seal["answers"],
        damaged=tuple(_damaged(plan, store)),
    )


def _rendered(component: Report, seen: RunView) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="harness-verify-") as folder:
        files = component.render(seen, Path(folder))
        return [file.read_text(encoding="utf-8") for file in files if file.suffix == ".html"]


def _compared(report: Sealed, text: str) -> Finding:
    page = read(text)
    every = tuple(_told(one) for one in unlike(report.page, page))
    if not every and report.text != text:
        every = (_bytes(report.text, text),)
    parts = list(leaves(page))
    numbers = sum(any(letter.isdigit() for letter in part) for part in parts)
    other = tuple(name for name in CODE if any(one.place.endswith(f"meta {META}{name}") for one in every))
    if not other:
        return Finding(every, len(parts), numbers)
    mine, theirs = marks(report.page), marks(page)
    shared = mine.keys() & theirs.keys()
    differing = tuple(_number(mine[key], theirs[key]) for key in theirs if key in shared and mine[key] != theirs[key])
    missing = len(mine.keys() ^ theirs.keys())
    return Finding(differing, len(shared), len(shared), other, every, missing)


def _told(one: Unlike) -> Difference:
    return Difference(place(one.trail), one.what, one.found, one.expected)


def _number(mine: Mark, theirs: Mark) -> Difference:
    return Difference(place(theirs.trail), "number", mine.shown, theirs.shown)


def _bytes(mine: str, theirs: str) -> Difference:
    """Where two files differ in how the same page is written."""
    at = next((index for index, pair in enumerate(zip(mine, theirs, strict=False)) if pair[0] != pair[1]), -1)
    at = min(len(mine), len(theirs)) if at < 0 else at
    line = mine.count("\n", 0, at) + 1
    return Difference(f"line {line} of the file", "writing", mine[at : at + 20], theirs[at : at + 20])


def _damaged(plan: Plan, store: Store) -> Iterator[str]:
    for step in answering(plan, store):
        if not store.sound(step.kind, step.key):
            yield f"{step.title} [{step.key[:12]}]"


def _around(found: str, expected: str) -> Sequence[str]:
    """Both texts as far as they differ, with some letters about."""
    start = next((i for i, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other), None)
    start = min(len(found), len(expected)) if start is None else start
    left = max(start - 24, 0) if start > 32 else 0
    return [_cut(text, left, start + 32) for text in (found, expected)]


def _cut(text: str, left: int, right: int) -> str:
    if not text:
        return "nothing"
    return f"“{'…' * (left > 0)}{' '.join(text[left:right].split())}{'…' * (right < len(text))}”"
