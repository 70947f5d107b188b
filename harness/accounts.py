"""What teachers were paid, by matrix, and how far those are that are being asked: one file that all workers share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

from harness.asking import Asking
from harness.database import opened
from harness.types import Usage

Purpose = Literal["items", "canaries"]

_TABLES = (
    "spent (matrix TEXT, teacher TEXT, purpose TEXT, calls INTEGER, input_tokens INTEGER, output_tokens INTEGER,"
    " usd REAL, PRIMARY KEY (matrix, teacher, purpose))",
    "asking (step TEXT PRIMARY KEY, told TEXT NOT NULL)",
)

_PAY = (
    "INSERT INTO spent VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (matrix, teacher, purpose) DO UPDATE SET"
    " calls = calls + excluded.calls, input_tokens = input_tokens + excluded.input_tokens,"
    " output_tokens = output_tokens + excluded.output_tokens, usd = usd + excluded.usd"
)


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls, and their price as far as teachers know it."""

    calls: int = 0
    usd: float = 0.0


class Accounts:
    """May be used from several threads. Closing is left to whoever opened it."""

    def __init__(self, path: Path) -> None:
        self._connection = opened(path, _TABLES)
        self._lock = Lock()

    def __enter__(self) -> Accounts:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def pay(self, matrix: str, teacher: str, purpose: Purpose, usage: Usage) -> None:
        """Add to what runs of a matrix have spent on a teacher."""
        sums = (usage.calls, usage.input_tokens, usage.output_tokens, usage.usd)
        with self._lock:
            self._connection.execute(_PAY, (matrix, teacher, purpose, *sums))

    def spent(self, matrix: str) -> Spent:
        """All that runs of a matrix have ever spent in this store."""
        sums = "SELECT coalesce(sum(calls), 0), coalesce(sum(usd), 0.0) FROM spent WHERE matrix = ?"
        with self._lock:
            return Spent(*self._connection.execute(sums, (matrix,)).fetchone())

    def by_teacher(self, matrix: str) -> dict[str, Spent]:
        """The same by teacher."""
        sums = "SELECT teacher, sum(calls), sum(usd) FROM spent WHERE matrix = ? GROUP BY teacher ORDER BY teacher"
        with self._lock:
            rows = self._connection.execute(sums, (matrix,)).fetchall()
        return {teacher: Spent(calls, usd) for teacher, calls, usd in rows}

    def tell(self, asking: Asking) -> None:
        """Replace what is known of a step."""
        with self._lock:
            self._connection.execute(
                "INSERT OR REPLACE INTO asking VALUES (?, ?)", (asking.step, json.dumps(asdict(asking)))
            )

    def told(self) -> Mapping[str, Asking]:
        """How far annotate steps are, or were when their workers ended, by step."""
        with self._lock:
            rows = self._connection.execute("SELECT step, told FROM asking").fetchall()
        return {step: Asking(**json.loads(told)) for step, told in rows}
