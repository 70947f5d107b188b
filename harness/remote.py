"""A store at an address, such as ``s3://bucket/folder``: steps and answers that others have made, and may take.

``artifacts/KIND/KEY.tar`` is a step, ``answers/TEACHER/STORE.jsonl`` what a teacher has said as far as one store knows.
"""

from __future__ import annotations

import io
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from harness.errors import HarnessError, MissingDependency, StoreError
from harness.parcel import answer_lines, keep_answers, pack_step, unpack
from harness.plain import printable
from harness.plan import REVISIONS
from harness.store import Store, write_text

T = TypeVar("T")

WAITS_S = (0.5, 2.0)
"""What fails is tried again after so many seconds."""

PATIENCE_S = 5.0
"""What fails after so long, the library has tried again itself."""

_REFUSED = (FileNotFoundError, PermissionError)

# Their folders need not be made, and what makes one makes the bucket, whose name may be a slip.
_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss"})

_STEP = re.compile(r"([a-z]+)/([0-9a-f]{64})\.tar")
_ANSWERS = re.compile(r"([0-9a-f]{64})/([0-9a-f]{32})\.jsonl")


class Away(StoreError):
    """The remote did not answer, several times."""


class Remote:
    """Raises `Away` where the remote fails for longer than a moment, and `StoreError` where it holds rubbish."""

    def __init__(self, url: str) -> None:
        self.name = without_password(url)
        self._fs, self._root = _opened(url, self.name)
        protocol = self._fs.protocol
        self._in_bucket = not _BUCKETS.isdisjoint([protocol] if isinstance(protocol, str) else protocol)

    def steps(self) -> set[tuple[str, str]]:
        """Kind and key of each step that is there."""
        found = {match.groups() for match in self._list("artifacts", _STEP)}
        return {(kind, key) for kind, key in found if kind in REVISIONS}

    def answers(self) -> set[tuple[str, str]]:
        """The teacher and the store of each file of answers that is there."""
        return {(match[1], match[2]) for match in self._list("answers", _ANSWERS)}

    def _list(self, part: str, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        def find() -> list[str]:
            self._fs.invalidate_cache()
            try:
                return list(self._fs.find(f"{self._root}/{part}"))
            except FileNotFoundError:
                if self._in_bucket and not self._fs.exists(self._root.split("/")[0]):
                    raise
                return []

        # What does not look like ours is somebody else's.
        for path in self._tried(find):
            if match := pattern.fullmatch("/".join(path.split("/")[-2:])):
                yield match

    def has(self, kind: str, key: str) -> bool:
        """Whether the step is there now; asked once, for it is of no use to somebody who has to wait for it."""

        def look() -> bool:
            self._fs.invalidate_cache()
            try:
                self._fs.info(f"{self._root}/artifacts/{kind}/{key}.tar")
            except FileNotFoundError:
                return False
            return True

        return self._tried(look, waits_s=())

    def pull(self, store: Store, kind: str, key: str) -> int:
        """Take the step whole, with the checksums that its manifest states, or not at all; how many steps are new."""
        with _beside(store) as archive:
            self._get(f"artifacts/{kind}/{key}.tar", archive)
            try:
                moved = unpack(archive, store, below=f"artifacts/{kind}/{key}/")
            except StoreError as error:
                raise StoreError(error.cause, place=f"{self.name}/artifacts/{kind}/{key}.tar") from None
        if not moved.steps:
            raise StoreError("is empty", place=f"{self.name}/artifacts/{kind}/{key}.tar")
        return moved.new_steps

    def push(self, store: Store, kind: str, key: str) -> None:
        """Put a stored step there; it is seen whole or not at all."""
        with _beside(store) as archive:
            pack_step(store, kind, key, archive)
            self._tried(lambda: self._put(archive.open("rb"), f"artifacts/{kind}/{key}.tar"))

    def pull_answers(self, store: Store, teacher: str, source: str) -> int:
        """Take over what another store knows of a teacher; how many answers are new."""
        place = f"answers/{teacher}/{source}.jsonl"
        with _beside(store) as lines:
            self._get(place, lines)
            with lines.open("rb") as file:
                try:
                    return keep_answers(file, store, teacher)[1]
                except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                    cause = f"has an answer that cannot be read: {error!r:.200}"
                    raise StoreError(cause, place=f"{self.name}/{place}") from None

    def push_answers(self, store: Store, teacher: str) -> None:
        """Replace what this store has told of a teacher; what others have told stays."""
        lines = answer_lines(store, teacher)
        self._tried(lambda: self._put(io.BytesIO(lines), f"answers/{teacher}/{name_of(store)}.jsonl"))

    def _get(self, place: str, target: Path) -> None:
        def get() -> None:
            try:
                self._fs.get_file(f"{self._root}/{place}", str(target))
            except FileNotFoundError:
                raise StoreError("is not there any more", place=f"{self.name}/{place}") from None

        self._tried(get)

    def _put(self, content: IO[bytes], place: str) -> None:
        target = f"{self._root}/{place}"
        if not self._in_bucket:
            self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
        # A file that is closed within a transaction has its name when the transaction ends well.
        with content, self._fs.transaction, self._fs.open(target, "wb") as file:
            shutil.copyfileobj(content, file)

    def _tried(self, act: Callable[[], T], waits_s: Sequence[float] | None = None) -> T:
        """What it returns; a remote may fail for a moment, in whatever way its library knows."""
        waits = list(WAITS_S if waits_s is None else waits_s)
        while True:
            begun = time.monotonic()
            try:
                return act()
            except StoreError:
                raise
            except Exception as error:
                refused = isinstance(error, _REFUSED)
                if refused or not waits or time.monotonic() - begun > PATIENCE_S:
                    raise self._away(error, "refuses" if refused else "does not answer") from None
            time.sleep(waits.pop(0))

    def _away(self, error: Exception, what: str) -> Away:
        told = printable(f"{type(error).__name__}: {error}"[:300], instead=" ")
        return Away(f"{what}: {told}", place=self.name, remedy=_REMEDY)


def _opened(url: str, name: str) -> tuple[Any, str]:
    """The file system of fsspec and the path on it."""
    if find_spec("fsspec") is None:
        raise MissingDependency("fsspec is not installed", place=name, remedy="pip install 'ooc-harness[remote]'")
    from fsspec.core import url_to_fs

    try:
        found, root = url_to_fs(url)
    except ImportError as error:
        raise MissingDependency(str(error), place=name, remedy=_PACKAGES) from None
    except Exception as error:
        raise HarnessError(f"is no address of a remote store: {error}", place=name, remedy=_EXAMPLES) from None
    return found, str(root).rstrip("/")


_REMEDY = "Look after the address, the credentials and the network; what is stored here is kept."

_PACKAGES = "Install what fsspec needs for it; for s3:// that is  pip install 'ooc-harness[s3]' ."

_EXAMPLES = "Write such as s3://bucket/folder or file:///shared/folder."


def without_password(url: str) -> str:
    """The address as it may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url.rstrip("/")
    place = parts.netloc.replace(f":{parts.password}@", ":…@")
    return urlunsplit(parts._replace(netloc=place)).rstrip("/")


def name_of(store: Store) -> str:
    """A name that the store was given once, so that of two stores neither replaces what the other tells."""
    path = store.root / "name"
    if not path.is_file():
        store.root.mkdir(parents=True, exist_ok=True)
        write_text(path, uuid.uuid4().hex)
    return path.read_text(encoding="utf-8")


@contextmanager
def _beside(store: Store) -> Iterator[Path]:
    """A file for the way, on the store's disk."""
    path = store.root / "drafts" / f"carried-{uuid.uuid4().hex}"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
