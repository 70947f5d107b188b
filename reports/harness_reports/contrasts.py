"""Pairs of arms by question, with what can be said of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isnan

from harness_reports.arms import Arm, key_of
from harness_reports.numerals import count, points, points_interval, probability
from harness_reports.records import Row
from harness_reports.story import QUESTIONS
from harness_reports.tables import Bar, Cell, Column, Group, Line, Table, label, number, prose, table

VERDICTS = ("better", "worse", "inconclusive")
MANNERS = {"not inferior": "better", "equivalent": "better", "inferior": "worse"}
"""Words against a margin, and how they look."""

_CONTRASTS = (
    Column("Arm", numeric=False, wide=True),
    Column("Against", numeric=False, wide=True),
    Column("Verdict", numeric=False, help="at 5 %, after Holm within the question or family"),
    Column("Difference", help="of accuracy, in percentage points, with its 95 % interval (90 % against a margin)"),
    Column("Interval of the difference", hidden=True),
    Column("p", help="before adjustment"),
    Column("Adjusted p", help="Holm within the question"),
    Column("Smallest detectable", help="the difference in points that would be shown with 80 % power"),
    Column("Seeds"),
    Column("Items", help="test items per seed, and the groups in which they hang together"),
)


def contrasts(rows: Sequence[Row], arms: Sequence[Arm], id: str = "contrasts-table") -> Table:
    """Pairs of arms by question, with what can be said of each."""
    names = {arm.key: arm.name for arm in arms}
    several = len({row.text("evaluated_on") for row in rows}) > 1
    asked = sorted({row.text("question") for row in rows}, key=lambda text: (_order(text), text))
    groups = [
        _group(question, [row for row in rows if row.text("question") == question], names, several)
        for question in asked
    ]
    empty = "No pair of arms can be compared yet: a contrast needs both arms done with the same seeds."
    caption = (
        "Differences of accuracy in percentage points. A bar to the right of the line favours the first arm; "
        "each question has its own scale."
    )
    return table(id, caption, _CONTRASTS, groups, empty, tall=len(rows) > 12)


def _group(question: str, rows: Sequence[Row], names: Mapping[tuple[str, str], str], several: bool) -> Group:
    ends = [abs(row.number(end)) for row in rows for end in ("low", "high", "difference")]
    reach = max((end for end in ends if not isnan(end)), default=0.0)
    title = f"{question[:1].upper()}{question[1:]}. {QUESTIONS.get(question) or _declared(rows[0])}".strip()
    return Group(title, tuple(_contrast(row, names, reach, several) for row in rows))


def _declared(row: Row) -> str:
    """What a family of the matrix asks."""
    margin = points(row.number("margin")).lstrip("+")
    match row.text("test"):
        case "non-inferiority":
            asked = f"Declared in the matrix: is the arm worse by less than {margin} points?"
        case "equivalence":
            asked = f"Declared in the matrix: are the arms within {margin} points of each other?"
        case _:
            asked = "Declared in the matrix."
    return f"{asked} {row.text('correction')}".strip()


def _order(question: str) -> int:
    """Declared families come first."""
    return list(QUESTIONS).index(question) if question in QUESTIONS else -1


def _contrast(row: Row, names: Mapping[tuple[str, str], str], reach: float, several: bool) -> Line:
    on = row.text("evaluated_on")
    arm, against = row.text("arm"), row.text("against")
    why = "too few seeds or items for this number"
    note = points_interval(row.number("low"), row.number("high"))
    verdict = row.text("verdict")
    cells = (
        label(names.get(key_of(row), arm), f"tested on {on}" if several else ""),
        prose(names.get((row.raw("against"), row.raw("evaluated_on")), against)),
        Cell(verdict or "–", verdict, manner=_manner(row), why="" if verdict else why),
        number(row, "difference", points, why, note),
        Cell("", bar=_difference_bar(row, reach)),
        number(row, "p", probability, why, _mcnemar(row)),
        _adjusted(row, why),
        number(row, "detectable", lambda value: points(value).lstrip("+"), why, _seeds_needed(row)),
        number(row, "seeds", count, why, row.text("scope") if row.number("seeds") == 1 else ""),
        number(row, "items", count, why, f"{count(row.number('groups'))} groups"),
    )
    return Line(cells, (("arm", arm), ("against", against), ("on", on), ("question", row.text("question"))))


def _adjusted(row: Row, why: str) -> Cell:
    correction = row.text("correction")
    if correction == "uncorrected":
        return Cell(correction, why="exploratory: the matrix declares its comparisons, and this is none of them")
    return number(row, "p_holm", probability, why)


def _mcnemar(row: Row) -> str:
    exact = row.number("p_mcnemar")
    return "" if isnan(exact) else f"McNemar {probability(exact)}"


def _seeds_needed(row: Row) -> str:
    """What the family wants to detect, in seeds; nothing where it says nothing."""
    needed = row.number("seeds_needed")
    if isnan(needed):
        return ""
    return "no number of seeds would do" if needed == inf else f"{count(needed)} seeds would do"


def _difference_bar(row: Row, reach: float) -> Bar | None:
    ends = [row.number(column) for column in ("low", "difference", "high")]
    if isnan(ends[1]) or not reach > 0:
        return None
    low, mid, high = (round(60 + 56 * (ends[1] if isnan(end) else end) / reach, 1) for end in ends)
    return Bar(low, mid, high, 60.0, _manner(row))


def _manner(row: Row) -> str:
    verdict = row.text("verdict")
    return verdict if verdict in VERDICTS else MANNERS.get(verdict, "")
