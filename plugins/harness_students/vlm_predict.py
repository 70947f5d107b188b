"""Greedy answers of a vision-language student, with the probability of the verdict at the place where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from harness.api import Item, Prediction, UnreadableImage, Workbench
from harness_students.engine.features import Features
from harness_students.engine.injection import with_features
from harness_students.vlm_base import Base, Model, Processor
from harness_students.vlm_scoring import agreement, prediction, probability, score, verdict_words
from harness_students.vlm_text import LEAD, Order, answer_text, asked_with_image, prompt_text, read_verdict

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from torch import Tensor


class Watch:
    """A logits processor that changes nothing and keeps the scores of the two verdict words' first tokens."""

    def __init__(self, tokens: tuple[int, int]) -> None:
        self.tokens = list(tokens)
        self.steps: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self.steps.append(scores[:, self.tokens].float().cpu())  # (B, 2)
        return scores


def predict(
    base: Base,
    model: Model,
    items: Sequence[Item],
    prompt: str,
    order: Order,
    batch_size: int,
    max_new_tokens: int,
    features: Features | None = None,
) -> Iterator[Prediction]:
    """One prediction per item in their order; an item without a readable image is an ``error``.

    With ``features`` images go through the vision side only where they have never done so.
    """
    words = verdict_tokens(base.processor)
    for batch, pictures, failed in _batches(items, batch_size):
        readable = [item for item in batch if item.id not in failed]
        answers = iter(
            _answer(base, model, readable, pictures, prompt, words, max_new_tokens, features) if readable else ()
        )
        for item in batch:
            if item.id in failed:
                yield Prediction(item.id, "error", text=failed[item.id])
            else:
                yield _read(base, item, *next(answers), words, order)


def predict_scored(
    base: Base,
    model: Model,
    items: Sequence[Item],
    prompt: str,
    batch_size: int,
    features: Features | None = None,
) -> Iterator[Prediction]:
    """The same without an answer: verdict and probability from one prefill, for a model that says the verdict first."""
    words = verdict_words(base.processor)
    for batch, pictures, failed in _batches(items, batch_size):
        readable = [item for item in batch if item.id not in failed]
        asked = _asked(base, model, readable, pictures, prompt, features) if readable else {}
        chances = iter(score(model, asked, words) if readable else ())
        for item in batch:
            if item.id in failed:
                yield Prediction(item.id, "error", text=failed[item.id])
            else:
                yield prediction(item.id, next(chances))


def checked(
    scored: Iterable[Prediction],
    items: Sequence[Item],
    generate: Callable[[Sequence[Item]], Iterable[Prediction]],
    sample: int,
    bench: Workbench,
) -> Iterator[Prediction]:
    """The scored verdicts; of a sample of the items answers are generated, and how often both agree is proved."""
    known: dict[str, Prediction] = {}
    for found in scored:
        if found.outcome == "ok":
            known[found.item_id] = found
        yield found
    asked = [item for item in items if item.id in known]
    if some := asked[:: max(1, -(-len(asked) // sample))] if sample else []:
        bench.prove(verdict_agreement=agreement(known, list(generate(some))))


def _batches(items: Sequence[Item], batch_size: int) -> Iterator[tuple[list[Item], list[Picture], dict[str, str]]]:
    """Items with the pictures of those that have one, and what is wrong with the others."""
    waiting = iter(items)
    while batch := list(islice(waiting, batch_size)):
        yield batch, *_open(batch)


def verdict_tokens(processor: Processor) -> tuple[int, int]:
    """First token in which "Verdict: pristine" and "Verdict: falsified" differ, of either."""
    encode = processor.tokenizer.encode
    pair = (
        encode(" " + answer_text("pristine", "", "verdict-first"), add_special_tokens=False),
        encode(" " + answer_text("falsified", "", "verdict-first"), add_special_tokens=False),
    )
    return next((one, other) for one, other in zip(*pair, strict=False) if one != other)


def _open(items: Iterable[Item]) -> tuple[list[Picture], dict[str, str]]:
    """Pictures of the items that have one, and for the others what is wrong."""
    pictures, failed = [], {}
    for item in items:
        try:
            if item.image is None:
                failed[item.id] = "It has no image."
            else:
                pictures.append(item.image.open())
        except UnreadableImage as error:
            failed[item.id] = str(error)
    return pictures, failed


def _answer(
    base: Base,
    model: Model,
    items: Sequence[Item],
    pictures: list[Picture],
    prompt: str,
    words: tuple[int, int],
    max_new_tokens: int,
    features: Features | None,
) -> Iterator[tuple[list[int], list[tuple[float, float]]]]:
    """For each item the tokens that were generated and the two verdict words' scores at each of them."""
    import torch
    from transformers import LogitsProcessorList

    inputs = _asked(base, model, items, pictures, prompt, features)
    length = inputs["input_ids"].shape[1]
    watch = Watch(words)
    with torch.inference_mode():
        sequences = model.generate(
            **inputs,
            do_sample=False,
            num_beams=1,
            max_new_tokens=max_new_tokens,
            logits_processor=LogitsProcessorList([watch]),
        )
    scores = torch.stack(watch.steps, dim=1).tolist()  # (B, L, 2)
    yield from zip(sequences[:, length:].tolist(), scores, strict=True)


def _asked(
    base: Base,
    model: Model,
    items: Sequence[Item],
    pictures: list[Picture],
    prompt: str,
    features: Features | None,
) -> dict[str, Any]:
    """The items' prompts as the model takes them, padded on the left."""
    prompts = [
        base.processor.apply_chat_template(
            asked_with_image(prompt_text(prompt, item.caption)), add_generation_prompt=True, tokenize=False
        )
        for item in items
    ]
    inputs = base.processor(
        text=prompts,
        images=[[picture] for picture in pictures],
        padding=True,
        padding_side="left",
        add_special_tokens=False,
        return_tensors="pt",
    )
    return _moved(inputs if features is None else with_features(inputs, items, features), model.device)


def _moved(inputs: Mapping[str, Any], device: Any) -> dict[str, Any]:  # noqa: ANN401 - a torch device
    return {name: value.to(device) if hasattr(value, "to") else value for name, value in inputs.items()}


def _read(
    base: Base,
    item: Item,
    tokens: Sequence[int],
    scores: Sequence[tuple[float, float]],
    words: tuple[int, int],
    order: Order,
) -> Prediction:
    text = base.processor.tokenizer.decode(tokens, skip_special_tokens=True).strip()
    verdict = read_verdict(text, order)
    if verdict is None:
        return Prediction(item.id, "unparsable", text=text)
    place = verdict_place(base.processor, tokens, words, order)
    if place is None:
        return Prediction(item.id, "ok", verdict, text=text)
    pristine, falsified = scores[place]
    return Prediction(item.id, "ok", verdict, probability(pristine - falsified), text)


def verdict_place(processor: Processor, tokens: Sequence[int], words: tuple[int, int], order: Order) -> int | None:
    """Where in the generated tokens the verdict word begins; None where it follows no "Verdict:"."""
    places = [place for place, token in enumerate(tokens) if token in words]
    for place in reversed(places) if order == "rationale-first" else places:
        if processor.tokenizer.decode(tokens[:place]).rstrip().endswith(LEAD):
            return place
    return None
