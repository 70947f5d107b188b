"""Calls of a language model by several trainings, as one call: rows below each other, padded on the right."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

JOINED = ("inputs_embeds", "attention_mask", "position_ids")
"""Arguments that are put together; all others must be equal."""


@dataclass(frozen=True, slots=True)
class Call:
    """What one training asks of the language model."""

    adapter: str
    """The shared model's name of the adapter under which it is asked."""
    inputs: Mapping[str, Any]
    """``inputs_embeds`` (R, L, H), ``attention_mask`` and ``position_ids`` (… R, L), and others that are no tensors."""
    grad: bool
    """Whether gradients will be asked for."""
    autocast: Any
    """The type in which torch computes instead of the weights', or None."""

    @property
    def rows(self) -> int:
        """R."""
        return len(self.inputs["inputs_embeds"])

    @property
    def length(self) -> int:
        """L."""
        return int(self.inputs["inputs_embeds"].shape[1])

    @property
    def kind(self) -> Hashable:
        """What calls must have in common to be one."""
        others = {name: value for name, value in self.inputs.items() if name not in JOINED}
        mask, positions = (self.inputs.get(name) for name in JOINED[1:])
        shape = None if positions is None else tuple(positions.shape[:-2])
        return (self.grad, self.autocast, repr(sorted(others.items())), _kind_of_mask(mask), shape)


def joinable(inputs: Mapping[str, Any]) -> bool:
    """Whether all arguments are known well enough to be put together with another call's."""
    mask, positions = inputs.get("attention_mask"), inputs.get("position_ids")
    plain = all(value is None or isinstance(value, bool) for name, value in inputs.items() if name not in JOINED)
    outputs = ("use_cache", "output_hidden_states", "output_attentions")
    return (
        inputs.get("inputs_embeds") is not None
        and plain
        and not any(inputs.get(name) for name in outputs)
        and inputs.get("return_dict") is not False
        and _kind_of_mask(mask) != "strange"
        # Without a mask, some models read from the positions where in a row a text begins.
        and (positions is None or mask is not None)
    )


def join(calls: Sequence[Call]) -> dict[str, Any]:
    """The arguments of the common call."""
    import torch
    from torch.nn.functional import pad

    length = max(call.length for call in calls)
    embeds = [pad(call.inputs["inputs_embeds"], (0, 0, 0, length - call.length)) for call in calls]
    first = calls[0].inputs
    joined = {**first, "inputs_embeds": torch.cat(embeds).detach(), "attention_mask": _join_masks(calls, length)}
    if first.get("position_ids") is not None:
        joined["position_ids"] = torch.cat([_positions(call, length) for call in calls], dim=-2)
    return joined


def split(hidden: Tensor, calls: Sequence[Call]) -> list[Tensor]:
    """Each call's own part of (R, L, H)."""
    import torch

    parts = torch.split(hidden, [call.rows for call in calls])
    return [part[:, : call.length] for part, call in zip(parts, calls, strict=True)]


def _positions(call: Call, length: int) -> Tensor:
    from torch.nn.functional import pad

    positions: Tensor = call.inputs["position_ids"]
    full = positions.expand(*positions.shape[:-2], call.rows, call.length)
    return pad(full, (0, length - call.length))


def _kind_of_mask(mask: object) -> Hashable:
    """``rows`` for none or (R, L), the type of (R, 1, L, L), or these by name."""
    from torch import Tensor

    match mask:
        case None:
            return "rows"
        case Tensor(ndim=2):
            return "rows"
        case Tensor(ndim=4):
            return str(mask.dtype)
        case dict() if all(isinstance(one, Tensor) and one.ndim == 4 for one in mask.values()):
            return tuple((name, str(one.dtype)) for name, one in sorted(mask.items()))
    return "strange"


def _join_masks(calls: Sequence[Call], length: int) -> Tensor | dict[str, Tensor]:
    import torch

    first = calls[0].inputs.get("attention_mask")
    if isinstance(first, dict):
        return {
            name: torch.cat([_square(call.inputs["attention_mask"][name], call, length) for call in calls])
            for name in first
        }
    if first is not None and first.ndim == 4:
        return torch.cat([_square(call.inputs["attention_mask"], call, length) for call in calls])
    return torch.cat([_flat(call, length) for call in calls])


def _flat(call: Call, length: int) -> Tensor:
    """(R, length), 0 where nothing stands."""
    from torch.nn.functional import pad

    mask = call.inputs.get("attention_mask")
    if mask is None:
        mask = call.inputs["inputs_embeds"].new_ones((call.rows, call.length)).long()
    return pad(mask, (0, length - call.length))


def _square(mask: Tensor, call: Call, length: int) -> Tensor:
    """(R, 1, length, length); what is filled in looks at itself alone, for a row that looks nowhere gives no number."""
    import torch

    hidden = False if mask.dtype == torch.bool else torch.finfo(mask.dtype).min
    shown = True if mask.dtype == torch.bool else 0.0
    full = mask.new_full((call.rows, mask.shape[1], length, length), hidden)
    full[:, :, : call.length, : call.length] = mask
    places = torch.arange(call.length, length, device=mask.device)
    full[:, :, places, places] = shown
    return full
