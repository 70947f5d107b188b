"""Several trainings at once over one base: their adapters' batches go through the language model together.

Each training runs as it would alone, with its own trainer, optimiser, schedule, data order and log. Where it would
work its language model, or go back through it, it waits for the others.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness_students.vlm_base import Base, Model, quiet_peft
from harness_students.vlm_joint import Call, join, joinable, split
from harness_students.vlm_turns import Turn

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Trainer

BACK = "back"
"""A training's question when it has brought its gradients to what the language model gave."""

NONE = "__base__"
"""peft's name for no adapter."""

Enter = Callable[["Trainer"], None]
"""What a training does with its trainer before the first step."""


def train_together(base: Base, trainings: Sequence[Callable[[Enter], None]]) -> None:
    """Do the trainings. One that raises stops all: the others cannot tell what they have lost."""

    def act(training: Callable[[Enter], None], seat: int) -> Callable[[Turn], None]:
        return lambda turn: training(lambda trainer: _seat(trainer, turn, shared, seat))

    shared = _Shared(base)
    turns = [Turn(act(training, seat)) for seat, training in enumerate(trainings)]
    try:
        asked = {turn: turn.go_on() for turn in turns}
        while asked := {turn: question for turn, question in asked.items() if question is not None}:
            answers = shared.answer(asked)
            asked |= {turn: turn.go_on(answer) for turn, answer in answers.items()}
    finally:
        for turn in turns:
            turn.stop()


def _seat(trainer: Trainer, turn: Turn, shared: _Shared, seat: int) -> None:
    """Let a trainer ask for what its language model, and the way back through it, would give."""
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPast

    decoder = trainer.model.get_base_model().get_decoder()
    own_forward, own_backward = decoder.forward, trainer.accelerator.backward

    def forward(*arguments: object, **inputs: object) -> object:
        adapter = shared.adopt(trainer.model, seat)
        if arguments or adapter is None or torch.is_inference_mode_enabled() or not joinable(inputs):
            return own_forward(*arguments, **inputs)
        call = Call(adapter, inputs, torch.is_grad_enabled(), _autocast(decoder.device.type))
        return BaseModelOutputWithPast(last_hidden_state=turn.ask(call))

    def backward(loss: Tensor, **options: object) -> None:
        own_backward(loss, **options)
        turn.ask(BACK)

    decoder.forward, trainer.accelerator.backward = forward, backward


def _autocast(device: str) -> object:
    import torch

    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None


@dataclass(frozen=True, slots=True)
class _Forward:
    """A common call whose gradients are still to come."""

    calls: Sequence[Call]
    hidden: Tensor
    leaves: Sequence[Tensor]
    """Each training's part, with no way back; its gradient is where the way back of all begins."""


class _Shared:
    """A branch of the base whose LoRA layers carry the very weights that the trainings' own branches have."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._model: Model = None
        self._adopted: set[str] = set()
        self._forwards: list[_Forward] = []

    def adopt(self, model: Model, seat: int) -> str | None:
        """Name of the adapter that is active in a training's model; None where there are several."""
        layers = _lora_layers(model)
        first = next(iter(layers.values()))
        if first.disable_adapters:
            return NONE
        if len(first.active_adapters) != 1:
            return None
        adapter = first.active_adapters[0]
        name = f"{seat}_{adapter}"
        if name not in self._adopted:
            self._take(layers, model, adapter, name)
            self._adopted.add(name)
        return name

    def _take(self, layers: Mapping[str, Model], model: Model, adapter: str, name: str) -> None:
        if self._model is None:
            self._model = _branch_like(self._base, model)
        for path, mine in _lora_layers(self._model).items():
            theirs = layers[path]
            for part in ("lora_A", "lora_B", "lora_dropout"):
                getattr(mine, part)[name] = getattr(theirs, part)[adapter]
            mine.scaling[name] = theirs.scaling[adapter]

    def answer(self, asked: Mapping[Turn, Any]) -> dict[Turn, Any]:
        """What is asked of the language model first; only when all have come to the way back, that."""
        calls: defaultdict[Hashable, dict[Turn, Call]] = defaultdict(dict)
        for turn, question in asked.items():
            if isinstance(question, Call):
                calls[question.kind][turn] = question
        if not calls:
            self._back()
            return dict.fromkeys(asked)
        answers: dict[Turn, Any] = {}
        for group in calls.values():
            answers |= zip(group, self._forward(list(group.values())), strict=True)
        return answers

    def _forward(self, calls: Sequence[Call]) -> Sequence[Tensor]:
        import torch

        first = calls[0]
        device = first.inputs["inputs_embeds"].device.type
        self._model.train(first.grad)
        # peft refuses names of adapters in training; without dropout the layers do the same in both modes.
        self._model.base_model.training = False
        with (
            torch.set_grad_enabled(first.grad),
            torch.autocast(device, first.autocast, enabled=first.autocast is not None),
            self._named(calls),
        ):
            hidden = self._model.get_base_model().get_decoder()(**join(calls)).last_hidden_state
        parts = split(hidden, calls)
        if first.grad:
            parts = [part.detach().requires_grad_() for part in parts]
            self._forwards.append(_Forward(calls, hidden, parts))
        return parts

    def _back(self) -> None:
        import torch

        for made in self._forwards:
            gradient = torch.zeros_like(made.hidden)
            for part, leaf in zip(split(gradient, made.calls), made.leaves, strict=True):
                if leaf.grad is not None:
                    part.copy_(leaf.grad)
            # Where activations are computed again on the way back, the layers must know whose rows they have.
            with self._named(made.calls):
                torch.autograd.backward(made.hidden, gradient)
        self._forwards.clear()

    def _named(self, calls: Sequence[Call]) -> AbstractContextManager[None]:
        names = [call.adapter for call in calls for _ in range(call.rows)]
        hooks: AbstractContextManager[None] = self._model.base_model._enable_peft_forward_hooks(adapter_names=names)
        return hooks


def _lora_layers(model: Model) -> dict[str, Model]:
    from peft.tuners.lora import LoraLayer

    return {path: module for path, module in model.named_modules() if isinstance(module, LoraLayer)}


def _branch_like(base: Base, model: Model) -> Model:
    """A branch with LoRA where the model has it, and with the same checkpoints of activations."""
    from peft import get_peft_model

    config = copy.copy(model.peft_config["default"])
    config.base_model_name_or_path = None
    with quiet_peft():
        branch = get_peft_model(base.branch(), config).requires_grad_(False)
    if any(getattr(module, "gradient_checkpointing", False) for module in model.modules()):
        inner = branch.get_base_model()
        # transformers renamed the method in 5.2x and warns of the old name.
        enable = getattr(inner, "activation_checkpointing_enable", None) or inner.gradient_checkpointing_enable
        enable({"use_reentrant": False})
    return branch
