"""Annotations, ranks and predictions as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import StoreError
from harness.identity import canonical
from harness.store import Store
from harness.types import Annotation, Item, Prediction, Ranked, Usage

T = TypeVar("T")

FILES = {"annotate": "annotations.jsonl", "rank": "rank.jsonl", "predict": "predictions.jsonl"}


APART = ("again", "audit")
"""What is said of an annotation besides what it says; no part of what is stored as the step's output."""


def said(value: Annotation | Ranked | Prediction) -> dict[str, Any]:
    """The JSON object of a value."""
    return {name: part for name, part in asdict(value).items() if name not in APART}


def write(path: Path, values: Iterable[Annotation | Ranked | Prediction]) -> None:
    """One canonical JSON object per line."""
    path.write_text("".join(canonical(said(value)) + "\n" for value in values), encoding="utf-8")


def annotation(row: dict[str, Any]) -> Annotation:
    """An annotation from its JSON object."""
    return Annotation(**{**row, "usage": Usage(**row["usage"])})


def read_annotations(store: Store, key: str) -> dict[str, Annotation]:
    """What an annotate step wrote, by item id in the order of the data set."""
    return {value.item_id: value for value in read(store, "annotate", key, FILES["annotate"], annotation)}


def read_ranks(store: Store, key: str) -> list[Ranked]:
    """What a rank step wrote, first to be bought first."""
    return read(store, "rank", key, FILES["rank"], lambda row: Ranked(**row))


def read_predictions(store: Store, key: str) -> dict[str, Prediction]:
    """What a predict step wrote, by item id in the order of the data set."""
    found = read(store, "predict", key, FILES["predict"], lambda row: Prediction(**row))
    return {value.item_id: value for value in found}


def read(store: Store, kind: str, key: str, name: str, make: Callable[[dict[str, Any]], T]) -> list[T]:
    """What ``make`` makes of each line of a stored step's file; raises `StoreError`."""
    path = store.folder(kind, key) / name
    try:
        with path.open(encoding="utf-8") as lines:
            return [make(json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"cannot be read: {error}", place=str(path), remedy="Run the matrix again: it is made anew."
        ) from None


def in_order(
    values: Iterable[Any], items: Sequence[Item], kind: type[T], who: str, done: Callable[[T], None] = lambda _: None
) -> list[T]:
    """Exactly one value per item, sorted as the items are; raises `ValueError` naming what is wrong."""
    ids = {item.id for item in items}
    found: dict[str, T] = {}
    for value in values:
        if not isinstance(value, kind):
            raise ValueError(f"{who} gave {value!r:.80}, which is no {kind.__name__}")
        item_id: str = value.item_id  # type: ignore[attr-defined]
        if item_id not in ids:
            raise ValueError(f"{who} answered about {item_id!r}, which it was not asked about")
        if item_id in found:
            raise ValueError(f"{who} answered twice about {item_id!r}")
        found[item_id] = value
        done(value)
    if missing := [item.id for item in items if item.id not in found]:
        raise ValueError(f"{who} left {len(missing)} of {len(items)} items unanswered, first {missing[0]!r}")
    return [found[item.id] for item in items]
