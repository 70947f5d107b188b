"""What a student on numbers looks at: an item's features and evidence → vectors."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.api import Item

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

Part = Literal["image", "text", "product", "difference", "cosine", "similarities"]

PAGES, ENTITIES = "pages", "entities"
"""The two kinds of evidence."""

MOST_TEXTS = 50
"""Texts of a kind of evidence that are looked at, the first ones."""

_WORD = re.compile(r"\w+")


def texts_of(item: Item, kind: str) -> tuple[str, ...]:
    """The texts of a kind of evidence that are looked at."""
    return (item.evidence.captions if kind == PAGES else item.evidence.entities)[:MOST_TEXTS]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Parts made of the image's and the caption's vector and of the evidence, then further features as they are.

    Where an item has vectors of its evidence, they are features ``EVIDENCE.pages`` and ``EVIDENCE.entities`` of
    shape (K, D) in the space of the other two, ``evidence`` being EVIDENCE; it is empty where there are none.
    """

    image: str
    text: str
    parts: tuple[Part, ...]
    extra: tuple[str, ...]
    evidence: str = ""

    def of(self, item: Item) -> list[Vector]:
        """A vector (D_p,) for each part; no vector at all where the item lacks a finite feature."""
        import numpy as np

        names = (self.image, self.text, *self.extra)
        if any(name not in item.features for name in names):
            return []
        image, text, *extra = (np.asarray(item.features[name], dtype=np.float32).ravel() for name in names)
        if not all(np.isfinite(vector).all() for vector in (image, text, *extra)):
            return []
        image, text = unit(image), unit(text)
        made = {"image": image, "text": text}
        if image.shape == text.shape:
            made |= {"product": image * text, "difference": abs(image - text), "cosine": np.array([image @ text])}
        if "cosine" in made and "similarities" in self.parts:
            made["similarities"] = np.array([image @ text, *self._evidence(item, image, text)], dtype=np.float32)
        return [*(made[part] for part in self.parts), *extra] if made.keys() >= set(self.parts) else []

    def _evidence(self, item: Item, image: Vector, text: Vector) -> Iterator[float]:
        """Of each kind: how similar its texts are to image and caption, largest and mean, and how many there are.

        The measure is MUSE's (Papadopoulos et al., arXiv 2407.13488), over all the evidence and not the first alone.
        Without vectors of the evidence, captions are compared by their words, and images not at all.
        """
        for kind in (PAGES, ENTITIES):
            if self.evidence:
                vectors = item.features[f"{self.evidence}.{kind}"]  # (K, D)
                yield from _summary([float(unit(vector) @ image) for vector in vectors])
                yield from _summary([float(unit(vector) @ text) for vector in vectors])
            else:
                yield from _summary([shared_words(item.caption, other) for other in texts_of(item, kind)])
            yield math.log1p(len(texts_of(item, kind)))


def _summary(similarities: Sequence[float]) -> tuple[float, float]:
    """Largest and mean; 0 where there is nothing to compare with."""
    return (max(similarities), sum(similarities) / len(similarities)) if similarities else (0.0, 0.0)


def shared_words(one: str, other: str) -> float:
    """Cosine of the texts' sets of words, in [0, 1]."""
    a, b = (set(_WORD.findall(text.casefold())) for text in (one, other))
    return len(a & b) / math.sqrt(len(a) * len(b)) if a and b else 0.0


def unit(vector: Vector) -> Vector:
    """The vector scaled to length 1; zero stays zero."""
    import numpy as np

    scaled: Vector = vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))
    return scaled
