"""Rules for conflict rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle

from harness.components import ConflictRule
from harness.errors import MissingDependency
from harness.handed import Panel
from harness.identity import digest
from harness.quorum import named_teachers
from harness.recipe import Need
from harness.steps.pool import bought_ids
from harness.testing import fresh, material
from harness.testing.contract import broken, skip, told
from harness.types import Annotation, Item, Ranked

ITEMS = 40
TEACHERS = ("first", "second", "third")


def check_ranks_without_raising(rule: ConflictRule) -> None:
    """rank() needs nothing but what needs() names, and as few teachers as fewest_teachers() says."""
    for teachers in (TEACHERS, TEACHERS[: rule.fewest_teachers()]):
        error = _try(rule, panel(rule, teachers=teachers))[1]
        if error is not None:
            broken(f"with {len(teachers)} teachers, rank() raised {told(error)}")


def check_ranks_every_item_exactly_once(rule: ConflictRule) -> None:
    """Return one harness.api.Ranked per item of panel.items: what is no conflict has a place, too."""
    order, _ = _try(rule, panel(rule))
    if strange := [row for row in order if not isinstance(row, Ranked)]:
        broken(f"rank() gave {strange[0]!r:.80}")
    ids = [row.item_id for row in order]
    if sorted(ids) != sorted(panel(rule).items):
        broken(f"{ITEMS} items have {len(ids)} places of {len(set(ids))} items")


def check_scores_are_numbers(rule: ConflictRule) -> None:
    """Give every item a finite score, and whether it is a conflict as True or False."""
    for row in _order(rule, panel(rule)):
        if not isinstance(row.score, int | float) or not math.isfinite(row.score):
            broken(f"a score is {row.score!r}")
        if not isinstance(row.conflict, bool):
            broken(f"conflict is {row.conflict!r}, neither True nor False")


def check_the_order_of_the_items_does_not_show(rule: ConflictRule) -> None:
    """Sort by score and break ties by seed_from(seed, item_id): the order in which items come tells nothing."""
    _steady(rule)
    if _ids(rule, panel(rule)) != _ids(rule, panel(rule, backwards=True)):
        broken("items in another order are ranked in another order")


def check_the_same_seed_gives_the_same_order(rule: ConflictRule) -> None:
    """Take chance from the seed alone. The same seed draws the same labels for every strategy, and a larger budget
    holds what a smaller one bought."""
    first, second = _order(rule, panel(rule)), _order(rule, panel(rule))
    small, large = bought_ids(first, ITEMS // 8), bought_ids(second, ITEMS // 2)
    if not set(small) <= set(large):
        broken("a larger budget does not hold what a smaller one bought")
    if [row.item_id for row in first] != [row.item_id for row in second]:
        broken("ranked again with the same seed, the order is another")


def check_every_process_gives_the_same_order(rule: ConflictRule) -> None:
    """Let no order hang on a set, on hash() or on id(): another process orders them otherwise."""
    here = _steady(rule)
    fresh.expect_sendable(rule)
    if fresh.call(_ids, rule, panel(rule)) != here:
        broken("another process ranks the same panel in another order")


def check_the_seed_breaks_ties(rule: ConflictRule) -> None:
    """Break ties by the seed, as in seed_from(seed, item_id): by name or by place, every seed would buy the same items
    and the intervals over seeds would be too narrow."""
    _steady(rule)
    alike = panel(rule, alike=True)
    if all(_ids(rule, alike, seed=seed) == _ids(rule, alike, seed=0) for seed in range(1, 6)):
        broken("items that nothing tells apart come in the same order for six seeds")


def check_reads_neither_ids_nor_groups(rule: ConflictRule) -> None:
    """Score what the teachers said, not what items are called: a name may tell the label. Ids break ties only."""
    _steady(rule)
    before = {row.item_id: row.conflict for row in _order(rule, panel(rule))}
    after = {row.item_id: row.conflict for row in _order(rule, panel(rule, renamed=True))}
    called = {item_id: material.renamed_id(item_id) for item_id in before}
    changed = [item_id for item_id, conflict in before.items() if after.get(called[item_id], conflict) != conflict]
    if changed:
        broken(f"under other ids, {len(changed)} of {ITEMS} items change whether they are a conflict")


def check_reads_only_what_it_declares(rule: ConflictRule) -> None:
    """Name each part of an item that rank() reads in what reads() returns: a matrix is refused where the data do not
    give it, and an item may lack every other part."""
    _steady(rule)
    order, error = _try(rule, panel(rule, bare=True))
    if error is not None:
        broken(f"items with nothing but {', '.join(sorted(rule.reads())) or 'a caption'}: rank() raised {told(error)}")
    if [row.item_id for row in order] != _ids(rule, panel(rule)):
        broken(f"items with nothing but {', '.join(sorted(rule.reads())) or 'a caption'} are ranked in another order")


def check_survives_teachers_without_an_answer(rule: ConflictRule) -> None:
    """Expect annotations and predictions without a verdict (refused, unparsable, error), from each on some items."""
    _order(rule, panel(rule))
    order, error = _try(rule, panel(rule, gaps=True))
    if error is not None:
        broken(f"where teachers have no answer, rank() raised {told(error)}")
    if sorted(row.item_id for row in order) != sorted(panel(rule, gaps=True).items):
        broken("where teachers have no answer, items are missing from the order")


def panel(
    rule: ConflictRule,
    *,
    teachers: Sequence[str] = TEACHERS,
    backwards: bool = False,
    alike: bool = False,
    gaps: bool = False,
    renamed: bool = False,
    bare: bool = False,
) -> Panel:
    """A panel with exactly what the rule declares as its needs, and items with what it reads; bare, with that alone."""
    items = _items(rule.reads(), alike, renamed)
    said = {
        label: _said(items, teacher, alike, gaps)
        for label, teacher in zip(_labels(rule, len(teachers)), cycle(TEACHERS), strict=False)
    }
    if Need.ANNOTATIONS not in rule.needs():
        said = {}
    predictions = None
    if Need.STAGE1_PREDICTIONS in rule.needs():
        predictions = material.as_student(_said(items, TEACHERS[0], alike, gaps))
    validation = material.validation(tuple(said), gaps) if Need.VALIDATION in rule.needs() else None
    if bare:
        items = [material.only(item, rule.reads()) for item in items]
    return Panel({item.id: item for item in (items[::-1] if backwards else items)}, said, predictions, validation)


def _labels(rule: ConflictRule, count: int) -> list[str]:
    """What the teachers are called, those first whom the rule names."""
    named = named_teachers(rule)
    return [*sorted(named), *(label for label in TEACHERS if label not in named)][: max(count, len(named))]


def _items(reads: frozenset[str], alike: bool, renamed: bool) -> list[Item]:
    items = material.items(ITEMS, reads)
    if alike:
        items = [replace(items[0], id=item.id, group="") for item in items]
    return material.renamed(items) if renamed else items


def _said(items: Sequence[Item], teacher: str, alike: bool, gaps: bool) -> dict[str, Annotation]:
    """What a teacher says hangs on its name and the caption, so that it stays as it is under other ids."""
    verdicts = material.truth(items)
    # Answers are drawn by the caption: an item keeps its answers when it is called otherwise.
    drawn = {item.id: replace(item, id=digest([item.caption])) for item in items}
    said = {
        item.id: replace(
            material.one_teacher([drawn[item.id]], {drawn[item.id].id: verdicts[item.id]}, teacher)[drawn[item.id].id],
            item_id=item.id,
        )
        for item in items
    }
    if alike:
        said = {
            item.id: Annotation(item.id, "ok", "falsified", 0.75, "Because.")
            if teacher == TEACHERS[0]
            else Annotation(item.id, "ok", "pristine", 0.25, "Because.")
            for item in items
        }
    return material.with_gaps(said, every=2 + TEACHERS.index(teacher)) if gaps else said


def _try(rule: ConflictRule, given: Panel, seed: int = 0) -> tuple[list[Ranked], Exception | None]:
    try:
        return list(rule.rank(given, seed)), None
    except MissingDependency:
        raise
    except Exception as error:
        return [], error


def _order(rule: ConflictRule, given: Panel, seed: int = 0) -> list[Ranked]:
    """The order; where it does not get so far, another rule says so."""
    order, error = _try(rule, given, seed)
    if error is not None:
        skip(f"rank() raised {told(error)}")
    if not all(isinstance(row, Ranked) for row in order):
        skip("rank() gave something else than Ranked")
    return order


def _ids(rule: ConflictRule, given: Panel, seed: int = 0) -> list[str]:
    return [row.item_id for row in _order(rule, given, seed)]


def _steady(rule: ConflictRule) -> list[str]:
    """The order, where it is the same twice."""
    first = _ids(rule, panel(rule))
    if first != _ids(rule, panel(rule)):
        skip("the same seed does not give the same order")
    return first


CHECKS = (
    check_ranks_without_raising,
    check_ranks_every_item_exactly_once,
    check_scores_are_numbers,
    check_the_order_of_the_items_does_not_show,
    check_the_same_seed_gives_the_same_order,
    check_every_process_gives_the_same_order,
    check_the_seed_breaks_ties,
    check_reads_neither_ids_nor_groups,
    check_reads_only_what_it_declares,
    check_survives_teachers_without_an_answer,
)
