"""COSMOS's published files → pairs of an image with a caption and its other captions, with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, StrictInt, StrictStr

from harness.api import DataError, Evidence, Verdict, digest
from harness_benchmarks.evidence_text import clean
from harness_benchmarks.file_stamps import Stamp
from harness_benchmarks.json_rows import lines, read
from harness_benchmarks.published import below, content_id, damaged

SOURCE = "github.com/shivangi-aneja/COSMOS (on request)"

VERDICTS: dict[int | str, Verdict] = {
    **{1: "falsified", "1": "falsified", "ooc": "falsified"},
    **{0: "pristine", "0": "pristine", "not-ooc": "pristine"},
}
"""What the published labels mean; other words are refused, since a guess of their polarity could be wrong."""

Judged = Literal["caption1", "caption2"]


class Tested(BaseModel):
    """A line of the test file; boxes, modified captions and scores of other models are not read."""

    model_config = ConfigDict(frozen=True, strict=True)

    img_local_path: str
    caption1: str
    caption2: str
    label: StrictInt | StrictStr | None = None
    context_label: StrictInt | StrictStr | None = None


class Article(BaseModel):
    """One of the captions with which an image was found."""

    model_config = ConfigDict(frozen=True, strict=True)

    caption: str | None = None
    article_url: str | None = None


class Captioned(BaseModel):
    """A line of the training and validation files."""

    model_config = ConfigDict(frozen=True, strict=True)

    img_local_path: str
    articles: list[Article]


@dataclass(frozen=True, slots=True)
class Entry:
    """A caption of an image; ``reason`` says why it is no item, and is empty where it is one."""

    id: str
    """Of image, caption and the other captions: two lines may have one caption and other partners."""
    where: str
    image: str
    caption: str
    others: Evidence
    verdict: Verdict | None
    reason: str = ""


# Every step asks for items, labels and notes; what was checked once need not be checked again.
@lru_cache(maxsize=3)
def tested_of(file: Stamp, judged: Judged) -> tuple[Entry, ...]:
    """An entry for each line of the test file: the caption that is judged, and its partner; raises `DataError`."""
    path, entries = Path(file.path), []
    for number, value in lines(path, SOURCE):
        where = f"line {number}"
        row = read(Tested, value, path, where, SOURCE)
        own, partner = (row.caption1, row.caption2) if judged == "caption1" else (row.caption2, row.caption1)
        image = _image(path, number, row.img_local_path)
        entries.append(_entry(where, image, own.strip(), [(partner, "")], _verdict(path, number, row)))
    return _checked(path, entries)


@lru_cache(maxsize=4)
def captioned_of(file: Stamp, most_images: int | None, seed: int) -> tuple[Entry, ...]:
    """An entry for each caption of each line of a file without labels; raises `DataError`.

    Where there are more than ``most_images``, so many are drawn.
    """
    path, entries = Path(file.path), []
    for number, value in lines(path, SOURCE):
        row = read(Captioned, value, path, f"line {number}", SOURCE)
        image = _image(path, number, row.img_local_path)
        pairs = [((article.caption or "").strip(), article.article_url or "") for article in row.articles]
        for place, (caption, _) in enumerate(pairs):
            rest = [pair for pair in pairs if pair[0] != caption]
            entries.append(_entry(f"line {number} article {place}", image, caption, rest))
        if not pairs:
            entries.append(_entry(f"line {number}", image, "", []))
    checked = _checked(path, entries)
    if most_images is None:
        return checked
    images = sorted({entry.image for entry in checked}, key=lambda image: digest([seed, image]))
    drawn = set(images[:most_images])
    return tuple(entry for entry in checked if entry.image in drawn)


def _entry(
    where: str, image: str, caption: str, others: Sequence[tuple[str, str]], verdict: Verdict | None = None
) -> Entry:
    found = _others(others)
    return Entry(content_id(image, caption, *found.captions), where, image, caption, found, verdict)


def _others(pairs: Sequence[tuple[str, str]]) -> Evidence:
    """The other captions of the image, clean, each once, with the addresses of their pages."""
    first: dict[str, str] = {}
    for caption, address in pairs:
        if text := clean(caption):
            first.setdefault(text, address)
    addresses = tuple(first.values())
    return Evidence(captions=tuple(first), sources=addresses if any(addresses) else ())


def _verdict(path: Path, number: int, row: Tested) -> Verdict:
    said = [label for label in (row.label, row.context_label) if label is not None]
    keys = [label.strip().lower() if isinstance(label, str) else label for label in said]
    if strange := [label for label, key in zip(said, keys, strict=True) if key not in VERDICTS]:
        known = "1 or ooc for a pair that is out of context, 0 or not-ooc for one that is not"
        raise damaged(path, f"line {number} has the label {strange[0]!r}, which is none of {known}", SOURCE)
    verdicts = {VERDICTS[key] for key in keys}
    if len(verdicts) != 1:
        what = (
            "has no label"
            if not verdicts
            else f"has the label {row.label!r} and the context_label {row.context_label!r}"
        )
        raise damaged(path, f"line {number} {what}", SOURCE)
    return verdicts.pop()


def _image(path: Path, number: int, name: str) -> str:
    if not name or ".." in Path(name).parts or below("/", name) is None:
        raise damaged(path, f"line {number} has the img_local_path {name!r}", SOURCE)
    return name.lstrip("/")


def _checked(path: Path, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries, those that cannot be items with the reason; raises `DataError` for labels that contradict."""
    if not entries:
        raise damaged(path, "has no lines", SOURCE)
    first: dict[str, Entry] = {}
    checked = []
    for entry in entries:
        before = first.setdefault(entry.id, entry)
        if before.verdict != entry.verdict:
            raise DataError(
                f"{entry.where} is {entry.verdict}, and {before.where}, with the same image and captions, is not",
                place=path.name,
                remedy=f"fetch the file again from {SOURCE}",
            )
        repeated = "" if before is entry else f"repeats {before.where}"
        checked.append(replace(entry, reason=repeated if entry.caption else "has no caption"))
    return tuple(checked)
