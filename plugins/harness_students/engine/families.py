"""What the engine must know of a family of models; a family that is not here is trained as TRL trains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness_students.vlm_base import Model


@dataclass(frozen=True, slots=True)
class Family:
    """How image features enter a model, and which tokens look at each other in both directions."""

    stacked: bool = False
    """Whether features are one tensor (images, tokens, width) and not a list with one tensor per image."""
    first_position: int = 0
    """Position id of a sequence's first token."""
    blocks: Literal["", "image", "prefix"] = ""
    """What attends in both directions, by ``token_type_ids``: runs of 1 (image), or all that is 0 (prefix)."""
    masks_by_layer: bool = True
    """Whether the model takes one mask for full and another one for sliding attention."""


FAMILIES: Mapping[str, Family] = {
    "llava": Family(),
    "llava_next": Family(),
    "idefics3": Family(),
    "smolvlm": Family(),
    "paligemma": Family(stacked=True, first_position=1, blocks="prefix", masks_by_layer=False),
    "gemma3": Family(stacked=True, blocks="image"),
}


def family_of(model: Model) -> Family | None:
    """The family by the configuration's type of model."""
    return FAMILIES.get(model.config.model_type)


def head_obstacle(model: Model) -> str:
    """Why the head cannot work at labels alone; empty where it can."""
    if family_of(model) is None:
        return f"the family {model.config.model_type} is not known to the engine"
    if getattr(model.config.get_text_config(), "output_router_logits", False):
        return "the loss of a mixture of experts counts the tokens of a batch"
    return ""


def prefix_obstacle(model: Model) -> str:
    """Why prefixes cannot be shared in this model; empty where they can."""
    if reason := head_obstacle(model):
        return reason
    family, text = FAMILIES[model.config.model_type], model.config.get_text_config()
    if text._attn_implementation not in ("sdpa", "eager"):
        return f"the attention {text._attn_implementation} takes no mask of four dimensions"
    if not family.masks_by_layer and getattr(text, "sliding_window", None):
        return "the model takes one mask for layers that need two"
    return ""
