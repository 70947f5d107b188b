"""All that a run did, a line of JSON each: for people who ask afterwards, and for programs that watch."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

from harness.plan import Step

Name = Literal["begun", "reused", "fetched", "started", "ended", "again", "back", "elsewhere", "stopping", "finished"]


class Events:
    """Appends to ``events/RUN.jsonl`` of a store. A line is whole or it is the last one, cut by a kill."""

    def __init__(self, root: Path, run: str) -> None:
        folder = root / "events"
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{run[:8]}.jsonl"
        self._file: IO[str] = self.path.open("a", encoding="utf-8", buffering=1)
        self._run = run

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def tell(self, event: Name, **facts: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
        """One line."""
        line = {"time": round(time.time(), 3), "event": event, "run": self._run, **facts}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def about(self, event: Name, step: Step, **facts: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
        """One line on a step."""
        self.tell(event, step=step.key, kind=step.kind, what=step.what, **facts)

    def begun(self, matrix: str, **counts: int) -> None:
        """The first line."""
        self.tell("begun", matrix=matrix, host=socket.gethostname(), process=os.getpid(), **counts)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a file, those that are whole."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                yield found
