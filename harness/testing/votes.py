"""What label models are tried on: a panel of teachers, each right on three items of four, and some true verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.components import LabelModel
from harness.handed import Panel, Validation
from harness.recipe import Need
from harness.testing import material
from harness.types import Annotation, Item, Verdict, opposite

ITEMS = 60
TEACHERS = ("first", "second", "third")
GOLD = 12
"""Items whose true verdict is given where some is."""


def panel(
    model: LabelModel,
    *,
    teachers: int = 0,
    called: Sequence[str] = TEACHERS,
    backwards: bool = False,
    gaps: bool = False,
    renamed: bool = False,
    shuffled: bool = False,
) -> Panel:
    """A panel with exactly what the model declares as its needs; each teacher is right on three items of four."""
    count = teachers or max(len(TEACHERS), model.min_teachers)
    items = material.items(ITEMS)
    seen = _seen(items, shuffled)
    voices = [(_name(called, place), _name(TEACHERS, place)) for place in range(count)]
    said = {name: material.one_teacher(items, seen, voice) for name, voice in voices}
    if gaps:
        # The gaps of three teachers meet on every twelfth item.
        said = {name: material.with_gaps(said[name], 2 + place) for place, name in enumerate(said)}
    if renamed:
        items = material.renamed(items)
        said = {name: _readdressed(answers) for name, answers in said.items()}
    ordered = {item.id: item for item in (items[::-1] if backwards else items)}
    predictions = None
    if Need.STAGE1_PREDICTIONS in model.needs():
        predictions = material.as_student(next(iter(said.values())))
    return Panel(ordered, said, predictions, _validation(model, voices, shuffled))


def _name(names: Sequence[str], place: int) -> str:
    return names[place] if place < len(names) else f"teacher {place}"


def _seen(items: Sequence[Item], shuffled: bool) -> Mapping[str, Verdict]:
    truth = material.truth(items)
    return material.shuffled(truth, seed=5) if shuffled else truth


def _readdressed(said: Mapping[str, Annotation]) -> dict[str, Annotation]:
    called = {item_id: material.renamed_id(item_id) for item_id in said}
    return {called[item_id]: replace(one, item_id=called[item_id]) for item_id, one in said.items()}


def _validation(model: LabelModel, voices: Sequence[tuple[str, str]], shuffled: bool) -> Validation | None:
    """Other items, of which the same teachers are as often right."""
    if Need.VALIDATION not in model.needs():
        return None
    items = material.items(ITEMS, seed=1)
    seen = _seen(items, shuffled)
    said = {name: material.one_teacher(items, seen, voice) for name, voice in voices}
    return Validation(Panel({item.id: item for item in items}, said), seen)


def gold_of(
    model: LabelModel, given: bool | None = None, *, flipped: bool = False, shuffled: bool = False
) -> dict[str, Verdict]:
    """True verdicts of some items, where they are wanted or the model is nothing without."""
    if not (Need.LABELS in model.needs() if given is None else given):
        return {}
    items = material.items(ITEMS)
    seen = _seen(items, shuffled)
    return {item.id: opposite(seen[item.id]) if flipped else seen[item.id] for item in items[:GOLD]}
