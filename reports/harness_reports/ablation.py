"""What of the method does the work: each arm of its ablation beside it, in a picture and in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan

from harness_reports.numerals import NONE, count, interval, percent, points, points_interval, probability, share
from harness_reports.records import Row, harmless, rows
from harness_reports.section import Section
from harness_reports.seen import Seen
from harness_reports.tables import Cell, Column, Group, Line, Table, exact, label, number, prose, table
from harness_reports.waterfall import KINDS, Waterfall, in_order, waterfall

_COLUMNS = (
    Column("Arm", numeric=False, wide=True),
    Column("All", help="accuracy in percent, with its 95 % interval"),
    Column("Against the method", help="difference of accuracy in percentage points, with its 95 % interval"),
    Column("Verdict", numeric=False, help="at 5 %, after Holm over the whole ablation"),
    Column("p", help="before adjustment"),
    Column("Adjusted p", help="Holm over the whole ablation"),
    Column("Gap recovered", help="share of the way from zero-shot to all labels, in percent, with its 95 % interval"),
    Column("Labels bought", help="mean over seeds"),
    Column("Seeds"),
    Column("Made of", numeric=False),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One method on one benchmark."""

    title: str
    lead: str
    chart: Waterfall | None
    table: Table


class Ablation(Section):
    name = "ablation"
    title = "Ablation"
    template = "sections/ablation.j2"

    def applies(self, seen: Seen) -> bool:
        return bool(len(seen.view.ablation))

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {"parts": list(parts(seen))}


def parts(seen: Seen) -> Iterator[Part]:
    """Every method of the ablation on every benchmark on which it is tested."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows(seen.view.ablation):
        groups.setdefault((row.raw("method"), row.raw("evaluated_on")), []).append(row)
    for place, ((method, benchmark), own) in enumerate(groups.items(), 1):
        title = f"{harmless(method, 60)} on {harmless(benchmark, 60)}"
        yield Part(title, _lead(own), waterfall(f"Ablation of {title}", own), ablation(own, f"ablation-{place}"))


def ablation(own: Sequence[Row], id: str) -> Table:
    """The arms of one method on one benchmark, from the floor to the bound."""
    ordered = in_order(own)
    groups = [
        Group(heading, tuple(_line(row) for row in ordered if row.text("kind") == kind))
        for kind, heading in KINDS.items()
    ]
    tested = sum(not isnan(row.number("p_holm")) for row in own)
    caption = (
        "Accuracies in percent; differences to the method in percentage points, adjusted together"
        f" (Holm over {tested}). Gap recovered: 0 is zero-shot, 100 all labels."
    )
    return table(id, caption, _COLUMNS, groups)


def _line(row: Row) -> Line:
    about = (("arm", row.text("arm")), ("factor", row.text("factor")), ("on", row.text("evaluated_on")))
    name = label(row.text("factor"), "in the matrix anyway" if row.text("standing") == "there" else "")
    if isnan(row.number("accuracy")):
        why = row.text("reason", 400) or "no result yet"
        why = f"left out: {why}" if row.text("state") == "left out" else why
        return Line((name, Cell(why, span=len(_COLUMNS) - 1)), about)
    itself = "this is the method" if row.text("kind") == "method" else "too few seeds or items for this number"
    verdict = row.text("verdict")
    difference = points_interval(row.number("difference_low"), row.number("difference_high"))
    cells = (
        number(row, "accuracy", percent, "", interval(row.number("accuracy_low"), row.number("accuracy_high"))),
        number(row, "difference", points, itself, difference),
        Cell(verdict or NONE, verdict, manner=verdict, why="" if verdict else itself),
        number(row, "p", probability, itself),
        number(row, "p_holm", probability, itself),
        _recovered(row),
        number(row, "labels_bought", count, ""),
        number(row, "seeds", count, ""),
        prose(row.text("made_of", 400), "hidden"),
    )
    return Line((name, *cells), about)


def _recovered(row: Row) -> Cell:
    found = row.number("recovered")
    if isnan(found):
        ends = row.text("factor") in ("zero-shot", "all labels")
        why = "an end of the gap" if ends else "all labels are not surely above zero-shot: there is no gap to speak of"
        return Cell(NONE, why=why, metric="recovered")
    return Cell(percent(found, 0), exact(found), _reach(row), metric="recovered")


def _reach(row: Row) -> str:
    low, high = row.number("recovered_low"), row.number("recovered_high")
    if isnan(low + high) and not {low, high} & {inf, -inf}:
        return ""
    below = "below −300" if low == -inf else percent(low, 0)
    above = "above 300" if high == inf else percent(high, 0)
    return f"{below} to {above}"


def _lead(own: Sequence[Row]) -> str:
    """What the method has closed of the gap, and what of it could be told from chance."""
    method = next((row for row in own if row.text("kind") == "method"), None)
    if method is None or isnan(method.number("accuracy")):
        return "The method has no result yet."
    found = method.number("recovered")
    gap = (
        "How much of the gap between zero-shot and all labels it closes cannot be said: the two are not surely apart,"
        " or have no result yet."
        if isnan(found)
        else f"It closes {share(found, 0)} of the gap between zero-shot and all labels ({_reach(method)})."
    )
    worse = [row.text("factor", 60) for row in own if row.text("verdict") == "worse" and row.text("kind") != "floor"]
    lost = f" Surely worse without being a floor: {', '.join(worse)}." if worse else ""
    return f"The method is right on {share(method.number('accuracy'))} of the items. {gap}{lost}"
