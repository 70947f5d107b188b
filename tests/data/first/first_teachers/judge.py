# Frozen: see the README beside this package. Never edit or reformat a file here.
# ruff: noqa
# fmt: off
"""What both teachers share: they score an item, and say no to some captions."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from math import exp
from pathlib import Path

from pydantic import Field

from harness.api import Annotation, Item, Teacher, UnreadableImage, Usage, verdict_of


class Judge(Teacher):
    """A teacher that makes a probability of a score; subclasses say what the score is."""

    templates = ("ask.txt",)

    sharpness: float = Field(default=4.0, gt=0, le=50)
    """Steepness of p_falsified around a score of 0."""
    refuses: tuple[str, ...] = ()
    """Words at which it refuses to answer."""

    @abstractmethod
    def score(self, item: Item) -> float | None:
        """Above 0 where the caption does not fit; None where nobody can tell."""

    def annotate(self, items: Sequence[Item]) -> Iterable[Annotation]:
        """One annotation per item, in the order of the items."""
        question = Path(__file__).with_name("ask.txt").read_text(encoding="utf-8")
        for item in items:
            yield self._answer(item, question.format(caption=item.caption))

    def _answer(self, item: Item, question: str) -> Annotation:
        usage = Usage(1, len(question.split()), 2, 0.001)
        if any(word in item.caption for word in self.refuses):
            return Annotation(item.id, "refused", usage=usage)
        try:
            score = self.score(item)
        except UnreadableImage as error:
            return Annotation(item.id, "error", rationale=f"No picture: {error.place}.", usage=Usage(calls=0))
        if score is None:
            return Annotation(item.id, "unparsable", None, None, "No score.", usage)
        p = round(1 / (1 + exp(-self.sharpness * score)), 6)
        return Annotation(item.id, "ok", verdict_of(p), p, f"{question.strip()} {score:+.3f}", usage)
