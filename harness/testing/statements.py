"""Rules for what a benchmark says of itself: its files, its skipped entries, and what of it depends on the label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.components import Benchmark
from harness.testing.contract import broken, skip, told
from harness.types import SPLITS, DataFile, Skipped


def check_tells_of_its_files_and_entries(benchmark: Benchmark) -> None:
    """files(), skipped(), oracles() and notes() raise nothing: a missing file is a harness.api.DataFile that was not
    found, a harness.api.Skipped has a reason, and an oracle is a sentence."""
    ways: Mapping[str, Callable[[], Any]] = {
        "files": benchmark.files,
        "skipped": benchmark.skipped,
        "oracles": benchmark.oracles,
        "notes": benchmark.notes,
    }
    said = {}
    for name, way in ways.items():
        try:
            said[name] = way()
        except Exception as error:
            broken(f"{name}() raised {told(error)}")
    for file in said["files"]:
        if not isinstance(file, DataFile) or not 0 <= file.found <= file.wanted:
            broken(f"files() gave {file!r:.200}")
    for entry in said["skipped"]:
        if not isinstance(entry, Skipped) or not entry.reason.strip() or entry.split not in (*SPLITS, None):
            broken(f"skipped() gave {entry!r:.200}")
    for sentence in said["oracles"]:
        if not isinstance(sentence, str) or not sentence.strip():
            broken(f"oracles() gave {sentence!r:.80}")


def check_what_it_skips_is_no_item(benchmark: Benchmark) -> None:
    """An entry is an item or is skipped, and not both; an entry that makes several items is named by its place."""
    for split in SPLITS:
        try:
            entries = {entry.what for entry in benchmark.skipped() if entry.split == split}
            ids = {item.id for item in benchmark.items(split)}
        except Exception as error:
            skip(f"it raised {told(error)}")
        if both := sorted(entries & ids):
            broken(f"{both[0]!r} is an item of the {split} split and skipped as well")


CHECKS = (check_tells_of_its_files_and_entries, check_what_it_skips_is_no_item)
