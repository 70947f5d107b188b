"""A view without what people wrote or photographed: names of the matrix, numbers and words of the harness's own stay.

What may stay is listed; a table or column that nobody has listed here does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

from harness.columns import AXES
from harness.discretion import HIDDEN, Discreet, item_digest
from harness.view import RunView

if TYPE_CHECKING:
    from pandas import DataFrame, Series

NAMES = frozenset(
    {*AXES, "arm", "against", "cell", "curve", "evaluated_on", "teacher", "family", "question", "what"}
    | {"trained_on", "other_benchmark", "method", "factor"}
)
"""Columns of names that the author of the matrix gave, and of what is made of these."""

WORDS = frozenset(
    {"role", "split", "state", "correction", "test", "verdict", "scope", "warnings", "kind", "key", "step", "outcome"}
    | {"severity", "splits", "other_split", "means", "remedy", "standing"}
)
"""Columns in which the harness itself speaks: fixed words, keys of steps, and warnings made of numbers."""

IDS = frozenset({"id", "item", "item_id", "other_item", "image_of", "group"})
"""Columns that name items; they become digests."""

SURROUNDINGS = frozenset(
    {"surroundings", "steps", "harness", "python", "platform", "processors", "packages", "plugins", "code", "device"}
    | {"cuda"}
)
"""Keys of the provenance that stay, with all beneath."""

MATRIX = f"# {HIDDEN}\n"


def redact(view: RunView, name: Callable[[str], str] = item_digest) -> RunView:
    """The view without images, captions, evidence, rationales, predictions, reasons, notes and the matrix's text.

    ``name`` gives the digest of an id where the view's details have something else than ids.
    """
    if "redacted" in view.seal:
        return view
    return replace(view, **{field.name: _field(field, getattr(view, field.name), name) for field in fields(view)})


def _field(field: Field[Any], value: Any, name: Callable[[str], str]) -> Any:  # noqa: ANN401 - whatever the view holds
    match field.name:
        case "title":
            return value
        case "matrix_text":
            return MATRIX
        case "provenance":
            return surroundings(value)
        case "seal":
            return {**value, "redacted": "yes"}
        case "details":
            return Discreet(value, name)
    return _table(value, name) if hasattr(value, "iloc") else _blank(field)


def _blank(field: Field[Any]) -> Any:  # noqa: ANN401 - whatever the view holds
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def _table(table: DataFrame, name: Callable[[str], str]) -> DataFrame:
    return table.assign(**{column: _column(column, table[column], name) for column in table.columns})


def _column(title: str, column: Series[Any], name: Callable[[str], str]) -> Series[Any]:
    if title in NAMES | WORDS or column.infer_objects().dtype.kind in "biuf":
        return column
    return column.map(lambda value: _value(title, value, name)).astype(column.dtype)


def _value(title: str, value: object, name: Callable[[str], str]) -> object:
    """A number as it is; a text as far as its column lets it; nothing else."""
    if isinstance(value, Real):
        return value
    if not isinstance(value, str):
        return None
    if not value:
        return ""
    if title in IDS:
        return name(value)
    return SPARED[title](value) if title in SPARED else HIDDEN


def notes(value: str) -> str:
    """That numbers are no evidence about real news is never hidden."""
    return f"synthetic; the rest is {HIDDEN}" if "synthetic" in value.lower() else HIDDEN


def oracles(value: str) -> str:
    """Nor is that numbers were reached with the help of the answer."""
    return f"how it is read depends on the label; in which way is {HIDDEN}"


SPARED: Mapping[str, Callable[[str], str]] = {"notes": notes, "oracles": oracles}
"""Columns of which a part is never hidden."""


def surroundings(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """What of a provenance may stay."""
    if isinstance(value, Mapping):
        return {key: _inner(key, part) for key, part in value.items() if key in SURROUNDINGS}
    return value


def _inner(key: str, value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    if key == "surroundings":
        return [surroundings(part) for part in value] if isinstance(value, list) else []
    return value
