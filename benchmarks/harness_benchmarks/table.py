"""The user's own archive: a table with one item a row, and a folder of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from harness.api import Benchmark, DataError, DataFile, Item, Skipped, Split, Verdict, hookimpl
from harness_benchmarks.column_options import WithColumns
from harness_benchmarks.label_words import WORDS, as_text, folded
from harness_benchmarks.published import filled
from harness_benchmarks.table_entries import Archive, Entry, entries_of
from harness_benchmarks.table_files import files_of
from harness_benchmarks.table_posts import posts_of
from harness_benchmarks.table_rows import bytes_of


class Table(WithColumns):
    """Your own archive: a CSV, TSV, JSONL or parquet file with one item a row, and a folder of images.

    Options say what the columns are called. Labels may be missing on training and validation rows: cells that
    would buy a missing label wait until it is there. Every fault is told with file and row (the line on which a
    row begins, or the number of a parquet file's row), and no row is left out unless ``missing_images`` says so.

    Teachers see an item's id. Where ids tell the label, as ``fake-17`` does, say ``id: null``: then ids are made of
    image and caption, as `replay` makes them from ``match: [image, caption]``.
    """

    name = "table"
    # digest() says all that items are; where and under which names it was found, and what labels mean, is apart.
    transport = frozenset({"file", "images", "delimiter", "words", "missing_images", *WithColumns.model_fields})

    file: str
    """The table, from the folder where the harness is run; $VARIABLES of the environment are filled in."""
    images: str | None = None
    """Folder of the images; by default that of the table."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """What stands between the fields of a CSV file; by default a comma, or a tab in a .tsv file."""
    id: str | None = "id"
    """Column of the item's id; null to make ids of image and caption."""
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
    entities: str | None = None
    """Column of what was recognised in the image: a list of texts, as a list in JSON or as one text."""
    evidence: str | None = None
    """Column of captions or titles of pages on which the image was found: a list of texts, likewise."""

    def posts(self) -> Sequence[Item | DataError]:
        """Every row in the order of the file, whatever its label and its split."""
        path = filled(self.file)
        found = posts_of(path, bytes_of(path), self.delimiter, self._columns(), self._folder(path))
        return [post if isinstance(post, DataError) else self._item(post) for post in found]

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        """The labels that are there, in the table or in the file of labels."""
        return self.labelled({entry.id: entry.label for entry in self._of(split)}, Path(self.file).name)

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

    def _entries(self) -> Sequence[Entry]:
        return self._archive().entries

    def _archive(self) -> Archive:
        path = filled(self.file)
        return entries_of(
            path,
            bytes_of(path),
            self.delimiter,
            self._columns(),
            self._folder(path),
            tuple(self.words.items()),
            self.drawing(),
            self.missing_images == "skip",
        )

    def _folder(self, path: Path) -> Path:
        """Where images are looked for."""
        return filled(self.images) if self.images else path.parent


@hookimpl
def harness_benchmarks() -> list[type[Benchmark]]:
    """The user's own archive."""
    return [Table]
