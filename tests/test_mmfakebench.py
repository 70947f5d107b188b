"""MMFakeBench, on small files in its published format."""

import json
import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from pydantic import ValidationError

from harness.api import DataError
from harness.testing import checks_for
from harness_benchmarks.mmfakebench import MmFakeBench

CLASSES = {
    "original": "/real/bbc_{split}_50/BBC_{split}_{place}.jpg",
    "mismatch": "/fake/Newsclipings_person_{split}_50/Newsclipings_person_{split}_{place}.jpg",
    "textual_veracity_distortion": "/fake/fever_AI_{split}_100/fever_dalle_{split}_{place}.jpg",
    "visual_veracity_distortion": "/fake/Fakeddit_photo_edit_{split}_50/Fakeddit_photo_edit_{split}_{place}.jpg",
}
EDITED = "/fake/coco_text_edit_{split}_50/coco_text_edit_{split}_{place}.jpg"


def rows_of(split, count):
    for place in range(count):
        kind = list(CLASSES)[place % 4]
        yield {
            "image_path": (EDITED if place % 8 == 1 else CLASSES[kind]).format(split=split, place=place),
            "text": f"What picture {place} of {split} shows",
            "fake_cls": kind,
            "gt_answers": ["True" if kind == "original" else "Fake"],
        }


def write(folder, change=lambda rows: rows, splits=("val", "test"), pictures=True, count=16):
    for split in splits:
        rows = list(rows_of(split, count))
        part = folder / f"MMFakeBench_{split}"
        (part / "source").mkdir(parents=True)
        for row in rows if pictures else []:
            image = part / row["image_path"].lstrip("/")
            image.parent.mkdir(parents=True, exist_ok=True)
            Pillow.new("RGB", (2, 2)).save(image)
        (part / "source" / f"MMFakeBench_{split}.json").write_text(json.dumps(change(rows)))
    return MmFakeBench(root=str(folder))


def test_only_pairs_that_do_not_belong_together_are_falsified_by_default(tmp_path):
    benchmark = write(tmp_path)
    for split in ("validation", "test"):
        assert Counter(benchmark.labels(split).values()) == {"pristine": 4, "falsified": 4}
        assert {item.id for item in benchmark.items(split)} == set(benchmark.labels(split))
    assert benchmark.items("train") == []
    assert benchmark.labels("train") == {}
    assert benchmark.gives() == {"image"}


def test_the_option_falsified_takes_other_classes_in(tmp_path):
    root = write(tmp_path).root
    both = MmFakeBench(root=root, falsified=["mismatch", "textual_veracity_distortion"])
    assert Counter(both.labels("test").values()) == {"pristine": 4, "falsified": 8}
    with pytest.raises(ValidationError):
        MmFakeBench(root=root, falsified=["original"])


def test_mismatches_of_one_collection_may_be_taken_alone(tmp_path):
    benchmark = MmFakeBench(root=write(tmp_path).root, origins=["Newsclipings"])
    assert Counter(benchmark.labels("test").values()) == {"pristine": 4, "falsified": 2}
    assert benchmark.notes()["falsified items by collection"] == "Newsclipings_person 4"


def test_every_row_is_an_item_or_is_skipped_with_its_reason(tmp_path):
    benchmark = write(tmp_path, lambda rows: [*rows, rows[0]])
    (tmp_path / "MMFakeBench_val/real/bbc_val_50/BBC_val_4.jpg").unlink()
    items = sum(len(benchmark.items(split)) for split in ("validation", "test"))
    skipped = {(entry.split, entry.what): entry.reason for entry in benchmark.skipped()}
    assert items + len(skipped) == 2 * 17
    assert skipped["validation", "MMFakeBench_val.json row 2"] == "is of the class textual_veracity_distortion"
    assert skipped["validation", "MMFakeBench_val.json row 4"] == (
        "has no image /real/bbc_val_50/BBC_val_4.jpg in the folder of images"
    )
    assert skipped["test", "MMFakeBench_test.json row 16"] == "repeats a row before it"
    assert benchmark.notes() == {
        "classes that are falsified": "mismatch",
        "falsified items by collection": "Newsclipings_person 4, coco_text_edit 4",
        "left out since it has no image in the folder of images": 1,
        "left out since it is of the class textual_veracity_distortion": 8,
        "left out since it is of the class visual_veracity_distortion": 8,
        "left out since it repeats a row before it": 2,
    }


def test_nothing_that_is_seen_of_an_item_tells_its_class_and_items_open(tmp_path):
    items = write(tmp_path).items("test")
    assert all(re.fullmatch("[0-9a-f]{16}", item.id) for item in items)
    assert not re.search(
        "real|fake|coco|Newsclip", " ".join(f"{item.id} {item.group} {item.image!r}" for item in items)
    )
    assert items[0].image.name == f"image of mmfakebench item {items[0].id}"
    assert items[0].image.open().size == (2, 2)
    assert [item.id for item in items] == sorted(item.id for item in items)


def test_one_split_alone_is_read(tmp_path):
    benchmark = write(tmp_path, splits=("test",))
    assert len(benchmark.items("test")) == 8
    assert benchmark.items("validation") == []
    assert [(file.name, file.found, file.needed) for file in benchmark.files()] == [
        ("MMFakeBench_val/source/MMFakeBench_val.json", 0, False),
        ("MMFakeBench_test/source/MMFakeBench_test.json", 1, False),
        ("images", 1 + 15, False),
    ]


def test_without_any_file_all_are_named(tmp_path):
    benchmark = MmFakeBench(root=str(tmp_path))
    assert [(file.found, file.needed) for file in benchmark.files()] == [(0, True), (0, True), (0, False)]
    with pytest.raises(DataError) as caught:
        benchmark.items("test")
    assert str(caught.value).startswith(
        "mmfakebench: there is no MMFakeBench_val/source/MMFakeBench_val.json, "
        f"no MMFakeBench_test/source/MMFakeBench_test.json in {tmp_path}\n"
    )


def test_missing_images_are_refused_where_that_is_asked_for(tmp_path):
    benchmark = write(tmp_path)
    gone = tmp_path / "MMFakeBench_test/real/bbc_test_50/BBC_test_4.jpg"
    gone.unlink()
    with pytest.raises(DataError) as caught:
        MmFakeBench(root=benchmark.root, missing_images="refuse").items("test")
    assert str(caught.value) == (
        "mmfakebench: 1 of 8 items lack their image, the first "
        f"'MMFakeBench_test/real/bbc_test_50/BBC_test_4.jpg' in {tmp_path}\n"
        "  fetch the images, or say  missing_images: skip  to leave these items out"
    )


def test_captions_alone_need_no_image(tmp_path):
    benchmark = MmFakeBench(root=write(tmp_path, pictures=False).root, with_images=False)
    assert len(benchmark.items("test")) == 8
    assert benchmark.gives() == frozenset()
    assert benchmark.items("test")[0].image is None


def with_row(place, **values):
    return lambda rows: [{**row, **values} if at == place else row for at, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_row(1, gt_answers=["True"]), "row 1: fake_cls is mismatch and gt_answers ['True']"),
        (with_row(0, gt_answers="Fake"), "row 0: fake_cls is original and gt_answers Fake"),
        (with_row(1, gt_answers=[]), "row 1: fake_cls is mismatch and gt_answers []"),
        (with_row(1, gt_answers=True), "row 1: gt_answers.literal['True','Fake']: Input should be 'True' or 'Fake'"),
        (with_row(1, gt_answers="fake"), "row 1: gt_answers.literal['True','Fake']: Input should be 'True' or 'Fake'"),
        (
            with_row(1, fake_cls="satire"),
            "row 1: fake_cls: Input should be 'original', 'mismatch', 'textual_veracity_distortion' or "
            "'visual_veracity_distortion'",
        ),
        (with_row(1, text=7), "row 1: text: Input should be a valid string"),
        (with_row(1, image_path="/fake/../../x.jpg"), "row 1 has the image_path '/fake/../../x.jpg'"),
        (lambda rows: {"rows": rows}, "is not a list of rows"),
        (lambda rows: [7], "row 0 is not an object"),
        (lambda rows: [], "has no rows"),
        (
            lambda rows: [*rows, {**rows[0], "fake_cls": "mismatch", "gt_answers": ["Fake"]}],
            "row 16 is mismatch, and row 0, the same pair, is not",
        ),
    ],
)
def test_a_label_that_contradicts_or_is_unknown_is_refused_with_its_row(tmp_path, change, message):
    with pytest.raises(DataError) as caught:
        write(tmp_path, change).labels("test")
    assert str(caught.value) == (
        f"MMFakeBench_test.json: {message}\n  fetch the file again from github.com/liuxuannan/MMFakeBench (on request)"
    )


def test_a_shuffled_file_gives_the_same_items_and_labels(tmp_path):
    plain = write(tmp_path / "plain")
    shuffled = write(tmp_path / "shuffled", lambda rows: rows[::-1])
    assert shuffled.labels("test") == plain.labels("test")
    assert [item.id for item in shuffled.items("test")] == [item.id for item in plain.items("test")]


def test_the_digest_follows_files_and_images_and_not_where_they_lie(tmp_path):
    first, second = write(tmp_path / "one"), write(tmp_path / "two")
    assert first.digest() == second.digest()
    (tmp_path / "two/MMFakeBench_test/real/bbc_test_50/BBC_test_4.jpg").write_bytes(b"other")
    assert first.digest() != second.digest()


@pytest.mark.parametrize("check", checks_for(MmFakeBench))
def test_it_keeps_the_rules_for_benchmarks(check, tmp_path):
    check(write(tmp_path, count=200))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_happens_to_a_file_it_is_read_or_refused_and_no_row_is_lost(data):
    with tempfile.TemporaryDirectory() as folder:
        benchmark = write(Path(folder), splits=("test",), pictures=False)
        benchmark = benchmark.model_copy(update={"with_images": False})
        file = Path(folder) / "MMFakeBench_test/source/MMFakeBench_test.json"
        content = file.read_bytes()
        at = data.draw(st.integers(0, len(content)))
        rest = data.draw(st.sampled_from([b"", content[at:], content[at + 1 :], content[at + 20 :]]))
        file.write_bytes(content[:at] + data.draw(st.binary(max_size=8)) + rest)
        try:
            kept = len(benchmark.items("test")) + len(benchmark.skipped())
        except DataError:
            return
        assert kept == len(json.loads(file.read_bytes()))
