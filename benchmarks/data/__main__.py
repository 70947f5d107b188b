"""How long NewsCLIPpings takes to load and how much memory, beside json.load of the same file in the same run.

Each figure is of a fresh process. Seconds are those of the processor, so that what else runs on the machine does not
count, and the least of some rounds. Memory is the peak of what Python and NumPy have allocated (tracemalloc), from
when all modules are imported; what the resident set grew by is told beside it.

Ours reads VisualNews, too, checks labels and makes ids, groups and an order; the ratios of the last line charge all
that against json.load of the annotation file alone.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from synthetic import searched_in, write

from harness.api import Item
from harness_benchmarks.newsclippings import NewsClippings

ENTRIES = 100_000
CRAWLED = 2_000
ROUNDS = 3


def annotations(folder: Path) -> object:
    """What every published script does first."""
    return json.loads((folder / "merged_balanced" / "train.json").read_bytes())


def both(folder: Path) -> object:
    """What every published script does before it has a caption."""
    return annotations(folder), json.loads((folder / "visual_news" / "origin" / "data.json").read_bytes())


def loaded(folder: Path) -> object:
    """Items and labels."""
    benchmark = NewsClippings(root=str(folder), images=False)
    return benchmark.items("train"), benchmark.labels("train")


def twice(folder: Path) -> object:
    """The same, and then once more, as a plan asks again and again."""
    return loaded(folder), loaded(folder)


def walked(folder: Path) -> object:
    """Items and labels, and every item made once."""
    items, labels = loaded(folder)
    return sum(len(item.caption) for item in items), labels


def crawled(folder: Path) -> object:
    """Items with their evidence, read, filtered and made once."""
    return [item.evidence for item in _with_evidence(folder)]


def crawled_twice(folder: Path) -> object:
    """The same, and then once more."""
    items = _with_evidence(folder)
    return [item.evidence for item in items], [item.evidence for item in items]


def _with_evidence(folder: Path) -> Sequence[Item]:
    return NewsClippings(root=str(folder), images=False, evidence=True).items("train")


def parsed(folder: Path) -> object:
    """The same files of evidence, as json.load gives them."""
    return [json.loads((searched_in(folder) / str(n) / "inverse_annotation.json").read_bytes()) for n in range(CRAWLED)]


LOADS: Mapping[str, Callable[[Path], object]] = {
    do.__name__: do for do in (annotations, both, loaded, twice, walked, crawled, crawled_twice, parsed)
}


def measure(load: Callable[[Path], object], folder: Path) -> dict[str, float]:
    """Seconds of one call in this process, and bytes by which its resident set grew."""
    before, resident = time.process_time(), largest()
    kept = load(folder)
    seconds, grown = time.process_time() - before, largest() - resident
    del kept
    return {"seconds": seconds, "grown": grown}


def largest() -> int:
    """Bytes of the resident set at its largest. Linux's getrusage would give that of the parent process, too."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(found[1]) if found else 0


def peak(load: Callable[[Path], object], folder: Path) -> dict[str, float]:
    """Bytes at the peak of one call in this process."""
    tracemalloc.start()
    kept = load(folder)
    found = tracemalloc.get_traced_memory()[1]
    del kept
    return {"peak": found}


def fresh(name: str, folder: Path) -> dict[str, float]:
    """The figures of a load, each from fresh processes: the least time of some rounds, and the peak of another."""
    timed = [_child(name, folder, "measure") for _ in range(ROUNDS)]
    return {key: min(one[key] for one in timed) for key in timed[0]} | _child(name, folder, "peak")


def _child(name: str, folder: Path, how: str) -> dict[str, float]:
    command = [sys.executable, *sys.argv[:1], how, name, str(folder)]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        large, small = Path(name) / "large", Path(name) / "small"
        write(large, ENTRIES, with_evidence=False)
        write(small, CRAWLED, with_evidence=True)
        size = (large / "merged_balanced" / "train.json").stat().st_size
        news = (large / "visual_news" / "origin" / "data.json").stat().st_size
        print(f"{ENTRIES:,} entries: {size / 1e6:.1f} MB of annotations, {news / 1e6:.1f} MB of VisualNews")
        found = {load: fresh(load, large) for load in ("annotations", "both", "loaded", "twice", "walked")}
        for load, title in TITLES.items():
            print(_line(title, found[load], size), flush=True)
        evidence = {load: fresh(load, small) for load in ("parsed", "crawled", "crawled_twice")}
        for load, title in EVIDENCE.items():
            per_item = {key: value / CRAWLED for key, value in evidence[load].items()}
            print(f"{title:<58}{1e6 * per_item['seconds']:8.0f} us and {per_item['peak'] / 1e3:5.1f} kB an item")
    ours = found["loaded"]
    ratio = ours["seconds"] / found["both"]["seconds"]
    print(f"against json.load of both files: {ratio:.2f} of the time, {ours['peak'] / (size + news):.2f} of their size")
    print(
        f"load_vs_json={ours['seconds'] / found['annotations']['seconds']:.2f} peak_vs_file={ours['peak'] / size:.2f}"
    )


TITLES = {
    "annotations": "json.load of the annotation file",
    "both": "json.load of annotations and VisualNews",
    "loaded": "harness: items and labels, from both",
    "twice": "harness: items and labels, and once more",
    "walked": "harness: items and labels, and every item made",
}
EVIDENCE = {
    "parsed": "json.load of the files of evidence",
    "crawled": "harness: items with evidence, read and filtered",
    "crawled_twice": "harness: the same, and once more",
}


def _line(title: str, figures: Mapping[str, float], size: float) -> str:
    peak_mb, grown_mb = figures["peak"] / 1e6, figures["grown"] / 1e6
    memory = f"{peak_mb:7.1f} MB at the peak ({figures['peak'] / size:4.1f} of the file), resident +{grown_mb:.0f} MB"
    return f"{title:<50}{figures['seconds']:7.3f} s {memory}"


if __name__ == "__main__":
    if sys.argv[1:]:
        how, name, folder = sys.argv[1:]
        np.unique(np.arange(2))  # what NumPy imports when it is first used is no file's memory
        print(json.dumps({"measure": measure, "peak": peak}[how](LOADS[name], Path(folder))))
    else:
        main()
