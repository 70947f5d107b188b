"""What was found in the data: a table, the items that show it side by side, and the entries that were skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.api import SPLITS, Details, Item, Split
from harness_reports.exhibits import picture_of
from harness_reports.numerals import count
from harness_reports.records import Row, harmless
from harness_reports.tables import Cell, Column, Group, Line, Table, label, number, plain, prose, table

SEVERITIES: Mapping[str, str] = {"error": "worse", "warning": "inconclusive", "note": ""}
"""The gravest first, and how each is drawn."""

_FINDINGS = (
    Column("Finding", numeric=False),
    Column("Severity", numeric=False),
    Column("Where", numeric=False),
    Column("Count", help="items, or entries of the data"),
    Column("What was seen", numeric=False),
    Column("What it means, and what to do", numeric=False),
)


def findings(found: Sequence[Row]) -> Table:
    """All findings; the gravest of each benchmark first."""
    groups: dict[str, list[Line]] = {}
    for row in found:
        groups.setdefault(row.text("benchmark"), []).append(_finding(row))
    return table(
        "findings-table",
        "What an inspection of the data has found. Nothing was taken out for it: what to do is yours to decide.",
        _FINDINGS,
        [Group(benchmark, tuple(lines)) for benchmark, lines in groups.items()],
        "Nothing was found in the data.",
    )


def _finding(row: Row) -> Line:
    severity = row.text("severity")
    cells = (
        label(row.text("kind")),
        Cell(severity, severity, manner=SEVERITIES.get(severity, "")),
        prose(_where(row), "all splits"),
        number(row, "count", count, "not counted"),
        prose(row.text("found", 400)),
        prose(f"{row.text('means', 400)} {row.text('remedy', 400)}"),
    )
    return Line(cells, (("benchmark", row.text("benchmark")), ("finding", row.text("kind"))))


def _where(row: Row) -> str:
    parts = (
        row.text("splits"),
        f"beside {other}" if (other := row.text("trained_on")) else "",
        f"prompts of {teacher}" if (teacher := row.text("teacher")) else "",
    )
    return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Shown:
    """One item of a pair; ``picture`` is a data URI, empty where there is none."""

    where: str
    id: str
    picture: str
    size: tuple[int, int]
    caption: str


@dataclass(frozen=True, slots=True)
class Instance:
    """A finding as one item, or two, show it."""

    kind: str
    note: str
    items: tuple[Shown, ...]


def instances(examples: Sequence[Row], details: Details, most: int, pictures: bool) -> list[Instance]:
    """The first example of each finding, then the second ones; at most so many of each benchmark."""
    read: dict[tuple[str, str], Mapping[str, Item]] = {}
    seen: Counter[object] = Counter()
    ranked = []
    for row in examples:
        ranked.append((seen[row.values.get("finding")], row))
        seen[row.values.get("finding")] += 1
    room: Counter[str] = Counter()
    found = []
    for _, row in sorted(ranked, key=lambda pair: pair[0]):
        benchmark = row.raw("benchmark")
        if room[benchmark] < most:
            room[benchmark] += 1
            found.append(_instance(row, details, read, pictures))
    return found


def _instance(row: Row, details: Details, read: dict[tuple[str, str], Mapping[str, Item]], pictures: bool) -> Instance:
    places: tuple[tuple[str, str, str], ...] = ((row.raw("benchmark"), row.raw("split"), row.raw("item")),)
    if row.raw("other_item"):
        places += ((row.raw("other_benchmark"), row.raw("other_split"), row.raw("other_item")),)
    items = []
    for benchmark, split, item_id in places:
        if (benchmark, split) not in read:
            known: Split | None = next((name for name in SPLITS if name == split), None)
            read[benchmark, split] = details.items(benchmark, known) if known else {}
        items.append(_shown(f"{benchmark} {split}", item_id, read[benchmark, split].get(item_id), pictures))
    return Instance(row.text("kind"), row.text("note", 120), tuple(items))


def _shown(where: str, item_id: str, item: Item | None, pictures: bool) -> Shown:
    picture, size = picture_of(item) if item is not None and pictures else ("", (0, 0))
    return Shown(harmless(where, 80), harmless(item_id, 80), picture, size, harmless(item.caption if item else "", 200))


_SKIPPED = (
    Column("Benchmark", numeric=False),
    Column("Split", numeric=False),
    Column("Reason", numeric=False),
    Column("Entries"),
    Column("The first of them", numeric=False),
)
_NAMED = 3


def skipped(entries: Sequence[Row]) -> Table:
    """Entries that became no item, by reason."""
    reasons: dict[tuple[str, str, str], list[Row]] = {}
    for row in entries:
        reasons.setdefault((row.text("benchmark"), row.text("split"), row.text("reason")), []).append(row)
    lines = [
        Line(
            (
                label(benchmark),
                prose(split, "of no split"),
                prose(reason),
                plain(len(own), count),
                prose("; ".join(row.text("entry", 80) for row in own[:_NAMED])),
            )
        )
        for (benchmark, split, reason), own in sorted(reasons.items(), key=lambda pair: -len(pair[1]))
    ]
    return table(
        "skipped-table",
        "Entries of the data that became no item; skipped.csv beside this report lists each of them.",
        _SKIPPED,
        [Group("", tuple(lines))],
        "No entry of the data was skipped.",
    )


def graves(found: Sequence[Row]) -> Iterator[str]:
    """A sentence for each benchmark with errors or warnings."""
    by_benchmark: dict[str, list[Row]] = {}
    for row in found:
        if row.text("severity") in ("error", "warning"):
            by_benchmark.setdefault(row.text("benchmark"), []).append(row)
    for benchmark, own in by_benchmark.items():
        kinds = dict.fromkeys(row.text("kind") for row in own)
        errors = sum(row.text("severity") == "error" for row in own)
        told = f"{count(errors)} errors and {count(len(own) - errors)} warnings" if errors else f"{len(own)} warnings"
        yield f"An inspection of {benchmark} ended with {told}: {'; '.join(kinds)}. The section Data has them."
