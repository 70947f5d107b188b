"""Any data set of the `datasets` library, from the hub or from disk, by the names of its columns."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from harness.api import (
    SPLITS,
    Benchmark,
    DataError,
    DataFile,
    Evidence,
    Image,
    Item,
    Skipped,
    Split,
    Verdict,
    digest,
    hookimpl,
)
from harness_benchmarks.evidence import Filtered, WithEvidence
from harness_benchmarks.given import WithGiven
from harness_benchmarks.hf_rows import entries_in
from harness_benchmarks.hf_source import Source, opened
from harness_benchmarks.label_words import WORDS, as_text, folded
from harness_benchmarks.table_entries import SPLIT_WORDS, Columns, Draw, Entry, content_of


class HfDataset(WithEvidence, WithGiven):
    """Any data set of the `datasets` library: a name on the hub, a folder of save_to_disk, parquet, CSV or JSON files.

    Options say what the columns are called. Images are read when they are looked at, never all at once; an image is
    known by the digest of its bytes, and items with the same one are a group. Nothing that comes with the data is run
    or unpickled. What is read from the hub is cached by the library, and read offline from then on.
    """

    name = "hf-dataset"
    # digest() says all that items are; where and under which names it was found, and what labels mean, is apart.
    transport = frozenset(
        {"dataset", "config", "commit", "images", "id", "caption", "image", "label", "words", "splits", "split"}
        | {"draw", "validation", "test", "seed", "group", "entities", "evidence", "sources", "reference"}
        | {*WithEvidence.model_fields, *WithGiven.model_fields}
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
    caption: str = "caption"
    """Column of the caption."""
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
    validation: float = Field(default=0.1, ge=0, lt=1)
    """Share of the groups that is validated on, where they are drawn."""
    test: float = Field(default=0.3, ge=0, lt=1)
    """Share of the groups that is tested on, where they are drawn; the rest is trained on."""
    seed: int = 0
    """Which groups go to which split, where they are drawn."""
    group: str | None = None
    """Column that says which items belong together, such as a story; by default those with one image do."""
    entities: str | None = None
    """Column of what was recognised in the image: a list of texts."""
    evidence: str | None = None
    """Column of captions or titles of pages on which the image was found: a list of texts."""
    sources: str | None = None
    """Column of the addresses of these pages, one for each caption in the order of the captions; no model sees them."""
    reference: str | None = None
    """Column of a reference rationale, which answers are compared with after a run; an empty field is none."""

    @model_validator(mode="after")
    def _options_go_together(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together leave nothing to train on")
        if self.sources and not self.evidence:
            raise ValueError("sources are those of evidence, and no column of evidence is named")
        if (self.splits is not None) + (self.split is not None) + self.draw > 1:
            raise ValueError("splits, split and draw are three ways of saying one thing: name one of them")
        return self

    def gives(self) -> frozenset[str]:
        """Images and evidence as far as columns are named for them."""
        parts = {"image": self.image, "evidence": self.entities or self.evidence}
        return frozenset(part for part, column in parts.items() if column)

    def digest(self) -> str:
        """Digest of all items with their splits and the bytes of their images, without labels.

        The library's own fingerprint is another one on another machine, for the same data.
        """
        return digest([content_of(split, item) for split in SPLITS for item in self.items(split)])

    def items(self, split: Split) -> Sequence[Item]:
        """Items in an order by their ids' digests; that of the data may tell labels."""
        return [self._item(entry) for entry in self._entries() if entry.split == split]

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        """The labels that are there, in the data or in the file of labels."""
        own = {entry.id: entry.label for entry in self._entries() if entry.split == split}
        return self.labelled(own, self.dataset)

    def references(self, split: Split) -> Mapping[str, str]:
        """The reference rationales that are there."""
        return {entry.id: entry.reference for entry in self._entries() if entry.split == split and entry.reference}

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
            Draw(self.validation, self.test, self.seed),
        )

    def _columns(self) -> Columns:
        return Columns(
            id=self.id,
            caption=self.caption,
            image=self.image,
            label=self.label,
            split=self.split,
            group=self.group,
            entities=self.entities,
            evidence=self.evidence,
            sources=self.sources,
            reference=self.reference,
        )

    def _item(self, entry: Entry) -> Item:
        return Item(
            id=entry.id,
            caption=entry.caption,
            image=Image(entry.image, f"image of item {entry.id}") if entry.image else None,
            evidence=self._fair(entry).evidence,
            group=entry.group,
        )

    def _fair(self, entry: Entry) -> Filtered:
        return self.fair(Evidence(entry.entities, entry.captions, entry.sources), entry.caption)


@hookimpl
def harness_benchmarks() -> list[type[Benchmark]]:
    """Data sets of the datasets library."""
    return [HfDataset]
