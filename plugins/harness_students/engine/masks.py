"""Who sees whom in a packed batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness_students.engine.families import Family
from harness_students.engine.prefix import Packed

if TYPE_CHECKING:
    from torch import Tensor, dtype

Masks = Any
"""One mask of shape (P, 1, M, M), or a dictionary with one for each kind of layer."""


def make_masks(packed: Packed, text_config: Any, family: Family, kind: dtype) -> Masks:  # noqa: ANN401
    """An answer sees its question and itself; nothing sees another answer. As the configuration's layers need it."""
    window = getattr(text_config, "sliding_window", None)
    layers = set(getattr(text_config, "layer_types", None) or ())
    full = _full(packed)
    if window is None or (layers and "sliding_attention" not in layers):
        return _as_needed(full, text_config, kind)
    sliding = _as_needed(full & _near(packed, window), text_config, kind)
    if not layers or not family.masks_by_layer:
        return sliding
    return {"full_attention": _as_needed(full, text_config, kind), "sliding_attention": sliding}


def _full(packed: Packed) -> Tensor:
    """(P, M, M): query, key."""
    import torch

    segment, position, block = packed["segment"], packed["position_ids"], packed["block"]
    own = (segment[:, None, :] == 0) | (segment[:, None, :] == segment[:, :, None])
    there = segment[:, None, :] >= 0
    before = position[:, None, :] <= position[:, :, None]
    together = (block[:, None, :] == block[:, :, None]) & (block[:, None, :] >= 0)
    # A token that sees nothing has no softmax; padding sees itself.
    itself = torch.eye(segment.shape[1], dtype=torch.bool, device=segment.device)
    return (own & there & (before | together)) | itself


def _near(packed: Packed, window: int) -> Tensor:
    position = packed["position_ids"]
    return position[:, None, :] > position[:, :, None] - window


def _as_needed(seen: Tensor, text_config: Any, kind: dtype) -> Tensor:  # noqa: ANN401
    """True where seen, or, for an attention that adds its mask, 0 there and the lowest number elsewhere."""
    import torch

    seen = seen[:, None]
    if text_config._attn_implementation != "eager":
        return seen
    return torch.zeros_like(seen, dtype=kind).masked_fill(~seen, torch.finfo(kind).min)
