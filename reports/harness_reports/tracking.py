"""A run as trackers want it: parameters, metrics by step, and an identity by which it is found again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Literal

from harness.api import digest
from harness_reports.arms import AXES, Arm, key_of
from harness_reports.records import Row, harmless
from harness_reports.seen import Seen

METRICS = ("accuracy", "accuracy_falsified", "accuracy_pristine", "macro_f1", "auroc", "brier", "ece")
_COUNTS = ("labels_bought", "n", "accuracy_parsed", "unparsable", "refused", "errors", "share_falsified")
_SEED = (*METRICS, *_COUNTS)
_ARM = (
    *(f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")),
    *_COUNTS,
    *("seeds", "training_seconds", "prediction_seconds", "teacher_calls", "teacher_usd"),
)
_CURVE = ("accuracy", "accuracy_low", "accuracy_high")


@dataclass(frozen=True, slots=True)
class Point:
    """A number of a metric; ``step`` is a number of labels, or a seed."""

    metric: str
    value: float
    step: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tracker calls a run: the whole matrix, a label curve, an arm, or one of its seeds.

    ``identity`` follows from what it is of, ``content`` from that and its numbers.
    """

    level: Literal["matrix", "curve", "arm", "seed"]
    name: str
    identity: str
    parent: str
    """Identity of the entry above; empty for the matrix."""
    params: Mapping[str, str]
    points: tuple[Point, ...]

    @property
    def content(self) -> str:
        """Hex digest of all that is logged."""
        return digest(asdict(self))


def entries(seen: Seen) -> Iterator[Entry]:
    """Parents first; only what is done, and only numbers that are known."""
    title = harmless(seen.view.title) or "untitled run"
    states = [row.text("state") == "done" for row in seen.results]
    counts = (Point("cells", len(states), 0), Point("cells_done", sum(states), 0))
    top = _entry("matrix", title, "", {"matrix": title}, counts)
    yield top
    yield from _curves(seen, top)
    cells: dict[tuple[str, str], list[Row]] = {}
    for row in seen.results:
        cells.setdefault(key_of(row), []).append(row)
    for arm in seen.arms:
        if arm.known:
            yield from _arm(seen, arm, cells.get(arm.key, []), top)


def _curves(seen: Seen, top: Entry) -> Iterator[Entry]:
    for panel in seen.panels:
        found: dict[tuple[str, ...], list[Arm]] = {}
        for arm in panel.of("bought", "bound"):
            if arm.known:
                found.setdefault(tuple(arm.row.text(axis) for axis in AXES[:-1]), []).append(arm)
        for axes, arms in found.items():
            params = _named(zip((*AXES[:-1], "evaluated_on"), (*axes, panel.on), strict=True))
            points = tuple(point for arm in arms for point in _points(arm.row, _CURVE, _labels(arm)))
            name = " · ".join(axes[place] for place in (4, 3, 2, 1) if axes[place])
            yield _entry("curve", f"labels: {name}", top.identity, params, points)


def _arm(seen: Seen, arm: Arm, cells: Iterable[Row], top: Entry) -> Iterator[Entry]:
    told = [(name, arm.row.text(name)) for name in ("arm", "role", *AXES, "evaluated_on")]
    read = dict.fromkeys(arm.row.text(axis) for axis in ("benchmark", "evaluated_on"))
    params = _named([*told, ("oracle", ", ".join(name for name in read if name in seen.oracles))])
    above = _entry("arm", arm.name, top.identity, params, _points(arm.row, _ARM, _labels(arm)))
    yield above
    for cell in cells:
        if cell.text("state") == "done":
            seed = cell.number("seed")
            called = f"seed {seed:.0f}" if isfinite(seed) else "no seed"
            own = {**params, **_named([("cell", cell.text("cell")), ("seed", called.removeprefix("seed "))])}
            points = _points(cell, _SEED, int(seed) if isfinite(seed) else 0)
            yield _entry("seed", f"{arm.name}, {called}", above.identity, own, points)


def _entry(
    level: Literal["matrix", "curve", "arm", "seed"],
    name: str,
    parent: str,
    params: Mapping[str, str],
    points: tuple[Point, ...],
) -> Entry:
    return Entry(level, name, digest([level, parent, dict(params)]), parent, params, points)


def _named(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Harmless texts by name, without the empty ones."""
    return {name: shown for name, text in pairs if (shown := harmless(text))}


def _points(row: Row, columns: Iterable[str], step: int) -> tuple[Point, ...]:
    known = ((column, row.number(column)) for column in columns)
    return tuple(Point(column, value, step) for column, value in known if isfinite(value))


def _labels(arm: Arm) -> int:
    return round(arm.labels) if isfinite(arm.labels) else 0


def plain(name: str, longest: int = 120) -> str:
    """A name that every tracker and every file system takes."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", name).strip("-.")[:longest] or "unnamed"
