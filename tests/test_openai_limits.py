"""How many calls are let through, on a clock of the tests' own: no waiting and no chance."""

import heapq
from math import inf

import pytest

from harness_teachers.openai_limits import Limits


class Crowded:
    """Refuses what is beyond so many calls at once; says nothing of how long to wait."""

    def __init__(self, most, seconds):
        self.most, self.seconds, self.busy = most, seconds, 0

    def call(self, now):
        if self.busy >= self.most:
            return now + 0.01, "refused", None
        self.busy += 1
        return now + self.seconds, "answered", None

    def over(self, kind):
        self.busy -= kind == "answered"


class Metered:
    """Refuses what is beyond so many calls a second, and says how long to wait."""

    def __init__(self, rate, burst, seconds, *, whole=False):
        self.rate, self.burst, self.seconds, self.whole = rate, burst, seconds, whole
        self.left, self.at = burst, 0.0

    def call(self, now):
        self.left, self.at = min(self.burst, self.left + (now - self.at) * self.rate), now
        if self.left < 1:
            wait = (1 - self.left) / self.rate
            return now + 0.01, "refused", float(int(wait) + 1) if self.whole else wait
        self.left -= 1
        return now + self.seconds, "answered", None

    def over(self, kind):
        pass


def simulate(limits, server, seconds, tokens=100, workers=1000):
    """Counts by what came of the calls, and the most that were under way."""
    now, events, counts, peak, order = 0.0, [], {"answered": 0, "refused": 0}, 0, 0
    while now < seconds:
        while limits.under_way < workers and (wait := limits.wait(now)) == 0:
            reserved = limits.start(now)
            end, kind, retry_after = server.call(now)
            heapq.heappush(events, (end, order, now, reserved, kind, retry_after))
            order += 1
        peak = max(peak, limits.under_way)
        ends = events[0][0] if events else inf
        if now + wait < ends:
            now += wait
            continue
        now, _, began, reserved, kind, retry_after = heapq.heappop(events)
        server.over(kind)
        counts[kind] += 1
        if kind == "answered":
            limits.answered(began, reserved, tokens)
        else:
            limits.refused(began, reserved, now, retry_after)
    return counts, peak


@pytest.mark.parametrize(("most", "seconds"), [(1, 0.2), (4, 0.2), (16, 2.0), (60, 1.0), (200, 0.5)])
def test_a_server_with_a_limit_on_calls_at_once_is_used_to_nine_tenths_and_more(most, seconds):
    counts, _ = simulate(Limits(1024), Crowded(most, seconds), 400 * seconds)
    assert counts["answered"] > 0.93 * 400 * most
    assert counts["refused"] < 0.15 * counts["answered"]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("rate", "seconds"), [(2, 0.1), (2, 3.0), (20, 0.5), (100, 1.0), (10, 5.0)])
def test_a_server_with_a_limit_on_calls_a_second_is_used_to_nine_tenths_and_more(rate, seconds, whole):
    counts, _ = simulate(Limits(1024), Metered(rate, 2 * rate, seconds, whole=whole), 400)
    assert counts["answered"] > 0.92 * 400 * rate
    assert counts["refused"] < 0.15 * counts["answered"]


def test_the_window_begins_with_two_and_doubles_until_the_server_refuses():
    limits, seen = Limits(64), []
    for round_ in range(4):
        seen.append(limits.window)
        calls = [limits.start(round_) for _ in range(int(limits.window))]
        for reserved in calls:
            # Full until the last one: another starts as soon as one has ended.
            limits.answered(round_, reserved, 0)
            limits.start(round_)
            limits.under_way = max(limits.under_way, int(limits.window))
        limits.under_way = 0
    assert seen == [2, 4, 8, 16]


def test_calls_that_were_under_way_at_a_cut_do_not_cut_again():
    limits = Limits(64)
    limits.window = 16.0
    for _ in range(16):
        limits.start(1.0)
    for number in range(8):
        limits.refused(began=1.0, reserved=0, now=2.0 + number / 100, retry_after=None)
    assert limits.window == 8.0
    limits.start(3.0)
    limits.refused(began=3.0, reserved=0, now=3.1, retry_after=None)
    assert limits.window == pytest.approx(7.2)


def test_the_window_never_falls_below_one_and_never_grows_beyond_the_most():
    limits = Limits(3)
    for now in range(50):
        limits.start(now)
        limits.lost(began=now, now=now + 0.5)
    assert limits.window == 1.0
    counts, peak = simulate(Limits(3), Crowded(100, 1.0), 100)
    assert (peak, counts["refused"]) == (3, 0)
    assert limits.wait(1000.0) == 0


def test_a_server_that_counts_by_the_clock_sets_the_pace_and_not_the_window():
    limits = Limits(64)
    limits.window = 20.0
    for _ in range(20):
        limits.start(9.0)
    limits.refused(began=9.0, reserved=0, now=9.5, retry_after=0.5)
    assert limits.window == 20.0
    assert limits.wait(9.5) == 0.5
    # Twenty calls in half a second at first.
    limits.start(11.0)
    assert limits.wait(11.0) == inf
    limits.under_way = 5
    for _ in range(3):
        limits.start(11.0)
    assert limits.wait(11.0) == pytest.approx(0.05, rel=0.05)


def test_one_refusal_is_forgotten_when_none_follows():
    limits, server = Limits(64), Metered(1000, 1000, 0.5)
    limits.start(0.0)
    limits.refused(began=0.0, reserved=0, now=0.5, retry_after=1.0)
    assert simulate(limits, server, 60)[0]["answered"] > 0.4 * 60 * 128


def test_all_calls_wait_as_long_as_the_server_asks():
    limits = Limits(64)
    limits.start(0.0)
    limits.refused(began=0.0, reserved=0, now=1.0, retry_after=7.0)
    assert limits.wait(1.0) == 7.0
    assert limits.wait(7.5) == 0.5
    assert limits.wait(8.0) == 0


def test_without_a_word_of_the_server_the_wait_doubles_until_it_answers():
    limits, now, waits = Limits(64), 0.0, []
    for _ in range(12):
        limits.start(now)
        limits.refused(began=now, reserved=0, now=now + 0.01, retry_after=None)
        waits.append(round(limits.wait(now + 0.01), 3))
        now += 0.01 + waits[-1]
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert max(waits) == 30.0
    limits.answered(now, limits.start(now), 0)
    limits.start(now)
    limits.refused(began=now + 1, reserved=0, now=now + 2, retry_after=None)
    assert limits.wait(now + 2) == pytest.approx(0.1)


def test_a_server_that_is_ill_stops_the_growth_but_not_the_calls():
    limits = Limits(64)
    for _ in range(3):
        limits.start(4.0)
    limits.failed(now=5.0)
    limits.answered(began=4.0, reserved=0, tokens=0)
    assert limits.window == 2.0
    limits.start(5.5)
    limits.answered(began=5.5, reserved=0, tokens=0)
    assert limits.window == 3.0
    assert limits.wait(6.0) == 0


def test_a_window_that_is_not_in_use_does_not_grow():
    limits = Limits(64)
    for now in range(20):
        limits.answered(now, limits.start(now), 0)
    assert limits.window == 2.0


@pytest.mark.parametrize("rate", [6, 60, 6000])
def test_no_more_calls_start_in_a_minute_than_are_allowed(rate):
    counts, _ = simulate(Limits(1024, calls_per_minute=rate), Crowded(1024, 0.3), 300)
    assert 0.98 * 5 * rate < counts["answered"] <= 5 * rate * 1.01 + 2


def test_no_more_tokens_are_spent_in_a_minute_than_are_allowed():
    # The first calls are reckoned with 1,500 tokens, of which they take 100; those after them with what these took.
    limits = Limits(1024, tokens_per_minute=60_000, tokens=1500)
    counts, _ = simulate(limits, Crowded(1024, 0.5), 300, tokens=100)
    assert 0.98 * 5 * 600 < counts["answered"] <= 5 * 600 + 60


def test_tokens_that_were_spent_beyond_the_reckoning_are_waited_for():
    limits = Limits(64, tokens_per_minute=600, tokens=10)
    limits.answered(0.0, limits.start(0.0), 1000)
    assert limits.wait(0.0) == pytest.approx((1000 - 50) / 10, rel=0.01)
