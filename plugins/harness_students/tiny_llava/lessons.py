"""What the tiny base is taught: general skills on pictures that are in no benchmark split, and no verdicts.

The verdict question is asked seldom, and each time it is answered both ways: the base knows the form of
an answer and nothing of what makes one right.
"""

from __future__ import annotations

import random
from dataclasses import replace

from harness.api import VERDICTS
from harness_benchmarks.newsworld_scene import ACTORS, EVENTS, PLACES, Scene
from harness_benchmarks.newsworld_text import CAPTIONS, PARTIAL_TITLES, SCENERY, TITLES, write_caption
from harness_students.vlm_text import TINY_PROMPT, Order, answer_text

SLOTS = {"actor": tuple(ACTORS), "event": tuple(EVENTS), "place": tuple(PLACES)}
QUESTIONS = {"actor": "Who?", "event": "What happens?", "place": "Where?"}
WORDINGS = (("found", "not found"), ("seen", "not seen"), ("shown", "not shown"))

ORDER: Order = "rationale-first"

Turn = tuple[str, str]
"""What is asked, and the answer that is learnt."""


def lesson(scene: Scene, turns: int, rng: random.Random) -> list[Turn]:
    """Questions about one picture with their answers."""
    return [_turn(scene, rng) for _ in range(turns)]


def _turn(scene: Scene, rng: random.Random) -> Turn:
    kind = rng.random()
    if kind < 0.10:
        return "Describe.", write_caption(scene, rng)
    if kind < 0.22:
        slot = rng.choice(tuple(SLOTS))
        return QUESTIONS[slot], f"{getattr(scene, slot)}."
    if kind < 0.36:
        return _yes_or_no(scene, rng)
    caption, check = compare(scene, rng)
    return f"{caption}\nCheck.", check


def both_verdicts(scene: Scene, rng: random.Random) -> list[list[Turn]]:
    """One question with its words checked, and either verdict: two lessons that cancel each other out."""
    caption, check = compare(scene, rng)
    return [[(TINY_PROMPT.format(caption=caption), answer_text(verdict, check, ORDER))] for verdict in VERDICTS]


def _yes_or_no(scene: Scene, rng: random.Random) -> Turn:
    slot = rng.choice(tuple(SLOTS))
    word = _maybe_other(scene, slot, 0.5, rng)
    return f"{word}?", "yes." if word == getattr(scene, slot) else "no."


def compare(scene: Scene, rng: random.Random) -> Turn:
    """A caption, wrong in some slots, and a list of its words with whether each is in the picture."""
    claim = replace(scene, **{slot: _maybe_other(scene, slot, 0.4, rng) for slot in SLOTS})
    caption = write_caption(claim, rng)
    slots = sorted(SLOTS, key=lambda slot: caption.index(getattr(claim, slot)))
    if rng.random() < 0.3:
        slots = [slot for slot in slots if rng.random() < 0.6] or slots
    yes, no = rng.choice(WORDINGS)
    parts = [f"{getattr(claim, slot)} {yes if getattr(claim, slot) == getattr(scene, slot) else no}" for slot in slots]
    return caption, ", ".join(parts) + "."


def _maybe_other(scene: Scene, slot: str, share: float, rng: random.Random) -> str:
    word = str(getattr(scene, slot))
    if rng.random() < share:
        return rng.choice([other for other in SLOTS[slot] if other != word])
    return word


def corpus() -> list[str]:
    """Texts for the tokenizer: each word of the world often enough to become one token."""
    rng = random.Random(0)
    texts = [" ".join((" " + " ".join(CAPTIONS + TITLES + PARTIAL_TITLES + SCENERY), TINY_PROMPT))]
    for _ in range(3000):
        scene = Scene(*(rng.choice(words) for words in SLOTS.values()))
        lessons = [lesson(scene, 4, rng), *both_verdicts(scene, rng)]
        texts += [f" {question} {answer}" for turns in lessons for question, answer in turns]
    return texts + [" No evidence to check. Nothing to check. is of any and or no"] * 50
