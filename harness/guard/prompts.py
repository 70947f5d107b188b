"""What of the answer stands in what a model reads: published explanations, verdicts, and names that tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath

from harness.components import Teacher
from harness.errors import UnreadableImage
from harness.findings import MOST_EXAMPLES, Example, Finding
from harness.guard.traits import TEXTS, one_of_each, word_findings
from harness.guard.wording import words
from harness.types import Item, Verdict

ASKED = 150
"""Items of a split whose prompts are looked at."""

_FEWEST_WORDS, _FEWEST_LETTERS = 5, 4


def references_in_sight(split: str, items: Sequence[Item], references: Mapping[str, str]) -> Iterator[Finding]:
    """Reference rationales that stand in the caption or the evidence of their own item."""
    yield from _within(split, items, references, {item.id: _read(item) for item in items}, "caption and evidence")


def prompt_findings(
    teacher: Teacher, split: str, items: Sequence[Item], labels: Mapping[str, Verdict], references: Mapping[str, str]
) -> Iterator[Finding]:
    """What a teacher's prompts add to an item's own words; nothing is called."""
    own = [item for _, item in one_of_each(items, labels)]
    prompts = _prompts(teacher, own[:: max(1, len(own) // ASKED)][:ASKED])
    asked = [item for item in own if item.id in prompts]
    if not asked:
        return
    added = {item.id: _added(prompts[item.id], item) for item in asked}
    yield from _within(split, asked, references, prompts, "the prompt")
    falsified = [labels[item.id] == "falsified" for item in asked]
    parts: Mapping[str, Callable[[Item], str]] = {"the prompt": lambda item: added[item.id]}
    yield from word_findings(lambda _: "verdict in sight", split, asked, falsified, parts)
    yield from _names(split, asked, prompts)


def _prompts(teacher: Teacher, items: Sequence[Item]) -> dict[str, str]:
    found = {}
    for item in items:
        try:
            preview = teacher.preview(item)
        except UnreadableImage:
            continue
        if preview is None:
            break
        found[item.id] = preview.prompt
    return found


def _read(item: Item) -> str:
    return " · ".join(text(item) for text in TEXTS.values())


def _added(prompt: str, item: Item) -> str:
    """The words of the prompt that the item has not itself."""
    own = set(words(_read(item)))
    return " ".join(word for word in words(prompt) if word not in own)


def _within(
    split: str, items: Sequence[Item], references: Mapping[str, str], texts: Mapping[str, str], where: str
) -> Iterator[Finding]:
    found = [item.id for item in items if _holds(texts[item.id], references.get(item.id, ""))]
    if found:
        told = f"the reference rationale of {len(found)} of {len(items)} {split} items stands in {where}"
        shown = tuple(Example(split, item_id) for item_id in found[:MOST_EXAMPLES])
        yield Finding("reference in sight", split, len(found), told, shown)


def _holds(text: str, reference: str) -> bool:
    wanted = words(reference)
    return len(wanted) >= _FEWEST_WORDS and f" {' '.join(wanted)} " in f" {' '.join(words(text))} "


def _names(split: str, items: Sequence[Item], prompts: Mapping[str, str]) -> Iterator[Finding]:
    named: Mapping[str, Callable[[Item], str]] = {
        "the item's id": lambda item: item.id,
        "the item's group": lambda item: item.group,
        "the image's name": lambda item: PurePath(item.image.name).name if item.image else "",
    }
    for what, name in named.items():
        found = [
            item.id
            for item in items
            if len(name(item)) >= _FEWEST_LETTERS and name(item) in prompts[item.id] and name(item) not in _read(item)
        ]
        if found:
            told = f"the prompts of {len(found)} of {len(items)} {split} items hold {what}"
            shown = tuple(Example(split, item_id) for item_id in found[:MOST_EXAMPLES])
            yield Finding("name in sight", split, len(found), told, shown)
