"""Objects of a published JSON file, one list of them or one a line, each with its place; none is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from harness.api import DataError
from harness_benchmarks.published import damaged

Read = TypeVar("Read", bound=BaseModel)


def listed(path: Path, source: str) -> list[object]:
    """The values of a list; raises `DataError` where the file is none."""
    try:
        found = json.loads(_bytes(path))
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"is not JSON: {error}", source) from None
    if not isinstance(found, list):
        raise damaged(path, "is not a list of rows", source)
    return found


def lines(path: Path, source: str) -> Iterator[tuple[int, object]]:
    """Number, from 1, and value of every line that is not blank; raises `DataError` where one is damaged."""
    for number, line in enumerate(_bytes(path).split(b"\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise damaged(path, f"line {number} is not JSON: {error}", source) from None


def read(model: type[Read], value: object, path: Path, where: str, source: str) -> Read:
    """The row as its model has it; raises `DataError` with place and field where it does not fit."""
    if not isinstance(value, Mapping):
        raise damaged(path, f"{where} is not an object", source)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise damaged(path, f"{where}: {f'{field}: ' if field else ''}{first['msg']}", source) from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", place=path.name) from None
