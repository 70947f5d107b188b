"""A capsule → its tables and reports made anew, and whether each is what it was."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any, get_args

import numpy as np

from harness import archive as tar
from harness.capsule import FILE, LABEL, REMEDY, plan_of
from harness.diagnosis import view
from harness.errors import HarnessError, StoreError
from harness.identity import sha256_of
from harness.packing import outputs_of, taken
from harness.parcel import KEY, Moved, Unpacking
from harness.plan import Plan
from harness.plugins import Registry
from harness.provenance import PACKAGES
from harness.publication import TABLES, publish
from harness.redaction import redact
from harness.seal import core_digest
from harness.store import Store
from harness.types import Split
from harness.view import RunView

MOST_BYTES = 4_000_000_000
"""What a capsule may hold: some pictures and the answers of some hundred steps."""

COUNTING = (*PACKAGES, "jinja2", "ooc-harness", "scikit-learn", "scipy")
"""Distributions by which tables and reports may come out otherwise."""

_PARTS = re.compile(r"({})(\.labels)?\.jsonl".format("|".join(get_args(Split))))


@dataclass(frozen=True, slots=True)
class Output:
    """A table or a report: ``state`` is same, differs, missing, new, or not made (with the cause)."""

    name: str
    what: str
    state: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Rerun:
    """What came of running a capsule again."""

    title: str
    redacted: bool
    outputs: tuple[Output, ...]
    surroundings: tuple[str, ...]
    """What is other than when the capsule was made, in words."""

    @property
    def same(self) -> bool:
        """Whether every file is there again, byte by byte."""
        return all(output.state == "same" for output in self.outputs)


def rerun(source: Path, out: Path, registry: Registry) -> Rerun:
    """Score and render what a capsule holds into the folder ``out``; raises `StoreError` where it is none."""
    with tempfile.TemporaryDirectory(prefix="harness-rerun-") as scratch:
        root = Path(scratch)
        facts = _unpacked(source, root)
        try:
            _check_names(facts)
            plan, missing = plan_of(facts, root, registry)
            seen = _seen(plan, Store(root), facts)
            publish(seen, plan.matrix.reports, root / "made")
            found = _compared(facts, outputs_of(root / "made"), missing)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            raise StoreError(f"cannot be scored: {error!r:.300}", place=str(source), remedy=REMEDY) from None
        except HarnessError as error:
            raise StoreError(f"cannot be scored: {error}", place=str(source)) from None
        shutil.copytree(root / "made", out, dirs_exist_ok=True)
    return Rerun(plan.matrix.title, facts["names"] is not None, found, tuple(_changed(facts)))


def _unpacked(source: Path, root: Path) -> Mapping[str, Any]:
    Unpacking(source, Store(root), Moved(), _Others(root).take, REMEDY, taken, MOST_BYTES).all()
    try:
        found = json.loads((root / FILE).read_bytes())
        if not isinstance(found, dict):
            raise ValueError("no object")
    except (OSError, ValueError, RecursionError):
        raise StoreError(f"holds no {FILE} that can be read", place=str(source), remedy=REMEDY) from None
    facts: Mapping[str, Any] = found
    return facts


@dataclass(frozen=True, slots=True)
class _Others:
    """Takes the files of a capsule that belong to no step."""

    root: Path

    def take(self, unpacking: Unpacking, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bool:
        parts = PurePosixPath(entry.name).parts
        if not (entry.isfile() and tar.is_plain(entry.name) and _belongs(parts)):
            return False
        target = self.root.joinpath(*parts)
        if target.exists():
            raise unpacking.fault(f"holds {entry.name!r:.100} twice")
        tar.extract(archive, entry, target)
        if parts[0] == "images" and sha256_of(target.read_bytes()) != parts[1]:
            raise unpacking.fault(f"is damaged: {entry.name} has another checksum than its name says")
        return True


def _belongs(parts: tuple[str, ...]) -> bool:
    match parts:
        case (name,):
            return name == FILE
        case ("images", name):
            return bool(KEY.fullmatch(name))
        case ("failures", name):
            return bool(re.fullmatch(rf"{KEY.pattern}\.json", name))
        case ("benchmarks", label, name):
            return bool(LABEL.fullmatch(label) and _PARTS.fullmatch(name))
    return False


def _seen(plan: Plan, store: Store, facts: Mapping[str, Any]) -> RunView:
    names, said = facts["names"], facts["seal"]
    # Other reports may stand beside those that are made here.
    others = {part: str(said[part]) for part in said if part.startswith("report:")}
    if names is None:
        found = view(plan, store)
        return replace(found, seal={**others, **found.seal})
    found = view(plan, store, _similarities(facts))
    # What they are digests of is not in the capsule.
    kept = {part: str(said[part]) for part in ("matrix", "answers")}
    return redact(replace(found, seal={**others, **found.seal, **kept}), lambda name: str(names.get(name, name)))


def _check_names(facts: Mapping[str, Any]) -> None:
    """The names of files are shown to people."""
    names = [*facts["outputs"], *(name for files in facts["files_of_reports"].values() for name in files)]
    if strange := [name for name in names if not (tar.is_plain(name) and name.isprintable())]:
        raise ValueError(f"{strange[0]!r:.80} is no name of a file")


def _similarities(facts: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    return {
        (str(cell), str(benchmark)): np.array([np.nan if value is None else float(value) for value in values])
        for cell, benchmark, values in facts["similarities"]
    }


def _compared(facts: Mapping[str, Any], made: Mapping[str, str], missing: Mapping[str, str]) -> tuple[Output, ...]:
    """Tables first, then reports; a report whose plugin lacks is told with the cause."""
    was = {str(name): str(checksum) for name, checksum in facts["outputs"].items()}
    lacking = {
        name: missing[label] for label, files in facts["files_of_reports"].items() for name in files if label in missing
    }
    tables = [f"{name}.csv" for name in TABLES]
    names = [*tables, *sorted({*was, *made} - set(tables))]
    found = []
    for name in names:
        what = "table" if name in tables else "report"
        if name in lacking and name not in made:
            found.append(Output(name, what, "not made", lacking[name]))
        else:
            found.append(Output(name, what, _state(was.get(name), made.get(name))))
    return tuple(found)


def _state(was: str | None, now: str | None) -> str:
    if was is None or now is None:
        return "new" if was is None else "missing"
    return "same" if was == now else "differs"


def _changed(facts: Mapping[str, Any]) -> list[str]:
    """What may be the reason why something differs."""
    code = facts["seal"].get("core") != core_digest()
    found = ["the code of the harness between answers and tables is another"] if code else []
    was = facts["versions"]
    pairs = ((name, str(was[name]), _version(name)) for name in COUNTING if name in was)
    return found + [f"{name} was {old}, and is {new or 'not installed'}" for name, old, new in pairs if old != new]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
