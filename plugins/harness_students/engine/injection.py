"""Image features in the inputs of a generation, in the place of the pixels that they were made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.api import Item
from harness_students.engine.features import Features
from harness_students.engine.forward import wrap_features
from harness_students.engine.tokens import BY_TOKEN, Images

if TYPE_CHECKING:
    from torch import Tensor


def with_features(inputs: Mapping[str, Tensor], items: Sequence[Item], features: Features) -> dict[str, Any]:
    """The inputs of one image per item with ``mm_encoder_outputs``; as they are where images have several parts."""
    import torch

    images = {name: value for name, value in inputs.items() if name not in BY_TOKEN}
    if any(len(value) != len(items) for value in images.values()):
        return dict(inputs)

    def own(place: int) -> Images:
        return {name: value[place : place + 1] for name, value in images.items()}

    names = [item.image.sha256() if item.image else "" for item in items]
    found = features.of({name: partial(own, place) for place, name in enumerate(names)})
    joined = torch.cat([found[name] for name in names]).to(features.device)
    rest = {name: value for name, value in inputs.items() if name in BY_TOKEN}
    return {**rest, "mm_encoder_outputs": wrap_features(joined, features.family)}
