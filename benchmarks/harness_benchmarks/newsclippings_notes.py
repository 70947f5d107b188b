"""What a report must tell of how NewsCLIPpings was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from harness_benchmarks.evidence import WithEvidence
from harness_benchmarks.newsclippings_evidence import Reader
from harness_benchmarks.newsclippings_items import Part


def notes_of(parts: Sequence[Part], subset: str) -> dict[str, str | int]:
    """Entries, why some are no items, and how items hang together, over all splits."""
    faults = Counter(_reason(fault) for part in parts for fault in part.faults.values())
    disorder = [part.entries.annotations.file for part in parts if part.entries.annotations.disorder]
    groups = Counter(group for part in parts for group in part.entries.groups[part.kept].tolist())
    return {
        "subset": subset,
        **_datasets(parts),
        **{f"entries left out: {reason}": count for reason, count in sorted(faults.items())},
        "entries beyond the limit": sum(len(part.entries.annotations) - len(part.entries.places) for part in parts),
        "items with image and caption of an earlier item": sum(
            int(part.entries.again[part.kept].sum()) for part in parts
        ),
        "items in the largest group": max(groups.values(), default=0),
        "articles in more than one split": _shared(parts),
        **({"files that are not in the published order": ", ".join(disorder)} if disorder else {}),
    }


def _reason(fault: str) -> str:
    """The reason without what is particular to one file."""
    return fault.partition(":")[0]


def _datasets(parts: Sequence[Part]) -> dict[str, str | int]:
    """Items by the subset from which an entry of merged_balanced was taken."""
    counts = Counter[str]()
    for part in parts:
        annotations = part.entries.annotations
        for number in annotations.datasets[part.entries.places[part.kept]].tolist():
            if number >= 0:
                counts[annotations.names.get(number, str(number))] += 1
    return {f"items from {name}": count for name, count in sorted(counts.items())}


def _shared(parts: Sequence[Part]) -> int:
    """Articles of which items of two splits have the caption or the image."""
    import numpy as np

    used = [np.union1d(part.entries.caption_ids[part.kept], part.entries.image_ids[part.kept]) for part in parts]
    return len({article for one, other in combinations(used, 2) for article in np.intersect1d(one, other).tolist()})


def notes_of_evidence(benchmark: WithEvidence, readers: Iterable[Reader]) -> Mapping[str, str | int]:
    """How the evidence of all items was filtered, and how many have none."""
    kept = [reader.kept(number) for reader in readers for number in reader.part.kept.tolist()]
    return benchmark.evidence_notes(one.filtered() for one in kept) | {
        "items without a file of evidence": sum(not one.files for one in kept),
        "files of evidence that cannot be read": sum(one.damaged for one in kept),
    }
