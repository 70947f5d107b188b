"""What is to be known of an arm before its numbers are believed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from harness.plan import Plan

# An arm that gives one verdict more often than this has most likely collapsed to it.
COLLAPSED = 0.95

MANY = 0.05
"""A larger share of answers without a verdict is warned of."""

UNUSUAL = {
    # Equal but for the order of sums, and so not to be had again byte by byte.
    "halvings": "ran out of memory once and took half as much at once then",
    "accepted": "were made by other code, which somebody took for equal",
}


def of_answers(row: Mapping[str, Any]) -> Iterator[str]:
    """What the answers of an arm are like; ``row`` is that of the arms' table."""
    falsified = row["share_falsified"]
    if falsified >= COLLAPSED or falsified <= 1 - COLLAPSED:
        verdict, part = ("falsified", falsified) if falsified >= COLLAPSED else ("pristine", 1 - falsified)
        yield f"collapsed: {part:.0%} of the verdicts are {verdict}"
    asked = row["n"] * row["seeds"]
    for outcome, word in (("unparsable", "unparsable"), ("refused", "refused"), ("errors", "errors")):
        if row[outcome] > MANY * asked:
            yield f"{row[outcome] / asked:.0%} of the answers are {word} and count as wrong"
    if row["seeds"] < row["seeds_planned"]:
        yield f"{row['seeds']} of {row['seeds_planned']} seeds are done"


def of_data(plan: Plan, benchmarks: Collection[str | None]) -> Iterator[str]:
    """Which of the data that it was trained and tested on have been read by the label."""
    for label in dict.fromkeys(benchmarks):
        if label and label in plan.facts and plan.facts[label].oracles:
            yield f"oracle: how {label} is read depends on the label"


def of_steps(manifests: Collection[Mapping[str, Any]]) -> Iterator[str]:
    """How the steps came about that lead to its answers."""
    for name, told in UNUSUAL.items():
        if count := sum(bool(manifest["provenance"].get(name)) for manifest in manifests):
            yield f"{count} of {len(manifests)} steps {told}"
