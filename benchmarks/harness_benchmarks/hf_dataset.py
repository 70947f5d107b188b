"""Any data set of the `datasets` library, from the hub or from disk, by the names of its columns."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from harness.api import Benchmark, DataError, DataFile, Skipped, Split, Verdict, hookimpl
from harness_benchmarks.column_options import WithColumns
from harness_benchmarks.hf_rows import entries_in
from harness_benchmarks.hf_source import Source, opened
from harness_benchmarks.label_words import WORDS, as_text, folded
from harness_benchmarks.table_entries import SPLIT_WORDS, Entry


class HfDataset(WithColumns):
    """Any data set of the `datasets` library: a name on the hub, a folder of save_to_disk, parquet, CSV or JSON files.

    Options say what the columns are called. Images are read when they are looked at, never all at once; an image is
    known by the digest of its bytes, and items with the same one are a group. Nothing that comes with the data is run
    or unpickled. What is read from the hub is cached by the library, and read offline from then on.
    """

    name = "hf-dataset"
    # digest() says all that items are; where and under which names it was found, and what labels mean, is apart.
    # The library's own fingerprint is another one on another machine, for the same data.
    transport = frozenset(
        {"dataset", "config", "commit", "images", "words", "splits", "draw", *WithColumns.model_fields}
    )

    dataset: str = Field(min_length=1)
    """A name on the hub, as ``user/name``, or a path on disk; $VARIABLES of the environment are filled in."""
    config: str | None = None
    """Configuration of a data set on the hub that has several."""
    commit: str | None = None
    """Commit of a data set on the hub, without which what is read may change; needed for a name on the hub."""
    images: str | None = None
    """Folder of the images, where the data hold only their paths; by default that of the data."""
    id: str | None = None
    """Column of the item's id; by default ids are made of image and caption."""
    image: str | None = "image"
    """Column of the image: images, their bytes or their paths; null for captions alone."""
    label: str | None = "label"
    """Column of the label, a class or a word; an empty field is a label that nobody has given yet, null has none."""
    words: Annotated[Mapping[str, Verdict], AfterValidator(folded), BeforeValidator(as_text)] = WORDS
    """What the words, classes or numbers of the label column mean, whatever their case; others are refused."""
    splits: Mapping[Split, str] | None = None
    """Which splits of the data are read as what, as ``{test: holdout}``; by default those called so, as ``val`` is."""
    split: str | None = None
    """Column with train, validation or test, where one split of the data holds all; needs no ``splits``."""
    draw: bool = False
    """Whether splits are drawn by groups from all that is read, whatever the data's own splits are."""
    entities: str | None = None
    """Column of what was recognised in the image: a list of texts."""
    evidence: str | None = None
    """Column of captions or titles of pages on which the image was found: a list of texts."""

    @model_validator(mode="after")
    def _splits_are_said_in_one_way(self) -> Self:
        if (self.splits is not None) + (self.split is not None) + self.draw > 1:
            raise ValueError("splits, split and draw are three ways of saying one thing: name one of them")
        return self

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        """The labels that are there, in the data or in the file of labels."""
        return self.labelled({entry.id: entry.label for entry in self._of(split)}, self.dataset)

    def notes(self) -> Mapping[str, str | int]:
        """Which data they are, what is missing, what is not read and what was left out of the evidence."""
        entries = self._entries()
        source = self._source()
        unread = [f"{name} ({len(rows)} rows)" for name, rows in self._unread(source).items()]
        moves = source.local is None and not source.pinned
        return {
            **({} if source.local else {"data set": self.dataset, "commit": str(self.commit)}),
            **({"may change": "its commit is the name of a branch or a tag"} if moves else {}),
            **({"splits that are not read": ", ".join(unread)} if unread else {}),
            **self.label_notes({entry.id: entry.label for entry in entries}, self.dataset),
            **(self.evidence_notes(map(self._fair, entries)) if self.evidence or self.entities else {}),
        }

    def files(self) -> Sequence[DataFile]:
        """The file or folder of data on disk; nothing for a name on the hub, which the library fetches."""
        path = self._source().local
        own = (DataFile(self.dataset, str(path), int(path.exists())),) if path else ()
        return (*own, *self.label_files())

    def skipped(self) -> Sequence[Skipped]:
        """The rows of splits that are not read."""
        return [
            Skipped(f"{name} row {place + 1}", f"the split {name} is not read")
            for name, rows in self._unread(self._source()).items()
            for place in range(len(rows))
        ]

    def _source(self) -> Source:
        return Source(self.dataset, self.config, self.commit).now()

    def _read(self, source: Source) -> Mapping[str, Split]:
        """What each split of the data that is read is read as; raises `DataError` where there is none."""
        found = opened(source)
        if self.split or self.draw:
            return dict.fromkeys(found, "train")
        if self.splits is None:
            named = {name: SPLIT_WORDS[name.lower()] for name in found if name.lower() in SPLIT_WORDS}
        else:
            named = {name: split for split, name in self.splits.items()}
        if missing := [name for name in named if name not in found] or ([] if named else ["train"]):
            raise DataError(
                f"there is no split {missing[0]!r}; splits: {', '.join(found)}",
                place=self.dataset,
                remedy="say by the option splits which is read as what, or have them drawn:  draw: true",
            )
        return named

    def _unread(self, source: Source) -> dict[str, Sized]:
        """The splits that are not read, by name."""
        read = self._read(source)
        return {name: rows for name, rows in opened(source).items() if name not in read}

    def _entries(self) -> Sequence[Entry]:
        source = self._source()
        return entries_in(
            source,
            tuple(self._read(source).items()),
            not (self.split or self.draw),
            self._columns(),
            Path(os.path.expandvars(self.images)).absolute() if self.images else None,
            tuple(self.words.items()),
            self.drawing(),
        )


@hookimpl
def harness_benchmarks() -> list[type[Benchmark]]:
    """Data sets of the datasets library."""
    return [HfDataset]
