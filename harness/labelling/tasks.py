"""What a person is given of an item to be labelled. Nothing in it depends on a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.identity import digest
from harness.plan import Plan
from harness.steps import rows
from harness.store import Store
from harness.types import Annotation, Item


@dataclass(frozen=True, slots=True)
class Task:
    """An item, and what the teachers said of it."""

    key: str
    """A name that tells nothing, which spreadsheets leave alone: they would make a number or a date of some ids."""
    item: Item
    says: Mapping[str, Annotation]
    """By teacher; empty where people are to judge without them."""

    @property
    def evidence(self) -> str:
        """Captions of pages with the image, a line each, with the page's address where it is known."""
        found = self.item.evidence
        sources = found.sources or ("",) * len(found.captions)
        pairs = zip(found.captions, sources, strict=True)
        return "\n".join(f"{text} ({source})" if source else text for text, source in pairs)

    @property
    def entities(self) -> str:
        """What was recognised in the image."""
        return "; ".join(self.item.evidence.entities)


def key_of(benchmark: str, item_id: str) -> str:
    """The name of an item in files for people; the same in every export."""
    return f"t-{digest([benchmark, item_id])[:16]}"


def tasks_of(plan: Plan, store: Store, benchmark: str, ids: Sequence[str], *, blind: bool) -> list[Task]:
    """The tasks of these items in their order; with what every teacher of the plan said, as far as it is stored."""
    items = {item.id: item for item in plan.matrix.benchmarks[benchmark].items("train")}
    said = {} if blind else _said(plan, store, benchmark)
    return [
        Task(
            key_of(benchmark, item_id),
            items[item_id],
            {teacher: own[item_id] for teacher, own in said.items() if item_id in own},
        )
        for item_id in ids
    ]


def _said(plan: Plan, store: Store, benchmark: str) -> dict[str, dict[str, Annotation]]:
    keys = {teacher: plan.annotations.get((teacher, benchmark, "train")) for teacher in plan.matrix.teachers}
    return {
        teacher: rows.read_annotations(store, key)
        for teacher, key in keys.items()
        if key is not None and store.has("annotate", key)
    }
