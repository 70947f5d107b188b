"""On what terms a run asks teachers. What is here decides whether an answer is fetched, never what it is."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.budget import Budget
from harness.plan import Plan
from harness.sentinel import Sentinel


@dataclass(frozen=True, slots=True)
class Terms:
    """Travels with every step of one run to its worker."""

    matrix: str = ""
    """By whose name spending is counted."""
    budget: Budget = field(default_factory=Budget)
    sentinel: Sentinel | None = None
    teachers: Mapping[str, str] = field(default_factory=dict)
    """The label of the teacher by the key of the annotate step."""
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    stop: str = ""
    """A file that comes into being when teachers are to be asked nothing more."""

    def stopped(self) -> bool:
        """Whether somebody has asked the run to come to an end."""
        return bool(self.stop) and os.path.exists(self.stop)


def terms_of(plan: Plan) -> Terms:
    """The terms of a new run."""
    labels = {key: teacher for (teacher, _, _), key in plan.annotations.items()}
    return Terms(plan.matrix.title, plan.matrix.budget, plan.matrix.sentinel, labels)
