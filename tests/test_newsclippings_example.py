"""The example on NewsCLIPpings, on a stand-in for the data that it needs."""

from pathlib import Path

from clippings import Clippings

from harness.planning import make
from harness.reading import load

EXAMPLE = Path(__file__).parent.parent / "examples" / "newsclippings.yaml"


def test_the_example_can_be_planned_and_says_what_reads_the_label(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_REAL_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Clippings(tmp_path / "newsclippings", {"train": 100, "validation": 2, "test": 20}).write().write_crawl()
    plan = make(load(EXAMPLE, registry))
    assert len(plan.cells) > 10
    facts = plan.facts
    assert [len(facts[label].oracles) for label in ("newsclippings", "by-label")] == [0, 1]
    assert facts["newsclippings"].splits["test"].items == 40
