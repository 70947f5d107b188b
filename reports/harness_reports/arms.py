"""What the arms of a run are to its question: floor, label-free, bought, bound, teacher, majority."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Literal

from harness_reports.numerals import count, fraction
from harness_reports.records import Row, harmless

Kind = Literal["floor", "free", "bought", "bound", "teacher", "majority"]

AXES = ("benchmark", "teachers", "student", "rule", "strategy", "label_fraction")


@dataclass(frozen=True, slots=True)
class Arm:
    """All seeds of one point of the matrix, tested on one benchmark."""

    row: Row
    name: str
    kind: Kind
    blank: str
    """Why its numbers are missing; empty where none is."""

    @property
    def key(self) -> tuple[str, str]:
        """By which contrasts and cells name it; never to be shown."""
        return key_of(self.row)

    @property
    def accuracy(self) -> float:
        return self.row.number("accuracy")

    @property
    def known(self) -> bool:
        """Whether there is a result at all."""
        return not isnan(self.accuracy)

    @property
    def labels(self) -> float:
        return self.row.number("labels_bought")


@dataclass(frozen=True, slots=True)
class Panel:
    """Arms that can be compared: trained on one benchmark, if at all, and tested on the same items.

    ``benchmark`` and ``on`` are the names as they are, ``title`` is what may be shown.
    """

    benchmark: str
    on: str
    arms: tuple[Arm, ...]

    def of(self, *kinds: Kind, **texts: str) -> tuple[Arm, ...]:
        """Its arms of some kinds; an axis that an arm does not use is no obstacle."""
        return tuple(
            arm
            for arm in self.arms
            if arm.kind in kinds and all(arm.row.raw(axis) in ("", text) for axis, text in texts.items())
        )

    @property
    def title(self) -> str:
        """Where its numbers come from, in words."""
        if self.benchmark in ("", self.on):
            return harmless(self.on)
        return f"{harmless(self.on)}, trained on {harmless(self.benchmark)}"


def arms_of(table: Sequence[Row], cells: Sequence[Row]) -> tuple[Arm, ...]:
    """Every arm of the table, and those of which only unfinished cells are known, in the order of the cells."""
    known = set(map(key_of, table))
    unfinished: dict[tuple[str, str], Row] = {}
    for cell in cells:
        key = key_of(cell)
        if key not in known:
            kept = {column: cell.values.get(column) for column in ("arm", "role", "evaluated_on", *AXES)}
            unfinished.setdefault(key, Row({**kept, "seeds": 0}))
    order = {key: place for place, key in enumerate(dict.fromkeys(map(key_of, cells)))}
    everything = sorted([*table, *unfinished.values()], key=lambda row: order.get(key_of(row), len(order)))
    names = _names(everything)
    return tuple(Arm(row, name, _kind(row), _blank(row, cells)) for row, name in zip(everything, names, strict=True))


def panels_of(arms: Sequence[Arm]) -> tuple[Panel, ...]:
    """Panels in the table's order, those tested on what they were trained on first."""
    trained = {(arm.row.raw("benchmark"), arm.key[1]): None for arm in arms if arm.row.text("role") == "student"}
    pairs = [pair for pair in trained if pair[0]]
    covered = {on for _, on in pairs}
    pairs += [("", on) for on in dict.fromkeys(arm.key[1] for arm in arms) if on not in covered]
    pairs.sort(key=lambda pair: pair[0] not in ("", pair[1]))
    return tuple(Panel(benchmark, on, _members(benchmark, on, arms)) for benchmark, on in pairs)


def key_of(row: Row) -> tuple[str, str]:
    """What a row of any table names as its arm, and where that was tested."""
    return row.raw("arm"), row.raw("evaluated_on")


def _members(benchmark: str, on: str, arms: Iterable[Arm]) -> tuple[Arm, ...]:
    return tuple(
        arm
        for arm in arms
        if arm.key[1] == on and (arm.row.text("role") != "student" or arm.row.raw("benchmark") in ("", benchmark))
    )


def _kind(row: Row) -> Kind:
    role, share = row.text("role"), row.number("label_fraction")
    if role == "teacher":
        return "teacher"
    if role == "majority":
        return "majority"
    if share >= 1 and not row.flag("saturated"):
        return "bound"
    if not isnan(share):
        return "bought"
    return "free" if row.text("teachers") else "floor"


def _names(table: Sequence[Row]) -> list[str]:
    """Names from the axes that differ; where two arms would be called the same, with their ids."""
    students = [row for row in table if row.text("role") == "student"]
    telling = [
        axis for axis in ("student", "teachers", "benchmark") if len({row.text(axis) for row in students} - {""}) > 1
    ]
    names = [_name(row, telling) for row in table]
    ids: dict[str, set[str]] = {}
    for name, row in zip(names, table, strict=True):
        ids.setdefault(name, set()).add(row.raw("arm"))
    return [
        name if len(ids[name]) == 1 else f"{name} ({row.text('arm')})" for name, row in zip(names, table, strict=True)
    ]


def _name(row: Row, telling: Sequence[str]) -> str:
    teachers = row.text("teachers", 60)
    if row.text("role") == "teacher":
        return teachers or row.text("arm")
    if row.text("role") == "majority":
        return f"majority of {teachers}" if teachers else row.text("arm")
    axes = ("strategy", "rule", *telling)
    parts = [*(row.text(axis, 60) for axis in axes[:2]), fraction(row.number("label_fraction"))]
    parts += [row.text(axis, 60) for axis in axes[2:]]
    return " · ".join(part for part in parts if part) or row.text("arm")


def _blank(row: Row, cells: Sequence[Row]) -> str:
    if not isnan(row.number("accuracy")):
        return ""
    own = [cell for cell in cells if key_of(cell) == key_of(row)]
    states = Counter(cell.text("state") or "unknown" for cell in own)
    reasons = dict.fromkeys(reason for cell in own if (reason := cell.text("reason")))
    if not states:
        return "no cell of this arm is stored"
    what = ", ".join(f"{count(number)} {state}" for state, number in sorted(states.items()))
    return f"no result yet; cells: {what}" + (f" ({'; '.join(list(reasons)[:2])})" if reasons else "")
