"""A teacher that checks the dates and places of a caption against what a search with the image found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from harness.api import Annotation, DataError, Evidence, Item, Teacher, Usage, file_digest, hookimpl, verdict_of
from harness_when_where.comparison import Balance, Finding, Scale
from harness_when_where.dates import Span
from harness_when_where.mentions import Mention, find_mentions
from harness_when_where.places import BUILT_IN, Gazetteer, words_of
from harness_when_where.written_dates import find_spans

Source = Literal["entities", "captions"]

READ = 10_000
"""Characters of a text that are read: captions and titles are short, and all pairs of dates are compared."""
QUOTED = 120
"""Characters of a text of the evidence that a rationale quotes."""


class WhenWhere(Teacher):
    """Calls a caption falsified where its dates or places contradict those on the pages where the image was found.

    Each text of the evidence agrees with the caption's dates (and apart from them with its places) by a strength
    up to 1, or contradicts them. With *a* and *c*, the sums over all texts, each of the two makes a score
    (c - a) / (1 + c + a), and p_falsified is the logistic function of ``date_weight`` times the one plus
    ``place_weight`` times the other. Where nothing can be compared, or scores cancel, it is ``prior``.

    A page may show an image long after it was taken, but not before: by default only a date that is earlier than the
    caption's contradicts it. No model is called and nothing is fetched.
    """

    name = "when-where"
    transport = frozenset({"places"})
    templates = ("places.csv",)

    sources: tuple[Source, ...] = Field(default=("entities", "captions"), min_length=1)
    """Where dates and places are looked for: visual entities (together one text), captions or titles of pages."""
    date_weight: float = Field(default=3.0, ge=0, le=10)
    """Log-odds of falsified that contradicting dates can add; one text of full strength adds half; 0: no dates."""
    place_weight: float = Field(default=3.0, ge=0, le=10)
    """Log-odds of falsified that contradicting places can add; one text of full strength adds half; 0: no places."""
    tolerance_days: int = Field(default=7, ge=0, le=3650)
    """Days by which two dates may differ and still agree: news is published after the day."""
    half_gap_days: int = Field(default=30, ge=1, le=36500)
    """Days beyond the tolerance at which a contradiction of dates has half of its full strength."""
    later: float = Field(default=0.0, ge=0, le=1)
    """Strength of a contradiction by a later date, relative to that by an earlier one; 0: old images may be shown."""
    coarse: float = Field(default=0.5, ge=0, le=1)
    """Strength of what tells less: a date without a year, evidence that is less exact, another place of the country."""
    earliest: int = Field(default=1826, ge=1000, le=2100)
    """First year that is taken for one; the oldest photograph that is left was made in 1826 or 1827."""
    latest: int = Field(default=2035, ge=1000, le=2100)
    """Last year that is taken for one."""
    places: str | None = None
    """A CSV file of further places, with the columns of the built-in one."""
    prior: float = Field(default=0.4, gt=0, lt=1)
    """Probability of falsified where nothing can be compared; from 0.5 on it is the verdict, at 0.5 too."""
    undecided: Literal["prior", "refuse"] = "prior"
    """Where nothing can be compared: a verdict by the prior, or none (outcome ``refused``)."""

    @model_validator(mode="after")
    def _years_are_in_order(self) -> Self:
        if self.earliest > self.latest:
            raise ValueError("earliest is later than latest")
        return self

    def reads(self) -> frozenset[str]:
        """Caption and evidence; no image is looked at."""
        return frozenset({"evidence"})

    def digest(self) -> str:
        """Digest of the file of further places."""
        return "".join(file_digest(file) for file in self._further())

    def annotate(self, items: Sequence[Item]) -> Iterator[Annotation]:
        """One annotation per item, in the order of the items."""
        gazetteer = Gazetteer.read(BUILT_IN, *self._further())
        for item in items:
            yield self._judge(item, gazetteer)

    def _judge(self, item: Item, gazetteer: Gazetteer) -> Annotation:
        spans, mentions = self._read(item.caption, gazetteer)
        if not (spans or mentions):
            return self._undecided(item, "The caption names neither a date nor a known place.")
        scale = Scale(self.tolerance_days, self.half_gap_days, self.later, self.coarse)
        dates, places = [], []
        for text in self._texts(item.evidence):
            found_spans, found_mentions = self._read(text, gazetteer)
            dates.append(scale.dates(spans, found_spans, text))
            places.append(scale.places(mentions, found_mentions, text))
        balances = [_balance(dates), _balance(places)]
        log_odds = self.date_weight * balances[0].score + self.place_weight * balances[1].score
        if not any(balance.findings for balance in balances):
            claims = " and ".join([span.written for span in spans] + [mention.written for mention in mentions])
            return self._undecided(item, f"The evidence has nothing to hold against {claims}.")
        if log_odds == 0:
            return self._undecided(item, "What speaks for the caption and what speaks against it cancel out.")
        p_falsified = 1 / (1 + exp(-log_odds))
        rationale = " ".join(_sentence(balance) for balance in balances if balance.score)
        return Annotation(item.id, "ok", verdict_of(p_falsified), p_falsified, rationale, Usage(calls=0))

    def _read(self, text: str, gazetteer: Gazetteer) -> tuple[list[Span], list[Mention]]:
        text = text[:READ]
        spans = find_spans(text, self.earliest, self.latest) if self.date_weight else []
        return spans, find_mentions(text, gazetteer) if self.place_weight else []

    def _texts(self, evidence: Evidence) -> list[str]:
        """The texts of the sources; two of the same words are one."""
        found = {"entities": ["; ".join(evidence.entities)], "captions": evidence.captions}
        texts: dict[object, str] = {}
        for source in self.sources:
            for text in found[source]:
                texts.setdefault(words_of(text), text)
        return list(texts.values())

    def _undecided(self, item: Item, why: str) -> Annotation:
        if self.undecided == "refuse":
            return Annotation(item.id, "refused", rationale=why, usage=Usage(calls=0))
        return Annotation(item.id, "ok", verdict_of(self.prior), self.prior, why, Usage(calls=0))

    def _further(self) -> list[Path]:
        if self.places is None:
            return []
        if not (file := Path(self.places)).is_file():
            raise DataError("there is no such file", place=self.places, remedy="correct the option places")
        return [file]


def _balance(findings: Sequence[Finding | None]) -> Balance:
    """Of those that say something."""
    return Balance(tuple(finding for finding in findings if finding is not None and finding.strength))


def _sentence(balance: Balance) -> str:
    """What agrees with or contradicts what, in the words of both sides."""
    finding = balance.strongest
    text = " ".join(finding.text.split())
    quote = f"“{text if len(text) <= QUOTED else text[: QUOTED - 1] + '…'}”"
    if balance.score < 0:
        return f"The caption says {finding.claimed}, which fits {finding.found} in {quote}."
    return f"The caption says {finding.claimed}, but the evidence says {finding.found}: {quote}."


@hookimpl
def harness_teachers() -> list[type[Teacher]]:
    """When and where."""
    return [WhenWhere]
