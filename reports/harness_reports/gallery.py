"""What the best arms get wrong, the surest errors first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.api import Annotation, Item, Prediction, Verdict
from harness_reports.arms import Arm, key_of
from harness_reports.exhibits import Exhibit, Said, exhibit, said
from harness_reports.numerals import count, decimal
from harness_reports.records import harmless
from harness_reports.section import Section
from harness_reports.seen import Seen


@dataclass(frozen=True, slots=True)
class Error:
    """An item that an arm got wrong."""

    item_id: str
    wrong: int
    asked: int
    sureness: float
    """Mean distance of its probabilities from 0.5, on the wrong side."""
    says: Prediction


@dataclass(frozen=True, slots=True)
class Wall:
    """The errors of one arm."""

    title: str
    told: str
    exhibits: tuple[Exhibit, ...]


@dataclass(frozen=True)
class Gallery(Section):
    """Its fields bound how many arms, and how many errors of each, are shown, and whether with their pictures."""

    examples: int = 6
    arms: int = 3
    pictures: bool = True

    name = "errors"
    title = "Errors that most seeds make"
    link = "Errors"
    template = "sections/gallery.j2"

    def applies(self, seen: Seen) -> bool:
        return any(seen.view.details.truth(panel.on) for panel in seen.panels)

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {"walls": [wall for on in _benchmarks(seen) for wall in self._walls(seen, on)], "arms": self.arms}

    def _walls(self, seen: Seen, on: str) -> list[Wall]:
        details = seen.view.details
        items, truth, teachers = details.items(on, "test"), details.truth(on), details.annotations(on, "test")
        return [self._wall(seen, arm, items, truth, teachers) for arm in best_of(seen, on, self.arms)]

    def _wall(
        self,
        seen: Seen,
        arm: Arm,
        items: Mapping[str, Item],
        truth: Mapping[str, Verdict],
        teachers: Mapping[str, Mapping[str, Annotation]],
    ) -> Wall:
        runs = answers_of(seen, arm)
        errors = errors_of(runs, truth)
        most = [error for error in errors if 2 * error.wrong > error.asked]
        exhibits = [
            exhibit(items[error.item_id], _note(error, truth), self._says(error, teachers), self.pictures)
            for error in most[: self.examples]
            if error.item_id in items
        ]
        told = (
            f"{count(len(most))} of {count(len(truth))} test items are wrong in most of {count(len(runs))} "
            f"{'seed' if len(runs) == 1 else 'seeds'}, {count(len(errors))} in at least one."
        )
        return Wall(f"{arm.name} on {harmless(arm.key[1], 80)}", told, tuple(exhibits))

    def _says(self, error: Error, teachers: Mapping[str, Mapping[str, Annotation]]) -> list[Said]:
        return [
            said("the student", error.says),
            *(said(teacher, own.get(error.item_id)) for teacher, own in list(teachers.items())[:4]),
        ]


def _benchmarks(seen: Seen) -> list[str]:
    return list(dict.fromkeys(panel.on for panel in seen.panels))


def best_of(seen: Seen, on: str, most: int) -> list[Arm]:
    """The trained students of highest accuracy on a benchmark; equals in the order of the table."""
    arms = [arm for panel in seen.panels if panel.on == on for arm in panel.of("free", "bought", "bound") if arm.known]
    return sorted({arm.key: arm for arm in arms}.values(), key=lambda arm: -arm.accuracy)[:most]


def answers_of(seen: Seen, arm: Arm) -> list[Mapping[str, Prediction]]:
    """Its answers to the test items, seed by seed."""
    cells = [row.raw("cell") for row in seen.results if key_of(row) == arm.key and row.text("state") == "done"]
    return [found for cell in cells if (found := seen.view.details.predictions(cell, arm.key[1]))]


def errors_of(runs: Sequence[Mapping[str, Prediction]], truth: Mapping[str, Verdict]) -> list[Error]:
    """Items that some seed got wrong: those of the largest share of seeds first, then the surest, then by id."""
    found = []
    for item_id, verdict in truth.items():
        given = [run[item_id] for run in runs if item_id in run]
        wrong = [answer for answer in given if answer.verdict != verdict]
        if wrong:
            sureness = fmean(_sureness(answer) for answer in wrong)
            says = max(wrong, key=_sureness)
            found.append(Error(item_id, len(wrong), len(given), sureness, says))
    return sorted(found, key=lambda error: (-error.wrong / error.asked, -error.sureness, error.item_id))


def _sureness(answer: Prediction) -> float:
    return 0.0 if answer.p_falsified is None else abs(answer.p_falsified - 0.5)


def _note(error: Error, truth: Mapping[str, Verdict]) -> str:
    sure = f", on average {decimal(0.5 + error.sureness, 2)} sure" if error.sureness else ""
    return f"is {truth[error.item_id]}; wrong in {error.wrong} of {error.asked}{sure}"
