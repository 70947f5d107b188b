"""Where the files of NewsCLIPpings lie, which are there, and from where the others are to be had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.api import DataError, DataFile, Split
from harness_benchmarks.file_stamps import Stamp, stamp
from harness_benchmarks.newsclippings_annotations import FILES, SOURCE, SUBSETS
from harness_benchmarks.newsclippings_crawl import FOLDERS, Search, crawl_of, rooted
from harness_benchmarks.newsclippings_crawl import SOURCE as CRAWL_SOURCE
from harness_benchmarks.newsclippings_entries import Entries
from harness_benchmarks.newsclippings_items import Part
from harness_benchmarks.published import VARIABLE, folder_of, unplaced
from harness_benchmarks.visual_news import SOURCE as NEWS_SOURCE

NAME = "newsclippings"


@dataclass(frozen=True, slots=True)
class Places:
    """Where files are looked for, whether they are there or not."""

    subset: str
    annotations: Path
    """Folder of the subset's files."""
    data: Path
    """VisualNews' data.json."""
    crawl: Path | None
    """Folder of the crawl; None where no evidence is asked for."""

    def files(self) -> tuple[tuple[Split, Stamp], ...]:
        """The annotation files that are there; raises `DataError` where none is."""
        found = {split: stamp(self.annotations / name) for split, name in FILES.items()}
        there = tuple((split, file) for split, file in found.items() if file)
        if not there:
            raise _missing(f"there is no {', no '.join(FILES.values())} in {self.annotations}", SOURCE, "root")
        return there

    def data_file(self) -> Stamp:
        """VisualNews' data.json; raises `DataError` where it is not there."""
        found = stamp(self.data)
        if found is None:
            raise _missing(f"there is no {self.data}", NEWS_SOURCE, "visual_news")
        return found

    def crawl_folder(self) -> Path:
        """The folder that holds inverse_search/; raises `DataError` where there is none, or that of another subset."""
        if self.crawl is None or not self.crawl.is_dir():
            raise _missing(f"there is no folder {self.crawl}", CRAWL_SOURCE, "evidence")
        root = rooted(self.crawl, self.subset)
        if root.name in SUBSETS and root.name != self.subset:
            raise DataError(
                f"{root} holds evidence of {root.name}, which is filed under places in the files of that subset",
                place=NAME,
                remedy="leave evidence out, or give the folder of a crawl of the same subset",
            )
        return root


def _missing(cause: str, source: str, option: str) -> DataError:
    return DataError(cause, place=NAME, remedy=f"get it from {source}, or say by the option {option} where it is")


def places_of(root: str | None, visual_news: str | None, evidence: bool | str, subset: str) -> Places:
    """Where the files are, by what is there; raises `DataError` where no folder is known."""
    folder = folder_of(NAME, root)
    if folder is None:
        raise unplaced(NAME)
    above = (folder, folder.parent, folder.parent.parent)
    inner = [folder / name / subset for name in (".", "data", "news_clippings/data", "news_clippings")]
    news = [Path(visual_news)] if visual_news else [place / "visual_news" for place in above]
    crawls = [Path(evidence)] if isinstance(evidence, str) else [place / "queries_dataset" for place in above]
    return Places(
        subset=subset,
        annotations=_first(inner),
        data=_first([place / name / "data.json" for place in news for name in ("origin", ".")]),
        crawl=_first(crawls) if evidence else None,
    )


def _first(paths: Sequence[Path]) -> Path:
    """The first that is there, or the first of all."""
    return next((path for path in paths if path.exists()), paths[0])


def unknown_places(subset: str, evidence: bool) -> Places:
    """Where files would be looked for if anybody had said in which folder."""
    folder = Path(f"${VARIABLE}") / NAME
    data, crawl = folder / "visual_news" / "origin" / "data.json", folder / "queries_dataset"
    return Places(subset, folder / subset, data, crawl if evidence else None)


def too_few(part: Part, refused: bool) -> DataError | None:
    """The error for a split of which nothing is left, or for one of which anything is missing where that is refused."""
    skipped = part.skipped()
    if not skipped or (len(part.kept) and not refused):
        return None
    first, count = skipped[0], len(part.entries.places)
    cause = f"{len(skipped)} of the {count} {part.split} entries are no items, first {first.what}: {first.reason}"
    files = f"VisualNews ({NEWS_SOURCE}) in {part.folder}"
    return DataError(
        cause,
        place=NAME,
        remedy=f"complete {files}; or say  images: false  for captions and evidence alone"
        + ("; or say  partial: skip  to leave such entries out" if refused else ""),
    )


def files_of(
    places: Places,
    entries: Mapping[Split, Entries],
    parts: Sequence[Part],
    with_images: bool,
    searches: Sequence[Search],
) -> Iterator[DataFile]:
    """Every file, or folder of many. Without ``entries`` nothing is said of what only they name."""
    for name in FILES.values():
        path = places.annotations / name
        # A data set without a training split can still be tested on.
        yield DataFile(f"{places.subset}/{name}", str(path), int(path.is_file()), 1, not entries, SOURCE)
    yield DataFile("origin/data.json", str(places.data), int(places.data.is_file()), 1, True, NEWS_SOURCE)
    if with_images and entries:
        wanted = len({image for found in entries.values() for image in found.image_ids.tolist()})
        there = sum(stamp(path) is not None for path in _images(parts))
        yield DataFile("images", str(places.data.parent), there, wanted, False, NEWS_SOURCE)
    if places.crawl is not None:
        yield from _crawled(rooted(places.crawl, places.subset), entries, searches)


def _images(parts: Iterable[Part]) -> set[Path]:
    """Where the images of all entries lie, as far as VisualNews names them."""
    return {
        part.image_path(number)
        for part in parts
        for number in part.articles.paths.sizes[part.images].nonzero()[0].tolist()
    }


def _crawled(root: Path, entries: Mapping[Split, Entries], searches: Sequence[Search]) -> Iterator[DataFile]:
    """How many entries have evidence in each search of each split; the folder alone where entries are not known."""
    if not entries:
        yield DataFile("the crawl", str(root), int(root.is_dir()), 1, False, CRAWL_SOURCE)
    for split, found in entries.items():
        places = found.places.tolist()
        try:
            crawl = crawl_of(root, split, searches)
        except DataError:
            # Reading says what is wrong with it; here it counts as not there.
            crawl = None
        for search in searches:
            name = f"{search}_search/{FOLDERS[split]}"
            there = sum(any(crawl.files(place, [search])) for place in places) if crawl else 0
            wanted = len(places) if crawl is None or crawl.listed is None else len(crawl.listed.intersection(places))
            yield DataFile(name, str(root / name), there, wanted, False, CRAWL_SOURCE)
