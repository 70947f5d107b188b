"""Who is at which step: several runners of one store share the work, and none does what another is doing."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread

BEAT_S = 5.0
"""How often a runner shows that it lives."""

STALE_S = 60.0
"""A runner that was not seen to live for so long is taken for dead."""


@dataclass(frozen=True, slots=True)
class Lease:
    """That a runner is at a step."""

    step: str
    what: str
    run: str
    host: str
    process: int
    since: float


class Leases:
    """Leases of one run. A lease is a name that one process only can give a file, which is touched while its run lives.

    Whether a run lives is told by its process where it is on this machine, and otherwise by the file's time having
    changed: no two clocks are compared, so a clock that jumps neither kills nor saves anybody.
    """

    def __init__(self, root: Path, run: str) -> None:
        self._folder = root / "leases"
        self._run = run
        self._held: set[str] = set()
        self._seen: dict[str, tuple[int, float]] = {}
        self._lock = Lock()
        self._end = Event()
        self._beating = Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Leases:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._beating.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._beating.join()
        for step in list(self._held):
            self.release(step)

    def take(self, step: str, what: str) -> bool:
        """Whether the step is ours to do now."""
        return step in self.take_all({step: what})

    def take_all(self, steps: Mapping[str, str]) -> set[str]:
        """Those of the steps, with what they are for people, that are ours to do now."""
        with self._written(steps) as written:
            taken = {step for step in steps if self._link(written, step) or self._take_over(written, step)}
        with self._lock:
            self._held |= taken
        for step in taken:
            self._seen.pop(step, None)
        return taken

    def release(self, step: str) -> None:
        """We are done with the step, whatever has become of it."""
        with self._lock:
            self._held.discard(step)
        # On a disk that has become read-only it stays, and is taken for dead when this process is.
        with suppress(OSError):
            (self._folder / step).unlink()

    @contextmanager
    def _written(self, steps: Mapping[str, str]) -> Iterator[Path]:
        """A file that says who is at the steps. It has a name for each that is ours, and none when they are done."""
        facts = {"run": self._run, "host": socket.gethostname(), "process": os.getpid(), "since": time.time()}
        beside = self._folder / f".{uuid.uuid4().hex}"
        beside.write_text(json.dumps({**facts, "steps": dict(steps)}), encoding="utf-8")
        try:
            yield beside
        finally:
            beside.unlink()

    def _link(self, written: Path, step: str) -> bool:
        """A lease with its content from the first moment on, where there is none."""
        try:
            os.link(written, self._folder / step)
        except FileExistsError:
            # A server that answers a repeated request may say so although the first one has made it.
            return self._same(written, step)
        return True

    def _same(self, written: Path, step: str) -> bool:
        try:
            return os.path.samefile(written, self._folder / step)
        except FileNotFoundError:
            return False

    def _take_over(self, written: Path, step: str) -> bool:
        """Replace the lease of a run that is dead; one runner at a time looks and replaces."""
        if not self._dead(step):
            return False
        with self._alone():
            if not self._dead(step):
                return False
            with suppress(FileNotFoundError):
                (self._folder / step).unlink()
            return self._link(written, step)

    def _dead(self, step: str) -> bool:
        path = self._folder / step
        found = read(path)
        try:
            beat = path.stat().st_mtime_ns
        except FileNotFoundError:
            return True
        if found is not None and found.host == socket.gethostname():
            return not alive(found.process)
        last, since = self._seen.get(step, (0, 0.0))
        if beat != last:
            self._seen[step] = (beat, time.monotonic())
            return False
        return time.monotonic() - since > STALE_S

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self._folder / ".taking-over").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _beat(self) -> None:
        while not self._end.wait(BEAT_S):
            with self._lock:
                held = list(self._held)
            for step in held:
                with suppress(OSError):
                    os.utime(self._folder / step)


def read(path: Path) -> Lease | None:
    """The lease in a file; None where there is none that can be read."""
    try:
        facts = json.loads(path.read_bytes())
        what = facts.pop("steps")[path.name]
        return Lease(path.name, what, **facts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def running(root: Path) -> list[Lease]:
    """Steps that somebody is at, the longest first; without those of dead runs of this machine."""
    found: Iterable[Lease | None] = (read(path) for path in (root / "leases").glob("[0-9a-f]*"))
    here = socket.gethostname()
    held = [lease for lease in found if lease and (lease.host != here or alive(lease.process))]
    return sorted(held, key=lambda lease: (lease.since, lease.step))


def alive(process: int) -> bool:
    """Whether a process of this machine runs; one that has ended and was not waited for has its number alone left."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    except OSError:
        # Without /proc, that it can be signalled must do; with it, the process has ended in between.
        return not Path("/proc/self").exists()
