"""VERITE, on small files in its published format and, where HARNESS_REAL_DATA is set, on the real ones."""

import csv
import json
import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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


def test_a_missing_table_of_captions_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_REAL_DATA", str(tmp_path))
    write_verite(tmp_path / "verite")
    (tmp_path / "verite" / FILES[0]).unlink()
    for read in (Verite().digest, lambda: Verite().items("test")):
        with pytest.raises(DataError) as caught:
            read()
        assert str(caught.value) == (
            f"verite: there is no VERITE.csv in {tmp_path}/verite\n"
            "  put the published files there, or say by root or HARNESS_REAL_DATA where they are"
        )


@pytest.mark.parametrize(
    ("missing", "gives"),
    [
        (FILES[1:], set()),
        (FILES[2:], {"evidence"}),
        (FILES[1:2], {"features.image", "features.text"}),
        (FILES[3:], {"evidence", "features.image"}),
    ],
)
def test_what_is_not_there_is_no_part_of_its_items_and_is_told(tmp_path, missing, gives):
    benchmark = write_verite(tmp_path / "verite")
    whole = benchmark.digest()
    for name in missing:
        (tmp_path / "verite" / name).unlink()
    items = everything(benchmark)
    assert len(items) == 20
    assert benchmark.gives() == gives
    assert {bool(item.evidence.captions) for item in items} == {"evidence" in gives}
    assert {f"features.{part}" for part in items[0].features} == gives - {"evidence"}
    assert benchmark.notes()["files that are not there"] == ", ".join(missing)
    assert benchmark.digest() != whole


def write_searches(folder, stories=10):
    folder.mkdir(parents=True)
    pages = [("Snopes says", "https://www.snopes.com/x"), ("A plain title", "https://snopes.com/y"), ("A page", "")]
    for kind in ("true", "false"):
        for story in range(stories):
            results = [
                {
                    "kind": "customsearch#result",
                    "title": title,
                    "link": "https://a.org/i.jpg",
                    "image": {"contextLink": page},
                }
                for title, page in [*pages, (f"Page of {kind} {story}", f"https://a.org/{story}")]
            ]
            (folder / f"{kind}_inverse_{story}.json").write_text(json.dumps(results))
            (folder / f"{kind}_direct_{story}.json").write_text("[]")


def test_search_results_give_the_pages_addresses_and_fact_checkers_are_known_by_them(tmp_path):
    benchmark = write_verite(tmp_path / "verite")
    without = benchmark.digest()
    write_searches(tmp_path / "verite" / "external_evidence")
    items = {item.caption + item.group: item for item in everything(benchmark)}
    labels = {key: label for split in SPLITS for key, label in benchmark.labels(split).items()}
    for item in items.values():
        kind = "true" if labels[item.id] == "pristine" else "false"
        story = item.group.removeprefix("story-")
        assert item.evidence.captions == ("A page", f"Page of {kind} {story}")
        assert item.evidence.sources == ("", f"https://a.org/{story}")
    notes = benchmark.notes()
    assert notes["evidence captions left out for the domain of their page"] == 40
    assert notes["items whose evidence has the addresses of its pages"] == 20
    assert benchmark.digest() != without


def test_search_results_are_evidence_alone_and_may_lie_elsewhere(tmp_path):
    benchmark = write_verite(tmp_path / "verite")
    write_searches(tmp_path / "elsewhere")
    (tmp_path / "verite" / FILES[1]).unlink()
    (tmp_path / "elsewhere" / "true_inverse_3.json").unlink()
    elsewhere = Verite(root=benchmark.root, searches=str(tmp_path / "elsewhere"))
    assert "evidence" in elsewhere.gives()
    assert "evidence" not in benchmark.gives()
    bare = [item.group for item in everything(elsewhere) if not item.evidence.captions]
    assert bare == ["story-3"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON: "),
        ("[" * 100_000, "is not JSON: "),
        ("{}", "is not a list of search results"),
        ("[7]", "result 0 is not an object"),
        ('[{"title": 7}]', "result 0 has a title or an address that is no text"),
        ('[{"title": "A", "image": {"contextLink": []}}]', "result 0 has a title or an address that is no text"),
        ("[" + " " * 5_000_000 + "]", "has more than 5,000,000 bytes"),
    ],
    ids=["cut", "deep", "object", "number", "title", "address", "large"],
)
def test_damaged_search_results_are_refused(tmp_path, text, message):
    benchmark = write_verite(tmp_path / "verite")
    write_searches(tmp_path / "verite" / "external_evidence")
    (tmp_path / "verite" / "external_evidence" / "true_inverse_4.json").write_text(text)
    with pytest.raises(DataError) as caught:
        benchmark.items("test")
    assert str(caught.value).startswith(f"true_inverse_4.json: {message}")
    assert str(caught.value).endswith("fetch the file again from github.com/stevejpapad/relevant-evidence-detection")


def test_a_search_without_a_result_is_no_evidence(tmp_path):
    write_verite(tmp_path / "verite")
    folder = tmp_path / "verite" / "external_evidence"
    write_searches(folder)
    for file in folder.glob("*_inverse_*.json"):
        file.write_text(json.dumps([{"kind": None, "title": None, "link": None, "image": None}]))
    assert {item.evidence.captions for item in everything(Verite(root=str(tmp_path / "verite")))} == {()}


def test_files_are_told_missing_ones_too(tmp_path, monkeypatch):
    benchmark = write_verite(tmp_path / "verite")
    (tmp_path / "verite" / FILES[2]).unlink()
    (tmp_path / "pictures").mkdir()
    Pillow.new("RGB", (2, 2)).save(tmp_path / "pictures" / "true_3.jpg")
    found = {file.name: file for file in Verite(root=benchmark.root, images=str(tmp_path / "pictures")).files()}
    assert {name: (file.found, file.wanted, file.needed) for name, file in found.items()} == {
        FILES[0]: (1, 1, True),
        FILES[1]: (1, 1, False),
        FILES[2]: (0, 1, False),
        FILES[3]: (1, 1, False),
        "external_evidence": (0, 676, False),
        "images": (1, 20, False),
    }
    assert found[FILES[0]].path == str(tmp_path / "verite" / FILES[0])
    assert all(file.origin for file in found.values())
    monkeypatch.delenv("HARNESS_REAL_DATA", raising=False)
    assert {file.found for file in Verite().files()} == {0}
    assert Verite().files()[0].path == "HARNESS_REAL_DATA is not set, no root is given"


def test_files_are_told_where_one_is_damaged(tmp_path):
    benchmark = write_verite(tmp_path / "verite", titles="no list")
    assert [file.found for file in benchmark.files()] == [1, 1, 1, 1, 0]


def test_a_folder_of_search_results_that_was_named_must_be_there(tmp_path):
    root = write_verite(tmp_path / "verite").root
    with pytest.raises(DataError, match=r"nowhere: there is no such folder\n  correct the option searches"):
        Verite(root=root, searches=str(tmp_path / "nowhere")).items("test")


def test_every_row_is_an_item_or_is_skipped_with_its_reason(tmp_path):
    benchmark = write_verite(tmp_path / "verite")
    (tmp_path / "pictures").mkdir()
    for story in range(10):
        Pillow.new("RGB", (2, 2)).save(tmp_path / "pictures" / f"true_{story}.jpg")
    benchmark = Verite(root=benchmark.root, images=str(tmp_path / "pictures"))
    skipped = {entry.what: entry.reason for entry in benchmark.skipped()}
    assert len(skipped) + len(everything(benchmark)) == 30
    assert skipped["VERITE.csv row 1"] == (
        "is miscaptioned, which is not among the kinds that the option falsified asks for"
    )
    assert skipped["VERITE.csv row 2"] == "there is no false_0.jpg in the folder of images"
    splits = {entry.split for entry in benchmark.skipped()}
    assert splits == set(SPLITS)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_whatever_happens_to_a_file_it_is_read_or_refused_and_no_row_is_lost(data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "verite"
        benchmark = write_verite(folder, stories=3)
        write_searches(folder / "external_evidence", stories=3)
        file = folder / data.draw(st.sampled_from([*FILES, "external_evidence/true_inverse_1.json"]))
        content = file.read_bytes()
        at = data.draw(st.integers(0, len(content)))
        rest = data.draw(st.sampled_from([b"", content[at:], content[at + 1 :]]))
        file.write_bytes(content[:at] + data.draw(st.binary(max_size=8)) + rest)
        try:
            kept = len(everything(benchmark)) + len(benchmark.skipped())
        except DataError:
            return
        with (folder / "VERITE.csv").open(newline="") as table:
            assert kept == sum(1 for _ in csv.DictReader(table))


def test_a_table_that_was_shuffled_is_refused_since_features_go_by_position(tmp_path):
    benchmark = write_verite(tmp_path / "verite")
    (tmp_path / "verite" / FILES[1]).unlink()
    file = tmp_path / "verite" / FILES[0]
    head, *lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([head, *reversed(lines)]))
    with pytest.raises(DataError, match=r"VERITE\.csv: row 0 has the index '29': the file was shuffled or cut"):
        benchmark.items("test")


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
        (
            lambda path: path.write_bytes(b""),
            "is not an array of numbers: EOF: reading magic string, expected 8 bytes got 0",
        ),
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
    assert Verite.transport == {"root", "images", "searches"}


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
