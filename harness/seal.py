"""Digests of what a report's numbers were made from and by, so that the report can be verified later.

``version`` and ``core`` say which code made them, ``matrix`` from which file, ``answers`` from which stored answers,
and ``report:NAME`` is the code of the report of that name.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from harness import __version__
from harness.identity import digest, sha256_of, source_digest
from harness.plan import Plan, Step
from harness.store import Store

ANSWERS = ("annotate", "rank", "predict")
"""Kinds of steps whose output results are read from."""


def seal(plan: Plan, store: Store) -> dict[str, str]:
    """What `harness.view.RunView.seal` holds."""
    reports = plan.matrix.reports.values()
    return {
        "version": __version__,
        "core": core_digest(),
        "matrix": matrix_digest(plan.matrix.title, plan.matrix.text),
        "answers": answers_digest(plan, store),
        **{f"report:{report.name}": source_digest(type(report)) for report in reports},
    }


def matrix_digest(title: str, text: str) -> str:
    """Of a matrix and what it is called."""
    return digest([title, text])


def answering(plan: Plan, store: Store) -> Iterator[Step]:
    """Steps that are stored and that numbers are made from."""
    for step in plan.every_step():
        if step.kind in (*ANSWERS, "inspect") and store.has(step.kind, step.key):
            yield step


def answers_digest(plan: Plan, store: Store) -> str:
    """Of the answers and the findings that are stored of a plan."""
    stored = {step.key: store.manifest(step.kind, step.key) for step in answering(plan, store)}
    return digest({key: stored[key].get("files", {}) for key in sorted(stored)})


@cache
def core_digest() -> str:
    """Of the code between stored answers and a view."""
    root = Path(__file__).parent
    files = sorted(file for folder in (root, root / "stats", root / "steps") for file in folder.glob("*.py"))
    return digest({file.relative_to(root).as_posix(): sha256_of(file.read_bytes()) for file in files})
