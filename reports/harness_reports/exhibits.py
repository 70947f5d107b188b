"""One item as it is shown to people: a small picture, its caption and evidence, and what was said of it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan

from harness.api import Annotation, Item, Prediction, thumbnail
from harness_reports.numerals import count, decimal
from harness_reports.records import harmless

OUTCOMES = {"refused": "refused to answer", "unparsable": "unparsable answer", "error": "error"}
_SIDE = 144
_CAPTION, _PIECE, _CLIP, _WHOLE = 400, 160, 280, 4000
_PIECES = 6


@dataclass(frozen=True, slots=True)
class Text:
    """Words of a stranger: what is shown at once, and, where that is cut, as much of the whole as a page can bear."""

    short: str
    whole: str = ""

    @classmethod
    def of(cls, text: str) -> Text:
        text = text.strip()
        if len(text) <= _CLIP:
            return cls(harmless(text))
        return cls(f"{harmless(text[:_CLIP], _CLIP)}…", harmless(text, _WHOLE, lines=True))


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: whose, the verdict or why there is none, and the words."""

    who: str
    verdict: str
    p: str
    text: Text
    manner: str = ""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """An item with its answers side by side; ``note`` says why it is here."""

    id: str
    picture: str
    """A data URI; empty where there is no picture."""
    size: tuple[int, int]
    caption: str
    entities: tuple[str, ...]
    titles: tuple[str, ...]
    note: str
    says: tuple[Said, ...]


def exhibit(item: Item, note: str, says: Iterable[Said], pictures: bool) -> Exhibit:
    """The item for people; every text is harmless and bounded."""
    picture, size = picture_of(item) if pictures else ("", (0, 0))
    return Exhibit(
        id=harmless(item.id, 80),
        picture=picture,
        size=size,
        caption=harmless(item.caption, _CAPTION),
        entities=_pieces(item.evidence.entities),
        titles=_pieces(item.evidence.captions),
        note=note,
        says=tuple(says),
    )


def said(who: str, answer: Annotation | Prediction | None) -> Said:
    """An answer of a teacher or a student."""
    if answer is None:
        return Said(harmless(who, 60), "was not asked", "", Text(""))
    words = answer.rationale if isinstance(answer, Annotation) else answer.text
    verdict = answer.verdict or OUTCOMES.get(answer.outcome, "no verdict")
    p = nan if answer.p_falsified is None else answer.p_falsified
    shown = "" if isnan(p) else decimal(p, 2)
    return Said(harmless(who, 60), verdict, shown, Text.of(words), answer.verdict or "none")


def _pieces(texts: Sequence[str]) -> tuple[str, ...]:
    shown = tuple(harmless(text, _PIECE) for text in texts[:_PIECES])
    rest = len(texts) - len(shown)
    return (*shown, f"and {count(rest)} more") if rest > 0 else shown


def picture_of(item: Item) -> tuple[str, tuple[int, int]]:
    """A small picture as a data URI, and its size; empty where there is none."""
    from io import BytesIO

    from PIL import Image as Pillow

    data = thumbnail(item.image, _SIDE)
    if not data:
        return "", (0, 0)
    with Pillow.open(BytesIO(data)) as picture:
        size = picture.size
    return f"data:image/webp;base64,{b64encode(data).decode()}", size
