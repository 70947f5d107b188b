"""The user's own archive: a table with one item a row, and a folder of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

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
from harness_benchmarks.label_words import WORDS, as_text, folded
from harness_benchmarks.published import filled
from harness_benchmarks.table_entries import Archive, Columns, Draw, Entry, content_of, entries_of
from harness_benchmarks.table_files import files_of
from harness_benchmarks.table_posts import posts_of
from harness_benchmarks.table_rows import bytes_of


class Table(WithEvidence, WithGiven):
    """Your own archive: a CSV, TSV, JSONL or parquet file with one item a row, and a folder of images.

    Options say what the columns are called. Labels may be missing on training and validation rows: cells that
    would buy a missing label wait until it is there. Every fault is told with file and row (the line on which a
    row begins, or the number of a parquet file's row), and no row is left out unless ``missing_images`` says so.

    Teachers see an item's id. Where ids tell the label, as ``fake-17`` does, say ``id: null``: then ids are made of
    image and caption, as `replay` makes them from ``match: [image, caption]``.
    """

    name = "table"
    # digest() says all that items are; where and under which names it was found, and what labels mean, is apart.
    transport = frozenset(
        {"file", "images", "delimiter", "id", "caption", "image", "label", "words", "split", "validation", "test"}
        | {"seed", "group", "entities", "evidence", "sources", "reference", "missing_images"}
        | {*WithEvidence.model_fields, *WithGiven.model_fields}
    )

    file: str
    """The table, from the folder where the harness is run; $VARIABLES of the environment are filled in."""
    images: str | None = None
    """Folder of the images; by default that of the table."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """What stands between the fields of a CSV file; by default a comma, or a tab in a .tsv file."""
    id: str | None = "id"
    """Column of the item's id; null to make ids of image and caption."""
    caption: str = "caption"
    """Column of the caption."""
    image: str | None = "image"
    """Column of the image's path below the folder of images; null for captions alone."""
    missing_images: Literal["refuse", "skip"] = "refuse"
    """Whether a row whose image is not in the folder is a fault, or is left out and listed."""
    label: str = "label"
    """Column of the label; an empty field is a label that nobody has given yet."""
    words: Annotated[Mapping[str, Verdict], AfterValidator(folded), BeforeValidator(as_text)] = WORDS
    """What the words of the label column mean, whatever their case; other words are refused."""
    split: str | None = "split"
    """Column with train, validation or test; null to have groups drawn."""
    validation: float = Field(default=0.1, ge=0, lt=1)
    """Share of the groups that is validated on, where they are drawn."""
    test: float = Field(default=0.3, ge=0, lt=1)
    """Share of the groups that is tested on, where they are drawn; the rest is trained on."""
    seed: int = 0
    """Which groups go to which split, where they are drawn."""
    group: str | None = None
    """Column that says which items belong together, such as a story; by default those with one image do."""
    entities: str | None = None
    """Column of what was recognised in the image: a list of texts, as a list in JSON or as one text."""
    evidence: str | None = None
    """Column of captions or titles of pages on which the image was found: a list of texts, likewise."""
    sources: str | None = None
    """Column of the addresses of these pages, one for each caption in the order of the captions; no model sees them."""
    reference: str | None = None
    """Column of a reference rationale, which answers are compared with after a run; an empty field is none."""

    @model_validator(mode="after")
    def _sources_are_of_evidence(self) -> Self:
        if self.sources and not self.evidence:
            raise ValueError("sources are those of evidence, and no column of evidence is named")
        return self

    @model_validator(mode="after")
    def _something_is_left_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together leave nothing to train on")
        return self

    def gives(self) -> frozenset[str]:
        """Images and evidence as far as columns are named for them."""
        parts = {"image": self.image, "evidence": self.entities or self.evidence}
        return frozenset(part for part, column in parts.items() if column)

    def digest(self) -> str:
        """Digest of all items with their splits and the bytes of their images, without labels."""
        return digest([content_of(split, item) for split in SPLITS for item in self.items(split)])

    def items(self, split: Split) -> Sequence[Item]:
        """Items in an order by their ids' digests; that of a file may tell labels."""
        return [self._item(entry) for entry in self._of(split)]

    def posts(self) -> Sequence[Item | DataError]:
        """Every row in the order of the file, whatever its label and its split."""
        path = filled(self.file)
        found = posts_of(path, bytes_of(path), self.delimiter, self._columns(), self._folder(path))
        return [post if isinstance(post, DataError) else self._item(post) for post in found]

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        """The labels that are there, in the table or in the file of labels."""
        return self.labelled({entry.id: entry.label for entry in self._of(split)}, Path(self.file).name)

    def references(self, split: Split) -> Mapping[str, str]:
        """The reference rationales that are there."""
        return {entry.id: entry.reference for entry in self._of(split) if entry.reference}

    def files(self) -> Sequence[DataFile]:
        """The table, its images and the file of labels."""
        try:
            path = filled(self.file)
            own = files_of(path, self.image, self._folder(path), self.delimiter, self.missing_images == "refuse")
            return [*own, *self.label_files()]
        except DataError as error:
            return [DataFile("table", self.file, 0, origin=error.cause)]

    def skipped(self) -> Sequence[Skipped]:
        """Rows without their image, where they are left out."""
        return self._archive().skipped

    def notes(self) -> Mapping[str, str | int]:
        """What is missing, and what was left out of the evidence."""
        archive = self._archive()
        entries = archive.entries
        notes = self.label_notes({entry.id: entry.label for entry in entries}, Path(self.file).name)
        if archive.skipped:
            notes["rows left out for want of their image"] = len(archive.skipped)
        return notes | (self.evidence_notes(map(self._fair, entries)) if self.evidence or self.entities else {})

    def _of(self, split: Split) -> Sequence[Entry]:
        return [entry for entry in self._archive().entries if entry.split == split]

    def _archive(self) -> Archive:
        path = filled(self.file)
        return entries_of(
            path,
            bytes_of(path),
            self.delimiter,
            self._columns(),
            self._folder(path),
            tuple(self.words.items()),
            Draw(self.validation, self.test, self.seed),
            self.missing_images == "skip",
        )

    def _columns(self) -> Columns:
        return Columns(
            self.id,
            self.caption,
            self.image,
            self.label,
            self.split,
            self.group,
            self.entities,
            self.evidence,
            self.sources,
            self.reference,
        )

    def _folder(self, path: Path) -> Path:
        """Where images are looked for."""
        return filled(self.images) if self.images else path.parent

    def _item(self, entry: Entry) -> Item:
        return Item(
            id=entry.id,
            caption=entry.caption,
            # Called by the item's id: a file name such as ``fake/12.jpg`` gives the label away.
            image=Image(entry.image, f"image of item {entry.id}") if entry.image else None,
            evidence=self._fair(entry).evidence,
            group=entry.group,
        )

    def _fair(self, entry: Entry) -> Filtered:
        return self.fair(Evidence(entry.entities, entry.captions, entry.sources), entry.caption)


@hookimpl
def harness_benchmarks() -> list[type[Benchmark]]:
    """The user's own archive."""
    return [Table]
