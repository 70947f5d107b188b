"""Teacher, items → annotations. Each answer is journalled as it comes, so that none is asked for twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, cast

from harness.components import Benchmark, Teacher
from harness.errors import UnreadableImage
from harness.identity import digest, identity, sha256_of
from harness.plan import Step
from harness.steps import rows
from harness.steps.bench import StepBench
from harness.store import Store
from harness.types import Annotation, Item


def annotate(step: Step, store: Store, bench: StepBench) -> Mapping[str, Any]:
    """Ask only about what the journal does not answer."""
    teacher = cast(Teacher, step.components["teacher"])
    benchmark = cast(Benchmark, step.components["benchmark"])
    items = benchmark.items(step.params["split"])
    contents = {item.id: content(item, teacher.reads()) for item in items}
    with store.journal(digest(identity(teacher))) as journal:
        answered = journal.read(contents.values())

        def keep(annotation: Annotation) -> None:
            # What failed is no answer: it is asked again when its step runs again.
            if annotation.outcome != "error":
                journal.add(contents[annotation.item_id], asdict(annotation))

        known = {
            item.id: replace(rows.annotation(answered[contents[item.id]]), item_id=item.id)
            for item in items
            if contents[item.id] in answered
        }
        asked = [item for item in items if item.id not in known]
        known |= {
            annotation.item_id: annotation
            for annotation in rows.in_order(_ask(teacher, asked), asked, Annotation, teacher.name, keep)
        }
    rows.write(bench.out / rows.FILES["annotate"], [known[item.id] for item in items])
    usages = [annotation.usage for annotation in known.values()]
    return {
        "items": len(items),
        "asked": len(asked),
        "calls": sum(usage.calls for usage in usages),
        "usd": sum(usage.usd for usage in usages),
    }


def _ask(teacher: Teacher, items: Sequence[Item]) -> Any:  # noqa: ANN401 - a stranger's values, checked by in_order
    return teacher.annotate(items) if items else ()


def content(item: Item, reads: frozenset[str]) -> str:
    """Digest of all of an item that a teacher which reads these parts can see."""
    seen: dict[str, object] = {
        "caption": item.caption,
        "evidence": [item.evidence.entities, item.evidence.captions],
    }
    if "image" in reads and item.image is not None:
        try:
            seen["image"] = item.image.sha256()
        except UnreadableImage:
            seen["image"] = "unreadable"
    for name in sorted(item.features):
        if f"features.{name}" in reads:
            seen[f"features.{name}"] = sha256_of(item.features[name].tobytes())
    return digest(seen)
