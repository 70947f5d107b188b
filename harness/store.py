"""Key → folder: atomic put, checked get. The only writer of artifacts, journals and failures."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.accounts import Accounts
from harness.errors import StoreError
from harness.identity import sha256_of
from harness.journal import Journal
from harness.shelf import Shelf

SCHEMA_VERSION = 1

MANIFEST = "manifest.json"


class Store:
    """A folder of artifacts, answers and failures.

    ``artifacts/KIND/KEY`` is complete as soon as it exists: it is written beside, synced and renamed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, kind: str, key: str) -> Path:
        """Where the artifact is or would be."""
        return self.root / "artifacts" / kind / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the artifact is there."""
        return (self.folder(kind, key) / MANIFEST).is_file()

    def manifest(self, kind: str, key: str) -> dict[str, Any]:
        """The artifact's manifest; raises `StoreError` where it is missing or no JSON."""
        path = self.folder(kind, key) / MANIFEST
        try:
            found = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise StoreError("there is no such artifact", place=str(path.parent)) from None
        except ValueError:
            raise StoreError("the manifest is damaged", place=str(path)) from None
        if not isinstance(found, dict) or found.get("schema") != SCHEMA_VERSION:
            raise StoreError("the manifest is damaged or of another version", place=str(path))
        return found

    def manifests(self, kind: str) -> Iterator[dict[str, Any]]:
        """Every readable manifest of a kind."""
        for folder in sorted((self.root / "artifacts" / kind).glob("*")):
            try:
                yield self.manifest(kind, folder.name)
            except StoreError:
                continue

    def sound(self, kind: str, key: str) -> bool:
        """Whether the artifact is there and every file has the checksum that its manifest states."""
        try:
            files = self.manifest(kind, key)["files"]
        except (StoreError, KeyError):
            return False
        folder = self.folder(kind, key)
        return all(
            (folder / name).is_file() and sha256_of((folder / name).read_bytes()) == checksum
            for name, checksum in files.items()
        )

    def set_aside(self, kind: str, key: str) -> Path:
        """Move a damaged artifact out of the way; it is made again, and can still be looked at."""
        target = self.root / "damaged" / f"{kind}-{key}-{uuid.uuid4().hex[:8]}"
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.folder(kind, key), target)
        return target

    @contextmanager
    def writing(self, kind: str, key: str, *, lasting: bool = True) -> Iterator[Draft]:
        """A draft folder that becomes the artifact when `Draft.finish` was called.

        Without ``lasting``, a loss of power may take the artifact as a whole, until `last` was called.
        """
        draft = Draft(self.root / "drafts" / f"{key[:16]}-{uuid.uuid4().hex}")
        draft.folder.mkdir(parents=True)
        try:
            yield draft
            if draft.manifest is not None:
                self._commit(draft, kind, key)
                if lasting:
                    self.last(kind)
        finally:
            shutil.rmtree(draft.folder, ignore_errors=True)

    def _commit(self, draft: Draft, kind: str, key: str) -> None:
        files = sorted(path for path in draft.folder.rglob("*") if path.is_file())
        checksums = {path.relative_to(draft.folder).as_posix(): sha256_of(path.read_bytes()) for path in files}
        manifest = {"schema": SCHEMA_VERSION, "kind": kind, "key": key, **(draft.manifest or {}), "files": checksums}
        write_text(draft.folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        for path in (*files, draft.folder / MANIFEST, draft.folder):
            _sync(path)
        target = self.folder(kind, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(draft.folder, target)
        except OSError:
            if not self.has(kind, key):
                raise
            # Another runner made the same artifact meanwhile: equal key, equal content.

    def last(self, kind: str) -> None:
        """Artifacts of the kind that are there now survive a loss of power."""
        _sync(self.root / "artifacts" / kind)

    def journal(self, teacher: str) -> Journal:
        """The answers that a teacher of that identity has given so far."""
        return Journal(self.root / "answers" / f"{teacher}.sqlite")

    def shelf(self, name: str) -> Shelf:
        """Bytes by key that are kept over steps and runs; a cache, losing it costs time and nothing else."""
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise StoreError(f"{name!r} is no name of a shelf", remedy="use lower-case letters, digits and hyphens")
        return Shelf(self.root / "shelves" / f"{name}.sqlite")

    def canaries(self, teacher: str) -> Path:
        """Where items lie that a teacher of that identity is asked about again and again."""
        return self.root / "canaries" / f"{teacher}.sqlite"

    def has_journal(self, teacher: str) -> bool:
        """Whether a teacher of that identity was ever asked."""
        return (self.root / "answers" / f"{teacher}.sqlite").is_file()

    def accounts(self) -> Accounts:
        """What teachers were paid, and how far those are that are being asked."""
        return Accounts(self.root / "accounts.sqlite")

    def locked(self) -> list[Path]:
        """Folders in which several processes write to one file, and so need locks; links to elsewhere are followed."""
        accounts = (self.root / "accounts.sqlite").resolve()
        return [accounts.parent, *((self.root / name).resolve() for name in ("answers", "canaries", "shelves"))]

    def has_accounts(self) -> bool:
        """Whether any teacher was ever asked."""
        return (self.root / "accounts.sqlite").is_file()

    def checkpoints(self, key: str) -> Path:
        """A folder that survives a kill of the step and is gone once the step is done."""
        return self.root / "checkpoints" / key

    def forget_checkpoints(self, key: str) -> None:
        """The step is done."""
        shutil.rmtree(self.checkpoints(key), ignore_errors=True)

    def cached(self, key: str, make: Callable[[Path], None]) -> Path:
        """A folder made once per key."""
        name = sha256_of(key.encode())
        with_manifest = self.folder("cache", name)
        if not self.has("cache", name):
            with self.writing("cache", name) as draft:
                make(draft.folder)
                draft.finish({"cache_key": key})
        return with_manifest

    def log(self, key: str) -> Path:
        """What a worker printed while it was at the step."""
        return self.root / "logs" / f"{key}.log"

    def record_failure(self, key: str, failure: Mapping[str, Any]) -> None:
        """Remember why a step did not come to its end."""
        path = self.root / "failures" / f"{key}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(failure, indent=1) + "\n")

    def failure(self, key: str) -> dict[str, Any] | None:
        """Why the step did not come to its end the last time."""
        try:
            found = json.loads((self.root / "failures" / f"{key}.json").read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def clear_failure(self, key: str) -> None:
        """Forget a failure: the step is done."""
        (self.root / "failures" / f"{key}.json").unlink(missing_ok=True)


class Draft:
    """An artifact that is being written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: dict[str, Any] | None = None

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Say that the files are complete; without this the draft is thrown away."""
        self.manifest = dict(manifest)


def write_text(path: Path, text: str) -> None:
    """Replace a file at once: a reader sees the old or the new text, never a part."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
