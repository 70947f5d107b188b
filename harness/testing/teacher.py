"""Rules for teachers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import isfinite

from harness.components import Teacher
from harness.errors import MissingDependency
from harness.testing import material
from harness.testing.contract import broken, skip, told
from harness.types import Annotation, Item, MalformedAnswer

# Batches of other sizes may change the last digits of a model's probability.
TOLERANCE = 1e-3


def check_answers_without_raising(teacher: Teacher) -> None:
    """Answer what cannot be answered for good with the outcome "error", "refused" or "unparsable"; raise only what
    another try may mend, such as a lost connection."""
    error = _try(teacher, _items(teacher))[1]
    if error is not None and not isinstance(error, MalformedAnswer):
        broken(f"annotate() raised {told(error)}")


def check_gives_only_annotations(teacher: Teacher) -> None:
    """Yield harness.api.Annotation objects, nothing else."""
    said, _ = _try(teacher, _items(teacher))
    for value in said:
        if not isinstance(value, Annotation):
            broken(f"annotate() gave {value!r:.80}")


def check_keeps_to_the_known_outcomes_and_verdicts(teacher: Teacher) -> None:
    """The outcome is "ok", "refused", "unparsable" or "error"; only "ok" has a verdict, "pristine" or "falsified"."""
    error = _try(teacher, _items(teacher))[1]
    if isinstance(error, MalformedAnswer) and error.part != "p_falsified":
        broken(str(error))


def check_keeps_probabilities_between_0_and_1(teacher: Teacher) -> None:
    """p_falsified is the probability of falsified, in [0, 1]; leave it out where you have none."""
    error = _try(teacher, _items(teacher))[1]
    if isinstance(error, MalformedAnswer) and error.part == "p_falsified":
        broken(str(error))


def check_counts_its_costs_from_0(teacher: Teacher) -> None:
    """usage counts calls, tokens and US dollars in finite numbers from 0: a budget rests on them."""
    for annotation in _answers(teacher, _items(teacher)):
        usage = annotation.usage
        numbers = (usage.calls, usage.input_tokens, usage.output_tokens, usage.usd)
        if not all(isfinite(number) and number >= 0 for number in numbers):
            broken(f"an answer cost {usage}")


def check_answers_every_item_exactly_once(teacher: Teacher) -> None:
    """Yield one annotation per item, in any order, with the item's id; one that cannot be answered has another
    outcome than "ok"."""
    items = _items(teacher)
    ids = [annotation.item_id for annotation in _answers(teacher, items)]
    asked = [item.id for item in items]
    if strange := [item_id for item_id in ids if item_id not in asked]:
        broken(f"it answered about {strange[0]!r}, which it was not asked about")
    if missing := [item_id for item_id in asked if item_id not in ids]:
        broken(f"{len(missing)} of {len(asked)} items have no answer")
    if len(ids) > len(asked):
        broken(f"{len(asked)} items have {len(ids)} answers")


def check_answers_nothing_when_asked_nothing(teacher: Teacher) -> None:
    """annotate([]) gives nothing and calls nobody."""
    said, error = _try(teacher, [])
    if error is not None:
        broken(f"annotate([]) raised {told(error)}")
    if said:
        broken(f"annotate([]) gave {len(said)} answers")


def check_takes_any_sequence(teacher: Teacher) -> None:
    """Read items by iterating, indexing and len() alone: a run with a budget hands over a sequence that is no list."""
    items = _items(teacher)
    _answers(teacher, items)
    error = _try(teacher, tuple(items))[1]
    if error is not None:
        broken(f"handed a tuple of items, annotate() raised {told(error)}")


def check_says_the_same_twice(teacher: Teacher) -> None:
    """Take chance from a seed that is an option, and draw it per item: an answer is stored and used again."""
    items = _items(teacher)
    first, second = _by_id(_answers(teacher, items)), _by_id(_answers(teacher, items))
    _compare(first, second, "asked again", words=True)


def check_does_not_depend_on_batches(teacher: Teacher) -> None:
    """Answer each item by itself: a run that goes on asks only about the items that it lacks."""
    items = _items(teacher)
    together = _by_id(_steady(teacher, items))
    alone = _by_id([annotation for item in items for annotation in _answers(teacher, [item])])
    _compare(together, alone, "asked about one item at a time")


def check_does_not_depend_on_the_order(teacher: Teacher) -> None:
    """Keep nothing from one item to the next."""
    items = _items(teacher)
    forwards = _by_id(_steady(teacher, items))
    if forwards != _by_id([annotation for item in items for annotation in _answers(teacher, [item])]):
        skip("it depends on batches")
    backwards = _by_id(_answers(teacher, items[::-1]))
    _compare(forwards, backwards, "asked in another order")


def check_reads_neither_ids_nor_groups(teacher: Teacher) -> None:
    """Read caption, image, evidence and features only: ids and groups are names, and a name may tell the label."""
    items = _items(teacher)
    before = _by_id(_steady(teacher, items))
    renamed = material.renamed(items)
    after = _by_id(_answers(teacher, renamed))
    back = {
        old.id: replace(after[new.id], item_id=old.id)
        for old, new in zip(items, renamed, strict=True)
        if new.id in after
    }
    _compare(before, back, "asked about the same items under other ids")


def check_reads_only_what_it_declares(teacher: Teacher) -> None:
    """Name each part of an item that annotate() reads in what reads() returns: an answer is stored by these parts, and
    would be used again for another image."""
    items = _items(teacher)
    before = _by_id(_steady(teacher, items))
    for part in {"image"} - teacher.reads():
        _compare(before, _by_id(_answers(teacher, material.without(items, part))), f"shown another {part}")


def check_works_with_what_it_declares(teacher: Teacher) -> None:
    """An item may lack every part that reads() does not name: the image is None, the evidence is empty."""
    reads = teacher.reads()
    bare = [material.only(item, reads) for item in _items(teacher)]
    _answers(teacher, _items(teacher))
    error = _try(teacher, bare)[1]
    if error is not None:
        broken(f"items with nothing but {', '.join(sorted(reads)) or 'a caption'}: annotate() raised {told(error)}")


def check_survives_an_unreadable_image(teacher: Teacher) -> None:
    """Catch UnreadableImage and yield an annotation whose outcome is "error"; the other items are answered."""
    items = _items(teacher)
    _answers(teacher, items)
    items[1] = replace(items[1], image=material.unreadable())
    said, error = _try(teacher, items)
    if error is not None:
        broken(f"one image of {len(items)} cannot be read: annotate() raised {told(error)}")
    outcomes = {annotation.item_id: annotation.outcome for annotation in said if isinstance(annotation, Annotation)}
    if "image" in teacher.reads() and outcomes.get(items[1].id) == "ok":
        broken("an item whose image cannot be read was answered with a verdict")


def check_survives_odd_items(teacher: Teacher) -> None:
    """Expect captions that are empty, huge, full of markup or of another script, and items without evidence."""
    _answers(teacher, _items(teacher))
    items = material.odd(teacher.reads())
    for item in items:
        error = _try(teacher, [item])[1]
        if error is not None:
            broken(f"caption {item.caption[:30]!r}: annotate() raised {told(error)}")


def check_leaves_its_items_as_they_were(teacher: Teacher) -> None:
    """Copy what you change: features are arrays, and the next component reads the same ones."""
    items = _items(teacher)
    before = [_content(item) for item in items]
    _answers(teacher, items)
    for item, content in zip(items, before, strict=True):
        if _content(item) != content:
            broken(f"annotate() changed item {item.id!r}")


def _items(teacher: Teacher) -> list[Item]:
    return material.items(8, teacher.reads())


def _content(item: Item) -> object:
    return {name: vector.tobytes() for name, vector in item.features.items()}


def _try(teacher: Teacher, items: Sequence[Item]) -> tuple[list[Annotation], Exception | None]:
    """What it says until it fails, and how it fails."""
    said: list[Annotation] = []
    try:
        said.extend(teacher.annotate(items))
    except MissingDependency:
        raise
    except Exception as error:
        return said, error
    return said, None


def _answers(teacher: Teacher, items: Sequence[Item]) -> list[Annotation]:
    """What it says; where it does not get so far, another rule says so."""
    said, error = _try(teacher, items)
    if error is not None:
        skip(f"annotate() raised {told(error)}")
    if not all(isinstance(value, Annotation) for value in said):
        skip("annotate() gave something else than annotations")
    return said


def _steady(teacher: Teacher, items: Sequence[Item]) -> list[Annotation]:
    """What it says, where it says the same twice."""
    first, second = _answers(teacher, items), _answers(teacher, items)
    if _by_id(first) != _by_id(second):
        skip("it does not say the same twice")
    return first


def _by_id(said: Iterable[Annotation]) -> dict[str, Annotation]:
    return {annotation.item_id: annotation for annotation in said}


def _compare(
    before: Mapping[str, Annotation], after: Mapping[str, Annotation], when: str, *, words: bool = False
) -> None:
    for item_id in before.keys() & after.keys():
        old, new = before[item_id], after[item_id]
        if (old.outcome, old.verdict) != (new.outcome, new.verdict):
            broken(f"{when}, it says {new.verdict or new.outcome} instead of {old.verdict or old.outcome}")
        if abs(old.probability - new.probability) > (0 if words else TOLERANCE):
            broken(f"{when}, p_falsified is {new.probability:.4g} instead of {old.probability:.4g}")
        if words and old.rationale != new.rationale:
            broken(f"{when}, it gives another rationale")


CHECKS = (
    check_answers_without_raising,
    check_gives_only_annotations,
    check_keeps_to_the_known_outcomes_and_verdicts,
    check_keeps_probabilities_between_0_and_1,
    check_counts_its_costs_from_0,
    check_answers_every_item_exactly_once,
    check_answers_nothing_when_asked_nothing,
    check_takes_any_sequence,
    check_says_the_same_twice,
    check_does_not_depend_on_batches,
    check_does_not_depend_on_the_order,
    check_reads_neither_ids_nor_groups,
    check_reads_only_what_it_declares,
    check_works_with_what_it_declares,
    check_survives_an_unreadable_image,
    check_survives_odd_items,
    check_leaves_its_items_as_they_were,
)
