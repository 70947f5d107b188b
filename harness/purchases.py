"""What a conflict rule would buy, and what that tells: without labels as far as it goes, with them for a diagnosis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, pstdev
from typing import Any

import numpy as np

from harness.handed import Panel
from harness.stats import Estimate, krippendorff
from harness.steps.pool import bought_ids
from harness.types import VERDICTS, Ranked, Split, Verdict

BY_LABELS = ("falsified", "accuracy_inside", "accuracy_outside", "accuracy_bought", "changed", "settled")
"""What is known of a purchase by the labels of its items alone."""

MEASURES = ("conflicts", "conflict_rate", "bought", "saturated", "falsified_said", *BY_LABELS)
"""What is told of a purchase, averaged over seeds; each has its spread beside it, as ``NAME_sd``."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What rules are compared on: the items of a split, what teachers say of them, and the labels that there are."""

    benchmark: str
    teachers: str
    split: Split
    panel: Panel
    labels: Mapping[str, Verdict]
    lacking: str = ""
    """Why there is no label."""

    def agreement(self) -> Estimate:
        """Krippendorff's α of the teachers over all items, whose groups are drawn again for its interval."""
        ratings = [
            [_code(self.panel.by(teacher, item_id).verdict) for item_id in self.panel.items]
            for teacher in self.panel.teachers
        ]
        clusters = [item.cluster for item in self.panel.items.values()]
        _, groups = np.unique(clusters, return_inverse=True)
        return krippendorff(np.array(ratings, dtype=np.int64).reshape(len(ratings), len(clusters)), groups)


def _code(verdict: Verdict | None) -> int:
    return -1 if verdict is None else VERDICTS.index(verdict)


def measured(ground: Ground, rank: Sequence[Ranked], budget: int) -> dict[str, float | None]:
    """`MEASURES` of one order; None where there is nothing to measure it on."""
    bought, inside = bought_ids(rank, budget), [row.item_id for row in rank if row.conflict]
    outside = [row.item_id for row in rank if not row.conflict]
    said = [verdict for item_id in bought for verdict in ground.panel.verdicts(item_id)]
    known = [item_id for item_id in bought if item_id in ground.labels]
    majorities = [(majority(ground.panel, item_id), ground.labels[item_id]) for item_id in known]
    return {
        "conflicts": len(inside),
        "conflict_rate": len(inside) / len(rank),
        "bought": len(bought),
        "saturated": float(len(bought) < budget),
        "falsified_said": _share(verdict == "falsified" for verdict in said),
        "falsified": _share(ground.labels[item_id] == "falsified" for item_id in known),
        "accuracy_inside": accuracy(ground, inside),
        "accuracy_outside": accuracy(ground, outside),
        "accuracy_bought": accuracy(ground, bought),
        "changed": sum(side is not None and side != label for side, label in majorities) if known else None,
        "settled": sum(side is None for side, _ in majorities) if known else None,
    }


def majority(panel: Panel, item_id: str) -> Verdict | None:
    """The pseudo-label: the verdict of more than half of the teachers with an answer; None at a tie."""
    said = panel.verdicts(item_id)
    return next((verdict for verdict in VERDICTS if 2 * said.count(verdict) > len(said)), None)


def accuracy(ground: Ground, item_ids: Iterable[str], teacher: str | None = None) -> float | None:
    """The share of answers about labelled items that are right: of one teacher, or of all of them."""
    return _share(
        ground.panel.by(name, item_id).verdict == ground.labels[item_id]
        for item_id in item_ids
        if item_id in ground.labels
        for name in ([teacher] if teacher else ground.panel.teachers)
        if ground.panel.by(name, item_id).verdict is not None
    )


def by_teacher(ground: Ground, rank: Sequence[Ranked]) -> dict[str, dict[str, float | None]]:
    """How often each teacher is right inside and outside the conflicts of one order."""
    sides = {"inside": [row for row in rank if row.conflict], "outside": [row for row in rank if not row.conflict]}
    return {
        teacher: {side: accuracy(ground, [row.item_id for row in rows], teacher) for side, rows in sides.items()}
        for teacher in ground.panel.teachers
    }


def _share(flags: Iterable[bool]) -> float | None:
    known = list(flags)
    return sum(known) / len(known) if known else None


def averaged(purchases: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Means over seeds, and the standard deviation of those seeds; over those for which there is a value."""
    found: dict[str, float | None] = {}
    for name in MEASURES:
        values = [value for purchase in purchases if (value := purchase[name]) is not None]
        found[name] = fmean(values) if values else None
        found[f"{name}_sd"] = pstdev(values) if values else None
    return found


def overlaps(bought: Mapping[str, Sequence[Sequence[str]]]) -> dict[str, dict[str, float]]:
    """Jaccard's index of what two rules buy with one seed, averaged over seeds; nothing where neither buys anything."""
    found: dict[str, dict[str, float]] = {rule: {} for rule in bought}
    for one, other in combinations(bought, 2):
        pairs = [(set(mine), set(theirs)) for mine, theirs in zip(bought[one], bought[other], strict=True)]
        indices = [len(mine & theirs) / len(mine | theirs) for mine, theirs in pairs if mine | theirs]
        if indices:
            found[one][other] = found[other][one] = fmean(indices)
    return found


def plain(estimate: Estimate) -> dict[str, Any]:
    """α for other programs; what is not known is null."""
    values = {"alpha": estimate.mean, "alpha_low": estimate.low, "alpha_high": estimate.high}
    return {name: None if np.isnan(value) else float(value) for name, value in values.items()}
