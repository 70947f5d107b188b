"""Whether files, images, captions and labels are as they must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.components import Benchmark
from harness.findings import MOST_EXAMPLES, Example, Finding
from harness.guard.sights import Album, with_facts
from harness.guard.wording import words
from harness.identity import digest, sha256_of
from harness.imaging import promised
from harness.types import DataFile, Item, Skipped, Split, Verdict

HUGE = 40_000_000
"""Pixels from which on an image is said to be huge."""

LONG = 1000
"""Letters from which on a caption is said to be long."""

LOPSIDED = 0.8

_MOST_REASONS = 20


def file_findings(files: Iterable[DataFile]) -> Iterator[Finding]:
    """Missing files by name, each with what is there and where the rest is to be had; not where they are looked for.

    What is stored and shown to others tells no folder of this machine.
    """
    for file in files:
        if file.found < file.wanted:
            kind = "missing file" if file.needed and not file.found else "missing part"
            told = f"{file.name}: {file.found:,} of {file.wanted:,}"
            yield Finding(kind, "", file.wanted - file.found, told + (f"; from {file.origin}" if file.origin else ""))


def entry_findings(skipped: Sequence[Skipped], oracles: Sequence[str]) -> Iterator[Finding]:
    """Skipped entries by reason, and what depends on the label."""
    for sentence in oracles:
        yield Finding("depends on the label", "", 1, sentence)
    reasons = Counter((entry.reason, entry.split or "") for entry in skipped)
    for (reason, split), count in reasons.most_common(_MOST_REASONS):
        first = next(entry for entry in skipped if entry.reason == reason and (entry.split or "") == split)
        yield Finding("skipped entries", split, count, f"{count:,} skipped: {reason}; first {first.what}")
    if rest := reasons.most_common()[_MOST_REASONS:]:
        count = sum(number for _, number in rest)
        yield Finding("skipped entries", "", count, f"{count:,} skipped for {len(rest)} further reasons")


def image_findings(split: Split, items: Sequence[Item], album: Album) -> Iterator[Finding]:
    """Images that cannot be used, and those of which something is to be known."""
    usable = list(with_facts(album, items))
    size = len(album.contents) + len(album.problems.keys() - album.contents.keys())
    kinds: tuple[tuple[str, str, list[tuple[str, str]]], ...] = (
        (
            "unreadable image",
            "cannot be decoded",
            [(item.id, album.problems[item.id]) for item in items if item.id in album.problems],
        ),
        (
            "mislabelled image",
            "are in another format than their name says",
            [
                (item.id, f"{fact.format}, named as {other}")
                for item, fact in usable
                if item.image and (other := promised(fact.format, item.image.name))
            ],
        ),
        (
            "huge image",
            f"have more than {HUGE:,} pixels",
            [(i.id, f"{fact.width} x {fact.height}") for i, fact in usable if fact.width * fact.height > HUGE],
        ),
        (
            "animated image",
            "have more than one frame or page",
            [(item.id, f"{fact.frames} or more") for item, fact in usable if fact.frames > 1],
        ),
    )
    for kind, phrase, found in kinds:
        if found:
            yield _finding(kind, split, found, f"{len(found)} of {size} images {phrase}: first {found[0][1]}")


def caption_findings(split: Split, items: Sequence[Item]) -> Iterator[Finding]:
    """Captions without a word, and very long ones."""
    empty = [(item.id, "") for item in items if not words(item.caption)]
    if empty:
        yield _finding("empty caption", split, empty, f"{len(empty)} of {len(items)} captions have no word")
    long = [(item.id, f"{len(item.caption):,} letters") for item in items if len(item.caption) > LONG]
    if long:
        told = f"{len(long)} of {len(items)} captions have more than {LONG:,} letters"
        yield _finding("long caption", split, long, told)


def label_findings(
    split: Split, items: Sequence[Item], labels: Mapping[str, Verdict], album: Album
) -> Iterator[Finding]:
    """One image with one caption under two labels, and classes of which one is rare."""
    yield from _conflicts(split, items, labels, album)
    counts = Counter(labels[item.id] for item in items if item.id in labels)
    total = sum(counts.values())
    if total:
        verdict, most = counts.most_common(1)[0]
        if most > LOPSIDED * total:
            yield Finding("lopsided classes", split, most, f"{most} of {total} labelled items are {verdict}")


def _conflicts(split: Split, items: Sequence[Item], labels: Mapping[str, Verdict], album: Album) -> Iterator[Finding]:
    pairs: dict[tuple[str, ...], list[str]] = {}
    for item in items:
        if shown := _shown(item, album):
            pairs.setdefault((shown, *words(item.caption)), []).append(item.id)
    repeated = [ids for ids in pairs.values() if len(ids) > 1]
    conflicts = [found for ids in repeated if len(found := {labels[own]: own for own in ids if own in labels}) > 1]
    if conflicts:
        shown_pairs = tuple(
            Example(split, seen["pristine"], split, seen["falsified"]) for seen in conflicts[:MOST_EXAMPLES]
        )
        told = f"{len(conflicts)} pairs of the same image and caption are once pristine and once falsified"
        yield Finding("conflicting labels", split, len(conflicts), told, shown_pairs)
    if again := sum(len(ids) - 1 for ids in repeated):
        examples = tuple(Example(split, ids[0], split, ids[1]) for ids in repeated[:MOST_EXAMPLES])
        yield Finding("repeated item", split, again, f"{again} of {len(items)} items repeat another one", examples)


def _shown(item: Item, album: Album) -> str:
    """What stands for the image: its bytes, or the vectors that were made of it; empty where there are neither."""
    if item.image is not None:
        return album.contents.get(item.id, "")
    return digest([sha256_of(item.features[name].tobytes()) for name in sorted(item.features)]) if item.features else ""


def _finding(kind: str, split: Split, found: Sequence[tuple[str, str]], told: str) -> Finding:
    shown = tuple(Example(split, item_id, note=note) for item_id, note in found[:MOST_EXAMPLES])
    return Finding(kind, split, len(found), told, shown)


def told_of(benchmark: Benchmark) -> list[Finding]:
    """What a benchmark says of its own files and entries."""
    return [*file_findings(benchmark.files()), *entry_findings(benchmark.skipped(), benchmark.oracles())]
