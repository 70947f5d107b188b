"""What a model is asked: a template in a file, and what it may know of an item."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic.annotated_handlers import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from harness.api import HarnessError, Item, sha256_of
from harness_teachers import sandbox

Order = Literal["verdict-first", "rationale-first"]
"""Whether an answer gives its verdict before its reasons or after them."""

FOLDER = Path(__file__).with_name("prompts")
BUILT_IN = (
    "caption-rationale-first",
    "caption-verdict-first",
    "evidence-rationale-first",
    "evidence-verdict-first",
)
"""Templates that come with this package, by the names of their files."""

PROBES: Sequence[Mapping[str, object]] = (
    {"caption": "A caption", "entities": ("An entity", "Another"), "titles": ("A title", "Another"), "evidence": True},
    {"caption": "", "entities": (), "titles": (), "evidence": False},
)
"""What a template is tried on when it is read: one that fails without evidence would fail in the middle of a run."""

IN_REACH = frozenset(PROBES[0])
EVIDENCE = IN_REACH - {"caption"}

# A prompt of that many characters is some 20,000 tokens; a file of that size is no prompt.
LONGEST = 64_000


class Prompt(BaseModel):
    """A template for what a model is asked about an item: the name of a built-in one, or the path of a file.

    A template is Jinja2 with output, ``if``, ``for``, and the filters of texts and lists. In reach are ``caption``,
    ``entities`` (names of what was recognised in the image), ``titles`` (captions and titles of pages that show
    it) and ``evidence`` (whether there are any of both); nothing else of the item, so neither its label nor its id.
    Each text is one line without control characters, so that no text can end the line that it stands on.

    What the template says is part of a teacher's identity; where it lies and what its file is called is not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    file: str = "caption-rationale-first"
    """Name of a built-in template, or path of a file from the folder where the harness is run; $VARIABLES of the
    environment are filled in."""
    text: str | None = Field(default=None, max_length=LONGEST)
    """The template itself, instead of a file."""
    order: Order | None = None
    """What an answer begins with; by default as the built-in template asks, and verdict-first for any other."""
    caption_characters: int = Field(default=2_000, ge=1, le=20_000)
    """Longest caption; what is longer is cut off, and ends with an ellipsis."""
    most_entities: int = Field(default=20, ge=0, le=200)
    """Most entities, the first ones."""
    most_titles: int = Field(default=10, ge=0, le=200)
    """Most titles, the first ones."""
    evidence_characters: int = Field(default=300, ge=1, le=5_000)
    """Longest entity or title; what is longer is cut off, and ends with an ellipsis."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a matrix says
        """A text alone is a file; a file that is no built-in template is read now, and checked."""
        options = {"file": given} if isinstance(given, str) else given
        if not isinstance(options, Mapping):
            return options
        file, text = options.get("file"), options.get("text")
        if file is not None and text is not None:
            raise ValueError("give a file or a text, not both")
        if isinstance(text, str):
            return {**options, "file": "prompt", "text": _checked(text, "prompt")}
        if not isinstance(file, str) or file in BUILT_IN:
            return options
        name, text = _file(file)
        same = next((known for known in BUILT_IN if text == _built_in(known)), None)
        # A copy of a built-in template asks what that asks, and is the same prompt.
        return {**options, "file": same} if same else {**options, "file": name, "text": text}

    @model_serializer(mode="wrap")
    def _content(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Where a template was read says nothing of what is asked."""
        return {name: value for name, value in whole(self).items() if name != ("text" if self.text is None else "file")}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What a matrix may say: a text alone, or the options."""
        schema = handler(core)
        options = handler.resolve_ref_schema(schema)
        whole = dict(options)
        options.clear()
        # Conditions instead of alternatives: a fault is told where it is, and not of the whole prompt.
        options |= {"type": ["string", "object"], "if": {"type": "object"}, "then": whole}
        return schema

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prompt) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash(tuple(self.model_dump().items()))

    @property
    def source(self) -> str:
        """The template."""
        return self.text if self.text is not None else _built_in(self.file)

    @property
    def answer_order(self) -> Order:
        """What an answer begins with."""
        if self.order is not None:
            return self.order
        return "rationale-first" if self.text is None and self.file.endswith("rationale-first") else "verdict-first"

    def digest(self) -> str:
        """Hex digest of the template."""
        return sha256_of(self.source.encode())

    def reads(self) -> frozenset[str]:
        """``evidence``, where the template speaks of it."""
        return frozenset({"evidence"} if sandbox.names(self.source, self.file) & EVIDENCE else ())

    def render(self, item: Item) -> str:
        """The prompt; raises `HarnessError` with the template's file and line where it cannot be made."""
        entities = self._listed(item.evidence.entities, self.most_entities)
        titles = self._listed(item.evidence.captions, self.most_titles)
        known = {
            "caption": one_line(item.caption, self.caption_characters),
            "entities": entities,
            "titles": titles,
            "evidence": bool(entities or titles),
        }
        return sandbox.render(self.source, self.file, known, LONGEST)

    def _listed(self, texts: tuple[str, ...], most: int) -> tuple[str, ...]:
        lines = (one_line(text, self.evidence_characters) for text in texts[: 10 * most])
        return tuple(line for line in lines if line)[:most]


def one_line(text: str, most: int) -> str:
    """The text on one line: blanks run together, no control characters, at most so many characters."""
    # What would be cut off need not be looked at; a text may be a whole book.
    words = " ".join(text[: 4 * most + 1_000].split())
    line = "".join(letter for letter in words if unicodedata.category(letter) not in ("Cc", "Cs"))
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


@cache
def _built_in(name: str) -> str:
    return (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")


def _file(path: str) -> tuple[str, str]:
    """Name and content of a template; raises `ValueError`, which a matrix tells with its place."""
    filled = os.path.expandvars(path)
    if unset := re.search(r"\$\{?(\w+)", filled):
        raise ValueError(f"the environment variable {unset[1]} is not set")
    try:
        with Path(filled).open("rb") as file:
            content = file.read(4 * LONGEST + 1)
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ValueError(f"{filled} is not UTF-8 text") from None
    except OSError as error:
        known = "" if os.sep in path or path.endswith(".jinja") else f"; built-in prompts are {', '.join(BUILT_IN)}"
        raise ValueError(f"{filled} cannot be read: {error.strerror}{known}") from None
    if len(text) > LONGEST:
        raise ValueError(f"{filled} has more than {LONGEST:,} characters, which is no prompt")
    return Path(filled).name, _checked(text, Path(filled).name)


def _checked(text: str, name: str) -> str:
    try:
        sandbox.check(text, name, IN_REACH)
        for known in PROBES:
            sandbox.render(text, name, known, LONGEST)
    except HarnessError as error:
        raise ValueError(str(error).replace("\n  ", "; ")) from None
    return text
