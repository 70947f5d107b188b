from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_when_where.dates import PartialDate, Span, gap

DAYS = st.dates(date(1850, 1, 1), date(2030, 12, 31))


def day(when: date) -> PartialDate:
    return PartialDate(when.year, when.month, when.day)


def yearless(when: date) -> PartialDate:
    return PartialDate(None, when.month, when.day)


@pytest.mark.parametrize("parts", [(None, None, None), (2014, None, 5), (2014, 13), (2014, 4, 31), (2015, 2, 29)])
def test_what_no_calendar_has_is_no_date(parts):
    with pytest.raises(ValueError, match=r"month|day|year"):
        PartialDate(*parts)


def test_a_29_february_without_a_year_is_a_date():
    assert PartialDate(None, 2, 29).last == date(2000, 2, 29)


def test_a_range_takes_what_its_first_end_leaves_out_from_the_last():
    span = Span.between(PartialDate(None, 12, 28), PartialDate(2014, 1, 3))
    assert (span.first, span.last) == (PartialDate(2013, 12, 28), PartialDate(2014, 1, 3))
    with pytest.raises(ValueError, match="it ends before it begins"):
        Span.between(PartialDate(2016), PartialDate(2014))


@given(DAYS, st.integers(0, 4000))
def test_the_gap_is_the_days_between_and_has_its_sign_from_who_is_earlier(when, apart):
    one, other = Span.of(day(when)), Span.of(day(when + timedelta(days=apart)))
    assert (gap(one, other), gap(other, one)) == (apart, -apart)


@given(DAYS)
def test_a_day_lies_in_its_month_in_its_year_and_on_its_day_of_any_year(when):
    one = Span.of(day(when))
    for other in (
        PartialDate(when.year, when.month),
        PartialDate(when.year),
        PartialDate(None, when.month),
        yearless(when),
    ):
        assert gap(one, Span.of(other)) == gap(Span.of(other), one) == 0
        assert Span.of(other).days >= one.days


@given(DAYS, DAYS)
def test_without_a_year_the_gap_is_the_smaller_way_round_the_year(one, other):
    found = gap(Span.of(yearless(one)), Span.of(day(other)))
    apart = abs((one.replace(year=2000) - other.replace(year=2000)).days)
    assert found == min(apart, 366 - apart)
    assert found == gap(Span.of(day(other)), Span.of(yearless(one)))


def test_new_year_is_near_christmas_without_a_year():
    assert gap(Span.of(PartialDate(None, 12, 25)), Span.of(PartialDate(None, 1, 1))) == 7


def test_a_span_over_new_year_holds_the_days_on_both_sides():
    holidays = Span.between(PartialDate(None, 12, 28), PartialDate(None, 1, 3))
    assert [gap(holidays, Span.of(PartialDate(2014, 1, n))) for n in (1, 3, 5)] == [0, 0, 2]
    assert gap(holidays, Span.of(PartialDate(2014, 12, 31))) == 0


def test_a_whole_year_holds_every_day_without_a_year():
    assert gap(Span.of(PartialDate(2014)), Span.of(PartialDate(None, 7, 1))) == 0
    assert gap(Span(None, PartialDate(2014)), Span.of(PartialDate(None, 7, 1))) == 0


def test_an_open_span_has_no_end():
    since = Span(PartialDate(2014), None)
    assert gap(since, Span.of(PartialDate(2030))) == 0
    assert gap(since, Span.of(PartialDate(2013, 12, 31))) == -1
    assert gap(Span(None, PartialDate(2014)), since) == 0
