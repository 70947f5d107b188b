"""Ground truth reaches nobody who did not buy it."""

import inspect
import os
from dataclasses import fields

import pytest

from harness.types import SPLITS, Evidence, Item
from harness_students.vlm_text import PROMPT, TINY_PROMPT, prompt_text

GOLD = ("true_caption", "pristine", "falsified", "label", "miscaptioned", "out-of-context")


def benchmarks(registry):
    """Every built-in data set whose files are at hand."""
    for found in registry.components("benchmark").values():
        for plugin, component in found:
            if plugin.distribution == "ooc-harness":
                if component.name != "newsworld" and not os.environ.get("HARNESS_REAL_DATA"):
                    continue
                if any(field.is_required() for field in component.model_fields.values()):
                    continue
                yield component()


def test_an_item_has_no_field_for_a_label():
    assert {field.name for field in fields(Item)} == {"id", "caption", "image", "evidence", "features", "group"}
    assert {field.name for field in fields(Evidence)} == {"entities", "captions", "sources"}


def test_no_name_that_a_built_in_gives_to_an_item_tells_its_label(registry):
    for benchmark in benchmarks(registry):
        for split in SPLITS:
            labels = benchmark.labels(split)
            for item in benchmark.items(split):
                named = " ".join([item.id, item.group, item.image.name if item.image else "", *item.features])
                assert not any(word in named for word in (*GOLD, "true_", "false_")), named
                assert labels[item.id] not in named


def test_neither_position_nor_id_tells_the_label(registry):
    """A classifier on parity of place, or on the order of ids, does no better than chance."""
    for benchmark in benchmarks(registry):
        for split in SPLITS:
            items, labels = benchmark.items(split), benchmark.labels(split)
            if len(items) < 100:
                continue
            places = [labels[item.id] == "falsified" for item in items]
            by_id = [labels[item_id] == "falsified" for item_id in sorted(labels)]
            for order in (places, by_id):
                even = sum(order[0::2]) / len(order[0::2]) - sum(order[1::2]) / len(order[1::2])
                halves = sum(order[: len(order) // 2]) - sum(order[len(order) // 2 :])
                assert abs(even) < 0.2
                assert abs(halves) / len(order) < 0.15


def test_the_true_caption_of_5pils_reaches_no_item(registry, data):
    import json

    rows = json.loads((data / "5pils-ooc" / "test.json").read_text())
    benchmark = registry.find("benchmark", "5pils-ooc")()
    labels = benchmark.labels("test")
    truth = {row["caption"]: row["true_caption"] for row in rows if row["caption"] != row["true_caption"]}
    shown = [item for item in benchmark.items("test") if labels[item.id] == "falsified"]
    assert len(shown) == 624
    for item in shown:
        assert truth[item.caption] not in (item.id, item.group, item.caption)


@pytest.mark.parametrize("template", [PROMPT, TINY_PROMPT])
def test_the_prompt_of_a_student_is_its_template_and_the_caption_and_nothing_else(template):
    asked = prompt_text(template, "workers march in {Oslo}")
    assert asked.replace("workers march in {Oslo}", "{caption}") == template
    assert list(inspect.signature(prompt_text).parameters) == ["template", "caption"]
