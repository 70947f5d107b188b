"""5Pils-OOC, on small files in its published format and, where HARNESS_REAL_DATA is set, on the real one."""

import json
import os
import re
from collections import Counter

import pytest
from PIL import Image as Pillow

from harness.api import DataError
from harness_benchmarks.five_pils_ooc import FivePilsOoc
from harness_benchmarks.published import content_id

needs_real_data = pytest.mark.skipif(
    not os.environ.get("HARNESS_REAL_DATA"), reason="HARNESS_REAL_DATA, the folder of published data, is not set"
)


def write_pils(folder, change=lambda rows: rows, images=4):
    folder.mkdir(exist_ok=True)
    rows = [
        {
            "image_id": image,
            "id": image + images * other,
            "URL": "https://factly.in/story",
            "caption": f"Accurate words about {image}" if not other else f"Other words about {image}",
            "true_caption": f"Accurate words about {image}",
            "evidence_captions": ["A page", "Fake news about it"] if image else [],
            "image_path": f"processed_img/{image}.png",
        }
        for image in range(images)
        for other in (0, 1)
    ]
    (folder / "test.json").write_text(json.dumps(change(rows)))
    return FivePilsOoc(root=str(folder))


def test_the_accurate_caption_of_an_image_is_pristine_and_the_other_falsified(tmp_path):
    benchmark = write_pils(tmp_path)
    labels = benchmark.labels("test")
    assert Counter(labels.values()) == {"pristine": 4, "falsified": 4}
    assert {item.caption.split()[0]: labels[item.id] for item in benchmark.items("test")} == {
        "Accurate": "pristine",
        "Other": "falsified",
    }


def test_it_is_for_testing_only(tmp_path):
    benchmark = write_pils(tmp_path)
    assert not benchmark.items("train")
    assert not benchmark.labels("validation")
    assert benchmark.gives() == {"evidence"}


def test_neither_id_nor_order_nor_any_part_of_an_item_tells_its_label(tmp_path):
    (tmp_path / "pictures").mkdir()
    for image in range(4):
        Pillow.new("RGB", (2, 2)).save(tmp_path / "pictures" / f"{image}.png")
    benchmark = FivePilsOoc(root=write_pils(tmp_path).root, images=str(tmp_path / "pictures"))
    items = benchmark.items("test")
    assert [item.id for item in items] == sorted(item.id for item in items)
    assert all(re.fullmatch("[0-9a-f]{16}", item.id) for item in items)
    assert [item.id for item in items if item.caption == "Other words about 2"] == [
        content_id("2", "Other words about 2")
    ]
    falsified = [item for item in items if item.caption.startswith("Other")]
    assert "Accurate" not in repr(falsified)
    assert {item.image.name for item in items} == {f"image of 5pils-ooc item {item.id}" for item in items}


def test_both_items_of_an_image_are_one_group_with_the_same_evidence(tmp_path):
    items = write_pils(tmp_path).items("test")
    assert Counter(item.group for item in items) == {f"image-{image}": 2 for image in range(4)}
    assert {item.evidence.captions for item in items if item.group == "image-0"} == {()}
    assert {item.evidence.captions for item in items if item.group == "image-1"} == {("A page",)}


def test_what_was_left_out_is_told(tmp_path):
    benchmark = write_pils(tmp_path)
    (tmp_path / "pictures").mkdir()
    Pillow.new("RGB", (2, 2)).save(tmp_path / "pictures" / "3.png")
    assert benchmark.notes() == {
        "evidence captions found": 12,
        "evidence captions left out that give the verdict away": 6,
        "items for which no evidence caption was found": 2,
        "items whose every evidence caption was left out": 0,
        "evidence that equals the caption": "left out of every item",
        "order of evidence": "as found",
        "items left out for want of their image": 0,
    }
    pictured = FivePilsOoc(root=benchmark.root, images=str(tmp_path / "pictures"))
    assert pictured.notes()["items left out for want of their image"] == 6
    assert set(pictured.labels("test")) == {item.id for item in pictured.items("test")}


def with_row(place, **values):
    return lambda rows: [{**row, **values} if at == place else row for at, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [*rows[2:], *rows[:2]], "rows 0 and 1: image_id is 1 and 1, not 0; it was shuffled or cut"),
        (
            lambda rows: [rows[1], rows[0], *rows[2:]],
            "rows 0 and 1: id is 4 and 0, not 0 and 4; it was shuffled or cut",
        ),
        (lambda rows: rows[:-2], "rows 0 and 1: id is 0 and 4, not 0 and 3; it was shuffled or cut"),
        (lambda rows: rows[:-1], "is not a list of rows, two for each image"),
        (lambda rows: {"rows": rows}, "is not a list of rows, two for each image"),
        (
            with_row(3, caption="Accurate words about 1"),
            "rows 2 and 3: the first caption, and it alone, must be the true one; it was shuffled or cut",
        ),
        (with_row(3, true_caption="Something"), "rows 2 and 3: true_caption differs; it was shuffled or cut"),
        (with_row(3, evidence_captions=[]), "rows 2 and 3: image or evidence differ; it was shuffled or cut"),
        (with_row(5, id="9"), "row 5: id: Input should be a valid integer"),
        (with_row(5, evidence_captions=["a", None]), "row 5: evidence_captions.1: Input should be a valid string"),
        (with_row(5, caption=None), "row 5: caption: Input should be a valid string"),
    ],
)
def test_a_file_that_was_shuffled_or_damaged_is_refused(tmp_path, change, message):
    with pytest.raises(DataError) as caught:
        write_pils(tmp_path, change).items("test")
    assert str(caught.value) == (
        f"test.json: {message}\n  fetch the file again from github.com/UKPLab/naacl2025-cove (data/5pils_ooc)"
    )


@pytest.mark.parametrize(
    "text",
    ["", '[{"image_id": 0,', "[" * 100_000, b"\xff\xfe\xff".decode("latin-1")],
    ids=["empty", "cut", "deep", "no"],
)
def test_a_file_that_is_no_json_is_refused(tmp_path, text):
    benchmark = write_pils(tmp_path)
    (tmp_path / "test.json").write_text(text)
    with pytest.raises(DataError, match=r"^test\.json: is not JSON: "):
        benchmark.labels("test")


def test_a_missing_file_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_REAL_DATA", str(tmp_path))
    with pytest.raises(DataError) as caught:
        FivePilsOoc().digest()
    assert str(caught.value) == (
        f"5pils-ooc: there is no test.json in {tmp_path}/5pils-ooc\n"
        "  put the published files there, or say by root or HARNESS_REAL_DATA where they are"
    )


@needs_real_data
def test_the_published_file_has_624_images_with_two_items_each():
    benchmark = FivePilsOoc()
    items = benchmark.items("test")
    assert Counter(benchmark.labels("test").values()) == {"pristine": 624, "falsified": 624}
    assert set(Counter(item.group for item in items).values()) == {2}


@needs_real_data
def test_ids_of_the_published_file_do_not_sort_by_label():
    labels = [label == "falsified" for label in FivePilsOoc().labels("test").values()]
    assert 0.45 < sum(labels[::2]) / 624 < 0.55
    assert 0.45 < sum(labels[:624]) / 624 < 0.55


@needs_real_data
def test_what_ignores_the_caption_is_right_on_exactly_half():
    benchmark = FivePilsOoc()
    labels = benchmark.labels("test")
    right = sum((not item.evidence.captions) == (labels[item.id] == "falsified") for item in benchmark.items("test"))
    assert right == 624
