"""What is written in the synthetic news world: captions, and what a web search with a picture finds."""

from __future__ import annotations

import random
from dataclasses import dataclass

from harness.api import Evidence
from harness_benchmarks.newsworld_scene import ACTORS, EVENTS, PLACES, Scene

CAPTIONS = (
    "The {actor} at the {event} in {place}.",
    "The {actor} in {place} during the {event}.",
    "A {event} in {place} with the {actor}.",
    "In {place}, the {actor} at a {event}.",
    "After the {event}: the {actor} in {place}.",
    "Here in {place} is the {event} with the {actor}.",
)
TITLES = ("The {event} in {place}", "In {place} after the {event}", "{place}: the {event}")
PARTIAL_TITLES = ("All about the {event}", "More from {place}")
SCENERY = ("Crowd", "Street", "Sky", "Building")


def write_caption(scene: Scene, rng: random.Random) -> str:
    """One of several ways to put the scene into words; each names actor, event and place."""
    return _fill(rng.choice(CAPTIONS), scene)


def explain(caption: str, scene: Scene) -> str:
    """One sentence on what a caption and a picture of the scene have in common, or on what differs."""
    kinds = ((ACTORS, scene.actor), (EVENTS, scene.event), (PLACES, scene.place))
    told = [(next(word for word in kind if word in caption), shown) for kind, shown in kinds]
    wrong = [f"says {said} where the picture shows {shown}" for said, shown in told if said != shown]
    if wrong:
        return f"The caption {' and '.join(wrong)}."
    return f"The picture shows the {scene.actor}, the {scene.event} and {scene.place}, as the caption says."


@dataclass(frozen=True, slots=True)
class Faults:
    """How often a search with a picture goes wrong; each is a probability."""

    nothing: float
    missing: float
    wrong: float
    partial: float
    other_page: float
    actor_titled: float


def search(scene: Scene, faults: Faults, rng: random.Random) -> Evidence:
    """What is found with a picture of the scene. The caption under test plays no part in it."""
    if rng.random() < faults.nothing:
        return Evidence()
    recognised = [
        _entity(word, kind, faults, rng) for word, kind in ((scene.actor, tuple(ACTORS)), (scene.place, tuple(PLACES)))
    ]
    entities = [word for word in recognised if word] + [rng.choice(SCENERY)]
    rng.shuffle(entities)
    return Evidence(entities=tuple(entities), captions=(_title(scene, faults, rng),))


def _entity(word: str, kind: tuple[str, ...], faults: Faults, rng: random.Random) -> str:
    """What the recogniser says of one thing: it, nothing, or another of its kind."""
    chance = rng.random()
    if chance < faults.missing:
        return ""
    return rng.choice(kind) if chance < faults.missing + faults.wrong else word


def _title(scene: Scene, faults: Faults, rng: random.Random) -> str:
    """Headlines name what happened and where, and seldom who was there."""
    chance = rng.random()
    if chance < faults.other_page:
        scene = Scene(rng.choice(tuple(ACTORS)), rng.choice(tuple(EVENTS)), rng.choice(tuple(PLACES)))
    if faults.other_page <= chance < faults.other_page + faults.partial:
        return _fill(rng.choice(PARTIAL_TITLES), scene)
    title = _fill(rng.choice(TITLES), scene)
    return f"{title} with the {scene.actor}" if rng.random() < faults.actor_titled else title


def _fill(form: str, scene: Scene) -> str:
    return form.format(actor=scene.actor, event=scene.event, place=scene.place)
