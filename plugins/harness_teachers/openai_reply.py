"""The body of a server's answer as an annotation; every part of it may be missing or something else."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.api import VERDICTS, Annotation, Usage, Verdict
from harness_teachers.answer import read_answer, readable
from harness_teachers.prompt import Order

_VERDICT = re.compile(
    r"""["']verdict["']\s*:\s*["'](pristine|falsified)\b|\bverdict\b["'*_`]*\s*(?:[:=]|is)\s*["'*_`]*(pristine|falsified)\b""",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens read and written, and per image."""

    read: float = 0.0
    written: float = 0.0
    image: float = 0.0

    def usage(self, body: Mapping[str, Any], images: int) -> Usage:
        """What the server says that the answer took, and its price; nothing is guessed where it says nothing."""
        counted = _mapping(body.get("usage"))
        read, written = (_count(counted.get(name)) for name in ("prompt_tokens", "completion_tokens"))
        usd = (read * self.read + written * self.written) / 1e6 + images * self.image
        return Usage(1, read, written, usd)


def is_answer(body: Mapping[str, Any]) -> bool:
    """Whether there is a message at all."""
    return bool(_choice(body).get("message")) and isinstance(_choice(body)["message"], Mapping)


def read(item_id: str, body: Mapping[str, Any], order: Order, usage: Usage) -> Annotation:
    """The annotation; its probability is from the tokens' where the server gives them, else what the model says."""
    choice = _choice(body)
    message = _mapping(choice.get("message"))
    text = _text(message.get("content"))
    refusal = message.get("refusal")
    if choice.get("finish_reason") == "content_filter" or (isinstance(refusal, str) and refusal):
        words = refusal if isinstance(refusal, str) and refusal else text
        return Annotation(item_id, "refused", rationale=readable(words), usage=usage)
    answer = read_answer(text, order)
    p_falsified = answer.p_falsified
    if answer.verdict is not None:
        weighed = p_of(_mapping(choice.get("logprobs")).get("content"), answer.verdict, order)
        p_falsified = p_falsified if weighed is None else weighed
    return Annotation(item_id, answer.outcome, answer.verdict, p_falsified, answer.rationale, usage)


def audit(body: Mapping[str, Any]) -> dict[str, str]:
    """The answer as it is, and what the server says of it: which model it served, and why it ended."""
    said = readable(_text(_mapping(_choice(body).get("message")).get("content")))
    found = {
        "model": body.get("model"),
        "system_fingerprint": body.get("system_fingerprint"),
        "finish_reason": _choice(body).get("finish_reason"),
    }
    told = {name: readable(value)[:200] for name, value in found.items() if isinstance(value, str)}
    return {**told, "said": said} if said else told


def p_of(tokens: object, verdict: Verdict, order: Order) -> float | None:
    """P(falsified) in [0, 1] from the alternatives at the first token of the verdict; None where that is not found.

    Mass that is on neither of the two words is left out. A word that is not among the alternatives is taken to be
    as likely as the rarest of them.
    """
    if not isinstance(tokens, Sequence) or isinstance(tokens, str):
        return None
    entries = [_mapping(token) for token in tokens[:20_000]]
    words = [entry.get("token") if isinstance(entry.get("token"), str) else "" for entry in entries]
    said = "".join(map(str, words))
    places = [match for match in _VERDICT.finditer(said) if (match[1] or match[2]).lower() == verdict]
    if not places:
        return None
    match = places[-1] if order == "rationale-first" else places[0]
    place = match.start(1) if match[1] else match.start(2)
    at = 0
    for entry, word in zip(entries, words, strict=True):
        if at <= place < at + len(str(word)):
            return _weigh(str(word)[: place - at], entry)
        at += len(str(word))
    return None


def _weigh(before: str, entry: Mapping[str, Any]) -> float | None:
    """Weights of the two words among a token's alternatives, each of which begins with the same ``before``."""
    listed = entry.get("top_logprobs")
    options = [_mapping(option) for option in listed] if isinstance(listed, list) else []
    # The alternatives may be listed with the token or without it.
    likely = {str(option.get("token")): _logprob(option) for option in [entry, *options]}
    known = {token: value for token, value in likely.items() if value is not None}
    masses = dict.fromkeys(VERDICTS, 0.0)
    for token, value in known.items():
        start = token.removeprefix(before).lower() if token.startswith(before) else ""
        for word in VERDICTS:
            # One more than the word alone: 'pristine",' may be one token.
            if start and (word.startswith(start) or start.startswith(word)):
                masses[word] += math.exp(value)
    if len(known) < 2 or not any(masses.values()):
        return None
    rarest = math.exp(min(known.values()))
    pristine, falsified = (masses[word] or min(rarest, *filter(None, masses.values())) for word in VERDICTS)
    return falsified / (pristine + falsified)


def _logprob(option: Mapping[str, Any]) -> float | None:
    value = option.get("logprob")
    if isinstance(value, bool) or not isinstance(value, int | float) or not -10_000 < value <= 0.001:
        return None
    return min(float(value), 0.0)


def _choice(body: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = body.get("choices")
    return _mapping(choices[0] if isinstance(choices, list) and choices else None)


def _text(content: object) -> str:
    """A text, or the texts of a list of parts."""
    if isinstance(content, list):
        return "".join(_text(_mapping(part).get("text")) for part in content)
    return content if isinstance(content, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: object) -> int:
    """A number of tokens; a server's nonsense is no number."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else 0
