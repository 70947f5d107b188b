"""Files that people filled in → votes: the CSV of an export, or what Label Studio exports."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import spreadsheet
from harness.errors import DataError
from harness.labelling.studio import CHOICE, COMMENT
from harness.labelling.votes import Read, Vote

_REMEDY = "Export the project from Label Studio again, as JSON or JSON-MIN."


def read(path: Path, annotator: str = "") -> Read:
    """The votes of a file; where it names nobody they are ``annotator``'s, or else the file's name is who it was.

    Raises `DataError`.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", place=str(path)) from None
    somebody = annotator or path.stem
    if path.suffix.lower() == ".json":
        return _studio(path.name, _parsed(data, path.name), somebody)
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return _sheet(path.name, data, somebody)
    raise DataError("is neither .csv nor .json", place=str(path), remedy="Give what an export wrote, filled in.")


def _sheet(name: str, data: bytes, somebody: str) -> Read:
    rows = spreadsheet.rows_of(data, name)
    if rows and not {"task", "id"} & rows[0].values.keys():
        raise DataError("has no column task and none id", place=name, remedy="Keep the columns of the export.")
    if rows and not any(CHOICE in row.values for row in rows):
        raise DataError(f"has no column {CHOICE}", place=name, remedy="Keep the columns of the export.")
    votes = [
        Vote(
            place=f"{name}:{row.number}",
            task=row.text("task"),
            item_id=row.values.get("id", ""),
            word=row.text(CHOICE),
            annotator=row.text("annotator") or somebody,
            source=name,
            comment=row.text(COMMENT),
        )
        for row in rows
        if row.text(CHOICE)
    ]
    return Read(votes, len(rows) - len(votes))


def _parsed(data: bytes, name: str) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON: {error}", place=name, remedy=_REMEDY) from None
    if not isinstance(found, list) or not all(isinstance(task, Mapping) for task in found):
        raise DataError("is no list of tasks", place=name, remedy=_REMEDY)
    return found


def _studio(name: str, tasks: list[Mapping[str, Any]], somebody: str) -> Read:
    read = Read([])
    for number, task in enumerate(tasks, 1):
        found = list(_annotations(task))
        read.empty += not found
        for at, said in enumerate(found, 1):
            place = f"{name}: task {number}" + (f", annotation {at}" if len(found) > 1 else "")
            vote = _vote(place, name, task, said, somebody)
            if vote.word:
                read.votes.append(vote)
            else:
                read.empty += 1
    return read


def _annotations(task: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What people said of a task, as flat objects; an object without annotations is one of the smaller export."""
    if "data" not in task and "annotations" not in task:
        yield task
        return
    given = task.get("annotations")
    for said in given if isinstance(given, list) else ():
        if isinstance(said, Mapping):
            yield {
                "annotator": said.get("completed_by"),
                "updated_at": said.get("updated_at"),
                "created_at": said.get("created_at"),
                **({} if said.get("was_cancelled") else _answers(said.get("result"))),
            }


def _answers(result: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for part in result if isinstance(result, list) else ():
        value = part.get("value") if isinstance(part, Mapping) else None
        if isinstance(value, Mapping):
            found[str(part.get("from_name"))] = value.get("choices", value.get("text"))
    return found


def _vote(place: str, name: str, task: Mapping[str, Any], said: Mapping[str, Any], somebody: str) -> Vote:
    given = task.get("data", task)
    data: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    cancelled = bool(said.get("was_cancelled"))
    return Vote(
        place=place,
        task=_text(data.get("task")).strip(),
        item_id=_text(data.get("item_id")),
        word="" if cancelled else _text(said.get(CHOICE)).strip(),
        annotator=_who(said.get("annotator")) or somebody,
        time=_text(said.get("updated_at")) or _text(said.get("created_at")),
        source=name,
        comment=_text(said.get(COMMENT)).strip(),
    )


def _text(value: object) -> str:
    """A text, or the texts of a list or of the choices that it stands for, joined."""
    if isinstance(value, Mapping):
        value = value.get("choices", value.get("text"))
    if isinstance(value, list):
        return "; ".join(_text(part) for part in value)
    return "" if value is None else str(value)


def _who(value: object) -> str:
    """A person's address or name, or the number that Label Studio knows them by."""
    if isinstance(value, Mapping):
        named = " ".join(_text(value.get(part)) for part in ("first_name", "last_name")).strip()
        number = value.get("id")
        return _text(value.get("email")).strip() or named or _who(number)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"user {value}"
    return _text(value).strip()
