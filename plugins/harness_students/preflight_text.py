"""Probes of what the collator makes of the rows: nothing is lost, nothing cut, and the answer alone is learnt."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from statistics import median
from typing import Any

from harness.api import TrainingError
from harness_students.engine.collate import labels_of
from harness_students.preflight_rig import Rig, answers, rendered
from harness_students.vlm_rows import Row

VISION_KEYS = frozenset({"pixel_values", "pixel_attention_mask", "image_sizes"})
"""What the vision tower alone reads; cached features stand in for it."""

STAND_INS = frozenset({"image_features", "engine"})

SHOWN = 5
SLACK = 32
"""Tokens by which an estimate of a row's length may be wrong; rows so near to the limit are counted exactly."""


def collator_keeps_keys(rig: Rig) -> list[str]:
    """Whether the batch has all that the processor makes of a prompt and a picture."""
    row = rig.sample()[0]
    made, batch = _processed(rig, row, row["item"]), rig.batch([row])
    lost = set(made) - set(batch) - (VISION_KEYS if STAND_INS & set(batch) else set())
    if lost:
        raise TrainingError(
            f"the collator loses {', '.join(sorted(lost))}, which the processor makes and the model reads",
            place="collator_keeps_keys",
            remedy="use versions of trl and transformers that the constraints file names",
        )
    return sorted(made)


def mask_is_completion(rig: Rig) -> int:
    """Whether the labels are the answers' tokens and no others; returns how many answers were looked at."""
    rows = rig.sample()
    labels = labels_of(rig.batch(rows))
    tokenizer = rig.processor.tokenizer
    for (place, _, answer), label in zip(answers(rows), labels, strict=True):
        expected = rendered(rig.processor, rows[place], answer)[1]
        learnt = tokenizer.decode(label[label != -100])
        words = "".join(_words(answer).split())
        if learnt != _decoded(tokenizer, expected) or words not in "".join(learnt.split()):
            raise TrainingError(
                f"the labels of item {rows[place]['item']!r} read {learnt!r}, but its answer is {expected!r}",
                place="mask_is_completion",
                remedy="use a model whose chat template keeps an answer as it is",
            )
    return len(labels)


def nothing_truncated(rig: Rig) -> dict[str, int | None]:
    """Longest and median row in tokens, and the limit if there is one.

    Raises where a batch lacks tokens, or where a row has too many.
    """
    rows = rig.sample()
    surplus = _intact(rig, rows)
    limit: int | None = getattr(rig.model.config.get_text_config(), "max_position_embeddings", None)
    most = sys.maxsize if limit is None else limit
    lengths = _census(rig, surplus, rows[0], most)
    too_long = sorted({row["item"] for row, length in zip(rig.rows, lengths, strict=True) if length > most})
    if too_long:
        raise TrainingError(
            f"{len(too_long)} items are longer than the model's {limit} positions: {', '.join(too_long[:SHOWN])}"
            + (" …" if len(too_long) > SHOWN else ""),
            place="nothing_truncated",
            remedy="leave them out, shorten the rationales, or bound the pictures with 'image_tiles'",
        )
    return {"longest": max(lengths), "median": round(median(lengths)), "limit": limit}


def _intact(rig: Rig, rows: Sequence[Row]) -> int:
    """Check some rows token by token; returns by how much a row is longer than its prompt's and answer's words."""
    batch = rig.batch(rows)
    image = rig.model.config.image_token_id
    surplus = 0
    for at, (place, shown, answer) in enumerate(answers(rows)):
        row = rows[place]
        prompt = _processed(rig, row, shown)["input_ids"][0].tolist()
        told = prompt + _encoded(rig.processor.tokenizer, rendered(rig.processor, row, answer)[1])
        given = batch["input_ids"][at][batch["attention_mask"][at] == 1].tolist()
        if given != told:
            raise TrainingError(
                f"item {row['item']!r} has {len(given)} tokens of which {given.count(image)} are of the image, "
                f"where {len(told)} and {told.count(image)} are needed",
                place="nothing_truncated",
                remedy="keep the trainer from shortening rows: a cut image is no image",
            )
        if at == 0:
            surplus = len(told) - _estimate(rig, row, answer)
    return surplus


def _census(rig: Rig, surplus: int, measured: Row, limit: int) -> list[int]:
    """Tokens of the longest answer of every row: estimated, and counted where that is near the limit."""
    image = _image_tokens(rig, [*rig.rows, measured])
    lengths = []
    for row, tokens in zip(rig.rows, image, strict=False):
        said = [answer for _, _, answer in answers([row])]
        more = surplus + tokens - image[-1]
        length = max(_estimate(rig, row, answer) for answer in said) + more
        if length > limit - SLACK:
            length = max(_count(rig, row, answer) for answer in said)
        lengths.append(length)
    return lengths


def _estimate(rig: Rig, row: Row, answer: Sequence[dict[str, Any]]) -> int:
    """Tokens of the words alone, without template and image."""
    return len(_encoded(rig.processor.tokenizer, _words([*row["prompt"], *answer])))


def _count(rig: Rig, row: Row, answer: list[dict[str, Any]]) -> int:
    prompt = _processed(rig, row, row["item"])["input_ids"].shape[1]
    return int(prompt) + len(_encoded(rig.processor.tokenizer, rendered(rig.processor, row, answer)[1]))


def _image_tokens(rig: Rig, rows: Sequence[Row]) -> list[int]:
    """What the processor's own arithmetic says of each picture's size; it looks at no pixel."""
    pictures = [rig.pictures.open(row["item"]) for row in rows]
    sizes = sorted({(picture.height, picture.width) for picture in pictures})
    counts = rig.processor._get_num_multimodal_tokens(image_sizes=sizes)["num_image_tokens"]
    by_size = dict(zip(sizes, counts, strict=True))
    return [by_size[picture.height, picture.width] for picture in pictures]


def _processed(rig: Rig, row: Row, shown: str) -> Any:  # noqa: ANN401
    """Prompt and picture of an item through the processor, one alone."""
    prompt = rendered(rig.processor, row, answers([row])[0][2])[0]
    return rig.processor(
        text=[prompt], images=[[rig.pictures.open(shown)]], add_special_tokens=False, return_tensors="pt"
    )


def _words(messages: Sequence[dict[str, Any]]) -> str:
    return "\n".join(
        content
        if isinstance(content := message["content"], str)
        else " ".join(part.get("text", "") for part in content)
        for message in messages
    )


def _encoded(tokenizer: Any, text: str) -> list[int]:  # noqa: ANN401
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


def _decoded(tokenizer: Any, text: str) -> str:  # noqa: ANN401
    return str(tokenizer.decode(_encoded(tokenizer, text)))
