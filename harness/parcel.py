"""Steps and answers of a matrix in one archive, from one store to another."""

from __future__ import annotations

import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from harness.errors import StoreError
from harness.identity import canonical, digest, identity, sha256_of
from harness.plan import KINDS
from harness.record import Run
from harness.steps.rows import annotation
from harness.store import MANIFEST, SCHEMA_VERSION, Store

_KEY = re.compile(r"[0-9a-f]{64}")
_REMEDY = "Only archives that `harness store export` wrote can be imported."

# A line of answers is a teacher's text of at most some thousand characters.
_LONGEST_LINE = 1_000_000


@dataclass(slots=True)
class Moved:
    """What an archive holds, and how much of it was new."""

    steps: int = 0
    new_steps: int = 0
    answers: int = 0
    new_answers: int = 0


def pack(runs: Iterable[Run], target: Path) -> Moved:
    """Write all stored steps of the runs, and what their teachers have answered.

    The archive replaces ``target`` when it is whole.
    """
    moved, seen = Moved(), set[str]()
    beside = target.with_name(f".{target.name}.part")
    mode = "w:gz" if target.suffix in (".gz", ".tgz") else "w"
    try:
        with tarfile.open(beside, mode) as archive:  # type: ignore[call-overload]
            for run in runs:
                for name, content in _contents(run):
                    if name not in seen:
                        seen.add(name)
                        _count(moved, name, content)
                        _add(archive, name, content)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return moved


def pack_step(store: Store, kind: str, key: str, target: Path) -> None:
    """Write one stored step, as `unpack` takes it; for compression somebody else may care."""
    with tarfile.open(target, "w") as archive:
        for name, path in _files(store, kind, key):
            _add(archive, name, path)


def _contents(run: Run) -> Iterator[tuple[str, Path | bytes]]:
    for step in (*run.plan.steps.values(), *(found.step for found in run.plan.inspections.values())):
        if run.store.has(step.kind, step.key):
            yield from _files(run.store, step.kind, step.key)
    for teacher in run.plan.matrix.teachers.values():
        who = digest(identity(teacher))
        if run.store.has_journal(who):
            yield f"answers/{who}.jsonl", answer_lines(run.store, who)


def _files(store: Store, kind: str, key: str) -> Iterator[tuple[str, Path]]:
    folder = store.folder(kind, key)
    # The manifest comes first: it says what must follow.
    for path in (folder / MANIFEST, *(folder / name for name in store.manifest(kind, key)["files"])):
        yield f"artifacts/{kind}/{key}/{path.relative_to(folder).as_posix()}", path


def _count(moved: Moved, name: str, content: Path | bytes) -> None:
    moved.steps += name.endswith(f"/{MANIFEST}")
    moved.answers += content.count(b"\n") if isinstance(content, bytes) else 0


def _add(archive: tarfile.TarFile, name: str, content: Path | bytes) -> None:
    """Owner, mode and time of a file are no part of it: equal contents make equal archives."""
    entry = tarfile.TarInfo(name)
    entry.mode = 0o644
    if isinstance(content, bytes):
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
        return
    entry.size = content.stat().st_size
    with content.open("rb") as file:
        archive.addfile(entry, file)


def unpack(source: Path, store: Store, *, below: str = "") -> Moved:
    """Put what an archive holds into the store; what is there already stays. Raises `StoreError`.

    A step is taken whole and only where its files have the checksums that its manifest states. Where ``below`` is
    given, such as ``artifacts/rank/KEY/``, an archive that holds anything else is refused.
    """
    moved = Moved()
    try:
        with tarfile.open(source, "r|*") as archive:
            _Unpacking(source, store, moved, below).all(archive)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StoreError(f"is no archive that can be read: {error}", place=str(source), remedy=_REMEDY) from None
    return moved


class _Unpacking:
    """Takes entry after entry, as they come: the steps of an archive need not fit into memory."""

    def __init__(self, source: Path, store: Store, moved: Moved, below: str) -> None:
        self.below = below
        self.source = source
        self.store = store
        self.moved = moved

    def all(self, archive: tarfile.TarFile) -> None:
        entry = archive.next()
        while entry is not None:
            if not entry.name.startswith(self.below):
                raise self.fault(f"holds {entry.name!r:.100}, which was not asked for")
            parts = PurePosixPath(entry.name).parts
            match parts:
                case ("artifacts", kind, key, "manifest.json") if kind in KINDS and _KEY.fullmatch(key):
                    entry = self.step(archive, entry, kind, key)
                case ("answers", name) if _KEY.fullmatch(name.removesuffix(".jsonl")) and entry.isfile():
                    self.answers(archive, entry, name.removesuffix(".jsonl"))
                    entry = archive.next()
                case _:
                    raise self.fault(f"holds {entry.name!r:.100}, which is no part of a store")

    def step(self, archive: tarfile.TarFile, first: tarfile.TarInfo, kind: str, key: str) -> tarfile.TarInfo | None:
        """Take a step; returns the entry after it."""
        manifest = self.manifest(archive, first, kind, key)
        wanted = dict(manifest["files"])
        self.moved.steps += 1
        known = self.store.has(kind, key)
        with self.store.writing(kind, key) as draft:
            while (entry := archive.next()) is not None and entry.name.startswith(f"artifacts/{kind}/{key}/"):
                name = entry.name.removeprefix(f"artifacts/{kind}/{key}/")
                if wanted.pop(name, None) is None or not entry.isfile():
                    raise self.fault(f"holds {entry.name!r:.200}, which its manifest does not name")
                if not known:
                    _extract(archive, entry, draft.folder / name)
            if wanted:
                raise self.fault(f"lacks {min(wanted)} of {kind} {key[:12]}")
            if not known:
                self.check(draft.folder, manifest, kind, key)
                draft.finish({part: said for part, said in manifest.items() if part not in ("schema", "files")})
        self.moved.new_steps += not known
        return entry

    def manifest(self, archive: tarfile.TarFile, entry: tarfile.TarInfo, kind: str, key: str) -> Mapping[str, Any]:
        try:
            found = json.loads(_read(archive, entry))
            if (found["schema"], found["kind"], found["key"]) != (SCHEMA_VERSION, kind, key):
                raise ValueError("it is another step's or version's")
            if not all(_is_plain(name) for name in found["files"]):
                raise ValueError("it names files outside its folder")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise self.fault(f"has a manifest of {kind} {key[:12]} that cannot be used: {error}") from None
        manifest: Mapping[str, Any] = found
        return manifest

    def check(self, folder: Path, manifest: Mapping[str, Any], kind: str, key: str) -> None:
        for name, checksum in manifest["files"].items():
            if sha256_of((folder / name).read_bytes()) != checksum:
                raise self.fault(f"is damaged: {name} of {kind} {key[:12]} has another checksum than its manifest says")

    def answers(self, archive: tarfile.TarFile, entry: tarfile.TarInfo, who: str) -> None:
        file = archive.extractfile(entry)
        assert file is not None
        try:
            answers, new = keep_answers(file, self.store, who)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise self.fault(f"has an answer that cannot be read in {entry.name[:30]}…: {error!r}") from None
        self.moved.answers += answers
        self.moved.new_answers += new

    def fault(self, cause: str) -> StoreError:
        return StoreError(cause, place=str(self.source), remedy=_REMEDY)


def keep_answers(file: IO[bytes], store: Store, who: str) -> tuple[int, int]:
    """Take over the answers of a teacher, a line each: how many there were and how many of them were new.

    Raises what a strange line raises; what came before it is kept.
    """
    answers = new = 0
    with store.journal(who) as journal:
        for line in iter(lambda: file.readline(_LONGEST_LINE), b""):
            row = json.loads(line)
            # What a step will read it as: a strange answer is to be refused now, not later.
            annotation(dict(row["answer"]))
            new += journal.keep(row)
            answers += 1
    return answers, new


def answer_lines(store: Store, who: str) -> bytes:
    """All answers of a teacher, for `keep_answers`."""
    with store.journal(who) as journal:
        return "".join(canonical(row) + "\n" for row in journal.rows()).encode()


def _read(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(entry) if entry.isfile() and entry.size <= 100 * _LONGEST_LINE else None
    return file.read() if file else b""


def _extract(archive: tarfile.TarFile, entry: tarfile.TarInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    file = archive.extractfile(entry)
    assert file is not None
    with target.open("wb") as out:
        shutil.copyfileobj(file, out)


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and str(path) == name and "\\" not in name
