"""Steps and answers of a matrix in one archive, from one store to another."""

from __future__ import annotations

import json
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path, PurePosixPath
from typing import IO, Any

from harness import archive as tar
from harness.errors import StoreError
from harness.identity import canonical, digest, identity, sha256_of
from harness.plan import KINDS
from harness.record import Run
from harness.steps.rows import annotation
from harness.store import MANIFEST, SCHEMA_VERSION, Store

KEY = re.compile(r"[0-9a-f]{64}")
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
    with tar.writing(target) as archive:
        for run in runs:
            for name, content in _contents(run):
                if name not in seen:
                    seen.add(name)
                    _count(moved, name, content)
                    tar.add(archive, name, content)
    return moved


def pack_step(store: Store, kind: str, key: str, target: Path) -> None:
    """Write one stored step, as `unpack` takes it; for compression somebody else may care."""
    with tarfile.open(target, "w") as archive:
        for name, path in _files(store, kind, key):
            tar.add(archive, name, path)


def _contents(run: Run) -> Iterator[tuple[str, Path | bytes]]:
    for step in run.plan.every_step():
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


def unpack(source: Path, store: Store, *, below: str = "") -> Moved:
    """Put what an archive holds into the store; what is there already stays. Raises `StoreError`.

    A step is taken whole and only where its files have the checksums that its manifest states. Where ``below`` is
    given, such as ``artifacts/rank/KEY/``, an archive that holds anything else is refused.
    """
    moved = Moved()

    def answers(unpacking: Unpacking, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bool:
        match PurePosixPath(entry.name).parts:
            case ("answers", name) if KEY.fullmatch(name.removesuffix(".jsonl")) and entry.isfile():
                _take_answers(unpacking, archive, entry, name.removesuffix(".jsonl"))
                return True
        return False

    Unpacking(source, store, moved, answers, _REMEDY, below=below).all()
    return moved


def every_file(kind: str, name: str) -> bool:
    """All of a step's files belong into an archive."""
    return True


@dataclass(slots=True)
class Unpacking:
    """Takes entry after entry, as they come: the steps of an archive need not fit into memory.

    Of each step the files are wanted that ``takes`` says. What is no part of a step goes to ``other``, which says
    whether it is anything. Raises `StoreError`.
    """

    source: Path
    store: Store
    moved: Moved
    other: Callable[[Unpacking, tarfile.TarFile, tarfile.TarInfo], bool]
    remedy: str
    takes: Callable[[str, str], bool] = every_file
    most: float = inf
    """Bytes that may come out of the archive."""
    below: str = ""
    """What all names in it begin with."""

    def all(self) -> None:
        try:
            with tarfile.open(self.source, "r|*") as archive:
                self.entries(archive)
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise self.fault(f"is no archive that can be read: {error}") from None

    def next(self, archive: tarfile.TarFile) -> tarfile.TarInfo | None:
        entry = archive.next()
        self.most -= entry.size if entry else 0
        if self.most < 0:
            raise self.fault("holds more bytes than such an archive ever has")
        return entry

    def entries(self, archive: tarfile.TarFile) -> None:
        entry = self.next(archive)
        while entry is not None:
            if not entry.name.startswith(self.below):
                raise self.fault(f"holds {entry.name!r:.100}, which was not asked for")
            parts = PurePosixPath(entry.name).parts
            match parts:
                case ("artifacts", kind, key, "manifest.json") if kind in KINDS and KEY.fullmatch(key):
                    entry = self.step(archive, entry, kind, key)
                case _ if self.other(self, archive, entry):
                    entry = self.next(archive)
                case _:
                    raise self.fault(f"holds {entry.name!r:.100}, which has no place in such an archive")

    def step(self, archive: tarfile.TarFile, first: tarfile.TarInfo, kind: str, key: str) -> tarfile.TarInfo | None:
        """Take a step; returns the entry after it."""
        manifest = self.manifest(archive, first, kind, key)
        wanted = {name: said for name, said in manifest["files"].items() if self.takes(kind, name)}
        self.moved.steps += 1
        known = self.store.has(kind, key)
        checksums = dict(wanted)
        with self.store.writing(kind, key) as draft:
            while (entry := self.next(archive)) is not None and entry.name.startswith(f"artifacts/{kind}/{key}/"):
                name = entry.name.removeprefix(f"artifacts/{kind}/{key}/")
                if wanted.pop(name, None) is None or not entry.isfile():
                    raise self.fault(f"holds {entry.name!r:.200}, which its manifest does not name")
                if not known:
                    tar.extract(archive, entry, draft.folder / name)
            if wanted:
                raise self.fault(f"lacks {min(wanted)} of {kind} {key[:12]}")
            if not known:
                self.check(draft.folder, checksums, kind, key)
                draft.finish({part: said for part, said in manifest.items() if part not in ("schema", "files")})
        self.moved.new_steps += not known
        return entry

    def manifest(self, archive: tarfile.TarFile, entry: tarfile.TarInfo, kind: str, key: str) -> Mapping[str, Any]:
        try:
            found = json.loads(tar.read(archive, entry))
            if (found["schema"], found["kind"], found["key"]) != (SCHEMA_VERSION, kind, key):
                raise ValueError("it is another step's or version's")
            if not isinstance(found["files"], dict) or not all(tar.is_plain(name) for name in found["files"]):
                raise ValueError("it names files outside its folder")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise self.fault(f"has a manifest of {kind} {key[:12]} that cannot be used: {error}") from None
        manifest: Mapping[str, Any] = found
        return manifest

    def check(self, folder: Path, checksums: Mapping[str, str], kind: str, key: str) -> None:
        for name, checksum in checksums.items():
            if sha256_of((folder / name).read_bytes()) != checksum:
                raise self.fault(f"is damaged: {name} of {kind} {key[:12]} has another checksum than its manifest says")

    def fault(self, cause: str) -> StoreError:
        return StoreError(cause, place=str(self.source), remedy=self.remedy)


def _take_answers(unpacking: Unpacking, archive: tarfile.TarFile, entry: tarfile.TarInfo, who: str) -> None:
    file = archive.extractfile(entry)
    assert file is not None
    try:
        answers, new = keep_answers(file, unpacking.store, who)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise unpacking.fault(f"has an answer that cannot be read in {entry.name[:30]}…: {error!r}") from None
    unpacking.moved.answers += answers
    unpacking.moved.new_answers += new


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
