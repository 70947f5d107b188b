"""What of a store nobody needs any more, and its removal."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import inventory
from harness.plan import REVISIONS
from harness.store import Store


@dataclass(frozen=True, slots=True)
class Rubbish:
    """A file or folder of a store that could go."""

    path: Path
    why: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Broom:
    """What may be swept. Teachers' answers never are: they were paid for."""

    kept: Collection[str]
    """Keys of steps that stay."""
    grace_s: float
    """What is younger stays, whoever needs it: a run may be at work on it."""
    caches: bool = False
    """Whether caches go, too."""

    def rubbish(self, store: Store) -> Iterator[Rubbish]:
        """What could go, as it is now."""
        for path, why in self._unneeded(store.root):
            if time.time() - path.lstat().st_mtime >= self.grace_s:
                yield Rubbish(path, why, inventory.size(path))

    def _unneeded(self, root: Path) -> Iterator[tuple[Path, str]]:
        # Only what is known by name is touched: a store of a later version may hold more.
        for kind in REVISIONS:
            for folder in sorted((root / "artifacts" / kind).glob("*")):
                if folder.name not in self.kept:
                    yield folder, f"no matrix at hand needs this {kind} step"
        for name in ("checkpoints", "failures"):
            for path in sorted((root / name).glob("*")):
                if path.stem not in self.kept:
                    yield path, "its step is not needed"
        for name in inventory.LEFTOVERS:
            yield from ((path, f"left over in {name}") for path in sorted((root / name).glob("*")))
        for name in inventory.CACHES if self.caches else ():
            yield from ((path, "a cache, made again when it is needed") for path in sorted((root / name).glob("*")))


def sweep(store: Store, rubbish: Iterable[Rubbish]) -> None:
    """Remove it; an artifact is gone at once or is there whole, also after a kill."""
    grave = store.root / "drafts"
    grave.mkdir(parents=True, exist_ok=True)
    for found in rubbish:
        dead = grave / f"swept-{uuid.uuid4().hex}"
        try:
            found.path.rename(dead)
        except FileNotFoundError:
            continue
        if dead.is_dir():
            shutil.rmtree(dead, ignore_errors=True)
        else:
            dead.unlink(missing_ok=True)
