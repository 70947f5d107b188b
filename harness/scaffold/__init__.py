"""Make a new plugin that works: a distribution with one component, its test and its manual."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from harness.errors import HarnessError
from harness.plugins import Registry
from harness.scaffold.names import Names, check
from harness.scaffold.rendering import render


def create(kind: str, name: str, folder: Path, registry: Registry) -> list[Path]:
    """Write ``folder/harness-NAME`` and return its files, the module first; raises `HarnessError`.

    It is written beside and renamed: either all of it is there or nothing.
    """
    names = Names(kind, name)
    check(names, registry)
    target = folder / names.distribution
    texts = render(names)
    try:
        _write(texts, folder, target)
    except OSError as error:
        raise HarnessError(
            f"cannot be written: {error.strerror or error}",
            place=str(target),
            remedy="Name by --into a folder that there is and that you may write to.",
        ) from None
    module = f"{names.module}.py"
    return [target / file for file in sorted(texts, key=lambda file: (file != module, file))]


def _write(texts: Mapping[str, str], folder: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise HarnessError(
            "is there already", place=str(target), remedy="Choose another name or folder, or move it away."
        )
    beside = folder / f".{target.name}.{uuid.uuid4().hex[:8]}"
    beside.mkdir()
    try:
        for file, text in texts.items():
            (beside / file).write_text(text, encoding="utf-8", newline="\n")
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
