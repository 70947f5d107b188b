"""A data set of the `datasets` library, from the hub or from disk: opened without running or unpickling anything."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import DataError, MissingDependency, digest
from harness_benchmarks.file_stamps import stamp

if TYPE_CHECKING:
    from datasets import Dataset

BUILDERS = {".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".arrow": "arrow"}
"""What reads a file of the user's, by its ending."""

_SAFE = frozenset({"arrow", "cache", "csv", "imagefolder", "json", "parquet", "webdataset"})
"""Builders of the library that a data set of the hub may use: they read tables, texts and images, and run nothing."""

_PINNED = re.compile(r"[0-9a-f]{40}")
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


@dataclass(frozen=True, slots=True)
class Source:
    """Which data set: a path, or a name on the hub with configuration and commit."""

    dataset: str
    config: str | None
    commit: str | None
    version: str = ""
    """Tells one state of files on disk from another."""

    def now(self) -> Source:
        """With the state in which files on disk are."""
        if self.local is None or not self.local.exists():
            return self
        files = [self.local] if self.local.is_file() else sorted(self.local.rglob("*"))
        return replace(self, version=digest([str(found) for file in files if (found := stamp(file))]))

    @property
    def local(self) -> Path | None:
        """The folder or file; None for a name on the hub."""
        path = Path(os.path.expandvars(self.dataset)).expanduser()
        looks = self.dataset.startswith((".", "/", "~", "$")) or path.suffix in BUILDERS
        return path.absolute() if looks or path.exists() else None

    @property
    def pinned(self) -> bool:
        """Whether what is read can change only with the matrix."""
        return self.local is None and bool(self.commit and _PINNED.fullmatch(self.commit))


@lru_cache(maxsize=4)
def opened(source: Source) -> Mapping[str, Dataset]:
    """Its splits by name, mapped from disk; raises `DataError`, and `MissingDependency` without the library."""
    if find_spec("datasets") is None:
        raise MissingDependency("needs datasets", place="benchmark hf-dataset", remedy="pip install 'ooc-harness[hf]'")
    with _quiet():
        found = _from_disk(source, source.local) if source.local else _from_hub(source)
    splits = found if isinstance(found, Mapping) else {str(found.split or "train"): found}
    for data in splits.values():
        _check(source, data)
    return splits


def _check(source: Source, data: Dataset) -> None:
    """Raises `DataError` where offsets lead out of the file: reading there would end the process."""
    from pyarrow import ArrowException

    try:
        data.data.validate(full=True)
    except (ArrowException, OSError) as error:
        raise _unreadable(source, error) from None


def _from_disk(source: Source, path: Path) -> Any:  # noqa: ANN401 - a data set, or one of several splits
    from datasets import load_dataset, load_from_disk

    if not path.exists():
        raise DataError("there is no such file or folder", place=source.dataset, remedy="correct the option dataset")
    try:
        if path.is_dir() and ((path / "dataset_dict.json").is_file() or (path / "state.json").is_file()):
            return load_from_disk(str(path))
        if path.is_file():
            return load_dataset(_builder(source, [path]), data_files={path.stem: str(path)})
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in BUILDERS)
        return load_dataset(_builder(source, files), data_dir=str(path))
    except DataError:
        raise
    except Exception as error:
        raise _unreadable(source, error) from None


def _builder(source: Source, files: Sequence[Path]) -> str:
    """The one that reads all of the files; tables that describe images beside them are read with these."""
    if any(file.name.startswith("metadata.") for file in files):
        return "imagefolder"
    kinds = {BUILDERS.get(file.suffix.lower(), "") for file in files}
    if len(kinds) != 1 or "" in kinds:
        raise DataError(
            f"holds {'no' if not kinds else 'more than one kind of'} file that can be read",
            place=source.dataset,
            remedy=f"give a folder that save_to_disk wrote, or files of one kind: {', '.join(BUILDERS)}",
        )
    return kinds.pop()


def _from_hub(source: Source) -> Any:  # noqa: ANN401 - a data set, or one of several splits
    from datasets import load_dataset, load_dataset_builder

    if not _HUB.fullmatch(source.dataset):
        raise DataError(
            "is neither a path that is there nor a name on the hub",
            place=source.dataset,
            remedy="correct the option dataset",
        )
    if source.commit is None:
        raise DataError(
            "is a name on the hub, where data change, and no commit is given",
            place=source.dataset,
            remedy="give as commit the one that the hub shows under Files and versions",
        )
    try:
        builder = load_dataset_builder(source.dataset, source.config, revision=source.commit)
        module = type(builder).__module__
        if module.split(".")[:2] != ["datasets", "packaged_modules"] or module.split(".")[2] not in _SAFE:
            raise DataError(
                f"is read by {module}, and only {', '.join(sorted(_SAFE))} are safe with strangers' data",
                place=source.dataset,
                remedy="save it as parquet, and give that",
            )
        return load_dataset(source.dataset, source.config, revision=source.commit)
    except DataError:
        raise
    except ConnectionError as error:
        raise DataError(
            f"cannot be fetched: {_line(error)}",
            place=source.dataset,
            remedy="fetch it where there is a network (HF_HUB_OFFLINE must not be set), or give a path on disk",
        ) from None
    except Exception as error:
        raise _unreadable(source, error) from None


def _unreadable(source: Source, error: Exception) -> DataError:
    """The library raises dozens of kinds of exception on files that are damaged or not there."""
    return DataError(
        f"cannot be read by datasets: {_line(error)}",
        place=source.dataset,
        remedy="check dataset, config and commit, or save the data again",
    )


def _line(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0] or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}…"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's bars of progress, which would cross those of a run."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()
