"""Partial dates and spans of time, and how far apart two of them are."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from datetime import date
from math import inf

# A span without a year comes round every year: its days are counted on a circle. 2000 has a 29 February.
LEAP = 2000
CIRCLE = 366


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A year, a month or a day, as far as it is known; month and day may lack their year.

    Raises `ValueError` for what no calendar has, such as 31 April.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None

    def __post_init__(self) -> None:
        if self.month is None:
            if self.year is None or self.day is not None:
                raise ValueError("a partial date has a year or a month, and a day only with its month")
            return
        date(self._in_year, self.month, 1 if self.day is None else self.day)

    @property
    def first(self) -> date:
        """Its first day; in a leap year where it has none."""
        return date(self._in_year, self.month or 1, self.day or 1)

    @property
    def last(self) -> date:
        """Its last day; in a leap year where it has none."""
        month = self.month or 12
        return date(self._in_year, month, self.day or calendar.monthrange(self._in_year, month)[1])

    @property
    def _in_year(self) -> int:
        return LEAP if self.year is None else self.year


@dataclass(frozen=True, slots=True)
class Span:
    """From the first day of one partial date to the last day of another, as it was written.

    Both ends have a year, or neither has. An end of None is open; an open span has a year.
    """

    first: PartialDate | None
    last: PartialDate | None
    written: str = ""

    @classmethod
    def of(cls, point: PartialDate, written: str = "") -> Span:
        """The days of one partial date."""
        return cls(point, point, written)

    @classmethod
    def between(cls, first: PartialDate, last: PartialDate, written: str = "") -> Span:
        """From one to the other; what the first leaves out is the last's, as in 5 March to 7 April 2014."""
        if first.year is None and last.year is not None:
            first = replace(first, year=last.year)
            if first.first > last.last:
                first = replace(first, year=last.year - 1)
        if first.year is not None and last.year is None:
            last = replace(last, year=first.year)
        if first.year is not None and first.first > last.last:
            raise ValueError("it ends before it begins")
        return cls(first, last, written)

    @property
    def yearly(self) -> bool:
        """Whether it has no year."""
        return all(end is None or end.year is None for end in (self.first, self.last))

    @property
    def start(self) -> float:
        """Day on which it begins, counted from year 1."""
        return -inf if self.first is None else self.first.first.toordinal()

    @property
    def end(self) -> float:
        """Day on which it ends, counted from year 1."""
        return inf if self.last is None else self.last.last.toordinal()

    @property
    def days(self) -> float:
        """How many days it may mean. One that comes round every year may mean more than any with a year."""
        if self.yearly:
            return CIRCLE * CIRCLE + (self.end - self.start) % CIRCLE
        return self.end - self.start + 1


def gap(one: Span, other: Span) -> int:
    """Days between two spans: 0 where they share a day, below 0 where the other is the earlier one.

    Without a year on both sides nothing is earlier: then it is the smaller way round the year.
    """
    if one.yearly or other.yearly:
        return _gap_in_the_year(one, other)
    if other.start > one.end:
        return int(other.start - one.end)
    if one.start > other.end:
        return int(other.end - one.start)
    return 0


def _gap_in_the_year(one: Span, other: Span) -> int:
    arcs = [_arc(one), _arc(other)]
    if None in arcs:
        return 0
    (start, length), (begin, size) = (arc for arc in arcs if arc)
    if (begin - start) % CIRCLE <= length or (start - begin) % CIRCLE <= size:
        return 0
    return min((begin - start - length) % CIRCLE, (start - begin - size) % CIRCLE)


def _arc(span: Span) -> tuple[int, int] | None:
    """Place of its first day in the year and how many days follow; None where it covers every day of the year."""
    if span.first is None or span.last is None or (not span.yearly and span.end - span.start >= CIRCLE - 2):
        return None
    start, end = (day.replace(year=LEAP).toordinal() for day in (span.first.first, span.last.last))
    return start, (end - start) % CIRCLE
