"""A teacher that compares an image's feature vector with its caption's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from harness.api import Annotation, Item, Teacher, Usage, hookimpl
from harness_teachers.similarity import judged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class FeatureSimilarity(Teacher):
    """Calls a caption falsified where it is less similar to the image than a threshold.

    Similarity is the cosine of two vectors from one embedding space, such as CLIP's, that came with the data
    set. It calls no model and costs nothing. An item without usable vectors is an ``error``.
    """

    name = "feature-similarity"

    image_feature: str = "image"
    """Name of the item's feature for the image."""
    text_feature: str = "text"
    """Name of the item's feature for the caption; of the same length."""
    threshold: float = Field(default=0.25, ge=-1, le=1)
    """Cosine at which both verdicts are equally likely. CLIP's cosines lie between 0.1 and 0.4."""
    scale: float = Field(default=0.05, gt=0)
    """Cosine below the threshold by which the log-odds of falsified grow by one."""

    def reads(self) -> frozenset[str]:
        """The two features."""
        return frozenset({f"features.{self.image_feature}", f"features.{self.text_feature}"})

    def annotate(self, items: Sequence[Item]) -> Iterator[Annotation]:
        """A verdict, its probability and a sentence with both numbers."""
        for item in items:
            similarity = self._similarity(item.features)
            if similarity is None:
                yield Annotation(item.id, "error", rationale=f"It has no usable {' and '.join(sorted(self.reads()))}.")
                continue
            yield judged(item.id, similarity, self.threshold, self.scale, Usage())

    def _similarity(self, features: Mapping[str, NDArray[np.float32]]) -> float | None:
        """Cosine in [-1, 1]; None where a vector is missing, has no direction, or has another length."""
        image, text = features.get(self.image_feature), features.get(self.text_feature)
        if image is None or text is None or image.shape != text.shape:
            return None
        x, y = image.astype("float64"), text.astype("float64")
        norms = math.sqrt(float(x @ x) * float(y @ y))
        similarity = float(x @ y) / norms if norms > 0 else math.nan
        return max(-1.0, min(1.0, similarity)) if math.isfinite(similarity) else None


@hookimpl
def harness_teachers() -> list[type[Teacher]]:
    """Similarity of given features."""
    return [FeatureSimilarity]
