"""A teacher that asks another teacher several times and lets the answers vote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from threading import Lock
from typing import Literal, Self, overload

from pydantic import Field, model_validator

from harness.api import Annotation, Item, Named, Outcome, Preview, Resources, Teacher, Usage, Verdict, hookimpl


class SelfConsistency(Teacher):
    """Asks another teacher ``samples`` times about each item; the share of votes for falsified is the probability.

    The samples differ by their seed: sample n is asked with the other teacher's own seed plus n. The rationale is
    that of the first sample that voted with the majority, and usage is that of all samples together. An item with
    too few votes is an ``error`` where a sample was one, else ``refused`` or ``unparsable``, as more of them were.

    All samples of an item are kept together, as one answer. They are asked for at the same time: bounds on calls per
    minute or at once hold for each sample apart.
    """

    name = "self-consistency"

    of: Named[Teacher]
    """The teacher that is asked, as in the section ``teachers``; its temperature must be above 0."""
    samples: int = Field(default=5, ge=2, le=100)
    """How often it is asked about each item."""
    vary: str = "seed"
    """The other teacher's option that makes samples differ, a whole number."""
    min_votes: int | None = Field(default=None, ge=1)
    """Votes below which there is no verdict; by default more than half of the samples."""
    ties: Literal["falsified", "pristine", "unparsable"] = "falsified"
    """What becomes of an item with as many votes for one verdict as for the other."""

    @model_validator(mode="after")
    def _samples_differ(self) -> Self:
        if self.vary not in type(self.of).model_fields:
            raise ValueError(f"{self.of.name} has no option {self.vary!r}, so that all samples would be the same")
        start = getattr(self.of, self.vary)
        if start is not None and (isinstance(start, bool) or not isinstance(start, int)):
            raise ValueError(f"the option {self.vary!r} of {self.of.name} is no whole number")
        if getattr(self.of, "temperature", None) == 0:
            raise ValueError(f"the temperature of {self.of.name} is 0, so that all samples would be the same")
        if self.min_votes is not None and self.min_votes > self.samples:
            raise ValueError("min_votes is more than there are samples")
        return self

    def digest(self) -> str:
        """Digest of the files that the other teacher depends on."""
        return self.of.digest()

    def reads(self) -> frozenset[str]:
        """What the other teacher reads."""
        return self.of.reads()

    def resources(self) -> Resources:
        """What the teacher takes that is asked."""
        return self.of.resources()

    def priced(self) -> bool:
        """Whether the other teacher's answers say what they cost."""
        return self.of.priced()

    def preview(self, item: Item) -> Preview | None:
        """What the other teacher would be asked, with each sample."""
        return self.of.preview(item)

    def annotate(self, items: Sequence[Item]) -> Iterator[Annotation]:
        """One annotation for each item once all of its samples are there."""
        if not items:
            return
        votes: dict[str, Votes] = {}
        source = Source(items)
        streams = [iter(self._sample(number).annotate(Feed(source))) for number in range(self.samples)]
        try:
            while streams:
                for stream in list(streams):
                    said = next(stream, None)
                    if said is None:
                        streams.remove(stream)
                        continue
                    found = votes.setdefault(said.item_id, Votes())
                    found.said.append(said)
                    if len(found.said) == self.samples:
                        yield self._counted(votes.pop(said.item_id))
        finally:
            for stream in streams:
                # A stranger's teacher may give a list.
                if hasattr(stream, "close"):
                    stream.close()

    def _sample(self, number: int) -> Teacher:
        return self.of.model_copy(update={self.vary: (getattr(self.of, self.vary) or 0) + number})

    def _counted(self, votes: Votes) -> Annotation:
        """The verdict of the majority, or why there is none."""
        item_id, usage = votes.said[0].item_id, votes.usage()
        least = self.min_votes if self.min_votes is not None else self.samples // 2 + 1
        given = votes.verdicts()
        if len(given) < least:
            outcome, said = votes.failure()
            return Annotation(item_id, outcome, rationale=said.rationale, usage=usage, again=said.again)
        falsified = given.count("falsified")
        p_falsified = falsified / len(given)
        if 2 * falsified == len(given) and self.ties == "unparsable":
            return Annotation(item_id, "unparsable", rationale="The votes are equal.", usage=usage)
        tied: Verdict = "pristine" if self.ties == "pristine" else "falsified"
        verdict: Verdict = tied if p_falsified == 0.5 else "falsified" if p_falsified > 0.5 else "pristine"
        rationale = next(said.rationale for said in votes.said if said.verdict == verdict)
        return Annotation(item_id, "ok", verdict, p_falsified, rationale, usage)


@dataclass(slots=True)
class Votes:
    """The samples of one item, as they came."""

    said: list[Annotation] = field(default_factory=list)

    def verdicts(self) -> list[Verdict]:
        """Those that were given."""
        return [said.verdict for said in self.said if said.verdict is not None]

    def failure(self) -> tuple[Outcome, Annotation]:
        """What became of the samples without a verdict, errors first, and one of them."""
        failed = [said for said in self.said if said.verdict is None]
        counts = Counter(said.outcome for said in failed)
        outcome: Outcome = "error" if counts["error"] else "refused"
        if outcome == "refused" and counts["unparsable"] > counts["refused"]:
            outcome = "unparsable"
        same = [said for said in failed if said.outcome == outcome]
        return outcome, next((said for said in same if said.again), same[0])

    def usage(self) -> Usage:
        """What all samples cost together."""
        return Usage(*(sum(getattr(said.usage, part.name) for said in self.said) for part in fields(Usage)))


class Source:
    """Items that are taken once each, whoever takes them first: a budget counts what is taken."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self._left = iter(items)
        self._taken: list[Item] = []
        # Teachers may take their items in a thread of their own.
        self._lock = Lock()

    def at(self, place: int) -> Item | None:
        """The item at a place, or None after the last one."""
        with self._lock:
            while len(self._taken) <= place:
                item = next(self._left, None)
                if item is None:
                    return None
                self._taken.append(item)
            return self._taken[place]


class Feed(Sequence[Item]):
    """The items of a source for one of those who take them."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source.items)

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Item]: ...
    def __getitem__(self, at: int | slice) -> Item | Sequence[Item]:
        return self._source.items[at]

    def __iter__(self) -> Iterator[Item]:
        place = 0
        while (item := self._source.at(place)) is not None:
            yield item
            place += 1


@hookimpl
def harness_teachers() -> list[type[Teacher]]:
    """Votes of several samples."""
    return [SelfConsistency]
