"""A teacher that asks whether what a caption names is supported by the web evidence, without any model."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp
from typing import Literal

from pydantic import Field

from harness.api import Annotation, Item, Teacher, Usage, Verdict, hookimpl, verdict_of

Source = Literal["entities", "captions"]
Checks = Literal["names", "words", "all"]

# English function words, and what a caption says about itself rather than about the news.
_NOT_CHECKED = """
a about after again against all also am amid among an and any are around as at be because been before being
below between both but by can could did do does doing down during each few for from further had has have
having he her here hers him his how i if in into is it its itself just me more most my near no nor not now of
off on once only or other our out over own s same she should since so some such t than that the their them then
there these they this those through to too under until up upon very was we were what when where which while who
whom why will with within without would you your
caption image images photo photograph photos photographs pic picture pictures show shows showing shown video
"""
STOP_WORDS = frozenset(_NOT_CHECKED.split())

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ENDINGS = ("ing", "ed", "es", "s")
_OPENS_SENTENCE = re.compile(r"(?:^|[.!?:]\s+)[\"'“‘(]*$")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a caption as it is written and as it is compared."""

    written: str
    stem: str
    is_name: bool


class EvidenceOverlap(Teacher):
    """Checks word by word whether a caption is supported by what a search with the image found.

    It holds a caption for falsified when the share of checked words that the evidence has is below a
    threshold. What it checks and where makes its blind spots: one that checks names among the entities
    cannot see a wrong event.
    """

    name = "evidence-overlap"

    sources: tuple[Source, ...] = Field(default=("entities", "captions"), min_length=1)
    """Where words are looked for: visual entities, captions or titles of pages with the image."""
    checks: Checks = "all"
    """Which words of the caption count: names (capitalised words), the other content words, or all."""
    ignored: tuple[str, ...] = ()
    """Words that are not checked, besides English function words."""
    threshold: float = Field(default=0.5, gt=0, le=1)
    """Smallest share of supported words at which a caption is held for pristine."""
    min_evidence: int = Field(default=1, ge=1)
    """Texts of the sources below which there is no ground for a verdict."""
    lean: Verdict = "pristine"
    """Verdict without ground: no evidence, or no word to check. Its probability is next to 0.5."""
    sharpness: float = Field(default=8.0, gt=0)
    """Steepness of p_falsified around the threshold, per unit of share."""

    def annotate(self, items: Sequence[Item]) -> Iterable[Annotation]:
        """One annotation per item, in the order of the items."""
        return (self._judge(item) for item in items)

    def reads(self) -> frozenset[str]:
        return frozenset({"evidence"})

    def _judge(self, item: Item) -> Annotation:
        texts = [text for source in self.sources for text in getattr(item.evidence, source) if text.strip()]
        if len(texts) < self.min_evidence:
            return self._undecided(
                item, "There is no evidence to check against." if not texts else "Too little evidence."
            )
        words = self._checked(item.caption)
        if not words:
            return self._undecided(item, "The caption has no word to check.")
        known = {word.stem for text in texts for word in words_of(text)}
        found = [word.stem in known for word in words]
        p_falsified = self._probability(sum(found) / len(words))
        rationale = ", ".join(
            f"{word.written} {'found' if is_found else 'not found'}"
            for word, is_found in zip(words, found, strict=True)
        )
        return Annotation(item.id, "ok", verdict_of(p_falsified), p_falsified, f"{rationale}.", Usage(calls=1))

    def _checked(self, caption: str) -> list[Word]:
        """The words that count, each stem once, in the order of the caption."""
        ignored = {stem_of(word) for word in self.ignored}
        chosen = {
            word.stem: word
            for word in reversed(list(words_of(caption)))
            if word.stem not in ignored and (self.checks == "all" or word.is_name == (self.checks == "names"))
        }
        return list(reversed(chosen.values()))

    def _probability(self, share: float) -> float:
        """A logistic curve over the share; a share equal to the threshold is just pristine."""
        return 1 / (1 + exp(self.sharpness * (share - self.threshold) + 1e-6))

    def _undecided(self, item: Item, why: str) -> Annotation:
        p_falsified = 0.499 if self.lean == "pristine" else 0.501
        return Annotation(item.id, "ok", self.lean, p_falsified, why, Usage(calls=1))


def words_of(text: str) -> Iterator[Word]:
    """Content words: no function words and no single letters; numbers and single ideographs are words.

    A word is a name where it is capitalised. At the start of a sentence, where every word is, this is a
    guess; titles in capitals throughout make names of all their words.
    """
    text = unicodedata.normalize("NFKC", text)
    for match in _WORD.finditer(text):
        written = match.group()
        folded = written.casefold()
        if folded in STOP_WORDS or (len(written) == 1 and written.lower() != written.upper()):
            continue
        yield Word(written, stem_of(written), written[0].isupper())


def stem_of(word: str) -> str:
    """The word without case, accents, possessive and common English endings."""
    plain = unicodedata.normalize("NFKD", re.sub(r"['’]s?$", "", word.casefold()))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).replace("'", "").replace("’", "")
    for ending in _ENDINGS:
        if plain.endswith(ending) and len(plain) - len(ending) >= 3 and not plain.endswith("ss"):
            return plain[: -len(ending)].rstrip("e")
    return plain.rstrip("e") if len(plain) > 3 else plain


@hookimpl
def harness_teachers() -> Iterable[type[Teacher]]:
    """The word-checking teacher."""
    return [EvidenceOverlap]
