"""The workbench that a training or predicting student is handed."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from harness.shelf import Shelf
from harness.store import Store
from harness.terms import Terms

T = TypeVar("T")

# What a worker process keeps loaded from step to step, last used last. Losing it costs time, nothing else.
_WARM: dict[str, Any] = {}

KEPT_WARM = 2
"""Objects that are kept: how large one is, such as a base model, only its student knows."""

LOG = "log.jsonl"


class StepBench:
    """A `harness.components.Workbench` over a draft artifact."""

    def __init__(
        self, store: Store, key: str, out: Path, seed: int, terms: Terms | None = None, halvings: int = 0
    ) -> None:
        self._store = store
        self._key = key
        self.out = out
        self.seed = seed
        self.terms = terms or Terms()
        self.halvings = halvings
        self.proofs: dict[str, object] = {}
        self.measured: list[dict[str, float | int | str]] = []

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

    def measure(self, **values: float | int | str) -> None:
        self.measured.append(values)

    def warm(self, key: str, make: Callable[[], T]) -> T:
        found: T
        if key in _WARM:
            found = _WARM.pop(key)
        else:
            _make_room()
            found = make()
        _WARM[key] = found
        return found

    def cached(self, key: str, make: Callable[[Path], None]) -> Path:
        return self._store.cached(key, make)

    def shelf(self, name: str) -> Shelf:
        return self._store.shelf(name)


def forget_warm() -> None:
    """Let go of everything: a step ran out of memory, and the next must find it free."""
    _WARM.clear()
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _make_room() -> None:
    """Let go of what was not used for longest, before the next is made: both may not fit into memory."""
    while len(_WARM) >= KEPT_WARM:
        del _WARM[next(iter(_WARM))]
        # Models refer to themselves, and without this their memory would be held for a while.
        gc.collect()
