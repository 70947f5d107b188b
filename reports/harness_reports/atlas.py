"""Where teachers agree, whom they are right about, and the items that they disagree on most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import nan

from harness.api import Annotation, Details, Item, Ranked, Verdict
from harness_reports.exhibits import Exhibit, exhibit, said
from harness_reports.numerals import NONE, count, decimal, percent
from harness_reports.records import harmless
from harness_reports.section import Section
from harness_reports.seen import Seen
from harness_reports.tables import Cell, Column, Group, Line, Table, exact, label, plain, table

Answers = Mapping[str, Mapping[str, Annotation]]
_MOST_PANELS, _MOST_RULES, _MOST_TEACHERS = 6, 4, 12


@dataclass(frozen=True, slots=True)
class Disputed:
    """The items that a rule would have labelled first."""

    rule: str
    exhibits: tuple[Exhibit, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A teacher set on one benchmark."""

    title: str
    agreement: Table
    confusion: Table | None
    disputed: tuple[Disputed, ...]


@dataclass(frozen=True)
class Atlas(Section):
    """Its fields bound how many items are shown of each rule, and whether with their pictures."""

    examples: int = 6
    pictures: bool = True

    name = "atlas"
    title = "Conflict atlas"
    template = "sections/atlas.j2"

    def applies(self, seen: Seen) -> bool:
        return any(seen.view.details.teachers(panel) for panel, _ in _panels(seen))

    def context(self, seen: Seen) -> Mapping[str, object]:
        panels = _panels(seen)
        charts = [self._chart(seen, *panel, place) for place, panel in enumerate(panels[:_MOST_PANELS], 1)]
        return {"charts": charts, "left_out": max(0, len(panels) - _MOST_PANELS)}

    def _chart(self, seen: Seen, panel: str, benchmark: str, place: int) -> Chart:
        details = seen.view.details
        members = tuple(details.teachers(panel))[:_MOST_TEACHERS]
        found = details.annotations(benchmark, "train")
        answers = {teacher: found.get(teacher, {}) for teacher in members}
        rules = list(
            dict.fromkeys(row.raw("rule") for row in seen.conflicts if row.of(teachers=panel, benchmark=benchmark))
        )
        items = details.items(benchmark, "train") if self.examples else {}
        return Chart(
            f"{harmless(panel, 80)} on {harmless(benchmark, 80)}",
            agreement(answers, f"agreement-{place}"),
            confusion(details, members, benchmark, f"confusion-{place}"),
            tuple(
                self._disputed(rule, details.ranking(rule, panel, benchmark), items, answers)
                for rule in rules[:_MOST_RULES]
            ),
        )

    def _disputed(self, rule: str, order: Sequence[Ranked], items: Mapping[str, Item], answers: Answers) -> Disputed:
        conflicts = [row.item_id for row in order if row.conflict]
        shown = tuple(self._exhibits(conflicts, items, answers))
        return Disputed(harmless(rule, 80), shown, len(conflicts) - len(shown))

    def _exhibits(self, ids: Sequence[str], items: Mapping[str, Item], answers: Answers) -> Iterator[Exhibit]:
        known = ((place, items[item_id]) for place, item_id in enumerate(ids, 1) if item_id in items)
        for place, item in islice(known, self.examples):
            says = [said(teacher, own.get(item.id)) for teacher, own in answers.items()]
            yield exhibit(item, f"conflict {count(place)} of {count(len(ids))}", says, self.pictures)


def _panels(seen: Seen) -> list[tuple[str, str]]:
    """Teacher sets and benchmarks on which a rule has looked for conflicts."""
    pairs = dict.fromkeys((row.raw("teachers"), row.raw("benchmark")) for row in seen.conflicts)
    return [pair for pair in pairs if pair[0]]


def agreement(answers: Answers, id: str) -> Table:
    """Of the items to which both teachers gave a verdict, the share with the same one; Cohen's kappa beneath."""
    names = {teacher: harmless(teacher, 60) for teacher in answers}
    lines = [
        Line((label(names[one]), *(_pair(answers[one], answers[other], one == other) for other in answers)))
        for one in answers
    ]
    caption = (
        "Same verdict on the training items, in percent of those that both answered; beneath it Cohen's kappa, "
        "which is 0 where they agree no more often than by chance."
    )
    columns = (Column("Teacher", numeric=False), *(Column(name) for name in names.values()))
    return table(id, caption, columns, [Group("", tuple(lines))], "No teacher of this set has annotated them yet.")


def _pair(one: Mapping[str, Annotation], other: Mapping[str, Annotation], same: bool) -> Cell:
    if same:
        return Cell(NONE, why="the same teacher")
    pairs = [
        (said.verdict, other[item_id].verdict)
        for item_id, said in one.items()
        if said.verdict and item_id in other and other[item_id].verdict
    ]
    if not pairs:
        return Cell(NONE, why="no item was answered by both")
    share = sum(first == second for first, second in pairs) / len(pairs)
    return Cell(percent(share), exact(share), f"κ {decimal(_kappa(pairs, share), 2)}", shade=shade(share))


def _kappa(pairs: Sequence[tuple[Verdict | None, Verdict | None]], agreed: float) -> float:
    first, second = (sum(pair[side] == "falsified" for pair in pairs) / len(pairs) for side in (0, 1))
    chance = first * second + (1 - first) * (1 - second)
    return (agreed - chance) / (1 - chance) if chance < 1 else nan


def shade(share: float) -> int:
    """How dark a cell of that share is, 0 to 9; half is as light as nothing, as chance agrees on half."""
    return min(9, max(0, int((share - 0.5) * 20)))


_CONFUSION = (
    Column("Teacher", numeric=False),
    Column("Falsified, called falsified"),
    Column("Falsified, called pristine"),
    Column("Pristine, called pristine"),
    Column("Pristine, called falsified"),
    Column("No verdict"),
)


def confusion(details: Details, teachers: Sequence[str], benchmark: str, id: str) -> Table | None:
    """Verdicts against the truth, on the test items; None where no teacher was asked about them."""
    found = details.annotations(benchmark, "test")
    asked = [teacher for teacher in teachers if found.get(teacher)]
    if not asked:
        return None
    truth = details.truth(benchmark)
    lines = [_confusion(teacher, found[teacher], truth) for teacher in asked]
    caption = f"Verdicts against the truth, on the test items of {harmless(benchmark, 80)}: numbers of items."
    return table(id, caption, _CONFUSION, [Group("", tuple(lines))])


def _confusion(teacher: str, said: Mapping[str, Annotation], truth: Mapping[str, Verdict]) -> Line:
    pairs = [(truth[item_id], annotation.verdict) for item_id, annotation in said.items() if item_id in truth]
    kinds = (
        ("falsified", "falsified"),
        ("falsified", "pristine"),
        ("pristine", "pristine"),
        ("pristine", "falsified"),
    )
    numbers = [*(pairs.count(kind) for kind in kinds), sum(verdict is None for _, verdict in pairs)]  # type: ignore[arg-type]
    return Line((label(harmless(teacher, 60)), *(plain(number, count) for number in numbers)))
