"""Which of the engine's mechanisms are on."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

MECHANISMS = ("features", "reference", "prefix", "head", "tokens")

WORDS = {"on": True, "off": False}


class Engine(BaseModel):
    """Mechanisms that make a training cheaper and leave its losses as they are, but for rounding.

    ``engine: off`` turns all off: what then runs are TRL's own trainers, collators and forwards.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    features: bool = True
    """An image goes through the vision side once and for all; trainings and predictions share what comes out."""
    reference: bool = True
    """The reference's log-probabilities of an answer are computed once; losses, betas and cells share them."""
    prefix: bool = True
    """What the answers of a batch have in common, image and question, is forwarded once."""
    head: bool = True
    """The language model's head works where there is a label only; TRL does so on GPUs, and nowhere else."""
    tokens: bool = True
    """A row is tokenised once in a training and not in every batch."""
    features_gb: float = Field(default=20, ge=0)
    """Most that one training's image features may weigh; where they weigh more, they are computed in each batch."""

    @model_validator(mode="before")
    @classmethod
    def _in_one_word(cls, given: object) -> object:
        """``on`` and ``off``, which a YAML reader may hand over as a word or as a truth value."""
        if isinstance(given, str):
            given = WORDS.get(given, given)
        return dict.fromkeys(MECHANISMS, given) if isinstance(given, bool) else given

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"enum": ["on", "off"]}, {"type": "boolean"}]}

    @property
    def off(self) -> bool:
        """Whether no mechanism is on."""
        return not any(getattr(self, name) for name in MECHANISMS)
