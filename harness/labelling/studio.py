"""Tasks as Label Studio imports them, and the labeling interface that goes with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from harness.labelling.pictures import embedded
from harness.labelling.sheet import verdict_of
from harness.labelling.tasks import Task
from harness.spreadsheet import encodable
from harness.types import VERDICTS, Verdict

CHOICE, COMMENT = "verdict", "comment"
"""Names of the controls in which people answer."""

_MEANING: dict[Verdict, str] = {
    "pristine": "the caption belongs to the image",
    "falsified": "the image is out of context",
}


def write(file: Path, tasks: Sequence[Task], teachers: Sequence[str], addresses: dict[str, str] | None) -> None:
    """One JSON list, written task by task: pictures are large.

    Pictures stand in it as data URIs, unless ``addresses`` has where a server will find each; None for no pictures.
    """
    with file.open("w", encoding="utf-8", newline="\n") as out:
        out.write("[")
        for place, task in enumerate(tasks):
            data = {"data": dict(_data(task, teachers, addresses))}
            out.write(("," if place else "") + "\n" + encodable(json.dumps(data, ensure_ascii=False)))
        out.write("\n]\n")


def _data(task: Task, teachers: Sequence[str], addresses: dict[str, str] | None) -> Iterator[tuple[str, str]]:
    # Not called id: Label Studio's smaller export puts an id of its own there.
    yield from (("task", task.key), ("item_id", task.item.id), ("caption", task.item.caption))
    yield from (("entities", task.entities), ("evidence", task.evidence))
    if addresses is not None:
        yield "image", addresses.get(task.key) or embedded(task.item.image)
    if teachers:
        yield "teachers", "\n\n".join(_told(task, teacher) for teacher in teachers)


def _told(task: Task, teacher: str) -> str:
    said = task.says.get(teacher)
    reason = said.rationale if said and said.outcome == "ok" else ""
    return f"{teacher}: {verdict_of(said)}" + (f"\n{reason}" if reason else "")


def interface(*, images: bool, teachers: bool) -> str:
    """The labeling configuration in Label Studio's XML; a text that is empty leaves its place empty."""
    return "\n".join(["<View>", *(f"  {line}" for line in _lines(images, teachers)), "</View>", ""])


def _lines(images: bool, teachers: bool) -> Iterator[str]:
    yield '<Header value="Does the caption belong to the image?"/>'
    if images:
        yield '<Image name="image" value="$image" zoom="true"/>'
    yield '<Header value="Caption" size="5"/>'
    yield '<Text name="caption" value="$caption"/>'
    yield '<Header value="Recognised in the image" size="5"/>'
    yield '<Text name="entities" value="$entities"/>'
    yield '<Header value="Pages with the image" size="5"/>'
    yield '<Text name="evidence" value="$evidence"/>'
    if teachers:
        yield '<Header value="What the teachers say" size="5"/>'
        yield '<Text name="teachers" value="$teachers"/>'
    yield f'<Choices name="{CHOICE}" toName="caption" choice="single" required="true" showInline="true">'
    for verdict in VERDICTS:
        yield f'  <Choice value="{verdict}" hint="{escape(_MEANING[verdict])}"/>'
    yield "</Choices>"
    yield f'<TextArea name="{COMMENT}" toName="caption" rows="2" maxSubmissions="1" placeholder="Why? (may be empty)"/>'
