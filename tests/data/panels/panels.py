"""Panels written down as what each teacher said."""

from harness.api import Annotation, Item, Panel, Prediction, verdict_of


def annotation(item, said):
    """A probability, a bare verdict, a rationale with a verdict (``"pristine: why"``), or None for a refusal."""
    if said is None:
        return Annotation(item, "refused")
    if isinstance(said, str):
        verdict, _, rationale = said.partition(": ")
        return Annotation(item, "ok", verdict, rationale=rationale)
    return Annotation(item, "ok", verdict_of(said), said)


def panel(rows, captions=None, student=None, features=None, teachers="abcdefgh"):
    """By item, what the teachers said in order; what the student said, by item; features by item and name."""
    items = {
        item: Item(item, (captions or {}).get(item, "a caption"), features=(features or {}).get(item, {}))
        for item in rows
    }
    count = max((len(said) for said in rows.values()), default=0)
    by = {teachers[at]: {item: annotation(item, said[at]) for item, said in rows.items()} for at in range(count)}
    told = {item: annotation(item, said) for item, said in (student or {}).items()}
    answers = {item: Prediction(item, one.outcome, one.verdict, one.p_falsified) for item, one in told.items()}
    return Panel(items, by, answers)


def ids(order):
    return [row.item_id for row in order]


def scores(order):
    return {row.item_id: row.score for row in order}


def conflicts(order):
    return [row.item_id for row in order if row.conflict]
