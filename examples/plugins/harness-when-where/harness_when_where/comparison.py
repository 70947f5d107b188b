"""A caption's dates and places against those of one text of the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from harness_when_where.dates import Span, gap
from harness_when_where.mentions import Mention


@dataclass(frozen=True, slots=True)
class Finding:
    """What a text says of the caption: from -1, it agrees, to 1, it contradicts; 0 where nobody can say."""

    strength: float
    claimed: str
    found: str
    text: str


@dataclass(frozen=True, slots=True)
class Scale:
    """How strong an agreement and a contradiction are; see the options of the teacher."""

    tolerance_days: int
    half_gap_days: int
    later: float
    coarse: float

    def dates(self, claims: Sequence[Span], found: Sequence[Span], text: str) -> Finding | None:
        """The best agreement of any two dates, or else the weakest contradiction; None where a side has no date."""
        return _fairest(
            Finding(self._of_dates(claim, span), claim.written, span.written, text)
            for claim in claims
            for span in found
        )

    def places(self, claims: Sequence[Mention], found: Sequence[Mention], text: str) -> Finding | None:
        """The best agreement of any two places, or else the weakest contradiction; None where a side has no place.

        Adjectives can agree but contradict nothing: a French minister may be anywhere.
        """
        return _fairest(
            Finding(strength, claim.written, mention.written, text)
            for claim in claims
            for mention in found
            if (strength := self._of_places(claim, mention)) <= 0 or not (claim.is_adjective or mention.is_adjective)
        )

    def _of_dates(self, claim: Span, found: Span) -> float:
        days = gap(claim, found)
        if days == 0:
            return -1.0 if found.days <= claim.days < inf else -self.coarse
        beyond = abs(days) - self.tolerance_days
        if beyond <= 0:
            return -self.coarse
        strength = beyond / (beyond + self.half_gap_days)
        if claim.yearly or found.yearly:
            return self.coarse * strength
        return strength if days < 0 else self.later * strength

    def _of_places(self, claim: Mention, found: Mention) -> float:
        if claim.place.contains(found.place):
            return -self.coarse if claim.is_adjective or found.is_adjective else -1.0
        if found.place.contains(claim.place):
            return -self.coarse
        if not claim.place.is_apart(found.place):
            return 0.0
        return 1.0 if claim.place.path[0] != found.place.path[0] else self.coarse


def _fairest(findings: Iterable[Finding]) -> Finding | None:
    """The one that is best for the caption; the first of equals."""
    return min(findings, key=lambda finding: finding.strength, default=None)


@dataclass(frozen=True, slots=True)
class Balance:
    """What all texts say of one side of the caption, its dates or its places."""

    findings: tuple[Finding, ...]

    @property
    def against(self) -> float:
        """Strengths of all contradictions, added."""
        return sum(finding.strength for finding in self.findings if finding.strength > 0)

    @property
    def support(self) -> float:
        """Strengths of all agreements, added."""
        return -sum(finding.strength for finding in self.findings if finding.strength < 0)

    @property
    def score(self) -> float:
        """In (-1, 1), above 0 where the texts contradict the caption; one text of full strength makes a half."""
        return (self.against - self.support) / (1 + self.against + self.support)

    @property
    def strongest(self) -> Finding:
        """The finding that says most for what the score says."""
        return max(self.findings, key=lambda finding: finding.strength if self.score > 0 else -finding.strength)
