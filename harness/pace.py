"""How long steps have taken in this run, and so how many of a sort are worth sending to a worker at once."""

from __future__ import annotations

from harness.plan import Step

SPAN_S = 0.1
"""Steps that are done one after the other on one worker take about so long together."""

MOST = 32
"""Of them at once: when their worker dies, they are looked after one by one."""

KINDS = frozenset({"rank", "train", "predict"})
"""Kinds of step that are sent together. How long a teacher takes hangs on how much it has answered already."""

QUICK_S = 1.0
"""What takes less is done sooner than somebody far away is asked whether it has it."""

Sort = tuple[str, ...]


class Pace:
    """Seconds by sort of step: kind and components. What was slow once is taken to be slow for a while."""

    def __init__(self) -> None:
        self._seconds: dict[Sort, float] = {}

    def note(self, step: Step, seconds: float) -> None:
        """A step took so long."""
        sort = sort_of(step)
        self._seconds[sort] = max(seconds, (self._seconds.get(sort, seconds) + seconds) / 2)

    def worth(self, step: Step) -> int:
        """How many steps of its sort are to be sent at once; one as long as nobody knows."""
        seconds = self._seconds.get(sort_of(step))
        if seconds is None or step.kind not in KINDS:
            return 1
        return max(1, min(MOST, int(SPAN_S / max(seconds, SPAN_S / MOST))))

    def quick(self, step: Step) -> bool:
        """Whether it is known to be done at once."""
        return step.kind in KINDS and self._seconds.get(sort_of(step), QUICK_S) < QUICK_S


def sort_of(step: Step) -> Sort:
    """What steps have in common that take about as long."""
    components: dict[str, str] = step.ingredients.get("components", {})
    return (step.kind, *components.values())
