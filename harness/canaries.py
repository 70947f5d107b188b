"""Items that a teacher is asked about again and again, with what it said of them first, and the checks so far."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.database import opened, together
from harness.errors import UnreadableImage
from harness.identity import canonical
from harness.types import Evidence, Image, Item

_TABLES = (
    "canaries (id TEXT PRIMARY KEY, item TEXT NOT NULL, image BLOB, answer TEXT NOT NULL, steady INTEGER NOT NULL)",
    "asked (run TEXT, id TEXT, answer TEXT NOT NULL)",
    "checks (run TEXT PRIMARY KEY, told TEXT NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Canary:
    """``answer`` is outcome and verdict in a word; ``steady`` whether it was given again when asked again at once."""

    item: Item
    answer: str
    steady: bool


@dataclass(frozen=True, slots=True)
class Check:
    """How many canaries were answered otherwise than at first, and how many the teacher changes by itself."""

    changed: int
    asked: int
    own_changed: int
    own_asked: int
    p: float


class Canaries:
    """The canaries of one teacher. They hold their items' content: a data set may change, and its canaries stay."""

    def __init__(self, path: Path) -> None:
        self._connection = opened(path, _TABLES)
        self._lock = path.with_suffix(".lock")

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Other processes wait; a kill lets them go on."""
        with self._lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def read(self) -> list[Canary]:
        """All of them, in the order in which they were adopted."""
        rows = self._connection.execute("SELECT id, item, image, answer, steady FROM canaries ORDER BY rowid")
        return [
            Canary(_item(item_id, text, image), answer, bool(steady)) for item_id, text, image, answer, steady in rows
        ]

    def adopt(self, canaries: list[Canary]) -> None:
        """Keep all of them for good, or none."""
        with together(self._connection):
            for canary in canaries:
                self._connection.execute(
                    "INSERT OR IGNORE INTO canaries VALUES (?, ?, ?, ?, ?)",
                    (canary.item.id, _text(canary.item), _image(canary.item), canary.answer, canary.steady),
                )

    def heard(self, run: str, item_id: str, answer: dict[str, Any]) -> None:
        """Keep what was said when asked again."""
        self._connection.execute("INSERT INTO asked VALUES (?, ?, ?)", (run, item_id, canonical(answer)))

    def check(self, run: str) -> Check | None:
        """What a run has found already."""
        row = self._connection.execute("SELECT told FROM checks WHERE run = ?", (run,)).fetchone()
        return Check(**json.loads(row[0])) if row else None

    def checked(self, run: str, check: Check) -> None:
        """Keep what a run has found."""
        self._connection.execute("INSERT INTO checks VALUES (?, ?)", (run, canonical(asdict(check))))


def _text(item: Item) -> str:
    return canonical(
        {
            "caption": item.caption,
            "evidence": asdict(item.evidence),
            "features": {name: [float(number) for number in vector] for name, vector in item.features.items()},
        }
    )


def _image(item: Item) -> bytes | None:
    try:
        return item.image.read() if item.image else None
    except UnreadableImage:
        return None


def _item(item_id: str, text: str, image: bytes | None) -> Item:
    import numpy as np

    told = json.loads(text)
    return Item(
        item_id,
        told["caption"],
        None if image is None else Image(partial(bytes, image), f"canary {item_id}"),
        Evidence(*(tuple(told["evidence"][name]) for name in ("entities", "captions"))),
        {name: np.asarray(vector, np.float32) for name, vector in told["features"].items()},
    )
