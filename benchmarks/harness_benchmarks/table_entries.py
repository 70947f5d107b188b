"""Rows of an archive → its entries, checked: ids, captions, images, labels and splits."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from harness.api import SPLITS, DataError, Item, Skipped, Split, Verdict, digest
from harness_benchmarks.drawing import Draw
from harness_benchmarks.published import content_id
from harness_benchmarks.table_rows import Row, rows_of

SPLIT_WORDS: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a table are called; None for what it does not have."""

    id: str | None
    caption: str
    image: str | None
    label: str | None
    split: str | None
    group: str | None
    entities: str | None
    evidence: str | None
    sources: str | None
    reference: str | None

    @property
    def named(self) -> dict[str, str]:
        """Those that must be there, by option."""
        return {option: name for option in self.__slots__ if (name := getattr(self, option)) is not None}


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of the archive: what tells it from others there, and its encoded bytes."""

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of the archive with its label, where it has one."""

    id: str
    caption: str
    image: Callable[[], bytes] | None
    label: Verdict | None
    split: Split
    group: str
    entities: tuple[str, ...]
    captions: tuple[str, ...]
    sources: tuple[str, ...]
    reference: str


@dataclass(frozen=True, slots=True)
class Archive:
    """All entries, and the rows that were left out because their image is not there."""

    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...]


# Every step asks for items, and what was checked once need not be checked again.
@lru_cache(maxsize=2)
def entries_of(
    path: Path,
    data: bytes,
    delimiter: str | None,
    columns: Columns,
    folder: Path,
    words: tuple[tuple[str, Verdict], ...],
    draw: Draw,
    skip_missing: bool = False,
) -> Archive:
    """Every row as an entry, in an order that has nothing to do with the file's; raises `DataError`.

    Only where ``skip_missing`` says so are rows left out, those whose image is not there.
    """
    rows = rows_of(path, data, columns.named, delimiter)
    pictures = partial(_images, rows, columns.image, folder, skip_missing)
    entries = entries_from(rows, columns, pictures, dict(words), draw)
    # Splits are drawn before: an image that is fetched later moves no other item.
    skipped = [Skipped(entry.id, "its image is not there", entry.split) for entry in entries if entry.image is _absent]
    return Archive(tuple(entry for entry in entries if entry.image is not _absent), tuple(skipped))


def entries_from(
    rows: Sequence[Row],
    columns: Columns,
    pictures: Callable[[], Sequence[Picture | None]],
    words: Mapping[str, Verdict],
    draw: Draw,
    given: Sequence[Split] | None = None,
) -> tuple[Entry, ...]:
    """The rows as entries; splits are those ``given``, or said by a column, or drawn. Raises `DataError`.

    ``pictures`` gives the image of each row; it is called when the texts have been found fit.
    """
    captions = [needed(row, columns.caption, "caption") for row in rows]
    images = pictures()
    names = [image.name if image else "" for image in images]
    ids = _ids(rows, columns, captions, names)
    labels = _labels(rows, columns.label, words)
    groups = [row.text(columns.group) for row in rows] if columns.group else names
    said = given if given is not None else _said(rows, columns.split) if columns.split else None
    clusters = [group or item_id for group, item_id in zip(groups, ids, strict=True)]
    splits = draw.splits(clusters) if said is None else _together(rows, said, groups)
    found = [searched(row, columns.evidence, columns.sources) for row in rows]
    entries = [
        Entry(
            id=ids[place],
            caption=captions[place],
            image=image.read if (image := images[place]) else None,
            label=labels[place],
            split=splits[place],
            # A story's name may tell the label, and nobody needs to read it.
            group=content_id(groups[place]) if groups[place] else "",
            entities=row.texts(columns.entities) if columns.entities else (),
            captions=found[place][0],
            sources=found[place][1],
            reference=row.text(columns.reference) if columns.reference else "",
        )
        for place, row in enumerate(rows)
    ]
    return tuple(sorted(entries, key=lambda entry: digest(entry.id)))


def content_of(split: Split, item: Item) -> list[object]:
    """All that an item is, the bytes of its image included, for a digest."""
    image = item.image.sha256() if item.image else ""
    return [split, item.id, item.caption, image, item.evidence.entities, item.evidence.captions, item.group]


def needed(row: Row, column: str, what: str) -> str:
    """The field's text; raises `DataError` where there is none."""
    text = row.text(column)
    if not text:
        raise row.fault(f"has no {what}: {column} is empty", "fill it in, or delete the row")
    return text


def searched(row: Row, evidence: str | None, sources: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Captions of the evidence and the addresses of their pages; raises `DataError` where these are not as many."""
    if evidence is None or sources is None:
        return row.texts(evidence) if evidence else (), ()
    captions, addresses = row.texts(evidence, blanks=True), row.texts(sources, blanks=True)
    if len(captions) != len(addresses):
        raise row.fault(
            f"{evidence} has {len(captions)} texts and {sources} {len(addresses)} addresses",
            "write one address for each text, an empty one where it is not known",
        )
    pairs = [(caption, address) for caption, address in zip(captions, addresses, strict=True) if caption]
    return tuple(caption for caption, _ in pairs), tuple(address for _, address in pairs)


def _ids(rows: Sequence[Row], columns: Columns, captions: Sequence[str], names: Sequence[str]) -> list[str]:
    if columns.id:
        ids = [needed(row, columns.id, "id") for row in rows]
        remedy = "give each item an id of its own, or say  id: null  to have ids made of image and caption"
    else:
        ids = [content_id(image, caption) for image, caption in zip(names, captions, strict=True)]
        remedy = "keep one row for each pair of image and caption"
    first: dict[str, int] = {}
    repeated = [place for place, item_id in enumerate(ids) if first.setdefault(item_id, place) != place]
    if repeated:
        item_id = ids[repeated[0]]
        what = f"the id {item_id!r}" if columns.id else "its pair of image and caption"
        row = rows[repeated[0]]
        raise row.fault(f"{what} stands at {rows[first[item_id]].seen_from(row)}, too{_more(repeated)}", remedy)
    return ids


def _absent() -> bytes:
    """Stands for an image that is not there."""
    raise FileNotFoundError


def _images(rows: Sequence[Row], column: str | None, folder: Path, skip_missing: bool) -> Sequence[Picture | None]:
    """Image files by their names in the table; all must be there, or one where others may be missing."""
    if column is None:
        return [None] * len(rows)
    if not folder.is_dir():
        raise DataError("there is no such folder", place=str(folder), remedy="correct the option images")
    names = [needed(row, column, "image") for row in rows]
    paths = [inside(row, name, folder) for row, name in zip(rows, names, strict=True)]
    missing = {place: None for place, path in enumerate(paths) if not path.is_file()}
    if missing and (len(missing) == len(paths) or not skip_missing):
        first = next(iter(missing))
        raise rows[first].fault(
            f"there is no image {names[first]!r} in {folder}{_more(list(missing))}",
            "add the files, name their folder by the option images, say  missing_images: skip  to leave such rows out,"
            " or  image: null  for captions alone",
        )
    return [
        Picture(name, _absent if place in missing else partial(Path.read_bytes, path))
        for place, (name, path) in enumerate(zip(names, paths, strict=True))
    ]


def inside(row: Row, name: str, folder: Path) -> Path:
    """The image's path; what a stranger wrote must not lead out of the folder."""
    root = os.path.abspath(folder)
    path = Path(os.path.abspath(os.path.join(root, name)))
    if not path.is_relative_to(root):
        raise row.fault(f"the image {name!r} lies outside of {folder}", "name images by their path below that folder")
    return path


def _labels(rows: Sequence[Row], column: str | None, words: Mapping[str, Verdict]) -> list[Verdict | None]:
    """Labels; None where the field is empty, since nobody has labelled the item."""
    if column is None:
        return [None] * len(rows)
    said = [row.text(column).casefold() for row in rows]
    unknown = [place for place, word in enumerate(said) if word and word not in words]
    if unknown:
        strange = dict.fromkeys(said[place] for place in unknown)
        example = ", ".join(f"{word}: …" for word in list(strange)[:6])
        raise rows[unknown[0]].fault(
            f"the label {said[unknown[0]]!r} is none of {', '.join(words)}{_more(unknown)}",
            f"say by the option words what is pristine and what falsified:  words: {{{example}}}",
        )
    return [words[word] if word else None for word in said]


def _said(rows: Sequence[Row], column: str) -> list[Split]:
    said = [needed(row, column, "split").casefold() for row in rows]
    unknown = [place for place, word in enumerate(said) if word not in SPLIT_WORDS]
    if unknown:
        raise rows[unknown[0]].fault(
            f"the split {said[unknown[0]]!r} is none of {', '.join(SPLITS)}{_more(unknown)}",
            f"write {', '.join(SPLITS)}, or say  split: null  to have groups drawn",
        )
    return [SPLIT_WORDS[word] for word in said]


def _together(rows: Sequence[Row], splits: Sequence[Split], groups: Sequence[str]) -> Sequence[Split]:
    """The splits, none of which a group leaves."""
    first: dict[str, int] = {}
    torn = [
        place for place, group in enumerate(groups) if group and splits[first.setdefault(group, place)] != splits[place]
    ]
    if torn:
        place, other = torn[0], first[groups[torn[0]]]
        raise rows[place].fault(
            f"{groups[place]!r} is in the {splits[place]} split here and in the {splits[other]} split at"
            f" {rows[other].seen_from(rows[place])}{_more(torn)}",
            "items of one image or story belong into one split; by the option group, a column says what is one story",
        )
    return splits


def _more(places: Sequence[int]) -> str:
    """How many further rows are at fault in the same way."""
    further = len(places) - 1
    return f" (and {further} more row{'s' if further > 1 else ''})" if further else ""
