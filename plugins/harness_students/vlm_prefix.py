"""Processors of models that read a prompt in both directions, made to tell a prompt from an answer."""

from __future__ import annotations

from typing import Any

Processor = Any
"""A processor of transformers."""


def tell_answers_apart(processor: Processor) -> None:
    """Let PaliGemma's processor take answers without images, and mark their tokens as read from left to right.

    Published code marks every token of a text without an image as prompt, so that each token of an answer would be
    seen by all: the loss falls and nothing is learnt.
    """
    from transformers import BatchFeature, ProcessorMixin

    class AnswersApart(type(processor)):  # type: ignore[misc]
        def __call__(self, images: object = None, text: object = None, **given: object) -> BatchFeature:
            if images is not None:
                # Past the family's own method, which adds labels that do not fit what trainers put together.
                given["return_token_type_ids"] = True
                return ProcessorMixin.__call__(self, images=images, text=text, **given)
            tensors = given.pop("return_tensors", None)
            encoded = dict(self.tokenizer(text, **given))
            encoded["token_type_ids"] = [[1] * len(tokens) for tokens in encoded["input_ids"]]
            return BatchFeature(encoded, tensor_type=tensors)

    # It is written into what the processor saves, and read as the name of a class of transformers.
    AnswersApart.__name__ = type(processor).__name__
    processor.__class__ = AnswersApart
