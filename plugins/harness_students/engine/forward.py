"""The forward of TRL's fused head, with image features put in, prefixes shared and labels alone scored."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from harness_students.engine.families import Family, family_of
from harness_students.engine.masks import make_masks
from harness_students.engine.prefix import Packed
from harness_students.vlm_base import Model

if TYPE_CHECKING:
    from torch import Tensor

BATCH_KEY = "engine"
"""Under it a batch carries what this forward needs; the rest of the batch is what TRL needs."""

OF_THE_LOSS = ("weight", "rejected_of")
"""What a batch carries for a loss, and a trainer of TRL hands on to the model."""

BY_TOKEN_TYPE = ("token_type_ids", "mm_token_type_ids", "attention_mask", "input_ids")


@dataclass(frozen=True, slots=True)
class Backbone:
    """What TRL's fused forward asks of a model, where the hidden states are there already."""

    hidden: Tensor
    head: Any

    def base_model(self, **_: object) -> SimpleNamespace:
        """The hidden states, whatever it is called with."""
        return SimpleNamespace(last_hidden_state=self.hidden)

    model = base_model

    def get_output_embeddings(self) -> Any:  # noqa: ANN401 - a module
        """The language model's head."""
        return self.head


@dataclass(slots=True)
class Forward:
    """What of the forward can be switched."""

    head: bool = False
    """Whether the head works at labels only."""


def install(model: Model) -> Forward:
    """Put the engine's forward before TRL's fused one; ``model`` is the one below peft."""
    switch = Forward()
    fused = model.forward
    family = family_of(model)

    @functools.wraps(type(model).forward)
    def forward(
        self: Model,
        *args: object,
        fused_lm_head: bool = False,
        labels: Tensor | None = None,
        **given: Any,  # noqa: ANN401
    ) -> object:
        extra = given.pop(BATCH_KEY, {})
        given = {name: value for name, value in given.items() if name not in OF_THE_LOSS}
        if family is not None:
            given |= _image_inputs(self, extra, given, family)
        if not fused_lm_head or family is None or labels is None:
            return fused(*args, **given, **({} if labels is None else {"labels": labels}), fused_lm_head=fused_lm_head)
        num_items = given.pop("num_items_in_batch", None)
        if "packed" in extra:
            return _score_packed(self, fused, extra["packed"], labels, given, family, num_items)
        if switch.head and bool((labels[:, 1:] != -100).any()):
            return _score_labels(self, fused, labels, given, num_items)
        return fused(*args, **given, labels=labels, fused_lm_head=True, num_items_in_batch=num_items)

    model.forward = MethodType(forward, model)
    return switch


def wrap_features(features: Tensor, family: Family) -> Mapping[str, Any]:
    """Image features as the models of a family take them."""
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    pooled = features if family.stacked else [features]
    return {"image": BaseModelOutputWithPooling(pooler_output=pooled)}


def _image_inputs(model: Model, extra: Mapping[str, Any], given: Mapping[str, Any], family: Family) -> dict[str, Any]:
    """``mm_encoder_outputs`` of features that came with the batch, or of pixels that are to be encoded here."""
    import torch

    if "features" in extra:
        return {"mm_encoder_outputs": wrap_features(extra["features"], family)}
    if "images" not in extra:
        return {}
    with torch.no_grad():
        found = model.base_model.get_image_features(**extra["images"], return_dict=True)
    return {"mm_encoder_outputs": {"image": found}}


def _score_packed(
    model: Model,
    fused: Callable[..., Any],
    packed: Packed,
    labels: Tensor,
    given: Mapping[str, Any],
    family: Family,
    num_items: object,
) -> object:
    rest = {name: value for name, value in given.items() if name not in BY_TOKEN_TYPE}
    masks = make_masks(packed, model.config.get_text_config(), family, _kind(model))
    ids = {"input_ids": packed["input_ids"], "position_ids": packed["position_ids"]}
    hidden = _hidden(model, {**rest, **ids, "attention_mask": masks})
    states = hidden.flatten(0, 1).index_select(0, packed["predict"])
    return _score(model, fused, states, packed["label"], packed["place"], labels, num_items)


def _score_labels(
    model: Model, fused: Callable[..., Any], labels: Tensor, given: Mapping[str, Any], num_items: object
) -> object:
    hidden = _hidden(model, given)[:, :-1]
    place = (labels[:, 1:] != -100).flatten().nonzero().squeeze(1)
    states = hidden.flatten(0, 1).index_select(0, place)
    return _score(model, fused, states, labels[:, 1:].flatten()[place], place, labels, num_items)


def _hidden(model: Model, inputs: Mapping[str, Any]) -> Tensor:
    hidden: Tensor = model.base_model(**{**inputs, "use_cache": False}).last_hidden_state
    return hidden


def _score(
    model: Model,
    fused: Any,  # noqa: ANN401 - a bound method
    states: Tensor,
    targets: Tensor,
    place: Tensor,
    labels: Tensor,
    num_items: Any,  # noqa: ANN401 - a number or a tensor
) -> object:
    """TRL's head over N states, its results put where TRL has them: (R, L - 1), zero where there is no label."""
    backbone = Backbone(states[None], model.get_output_embeddings())
    scored = fused.__func__(backbone, fused_lm_head=True, shift_labels=targets[None])
    mask = labels[:, 1:] != -100
    fields = {
        name: value.new_zeros(mask.numel()).scatter(0, place, value[0]).view(mask.shape)
        for name, value in scored.items()
        if name not in ("loss", "label_mask", "aux_loss")
    }
    loss = -fields["log_probs"].sum() / (mask.sum() if num_items is None else num_items)
    return type(scored)(loss=loss, label_mask=mask, **fields)


def _kind(model: Model) -> Any:  # noqa: ANN401 - a dtype
    """The type of numbers in which attention is computed."""
    import torch

    return torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else model.dtype
