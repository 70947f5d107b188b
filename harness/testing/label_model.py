"""Rules for label models."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose, isfinite

from harness.components import LabelModel
from harness.errors import MissingDependency
from harness.handed import Confusion, Estimate, Panel
from harness.recipe import Need
from harness.testing import fresh, material
from harness.testing.contract import broken, skip, told
from harness.testing.votes import ITEMS, TEACHERS, gold_of, panel
from harness.types import Verdict, verdict_of

CHANCE = 0.25
"""How far from a half the share of right verdicts may be where nothing can be known: 3.5 standard deviations of a share
of as many items as are not given."""

CLOSE = 1e-6
"""What the order of a sum may change of a probability."""


def check_fits_without_raising(model: LabelModel) -> None:
    """fit() needs nothing but what needs() names, as few teachers as min_teachers says where no true verdict is given,
    and as few as min_teachers_with_gold says where some are."""
    for gold in (False, True):
        least = model.min_teachers_with_gold if gold else model.min_teachers
        for count in () if Need.LABELS in model.needs() and not gold else sorted({least, max(least, len(TEACHERS))}):
            _, error = _try(model, panel(model, teachers=count), gold_of(model, gold))
            if error is not None:
                given = "with some true verdicts" if gold else "without a true verdict"
                broken(f"{given} and with {count} teachers, fit() raised {told(error)}")


def check_estimates_items_of_the_panel(model: LabelModel) -> None:
    """Return a harness.api.Estimate whose p_falsified has ids of panel.items only, and whose confusion, if it has any,
    has names of panel.teachers only."""
    given = panel(model)
    found, _ = _try(model, given, gold_of(model))
    if not isinstance(found, Estimate):
        broken(f"fit() gave {found!r:.80}")
    if strange := sorted(map(str, found.p_falsified.keys() - given.items.keys())):
        broken(f"{len(strange)} items are none of the panel's, first {strange[0]!r}")
    if strange := sorted(map(str, found.confusion.keys() - set(given.teachers))):
        broken(f"{strange[0]!r} is no teacher of the panel")
    if not found.p_falsified:
        broken(f"of {ITEMS} items that three teachers answered, none has a probability")


def check_keeps_probabilities_between_0_and_1(model: LabelModel) -> None:
    """p_falsified is the probability of falsified: a finite number from 0 to 1, as both parts of a Confusion are."""
    found = _estimate(model, panel(model))
    for item_id, p in found.p_falsified.items():
        if not _is_probability(p):
            broken(f"item {item_id!r}: p_falsified {p!r} is not in [0, 1]")
    for teacher, right in found.confusion.items():
        if not isinstance(right, Confusion):
            broken(f"the confusion of {teacher!r} is {right!r:.80}")
        if not (_is_probability(right.pristine) and _is_probability(right.falsified)):
            broken(f"the confusion of {teacher!r} is not in [0, 1]: {right}")


def check_sides_with_teachers_who_agree(model: LabelModel) -> None:
    """Where all teachers say the same, lean to their side, or leave the item out: p_falsified is high where they say
    falsified. Teachers are taken to be better than chance on the whole."""
    given = panel(model)
    found = _estimate(model, given).p_falsified
    sides = {item_id: given.verdicts(item_id)[0] for item_id in given.items if not given.disagree(item_id)}
    against = [item_id for item_id, side in sides.items() if item_id in found and verdict_of(found[item_id]) != side]
    if len(against) > len(sides) / 4:
        broken(f"on {len(against)} of {len(sides)} items on which all teachers agree, it says the opposite")


def check_keeps_the_true_verdicts_that_it_is_given(model: LabelModel) -> None:
    """Give an item of ``gold`` the verdict that it has there, whatever the teachers say."""
    given, gold = panel(model), gold_of(model, True, flipped=True)
    found = _estimate(model, given, gold).p_falsified
    if lost := [item_id for item_id in gold if item_id not in found]:
        broken(f"{len(lost)} of {len(gold)} items whose true verdict was given are missing")
    if wrong := [item_id for item_id, verdict in gold.items() if verdict_of(found[item_id]) != verdict]:
        broken(f"{len(wrong)} of {len(gold)} true verdicts that were given are turned round")


def check_the_order_of_the_items_does_not_show(model: LabelModel) -> None:
    """Treat all items alike: the order in which panel.items has them tells nothing."""
    _expect_same(model, panel(model, backwards=True), "with the items in another order")


def check_the_order_of_the_teachers_does_not_show(model: LabelModel) -> None:
    """Treat all teachers alike: panel.teachers is in the order of their labels, which tells nothing of them."""
    _expect_same(model, panel(model, called=TEACHERS[::-1]), "with the teachers in another order")


def check_reads_neither_ids_nor_groups(model: LabelModel) -> None:
    """Infer from what teachers said, not from what items are called: a name may tell the label."""
    called = {item_id: material.renamed_id(item_id) for item_id in panel(model).items}
    known, gold = _steady(model), {called[item_id]: verdict for item_id, verdict in gold_of(model).items()}
    again = _estimate(model, panel(model, renamed=True), gold).p_falsified
    if changed := [item_id for item_id, name in called.items() if not _close(known.get(item_id), again.get(name))]:
        broken(f"under other ids, {len(changed)} of {len(known)} probabilities change")


def check_the_same_panel_gives_the_same_estimate(model: LabelModel) -> None:
    """Take chance, where there must be any, from a fixed seed."""
    first, second = _of(model, panel(model)), _of(model, panel(model))
    if changed := [item_id for item_id in first.keys() | second.keys() if first.get(item_id) != second.get(item_id)]:
        broken(f"fitted again to the same panel, {len(changed)} of {len(first)} probabilities are others")


def check_every_process_gives_the_same_estimate(model: LabelModel) -> None:
    """Let nothing hang on the order of a set, on hash() or on id(): another process has others."""
    here = _steady(model)
    fresh.expect_sendable(model)
    there: dict[str, float] = fresh.call(_of, model, panel(model))
    if changed := [item_id for item_id, p in here.items() if not _close(p, there.get(item_id))]:
        broken(f"in another process, {len(changed)} of {len(here)} probabilities are others")


def check_survives_teachers_without_an_answer(model: LabelModel) -> None:
    """Expect annotations without a verdict (refused, unparsable, error), on some items from every teacher."""
    _estimate(model, panel(model))
    if error := _try(model, panel(model, gaps=True), gold_of(model))[1]:
        broken(f"where teachers have no answer, fit() raised {told(error)}")


def check_says_nothing_where_nothing_was_said(model: LabelModel) -> None:
    """Leave out what no teacher answered and gold does not have: a guess would be taken for what the teachers think."""
    given, gold = panel(model, gaps=True), gold_of(model)
    silent = [item_id for item_id in given.items if not given.answers(item_id) and item_id not in gold]
    found = _estimate(model, given, gold).p_falsified
    if guessed := [item_id for item_id in silent if item_id in found]:
        broken(f"{len(guessed)} of {len(silent)} items that no teacher answered have a probability")


def check_falls_to_chance_on_shuffled_answers(model: LabelModel) -> None:
    """Use nothing but what the panel says and gold: a model that is right where teachers know nothing sees the truth
    elsewhere, in an item's caption, picture or evidence."""
    given = panel(model, shuffled=True)
    truth, gold = material.truth(given.items.values()), gold_of(model, shuffled=True)
    found = _estimate(model, given, gold).p_falsified
    judged = [item_id for item_id, p in found.items() if item_id not in gold and p != 0.5]
    right = sum(verdict_of(found[item_id]) == truth[item_id] for item_id in judged)
    if judged and abs(right / len(judged) - 0.5) > CHANCE:
        broken(f"answers are shuffled over the items, and {right} of {len(judged)} verdicts are the true ones")


def _try(model: LabelModel, given: Panel, gold: Mapping[str, Verdict]) -> tuple[Estimate | None, Exception | None]:
    try:
        return model.fit(given, gold), None
    except MissingDependency:
        raise
    except Exception as error:
        return None, error


def _estimate(model: LabelModel, given: Panel, gold: Mapping[str, Verdict] | None = None) -> Estimate:
    """The estimate; where it does not get so far, another rule says so."""
    found, error = _try(model, given, gold_of(model) if gold is None else gold)
    if error is not None:
        skip(f"fit() raised {told(error)}")
    if not isinstance(found, Estimate):
        skip("fit() gave something else than an Estimate")
    return found


def _of(model: LabelModel, given: Panel) -> dict[str, float]:
    """The probabilities, as plain numbers that another process can tell."""
    return {item_id: float(p) for item_id, p in _estimate(model, given).p_falsified.items()}


def _steady(model: LabelModel) -> dict[str, float]:
    """The probabilities, where they are the same twice."""
    first = _of(model, panel(model))
    if first != _of(model, panel(model)):
        skip("the same panel does not give the same estimate")
    return first


def _expect_same(model: LabelModel, other: Panel, how: str) -> None:
    known, found = _steady(model), _of(model, other)
    either = known.keys() | found.keys()
    if changed := [item_id for item_id in either if not _close(known.get(item_id), found.get(item_id))]:
        broken(f"{how}, {len(changed)} of {len(known)} probabilities change")


def _close(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and isclose(one, other, abs_tol=CLOSE))


def _is_probability(value: object) -> bool:
    return isinstance(value, int | float) and isfinite(value) and 0 <= value <= 1


CHECKS = (
    check_fits_without_raising,
    check_estimates_items_of_the_panel,
    check_keeps_probabilities_between_0_and_1,
    check_sides_with_teachers_who_agree,
    check_keeps_the_true_verdicts_that_it_is_given,
    check_the_order_of_the_items_does_not_show,
    check_the_order_of_the_teachers_does_not_show,
    check_reads_neither_ids_nor_groups,
    check_the_same_panel_gives_the_same_estimate,
    check_every_process_gives_the_same_estimate,
    check_survives_teachers_without_an_answer,
    check_says_nothing_where_nothing_was_said,
    check_falls_to_chance_on_shuffled_answers,
)
