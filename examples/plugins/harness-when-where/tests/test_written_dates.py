from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_when_where.dates import PartialDate, Span
from harness_when_where.written_dates import find_spans

MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
DAYS = st.dates(date(1850, 1, 1), date(2030, 12, 31))


def found(text):
    return find_spans(text, 1826, 2035)


def ends(text):
    """Both ends of each span, as tuples."""
    return [tuple(end and (end.year, end.month, end.day) for end in (span.first, span.last)) for span in found(text)]


def ordinal(number):
    return f"{number}{'th' if 10 < number < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


DAY_FORMS = {
    "5 March 2014": lambda d, month: f"{d.day} {month} {d.year}",
    "05 March, 2014": lambda d, month: f"{d.day:02} {month}, {d.year}",
    "5th of March 2014": lambda d, month: f"{ordinal(d.day)} of {month} {d.year}",
    "5 Mar 2014": lambda d, month: f"{d.day} {month[:3]} {d.year}",
    "March 5, 2014": lambda d, month: f"{month} {d.day}, {d.year}",
    "March 5th 2014": lambda d, month: f"{month} {ordinal(d.day)} {d.year}",
    "Mar. 5, 2014": lambda d, month: f"{month[:3]}{'.' if month != 'May' else ''} {d.day}, {d.year}",
    "MARCH 5, 2014": lambda d, month: f"{month.upper()} {d.day}, {d.year}",
    "2014-03-05": lambda d, month: d.isoformat(),
    "2014/3/5": lambda d, month: f"{d.year}/{d.month}/{d.day}",
    "5.3.2014": lambda d, month: f"{d.day}.{d.month}.{d.year}",
}


@pytest.mark.parametrize("form", DAY_FORMS)
@given(day=DAYS)
def test_a_day_is_read_as_it_was_written(form, day):
    written = DAY_FORMS[form](day, MONTHS[day.month - 1])
    want = Span.of(PartialDate(day.year, day.month, day.day), written)
    for text in (written, f"Crowds on {written}.", f"({written}) A view", f"Photo: {written}, in Oslo"):
        assert found(text) == [want], text


@given(day=DAYS)
def test_a_month_or_a_year_or_a_day_without_its_year_is_read_as_it_was_written(day):
    month = MONTHS[day.month - 1]
    assert found(f"Seen in {month} {day.year}.") == [
        Span.of(PartialDate(day.year, day.month), f"{month} {day.year}"),
    ]
    assert found(f"Seen in {day.year}.") == [Span.of(PartialDate(day.year), str(day.year))]
    assert found(f"Seen on {day.day} {month}.") == [
        Span.of(PartialDate(None, day.month, day.day), f"{day.day} {month}"),
    ]
    assert found(f"Seen on {month} {day.day}!") == [
        Span.of(PartialDate(None, day.month, day.day), f"{month} {day.day}"),
    ]


@given(one=DAYS, other=DAYS)
def test_two_dates_with_a_dash_between_are_a_range(one, other):
    first, last = sorted((one, other))
    written = f"{first.day} {MONTHS[first.month - 1]} {first.year} – {last.day} {MONTHS[last.month - 1]} {last.year}"
    assert found(written) == [
        Span(PartialDate(first.year, first.month, first.day), PartialDate(last.year, last.month, last.day), written)
    ]


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_and_what_it_finds_stands_in_the_text(text):
    flat = " ".join(text.split())
    for span in found(text):
        assert span.written in flat


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("5-7 March 2014", (2014, 3, 5), (2014, 3, 7)),
        ("March 5 and 6, 2014", (2014, 3, 5), (2014, 3, 6)),
        ("March 5 – April 2, 2014", (2014, 3, 5), (2014, 4, 2)),
        ("28 December to 3 January 2014", (2013, 12, 28), (2014, 1, 3)),
        ("March 2014–May 2015", (2014, 3, None), (2015, 5, None)),
        ("between 2014 and 2016", (2014, None, None), (2016, None, None)),
        ("from 2014 to 2016", (2014, None, None), (2016, None, None)),
        ("2014–16", (2014, None, None), (2016, None, None)),
        ("2014-03", (2014, 3, None), (2014, 3, None)),
        ("2010-12", (2010, None, None), (2012, None, None)),
        ("the late 1990s", (1990, None, None), (1999, None, None)),
        ("in the 1900s", (1900, None, None), (1999, None, None)),
        ("a 19th-century view", (1801, None, None), (1900, None, None)),
        ("mid-2014", (2014, None, None), (2014, None, None)),
        ("since 2014", (2014, None, None), None),
        ("after the March 2015 quake", (2015, 3, None), None),
        ("until 6 May 2022", None, (2022, 5, 6)),
        ("Before May 6, 2022, they met", None, (2022, 5, 5)),
        ("before 2017", None, (2016, 12, 31)),
        ("FIFA 2022 World Cup", (2022, None, None), (2022, None, None)),
        ("on march 5, 2014, all in small letters", (2014, 3, 5), (2014, 3, 5)),
        ("in March", (None, 3, None), (None, 3, None)),
        ("25/03/2014", (2014, 3, 25), (2014, 3, 25)),
        ("03/25/2014", (2014, 3, 25), (2014, 3, 25)),
    ],
)
def test_forms_of_captions(text, first, last):
    assert ends(text) == [(first, last)]


def test_a_date_whose_day_may_be_its_month_is_known_to_its_year():
    assert ends("05/03/2014") == [((2014, None, None), (2014, None, None))]
    assert ends("05/05/2014") == [((2014, 5, 5), (2014, 5, 5))]


@pytest.mark.parametrize(
    "text",
    [
        "last Monday",
        "two days ago",
        "They may march in protest.",
        "A Women's March in Oslo",
        "1900 people fled",
        "over 2000 armed protesters",
        "$1999",
        "1,999 left",
        "IMG_2014.jpg",
        "the COVID-2019 ward",
        "2019-nCoV",
        "at 20:14",
        "No. 839071744",
        "Dec 5,000 were counted",
        "in 1001 nights, or in 9999",
        "not 2022",
        "before 6 May",
        "",
    ],
)
def test_what_is_no_date_or_only_a_relative_one_is_left_out(text):
    assert found(text) == []


def test_a_day_that_no_month_has_leaves_the_month():
    assert ends("31 April 2014") == [((2014, 4, None), (2014, 4, None))]


def test_years_are_taken_between_the_bounds_only():
    assert find_spans("1850 and 2014 and 2030", 1900, 2020) == [Span.of(PartialDate(2014), "2014")]


def test_dates_come_once_and_in_the_order_of_the_text():
    spans = found("In 2016, 5 May 2014, 2015-01-02 and 2016")
    assert [span.written for span in spans] == ["2016", "5 May 2014", "2015-01-02"]
