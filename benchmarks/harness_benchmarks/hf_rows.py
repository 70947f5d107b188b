"""Splits of a data set of the `datasets` library → rows as a table has them, and images that are read late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import DataError, Split, Verdict
from harness_benchmarks.drawing import Draw
from harness_benchmarks.hf_source import Source, opened
from harness_benchmarks.published import below
from harness_benchmarks.table_entries import Columns, Entry, Picture, entries_from
from harness_benchmarks.table_rows import Row, check_columns

if TYPE_CHECKING:
    from datasets import Dataset


# Every step asks for items, and what was checked and hashed once need not be again.
@lru_cache(maxsize=2)
def entries_in(
    source: Source,
    read: tuple[tuple[str, Split], ...],
    given: bool,
    columns: Columns,
    folder: Path | None,
    words: tuple[tuple[str, Verdict], ...],
    draw: Draw,
) -> tuple[Entry, ...]:
    """Every row of the splits that are read as an entry; ``given`` says that these are the items' splits."""
    rows = {name: rows_in(source, name, columns.named, columns.image) for name, _ in read}
    every = [row for found in rows.values() for row in found]
    if not every:
        raise DataError("has no rows", place=source.dataset, remedy="each row is an item: a caption with its image")

    def pictures() -> Sequence[Picture | None]:
        if columns.image is None:
            return [None] * len(every)
        return [
            picture
            for name, found in rows.items()
            for picture in pictures_in(source, name, columns.image or "", folder, found)
        ]

    splits = [split for name, split in read for _ in rows[name]] if given else None
    return entries_from(every, columns, pictures, dict(words), draw, splits)


def rows_in(source: Source, split: str, columns: Mapping[str, str], image: str | None) -> list[Row]:
    """The rows of a split without its images; ``columns``, by option, must be there. Raises `DataError`."""
    data = opened(source)[split]
    check_columns(Path(f"{source.dataset} {split}"), data.column_names, columns)
    if image:
        kind_of(data, image)
    names = sorted({name for option, name in columns.items() if option != "image"})
    lists: Mapping[str, Sequence[object]] = data.select_columns(names).with_format(None)[:]
    return [
        Row(f"{source.dataset} {split}", place + 1, {name: _said(data, name, lists[name][place]) for name in names})
        for place in range(len(data))
    ]


def _said(data: Dataset, column: str, value: object) -> object:
    """A class by its name; -1 stands for none."""
    from datasets import ClassLabel

    feature = data.features[column]
    if isinstance(feature, ClassLabel) and isinstance(value, int):
        return feature.names[value] if 0 <= value < len(feature.names) else None if value == -1 else str(value)
    return value


def kind_of(data: Dataset, column: str) -> str:
    """How a column holds images: as ``image``, ``bytes`` or ``path``; raises `DataError` for anything else."""
    from datasets import Image, Value

    feature = data.features[column]
    if isinstance(feature, Image):
        return "image"
    kinds = {"string": "path", "large_string": "path", "binary": "bytes", "large_binary": "bytes"}
    if isinstance(feature, Value) and feature.dtype in kinds:
        return kinds[feature.dtype]
    raise DataError(
        f"the column {column!r} holds {feature}, and neither images nor their paths",
        place=str(data.info.dataset_name or "hf-dataset"),
        remedy="name the column of images by the option image, or say  image: null",
    )


def pictures_in(source: Source, split: str, column: str, folder: Path | None, rows: Sequence[Row]) -> list[Picture]:
    """The image of each row, named by the digest of its bytes; one at a time is in memory. Raises `DataError`."""
    found = [_digest(source, split, column, folder, place) for place in range(len(rows))]
    if wrong := [place for place, name in enumerate(found) if isinstance(name, DataError)]:
        error = found[wrong[0]]
        assert isinstance(error, DataError)
        more = f" (and {len(wrong) - 1:,} more rows)" if len(wrong) > 1 else ""
        raise rows[wrong[0]].fault(f"{error.cause}{more}", error.remedy or "fetch the data again")
    return [
        Picture(str(name), partial(_read, source, split, column, folder, place)) for place, name in enumerate(found)
    ]


def _digest(source: Source, split: str, column: str, folder: Path | None, place: int) -> str | DataError:
    try:
        return sha256(_read(source, split, column, folder, place)).hexdigest()
    except (DataError, OSError) as error:
        return error if isinstance(error, DataError) else DataError(f"its image cannot be read: {error.strerror}")


def _read(source: Source, split: str, column: str, folder: Path | None, place: int) -> bytes:
    """The encoded bytes of a row's image; raises `DataError` where there is none, and `OSError` as files do."""
    value = _column(source, split, column)[place][column]
    name = value
    if isinstance(value, Mapping):
        if isinstance(value.get("bytes"), bytes):
            return bytes(value["bytes"])
        name = value.get("path")
    if isinstance(value, bytes):
        return value
    if not isinstance(name, str) or not name:
        raise DataError("has no image", remedy="fill it in, or say  image: null  for captions alone")
    return _file(source, name, folder).read_bytes()


def _file(source: Source, name: str, folder: Path | None) -> Path:
    """Where an image lies; a name that a stranger wrote must not lead to the user's other files."""
    from datasets import config

    local = source.local
    own = folder or (local if local is None or local.is_dir() else local.parent)
    roots = [own] if own else [Path(config.HF_DATASETS_CACHE), Path(config.HF_CACHE_HOME)]
    for root in roots:
        if path := below(root, name) if not Path(name).is_absolute() else _inside(root, Path(name)):
            return path
    raise DataError(
        f"the image {name!r} lies outside of {roots[0]}", remedy="name the folder of the images by the option images"
    )


def _inside(root: Path, path: Path) -> Path | None:
    resolved = path.resolve()
    return resolved if resolved.is_relative_to(root.resolve()) else None


@lru_cache(maxsize=8)
def _column(source: Source, split: str, column: str) -> Any:  # noqa: ANN401 - a data set of one column, not decoded
    from datasets import Image

    data = opened(source)[split].select_columns([column]).with_format(None)
    return data.cast_column(column, Image(decode=False)) if kind_of(data, column) == "image" else data
