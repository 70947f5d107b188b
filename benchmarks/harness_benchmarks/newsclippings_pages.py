"""What a file of the crawl says: entities, and the captions and titles of pages, each with its page's address."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from harness.api import DataError, Evidence
from harness_benchmarks.file_stamps import Stamp
from harness_benchmarks.newsclippings_crawl import Search
from harness_benchmarks.visual_news import whole

# The largest that a search with 20 pages gives is some hundred kilobytes; a stranger's gigabyte is not parsed.
MAX_BYTES = 1 << 24
MAX_TEXTS = 2000
MAX_TEXT = 100_000

# Pages in which the crawl found the image with its caption come first, as they do for its authors.
_PAGES: Mapping[Search, tuple[str, ...]] = {
    "inverse": (
        "all_fully_matched_captions",
        "all_partially_matched_captions",
        "partially_matched_no_text",
        "fully_matched_no_text",
    ),
    "direct": ("images_with_captions", "images_with_caption_matched_tags", "images_with_no_captions"),
}
_TITLES: Mapping[Search, tuple[str, ...]] = {"inverse": ("title",), "direct": ("page_title", "snippet")}


def evidence_of(files: Iterable[tuple[Search, Stamp]]) -> tuple[Evidence, int]:
    """What the files of one place say together, and how many of them cannot be read."""
    entities: list[str] = []
    pages: list[tuple[str, str]] = []
    damaged = 0
    for search, file in files:
        found = _loaded(file)
        if found is None:
            damaged += 1
            continue
        if search == "inverse":
            entities += [*_texts(found.get("entities")), *_texts(found.get("best_guess_lbl"))]
        pages += _pages(found, search)
    pages = pages[:MAX_TEXTS]
    captions, sources = tuple(text for text, _ in pages), tuple(source for _, source in pages)
    return Evidence(tuple(entities[:MAX_TEXTS]), captions, sources), damaged


def _loaded(file: Stamp) -> Mapping[str, object] | None:
    """The object in a file, NaN and half characters allowed, as Python writes them; None for anything else."""
    try:
        data = file.read() if file.size <= MAX_BYTES else b""
        try:
            found: object = msgspec.json.decode(data)
        except (ValueError, RecursionError):
            found = json.loads(data)
    except (DataError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _pages(found: Mapping[str, object], search: Search) -> Iterator[tuple[str, str]]:
    """Texts with the addresses of their pages."""
    for key in _PAGES[search]:
        for page in _objects(found.get(key)):
            source = next(_texts([page.get("page_link")]), "")
            said = page.get("caption")
            captions = said.values() if isinstance(said, dict) else [said]
            texts = _texts([*(page.get(title) for title in _TITLES[search]), *captions])
            # A page's caption stands in several of its nodes, and often is its title.
            yield from ((text, source) for text in dict.fromkeys(texts))


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, list):
        yield from (page for page in value if isinstance(page, dict))


def _texts(value: object) -> Iterator[str]:
    """The texts in a list, whole and not endless."""
    for text in value if isinstance(value, list) else []:
        # The crawler wrote "None" for a node without a text.
        if isinstance(text, str) and (kept := whole(text[:MAX_TEXT]).strip()) and kept != "None":
            yield kept
