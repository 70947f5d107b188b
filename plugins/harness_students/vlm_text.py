"""The words that a vision-language student is asked with and answers in, and how its answers are read.

Nothing else writes a prompt or a completion, so that training and predicting cannot differ.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from harness.api import VERDICTS, Verdict

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
