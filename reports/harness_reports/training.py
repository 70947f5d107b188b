"""How each training went, a small picture for each measure, seed by seed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.api import Details
from harness_reports.arms import key_of
from harness_reports.section import Section
from harness_reports.seen import Seen
from harness_reports.tracks import HEIGHT, LEFT, LOGGED, MEASURED, TOP, WIDTH, Picture, pictures

_MOST_SEEDS = 8
_SEED = re.compile(r", seed -?\d+")


@dataclass(frozen=True, slots=True)
class Course:
    """One training in all its seeds."""

    title: str
    seeds: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Training(Section):
    """``most`` bounds how many trainings are drawn."""

    most: int = 24

    name = "training"
    title = "Training curves"
    link = "Training"
    template = "sections/training.j2"

    def applies(self, seen: Seen) -> bool:
        return any(row.text("kind") == "train" for row in seen.steps)

    def context(self, seen: Seen) -> Mapping[str, object]:
        found = trainings(seen)
        what = {row.raw("key"): row.text("what", 160) for row in seen.steps}
        courses: list[Course] = []
        for keys in found:
            drawn = course(_SEED.sub("", what.get(keys[0], "a training")), keys, seen.view.details)
            if drawn:
                courses.append(drawn)
            if len(courses) == self.most:
                break
        size = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "top": TOP}
        return {"courses": courses, "size": size, "more": len(found) > self.most and len(courses) == self.most}


def trainings(seen: Seen) -> list[tuple[str, ...]]:
    """Keys of training steps, those of one arm and place in its course together, seeds in their order."""
    arms: dict[tuple[str, str], list[Sequence[str]]] = {}
    for row in seen.results:
        if row.text("state") == "done" and row.text("role") == "student":
            arms.setdefault(key_of(row), []).append(seen.view.details.trainings(row.raw("cell")))
    stages: dict[tuple[str, ...], None] = {}
    for courses in arms.values():
        for place in range(max(map(len, courses))):
            keys = tuple(dict.fromkeys(course[place] for course in courses if place < len(course)))
            stages.setdefault(keys)
    return list(stages)


def course(title: str, keys: Sequence[str], details: Details) -> Course | None:
    """What some steps tell of themselves; None where they tell nothing."""
    some = keys[:_MOST_SEEDS]
    drawn = pictures(LOGGED, [details.log(key) for key in some])
    drawn += pictures(MEASURED, [details.measured(key) for key in some])
    if not drawn:
        return None
    return Course(title, "1 seed" if len(keys) == 1 else f"{len(keys)} seeds", tuple(drawn))
