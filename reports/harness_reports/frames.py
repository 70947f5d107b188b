"""All tables of a view as data files, with a dictionary of their columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from harness.api import MissingDependency, Report, RunView, hookimpl
from harness_reports.dictionary import TABLES, meaning

if TYPE_CHECKING:
    from pandas import DataFrame, Series


@hookimpl
def harness_reports() -> tuple[type[Report], ...]:
    return (Tables,)


class Tables(Report):
    """Every table with all digits as parquet or CSV, and ``columns.json``, which says what each column means.

    The texts are as they came from models, data sets and plugins: a spreadsheet may take one for a formula.
    """

    name = "tables"

    format: Literal["parquet", "csv"] = "parquet"
    """Parquet keeps types and infinity and needs pyarrow; CSV is read by everything."""
    folder: str = Field(default="tables", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,80}$")
    """Folder for the files, beside the other reports."""

    def render(self, view: RunView, out: Path) -> Sequence[Path]:
        folder = out / self.folder
        folder.mkdir(parents=True, exist_ok=True)
        tables = {name: _storable(table) for name, table in _tables(view).items()}
        files = [self._write(folder, name, table) for name, table in tables.items()]
        dictionary = folder / "columns.json"
        text = json.dumps(_dictionary(tables, self.format), ensure_ascii=False, indent=1)
        dictionary.write_text(f"{text}\n", encoding="utf-8", newline="\n")
        return [dictionary, *files]

    def _write(self, folder: Path, name: str, table: DataFrame) -> Path:
        file = folder / f"{name}.{self.format}"
        if self.format == "csv":
            table.to_csv(file, index=False, lineterminator="\n")
            return file
        try:
            import pyarrow  # noqa: F401 - pandas asks for it in words that help nobody
        except ImportError:
            raise MissingDependency(
                "needs pyarrow to write parquet",
                place="report tables",
                remedy="pip install 'ooc-harness[tables]', or say format: csv",
            ) from None
        table.to_parquet(file, engine="pyarrow", index=False)
        return file


def _tables(view: RunView) -> dict[str, DataFrame]:
    """By the names of the view's fields; those that a file documents first."""
    found = {field.name: getattr(view, field.name) for field in fields(view)}
    named = [name for name in TABLES if name in found] + [name for name in found if name not in TABLES]
    return {name: found[name] for name in named if hasattr(found[name], "iloc")}


def _storable(table: DataFrame) -> DataFrame:
    """A copy in which each column has one type: text, truth values, whole numbers or numbers."""
    from pandas import DataFrame

    columns = {str(name): _column(table[name]) for name in table.columns}
    return DataFrame(columns, index=table.index).reset_index(drop=True)


def _column(values: Series) -> Series:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype):
        return values
    known = values.dropna()
    if len(known) and known.map(lambda value: isinstance(value, bool)).all():
        return values.astype("boolean")
    if len(known) and known.map(lambda value: isinstance(value, int | float)).all():
        return pd.to_numeric(values)
    return values.map(_text).astype("string")


def _text(value: object) -> str | None:
    """A text that can be encoded; lists and the like as Python writes them."""
    import pandas as pd

    if value is None or value is pd.NA or value != value:
        return None
    return str(value).encode("utf-8", "replace").decode()


def _dictionary(tables: Mapping[str, DataFrame], format: str) -> dict[str, object]:
    return {
        name: {
            "file": f"{name}.{format}",
            "holds": TABLES.get(name, ""),
            "rows": len(table),
            "columns": [
                {"name": column, "type": _type(table[column]), "means": meaning(name, column)}
                for column in table.columns
            ],
        }
        for name, table in tables.items()
    }


def _type(values: Series) -> str:
    import pandas as pd

    for name, fits in (
        ("truth value", pd.api.types.is_bool_dtype),
        ("whole number", pd.api.types.is_integer_dtype),
        ("number", pd.api.types.is_numeric_dtype),
    ):
        if fits(values.dtype):
            return name
    return "text"
