"""One or several steps as an executor is given them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from harness.components import Student, Teacher
from harness.plan import Step
from harness.resources import Resources
from harness.steps import Report
from harness.steps.together import perform_together
from harness.store import Store
from harness.terms import Terms

LONGEST_LOG = 10_000_000
"""Bytes of a log that are kept, the last ones; a library may warn without end."""


@dataclass(frozen=True, slots=True)
class StepWork:
    """Calling it does the steps and returns a report of each. It can be pickled, and raises nothing."""

    steps: tuple[Step, ...]
    root: Path
    provenance: Mapping[str, Any]
    terms: Terms
    halvings: int = 0
    logged: bool = False
    """Whether what is printed meanwhile goes into the logs of the steps: only in a process of its own."""

    @property
    def kind(self) -> str:
        return self.steps[0].kind

    @property
    def what(self) -> str:
        return f"{self.kind} {self.steps[0].what}"

    @property
    def resources(self) -> Resources:
        return resources_of(self.steps[0])

    def __call__(self) -> list[Report]:
        if not self.logged:
            return self._perform()
        with _logged(Store(self.root).log(self.steps[0].key), self.what):
            return self._perform()

    def _perform(self) -> list[Report]:
        return perform_together(self.steps, self.root, self.provenance, self.terms, self.halvings)


def resources_of(step: Step) -> Resources:
    """What the step takes; those that are done together take the same."""
    match step.kind:
        case "train" | "predict":
            return cast(Student, step.components["student"]).resources()
        case "annotate":
            return cast(Teacher, step.components["teacher"]).resources()
    return Resources()


@contextmanager
def _logged(path: Path, what: str) -> Iterator[None]:
    """Append all that this process and libraries in native code print to the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _shorten(path)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    kept = [os.dup(1), os.dup(2)]
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(file, f"--- {what}\n".encode())
    try:
        os.dup2(file, 1)
        os.dup2(file, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for old, descriptor in zip(kept, (1, 2), strict=True):
            os.dup2(old, descriptor)
            os.close(old)
        os.close(file)


def _shorten(path: Path) -> None:
    """Keep the end of a log of earlier tries."""
    if path.exists() and path.stat().st_size > LONGEST_LOG:
        with path.open("rb") as file:
            file.seek(-LONGEST_LOG // 2, os.SEEK_END)
            end = file.read()
        path.write_bytes(end)
