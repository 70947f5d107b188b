"""Answers of one teacher by item content, each on disk as soon as it is there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.database import opened, together
from harness.identity import canonical

# One table a purpose: what was stored by the first version stays readable.
_TABLES = (
    "answers (item TEXT PRIMARY KEY, answer TEXT NOT NULL)",
    "heard (item TEXT PRIMARY KEY, seconds REAL NOT NULL, audit TEXT NOT NULL)",
    "errors (item TEXT PRIMARY KEY, times INTEGER NOT NULL, answer TEXT NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer and how long after the one before it came; 0 where that is not known."""

    answer: Mapping[str, Any]
    seconds: float


class Journal:
    """Answers and, apart from them, errors. An answer is whole or it is not there, also after a kill."""

    def __init__(self, path: Path) -> None:
        self._connection = opened(path, _TABLES)
        self._paid = False

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def read(self, items: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The answers there are, by item."""
        wanted = set(items)
        rows = self._connection.execute("SELECT item, answer FROM answers")
        return {item: json.loads(answer) for item, answer in rows if item in wanted}

    def add(
        self,
        item: str,
        answer: Mapping[str, Any],
        *,
        seconds: float = 0.0,
        audit: Mapping[str, str | float] | None = None,
        paid: bool = False,
    ) -> None:
        """Keep an answer; the first one stays. What was ``paid`` for survives the loss of power, too."""
        if paid and not self._paid:
            self._connection.execute("PRAGMA synchronous=FULL")
            self._paid = True
        with together(self._connection):
            self._connection.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (item, canonical(answer)))
            self._connection.execute(
                "INSERT OR IGNORE INTO heard VALUES (?, ?, ?)", (item, seconds, canonical(audit or {}))
            )
            self._connection.execute("DELETE FROM errors WHERE item = ?", (item,))

    def fail(self, item: str, answer: Mapping[str, Any]) -> int:
        """Remember an error, which is no answer; how often this item has ended so."""
        with together(self._connection):
            self._connection.execute(
                "INSERT INTO errors VALUES (?, 1, ?) "
                "ON CONFLICT (item) DO UPDATE SET times = times + 1, answer = excluded.answer",
                (item, canonical(answer)),
            )
            (times,) = self._connection.execute("SELECT times FROM errors WHERE item = ?", (item,)).fetchone()
        return int(times)

    def audit(self, item: str) -> dict[str, str | float]:
        """What the server said of an answer."""
        row = self._connection.execute("SELECT audit FROM heard WHERE item = ?", (item,)).fetchone()
        found: dict[str, str | float] = json.loads(row[0]) if row else {}
        return found

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every answer with what is known of it, for `keep` of another journal."""
        rows = self._connection.execute(
            "SELECT answers.item, answer, coalesce(seconds, 0), coalesce(audit, '{}')"
            " FROM answers LEFT JOIN heard USING (item) ORDER BY answers.item"
        )
        for item, answer, seconds, audit in rows:
            yield {"item": item, "answer": json.loads(answer), "seconds": seconds, "audit": json.loads(audit)}

    def keep(self, row: Mapping[str, Any]) -> bool:
        """Take an answer of another journal; whether it is new. Raises what a strange row raises."""
        item = str(row["item"])
        known = self._connection.execute("SELECT 1 FROM answers WHERE item = ?", (item,)).fetchone()
        if known is None:
            self.add(item, dict(row["answer"]), seconds=float(row["seconds"]), audit=dict(row["audit"]))
        return known is None

    def latest(self, most: int) -> list[Heard]:
        """The last answers, the latest first."""
        rows = self._connection.execute(
            "SELECT answer, coalesce(seconds, 0) FROM answers LEFT JOIN heard USING (item)"
            " ORDER BY answers.rowid DESC LIMIT ?",
            (most,),
        )
        return [Heard(json.loads(answer), seconds) for answer, seconds in rows]
