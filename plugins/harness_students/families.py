"""What differs from family to family of vision-language models: names of modules, prompts, tiles, packages."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from harness.api import MissingDependency, TrainingError

LINEAR = "q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj"
"""Linear layers of a language model's block, under the names that all families share."""

PLAIN = (
    "{% for message in messages %}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else part['text'] }}"
    "{% endfor %}{% endif %}{% endfor %}"
)
"""For a family without chat: the image, the question, the answer, and no marks between them."""

Tiles = Literal["none", "grid", "edge", "patches"]
"""How a processor cuts a picture: not at all, to one of a list of grids, by its longest edge, to a number."""


@dataclass(frozen=True, slots=True)
class Family:
    """One ``model_type`` of transformers.

    ``language`` and ``outside`` are names of modules: the language model, and what lies beside it and stays frozen.
    """

    model_type: str
    language: str = "language_model"
    outside: tuple[str, ...] = ("vision_tower", "multi_modal_projector")
    template: str | None = None
    """Chat template where published models of the family have none."""
    answers_apart: bool = False
    """Whether the processor cannot take an answer by itself, and attends to a prompt in both directions."""
    tiles: Tiles = "none"
    edge: Literal["none", "side", "area"] = "none"
    """What ``size['longest_edge']`` of the processor bounds: a side in pixels, or all pixels together."""
    torchvision: bool = False
    """Whether its processor is made by torchvision alone."""

    @property
    def lora_targets(self) -> str:
        """Regular expression over names of modules: every linear layer of the language model's blocks."""
        return rf"(.*\.)?{self.language}\.(.*\.)?({LINEAR})"


FAMILIES = {
    family.model_type: family
    for family in (
        Family("llava"),
        Family("llava_next", tiles="grid"),
        Family("idefics3", "text_model", ("vision_model", "connector"), tiles="edge", edge="side"),
        Family("paligemma", template=PLAIN, answers_apart=True),
        Family("gemma3"),
        Family("qwen2_vl", outside=("visual",), edge="area", torchvision=True),
        Family("qwen2_5_vl", outside=("visual",), edge="area", torchvision=True),
        Family("qwen3_vl", outside=("visual",), edge="area", torchvision=True),
        Family("internvl", tiles="patches", torchvision=True),
        Family("smolvlm", "text_model", ("vision_model", "connector"), tiles="edge", edge="side", torchvision=True),
    )
}


def family_of(model_type: str) -> Family | None:
    """The preset of a model type, or None where there is none."""
    return FAMILIES.get(model_type)


def lora_targets(model_type: str, asked: str | None) -> str:
    """The pattern that was asked for, or else the family's; raises `TrainingError` where there is neither."""
    if asked is not None:
        return asked
    family = family_of(model_type)
    if family is None:
        raise TrainingError(
            f"there is no preset for models of the type {model_type!r}",
            remedy="give the student's option 'lora_targets' a pattern of the language model's linear layers, "
            f"or use one of {', '.join(sorted(FAMILIES))}",
        )
    return family.lora_targets


def require_torchvision(model: str, model_type: str) -> None:
    """Raise `MissingDependency` where the family's processor needs torchvision and it is not installed."""
    family = family_of(model_type)
    if family and family.torchvision and find_spec("torchvision") is None:
        raise MissingDependency(
            f"the processor of a {model_type} needs torchvision",
            place=model,
            remedy="pip install 'ooc-harness[qwen]'",
        )
