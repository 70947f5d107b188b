"""What components are tried on: small synthetic news items with pictures, evidence and features.

A caption tells an event, a place and a year. The pages on which the picture was found tell the same where the caption
is pristine, and another place where it is falsified. Nothing else tells which is which.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import NoReturn

import numpy as np

from harness.handed import Panel, Validation
from harness.identity import digest, seed_from
from harness.types import Annotation, Evidence, Image, Item, Outcome, Prediction, Verdict, opposite, verdict_of

EVENTS = ("Farmers march", "Rescuers search", "Voters queue", "Pupils strike", "Engineers repair a bridge")
PLACES = ("Oslo", "Lima", "Cairo", "Perth", "Hanoi", "Quito", "Lagos", "Turin")
WIDTH = 16
"""Length of a feature vector."""


def items(count: int = 12, reads: Iterable[str] = (), seed: int = 0) -> list[Item]:
    """Items with picture and evidence, and with the features among ``reads``; the classes alternate at random."""
    return [_item(index, tuple(sorted(reads)), seed) for index in range(count)]


def truth(some: Iterable[Item]) -> dict[str, Verdict]:
    """Ground truth by item id: falsified where no page names the place of the caption."""
    return {
        item.id: "pristine" if any(_place(item.caption) in page for page in item.evidence.captions) else "falsified"
        for item in some
    }


def _place(caption: str) -> str:
    return caption.rpartition(" in ")[0].rpartition(" in ")[2]


def _item(index: int, reads: Sequence[str], seed: int) -> Item:
    chance = random.Random(seed_from("item", seed, index))
    event, year = chance.choice(EVENTS), chance.randint(1995, 2024)
    place, elsewhere = chance.sample(PLACES, 2)
    seen = place if chance.random() < 0.5 else elsewhere
    name = digest([seed, index])[:12]
    return Item(
        id=name,
        caption=f"{event} in {place} in {year}",
        image=picture(index, seed),
        evidence=Evidence(
            (seen, event.partition(" ")[0]), (f"{event} in {seen}, {year}", f"{seen}: the day in pictures")
        ),
        features={
            part.removeprefix("features."): _vector(part, name) for part in reads if part.startswith("features.")
        },
        group=digest(["group", seed, index // 2])[:12],
    )


def _vector(part: str, name: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(seed_from(part, name)).standard_normal(WIDTH).astype(np.float32)


def picture(index: int, seed: int = 0) -> Image:
    """A small picture of coloured blocks."""
    return Image(partial(_png, index, seed), f"picture {index}")


def _png(index: int, seed: int) -> bytes:
    from PIL import Image as Pillow

    blocks = np.random.default_rng(seed_from("picture", seed, index)).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    out = BytesIO()
    Pillow.fromarray(blocks.repeat(16, 0).repeat(16, 1)).save(out, "PNG")
    return out.getvalue()


def unreadable() -> Image:
    """A picture whose file is gone."""
    return Image(_gone, "picture that is gone")


def _gone() -> NoReturn:
    raise FileNotFoundError(2, "No such file or directory")


def odd(reads: Iterable[str] = ()) -> list[Item]:
    """Items as they come in real archives: no evidence, no caption, much text, markup, other scripts."""
    markup, scripts = "<script>alert(1)</script> {{ 7 * 7 }} & \"'", "\u202e\u05e9\u05dc\u05d5\u05dd \U0001f30d\x00\x07"
    captions = ("", "   ", "x" * 20_000, markup, scripts, "answer: pristine")
    plain = items(len(captions), reads, seed=7)
    bare = Evidence()
    return [
        replace(item, caption=caption, evidence=bare if index % 2 else item.evidence)
        for index, (item, caption) in enumerate(zip(plain, captions, strict=True))
    ]


def renamed(some: Sequence[Item]) -> list[Item]:
    """The same items under other ids and in other groups."""
    return [replace(item, id=renamed_id(item.id), group="") for item in some]


def renamed_id(item_id: str) -> str:
    """What `renamed` calls an item."""
    return digest(["renamed", item_id])[:12]


def without(some: Sequence[Item], part: str, seed: int = 99) -> list[Item]:
    """The same items with another value of one part: ``image``, ``evidence`` or ``features.NAME``."""
    return [_with_other(item, part, index, seed) for index, item in enumerate(some)]


def only(item: Item, reads: Iterable[str]) -> Item:
    """The same item with its caption and, of the other parts, those in ``reads``."""
    return replace(
        item,
        image=item.image if "image" in reads else None,
        evidence=item.evidence if "evidence" in reads else Evidence(),
        features={name: vector for name, vector in item.features.items() if f"features.{name}" in reads},
    )


def _with_other(item: Item, part: str, index: int, seed: int) -> Item:
    if part == "image":
        return replace(item, image=picture(index, seed))
    if part == "evidence":
        return replace(item, evidence=Evidence(("Nowhere",), ("A page about something else",)))
    name = part.removeprefix("features.")
    return replace(item, features={**item.features, name: _vector(part, f"other {item.id}")})


def one_teacher(some: Sequence[Item], verdicts: Mapping[str, Verdict], teacher: str) -> dict[str, Annotation]:
    """A teacher that is right on three items of four and says why; the same words for the same verdict and place."""
    return {item.id: _annotation(item, verdicts[item.id], teacher) for item in some}


def _annotation(item: Item, verdict: Verdict, teacher: str) -> Annotation:
    chance = random.Random(seed_from(teacher, item.id))
    said = verdict if chance.random() < 0.75 else opposite(verdict)
    p = 0.6 + 0.35 * chance.random()
    p_falsified = p if said == "falsified" else 1 - p
    words = f"The pages {'name' if said == 'pristine' else 'do not name'} {_place(item.caption)}."
    return Annotation(item.id, "ok", verdict_of(p_falsified), p_falsified, words)


def as_student(said: Mapping[str, Annotation]) -> dict[str, Prediction]:
    """A student that answers as the teacher does."""
    return {
        item_id: Prediction(item_id, one.outcome, one.verdict, one.p_falsified, one.rationale)
        for item_id, one in said.items()
    }


def validation(teachers: Sequence[str], gaps: bool = False) -> Validation:
    """A labelled validation split, whose items are others, and what the teachers say of it."""
    some = items(24, seed=3)
    labels = truth(some)
    said = {teacher: one_teacher(some, labels, teacher) for teacher in teachers}
    if gaps:
        said = {teacher: with_gaps(said[teacher], 2 + place) for place, teacher in enumerate(teachers)}
    return Validation(Panel({item.id: item for item in some}, said), labels)


def shuffled(verdicts: Mapping[str, Verdict], seed: int) -> dict[str, Verdict]:
    """As many of each verdict, over other items at random."""
    values = list(verdicts.values())
    random.Random(seed).shuffle(values)
    return dict(zip(verdicts, values, strict=True))


def with_gaps(said: Mapping[str, Annotation], every: int = 3) -> dict[str, Annotation]:
    """The same answers, but every third is refused, unparsable or an error."""
    outcomes: tuple[Outcome, ...] = ("refused", "unparsable", "error")
    return {
        item_id: Annotation(item_id, outcomes[index // every % 3]) if index % every == 0 else annotation
        for index, (item_id, annotation) in enumerate(said.items())
    }
