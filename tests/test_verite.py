"""VERITE, on small files in its published format and, where HARNESS_REAL_DATA is set, on the real ones."""

import csv
import os
import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image as Pillow
from pydantic import ValidationError

from harness.api import SPLITS, DataError
from harness_benchmarks.published import GIVEAWAYS, content_id, tells
from harness_benchmarks.verite import FILES, Verite

needs_real_data = pytest.mark.skipif(
    not os.environ.get("HARNESS_REAL_DATA"), reason="HARNESS_REAL_DATA, the folder of published data, is not set"
)


def write_verite(folder, stories=10, change=lambda rows: None, titles="['A page', 'Another page']"):
    folder.mkdir(exist_ok=True)
    rows = [
        {"caption": caption, "image_path": f"images/{image}_{story}.jpg", "captions": titles, "label": label}
        for story in range(stories)
        for caption, image, label in (
            (f"What story {story} shows", "true", "true"),
            (f"What story {story} does not show", "true", "miscaptioned"),
            (f"What story {story} shows", "false", "out-of-context"),
        )
    ]
    pairs = [(dict(row), row) for row in rows]
    change(pairs)
    for name, columns, part in (
        ("VERITE.csv", ["caption", "image_path", "label"], [own for own, _ in pairs if own]),
        ("VERITE_with_evidence.csv", ["caption", "image_path", "captions", "label"], [row for _, row in pairs if row]),
    ):
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, ["", *columns], extrasaction="ignore")
            writer.writeheader()
            writer.writerows({"": place, **row} for place, row in enumerate(part))
    features = np.random.default_rng(0).normal(size=(2, len(pairs), 4)).astype(np.float32)
    np.save(folder / FILES[2], features[0])
    np.save(folder / FILES[3], features[1])
    return Verite(root=str(folder))


def everything(benchmark):
    return [item for split in SPLITS for item in benchmark.items(split)]


def test_true_pairs_are_pristine_and_out_of_context_pairs_falsified(tmp_path):
    benchmark = write_verite(tmp_path / "verite")
    labels = {key: label for split in SPLITS for key, label in benchmark.labels(split).items()}
    captions = {item.id: item.caption for item in everything(benchmark)}
    assert Counter(labels.values()) == {"pristine": 10, "falsified": 10}
    assert captions.keys() == labels.keys()
    assert labels[content_id("images/true_3.jpg", "What story 3 shows")] == "pristine"
    assert labels[content_id("images/false_3.jpg", "What story 3 shows")] == "falsified"


@pytest.mark.parametrize(("falsified", "count"), [(["miscaptioned"], 20), (["out-of-context", "miscaptioned"], 30)])
def test_miscaptioned_pairs_are_falsified_items_where_that_is_asked_for(tmp_path, falsified, count):
    write_verite(tmp_path / "verite")
    benchmark = Verite(root=str(tmp_path / "verite"), falsified=falsified)
    assert len(everything(benchmark)) == count
    assert (
        benchmark.labels("test")[next(i.id for i in benchmark.items("test") if "does not" in i.caption)] == "falsified"
    )


def test_no_story_straddles_two_splits_and_the_shares_are_kept(tmp_path):
    benchmark = write_verite(tmp_path / "verite")
    groups = {split: {item.group for item in benchmark.items(split)} for split in SPLITS}
    assert {split: len(found) for split, found in groups.items()} == {"train": 5, "validation": 1, "test": 4}
    assert len(set.union(*groups.values())) == 10


def test_stories_that_share_a_caption_are_one_group(tmp_path):
    def same(pairs):
        for row in pairs[0]:
            row["caption"] = "What story 7 shows"

    benchmark = write_verite(tmp_path / "verite", change=same)
    groups = {item.features["image"].tobytes(): item.group for item in everything(benchmark)}
    assert len(set(groups.values())) == 9
    assert {item.group for item in everything(benchmark) if item.caption == "What story 7 shows"} == {"story-0"}


def test_another_seed_moves_stories_and_no_other_option_does(tmp_path):
    benchmark = write_verite(tmp_path / "verite")
    tested = {item.group for item in benchmark.items("test")}
    assert {item.group for item in benchmark.model_copy(update={"seed": 1}).items("test")} != tested
    assert {item.group for item in Verite(root=benchmark.root, falsified=["miscaptioned"]).items("test")} == tested


def test_nothing_that_is_seen_of_an_item_tells_its_label(tmp_path):
    folder = tmp_path / "files"
    write_verite(folder)
    images = tmp_path / "pictures"
    images.mkdir()
    for kind in ("true", "false"):
        for story in range(10):
            Pillow.new("RGB", (4, 4)).save(images / f"{kind}_{story}.jpg")
    benchmark = Verite(root=str(folder), images=str(images))
    items = everything(benchmark)
    seen = " ".join(f"{item.id} {item.group} {item.image.name} {item.image!r}" for item in items)
    assert len(items) == 20
    assert not re.search(r"true|false|out-of-context", seen)
    assert all(re.fullmatch("[0-9a-f]{16}", item.id) for item in items)
    assert [item.id for item in benchmark.items("train")] == sorted(item.id for item in benchmark.items("train"))
    assert items[0].image.open().size == (4, 4)


def test_items_without_their_image_are_left_out_and_counted(tmp_path):
    folder = tmp_path / "files"
    without = write_verite(folder)
    images = tmp_path / "pictures"
    images.mkdir()
    for story in range(10):
        Pillow.new("RGB", (4, 4)).save(images / f"true_{story}.jpg")
    benchmark = Verite(root=str(folder), images=str(images))
    assert len(everything(benchmark)) == 10
    assert {item.id for item in benchmark.items("test")} == set(benchmark.labels("test"))
    assert benchmark.notes()["items left out for want of their image"] == 10
    assert "image" in benchmark.gives()
    assert without.gives() == {"evidence", "features.image", "features.text"}
    assert benchmark.digest() != without.digest()


def test_a_folder_without_a_single_image_is_refused(tmp_path):
    write_verite(tmp_path / "files")
    (tmp_path / "pictures").mkdir()
    benchmark = Verite(root=str(tmp_path / "files"), images=str(tmp_path / "pictures"))
    with pytest.raises(DataError) as caught:
        benchmark.items("test")
    assert re.fullmatch(
        rf"verite: the folder {tmp_path}/pictures holds none of its images, such as (true|false)_\d\.jpg\n"
        "  give the folder of the fetched images as images, or leave images out",
        str(caught.value),
    )


def test_features_are_those_of_the_row(tmp_path):
    benchmark = write_verite(tmp_path / "verite")
    wanted = np.load(tmp_path / "verite" / FILES[3])[3 * 4 + 2]
    found = next(i for i in everything(benchmark) if i.id == content_id("images/false_4.jpg", "What story 4 shows"))
    np.testing.assert_array_equal(found.features["text"], wanted)


@pytest.mark.parametrize(
    "title",
    ["Snopes.com", "FACT-CHECK: no", "Debunked!", "Does This Photograph Show ...", "No, did he?", "A hoaxer's tale"],
)
def test_a_title_that_gives_the_verdict_away_is_known_by_its_words(title):
    assert tells(title, GIVEAWAYS)


@pytest.mark.parametrize("title", ["Pope Francis in Brazil", "Isthmus of Panama", "What factories do", "Wasn't me"])
def test_other_titles_stay(title):
    assert not tells(title, GIVEAWAYS)


def test_giveaways_are_left_out_of_every_item_and_counted(tmp_path):
    benchmark = write_verite(tmp_path / "verite", titles="['Is it so?', 'Snopes says', 'A page']")
    assert {item.evidence.captions for item in everything(benchmark)} == {("A page",)}
    assert benchmark.notes() == {
        "evidence captions found": 60,
        "evidence captions left out that give the verdict away": 40,
        "items for which no evidence caption was found": 0,
        "items whose every evidence caption was left out": 0,
        "evidence that equals the caption": "left out of every item",
        "order of evidence": "as found",
        "items left out for want of their image": 0,
    }
    unfiltered = Verite(root=benchmark.root, giveaways=[], questions=False)
    assert len(unfiltered.items("test")[0].evidence.captions) == 3


def test_a_folder_that_nobody_named_is_asked_for(monkeypatch):
    monkeypatch.delenv("HARNESS_REAL_DATA", raising=False)
    with pytest.raises(DataError) as caught:
        Verite().digest()
    assert str(caught.value) == (
        "verite: where its files lie is not known: HARNESS_REAL_DATA is not set and no root is given\n"
        "  set HARNESS_REAL_DATA to the folder that holds verite/, or give the folder of the files as root"
    )


def test_all_missing_files_are_named_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_REAL_DATA", str(tmp_path))
    write_verite(tmp_path / "verite")
    (tmp_path / "verite" / FILES[1]).unlink()
    (tmp_path / "verite" / FILES[2]).unlink()
    with pytest.raises(DataError) as caught:
        Verite().items("test")
    assert str(caught.value) == (
        "verite: there is no VERITE_with_evidence.csv, no VERITE_clip_image_embeddings_ViTL14.npy "
        f"in {tmp_path}/verite\n"
        "  put the published files there, or say by root or HARNESS_REAL_DATA where they are"
    )


def swapped(pairs):
    pairs[4], pairs[5] = (pairs[4][0], pairs[5][1]), (pairs[5][0], pairs[4][1])


def shorter(pairs):
    pairs[29] = ({}, pairs[29][1])


def relabelled(pairs):
    for row in pairs[3]:
        row["label"] = "satire"


def escaping(pairs):
    for row in pairs[3]:
        row["image_path"] = "images/../../true_1.jpg"


def doubled(pairs):
    pairs[1] = pairs[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swapped, "VERITE_with_evidence.csv: row 4 has another caption than row 4 of VERITE.csv"),
        (
            shorter,
            "VERITE_with_evidence.csv: row 29 stands alone: VERITE.csv and VERITE_with_evidence.csv differ in length",
        ),
        (
            relabelled,
            "VERITE.csv: row 3 has the label 'satire', which is none of true, miscaptioned, out-of-context",
        ),
        (escaping, "VERITE.csv: row 3 has the image_path 'images/../../true_1.jpg'"),
        (doubled, "VERITE.csv: a pair of image and caption stands in two rows"),
    ],
)
def test_files_that_do_not_fit_each_other_are_refused(tmp_path, change, message):
    with pytest.raises(DataError) as caught:
        write_verite(tmp_path / "verite", change=change).labels("test")
    assert str(caught.value).split("\n  fetch the file again from github.com/stevejpapad/")[0] == message


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch {folder}/ran')",
        "[__import__('os').system('touch {folder}/ran')]",
        "[" * 5_000,
        "['" + "a" * 30_000 + "']",
        "['a', 7]",
        "('a', 'b')",
        "",
    ],
)
def test_text_that_is_no_list_of_texts_is_refused_and_never_run(tmp_path, text):
    benchmark = write_verite(tmp_path / "verite", titles=text.format(folder=tmp_path))
    with pytest.raises(DataError) as caught:
        benchmark.items("test")
    assert str(caught.value) == (
        "VERITE_with_evidence.csv: row 0 has in captions no list of texts in at most 20,000 characters\n"
        "  fetch the file again from github.com/stevejpapad/relevant-evidence-detection"
    )
    assert not (tmp_path / "ran").exists()


def test_a_field_of_megabytes_is_refused(tmp_path):
    benchmark = write_verite(tmp_path / "verite", titles="x" * 2_000_000)
    with pytest.raises(DataError, match=r"is not a CSV file in UTF-8: field larger than field limit \(131072\)"):
        benchmark.labels("test")


def save_objects(path):
    np.save(path, np.array([{"a": 1}] * 30, dtype=object), allow_pickle=True)


def save_cut(path):
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (save_objects, "is not an array of numbers: Array can't be memory-mapped: Python objects in dtype."),
        (save_cut, "is not an array of numbers: mmap length is greater than file size"),
        (lambda path: path.write_bytes(b""), "is not an array of numbers: No data left in file"),
        (
            lambda path: np.save(path, np.zeros((29, 4), np.float32)),
            "holds float32 of shape (29, 4), not 30 rows of finite float32",
        ),
        (
            lambda path: np.save(path, np.full((30, 4), np.nan, np.float32)),
            "holds float32 of shape (30, 4), not 30 rows of finite float32",
        ),
        (
            lambda path: np.save(path, np.zeros((30, 4))),
            "holds float64 of shape (30, 4), not 30 rows of finite float32",
        ),
    ],
)
def test_damaged_features_are_refused(tmp_path, spoil, message):
    benchmark = write_verite(tmp_path / "verite")
    spoil(tmp_path / "verite" / FILES[2])
    with pytest.raises(DataError) as caught:
        benchmark.items("test")
    assert str(caught.value) == (
        f"VERITE_clip_image_embeddings_ViTL14.npy: {message}\n"
        "  fetch the file again from github.com/stevejpapad/image-text-verification"
    )


def test_shares_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(ValidationError, match="validation and test together leave nothing to train on"):
        Verite(validation=0.5, test=0.5)


def test_where_the_files_lie_is_no_part_of_the_identity(tmp_path):
    first, second = write_verite(tmp_path / "one"), write_verite(tmp_path / "two")
    assert first.digest() == second.digest()
    assert Verite.transport == {"root", "images"}


@needs_real_data
def test_the_published_files_give_their_published_counts():
    counts = Counter(label for split in SPLITS for label in Verite().labels(split).values())
    assert counts == {"pristine": 338, "falsified": 325}
    both = Verite(falsified=["miscaptioned", "out-of-context"])
    assert sum(len(both.labels(split)) for split in SPLITS) == 1001
    assert {len(item.features["image"]) for item in Verite().items("validation")} == {768}


@needs_real_data
def test_what_the_filter_takes_of_the_published_titles_is_told():
    assert Verite().notes() == {
        "evidence captions found": 1261,
        "evidence captions left out that give the verdict away": 351,
        "evidence captions left out that repeat another": 3,
        "items for which no evidence caption was found": 247,
        "items whose every evidence caption was left out": 86,
        "evidence that equals the caption": "left out of every item",
        "order of evidence": "as found",
        "items left out for want of their image": 0,
    }


@needs_real_data
def test_two_stories_of_the_published_files_share_a_caption_and_so_a_group():
    items = everything(Verite(falsified=["miscaptioned"]))
    sharing = [item for item in items if item.caption.startswith("Photograph shows Florida residents looting")]
    assert len(sharing) == 2
    assert len({item.group for item in sharing}) == 1
    assert len({item.group for item in everything(Verite())}) == 337


@needs_real_data
def test_no_image_features_are_shared_by_two_splits_of_the_published_files():
    seen = {split: {item.features["image"].tobytes() for item in Verite().items(split)} for split in SPLITS}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
