"""The section ``budget:`` of a matrix: what its teachers may cost, over all of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from harness.asking import dollars
from harness.families import Faults, refuse_unknown

KEYS = ("usd", "calls")


@dataclass(frozen=True, slots=True)
class Budget:
    """Bounds; None where there is none."""

    usd: float | None = None
    calls: int | None = None

    def __bool__(self) -> bool:
        return self.usd is not None or self.calls is not None

    def covers(self, calls: int, usd: float) -> bool:
        """Whether something is left after so many calls and dollars."""
        # A sum of prices is off by what floating point rounds.
        dear = self.usd is not None and usd > self.usd - 1e-9
        return not dear and (self.calls is None or calls < self.calls)

    def told(self, calls: int, usd: float) -> str:
        """What is spent of it."""
        parts = [] if self.usd is None else [f"{dollars(usd)} of {dollars(self.usd)}"]
        parts += [] if self.calls is None else [f"{calls} of {self.calls} calls"]
        return " and ".join(parts)


def read(section: object, fault: Faults) -> Budget:
    """The budget of a matrix; none where it gives none."""
    if section is None:
        return Budget()
    if not isinstance(section, Mapping) or not section:
        fault(("budget",), "a mapping is needed, as in  {usd: 20, calls: 5000}")
        return Budget()
    refuse_unknown(("budget",), section, KEYS, fault)
    usd, calls = section.get("usd"), section.get("calls")
    if usd is not None and (
        isinstance(usd, bool) or not isinstance(usd, int | float) or not usd > 0 or not isfinite(usd)
    ):
        fault(("budget", "usd"), f"{usd!r} is not a sum above 0")
        usd = None
    if calls is not None and (isinstance(calls, bool) or not isinstance(calls, int) or calls < 1):
        fault(("budget", "calls"), f"{calls!r} is not a whole number from 1")
        calls = None
    return Budget(None if usd is None else float(usd), calls)
