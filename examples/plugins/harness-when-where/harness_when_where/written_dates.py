"""Dates as captions write them → spans of time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from harness_when_where.dates import PartialDate, Span

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?:(?<=\b(?!may)\w\w\w)\.|(?<=sept)\.|(?!\w))"
)
_DAY = r"(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12]\d{3})"
_DASH = r"[-\u2010-\u2014]"
# Digits do not stand in a larger number, a price, a file name or an address.
_FREE = r"(?<![\w$€£₹#/&@=+\-])(?<!\d[.,:])"
_ENDS = r"(?![\w%/]|[.,:]\d)"

# How many, not when: 1900 people, over 2000 homes.
_AMOUNT = re.compile(
    r"(?:about|around|over|than|nearly|almost|some|approximately|least|most|to|another|the|of|all|these|those)\s+$",
    re.I,
)
_COUNTED = re.compile(
    r"\s+(?:\w+\s+)?(?:people|persons|men|women|children|kids|soldiers|troops|police|officers|migrants|refugees"
    r"|students|workers|protesters|protestors|demonstrators|supporters|fans|homes|houses|families|villages|years|days|hours"
    r"|minutes|miles|km|kilomet(?:er|re)s|met(?:er|re)s|feet|dollars|euros|pounds|rupees|tons|tonnes|jobs|cases|deaths"
    r"|victims|members|employees|passengers|animals|birds|trees|vehicles|cars|trucks|tanks|copies|votes|million)\b",
    re.I,
)
_NOT_A_TIME = re.compile(r"\b(?:not|never)\s+(?:in\s+|from\s+|since\s+)?$", re.I)
_UNTIL = re.compile(r"\b(?:until|till|by)\s+(?:early\s+|late\s+|mid-?\s*)?(?:the\s+)?$", re.I)
_BEFORE = re.compile(r"\b(?:before|prior\s+to|ahead\s+of)\s+(?:early\s+|late\s+|mid-?\s*)?(?:the\s+)?$", re.I)
_SINCE = re.compile(r"\b(?:since|after|following)\s+(?:early\s+|late\s+|mid-?\s*)?(?:the\s+)?$", re.I)
_TO = re.compile(rf"\s*(?:{_DASH}|to|until|till|through)\s*", re.I)
_AND = re.compile(r"\s+and\s+", re.I)
_BETWEEN = re.compile(r"\bbetween\s+$", re.I)

Match = re.Match[str]


@dataclass(frozen=True, slots=True)
class _Found:
    """A span with the place of its words."""

    start: int
    end: int
    span: Span


def find_spans(text: str, earliest: int, latest: int) -> list[Span]:
    """The dates that a text names, each once, in its order.

    Years are between ``earliest`` and ``latest``. What is relative (last Monday) or ambiguous (05/03, whose day
    may be its month) is left out as far as it is not known.
    """
    spans: dict[object, Span] = {}
    for found in _joined(_points(text, earliest, latest), text):
        if (span := _qualified(found, text)) is not None:
            spans.setdefault((span.first, span.last), span)
    return list(spans.values())


def _points(text: str, earliest: int, latest: int) -> list[_Found]:
    """Dates and years by themselves; a stretch of text is read once, by the first form that fits it."""
    rest, points = text, []
    cased = text != text.lower()
    for form, read in _FORMS:
        for match in form.finditer(rest):
            span = _span(read, match, rest, cased)
            if span is not None and _plausible(span, earliest, latest):
                written = " ".join(match.group().split())
                points.append(_Found(match.start(), match.end(), replace(span, written=written)))
                rest = rest[: match.start()] + " " * len(match.group()) + rest[match.end() :]
    return sorted(points, key=lambda point: point.start)


def _span(read: Callable[[Match], Span | None], match: Match, text: str, cased: bool) -> Span | None:
    name = match.groupdict().get("month") or ""
    # Months are words too: they may march.
    if (cased and name[:1].islower()) or _NOT_A_TIME.search(text[max(0, match.start() - 20) : match.start()]):
        return None
    try:
        return read(match)
    except ValueError:
        return None


def _plausible(span: Span, earliest: int, latest: int) -> bool:
    """Whether it shares a year with what can be; a decade may begin before."""
    first, last = (end.year if end else None for end in (span.first, span.last))
    return first is None or last is None or (first <= latest and last >= earliest)


def _joined(points: list[_Found], text: str) -> Iterator[_Found]:
    """Neighbours that are the ends of a range become one."""
    waiting: _Found | None = None
    for point in points:
        if waiting is not None and (whole := _range(waiting, point, text)) is not None:
            waiting = whole
            continue
        if waiting is not None:
            yield waiting
        waiting = point
    if waiting is not None:
        yield waiting


def _range(one: _Found, other: _Found, text: str) -> _Found | None:
    middle = text[one.end : other.start]
    is_between = _AND.fullmatch(middle) and _BETWEEN.search(text[: one.start])
    if not (_TO.fullmatch(middle) or is_between) or one.span.first is None or other.span.last is None:
        return None
    try:
        span = Span.between(one.span.first, other.span.last, " ".join(text[one.start : other.end].split()))
    except ValueError:
        return None
    return _Found(one.start, other.end, span)


def _qualified(found: _Found, text: str) -> Span | None:
    """Before, until, since and after make a side open; without a year there is none to be open."""
    lead, span = text[max(0, found.start - 30) : found.start], found.span
    for words, kept in ((_UNTIL, "last"), (_BEFORE, "before"), (_SINCE, "first")):
        if match := words.search(lead):
            if span.yearly or span.first is None or span.last is None:
                return None
            written = " ".join((match.group() + span.written).split())
            if kept == "before":
                day = span.first.first - timedelta(days=1)
                return Span(None, PartialDate(day.year, day.month, day.day), written)
            return Span(None, span.last, written) if kept == "last" else Span(span.first, None, written)
    return span


def _dated(match: Match) -> Span | None:
    """A day, or the days from ``from`` to ``day``, of a month; the year may be missing."""
    parts = match.groupdict()
    year = int(parts["year"]) if parts.get("year") else None
    month = _NAMES.index(parts["month"][:3].lower()) + 1
    last = PartialDate(year, month, _number(parts.get("day")))
    if not parts.get("from"):
        return Span.of(last)
    first = PartialDate(year, month, _number(parts["from"]))
    # 30-5 March is no range; with a year Span.between would say so.
    return Span.between(first, last) if first.first <= last.first else None


def _number(text: str | None) -> int | None:
    return int(re.sub(r"\D", "", text)) if text else None


def _iso(match: Match) -> Span:
    return Span.of(PartialDate(int(match["year"]), int(match["month_number"]), int(match["day"])))


def _numeric(match: Match) -> Span:
    """Day and month as figures, in either order: only the year is known where both orders are possible."""
    one, two, year = int(match["one"]), int(match["two"]), int(match["year"])
    if match["sign"] == "." or one == two or one > 12:
        return Span.of(PartialDate(year, two, one))
    return Span.of(PartialDate(year, one, two) if two > 12 else PartialDate(year))


def _short_range(match: Match) -> Span:
    """2014-16 are years, 2014-03 is a month, 2010-12 may be either: then it is all that both may mean."""
    year, tail = int(match["year"]), int(match["tail"])
    last = year - year % 100 + tail
    if last > year:
        return Span.between(PartialDate(year), PartialDate(last))
    return Span.of(PartialDate(year, tail))


def _decade(match: Match) -> Span:
    year = int(match["year"])
    return Span.between(PartialDate(year), PartialDate(year + 9 if year % 100 else year + 99))


def _century(match: Match) -> Span:
    first = 100 * (int(match["number"]) - 1) + 1
    return Span.between(PartialDate(first), PartialDate(first + 99))


def _year(match: Match) -> Span | None:
    lead, tail = match.string[max(0, match.start() - 20) : match.start()], match.string[match.end() :]
    is_round = int(match["year"]) % 50 == 0
    if _COUNTED.match(tail) or (is_round and _AMOUNT.search(lead) and re.match(r"\s+[a-z]{3,}s\b", tail)):
        return None
    return Span.of(PartialDate(int(match["year"])))


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[Match], Span | None]], ...] = (
    (_form(rf"{_FREE}{_YEAR}(?P<sign>[-/.])(?P<month_number>\d\d?)(?P=sign)(?P<day>\d\d?)(?!\d)"), _iso),
    (_form(rf"{_FREE}(?P<one>\d\d?)(?P<sign>[-/.])(?P<two>\d\d?)(?P=sign){_YEAR}(?!\d)"), _numeric),
    (
        _form(
            rf"{_FREE}(?:(?P<from>{_DAY})\s*(?:{_DASH}|to|and|&)\s*)?(?P<day>{_DAY})(?:\s+of)?\s+{_MONTH}"
            rf"(?:,?\s+(?:of\s+)?{_YEAR}{_ENDS})?"
        ),
        _dated,
    ),
    (
        _form(
            rf"(?<!\w){_MONTH}\s+(?:the\s+)?(?:(?P<from>{_DAY})\s*(?:{_DASH}|to|and|&)\s*)?(?P<day>{_DAY}){_ENDS}"
            rf"(?:,?\s+(?:of\s+)?{_YEAR}{_ENDS})?"
        ),
        _dated,
    ),
    (_form(rf"(?<!\w){_MONTH},?\s+(?:of\s+|in\s+)?{_YEAR}{_ENDS}"), _dated),
    (_form(r"(?<!\w)(?<!\d[.,])(?P<year>[12]\d\d0)['’]?s(?!\w)"), _decade),
    (_form(r"(?<!\w)(?P<number>1\d|2[01])(?:st|th)[\s-]century"), _century),
    (_form(rf"{_FREE}{_YEAR}{_DASH}(?P<tail>\d\d){_ENDS}"), _short_range),
    (_form(rf"(?:{_FREE}|(?<=mid-)|(?<=early-)|(?<=late-)|(?<=\d{{4}}[-–—])){_YEAR}{_ENDS}(?!-[a-z])"), _year),
    (
        _form(
            rf"\b(?:in|since|during|until|till|by|early|late|mid)(?:\s+|-)(?:early\s+|late\s+|mid-?\s*)?{_MONTH}"
            r"(?!\s+(?:for|against|of|to)\b)"
        ),
        _dated,
    ),
)
"""Forms with their readers, the more exact ones first."""
