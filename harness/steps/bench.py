"""The workbench that a training or predicting student is handed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from harness.store import Store
from harness.terms import Terms

T = TypeVar("T")

# What a worker process keeps loaded from step to step. It is a cache: losing it costs time, nothing else.
_WARM: dict[str, Any] = {}

LOG = "log.jsonl"


class StepBench:
    """A `harness.components.Workbench` over a draft artifact."""

    def __init__(self, store: Store, key: str, out: Path, seed: int, terms: Terms | None = None) -> None:
        self._store = store
        self._key = key
        self.out = out
        self.seed = seed
        self.terms = terms or Terms()
        self.proofs: dict[str, object] = {}

    @property
    def checkpoints(self) -> Path:
        folder = self._store.checkpoints(self._key)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def log(self, **values: float | int | str) -> None:
        with (self.out / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(values, sort_keys=True) + "\n")

    def prove(self, **facts: object) -> None:
        self.proofs.update(facts)

    def warm(self, key: str, make: Callable[[], T]) -> T:
        if key not in _WARM:
            _WARM[key] = make()
        found: T = _WARM[key]
        return found

    def cached(self, key: str, make: Callable[[Path], None]) -> Path:
        return self._store.cached(key, make)
