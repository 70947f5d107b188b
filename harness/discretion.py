"""What a report may read item by item, without what people wrote or photographed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from harness.details import Details, LogLine
from harness.types import Annotation, Item, Prediction, Ranked, Split, Verdict

HIDDEN = "not shown: this report is redacted"


def item_digest(item_id: str) -> str:
    """What stands for an item's id. Whoever knows the id can make it too."""
    return sha256(item_id.encode("utf-8", "surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Discreet:
    """Details by digests of ids: verdicts, probabilities and places stay; images and texts do not."""

    told: Details
    name: Callable[[str], str] = item_digest
    """The digest of an id, where the details have the ids."""

    def items(self, benchmark: str, split: Split) -> Mapping[str, Item]:
        return {
            self.name(item_id): _item(item, self.name) for item_id, item in self.told.items(benchmark, split).items()
        }

    def truth(self, benchmark: str) -> Mapping[str, Verdict]:
        return {self.name(item_id): verdict for item_id, verdict in self.told.truth(benchmark).items()}

    def teachers(self, teacher_set: str) -> Sequence[str]:
        return self.told.teachers(teacher_set)

    def annotations(self, benchmark: str, split: Split) -> Mapping[str, Mapping[str, Annotation]]:
        return {
            teacher: {self.name(item_id): _annotation(said, self.name) for item_id, said in answers.items()}
            for teacher, answers in self.told.annotations(benchmark, split).items()
        }

    def ranking(self, rule: str, teachers: str, benchmark: str) -> Sequence[Ranked]:
        ranked = self.told.ranking(rule, teachers, benchmark)
        return [replace(place, item_id=self.name(place.item_id)) for place in ranked]

    def predictions(self, cell: str, evaluated_on: str) -> Mapping[str, Prediction]:
        found = self.told.predictions(cell, evaluated_on)
        return {self.name(item_id): _prediction(said, self.name) for item_id, said in found.items()}

    def proved(self, cell: str, evaluated_on: str) -> Mapping[str, object]:
        facts = self.told.proved(cell, evaluated_on)
        return {name: numbers(fact) for name, fact in facts.items() if isinstance(fact, Mapping)}

    def trainings(self, cell: str) -> Sequence[str]:
        return self.told.trainings(cell)

    def log(self, step: str) -> Sequence[LogLine]:
        return [numbers(line) for line in self.told.log(step)]

    def measured(self, step: str) -> Sequence[LogLine]:
        return [numbers(line) for line in self.told.measured(step)]


def numbers(line: LogLine) -> LogLine:
    """What of a line of a log is a number."""
    return {name: value for name, value in line.items() if isinstance(value, int | float)}


def _item(item: Item, name: Callable[[str], str]) -> Item:
    return Item(name(item.id), HIDDEN, group=name(item.cluster))


def _annotation(said: Annotation, name: Callable[[str], str]) -> Annotation:
    return replace(said, item_id=name(said.item_id), rationale=HIDDEN if said.rationale else "")


def _prediction(said: Prediction, name: Callable[[str], str]) -> Prediction:
    return replace(said, item_id=name(said.item_id), text=HIDDEN if said.text else "")
