"""Evidence of NewsCLIPpings' entries, read and filtered once, and kept packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from harness.api import Evidence, Verdict
from harness_benchmarks.evidence import Filtered, WithOracles
from harness_benchmarks.file_stamps import Stamp
from harness_benchmarks.newsclippings_crawl import Crawl, Search
from harness_benchmarks.newsclippings_items import Part
from harness_benchmarks.newsclippings_pages import evidence_of


@dataclass(frozen=True, slots=True)
class Asker:
    """Who filters evidence, told apart by what is asked for."""

    asked: str
    benchmark: WithOracles = field(compare=False)


class Kept(msgspec.Struct, array_like=True, gc=False):
    """Evidence of one entry as it is kept."""

    entities: tuple[str, ...]
    captions: tuple[str, ...]
    sources: tuple[str, ...]
    found: int
    counts: dict[str, int]
    files: int
    damaged: int

    def evidence(self) -> Evidence:
        """What an item gets."""
        return Evidence(self.entities, self.captions, self.sources)

    def filtered(self) -> Filtered:
        """The same with what was left out."""
        return Filtered(self.evidence(), self.found, self.counts)


@dataclass(frozen=True, slots=True)
class Reader:
    """Evidence of a split by the number of an entry; ``searches`` are those whose pages count."""

    asker: Asker
    part: Part
    crawl: Crawl
    searches: Sequence[Search]
    seen: dict[int, bytes] = field(default_factory=dict, compare=False)
    """What was looked up before: who goes through items again goes through the same ones."""

    def kept(self, number: int) -> Kept:
        """The evidence of an entry."""
        packed = self.seen.get(number)
        if packed is None:
            packed = self.seen[number] = self._looked_up(number)
        return _KEPT.decode(packed)

    def _looked_up(self, number: int) -> bytes:
        benchmark, part = self.asker.benchmark, self.part
        return _packed(
            self.asker,
            tuple(self.crawl.files(part.place(number), self.searches)),
            part.caption(number),
            part.verdict(number) if benchmark.oracle_pristine_duplicates else None,
            part.image_caption(number) if benchmark.oracle_ranking else "",
        )

    def content(self, number: int) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """What a digest is made of."""
        kept = self.kept(number)
        return kept.entities, kept.captions, kept.sources


_KEPT = msgspec.msgpack.Decoder(Kept)


# A plan asks for all items a dozen times; two kilobytes an item, where reading and filtering take half a millisecond.
@lru_cache(maxsize=1 << 18)
def _packed(
    asker: Asker,
    files: tuple[tuple[Search, Stamp], ...],
    caption: str,
    verdict: Verdict | None,
    image_caption: str,
) -> bytes:
    found, damaged = evidence_of(files)
    given = asker.benchmark.known(found, caption, verdict, image_caption)
    left = given.evidence
    counts = dict(sorted(given.counts.items()))
    return msgspec.msgpack.encode(
        Kept(left.entities, left.captions, left.sources, given.found, counts, len(files), damaged)
    )
