# Frozen: see the README beside this package. Never edit or reformat a file here.
# ruff: noqa
# fmt: off
"""A teacher that compares the vectors that came with an item."""

from typing import Literal

from first_teachers.judge import Judge
from harness.api import Item, MissingDependency


class Vectors(Judge):
    """Falsified where the vectors of image and text point away from each other."""

    name = "first-vectors"

    engine: Literal["plain", "abacus"] = "plain"
    """What multiplies."""

    def reads(self) -> frozenset[str]:
        return frozenset({"features.image", "features.text"})

    def score(self, item: Item) -> float | None:
        image, text = item.features.get("image"), item.features.get("text")
        if image is None or text is None:
            return None
        if self.engine == "abacus":
            try:
                from no_such_abacus import multiply
            except ImportError:
                raise MissingDependency(
                    "teacher first-vectors needs abacus", remedy="pip install 'first[abacus]'"
                ) from None
            return -multiply(image, text)
        return -sum(float(x) * float(y) for x, y in zip(image, text))
