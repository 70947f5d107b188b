"""Tasks as a CSV file for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness import spreadsheet
from harness.labelling.tasks import Task
from harness.types import Annotation

ITEM = ("task", "id", "image", "caption", "entities", "evidence")
FILL = ("verdict", "annotator", "comment")
"""Columns that people fill in; only the first must be."""


def sheet(tasks: Sequence[Task], teachers: Sequence[str], images: Mapping[str, str], annotator: str) -> str:
    """The whole file; ``images`` are paths by the task's key, ``teachers`` those whose answers are shown."""
    said = [f"{teacher}: {part}" for teacher in teachers for part in ("verdict", "rationale")]
    rows = (list(_row(task, teachers, images.get(task.key, ""), annotator)) for task in tasks)
    return spreadsheet.written([*ITEM, *said, *FILL], rows)


def _row(task: Task, teachers: Iterable[str], image: str, annotator: str) -> Iterator[str]:
    yield from (task.key, task.item.id, image, task.item.caption, task.entities, task.evidence)
    for teacher in teachers:
        said = task.says.get(teacher)
        yield verdict_of(said)
        yield said.rationale if said and said.outcome == "ok" else ""
    yield from ("", annotator, "")


def verdict_of(said: Annotation | None) -> str:
    """The verdict that a teacher gave, or why there is none."""
    return "" if said is None else said.verdict or f"no verdict ({said.outcome})"
