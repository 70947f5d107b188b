"""Votes → judgements about items that may be labelled; what cannot be one is refused, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.components import Benchmark
from harness.given import Given
from harness.labelling.tasks import key_of
from harness.labelling.votes import WORDS, Vote, refused
from harness.loading import did_you_mean
from harness.spreadsheet import encodable
from harness.types import SPLITS, Verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """A vote about an item that there is, with a verdict that there is."""

    given: Given
    place: str


class Register:
    """The items of a benchmark by all that a file may call them, and the labels that its own data have."""

    def __init__(self, label: str, benchmark: Benchmark) -> None:
        self.items = {split: [item.id for item in benchmark.items(split)] for split in SPLITS}
        self.own: Mapping[str, Verdict] = _alone(benchmark).labels("train")
        self.split = {item_id: split for split, ids in self.items.items() for item_id in ids}
        self._tasks = {key_of(label, item_id): item_id for item_id in self.split}
        self._near = _once((item_id.strip(), item_id) for item_id in self.split)

    def find(self, vote: Vote) -> str | None:
        """The item's id, by the task's name or by its own; None where there is none, or where the two differ."""
        by_task = self._tasks.get(vote.task)
        by_id = vote.item_id if vote.item_id in self.split else self._near.get(vote.item_id.strip())
        if by_task and by_id and by_task != by_id:
            return None
        return by_task or by_id

    def missing(self, vote: Vote) -> tuple[str, str]:
        """Why `find` found nothing, and what to do."""
        if vote.task in self._tasks and vote.item_id:
            return (
                f"{vote.task!r} is the item {self._tasks[vote.task]!r}, and the row says {vote.item_id!r}",
                "A part of the table was sorted without the rest; take both from the export.",
            )
        if not vote.item_id and not vote.task:
            return "names no item", "Fill in the task or the id from the export."
        name = vote.item_id or vote.task
        return (
            f"no item is called {name!r}{did_you_mean(name, self.split)}",
            "Take the id from the export; spreadsheets make numbers and dates of some, so import that column as text.",
        )


def _once(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What has one meaning: a table that is edited loses the blanks around an id."""
    found: dict[str, set[str]] = {}
    for name, item_id in pairs:
        found.setdefault(name, set()).add(item_id)
    return {name: next(iter(ids)) for name, ids in found.items() if len(ids) == 1}


def _alone(benchmark: Benchmark) -> Benchmark:
    """The benchmark without the labels that people gave later."""
    return benchmark.model_copy(update={"label_file": None}) if benchmark.given() else benchmark


def checked(votes: Iterable[Vote], register: Register, words: Mapping[str, Verdict], now: str) -> list[Judgement]:
    """What the votes say; raises `DataError` with every vote that cannot stand."""
    found: list[Judgement] = []
    faults: list[tuple[str, str, str]] = []
    meaning = {**WORDS, **{word.strip().casefold(): verdict for word, verdict in words.items()}}
    for vote in votes:
        item_id, verdict = register.find(vote), meaning.get(vote.word.casefold())
        wrong = list(_faults(vote, register, item_id, verdict))
        faults += [(vote.place, cause, remedy) for cause, remedy in wrong]
        if not wrong and item_id and verdict:
            given = Given(item_id, verdict, vote.annotator, vote.time or now, vote.source, comment=vote.comment)
            found.append(Judgement(given, vote.place))
    if faults:
        raise refused(faults)
    return found


def _faults(vote: Vote, register: Register, item_id: str | None, verdict: Verdict | None) -> Iterator[tuple[str, str]]:
    if verdict is None:
        yield (
            f"the verdict {vote.word!r:.60} is none of {', '.join(WORDS)}",
            f"Correct it, or say what it means:  --word {f'{vote.word:.40}=falsified'!r}",
        )
    if item_id is None:
        yield register.missing(vote)
    elif encodable(item_id) != item_id:
        yield f"the id {item_id!r} cannot be written in UTF-8", "Give the item another id in the data."
    elif (split := register.split[item_id]) != "train":
        yield (
            f"{item_id!r} is an item of the {split} split, which is measured on",
            "Its label belongs into the data themselves; only training items are labelled this way.",
        )
    elif verdict and (own := register.own.get(item_id, verdict)) != verdict:
        yield (
            f"says {verdict} of {item_id!r}, whose label in the data is {own}",
            "Correct the one that is wrong: delete the row, or change the label in the data.",
        )
