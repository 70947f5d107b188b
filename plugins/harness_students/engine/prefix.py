"""Answers to one question about one image, packed behind that question into one sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness_students.engine.collate import Part
from harness_students.engine.families import Family
from harness_students.engine.tokens import Encoded

if TYPE_CHECKING:
    from torch import Tensor

Packed = Mapping[str, "Tensor"]
"""A packed batch of P sequences of M tokens that stands for R lines of L tokens with N labels.

``input_ids``, ``position_ids``, ``segment`` and ``block`` have the shape (P, M); a segment is 0 in a question,
1, 2, ... in its answers and -1 in padding; a block is a number above -1 where tokens see each other in both
directions. ``predict`` (N,) says at which of the P * M places a label is predicted, ``place`` (N,) at which of
the R * (L - 1) places TRL expects its log-probability, ``label`` (N,) what it is.
"""


def gather(parts: Sequence[Part], family: Family) -> list[list[int]] | None:
    """Lines of a batch by what they have in common; None where nothing is, or where the question sees the answer."""
    if any(_looks_ahead(part.answer, family) for part in parts):
        return None
    groups: dict[tuple[object, ...], list[int]] = {}
    for line, part in enumerate(parts):
        groups.setdefault(_prefix(part.answer), []).append(line)
    return list(groups.values()) if len(groups) < len(parts) else None


def pack(parts: Sequence[Part], groups: Sequence[Sequence[int]], family: Family, pad_token: int) -> Packed:
    """The batch with every question once."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    rows = [_row([parts[line].answer for line in group], family) for group in groups]
    names = {"input_ids": pad_token, "position_ids": 0, "segment": -1, "block": -1}
    packed = {
        name: pad_sequence([row[name] for row in rows], batch_first=True, padding_value=value)
        for name, value in names.items()
    }
    width = packed["input_ids"].shape[1]
    length = max(len(part.answer.tokens["input_ids"]) for part in parts)
    places = [
        _places(parts[line].answer, row * width, offset, line * (length - 1))
        for row, group in enumerate(groups)
        for line, offset in zip(group, _offsets([parts[line].answer for line in group]), strict=True)
    ]
    return packed | {name: torch.cat([place[name] for place in places]) for name in ("predict", "place", "label")}


def blocks(tokens: Mapping[str, Tensor], family: Family) -> Tensor:
    """For each token the number of its block, or -1; shape (L,)."""
    import torch

    ids, types = tokens["input_ids"], tokens.get("token_type_ids")
    if types is None or not family.blocks:
        return torch.full_like(ids, -1)
    if family.blocks == "prefix":
        return torch.where(types == 0, 0, -1)
    inside = types == 1
    starts = inside & ~torch.cat([inside.new_zeros(1), inside[:-1]])
    return torch.where(inside, starts.long().cumsum(0) - 1, -1)


def _looks_ahead(answer: Encoded, family: Family) -> bool:
    return bool((blocks(answer.tokens, family)[answer.prompt :] >= 0).any())


def _prefix(answer: Encoded) -> tuple[object, ...]:
    """What two answers must have in common to share their question: image, tokens and the tokens' types."""
    parts = (answer.tokens[name][: answer.prompt].numpy().tobytes() for name in sorted(answer.tokens))
    return (answer.item, answer.prompt, *parts)


def _row(answers: Sequence[Encoded], family: Family) -> dict[str, Tensor]:
    """One question and its answers; each answer's positions go on from the question's."""
    import torch

    prompt = answers[0].prompt
    ids = [answer.tokens["input_ids"] for answer in answers]
    question = torch.arange(prompt)
    positions = [question, *(torch.arange(prompt, len(own)) for own in ids)]
    segments = [torch.zeros_like(question), *(torch.full((len(own) - prompt,), n) for n, own in enumerate(ids, 1))]
    block = blocks(answers[0].tokens, family)[:prompt]
    return {
        "input_ids": torch.cat([ids[0][:prompt], *(own[prompt:] for own in ids)]),
        "position_ids": torch.cat(positions) + family.first_position,
        "segment": torch.cat(segments),
        "block": torch.cat([block, torch.full((sum(len(own) - prompt for own in ids),), -1)]),
    }


def _offsets(answers: Sequence[Encoded]) -> list[int]:
    """Where in the packed sequence each answer begins."""
    offsets, at = [], answers[0].prompt
    for answer in answers:
        offsets.append(at)
        at += len(answer.tokens["input_ids"]) - answer.prompt
    return offsets


def _places(answer: Encoded, row: int, offset: int, line: int) -> dict[str, Tensor]:
    """The first label is predicted by the question's last token, the others by the label before them."""
    import torch

    ids, prompt = answer.tokens["input_ids"], answer.prompt
    count = len(ids) - prompt
    predict = torch.cat([torch.tensor([prompt - 1]), torch.arange(offset, offset + count - 1)])
    return {
        "predict": row + predict,
        "place": line + torch.arange(prompt - 1, len(ids) - 1),
        "label": ids[prompt:],
    }
