"""The answer of a run in sentences that are derived from its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Literal

from harness_reports.arms import Arm, Panel
from harness_reports.numerals import count, fraction, interval, points, points_interval, probability, share
from harness_reports.records import Row

Manner = Literal["", "name", "better", "worse", "inconclusive"]

FLOOR, STAGE2 = "above the floor", "stage 2 adds"
QUESTIONS = {
    FLOOR: "Does training help at all? Each arm against the floor.",
    STAGE2: "What does stage 2 add to stage 1?",
    "against labels alone": "Do the teachers help, or would the bought labels have been enough?",
    "against random conflicts": "Does it matter where labels are bought? The rule against a random choice.",
}
"""The questions of a view, in the order in which a reader asks them."""


MOST_TOLD = 4
"""Arms that one sentence can list."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a sentence."""

    text: str
    manner: Manner = ""


Sentence = tuple[Span, ...]


def best_of(panel: Panel) -> Arm | None:
    """The student arm of highest accuracy that was trained and is no label-rich bound."""
    candidates = [arm for arm in panel.of("free", "bought") if arm.known]
    return max(candidates, key=lambda arm: arm.accuracy, default=None)


def answer(panel: Panel, contrasts: Sequence[Row], train_items: float) -> tuple[Sentence, ...]:
    """One paragraph about a panel; one sentence where nothing can be said yet."""
    best = best_of(panel)
    if best is None:
        return ((Span(f"On {panel.title} no trained student has a result yet."),),)
    own = [row for row in contrasts if row.of(arm=best.key[0], evaluated_on=panel.on)]
    told = (
        _winner(panel, best, train_items),
        _against(panel, best, own, FLOOR, _floor(panel, best), "the floor"),
        _against(panel, best, own, STAGE2, _unlabelled(panel, best), "stage 1 alone"),
        *_other_questions(panel, best, own),
        _overtaken(panel, best),
        _teachers(panel, best),
        _bound(panel, best),
        _above_floor(panel, contrasts),
        _stage2(panel, contrasts),
        _caveat(panel, best),
    )
    return tuple(sentence for sentence in told if sentence)


def _winner(panel: Panel, best: Arm, train_items: float) -> Sentence:
    low, high = best.row.number("accuracy_low"), best.row.number("accuracy_high")
    within = f" (95\u202f% interval {interval(low, high)})" if interval(low, high) else " (no interval: too few seeds)"
    return (
        Span(f"On {panel.title} the best student is "),
        Span(best.name, "name"),
        Span(f" with {share(best.accuracy)} accuracy{within}, {_price(best, train_items)}."),
    )


def _price(best: Arm, train_items: float) -> str:
    if isnan(best.labels):
        return "with an unknown number of labels"
    if best.labels == 0:
        return "without one bought label"
    part = fraction(round(best.labels / train_items, 3)) if train_items > 0 else ""
    of = f", {part} of the training items" if part else ""
    return f"for {count(best.labels)} bought labels{of}"


def _against(panel: Panel, best: Arm, own: Sequence[Row], question: str, fallback: Arm | None, called: str) -> Sentence:
    """What a contrast says; where there is none, the bare difference and that it was not tested."""
    contrast = next((row for row in own if row.text("question") == question), None)
    if contrast is not None:
        other = next((arm for arm in panel.arms if arm.key[0] == contrast.raw("against")), None)
        return _verdict(contrast, called, other)
    if fallback is None or not fallback.known:
        return ()
    difference = points(best.accuracy - fallback.accuracy)
    return (
        Span(f"Against {called} ("),
        Span(fallback.name, "name"),
        Span(f", {share(fallback.accuracy)}) the difference is {difference} points, not tested."),
    )


def _verdict(contrast: Row, called: str, other: Arm | None) -> Sentence:
    name = other.name if other else contrast.text("against")
    level = f", {share(other.accuracy)}" if other and other.known else ""
    reach = points_interval(contrast.number("low"), contrast.number("high"))
    within = f" ({reach})" if reach else ""
    return (
        Span(f"Against {called} ("),
        Span(name, "name"),
        Span(f"{level}) the difference is {points(contrast.number('difference'))} points{within}: "),
        *_finding(contrast),
    )


def _finding(contrast: Row) -> Sentence:
    match contrast.text("verdict"):
        case "better" | "worse" as verdict:
            return Span(verdict, verdict), Span(f", {_p(contrast)}.")
        case "inconclusive":
            return Span("inconclusive", "inconclusive"), Span(f"{_why_open(contrast)}.")
    return (Span("not decided."),)


def _p(contrast: Row) -> str:
    if contrast.text("correction") == "uncorrected":
        return f"uncorrected p\u00a0{probability(contrast.number('p'))}"
    return f"adjusted p\u00a0{probability(contrast.number('p_holm'))}"


def _word(contrast: Row) -> Span:
    match contrast.text("verdict"):
        case "better" | "worse" | "inconclusive" as verdict:
            return Span(verdict, verdict)
    return Span("not decided")


def _why_open(contrast: Row) -> str:
    """An interval without zero is not adjusted for several comparisons; the verdict is."""
    low, high, least = (contrast.number(column) for column in ("low", "high", "detectable"))
    adjusted = f" once adjusted for several comparisons (p\u00a0{probability(contrast.number('p_holm'))})"
    shown = f"; these seeds and items can show {points(least).lstrip('+')} points or more" if least > 0 else ""
    return (adjusted if low * high > 0 else "") + shown


def _other_questions(panel: Panel, best: Arm, own: Sequence[Row]) -> Iterator[Sentence]:
    called = {"against labels alone": "labels alone", "against random conflicts": "labels bought at random"}
    for question, name in called.items():
        yield _against(panel, best, own, question, None, name)


def _floor(panel: Panel, best: Arm) -> Arm | None:
    return next(iter(panel.of("floor", student=best.row.raw("student"))), None)


def _unlabelled(panel: Panel, best: Arm) -> Arm | None:
    """The stage-1 arm beneath an arm with bought labels, where it is clear which that is."""
    if best.kind != "bought":
        return None
    axes = {axis: best.row.raw(axis) for axis in ("student", "teachers")}
    staged = [arm for arm in panel.of("free", **axes) if arm.row.text("strategy").startswith(("stage1", "stage-1"))]
    return staged[0] if len(staged) == 1 else None


def _overtaken(panel: Panel, best: Arm) -> Sentence:
    """Said where an arm without labels or without teachers is in front."""
    rivals = [arm for arm in panel.of("free", "bought") if arm.known]
    if best.kind == "free":
        rivals, called = [arm for arm in rivals if arm.kind == "bought"], "with bought labels"
    elif not best.row.text("teachers"):
        rivals, called = [arm for arm in rivals if arm.row.text("teachers")], "that learns from the teachers"
    else:
        return ()
    if not rivals:
        return ()
    top = max(rivals, key=lambda arm: arm.accuracy)
    return (
        Span(f"No arm {called} is above it; the best of them, "),
        Span(top.name, "name"),
        Span(f", is at {share(top.accuracy)}."),
    )


def _teachers(panel: Panel, best: Arm) -> Sentence:
    asked = panel.of("teacher", "majority")
    known = [arm for arm in asked if arm.known]
    if not known:
        return ()
    top = max(known, key=lambda arm: arm.accuracy)
    gap = best.accuracy - top.accuracy
    place = (
        "level with"
        if points(gap) == "0.0"
        else f"{points(abs(gap)).lstrip('+')} points {'above' if gap > 0 else 'below'}"
    )
    called = "the strongest teacher" if len(known) == len(asked) else "the strongest teacher that is done"
    return (
        Span(f"The best student is {place} {called}, "),
        Span(top.name, "name"),
        Span(f" ({share(top.accuracy)}); this pair was not tested."),
    )


def _bound(panel: Panel, best: Arm) -> Sentence:
    bound = next((arm for arm in panel.of("bound", student=best.row.raw("student")) if arm.known), None)
    if bound is None:
        return ()
    gap = bound.accuracy - best.accuracy
    here = "which it reaches" if gap <= 0 else f"{points(gap).lstrip('+')} points higher"
    return (
        Span("The label-rich bound, "),
        Span(bound.name, "name"),
        Span(f" with {count(bound.labels)} labels, is at {share(bound.accuracy)}, {here}"),
        Span(f"{_recovered(panel, best, bound)}."),
    )


def _recovered(panel: Panel, best: Arm, bound: Arm) -> str:
    floor = _floor(panel, best)
    if floor is None or not floor.known or bound.accuracy - floor.accuracy <= 0.01:
        return ""
    gone = (best.accuracy - floor.accuracy) / (bound.accuracy - floor.accuracy)
    return f"; the student has gone {share(gone, 0)} of the way from the floor to it"


def _asked(panel: Panel, contrasts: Sequence[Row], question: str) -> list[tuple[Arm, Row]]:
    """The panel's arms to which a question is put, with the answer."""
    arms = {arm.key[0]: arm for arm in panel.arms if arm.known}
    rows = [row for row in contrasts if row.of(evaluated_on=panel.on) and row.text("question") == question]
    return [(arms[row.raw("arm")], row) for row in rows if row.raw("arm") in arms]


def _above_floor(panel: Panel, contrasts: Sequence[Row]) -> Sentence:
    asked = _asked(panel, contrasts, FLOOR)
    if not asked:
        return ()
    better = sum(row.text("verdict") == "better" for _, row in asked)
    return (Span(f"Of {len(asked)} trained arms {better} are above the floor."),)


def _stage2(panel: Panel, contrasts: Sequence[Row]) -> Sentence:
    """What stage 2 adds at each number of labels; as many arms as fit into a sentence."""
    asked = _asked(panel, contrasts, STAGE2)
    spans: list[Span] = []
    for place, (arm, row) in enumerate(asked[:MOST_TOLD]):
        spans += [
            Span("; " if place else "To stage 1 alone, stage 2 adds: "),
            Span(arm.name, "name"),
            Span(f" {points(row.number('difference'))} points with {count(arm.labels)} labels ("),
            _word(row),
            Span(")"),
        ]
    rest = len(asked) - MOST_TOLD
    return (*spans, Span(f"; {rest} more below." if rest > 0 else ".")) if spans else ()


def _caveat(panel: Panel, best: Arm) -> Sentence:
    rivals = sum(arm.known for arm in panel.of("free", "bought"))
    seeds, planned = best.row.number("seeds"), best.row.number("seeds_planned")
    text = ""
    if rivals > 1:
        text = f"The best student is the highest of {rivals} arms on the same test items, which flatters it a little."
    if seeds < planned:
        text += f" Only {count(seeds)} of its {count(planned)} seeds are done."
    if warnings := best.row.text("warnings"):
        text += f" Take care: {warnings.rstrip('.')}."
    return (Span(text.strip()),) if text else ()
