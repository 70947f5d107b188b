"""COSMOS, on small files in its published format."""

import json
import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from harness.api import SPLITS, DataError
from harness.testing import checks_for
from harness_benchmarks.cosmos import FILES, Cosmos


def pairs_of(count):
    for place in range(count):
        yield {
            "img_local_path": f"test/{place}.jpg",
            "caption1": f"One caption of picture {place}",
            "caption1_modified": "One caption of PERSON",
            "caption2": f"Another caption of picture {place}",
            "article_url": "https://example.org/story",
            "context_label": place % 2,
            "maskrcnn_bboxes": [[0, 0, 1, 1]],
            "bert_base_score": 0.5,
        }


def captioned(split, count):
    for place in range(count):
        articles = [
            {"caption": f"Caption {of} of {split} {place}", "article_url": f"https://example.org/{place}/{of}"}
            for of in range(1 + place % 3)
        ]
        yield {"img_local_path": f"{split}/{place}.jpg", "articles": articles, "maskrcnn_bboxes": []}


def write(folder, change=lambda rows: rows, count=8, pictures=True, splits=SPLITS):
    (folder / "annotations").mkdir(parents=True)
    for split in splits:
        rows = list(pairs_of(count) if split == "test" else captioned(split, 6))
        for row in rows if pictures else []:
            image = folder / row["img_local_path"]
            image.parent.mkdir(parents=True, exist_ok=True)
            Pillow.new("RGB", (2, 2)).save(image)
        rows = change(rows) if split == "test" else rows
        (folder / FILES[split]).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return Cosmos(root=str(folder))


def test_a_pair_that_is_out_of_context_is_falsified(tmp_path):
    benchmark = write(tmp_path)
    labels = benchmark.labels("test")
    said = {int(item.caption.split()[-1]): labels[item.id] for item in benchmark.items("test")}
    assert said == {place: "falsified" if place % 2 else "pristine" for place in range(8)}


def test_an_item_is_one_caption_with_the_other_as_evidence(tmp_path):
    benchmark = write(tmp_path)
    item = next(item for item in benchmark.items("test") if item.caption.endswith("3"))
    assert (item.caption, item.evidence.captions) == (
        "Another caption of picture 3",
        ("One caption of picture 3",),
    )
    other = Cosmos(root=benchmark.root, judged="caption1")
    item = next(item for item in other.items("test") if item.caption.endswith("3"))
    assert (item.caption, item.evidence.captions) == (
        "One caption of picture 3",
        ("Another caption of picture 3",),
    )
    assert other.labels("test")[item.id] == "falsified"
    assert benchmark.notes() == {
        "what is judged": "caption2 of an image, with caption1 as evidence; labels are of the pair"
    }


def test_captions_of_the_other_splits_are_items_without_labels(tmp_path):
    benchmark = write(tmp_path)
    items = benchmark.items("train")
    assert len(items) == 12
    assert benchmark.labels("train") == {}
    assert benchmark.labels("validation") == {}
    item = next(item for item in items if item.caption == "Caption 1 of train 2")
    assert item.evidence.captions == ("Caption 0 of train 2", "Caption 2 of train 2")
    assert item.evidence.sources == ("https://example.org/2/0", "https://example.org/2/2")
    assert len({other.group for other in items if other.caption.endswith("train 2")}) == 1


def test_fewer_images_are_drawn_whole_and_by_the_seed(tmp_path):
    root = write(tmp_path).root
    drawn = Cosmos(root=root, most_images=2)
    assert len({item.group for item in drawn.items("train")}) == 2
    assert len(drawn.items("test")) == 8
    seeds = {tuple(item.id for item in Cosmos(root=root, most_images=2, seed=seed).items("train")) for seed in range(6)}
    assert len(seeds) > 1


def test_only_the_test_file_must_be_there(tmp_path):
    benchmark = write(tmp_path, splits=("test",))
    assert benchmark.items("train") == []
    assert len(benchmark.items("test")) == 8
    assert [(file.name, file.found, file.wanted, file.needed) for file in benchmark.files()] == [
        ("annotations/train_data.json", 0, 1, False),
        ("annotations/val_data.json", 0, 1, False),
        ("annotations/test_data.json", 1, 1, True),
        ("images", 8, 8, False),
    ]
    with pytest.raises(DataError, match=r"cosmos: there is no annotations/test_data\.json in "):
        Cosmos(root=str(tmp_path / "nowhere")).items("train")


def test_every_caption_is_an_item_or_is_skipped_with_its_reason(tmp_path):
    def spoil(rows):
        return [*rows, rows[0], {**rows[1], "img_local_path": "test/99.jpg"}, {**rows[2], "caption2": " "}]

    benchmark = write(tmp_path, spoil)
    assert len(benchmark.items("test")) + len(benchmark.skipped()) == 11
    assert {entry.what: entry.reason for entry in benchmark.skipped()} == {
        "test_data.json line 9": "repeats line 1",
        "test_data.json line 10": "has no image test/99.jpg in the folder of images",
        "test_data.json line 11": "has no caption",
    }
    notes = benchmark.notes()
    assert {key: value for key, value in notes.items() if "left out" in key} == {
        "captions left out: has no caption": 1,
        "captions left out: has no image": 1,
        "captions left out: repeats": 1,
    }


@pytest.mark.parametrize(("word", "verdict"), [(1, "falsified"), ("1", "falsified"), ("OOC", "falsified")])
@pytest.mark.parametrize(("other", "opposite"), [(0, "pristine"), ("0", "pristine"), ("not-ooc", "pristine")])
def test_the_published_words_of_the_label_are_known(tmp_path, word, verdict, other, opposite):
    def said(rows):
        for place, row in enumerate(rows):
            del row["context_label"]
            row["label"] = word if place % 2 else other
        return rows

    benchmark = write(tmp_path, said)
    labels = benchmark.labels("test")
    assert {labels[item.id] for item in benchmark.items("test") if int(item.caption[-1]) % 2} == {verdict}
    assert {labels[item.id] for item in benchmark.items("test") if not int(item.caption[-1]) % 2} == {opposite}


def with_row(place, **values):
    return lambda rows: [{**row, **values} if at == place else row for at, row in enumerate(rows)]


KNOWN = "1 or ooc for a pair that is out of context, 0 or not-ooc for one that is not"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_row(2, context_label="true"), f"line 3 has the label 'true', which is none of {KNOWN}"),
        (with_row(2, context_label=2), f"line 3 has the label 2, which is none of {KNOWN}"),
        (with_row(2, context_label=-1), f"line 3 has the label -1, which is none of {KNOWN}"),
        (with_row(2, context_label=None), "line 3 has no label"),
        (with_row(2, context_label=True), "line 3: context_label.int: Input should be a valid integer"),
        (with_row(2, label=1), "line 3 has the label 1 and the context_label 0"),
        (with_row(2, caption1=None), "line 3: caption1: Input should be a valid string"),
        (with_row(2, img_local_path="test/../../x.jpg"), "line 3 has the img_local_path 'test/../../x.jpg'"),
        (with_row(2, img_local_path=""), "line 3 has the img_local_path ''"),
        (lambda rows: [*rows, {**rows[2], "context_label": 1}], "line 9 is falsified, and line 3, with the same image"),
        (lambda rows: [7], "line 1 is not an object"),
        (lambda rows: [], "has no lines"),
    ],
)
def test_a_label_that_contradicts_or_is_unknown_is_refused_with_its_line(tmp_path, change, message):
    with pytest.raises(DataError) as caught:
        write(tmp_path, change).labels("test")
    assert str(caught.value).startswith(f"test_data.json: {message}")
    assert str(caught.value).endswith("\n  fetch the file again from github.com/shivangi-aneja/COSMOS (on request)")


def test_a_shuffled_file_gives_the_same_items_and_labels(tmp_path):
    plain, shuffled = write(tmp_path / "plain"), write(tmp_path / "shuffled", lambda rows: rows[::-1])
    assert shuffled.labels("test") == plain.labels("test")
    assert [item.id for item in shuffled.items("test")] == [item.id for item in plain.items("test")]


def test_items_are_named_by_digests_and_their_images_open(tmp_path):
    items = write(tmp_path).items("test")
    assert all(re.fullmatch("[0-9a-f]{16}", name) for item in items for name in (item.id, item.group))
    assert items[0].image.name == f"image of cosmos item {items[0].id}"
    assert items[0].image.open().size == (2, 2)


def test_pairs_of_captions_need_no_image(tmp_path):
    benchmark = Cosmos(root=write(tmp_path, pictures=False).root, with_images=False)
    assert benchmark.gives() == {"evidence"}
    assert len(benchmark.items("test")) == 8
    with pytest.raises(DataError, match="holds none of its images"):
        Cosmos(root=benchmark.root).items("test")


@pytest.mark.parametrize("check", checks_for(Cosmos))
def test_it_keeps_the_rules_for_benchmarks(check, tmp_path):
    check(write(tmp_path, count=60))


def test_labels_are_balanced_as_they_are_in_the_file(tmp_path):
    assert Counter(write(tmp_path).labels("test").values()) == {"pristine": 4, "falsified": 4}


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_happens_to_a_file_it_is_read_or_refused_and_no_line_is_lost(data):
    with tempfile.TemporaryDirectory() as folder:
        benchmark = write(Path(folder), pictures=False).model_copy(update={"with_images": False})
        split = data.draw(st.sampled_from(SPLITS))
        file = Path(folder) / FILES[split]
        content = file.read_bytes()
        at = data.draw(st.integers(0, len(content)))
        rest = data.draw(st.sampled_from([b"", content[at:], content[at + 1 :], content[at + 20 :]]))
        file.write_bytes(content[:at] + data.draw(st.binary(max_size=8)) + rest)
        try:
            kept = len(benchmark.items(split)) + sum(entry.split == split for entry in benchmark.skipped())
        except DataError:
            return
        rows = [json.loads(line) for line in file.read_bytes().split(b"\n") if line.strip()]
        assert kept == (len(rows) if split == "test" else sum(len(row["articles"]) or 1 for row in rows))
