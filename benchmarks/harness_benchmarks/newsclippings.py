"""NewsCLIPpings: captions of VisualNews with their own or with another image, and what was found with the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from pydantic import Field

from harness.api import (
    SPLITS,
    Benchmark,
    DataError,
    DataFile,
    Evidence,
    Item,
    Skipped,
    Split,
    Verdict,
    hookimpl,
)
from harness_benchmarks.evidence import WithOracles
from harness_benchmarks.file_stamps import stamped
from harness_benchmarks.newsclippings_annotations import SIZES, Subset
from harness_benchmarks.newsclippings_crawl import Search, check_places, crawl_of
from harness_benchmarks.newsclippings_entries import Entries, Grouping, Wanted, entries_of
from harness_benchmarks.newsclippings_evidence import Asker, Reader
from harness_benchmarks.newsclippings_files import Places, files_of, places_of, too_few, unknown_places
from harness_benchmarks.newsclippings_items import Items, Part, part_of
from harness_benchmarks.newsclippings_notes import notes_of, notes_of_evidence
from harness_benchmarks.newsclippings_pictures import digests_of

Limit = Annotated[int, Field(ge=2)]


class NewsClippings(WithOracles):
    """NewsCLIPpings (Luo et al., EMNLP 2021) over VisualNews (Liu et al., EMNLP 2021), in its published splits.

    An entry pairs a caption with its own image (pristine) or with that of another article (falsified). Ids are made
    of the columns ``id`` and ``image_id``, as `replay` makes them from ``match: [id, image_id]``. An entry whose
    article or image is missing, or whose image is no image, is no item, and is listed.

    Evidence is that of a crawl (Abdelnabi et al., CVPR 2022), which is filed under an entry's place in the published
    file: with a file that was shuffled or cut it is refused.
    """

    name = "newsclippings"
    # digest() says all that items are; where the files were found, and whether missing ones stop it, is apart.
    transport = frozenset({"root", "visual_news", "evidence", "partial"})

    root: str | None = None
    """Folder of the annotation files, such as ``news_clippings``; by default ``newsclippings`` in HARNESS_REAL_DATA."""
    visual_news: str | None = None
    """Folder of VisualNews, with ``origin/data.json``; by default ``visual_news`` in root or beside it."""
    subset: Subset = "merged_balanced"
    """Which of the five data sets."""
    images: bool = True
    """Whether items have their images; without them no image file is needed."""
    partial: Literal["skip", "refuse"] = "skip"
    """What happens to entries whose article or image is missing: they are left out and listed, or all is refused."""
    evidence: bool | str = False
    """Whether items have evidence, and the folder of its crawl; true for ``queries_dataset`` in root or beside it."""
    searches: tuple[Search, ...] = Field(default=("inverse",), min_length=1)
    """What counts: ``inverse``, entities and pages found with the image; ``direct``, pages found with the caption."""
    limit: Limit | Mapping[Split, Limit] | None = None
    """Most entries of a split, or of each by name, drawn in whole pairs by the seed; by default all."""
    seed: int = 0
    """Which entries are drawn where there is a limit."""
    grouping: Grouping = "image-and-story"
    """What is one group: entries that share an image or a caption, directly or by others in between; or ``story``,
    those of one caption. Where images are used again and again, the first may link most of a split (see the notes)."""

    def gives(self) -> frozenset[str]:
        """Images and evidence as they are asked for."""
        return frozenset({part for part, given in (("image", self.images), ("evidence", self.evidence)) if given})

    def digest(self) -> str:
        """Digest of all items with their splits, the bytes of their images and their evidence, without labels."""
        told = sha256()
        for part in self._parts():
            reader, pictures = self._reader(part), self._pictures(part)
            for number, picture in zip(part.kept.tolist(), pictures, strict=True):
                evidence = reader.content(number) if reader else ()
                told.update(msgspec.json.encode([part.split, *part.content(number), picture, evidence]))
        return told.hexdigest()

    def items(self, split: Split) -> Sequence[Item]:
        """Items in the order of their ids, as that of the file gives labels away; each is made when it is asked for."""
        part = self._part(split)
        if part is None:
            return []
        reader = self._reader(part)
        return Items(part, lambda number: reader.kept(number).evidence() if reader else Evidence(), self.images)

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        """The label of every item."""
        part = self._part(split)
        return part.labels() if part else {}

    def notes(self) -> Mapping[str, str | int]:
        """What was read, what was left out, and how items hang together, over all splits."""
        parts = self._parts()
        readers = [reader for part in parts if (reader := self._reader(part))]
        return {**notes_of(parts, self.subset), **(notes_of_evidence(self, readers) if readers else {})}

    def skipped(self) -> Sequence[Skipped]:
        """Entries whose article or image is not there, and those whose image is none."""
        return [entry for split in SPLITS if (part := self._read(split)) for entry in part.skipped()]

    def files(self) -> Sequence[DataFile]:
        """The annotation files, VisualNews with its images, and the crawl."""
        try:
            places = self._places()
        except DataError:
            return tuple(files_of(unknown_places(self.subset, bool(self.evidence)), {}, (), self.images, self.searches))
        entries: Mapping[Split, Entries] = {}
        parts: list[Part] = []
        # Reading says what is wrong with a file; here it is enough to say which are there.
        with suppress(DataError):
            entries = entries_of(self._wanted(places))
            parts += [part for split in SPLITS if (part := self._read(split))]
        return tuple(files_of(places, entries, parts, self.images, self.searches))

    def _places(self) -> Places:
        return places_of(self.root, self.visual_news, self.evidence, self.subset)

    def _wanted(self, places: Places) -> Wanted:
        limits = self.limit if isinstance(self.limit, Mapping) else dict.fromkeys(SPLITS, self.limit)
        drawn = tuple((split, limit) for split in SPLITS if (limit := limits.get(split)) is not None)
        return Wanted(places.files(), drawn, self.seed, self.grouping)

    def _read(self, split: Split) -> Part | None:
        """A split, whatever is missing from it; None where its file is not there."""
        places = self._places()
        return part_of(split, self._wanted(places), places.data_file(), self.images, self.oracle_ranking)

    def _part(self, split: Split) -> Part | None:
        part = self._read(split)
        if part and (error := too_few(part, self.partial == "refuse")):
            raise error
        return part

    def _parts(self) -> list[Part]:
        return [part for split in SPLITS if (part := self._part(split))]

    def _reader(self, part: Part) -> Reader | None:
        """The evidence of a split; raises `DataError` where it cannot be joined to it."""
        if not self.evidence:
            return None
        crawl = crawl_of(self._places().crawl_folder(), part.split, self.searches)
        annotations = part.entries.annotations
        expected = SIZES.get((self.subset, part.split))
        check_places(crawl, annotations.file, annotations.image_ids.tolist(), annotations.disorder, expected)
        return Reader(Asker(self.model_dump_json(), self), part, crawl, self.searches)

    def _pictures(self, part: Part) -> Sequence[str]:
        """Digests of the items' images; empty texts without images."""
        numbers = part.kept.tolist()
        if not self.images:
            return [""] * len(numbers)
        return digests_of([stamped(part.image_path(number)) for number in numbers])


@hookimpl
def harness_benchmarks() -> list[type[Benchmark]]:
    """NewsCLIPpings."""
    return [NewsClippings]
