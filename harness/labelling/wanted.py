"""Which labels the cells of a plan wait for: what their ranks would buy and nobody has given."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from harness.plan import Cell, Plan, Step
from harness.steps import rows
from harness.steps.pool import bought_ids
from harness.store import Store


@dataclass(slots=True)
class Wanted:
    """Of one benchmark."""

    items: list[str] = field(default_factory=list)
    """Ids, what some rank would buy first first; of equals in the order of the ids."""
    cells: int = 0
    """Cells that want at least one of them."""
    unranked: int = 0
    """Cells that buy labels and whose items are not ranked yet, so that nobody knows which."""


def wanted(plan: Plan, store: Store) -> dict[str, Wanted]:
    """By the labels of the benchmarks that are trained on; raises `StoreError` where a rank is damaged."""
    search = _Search(store)
    found = {label: Wanted() for label in plan.matrix.benchmarks}
    places: dict[str, dict[str, int]] = {label: {} for label in found}
    waiting = [
        (label, buyers)
        for cell in plan.cells
        if (label := cell.point.benchmark) is not None and (buyers := search.buyers(plan, cell))
    ]
    known = {label: plan.matrix.benchmarks[label].labels("train") for label in {label for label, _ in waiting}}
    for label, buyers in waiting:
        if any(search.order(step) is None for step in buyers):
            found[label].unranked += 1
            continue
        lacking = [place for step in buyers for place in search.lacking(step, known[label])]
        found[label].cells += bool(lacking)
        for place, item_id in lacking:
            places[label][item_id] = min(place, places[label].get(item_id, place))
    for label, own in places.items():
        found[label].items = sorted(own, key=lambda item_id: (own[item_id], item_id))
    return found


class _Search:
    """Reads each rank once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._orders: dict[str, Sequence[str] | None] = {}

    def buyers(self, plan: Plan, cell: Cell) -> list[Step]:
        """Training steps of the cell that buy labels and are not done."""
        if not cell.budget:
            return []
        steps = (plan.steps[key] for key in sorted(plan.steps_of(cell)))
        return [step for step in steps if "budget" in step.params and not self._store.has(step.kind, step.key)]

    def order(self, step: Step) -> Sequence[str] | None:
        """All that could be bought, in the order of buying; None where the items are not ranked yet."""
        key = step.inputs["rank"]
        if key not in self._orders:
            there = self._store.has("rank", key)
            ranked = rows.read_ranks(self._store, key) if there else []
            self._orders[key] = bought_ids(ranked, len(ranked)) if there else None
        return self._orders[key]

    def lacking(self, step: Step, known: Collection[str]) -> list[tuple[int, str]]:
        """What the step would buy and nobody has labelled, with its place in the order."""
        bought = (self.order(step) or ())[: step.params["budget"]]
        return [(place, item_id) for place, item_id in enumerate(bought) if item_id not in known]


def told(found: dict[str, Wanted], matrix: str) -> str:
    """What is wanted and what to do next, in one line; empty where nothing is wanted."""
    items = sum(len(one.items) for one in found.values())
    cells = sum(one.cells for one in found.values())
    if not items:
        return ""
    one = items == 1
    return (
        f"waiting for labels: {items} item{'' if one else 's'}, wanted by {cells} cell{'s' if cells > 1 else ''};"
        f" `harness labels export {matrix}` writes {'it' if one else 'them'} to label"
    )


def facts(found: dict[str, Wanted]) -> dict[str, dict[str, int]]:
    """The same as JSON, for each benchmark of which something is wanted."""
    return {label: {"labels": len(one.items), "cells": one.cells} for label, one in found.items() if one.items}
