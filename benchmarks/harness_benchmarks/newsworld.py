"""A synthetic news world: made on the spot, so that the whole harness can be tried without any download."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import Field

from harness.api import Benchmark, Evidence, Image, Item, Split, Verdict, digest, hookimpl, seed_from
from harness_benchmarks.newsworld_scene import ACTORS, EVENTS, PLACES, Scene, draw_scene, render
from harness_benchmarks.newsworld_text import Faults, explain, search, write_caption


@dataclass(frozen=True, slots=True)
class News:
    """A picture with the caption that belongs to it and what a web search with it finds."""

    name: str
    scene: Scene
    caption: str
    evidence: Evidence
    seed: int


class NewsWorld(Benchmark):
    """Procedural pictures of groups of people at events in towns, with captions and web evidence. Synthetic.

    A falsified item is made as NewsCLIPpings makes it: a picture with the caption of another picture of the
    same split. A near miss is one whose caption is wrong in one of actor, event and place only. Evidence is
    found with the picture alone. What is achieved here says nothing about real news.
    """

    name = "newsworld"

    train: int = Field(default=300, ge=2, le=100_000)
    """Training items."""
    validation: int = Field(default=100, ge=0, le=100_000)
    """Validation items."""
    test: int = Field(default=300, ge=2, le=100_000)
    """Test items."""
    seed: int = Field(default=0, ge=0)
    """Which world is drawn."""
    falsified: float = Field(default=0.5, ge=0, le=1)
    """Share of falsified items in every split."""
    near_miss: float = Field(default=0.5, ge=0, le=1)
    """Share of the falsified items whose caption is wrong in one slot only, as far as the split has such captions."""
    no_evidence: float = Field(default=0.02, ge=0, le=1)
    """Share of pictures with which a search finds nothing."""
    missing: float = Field(default=0.05, ge=0, le=1)
    """Share of actors and of places that are not recognised."""
    wrong: float = Field(default=0.02, ge=0, le=1)
    """Share of actors and of places that are taken for others."""
    partial_title: float = Field(default=0.06, ge=0, le=1)
    """Share of page titles that name the event or the place only."""
    other_page: float = Field(default=0.03, ge=0, le=1)
    """Share of page titles that are about other news."""
    actor_titled: float = Field(default=0.1, ge=0, le=1)
    """Share of page titles that say who was there."""

    def items(self, split: Split) -> Sequence[Item]:
        """The split's items, ordered by ids that are hashes of picture and caption."""
        return [self._item(split, news, caption) for news, caption, _ in self._entries(split)]

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        """Ground truth of all items, in the order of `items`."""
        return {_id(split, news, caption): verdict for news, caption, verdict in self._entries(split)}

    def references(self, split: Split) -> Mapping[str, str]:
        """What is right or wrong with each test item, in one sentence; nothing is told of the other splits."""
        entries = self._entries(split) if split == "test" else []
        return {_id(split, news, caption): explain(caption, news.scene) for news, caption, _ in entries}

    def gives(self) -> frozenset[str]:
        return frozenset({"image", "evidence"})

    def notes(self) -> Mapping[str, str | int]:
        """That the data are synthetic, and how many different scenes there are."""
        return {
            "origin": "synthetic: drawn by a program; results say nothing about real news",
            "scenes": len(ACTORS) * len(EVENTS) * len(PLACES),
        }

    def _entries(self, split: Split) -> list[tuple[News, str, Verdict]]:
        """Picture, caption and label of each item, in the order of their ids."""
        size = {"train": self.train, "validation": self.validation, "test": self.test}[split]
        falsified = round(size * self.falsified)
        archive = [self._news(split, index) for index in range(max(2, falsified, size - falsified))]
        entries: list[tuple[News, str, Verdict]] = [
            (news, news.caption, "pristine") for news in archive[: size - falsified]
        ]
        entries += [(news, caption, "falsified") for news, caption in self._misused(split, archive, falsified)]
        return sorted(entries, key=lambda entry: _id(split, *entry[:2]))

    def _misused(self, split: Split, archive: Sequence[News], count: int) -> Iterator[tuple[News, str]]:
        """Pictures with the captions of others: the first ``count`` of the archive, each used once."""
        rng = random.Random(seed_from("newsworld", self.seed, split, "captions"))
        near = [index < round(count * self.near_miss) for index in range(count)]
        rng.shuffle(near)
        by_scene: dict[Scene, list[News]] = {}
        for news in archive:
            by_scene.setdefault(news.scene, []).append(news)
        for news, is_near in zip(archive, near, strict=False):
            yield news, _other_caption(news, by_scene, is_near, rng)

    def _news(self, split: Split, index: int) -> News:
        seed = seed_from("newsworld", self.seed, split, index)
        rng = random.Random(seed)
        scene = draw_scene(seed)
        faults = Faults(
            self.no_evidence, self.missing, self.wrong, self.partial_title, self.other_page, self.actor_titled
        )
        # Drawn in this order and from nothing else: evidence must not know which captions the picture will get.
        return News(f"newsworld-{seed:08x}", scene, write_caption(scene, rng), search(scene, faults, rng), seed)

    def _item(self, split: Split, news: News, caption: str) -> Item:
        return Item(
            id=_id(split, news, caption),
            caption=caption,
            image=Image(read=partial(render, news.scene, news.seed), name=f"{news.name}.png"),
            evidence=news.evidence,
            group=news.name,
        )


def _id(split: Split, news: News, caption: str) -> str:
    return f"{split}-{digest([news.name, caption])[:12]}"


def _other_caption(news: News, archive: Mapping[Scene, Sequence[News]], near: bool, rng: random.Random) -> str:
    """The caption of a picture of other news; of nearly the same news where that is asked for and there is any."""
    others = [scene for scene in archive if scene != news.scene]
    if near:
        slot = rng.choice(("actor", "event", "place"))
        others = [scene for scene in others if _differs_in(slot, scene, news.scene)] or others
    if not others:
        return write_caption(_elsewhere(news.scene, rng), rng)
    # Weighted by pictures, as a draw from the archive is.
    return rng.choice([other.caption for scene in others for other in archive[scene]])


def _differs_in(slot: str, one: Scene, other: Scene) -> bool:
    return getattr(one, slot) != getattr(other, slot) and one.differs(other) == 1


def _elsewhere(scene: Scene, rng: random.Random) -> Scene:
    """Another place, for the case that all pictures of a tiny split show the same news."""
    return Scene(scene.actor, scene.event, rng.choice([place for place in PLACES if place != scene.place]))


@hookimpl
def harness_benchmarks() -> Iterable[type[Benchmark]]:
    """The synthetic world."""
    return [NewsWorld]
