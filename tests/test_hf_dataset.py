"""Data sets of the `datasets` library, made on disk by these tests."""

import io
import os
import pickle
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from pydantic import ValidationError

from harness.api import SPLITS, DataError
from harness.identity import identity
from harness.testing import checks_for
from harness_benchmarks.hf_dataset import HfDataset

datasets = pytest.importorskip("datasets")


def png(number):
    stream = io.BytesIO()
    Pillow.new("RGB", (3, 3), (number % 256, number // 256, 7)).save(stream, "PNG")
    return stream.getvalue()


def columns_of(count, start=0, **more):
    places = range(start, start + count)
    return {
        "caption": [f"What picture {place} shows" for place in places],
        "image": [{"bytes": png(place), "path": None} for place in places],
        "label": [place % 2 for place in places],
        "seen": [[f"Page of {place}", "Snopes says no"] for place in places],
        "pages": [[f"https://a.org/{place}", "https://www.snopes.com/x"] for place in places],
        **more,
    }


def features_of(**more):
    text = datasets.Value("string")
    return datasets.Features(
        {
            "caption": text,
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["Real", "Fake"]),
            "seen": datasets.List(text),
            "pages": datasets.List(text),
            **more,
        }
    )


def split_of(count, start=0, features=None, **more):
    return datasets.Dataset.from_dict(columns_of(count, start, **more), features=features or features_of())


def saved(folder, **splits):
    splits = splits or {"train": split_of(6), "validation": split_of(4, 100), "test": split_of(8, 200)}
    datasets.DatasetDict(splits).save_to_disk(str(folder))
    return HfDataset(dataset=str(folder))


def everything(benchmark):
    return [item for split in SPLITS for item in benchmark.items(split)]


def refused(benchmark):
    with pytest.raises(DataError) as caught:
        benchmark.items("test")
    return str(caught.value)


def test_a_folder_of_save_to_disk_is_read_by_its_splits_and_classes(tmp_path):
    benchmark = saved(tmp_path / "saved")
    assert {split: len(benchmark.items(split)) for split in SPLITS} == {"train": 6, "validation": 4, "test": 8}
    labels = benchmark.labels("test")
    said = {int(item.caption.split()[2]): labels[item.id] for item in benchmark.items("test")}
    assert said == {place: "falsified" if place % 2 else "pristine" for place in range(200, 208)}
    assert benchmark.gives() == {"image"}
    assert benchmark.skipped() == []
    assert [(file.found, file.wanted) for file in benchmark.files()] == [(1, 1)]


def test_images_are_read_when_they_are_asked_for_and_belong_to_their_rows(tmp_path):
    for item in saved(tmp_path / "saved").items("test"):
        place = int(item.caption.split()[2])
        assert item.image.read() == png(place)
        assert item.image.name == f"image of item {item.id}"
        assert item.image.open().getpixel((0, 0)) == (place, 0, 7)
        assert pickle.loads(pickle.dumps(item)).image.read() == png(place)


def test_evidence_keeps_its_addresses_and_fact_checkers_are_left_out(tmp_path):
    root = saved(tmp_path / "saved").dataset
    benchmark = HfDataset(dataset=root, evidence="seen", sources="pages", giveaways=[])
    for item in benchmark.items("test"):
        place = item.caption.split()[2]
        assert item.evidence.captions == (f"Page of {place}",)
        assert item.evidence.sources == (f"https://a.org/{place}",)
    assert benchmark.notes()["evidence captions left out for the domain of their page"] == 18


@pytest.mark.parametrize("kind", ["parquet", "csv", "json", "folder"])
def test_files_of_tables_are_read_from_disk(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    rows = split_of(12)
    text = rows.remove_columns("image")
    match kind:
        case "parquet":
            rows.to_parquet(tmp_path / "test.parquet")
            benchmark = HfDataset(dataset=str(tmp_path / "test.parquet"))
        case "csv":
            text.remove_columns(["seen", "pages"]).to_csv(tmp_path / "test.csv")
            words = {0: "pristine", 1: "falsified"}
            benchmark = HfDataset(dataset=str(tmp_path / "test.csv"), image=None, words=words)
        case "json":
            text.to_json(tmp_path / "test.jsonl")
            benchmark = HfDataset(
                dataset=str(tmp_path / "test.jsonl"), image=None, words={0: "pristine", 1: "falsified"}
            )
        case "folder":
            (tmp_path / "data").mkdir()
            rows.to_parquet(tmp_path / "data" / "test-00000-of-00001.parquet")
            split_of(5, 50).to_parquet(tmp_path / "data" / "train-00000-of-00001.parquet")
            benchmark = HfDataset(dataset=str(tmp_path / "data"))
            assert len(benchmark.items("train")) == 5
    assert Counter(benchmark.labels("test").values()) == {"pristine": 6, "falsified": 6}
    assert len(benchmark.items("test")) == 12


def test_paths_of_images_are_read_below_their_folder_and_nowhere_else(tmp_path):
    (tmp_path / "pictures").mkdir()
    for place in range(4):
        (tmp_path / "pictures" / f"{place}.png").write_bytes(png(place))
    features = features_of(image=datasets.Value("string"))
    rows = split_of(4, features=features, image=[f"{place}.png" for place in range(4)])
    root = saved(tmp_path / "saved", test=rows).dataset
    benchmark = HfDataset(dataset=root, images=str(tmp_path / "pictures"))
    assert {item.image.read() for item in benchmark.items("test")} == {png(place) for place in range(4)}
    (tmp_path / "secret").write_text("mine")
    outside = split_of(4, features=features, image=["../secret", f"{tmp_path}/secret", "1.png", "2.png"])
    root = saved(tmp_path / "other", test=outside).dataset
    assert refused(HfDataset(dataset=root, images=str(tmp_path / "pictures"))) == (
        f"{root} test:1: the image '../secret' lies outside of {tmp_path}/pictures (and 1 more rows)\n"
        "  name the folder of the images by the option images"
    )


def test_an_image_feature_with_a_path_leads_to_no_other_file(tmp_path):
    (tmp_path / "secret").write_text("mine")
    rows = split_of(1, image=[{"bytes": None, "path": str(tmp_path / "secret")}])
    rows.to_parquet(tmp_path / "test.parquet")
    (tmp_path / "data").mkdir()
    (tmp_path / "test.parquet").rename(tmp_path / "data" / "test.parquet")
    assert "lies outside of" in refused(HfDataset(dataset=str(tmp_path / "data")))


def test_items_with_one_image_are_a_group_which_no_split_shares(tmp_path):
    twice = split_of(4, image=[{"bytes": png(place // 2), "path": None} for place in range(4)])
    benchmark = saved(tmp_path / "saved", train=split_of(4, 50), test=twice)
    assert sorted(Counter(item.group for item in benchmark.items("test")).values()) == [2, 2]
    leak = saved(tmp_path / "leak", train=split_of(4), test=split_of(4, image=columns_of(4)["image"], start=50))
    found = refused(leak)
    assert found.startswith(f"{leak.dataset} test:1: ")
    assert "split here and in the " in found
    assert f" split at {leak.dataset} train:1" in found


def test_splits_go_by_other_names_where_that_is_said(tmp_path):
    root = saved(tmp_path / "saved", train=split_of(4), holdout=split_of(6, 50), val=split_of(3, 90)).dataset
    plain = HfDataset(dataset=root)
    assert {split: len(plain.items(split)) for split in SPLITS} == {"train": 4, "validation": 3, "test": 0}
    assert plain.notes()["splits that are not read"] == "holdout (6 rows)"
    assert [(entry.what, entry.reason) for entry in plain.skipped()] == [
        (f"holdout row {row}", "the split holdout is not read") for row in range(1, 7)
    ]
    named = HfDataset(dataset=root, splits={"train": "train", "test": "holdout"})
    assert {split: len(named.items(split)) for split in SPLITS} == {"train": 4, "validation": 0, "test": 6}
    assert refused(HfDataset(dataset=root, splits={"test": "tset"})) == (
        f"{root}: there is no split 'tset'; splits: train, holdout, val\n"
        "  say by the option splits which is read as what, or have them drawn:  draw: true"
    )


def test_splits_are_drawn_or_said_by_a_column_where_all_is_one(tmp_path):
    root = saved(tmp_path / "saved", all=split_of(20)).dataset
    drawn = HfDataset(dataset=root, draw=True)
    assert {split: len(drawn.items(split)) for split in SPLITS} == {"train": 12, "validation": 2, "test": 6}
    assert "there is no split 'train'; splits: all" in refused(HfDataset(dataset=root))
    more = {"part": datasets.Value("string")}
    column = split_of(4, features=features_of(**more), part=["train", "dev", "test", "test"])
    said = HfDataset(dataset=saved(tmp_path / "said", all=column).dataset, split="part")
    assert {split: len(said.items(split)) for split in SPLITS} == {"train": 1, "validation": 1, "test": 2}
    with pytest.raises(ValidationError, match="splits, split and draw are three ways of saying one thing"):
        HfDataset(dataset=root, draw=True, split="part")


def test_labels_may_be_missing_and_other_words_are_refused_with_their_row(tmp_path):
    benchmark = saved(tmp_path / "saved", train=split_of(4, label=[0, -1, None, 1]), test=split_of(2, 50))
    assert Counter(benchmark.labels("train").values()) == {"pristine": 1, "falsified": 1}
    assert benchmark.notes()["items without a label"] == 2
    features = features_of(label=datasets.ClassLabel(names=["true", "false"]))
    odd = saved(tmp_path / "odd", test=split_of(2, features=features)).dataset
    assert refused(HfDataset(dataset=odd)).startswith(f"{odd} test:1: the label 'true' is none of pristine, real, ")
    said = HfDataset(dataset=odd, words={"true": "pristine", "false": "falsified"})
    assert Counter(said.labels("test").values()) == {"pristine": 1, "falsified": 1}
    bare = HfDataset(dataset=odd, label=None)
    assert bare.labels("test") == {}


def test_labels_that_people_gave_later_are_labels_and_no_part_of_what_items_are(tmp_path):
    plain = saved(tmp_path / "saved", train=split_of(4, label=[0, -1, None, 1]), test=split_of(2, 50))
    (unlabelled, _) = sorted({item.id for item in plain.items("train")} - plain.labels("train").keys())
    file = tmp_path / "given.csv"
    file.write_text(f"id,verdict\n{unlabelled},falsified\n")
    benchmark = HfDataset(dataset=plain.dataset, label_file=str(file))
    assert benchmark.labels("train") == {**plain.labels("train"), unlabelled: "falsified"}
    assert benchmark.given() == file
    assert benchmark.notes()["items without a label"] == 1
    assert [(found.name, found.found, found.needed) for found in benchmark.files()][-1] == ("given.csv", 1, False)
    assert identity(benchmark) == identity(plain)


def test_a_number_that_is_no_class_is_refused_unless_words_say_what_it_means(tmp_path):
    rows = split_of(4, features=features_of(label=datasets.Value("int64")))
    root = saved(tmp_path / "saved", test=rows).dataset
    assert f"{root} test:1: the label '0' is none of" in refused(HfDataset(dataset=root))
    said = HfDataset(dataset=root, words={0: "falsified", 1: "pristine"})
    labels = said.labels("test")
    assert {labels[item.id] for item in said.items("test") if int(item.caption.split()[2]) % 2} == {"pristine"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"caption": ["A", None]}, "test:2: has no caption: caption is empty"),
        ({"image": [{"bytes": png(1), "path": None}, None]}, "test:2: has no image"),
        (
            {"caption": ["A", "A"], "image": [{"bytes": png(1), "path": None}] * 2},
            "test:2: its pair of image and caption",
        ),
    ],
)
def test_a_row_that_is_no_item_is_refused_with_its_place(tmp_path, changes, message):
    root = saved(tmp_path / "saved", test=split_of(2, **changes)).dataset
    assert f"{root} {message}" in refused(HfDataset(dataset=root))


def test_a_column_that_is_not_there_is_named_with_what_is_near(tmp_path):
    root = saved(tmp_path / "saved").dataset
    assert "there is no column 'captoin' (did you mean 'caption'?); columns: caption, image, label, seen, pages" in (
        refused(HfDataset(dataset=root, caption="captoin"))
    )
    assert "the column 'seen' holds List(Value('string')), and neither images nor their paths" in (
        refused(HfDataset(dataset=root, image="seen"))
    )


def test_a_name_on_the_hub_needs_a_commit_and_offline_is_said_clearly():
    assert refused(HfDataset(dataset="someone/news")) == (
        "someone/news: is a name on the hub, where data change, and no commit is given\n"
        "  give as commit the one that the hub shows under Files and versions"
    )
    found = refused(HfDataset(dataset="someone/news", commit="0" * 40))
    assert found.startswith("someone/news: cannot be fetched: ")
    assert "HF_HUB_OFFLINE must not be set" in found
    assert "is neither a path that is there nor a name on the hub" in refused(
        HfDataset(dataset="a b/c", commit="0" * 40)
    )


@pytest.mark.parametrize("name", ["rows.pkl", "rows.py", "rows.txt"])
def test_nothing_is_unpickled_or_run(tmp_path, name):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_bytes(pickle.dumps(Evil()))
    for path in (tmp_path / "data", tmp_path / "data" / name):
        assert "file that can be read" in refused(HfDataset(dataset=str(path)))
    assert not (tmp_path / "ran").exists()


def test_damaged_and_missing_data_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    assert "there is no such file or folder" in refused(HfDataset(dataset=str(tmp_path / "none.parquet")))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    assert "cannot be read by datasets" in refused(HfDataset(dataset=str(tmp_path / "bad.parquet")))
    root = saved(tmp_path / "saved").dataset
    arrow = next((tmp_path / "saved" / "test").glob("*.arrow"))
    arrow.write_bytes(arrow.read_bytes()[:100])
    assert "cannot be read by datasets" in refused(HfDataset(dataset=root))


def test_the_digest_follows_the_content_and_not_where_or_how_it_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    one = saved(tmp_path / "one", test=split_of(6))
    two = saved(tmp_path / "two", test=split_of(6))
    split_of(6).to_parquet(tmp_path / "test.parquet")
    assert one.digest() == two.digest() == HfDataset(dataset=str(tmp_path / "test.parquet")).digest()
    other = split_of(6, image=[{"bytes": png(place + 40), "path": None} for place in range(6)])
    assert saved(tmp_path / "three", test=other).digest() != one.digest()
    relabelled = split_of(6, label=[1] * 6)
    assert saved(tmp_path / "four", test=relabelled).digest() == one.digest()


def test_files_that_have_changed_are_read_again(tmp_path):
    benchmark = saved(tmp_path / "saved", test=split_of(4))
    assert len(benchmark.items("test")) == 4
    saved(tmp_path / "other", test=split_of(7))
    (tmp_path / "saved").rename(tmp_path / "old")
    (tmp_path / "other").rename(tmp_path / "saved")
    assert len(benchmark.items("test")) == 7


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_whatever_happens_to_a_file_it_is_read_or_refused_and_no_row_is_lost(data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "saved"
        benchmark = saved(folder, test=split_of(5)).model_copy(update={"evidence": "seen", "sources": "pages"})
        file = data.draw(st.sampled_from(sorted(file for file in folder.rglob("*") if file.is_file())))
        content = file.read_bytes()
        at = data.draw(st.integers(0, len(content)))
        rest = data.draw(st.sampled_from([b"", content[at:], content[at + 1 :], content[at + 7 :]]))
        file.write_bytes(content[:at] + data.draw(st.binary(max_size=4)) + rest)
        try:
            items = everything(benchmark)
        except DataError:
            return
        assert len(items) == 5
        assert all(item.image.read() for item in items)


@pytest.mark.parametrize("check", checks_for(HfDataset))
def test_it_keeps_the_rules_for_benchmarks(check, tmp_path):
    check(saved(tmp_path / "saved", train=split_of(4, 500), test=split_of(60)))
