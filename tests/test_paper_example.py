"""The example of the paper's setting, on a stand-in for the data that it needs."""

import csv
from pathlib import Path

import pytest
from PIL import Image

from harness.errors import PluginError
from harness.planning import make
from harness.reading import load

PAPER = Path(__file__).parent.parent / "examples" / "paper.yaml"
COLUMNS = ("id", "caption", "image", "label", "split", "entities", "evidence", "group")
SIZES = {"train": 200, "validation": 2, "test": 4}


@pytest.fixture
def newsclippings(tmp_path, monkeypatch):
    monkeypatch.setenv("NEWSCLIPPINGS", str(tmp_path))
    (tmp_path / "images").mkdir()
    with (tmp_path / "newsclippings.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for split, size in SIZES.items():
            for place in range(size):
                name, label = f"{split}-{place}", ("pristine", "falsified")[place % 2]
                Image.new("RGB", (4, 4), (place, len(split), 0)).save(tmp_path / "images" / f"{name}.png")
                row = [name, f"Caption {place}", f"{name}.png", label, split, '["A"]', '["B"]', f"{split}-{place // 2}"]
                table.writerow(row)


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
