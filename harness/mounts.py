"""Whether a folder lies on a file system that other machines see, and what locks there are worth."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import StoreError

TABLE = Path("/proc/mounts")
"""Where Linux tells what is mounted."""

SHARED = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fhgfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "panfs",
        "prl_fs",
        "pvfs2",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "wekafs",
    }
)
"""Types of file system that other machines may see."""

LOCAL_FUSE = frozenset(
    {
        "fuse.bindfs",
        "fuse.encfs",
        "fuse.exfat",
        "fuse.fuse-overlayfs",
        "fuse.gocryptfs",
        "fuse.lxcfs",
        "fuse.mergerfs",
        "fuse.ntfs",
        "fuse.ntfs-3g",
        "fuse.portal",
        "fuse.securefs",
    }
)
"""What runs outside the kernel and is of this machine all the same; every other FUSE is taken for shared."""

_LOCAL_LOCKS = {
    "nfs": {"nolock", "local_lock=all", "local_lock=posix"},
    "nfs4": {"local_lock=all", "local_lock=posix"},
    "cifs": {"nobrl"},
    "smb3": {"nobrl"},
    "lustre": {"localflock", "noflock"},
}
"""Options with which locks are kept from other machines."""

_NEVER = frozenset({"fuse.sshfs"})
"""Types that pass on no lock at all."""

REMEDY = (
    "Put the store on a disk of this machine (--store or HARNESS_STORE), or only its databases: make answers, canaries,"
    " shelves and accounts.sqlite in the store links to a local disk (docs/explanation/sharing.md)."
)


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a file system is, its type and the options that it is mounted with."""

    point: Path
    type: str
    options: frozenset[str]

    @property
    def shared(self) -> bool:
        """Whether other machines may see it."""
        return self.type in SHARED or (self.type.startswith("fuse.") and self.type not in LOCAL_FUSE)

    @property
    def local_locks(self) -> str:
        """Why other machines do not see locks; empty where that is not known."""
        if self.type in _NEVER:
            return f"{self.type} passes no lock on to other machines"
        kept = sorted(_LOCAL_LOCKS.get(self.type, set()) & self.options)
        return f"it is mounted with {', '.join(kept)}, so that other machines do not see its locks" if kept else ""


def mounts(text: str) -> Iterator[Mount]:
    """Those of the text of ``/proc/mounts``."""
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) >= 4:
            yield Mount(Path(_spelled(fields[1])), fields[2], frozenset(fields[3].split(",")))


def _spelled(field: str) -> str:
    """Blanks and the like stand there as ``\\040``."""
    head, *rest = field.split("\\")
    return head + "".join(chr(int(part[:3], 8)) + part[3:] if part[:3].isdigit() else f"\\{part}" for part in rest)


def mount_of(path: Path, text: str) -> Mount | None:
    """The innermost mount above a path that is absolute and has no links; of two at one point the later one."""
    above = [mount for mount in mounts(text) if path.is_relative_to(mount.point)]
    return max(reversed(above), key=lambda mount: len(mount.point.parts), default=None)


def shared_at(path: Path) -> Mount | None:
    """The mount of a path that exists or will, where other machines may see it; None where the system does not tell."""
    with suppress(OSError):
        found = mount_of(path.resolve(), TABLE.read_text(encoding="utf-8", errors="surrogateescape"))
        return found if found and found.shared else None
    return None


def demand_locks(*places: Path) -> None:
    """Raises `StoreError` where a place is shared and locks there do not keep others out. Folders are made."""
    for place in places:
        mount = shared_at(place)
        if mount is None:
            continue
        place.mkdir(parents=True, exist_ok=True)
        if cause := mount.local_locks or ("" if locks_work(place) else "locks there do not keep another process out"):
            raise StoreError(
                f"lies on a network file system ({mount.type} at {mount.point}), and {cause}",
                place=str(place),
                remedy=REMEDY,
            )


_TRY = """\
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(10)
    sys.exit(11)
"""


def locks_work(folder: Path) -> bool:
    """Whether a lock of one process keeps another one out, and only as long as it is held."""
    import fcntl

    path = folder / f".locks-{os.getpid()}"
    try:
        with path.open("w+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = _other(path)
            fcntl.lockf(file, fcntl.LOCK_UN)
            return (held, _other(path)) == (10, 11)
    except OSError:
        return False
    finally:
        path.unlink(missing_ok=True)


def _other(path: Path) -> int:
    return subprocess.run([sys.executable, "-I", "-c", _TRY, str(path)], check=False, timeout=60).returncode
