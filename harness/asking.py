"""How far a step is that asks a teacher: counts, rate and time left. For people, never part of a result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from harness.types import OUTCOMES, Annotation

# A step that says nothing for so long has a very slow teacher, or was killed.
SILENT_S = 60


State = Literal["asking", "done", "stopped"]


@dataclass(slots=True)
class Asking:
    """One annotate step; times are in seconds since the epoch."""

    step: str
    teacher: str
    what: str
    items: int
    known: int
    """Items that were answered before."""
    started: float
    updated: float
    state: State = "asking"
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    calls: int = 0
    usd: float = 0.0

    @classmethod
    def of(cls, step: str, teacher: str, what: str, items: int, known: int, now: float) -> Asking:
        """A step that begins to ask."""
        return cls(step, teacher, what, items, known, now, now)

    def count(self, said: Annotation, now: float) -> None:
        """One more answer."""
        self.outcomes[said.outcome] += 1
        self.calls += said.usage.calls
        self.usd += said.usage.usd
        self.updated = now

    @property
    def answered(self) -> int:
        """Answers of this time, errors included."""
        return sum(self.outcomes.values())

    @property
    def settled(self) -> int:
        """Items that need not be asked about again."""
        return self.known + self.answered - self.outcomes["error"]

    @property
    def rate(self) -> float:
        """Answers a second; 0 before there is one."""
        return self.answered / max(self.updated - self.started, 1e-6) if self.answered else 0.0

    @property
    def left(self) -> float:
        """Seconds to go at this rate; 0 where nothing is known of it."""
        return (self.items - self.known - self.answered) / self.rate if self.rate else 0.0

    def word(self, now: float) -> str:
        """Its state, or that nothing was heard of it for a while."""
        return "silent" if self.state == "asking" and now - self.updated > SILENT_S else self.state

    def __str__(self) -> str:
        parts = [f"{self.what}: {self.known + self.answered} of {self.items} items"]
        if self.answered:
            parts.append(f"{self.rate:.3g}/s")
        parts += [f"{count} {outcome}" for outcome, count in self.outcomes.items() if count and outcome != "ok"]
        if self.usd:
            parts.append(dollars(self.usd))
        if self.state == "asking" and self.left >= 1:
            parts.append(f"about {self.left:.0f} s left")
        return ", ".join(parts)


def dollars(usd: float) -> str:
    """To the cent, and to the first digits of what is less than ten."""
    return f"${usd:.2g}" if 0 < usd < 0.1 else f"${usd:,.2f}"
