"""A trained model: an arm of a matrix, or a folder that says of which student it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from harness import lookup
from harness.components import Student
from harness.errors import HarnessError, PluginError, StoreError
from harness.identity import digest, identity
from harness.loading import did_you_mean
from harness.plan import Cell, Plan
from harness.plugins import Registry
from harness.steps.bench import LOG
from harness.store import MANIFEST, Store

RECORD = "harness.json"
"""What `harness export` writes beside a model; an artifact of the store has `MANIFEST` instead."""

RECORD_SCHEMA = 1

# A manifest holds facts and proofs about one step, no data.
MAX_RECORD = 10_000_000


@dataclass(frozen=True, slots=True)
class Trained:
    """A student and what it has learnt; ``model`` is None for the student's base."""

    name: str
    student: Student
    model: Path | None
    key: str
    """Digest of all that its answers depend on besides the items."""
    notes: tuple[str, ...] = ()
    """What a person should know before trusting the answers."""


def cell_of(plan: Plan, name: str, seed: int | None) -> Cell:
    """The student's cell of that name, or of the arm of that name and the seed; raises `HarnessError`."""
    found = [cell for cell in plan.cells if name in (cell.point.cell, cell.point.arm)]
    if not found:
        names = {cell.point.arm for cell in plan.cells}
        raise HarnessError(
            f"no arm is called {name!r}{did_you_mean(name, names)}",
            remedy=f"`harness status {plan.matrix.file}` lists cells; an arm is a cell without its seed.",
        )
    if found[0].role != "student":
        raise HarnessError(f"{name} is no student: there is no model of it")
    seeds = [cell.point.seed for cell in found]
    if seed is not None:
        found = [cell for cell in found if cell.point.seed in (seed, None)]
    if len(found) != 1:
        has = ", ".join(map(str, seeds))
        raise HarnessError(f"{name} has the seeds {has}", remedy="Say which by  --seed N .")
    return found[0]


def of_cell(plan: Plan, store: Store, cell: Cell) -> Trained:
    """The model of a cell; raises `HarnessError` where it is not there."""
    assert cell.point.student is not None
    student, name = plan.matrix.every_student[cell.point.student], cell.point.cell
    if cell.model is None:
        return Trained(name, student, None, _key(identity(student), {}))
    if not store.has("train", cell.model):
        raise HarnessError(f"{name} is not trained yet", remedy=f"`harness run {plan.matrix.file}` trains it.")
    folder = store.folder("train", cell.model)
    files = _files(store.manifest("train", cell.model), folder / MANIFEST)
    _check(folder, files, f"`harness run {plan.matrix.file}` makes it anew.")
    return Trained(name, student, folder, _key(identity(student), files))


def of_folder(folder: Path, registry: Registry, given: Mapping[str, Any]) -> Trained:
    """The model in a folder that `harness export` wrote, or in one of the store.

    ``given`` are options of the student that are this machine's: those that are no part of its identity, and
    where its base lies. Raises `HarnessError`.
    """
    path = folder / RECORD if (folder / RECORD).is_file() else folder / MANIFEST
    record = _read(path)
    told, files = _student(record, path), _files(record, path)
    _check(folder, files, "Copy or export the model again.")
    cls = _class_of(told, registry, path)
    elsewhere = record.get("elsewhere", [])
    whole = record.get("whole", "")
    options = {**told["options"], **_allowed(cls, given, elsewhere, path)}
    if whole:
        options[whole] = str(folder)
    elif missing := [name for name in elsewhere if name not in given]:
        raise HarnessError(
            f"needs {told['options'].get(missing[0])!r}, which lay in a folder of the machine that it was trained on",
            place=str(path),
            remedy=f"Say where it lies:  --with {missing[0]}=FOLDER",
        )
    student = _made(cls, options, path)
    notes = () if whole else tuple(_differences(student, told, path))
    return Trained(str(folder), student, None if whole else folder, _key(told, files), notes)


def _key(told: Mapping[str, Any], files: Mapping[str, str]) -> str:
    weights = {name: checksum for name, checksum in files.items() if name != LOG}
    return digest([{name: told[name] for name in ("class", "options", "code", "files")}, weights])


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_RECORD))
    except FileNotFoundError:
        raise HarnessError(
            f"there is neither {RECORD} nor {MANIFEST}",
            place=str(path.parent),
            remedy="Name a folder that `harness export` wrote; an arm is named with  --matrix matrix.yaml .",
        ) from None
    except OSError as error:
        raise HarnessError(f"cannot be read: {error.strerror}", place=str(path)) from None
    except (ValueError, RecursionError):
        raise _damaged(path, "is no JSON") from None
    if (
        not isinstance(found, dict)
        or found.get("schema") != RECORD_SCHEMA
        or found.get("kind") not in ("train", "model")
    ):
        raise _damaged(path, "does not tell of a trained model")
    return found


def _damaged(path: Path, cause: str) -> StoreError:
    return StoreError(cause, place=str(path), remedy="Copy or export the model again.")


def _student(record: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The student's identity as the record tells it."""
    try:
        told = record["ingredients"]["components"]["student"]
    except (KeyError, TypeError):
        told = None
    words = ("class", "files")
    if (
        not isinstance(told, dict)
        or not isinstance(told.get("options"), dict)
        or not all(isinstance(told.get(word), str) for word in words)
        or "code" not in told
        or not _is_texts(record.get("elsewhere", []))
        or not isinstance(record.get("whole", ""), str)
    ):
        raise _damaged(path, "does not say of which student it is")
    return told


def _files(record: Mapping[str, Any], path: Path) -> dict[str, str]:
    files = record.get("files")
    if not isinstance(files, dict) or not all(isinstance(checksum, str) for checksum in files.values()):
        raise _damaged(path, "does not list the model's files")
    if strange := [name for name in files if not _is_inside(name)]:
        raise _damaged(path, f"lists {strange[0]!r}, which is no file of this folder")
    return files


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def _is_inside(name: str) -> bool:
    return name.isprintable() and not Path(name).is_absolute() and ".." not in Path(name).parts


def _check(folder: Path, files: Mapping[str, str], remedy: str) -> None:
    """Every file is what it was when the model was written."""
    for name, checksum in files.items():
        if checksum_of(folder / name) != checksum:
            raise StoreError("is missing, damaged or was changed", place=str(folder / name), remedy=remedy)


def checksum_of(path: Path) -> str:
    """Hex digest of a file that may be larger than the memory; empty where there is none."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _class_of(told: Mapping[str, Any], registry: Registry, path: Path) -> type[Student]:
    for found in registry.components("student").values():
        for _, component in found:
            if f"{component.__module__}:{component.__qualname__}" == told["class"]:
                return cast(type[Student], component)
    raise PluginError(
        f"is of the student {told['class']!r}, which no installed plugin provides",
        place=str(path),
        remedy="Install the plugin that it was trained with; `harness plugins list` shows what is installed.",
    )


def _allowed(cls: type[Student], given: Mapping[str, Any], elsewhere: list[str], path: Path) -> Mapping[str, Any]:
    """Only options that do not change what the student says."""
    free = cls.transport | set(elsewhere)
    if fixed := sorted(given.keys() - free):
        raise HarnessError(
            f"the option {fixed[0]!r} is a part of what was trained and cannot be changed",
            place=str(path),
            remedy=f"These can be given by --with: {', '.join(sorted(free)) or 'none'}.",
        )
    return given


def _made(cls: type[Student], options: Mapping[str, Any], path: Path) -> Student:
    try:
        return cast(Student, lookup.made_of(cls, options, lookup.installed))
    except ValidationError as error:
        raise PluginError(
            f"its options no longer fit the student {cls.name}: {lookup.faults_of(error, cls)}",
            place=str(path),
            remedy="Install the version of the plugin that it was trained with, or train it anew.",
        ) from None


def _differences(student: Student, told: Mapping[str, Any], path: Path) -> Iterator[str]:
    """Notes on what has changed since the training; raises `HarnessError` where the base is another one."""
    now = identity(student)
    if told["files"] and now["files"] != told["files"]:
        raise HarnessError(
            "its base is not there, or is not the one that it was trained on",
            place=str(path),
            remedy="Train it anew on the base that there is, or bring the old one back.",
        )
    if now["code"] != told["code"]:
        yield f"the code of the student {student.name} has changed since the training: it may answer otherwise"
