"""What an OpenAI-compatible server is sent about an item, less what it has turned out not to understand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from harness_teachers.answer import schema_of
from harness_teachers.prompt import Order

Structured = Literal["auto", "json_schema", "json_object", "none"]
Logprobs = Literal["auto", "on", "off"]

ALTERNATIVES = 20
"""Most likely tokens that are asked for at each place; more are offered nowhere."""

# A key in the matrix would be in the store and in every report.
SECRETS = re.compile(
    r"(?i)(?:^|[_-])(?:authorization|password|secret|credentials?|bearer|apikey|key|token)$|api[_-]?key|access[_-]?token"
)


def secret_names(value: object, at: str = "") -> Iterator[str]:
    """Paths in a JSON value that look like places for keys."""
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for name, part in inner:
        where = f"{at}.{name}" if at else str(name)
        if isinstance(name, str) and SECRETS.search(name) and isinstance(part, str):
            yield where
        yield from secret_names(part, where)


class Abilities:
    """What a server is taken to understand; what it rejects is not tried again in this run.

    An option other than ``auto`` is always sent as it is.
    """

    def __init__(self, structured: Structured, logprobs: Logprobs, order: Order) -> None:
        self._structured: Structured = "json_schema" if structured == "auto" else structured
        self._logprobs = logprobs != "off"
        self._limit = "max_tokens"
        self._free = frozenset(
            name for name, choice in (("response_format", structured), ("logprobs", logprobs)) if choice == "auto"
        )
        self._order = order

    def parts(self) -> dict[str, Any]:
        """What is added to a question."""
        parts: dict[str, Any] = {}
        if self._structured == "json_schema":
            schema = {"name": "answer", "strict": True, "schema": strict(schema_of(self._order))}
            parts["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif self._structured == "json_object":
            parts["response_format"] = {"type": "json_object"}
        if self._logprobs:
            parts |= {"logprobs": True, "top_logprobs": ALTERNATIVES}
        return parts

    def question(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """A question with what the server is taken to understand."""
        question = {**plain, **self.parts()}
        question[self._limit] = question.pop("max_tokens")
        return question

    def without(self, complaint: str, sent: Mapping[str, Any]) -> Abilities | None:
        """Abilities with which a question that was rejected may be understood; None where there are no others.

        What the complaint names is left out; where it names nothing, all that can be.
        """
        named = {part for part, words in _WORDS.items() if words.search(complaint)}
        if "max_tokens" in named and "max_tokens" in sent and "max_completion_tokens" in complaint:
            return self._but(_limit="max_completion_tokens")
        can_go = {part for part in self._free if part in sent}
        going = can_go & named or (set() if named else can_go)
        less = self
        if "response_format" in going:
            # A server that does not know schemas may still know JSON; one that names nothing gets plain words.
            is_schema = self._structured == "json_schema" and "response_format" in named
            less = less._but(_structured="json_object" if is_schema else "none")
        if "logprobs" in going:
            less = less._but(_logprobs=False)
        return None if less is self else less

    def _but(self, **changes: object) -> Abilities:
        other = object.__new__(Abilities)
        other.__dict__.update(self.__dict__ | changes)
        return other


_WORDS: Mapping[str, re.Pattern[str]] = {
    "response_format": re.compile(r"(?i)response_?format|json_?schema|json_?object|structured|guided|grammar"),
    "logprobs": re.compile(r"(?i)log_?prob"),
    "max_tokens": re.compile(r"max_tokens"),
}


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema in the subset that strict servers take: every key required, no bounds of numbers."""
    parts = {
        name: {key: value for key, value in part.items() if key not in ("minimum", "maximum")}
        for name, part in schema["properties"].items()
    }
    return {**schema, "properties": parts, "required": list(parts)}


def messages(prompt: str, picture: str) -> list[dict[str, Any]]:
    """One message of the user; ``picture`` is a data URL, or empty."""
    shown = [{"type": "image_url", "image_url": {"url": picture}}] if picture else []
    return [{"role": "user", "content": [*shown, {"type": "text", "text": prompt}]}]
