"""Chat templates made fit for training: a beginning and an end where the published template has none."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from harness.api import TrainingError
from harness_students.families import Family
from harness_students.vlm_text import asked_with_image

Processor = Any
"""A processor or tokenizer of transformers."""

# Words that no template holds, so that they are found again in what it renders.
QUESTION, ANSWER = "Qzxv?", "Jqkw."


def settle_template(model: str, processor: Processor, family: Family | None, ends: Collection[int]) -> list[int]:
    """See to it that prompts begin and answers end as the base knows it; returns the tokens that end an answer.

    The trainers tokenize what the template renders and add nothing. A template that leaves BOS to the tokenizer,
    or that has no mark after an answer, would teach the student to answer out of the blue and never to stop.
    """
    tokenizer = processor.tokenizer
    template = _template(model, processor, family)
    if _begins_by_itself(tokenizer) and not _render(processor, template)[0].lstrip().startswith(tokenizer.bos_token):
        template = f"{{{{ {json.dumps(tokenizer.bos_token)} }}}}{template}"
    stops = {*ends, tokenizer.eos_token_id} - {None}
    after = tokenizer.encode(_render(processor, template)[1], add_special_tokens=False)
    special = {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    marks = [token for token in after if token in stops | special]
    if not marks:
        end = json.dumps(tokenizer.eos_token)
        template += f"{{% if messages[-1]['role'] == 'assistant' %}}{{{{ {end} }}}}{{% endif %}}"
    processor.chat_template = template
    return sorted({*stops, *marks[:1]})


def _template(model: str, processor: Processor, family: Family | None) -> str:
    template: object = processor.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    template = template or (family.template if family else None)
    if not isinstance(template, str):
        raise TrainingError(
            "the model comes without a chat template", place=model, remedy="use one that has been tuned"
        )
    return template


def _begins_by_itself(tokenizer: Processor) -> bool:
    """Whether BOS is put before a text unasked."""
    bos = tokenizer.bos_token_id
    return bos is not None and tokenizer.encode("a")[:1] == [bos]


def _render(processor: Processor, template: str) -> tuple[str, str]:
    """A prompt, and what stands after the answer to it."""
    prompt = asked_with_image(QUESTION)
    said = [{"role": "assistant", "content": [{"type": "text", "text": ANSWER}]}]
    render = processor.apply_chat_template
    texts = [
        render(messages, chat_template=template, tokenize=False, add_generation_prompt=asking)
        for messages, asking in ((prompt, True), (prompt + said, False))
    ]
    return texts[0], texts[1].partition(ANSWER)[2]
