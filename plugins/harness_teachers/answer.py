"""What a model answered, as a verdict with its reasons, or as none; nothing that it writes can do more."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from harness.api import VERDICTS, Outcome, Verdict
from harness_teachers.prompt import Order

READ_CHARACTERS = 8_000
"""So much of an answer is read, and kept."""

# What is looked at before the rest is thrown away: reasoning models think aloud at length.
_SEEN_CHARACTERS = 1_000_000
_MOST_OBJECTS = 200

_VERDICT: Mapping[str, Any] = {"verdict": {"type": "string", "enum": list(VERDICTS)}}
_RATIONALE: Mapping[str, Any] = {"rationale": {"type": "string"}}
_CONFIDENCE: Mapping[str, Any] = {"confidence": {"type": "number", "minimum": 0.5, "maximum": 1}}


def schema_of(order: Order) -> dict[str, Any]:
    """JSON schema of an answer; servers that hold a model to a schema write its keys in this order."""
    parts = (_RATIONALE, _VERDICT, _CONFIDENCE) if order == "rationale-first" else (_VERDICT, _CONFIDENCE, _RATIONALE)
    return {
        "type": "object",
        "properties": {name: value for part in parts for name, value in part.items()},
        "required": [name for part in parts for name in part if name != "confidence"],
        "additionalProperties": False,
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """What was read. ``p_falsified`` is in [0, 1] where the answer says how sure it is."""

    outcome: Outcome
    verdict: Verdict | None = None
    rationale: str = ""
    p_falsified: float | None = None


def read_answer(text: str, order: Order) -> Answer:
    """The verdict that an answer gives, as JSON or in words; raises nothing.

    Objects of JSON come first, and all that have a verdict must have the same. Without one, "Verdict: …" counts:
    the last such statement where reasons come first, and all of them, which must agree, where they come after. Then
    a line that is the word alone; then the one of the two words that is said, unless it is denied or doubted. An
    answer without a verdict is ``refused`` where it declines to answer, and else ``unparsable``.
    """
    text = readable(text, order)
    objects = list(_objects(text))
    if objects:
        verdicts = {_word(found["verdict"]) for found in objects}
        verdict = verdicts.pop() if len(verdicts) == 1 else None
        if verdict is None:
            return Answer("unparsable", rationale=text)
        return Answer("ok", verdict, _rationale(objects[-1], text), _probability(objects[-1], verdict))
    verdict = _stated(text, order)
    if verdict is not None:
        return Answer("ok", verdict, _without_statement(text) or text)
    return Answer("refused" if _DECLINES.search(text[:300]) else "unparsable", rationale=text)


def readable(text: str, order: Order = "verdict-first") -> str:
    """At most `READ_CHARACTERS` of an answer, without control characters and without what was thought before it."""
    text = text[-_SEEN_CHARACTERS:] if order == "rationale-first" else text[:_SEEN_CHARACTERS]
    text = text.rpartition("</think>")[2].strip()
    text = text[-READ_CHARACTERS:] if order == "rationale-first" else text[:READ_CHARACTERS]
    return "".join(letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cs"))


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Objects with a verdict, wherever they stand: alone, in a fence, among words, in other objects."""
    decoder = json.JSONDecoder(strict=False)
    place, tried = text.find("{"), 0
    while place >= 0 and tried < _MOST_OBJECTS:
        tried += 1
        end = place + 1
        try:
            value, after = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            pass
        else:
            if isinstance(value, dict) and "verdict" in value:
                yield value
                end = after
        place = text.find("{", end)


def _word(value: object) -> Verdict | None:
    word = value.strip().casefold() if isinstance(value, str) else ""
    return next((verdict for verdict in VERDICTS if verdict == word), None)


def _rationale(found: Mapping[str, Any], text: str) -> str:
    """The reasons of an object, as far as they are a text."""
    rationale = found.get("rationale")
    if isinstance(rationale, list) and all(isinstance(part, str) for part in rationale):
        rationale = " ".join(rationale)
    # Escapes of JSON bring control characters back.
    return readable(rationale) if isinstance(rationale, str) else ""


def _probability(found: Mapping[str, Any], verdict: Verdict) -> float | None:
    """P(falsified) as stated, or from the confidence in the verdict; None where it contradicts the verdict."""
    stated = _number(found.get("p_falsified"))
    if stated is None:
        confidence = _number(found.get("confidence"))
        stated = None if confidence is None else confidence if verdict == "falsified" else 1 - confidence
    agrees = stated is not None and (stated >= 0.5 if verdict == "falsified" else stated <= 0.5)
    return stated if agrees else None


def _number(value: object) -> float | None:
    """A number in [0, 1], also as a text or a percentage."""
    try:
        if isinstance(value, str):
            number = float(value.strip().removesuffix("%")) / (100 if value.strip().endswith("%") else 1)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value)
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) and 0 <= number <= 1 else None


_LEAD = r"\b(?:verdict|judge?ment|answer|conclusion)\b[\"'*_`]{0,4}\s{0,3}(?:[:=\-–—]|\bis\b)\s{0,3}[\"'*_`(\[]{0,4}"
# What repeats the question, "pristine" or "falsified", states nothing.
_CHOICE = r"(?![\"'*_`]{0,4}\s{0,3}(?:or\b|/|\|)\s{0,3}[\"'*_`]{0,4}(?:pristine|falsified)\b)"
_STATED = re.compile(rf"{_LEAD}(pristine|falsified)\b{_CHOICE}", re.IGNORECASE)
_ALONE = re.compile(r"^[^\w\n]{0,8}(pristine|falsified)[^\w\n]{0,8}$", re.IGNORECASE | re.MULTILINE)
_OPENING = re.compile(r"\A[^\w\n]{0,8}(pristine|falsified)[*_`\"']{0,4}\s{0,2}[.,:;–—-]", re.IGNORECASE)
_NAMED = re.compile(r"\b(pristine|falsified)\b", re.IGNORECASE)
# Before the word, and near: "not falsified", "whether it is pristine or falsified".
_DOUBTED = re.compile(
    r"(?:\b(?:not|no|never|neither|nor|if|whether|either|or|could|might|may|seems|cannot|without|un)\b|n['’]t\b)"
    r"[^.\n]{0,40}\b(?:pristine|falsified)\b",
    re.IGNORECASE,
)
_DECLINES = re.compile(
    r"\b(?:i\s*(?:'m|’m|\s+am)\s+(?:very\s+|so\s+)?(?:sorry|unable|not\s+able)|i\s+(?:can\s?not|can['’]?t|won['’]?t|will\s+not|"
    r"must\s+decline|decline)\b|(?:sorry|apologi[sz]e)\b|unable\s+to\s+(?:assist|help|answer|comply|process)|"
    r"as\s+an\s+ai\b|against\s+(?:my|our|the)\s+(?:policy|policies|guidelines))|抱歉|对不起|无法回答",
    re.IGNORECASE,
)


def _stated(text: str, order: Order) -> Verdict | None:
    """The verdict of an answer in words, or None where it gives none or contradicts itself."""
    for pattern in (_STATED, _ALONE, _OPENING):
        if found := [word.lower() for word in pattern.findall(text)]:
            return _word(found[-1]) if order == "rationale-first" or len(set(found)) == 1 else None
    named = {match.lower() for match in _NAMED.findall(text)}
    return _word(named.pop()) if len(named) == 1 and not _DOUBTED.search(text) else None


def _without_statement(text: str) -> str:
    """The reasons alone."""
    return _ALONE.sub("", _STATED.sub("", text)).strip(" \n\t.*_`-–—:")
