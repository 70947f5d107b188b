"""What loading 20,000 entries of NewsCLIPpings costs beside json.load of the annotation file."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from synthetic import write

from harness_benchmarks.newsclippings import NewsClippings

ENTRIES = 20_000

pytestmark = pytest.mark.benchmark(group=f"{ENTRIES:,} entries", timer=time.process_time)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clippings")
    write(folder, ENTRIES, with_evidence=False)
    return folder


@pytest.fixture
def fresh(folder):
    """Nothing of what was read before counts: the file is another one."""

    def touch():
        os.utime(folder / "merged_balanced" / "train.json")
        os.utime(folder / "visual_news" / "origin" / "data.json")

    return touch


def test_baseline_json_load(benchmark, folder):
    benchmark.pedantic(lambda: json.loads((folder / "merged_balanced" / "train.json").read_bytes()), rounds=5)


def test_items_and_labels(benchmark, folder, fresh):
    made = NewsClippings(root=str(folder), images=False)
    items, labels = benchmark.pedantic(lambda: (made.items("train"), made.labels("train")), setup=fresh, rounds=5)
    assert len(items) == len(labels) == ENTRIES


def test_items_and_labels_that_were_read_before(benchmark, folder):
    made = NewsClippings(root=str(folder), images=False)
    benchmark.pedantic(lambda: (made.items("train"), made.labels("train")), rounds=5, warmup_rounds=1)
