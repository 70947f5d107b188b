"""What of the searched evidence an item gets: options that every benchmark with evidence shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, LiteralString

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from harness.api import Benchmark, Evidence, Verdict
from harness_benchmarks.domains import LIST, checked, lies_in
from harness_benchmarks.evidence_text import clean, likeness, sameness, shortened
from harness_benchmarks.published import GIVEAWAYS, tells

GIVEN_AWAY = "evidence captions left out that give the verdict away"
BARRED = "evidence captions left out for the domain of their page"
EQUAL = "evidence captions left out that equal the item's caption"
REPEATED = "evidence captions left out that repeat another"
SHORT = "evidence captions left out that are too short"
BEYOND = "evidence captions left out beyond the most that are kept"
CUT = "evidence captions that were cut at the longest length"
ENTITIES = "entities left out"

_PRISTINE_ONLY: LiteralString = (
    "whether a text that equals the caption is left out must not depend on the label: where it is left out for pristine"
    " items alone, as in the protocol of Abdelnabi et al. (CVPR 2022), the evidence has been chosen by the answer, at"
    " test too; 'drop' treats all items alike, and a benchmark that can reproduce that protocol calls it"
    " oracle_pristine_duplicates"
)
_BY_IMAGE: LiteralString = (
    "ranking by the caption that belongs to the image needs what nobody has of a new post: for a falsified item it is"
    " the truth that is asked for; 'caption' ranks by the item's own caption, and a benchmark that can reproduce"
    " rankings by the image's calls it oracle_ranking"
)


def _by_label(value: object) -> object:
    if isinstance(value, str) and "pristine" in value.lower():
        raise PydanticCustomError("chosen_by_label", _PRISTINE_ONLY)
    return value


def _by_truth(value: object) -> object:
    if isinstance(value, str) and any(word in value.lower() for word in ("image", "true", "original", "oracle")):
        raise PydanticCustomError("ranked_by_truth", _BY_IMAGE)
    return value


@dataclass(frozen=True, slots=True)
class Filtered:
    """Evidence as an item gets it, and how many texts went for which reason."""

    evidence: Evidence
    found: int
    """Captions before anything was left out."""
    counts: Mapping[str, int]


class WithEvidence(Benchmark):
    """A benchmark with searched evidence. Nothing here reads a label, and every item is treated alike."""

    giveaways: tuple[str, ...] = GIVEAWAYS
    """Evidence with one of these words is left out, and counted: it gives the verdict away."""
    questions: bool = True
    """Leave out, too, evidence that asks whether something is so, as the headlines of fact-checkers do."""
    barred_domains: Annotated[tuple[str, ...], AfterValidator(checked)] = (LIST,)
    """Evidence from pages of these domains, their subdomains or, as in ``site.org/checks``, their folders is left out.

    Only where the address of the page is known. ``fact-checkers`` stands for a list of some hundred of these.
    """
    duplicates: Annotated[Literal["keep", "drop"], BeforeValidator(_by_label)] = "drop"
    """Whether evidence that equals the item's own caption, up to case, punctuation and spacing, is kept.

    In data sets that are made from captioned photographs a pristine caption was copied from a page that the search
    finds, so that one equal text settles the verdict without any reading. ``drop`` takes it from every item by one
    rule, which works on a new post as well; ``keep`` shows a model what a newsroom's search would find.
    """
    ranking: Annotated[Literal["as-found", "caption"], BeforeValidator(_by_truth)] = "as-found"
    """Order of the evidence: as it was found, or by the words that it shares with the item's own caption."""
    shortest_text: int = Field(default=2, ge=1)
    """Characters that a piece of evidence has at least, after cleaning."""
    longest_text: int = Field(default=500, ge=20, le=100_000)
    """Characters after which a piece of evidence is cut."""
    most_texts: int = Field(default=50, ge=1, le=10_000)
    """Most captions, and most entities, that an item gets."""

    def fair(self, evidence: Evidence, caption: str, twins: Iterable[str] = ()) -> Filtered:
        """The evidence that an item with that caption gets.

        ``twins`` are captions of other items that have the same evidence, and must go on having it: where one of
        them equals a text, that goes from all.
        """
        return self._filtered(evidence, (caption, *twins) if self.duplicates == "drop" else (), self._order(caption))

    def evidence_notes(self, filtered: Iterable[Filtered]) -> dict[str, str | int]:
        """How the evidence of these items was filtered, and how much went for which reason."""
        counts, found, bare, lost = Counter({GIVEN_AWAY: 0}), 0, 0, 0
        for one in filtered:
            counts.update(one.counts)
            found += one.found
            bare += not one.found
            lost += one.found > 0 and not one.evidence.captions
        return {
            "evidence captions found": found,
            **{reason: counts[reason] for reason in sorted(counts)},
            "items for which no evidence caption was found": bare,
            "items whose every evidence caption was left out": lost,
            "evidence that equals the caption": self._duplicates(),
            "order of evidence": self._ranking(),
        }

    def _duplicates(self) -> str:
        return "left out of every item" if self.duplicates == "drop" else "kept"

    def _ranking(self) -> str:
        return "as found" if self.ranking == "as-found" else "by likeness to the item's caption"

    def _order(self, caption: str) -> str:
        """The text by whose likeness evidence is ranked; empty to leave it as it was found."""
        return caption if self.ranking == "caption" else ""

    def _filtered(self, evidence: Evidence, equal_to: Iterable[str], order: str) -> Filtered:
        counts = Counter[str]()
        sources = evidence.sources or ("",) * len(evidence.captions)
        own, seen = {sameness(caption) for caption in equal_to}, set[str]()
        kept: list[tuple[str, str]] = []
        for found, source in zip(evidence.captions, sources, strict=True):
            text = clean(found)
            if reason := self._unfair(text, source) or _again(sameness(text), own, seen):
                counts[reason] += 1
            else:
                counts[CUT] += len(text) > self.longest_text
                kept.append((shortened(text, self.longest_text), source))
        if order:
            kept.sort(key=lambda pair: likeness(pair[0], order), reverse=True)
        counts[BEYOND] += max(0, len(kept) - self.most_texts)
        kept = kept[: self.most_texts]
        entities = self._entities(evidence.entities)
        counts[ENTITIES] += len(evidence.entities) - len(entities)
        left = Evidence(
            entities,
            tuple(text for text, _ in kept),
            tuple(source for _, source in kept) if evidence.sources else (),
        )
        return Filtered(left, len(evidence.captions), +counts)

    def _unfair(self, text: str, source: str) -> str:
        """Why a caption is left out whatever the item; empty where it stays."""
        if len(text) < self.shortest_text:
            return SHORT
        if source and lies_in(source, self.barred_domains):
            return BARRED
        return GIVEN_AWAY if tells(text, self.giveaways, self.questions) else ""

    def _entities(self, found: Sequence[str]) -> tuple[str, ...]:
        texts = (shortened(clean(entity), self.longest_text) for entity in found)
        kept = (text for text in texts if len(text) >= self.shortest_text and not tells(text, self.giveaways, False))
        first: dict[str, str] = {}
        for text in kept:
            first.setdefault(sameness(text), text)
        return tuple(first.values())[: self.most_texts]


def _again(text: str, own: Collection[str], seen: set[str]) -> str:
    """Why a text is left out for what it equals, by its sameness; empty where it stays, and is seen."""
    if text in own:
        return EQUAL
    if text in seen:
        return REPEATED
    seen.add(text)
    return ""


class WithOracles(WithEvidence):
    """A benchmark with evidence whose published protocols can be reproduced where they read the answer."""

    oracle_pristine_duplicates: bool = False
    """Leave out evidence that equals the caption for pristine items alone, at test too, in place of ``duplicates``.

    The label then chooses the evidence, as in Abdelnabi et al. (CVPR 2022): to compare with published numbers only.
    """
    oracle_ranking: bool = False
    """Rank evidence by the caption that belongs to the image, in place of ``ranking``.

    For a falsified item that caption is the answer, as in the public code of RED-DOT and MUSE: to compare only.
    """

    def known(
        self, evidence: Evidence, caption: str, verdict: Verdict | None, image_caption: str, twins: Iterable[str] = ()
    ) -> Filtered:
        """As `fair`; the verdict and the image's own caption are read only where an oracle option asks for it."""
        drop = verdict == "pristine" if self.oracle_pristine_duplicates else self.duplicates == "drop"
        order = image_caption if self.oracle_ranking else self._order(caption)
        return self._filtered(evidence, (caption, *twins) if drop else (), order)

    def oracles(self) -> Sequence[str]:
        """What of the evidence is chosen or ranked by the answer."""
        told = {
            "Evidence that equals the caption is left out of pristine items alone, so that the label chooses what a "
            "model is shown, at test too (oracle_pristine_duplicates).": self.oracle_pristine_duplicates,
            "Evidence is ranked by the caption that belongs to the image, which nobody has of a new post "
            "(oracle_ranking).": self.oracle_ranking,
        }
        return tuple(sentence for sentence, is_so in told.items() if is_so)

    def _duplicates(self) -> str:
        return "oracle: left out of pristine items alone" if self.oracle_pristine_duplicates else super()._duplicates()

    def _ranking(self) -> str:
        return "oracle: by likeness to the image's own caption" if self.oracle_ranking else super()._ranking()
