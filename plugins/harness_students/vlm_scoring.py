"""Verdicts of a student that answers with the verdict first, read from one prefill without generating anything."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, Any, Literal

from harness.api import VERDICTS, Prediction, Verdict, verdict_of
from harness_students.families import family_of
from harness_students.vlm_base import Model, Processor
from harness_students.vlm_text import answer_text, asked_with_image

if TYPE_CHECKING:
    from torch import Tensor

Verdicts = Literal["auto", "generated", "scored"]
Inputs = Mapping[str, Any]

TYPES = ("token_type_ids", "mm_token_type_ids")


@dataclass(frozen=True, slots=True)
class Words:
    """What the answers "Verdict: pristine" and "Verdict: falsified" have in common, and how each goes on."""

    lead: Sequence[int]
    pristine: Sequence[int]
    falsified: Sequence[int]


def verdict_words(processor: Processor) -> Words:
    """Token ids of the two answers as the chat template writes them after a prompt."""
    pristine, falsified = (_answer_tokens(processor, verdict) for verdict in VERDICTS)
    shared = next(place for place, (one, other) in enumerate(zip(pristine, falsified, strict=False)) if one != other)
    # What comes after the word is the same in both, and no part of the verdict.
    after = 0
    while pristine[-1 - after] == falsified[-1 - after] and min(len(pristine), len(falsified)) - after > shared + 1:
        after += 1
    return Words(
        pristine[:shared], pristine[shared : len(pristine) - after], falsified[shared : len(falsified) - after]
    )


def score(model: Model, inputs: Inputs, words: Words) -> list[float]:
    """P(falsified) of every prompt, given that the answer is one of the two verdicts.

    ``inputs`` are prompts padded on the left, on the model's device, as the model takes them. The lead is put after
    each prompt, and both verdict words are scored after that one prefix: their log-probabilities per token, so that
    a word of more tokens is at no disadvantage.
    """
    import torch

    several = max(len(words.pristine), len(words.falsified)) > 1
    led = _after(inputs, words.lead, model)
    with torch.inference_mode():
        out = model(**led, use_cache=several, logits_to_keep=1)
        first = out.logits[:, -1].float().log_softmax(-1)  # (B, V)
        pristine, falsified = (
            _mean_log_prob(model, word, first, led["attention_mask"], out.past_key_values if several else None)
            for word in (words.pristine, words.falsified)
        )
    return [probability(apart) for apart in (pristine - falsified).tolist()]


def probability(apart: float) -> float:
    """P(falsified) of the two words alone, by how far the log-probability of pristine is above that of falsified."""
    return 1 / (1 + exp(min(700.0, apart)))


def prediction(item_id: str, p_falsified: float) -> Prediction:
    """A scored verdict; its text is the line that says so."""
    verdict = verdict_of(p_falsified)
    return Prediction(item_id, "ok", verdict, p_falsified, answer_text(verdict, "", "verdict-first"))


def agreement(scored: Mapping[str, Prediction], generated: Sequence[Prediction]) -> dict[str, float | int]:
    """Of items that were asked both ways: how many, how many gave a verdict, and the share with the same one."""
    told = [answer for answer in generated if answer.outcome == "ok"]
    same = sum(answer.verdict == scored[answer.item_id].verdict for answer in told)
    found: dict[str, float | int] = {"items": len(generated), "parsable": len(told)}
    return found | ({"agree": round(same / len(told), 4)} if told else {})


def _answer_tokens(processor: Processor, verdict: Verdict) -> list[int]:
    prompt = asked_with_image("?")
    said = [{"role": "assistant", "content": [{"type": "text", "text": answer_text(verdict, "", "verdict-first")}]}]
    asked: str = processor.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
    whole: str = processor.apply_chat_template(prompt + said, tokenize=False)
    tokens: list[int] = processor.tokenizer.encode(whole[len(asked) :], add_special_tokens=False)
    return tokens


def _after(inputs: Inputs, tokens: Sequence[int], model: Model) -> dict[str, Any]:
    """The inputs with the same tokens after every prompt."""
    import torch

    ids: Tensor = inputs["input_ids"]
    family = family_of(model.config.model_type)
    more = torch.tensor(tokens, dtype=ids.dtype, device=ids.device).expand(len(ids), -1)
    longer = {"input_ids": more, "attention_mask": torch.ones_like(more)}
    for name in TYPES:
        longer[name] = torch.full_like(more, int(bool(family and family.answers_apart)))
    return {
        **inputs,
        **{name: torch.cat([inputs[name], added], dim=1) for name, added in longer.items() if name in inputs},
    }


def _mean_log_prob(model: Model, word: Sequence[int], first: Tensor, mask: Tensor, past: Any) -> Tensor:  # noqa: ANN401
    """Log-probability per token of a word: (B,). ``first`` is what follows the prefix (B, V), ``past`` its cache."""
    import torch

    total = first[:, word[0]]
    if len(word) > 1:
        ids = torch.tensor(word[:-1], device=first.device).expand(len(first), -1)
        longer = torch.cat([mask, mask.new_ones(ids.shape)], dim=1)
        # The other word needs the same cache.
        out = model(input_ids=ids, attention_mask=longer, past_key_values=copy.deepcopy(past), use_cache=True)
        after = out.logits.float().log_softmax(-1)  # (B, len(word) - 1, V)
        total = total + sum(after[:, place, token] for place, token in enumerate(word[1:]))
    return total / len(word)
