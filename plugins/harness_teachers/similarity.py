"""From the similarity of an image and a caption to a verdict."""

from __future__ import annotations

import math

from harness.api import Annotation, Usage, verdict_of


def judged(item_id: str, similarity: float, threshold: float, scale: float, usage: Usage) -> Annotation:
    """Falsified below the threshold; the log-odds grow by one with every ``scale`` of cosine below it."""
    p_falsified = 1 / (1 + math.exp(min((similarity - threshold) / scale, 700.0)))
    verdict = verdict_of(p_falsified)
    side = "not above" if verdict == "falsified" else "above"
    rationale = f"Image and caption have a similarity of {similarity:.3f}, {side} {threshold:.3f}."
    return Annotation(item_id, "ok", verdict, p_falsified, rationale, usage)
