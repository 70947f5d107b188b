"""What a user's own data are called: options and items that every benchmark with named columns shares."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import model_validator

from harness.api import SPLITS, Evidence, Image, Item, Split, digest
from harness_benchmarks.drawing import WithDraw
from harness_benchmarks.evidence import Filtered, WithEvidence
from harness_benchmarks.given import WithGiven
from harness_benchmarks.table_entries import Columns, Entry, content_of


class WithColumns(WithEvidence, WithGiven, WithDraw):
    """A benchmark whose options say what the columns of its data are called."""

    id: str | None
    caption: str = "caption"
    """Column of the caption."""
    image: str | None
    label: str | None
    split: str | None
    group: str | None = None
    """Column that says which items belong together, such as a story; by default those with one image do."""
    entities: str | None
    evidence: str | None
    sources: str | None = None
    """Column of the addresses of these pages, one for each caption in the order of the captions; no model sees them."""
    reference: str | None = None
    """Column of a reference rationale, which answers are compared with after a run; an empty field is none."""

    @model_validator(mode="after")
    def _sources_are_of_evidence(self) -> Self:
        if self.sources and not self.evidence:
            raise ValueError("sources are those of evidence, and no column of evidence is named")
        return self

    @abstractmethod
    def _entries(self) -> Sequence[Entry]:
        """All items with their labels, in an order by their ids' digests; that of the data may tell labels."""

    def gives(self) -> frozenset[str]:
        """Images and evidence as far as columns are named for them."""
        parts = {"image": self.image, "evidence": self.entities or self.evidence}
        return frozenset(part for part, column in parts.items() if column)

    def digest(self) -> str:
        """Digest of all items with their splits and the bytes of their images, without labels."""
        return digest([content_of(split, item) for split in SPLITS for item in self.items(split)])

    def items(self, split: Split) -> Sequence[Item]:
        """Items in an order by their ids' digests."""
        return [self._item(entry) for entry in self._of(split)]

    def references(self, split: Split) -> Mapping[str, str]:
        """The reference rationales that are there."""
        return {entry.id: entry.reference for entry in self._of(split) if entry.reference}

    def _of(self, split: Split) -> Sequence[Entry]:
        return [entry for entry in self._entries() if entry.split == split]

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
            # Called by the item's id: a file name such as ``fake/12.jpg`` gives the label away.
            image=Image(entry.image, f"image of item {entry.id}") if entry.image else None,
            evidence=self._fair(entry).evidence,
            group=entry.group,
        )

    def _fair(self, entry: Entry) -> Filtered:
        return self.fair(Evidence(entry.entities, entry.captions, entry.sources), entry.caption)
