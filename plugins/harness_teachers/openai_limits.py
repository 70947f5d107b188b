"""How many calls may be under way at a server, and when the next may start: learnt from how it answers."""

from __future__ import annotations

from collections import deque
from math import inf

FIRST_WINDOW = 2.0
"""Calls with which it begins."""
CUT = 0.9
"""What is left of the window after a refusal; the first one comes after a doubling, and halves it."""
STEP = 1 / 8
"""Share of what the server was last seen to carry by which the window grows with every round of answers."""
PROBE = 16
"""Rounds of answers that it takes to try one call more than that."""
FIRST_PAUSE_S = 0.1
"""Wait after a refusal without Retry-After while nothing else is under way; doubled from one to the next."""
LONGEST_PAUSE_S = 30.0
FIRST_LOOK_S = 2.0
"""What the pace is first reckoned from; before that there were fewer calls than the server would have taken."""
LOOK_S = 0.5
"""Shortest time from which the pace is reckoned later."""
LATE_S = 0.05
GROWTH = 0.01
"""Share by which the pace grows in a second; after a calm of `CALM_S` it doubles every four seconds."""
CALM_S = 5.0


class Budget:
    """So much per minute, spent evenly; None is no limit. A cost may be known after it was spent only."""

    def __init__(self, per_minute: float | None, burst_s: float, least: float) -> None:
        self._rate = (per_minute or 0.0) / 60
        self._most = max(least, self._rate * burst_s)
        self._left, self._at = self._most, 0.0

    def wait(self, now: float) -> float:
        """Seconds until something is left."""
        if not self._rate:
            return 0.0
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        return 0.0 if self._left > 0 else -self._left / self._rate + 1e-4

    def spend(self, amount: float) -> None:
        """May be negative: what was reckoned and not spent."""
        self._left -= amount


class Pace:
    """Calls a second, where the server counts them: learnt from what it let through between two refusals."""

    def __init__(self) -> None:
        self.rate = inf
        self._next = self._grown_at = self._cut_at = 0.0
        self._through = 0
        self._latest: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Seconds until the next call is due."""
        return max(0.0, self._next - now)

    def start(self, now: float) -> None:
        """A call starts; the rate has grown since the last one, the faster the longer nothing was refused."""
        self._through += 1
        if self.rate == inf:
            self._latest.append(now)
            while self._latest[0] < now - FIRST_LOOK_S:
                self._latest.popleft()
            return
        growth = GROWTH * 2 ** min(6.0, max(0.0, now - self._cut_at - CALM_S) / 4)
        self.rate *= 1 + growth * min(1.0, now - self._grown_at)
        self._grown_at = now
        # A call that comes late, because others were, does not put off those after it.
        self._next = max(self._next, now - LATE_S) + 1 / self.rate

    def refuse(self) -> None:
        """A call was not let through."""
        self._through -= 1

    def cut(self, now: float) -> None:
        """Go on with what was let through since the last time, at least half as fast; the first time, just before."""
        if self.rate == inf:
            since = self._latest[0] if self._latest else now
            self.rate = max(1, len(self._latest)) / min(FIRST_LOOK_S, max(now - since, LATE_S))
        else:
            seen = max(1, self._through) / max(now - self._cut_at, 0.01)
            self.rate = max(self.rate / 2, min(self.rate * CUT, seen))
        self._cut_at = self._grown_at = now
        self._through = 0


class Limits:
    """A window of calls: slow start, then additive increase, and multiplicative decrease where the server refuses.

    A refusal that says how long to wait is of a server that counts calls by the clock: then the pace is cut instead.
    All times are seconds of one clock that never goes back; ``began`` is when the call started.
    Calls that were under way when the window was cut say nothing new, and do not cut it again.
    """

    def __init__(
        self,
        most: int,
        calls_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        tokens: float = 0,
    ) -> None:
        self.window = min(FIRST_WINDOW, most)
        self.under_way = 0
        self._most = most
        self._ceiling = inf
        self._cut_at = self._hold = -inf
        self._resume = 0.0
        self._refusals = 0
        self._pace = Pace()
        self._calls = Budget(calls_per_minute, burst_s=0.25, least=1)
        self._tokens = Budget(tokens_per_minute, burst_s=5, least=1)
        # What a call takes: a guess until calls have been answered, then their mean.
        self._typical, self._known = tokens, 0

    def wait(self, now: float) -> float:
        """Seconds until the next call may start; infinite where another must end first."""
        if self.under_way >= int(self.window):
            return inf
        return max(0.0, self._resume - now, self._pace.wait(now), self._calls.wait(now), self._tokens.wait(now))

    def start(self, now: float) -> float:
        """A call starts; gives the tokens that are set aside for it."""
        self.under_way += 1
        self._pace.start(now)
        self._calls.spend(1)
        self._tokens.spend(self._typical)
        return self._typical

    def answered(self, began: float, reserved: float, tokens: int) -> None:
        """An answer, which took so many tokens; the window grows where it was all in use."""
        was_full = self.under_way >= int(self.window)
        self._end(reserved - tokens)
        self._refusals = 0
        self._known = min(self._known + 1, 50)
        self._typical += (tokens - self._typical) / self._known
        if was_full and began >= self._hold:
            self.window = min(self._most, self.window + self._step())

    def _step(self) -> float:
        if self._ceiling == inf:
            return 1.0
        if self._ceiling <= self.window < self._ceiling + 2:
            return 1 / (PROBE * self.window)
        return max(1.0, self._ceiling * STEP) / self.window

    def refused(self, began: float, reserved: float, now: float, retry_after: float | None) -> None:
        """The server takes no more for now."""
        self._end(reserved)
        self._pace.refuse()
        if retry_after is None:
            self._refusals += began > self._cut_at
            self._cut(began, now)
            if not self.under_way:
                pause = FIRST_PAUSE_S * 2 ** min(self._refusals - 1, 16)
                self._resume = max(self._resume, now + min(pause, LONGEST_PAUSE_S))
            return
        self._hold, self._resume = now, max(self._resume, now + retry_after)
        if began > self._cut_at and now >= self._cut_at + LOOK_S:
            self._cut_at = now
            self._pace.cut(now)

    def lost(self, began: float, now: float) -> None:
        """No answer in time, or the line broke: the server may have more than it can carry."""
        self._end(0)
        self._cut(began, now)

    def failed(self, now: float, retry_after: float | None = None) -> None:
        """The server is ill: no growth on the word of calls that started before."""
        self._end(0)
        self._hold = now
        if retry_after is not None:
            self._resume = max(self._resume, now + retry_after)

    def settled(self, reserved: float) -> None:
        """The call came to an end that says nothing about how much the server can carry."""
        self._end(reserved)

    def _end(self, unspent: float) -> None:
        self.under_way -= 1
        self._tokens.spend(-unspent)

    def _cut(self, began: float, now: float) -> None:
        self._hold = now
        if began <= self._cut_at:
            return
        # The window with which it went well: one less than that with which it did not.
        share = 0.5 if self._ceiling == inf else CUT
        self._ceiling = max(1.0, int(self.window) - 1)
        self.window = max(1.0, self.window * share)
        self._cut_at = now
