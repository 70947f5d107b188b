"""The example of the paper's setting, on a stand-in for the data that it needs."""

from pathlib import Path

import pytest
from clippings import Clippings

from harness.errors import PluginError
from harness.planning import make
from harness.reading import load

PAPER = Path(__file__).parent.parent / "examples" / "paper.yaml"


@pytest.fixture
def newsclippings(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_REAL_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Clippings(tmp_path / "newsclippings", {"train": 100, "validation": 1, "test": 2}).write().write_crawl()


def test_the_papers_setting_can_be_planned(registry, newsclippings):
    try:
        registry.find("teacher", "openai")
    except PluginError:
        pytest.skip("the plugin openai is not installed")
    plan = make(load(PAPER, registry))
    assert len(plan.cells) >= 30
    student = plan.matrix.students["llava"]
    assert (student.model, student.order) == ("llava-hf/llava-v1.6-vicuna-7b-hf", "rationale-first")
    assert {teacher.model for teacher in plan.matrix.teachers.values()} == {
        "Qwen/Qwen2-VL-72B-Instruct",
        "OpenGVLab/InternVL2_5-78B",
    }
    assert plan.facts["newsclippings"].gives == {"image", "evidence"}
