"""The words that a vision-language student is asked with and answers in, and how its answers are read.

Nothing else writes a prompt or a completion, so that training and predicting cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from harness.api import VERDICTS, Target, TrainingError, Verdict, opposite, verdict_of

Order = Literal["rationale-first", "verdict-first"]
Message = dict[str, Any]

PROMPT = (
    "Caption: {caption}\n"
    "Does this caption belong to this image, or is the image used out of context? "
    "Give your reasons, and say 'Verdict: pristine' if it belongs or 'Verdict: falsified' if it does not."
)
TINY_PROMPT = "{caption}\nIn context?"
"""The tiny base was taught this question; an instruction would be noise to it."""

LEAD = "Verdict:"
"""What the verdict word follows, in every answer."""

TASKS: Mapping[str, str] = {"verdict": "", "label": "", "rationale": "[rationale] "}
"""What a question begins with, by `Target.task` (Distilling step-by-step, arXiv 2305.02301, sets such words before it).

``verdict`` asks for everything; ``label`` for the verdict alone, in the words that `predict` asks in, as that is
what the extra task is to help; ``rationale`` for the reasons alone.
"""

Answer = tuple[str, float]
"""Words to be learnt, and their share of the target: above 0, and 1 over all answers of a target."""

# Of a model that talks on and on, only so much is read.
READ_CHARACTERS = 8_000

_STATED = re.compile(r"\bverdict\b[^\w]{0,8}(?:is\b[^\w]{0,4})?(pristine|falsified)\b", re.IGNORECASE)
_NAMED = re.compile(r"\b(pristine|falsified)\b", re.IGNORECASE)


def prompt_text(template: str, caption: str) -> str:
    """The question about one caption; braces in a caption are left alone."""
    return template.replace("{caption}", caption)


def answer_text(verdict: Verdict, rationale: str, order: Order) -> str:
    """The answer to be learnt; without a rationale it is the verdict alone."""
    rationale = " ".join(rationale.split())
    if not rationale:
        return f"{LEAD} {verdict}"
    return f"{rationale} {LEAD} {verdict}" if order == "rationale-first" else f"{LEAD} {verdict}. {rationale}"


def answers(target: Target, order: Order) -> list[Answer]:
    """What a target wants to be said: one answer, or both verdicts by their shares where its label is soft.

    With q = ``p_falsified`` and the answers' likelihoods π, -q log π(falsified) - (1 - q) log π(pristine) is the
    cross-entropy of q with π over the two answers alone, plus -log(π(falsified) + π(pristine)), which keeps
    the student to these two: distillation of a verdict between models of any two vocabularies.

    A rationale belongs to the likelier verdict. Where reasons come first they stand before both verdicts, so that
    q is learnt as the probability after them, where it is read; where the verdict comes first, the other one stands
    alone, as nothing argues for it.
    """
    _check(target)
    if target.task == "rationale":
        return [(" ".join(target.rationale.split()), 1.0)]
    rationale = "" if target.task == "label" else target.rationale
    if target.verdict is not None:
        return [(answer_text(target.verdict, rationale, order), 1.0)]
    q = target.p_falsified or 0.0
    likelier = verdict_of(q)
    after = rationale if order == "rationale-first" else ""
    both = [
        (answer_text(likelier, rationale, order), max(q, 1 - q)),
        (answer_text(opposite(likelier), after, order), min(q, 1 - q)),
    ]
    return [(text, share) for text, share in both if share > 0]


def _check(target: Target) -> None:
    where = f"item {target.item_id!r}"
    if target.task not in TASKS:
        raise TrainingError(f"{where}: the task {target.task!r} is unknown", remedy=f"one of {', '.join(TASKS)}")
    if target.task == "rationale":
        if not target.rationale.strip():
            raise TrainingError(f"{where}: the task 'rationale' without a rationale")
    elif target.verdict is None and (target.p_falsified is None or not 0 <= target.p_falsified <= 1):
        raise TrainingError(f"{where}: a target needs a verdict or a p_falsified in [0, 1]")


def asked(text: str) -> list[Message]:
    """The prompt as chat messages, without the image, which TRL puts before the text."""
    return [{"role": "user", "content": text}]


def asked_with_image(text: str) -> list[Message]:
    """The same prompt as the trainers render it: the image before the text."""
    return [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}]


def answered(text: str) -> list[Message]:
    """An answer as chat messages."""
    return [{"role": "assistant", "content": text}]


def read_verdict(text: str, order: Order) -> Verdict | None:
    """The verdict that an answer states, or None where it states none or several.

    After "Verdict:" the last statement counts in an answer that reasons first, and the first in one that
    reasons after. Without that lead, a verdict word counts if it is the only one.
    """
    text = text[-READ_CHARACTERS:] if order == "rationale-first" else text[:READ_CHARACTERS]
    stated = [match.lower() for match in _STATED.findall(text)]
    if stated:
        return _verdict(stated[-1 if order == "rationale-first" else 0])
    named = {match.lower() for match in _NAMED.findall(text)}
    return _verdict(named.pop()) if len(named) == 1 else None


def _verdict(word: str) -> Verdict:
    return VERDICTS[0] if word == VERDICTS[0] else VERDICTS[1]
