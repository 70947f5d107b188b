"""Write the items that cells wait for into a folder for people; nothing in it, nor its order, tells a label."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import HarnessError
from harness.identity import digest
from harness.labelling import pictures, sheet, studio
from harness.labelling.tasks import Task

Order = Literal["random", "rank"]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How the items are to be written."""

    formats: frozenset[str] = frozenset({"csv", "label-studio"})
    images: pictures.Manner = "copy"
    image_url: str = ""
    """Where a server will find the images, for Label Studio; empty to put the pictures into its file."""
    blind: bool = False
    annotators: tuple[str, ...] = ()
    overlap: int = 1
    """How many people are given each item, where annotators are named."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an export wrote."""

    files: list[Path]
    """Those for people, without the images."""
    unseen: int
    """Items whose image cannot be read, so that nobody is shown it."""


def chosen(ids: Sequence[str], order: Order, limit: int | None) -> list[str]:
    """The first ``limit`` in the order of buying; as they are, or in an order that is the digests' of their ids."""
    first = list(ids[:limit])
    return first if order == "rank" else sorted(first, key=lambda item_id: digest(["labels", item_id]))


def export(tasks: Sequence[Task], teachers: Sequence[str], out: Path, wishes: Wishes) -> Written:
    """Write the folder, all of it or nothing; raises `HarnessError`."""
    if os.path.lexists(out):
        remedy = "Name another folder by --out: somebody may have begun to fill in the files of this one."
        raise HarnessError("is there already", place=str(out), remedy=remedy)
    beside = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}")
    try:
        beside.mkdir(parents=True)
        names, unseen = _write(tasks, teachers, beside, wishes)
        beside.rename(out)
    except OSError as error:
        raise HarnessError(f"cannot be written: {error.strerror or error}", place=str(out)) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Written([out / name for name in names], unseen)


def _write(tasks: Sequence[Task], teachers: Sequence[str], folder: Path, wishes: Wishes) -> tuple[list[str], int]:
    shown = () if wishes.blind else tuple(teachers)
    found = pictures.put(tasks, folder / "images", wishes.images)
    paths = {key: f"images/{name}" for key, name in found.items()}
    addresses = {key: f"{wishes.image_url}{name}" for key, name in found.items()} if wishes.image_url else {}
    seen = wishes.images != "none" and any(task.item.image for task in tasks)
    names: list[str] = []
    for annotator, own in shares(tasks, wishes.annotators, wishes.overlap).items():
        ending = f"-{annotator}" if annotator else ""
        if "csv" in wishes.formats:
            names.append(f"items{ending}.csv")
            text = sheet.sheet(own, shown, paths, annotator)
            (folder / names[-1]).write_text(text, encoding="utf-8", newline="")
        if "label-studio" in wishes.formats:
            names.append(f"tasks{ending}.json")
            studio.write(folder / names[-1], own, shown, addresses if seen else None)
    if "label-studio" in wishes.formats:
        names.append("labeling.xml")
        (folder / names[-1]).write_text(studio.interface(images=seen, teachers=bool(shown)), encoding="utf-8")
    unseen = sum(task.item.image is not None and task.key not in found for task in tasks) if seen else 0
    return names, unseen


def shares(tasks: Sequence[Task], annotators: Sequence[str], overlap: int) -> dict[str, list[Task]]:
    """The tasks of each annotator: every task goes to ``overlap`` neighbours in a ring, so that all can be compared."""
    if not annotators:
        return {"": list(tasks)}
    own: dict[str, list[Task]] = {annotator: [] for annotator in annotators}
    for place, task in enumerate(tasks):
        for step in range(overlap):
            own[annotators[(place + step) % len(annotators)]].append(task)
    return own
