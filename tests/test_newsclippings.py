"""NewsCLIPpings on small files in its published formats: the right items, and no trap that one could fall into."""

import json
import random
import re
import sqlite3
from collections import Counter

import pytest
from clippings import NAMES, Clippings
from PIL import Image
from pydantic import ValidationError

from harness.api import SPLITS, DataError
from harness.testing import benchmark as kit
from harness_benchmarks import newsclippings_pictures as pictures
from harness_benchmarks.file_stamps import stamped
from harness_benchmarks.newsclippings import NewsClippings
from harness_benchmarks.newsclippings_annotations import SOURCE, SUBSETS
from harness_benchmarks.published import content_id
from harness_teachers.replay import Replay


@pytest.fixture(autouse=True)
def shelf(tmp_path_factory, monkeypatch):
    """Digests of images are kept apart from those of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    return pictures.shelf_path()


@pytest.fixture
def clippings(tmp_path):
    return Clippings(tmp_path)


def made(clippings, **options):
    return NewsClippings(root=str(clippings.folder / "news_clippings"), **options)


def everything(benchmark):
    return {item.id: item for split in SPLITS for item in benchmark.items(split)}


def item_id(row):
    return content_id(str(row["id"]), str(row["image_id"]))


@pytest.mark.parametrize("sources", ["list", "dict"])
@pytest.mark.parametrize("subset", SUBSETS)
def test_every_entry_of_every_subset_is_an_item_with_its_caption_image_and_label(tmp_path, subset, sources):
    clippings = Clippings(tmp_path, subset=subset).write(sources=sources)
    benchmark = made(clippings, subset=subset)
    captions = {row["id"]: row["caption"] for row in clippings.articles}
    for split, rows in clippings.annotations.items():
        items, labels = {item.id: item for item in benchmark.items(split)}, benchmark.labels(split)
        assert len(items) == len(rows)
        for row in rows:
            item = items[item_id(row)]
            assert item.caption == captions[row["id"]]
            assert item.image.read() == clippings.image(row["image_id"]).read_bytes()
            assert labels[item.id] == ("falsified" if row["falsified"] else "pristine")
    assert benchmark.skipped() == []
    told = {f"items from {name}" for name in NAMES}
    assert told <= benchmark.notes().keys() if subset == "merged_balanced" else not told & benchmark.notes().keys()


@pytest.mark.parametrize("rule", kit.CHECKS, ids=lambda rule: rule.__name__)
def test_the_contract_of_benchmarks_holds(tmp_path_factory, rule):
    clippings = Clippings(tmp_path_factory.mktemp("kit"), {"train": 40, "validation": 4, "test": 30}).write()
    rule(made(clippings.write_crawl(), evidence=True, searches=("inverse", "direct")))


@pytest.mark.parametrize("below", ["news_clippings", "news_clippings/data", "."])
def test_files_are_found_from_any_folder_of_their_layout(clippings, below):
    clippings.write().write_crawl()
    benchmark = NewsClippings(root=str(clippings.folder / below), evidence=True)
    assert all(file.found == file.wanted for file in benchmark.files())
    assert len(everything(benchmark)) == 48


def test_files_are_looked_for_where_the_environment_says(clippings, monkeypatch):
    clippings.folder = clippings.folder / "newsclippings"
    clippings.write()
    monkeypatch.setenv("HARNESS_REAL_DATA", str(clippings.folder.parent))
    assert len(everything(NewsClippings())) == 48


def test_visual_news_and_the_crawl_may_lie_anywhere(clippings):
    clippings.write().write_crawl()
    clippings.data.parent.parent.rename(clippings.folder / "photographs")
    clippings.crawl.parent.rename(clippings.folder / "found")
    places = {"visual_news": str(clippings.folder / "photographs"), "evidence": str(clippings.folder / "found")}
    benchmark = made(clippings, **places)
    assert all(item.evidence.captions for item in everything(benchmark).values())
    assert NewsClippings.transport == {"root", "visual_news", "evidence", "partial"}


def test_neither_an_id_nor_a_name_nor_the_order_tells_the_label(tmp_path):
    clippings = Clippings(tmp_path, {"test": 400}).write(images=False)
    items = made(clippings, images=False).items("test")
    assert [item.id for item in items] == sorted(item.id for item in items)
    assert all(re.fullmatch("[0-9a-f]{16}", item.id) and re.fullmatch("[0-9a-f]{16}", item.group) for item in items)
    labels = made(clippings, images=False).labels("test")
    even = Counter(labels[item.id] for item in items[::2])
    assert 140 < even["pristine"] < 260


def test_an_image_is_called_by_the_id_of_its_item(clippings):
    item = made(clippings.write()).items("test")[0]
    assert item.image.name == f"image of newsclippings item {item.id}"


def test_entries_that_share_an_image_or_a_caption_are_one_group_however_far_apart(clippings):
    rows = clippings.annotations["test"]
    # The image of the first falsified entry is that of the second pair's caption, and so on: a chain of three pairs.
    for place in (1, 3):
        rows[place]["image_id"] = rows[place + 1]["id"]
    benchmark = made(clippings.write())
    groups = {item.id: item.group for item in benchmark.items("test")}
    assert len({groups[item_id(row)] for row in rows[:6]}) == 1
    assert len(set(groups.values())) == 6
    assert benchmark.notes()["items in the largest group"] == 6
    by_story = made(clippings, grouping="story").items("test")
    assert len({item.group for item in by_story}) == 8


def test_a_pair_that_stands_twice_is_two_items(clippings):
    rows = clippings.annotations["test"]
    rows += [dict(row) for row in rows[:2]]
    clippings.annotations["train"] += [dict(row) for row in rows[:2]]
    benchmark = made(clippings.write())
    assert len(everything(benchmark)) == 48 + 4
    assert {item_id(row) for row in rows} <= {item.id for item in benchmark.items("test")}
    assert content_id(str(rows[0]["id"]), str(rows[0]["image_id"]), "1") in benchmark.labels("test")
    assert benchmark.notes()["items with image and caption of an earlier item"] == 4
    assert benchmark.notes()["articles in more than one split"] == 2


def test_a_split_whose_file_is_not_there_is_empty(clippings):
    clippings.write()
    clippings.path("train").unlink()
    benchmark = made(clippings)
    assert (len(benchmark.items("train")), benchmark.labels("train"), len(benchmark.items("test"))) == (0, {}, 16)
    first = benchmark.files()[0]
    assert (first.name, first.found, first.needed) == ("merged_balanced/train.json", 0, False)


def test_without_any_file_it_is_said_what_is_missing_and_from_where_it_comes(clippings, monkeypatch):
    monkeypatch.delenv("HARNESS_REAL_DATA", raising=False)
    folder = clippings.folder / "news_clippings"
    with pytest.raises(DataError) as caught:
        made(clippings).items("test")
    assert str(caught.value) == (
        f"newsclippings: there is no train.json, no val.json, no test.json in {folder}/merged_balanced\n"
        "  get it from huggingface.co/g-luo/news-clippings (download.sh of github.com/g-luo/news_clippings), "
        "or say by the option root where it is"
    )
    files = made(clippings, evidence=True).files()
    assert [(file.name, file.found, file.needed) for file in files] == [
        ("merged_balanced/train.json", 0, True),
        ("merged_balanced/val.json", 0, True),
        ("merged_balanced/test.json", 0, True),
        ("origin/data.json", 0, True),
        ("the crawl", 0, False),
    ]
    assert {file.name: file.path for file in NewsClippings().files()}["origin/data.json"] == (
        "$HARNESS_REAL_DATA/newsclippings/visual_news/origin/data.json"
    )


def test_without_visual_news_it_is_asked_for(clippings):
    clippings.write()
    clippings.data.unlink()
    with pytest.raises(
        DataError, match=r"there is no .*data\.json\n  get it from github\.com/FuxiaoLiu/VisualNews-Rep"
    ):
        made(clippings).labels("test")
    counted = {file.name: (file.found, file.wanted) for file in made(clippings).files()}
    assert counted["origin/data.json"] == (0, 1)
    assert counted["images"] == (0, 48)


def spoilt(clippings, rows):
    """Five entries of the test split that can be no items, and the reasons."""
    clippings.image(rows[1]["image_id"]).unlink()
    clippings.image(rows[3]["image_id"]).write_bytes(b"")
    clippings.image(rows[5]["image_id"]).write_bytes(b"<html>not found</html>")
    whole = clippings.image(rows[7]["image_id"])
    Image.effect_noise((64, 64), 50).save(whole, format="JPEG")
    whole.write_bytes(whole.read_bytes()[:-600])
    return [
        ("entry 1 of test.json", "its image is not there", "test"),
        ("entry 3 of test.json", "its image is an empty file", "test"),
        (
            "entry 5 of test.json",
            "its image is not an image that can be decoded: no known format",
            "test",
        ),
        ("entry 7 of test.json", "its image is not an image that can be decoded: image file is truncated", "test"),
    ]


def test_entries_whose_image_is_missing_or_is_none_are_left_out_and_listed(clippings):
    expected = spoilt(clippings.write(), clippings.annotations["test"])
    benchmark = made(clippings)
    skipped = [(entry.what, re.sub(r" \(.*", "", entry.reason), entry.split) for entry in benchmark.skipped()]
    assert skipped == expected
    assert len(benchmark.items("test")) + len(expected) == len(clippings.annotations["test"])
    assert {item.id for item in benchmark.items("test")} == benchmark.labels("test").keys()
    assert {file.name: (file.found, file.wanted) for file in benchmark.files()}["images"] == (47, 48)
    notes = benchmark.notes()
    assert notes["entries left out: its image is not there"] == 1
    assert notes["entries left out: its image is not an image that can be decoded"] == 2
    with_all = made(clippings, images=False)
    assert (len(with_all.items("test")), with_all.skipped(), with_all.gives()) == (16, [], set())


def test_where_nothing_may_be_missing_the_first_entry_that_is_no_item_stops_it(clippings):
    spoilt(clippings.write(), clippings.annotations["test"])
    with pytest.raises(DataError) as caught:
        made(clippings, partial="refuse").items("test")
    assert str(caught.value) == (
        "newsclippings: 4 of the 16 test entries are no items, first entry 1 of test.json: its image is not there\n"
        "  complete VisualNews (github.com/FuxiaoLiu/VisualNews-Repository (on request)) in "
        f"{clippings.data.parent}; or say  images: false  for captions and evidence alone; or say  partial: skip  "
        "to leave such entries out"
    )
    assert len(made(clippings, partial="refuse").items("train")) == 24


def test_a_folder_without_a_single_image_is_refused(clippings):
    benchmark = made(clippings.write(images=False))
    with pytest.raises(
        DataError, match=r"16 of the 16 test entries are no items, first entry 0 of test\.json: its imag"
    ):
        benchmark.items("test")
    assert len(benchmark.skipped()) == 48


def test_articles_that_visual_news_has_not_and_paths_that_lead_out_are_told(clippings):
    rows = clippings.annotations["test"]
    by_id = {row["id"]: row for row in clippings.articles}
    clippings.articles.remove(by_id[rows[1]["image_id"]])
    clippings.articles.remove(by_id[rows[2]["id"]])
    by_id[rows[5]["image_id"]]["image_path"] = "../../../etc/passwd"
    by_id[rows[7]["image_id"]]["image_path"] = "/etc/passwd"
    by_id[rows[9]["image_id"]]["image_path"] = None
    by_id[rows[10]["id"]]["caption"] = " \n"
    clippings.write(images=False)
    for article in clippings.articles:
        path = clippings.image(article["id"]) if article["image_path"] and article["image_path"][0] == "." else None
        if path and ".." not in path.parts:
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4)).save(path)
    benchmark = made(clippings)
    assert [(entry.what, entry.reason) for entry in benchmark.skipped()] == [
        ("entry 1 of test.json", "VisualNews has no such article as its image's"),
        ("entry 2 of test.json", "VisualNews has no such article as its caption's"),
        ("entry 3 of test.json", "VisualNews has no such article as its caption's"),
        ("entry 5 of test.json", "the path of its image leads out of the folder"),
        ("entry 7 of test.json", "the path of its image leads out of the folder"),
        ("entry 9 of test.json", "its article has no image"),
        ("entry 10 of test.json", "its caption is empty"),
        ("entry 11 of test.json", "its caption is empty"),
    ]
    assert len(benchmark.items("test")) == 8


def test_a_path_that_is_too_long_is_that_of_no_image(clippings):
    row = clippings.annotations["test"][1]
    next(article for article in clippings.articles if article["id"] == row["image_id"])["image_path"] = "x" * 5000
    for article in clippings.write(images=False).articles:
        if len(article["image_path"]) < 5000:
            clippings.image(article["id"]).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4)).save(clippings.image(article["id"]))
    benchmark = made(clippings)
    assert [entry.reason for entry in benchmark.skipped()] == ["its image is not there"]
    assert {file.name: file.found for file in benchmark.files()}["images"] == 47


def test_a_file_that_goes_away_while_it_is_read_is_told(tmp_path):
    file = tmp_path / "val.json"
    file.write_text("{}")
    seen = stamped(file)
    file.unlink()
    with pytest.raises(DataError) as caught:
        seen.read()
    assert str(caught.value) == f"{file}: cannot be read: No such file or directory\n  let whoever runs this read it"
    with pytest.raises(DataError, match="is no longer there\n  leave files as they are while they are read"):
        stamped(file)


def test_a_limit_takes_whole_pairs_and_a_larger_one_more_of_them(tmp_path):
    clippings = Clippings(tmp_path, {"train": 60, "test": 30}).write(images=False)
    few, more = (made(clippings, images=False, limit=limit).items("train") for limit in (20, 41))
    assert (len(few), len(more)) == (20, 40)
    assert {item.id for item in few} < {item.id for item in more}
    assert set(Counter(item.caption for item in few).values()) == {2}
    one = made(clippings, images=False, limit={"train": 10})
    assert (len(one.items("train")), len(one.items("test"))) == (10, 60)
    assert one.notes()["entries beyond the limit"] == 110
    other = made(clippings, images=False, limit=20, seed=1).items("train")
    assert {item.id for item in other} != {item.id for item in few}
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        NewsClippings(limit=1)


def test_what_is_read_is_what_is_there_now(clippings):
    benchmark = made(clippings.write())
    before = (benchmark.digest(), {item.caption for item in benchmark.items("test")})
    clippings.articles[0]["caption"] = "Another caption than before"
    clippings.articles[-2]["caption"] = "Another caption than before, too"
    clippings.write()
    assert benchmark.digest() != before[0]
    assert {item.caption for item in benchmark.items("test")} != before[1]
    changed = benchmark.digest()
    clippings.annotations["test"] = clippings.annotations["test"][:-2]
    clippings.write()
    assert (len(benchmark.items("test")), len(benchmark.labels("test"))) == (14, 14)
    assert benchmark.digest() != changed


def test_the_digest_depends_on_images_and_not_on_labels_or_places(clippings, tmp_path_factory):
    clippings.write()
    before = made(clippings).digest()
    elsewhere = Clippings(tmp_path_factory.mktemp("elsewhere")).write()
    assert made(elsewhere).digest() == before
    path = clippings.image(clippings.annotations["test"][1]["image_id"])
    old = path.stat()
    data = bytearray(path.read_bytes())
    Image.new("RGB", (4, 4), (9, 9, 9)).save(path)
    assert made(clippings).digest() != before
    path.write_bytes(data)
    assert path.stat().st_size == old.st_size
    assert made(clippings).digest() == before
    assert made(clippings, images=False).digest() != before


def test_digests_of_images_are_kept_by_what_the_file_system_says_of_them(clippings, shelf, monkeypatch):
    monkeypatch.setattr(pictures, "SETTLED_NS", -1)
    clippings.write()
    before = made(clippings).digest()
    path = clippings.image(clippings.annotations["test"][1]["image_id"])
    with sqlite3.connect(shelf) as kept:
        assert kept.execute("SELECT count(*) FROM digests").fetchone() == (48,)
        # Another digest than the file's shows from where it is taken.
        kept.execute("UPDATE digests SET sha256 = ? WHERE path = ?", ("0" * 64, str(path)))
    kept.close()
    assert made(clippings).digest() != before
    path.write_bytes(path.read_bytes())
    assert made(clippings).digest() == before


def test_a_digest_that_was_made_a_moment_after_the_file_is_not_kept(clippings, shelf):
    made(clippings.write()).digest()
    kept = sqlite3.connect(shelf)
    assert kept.execute("SELECT count(*) FROM digests").fetchone() == (0,)
    kept.close()


@pytest.mark.parametrize("spoil", [lambda path: path.mkdir(), lambda path: path.write_bytes(b"no database " * 99)])
def test_a_cache_that_cannot_be_used_costs_time_alone(clippings, shelf, spoil):
    clippings.write()
    expected = made(clippings).digest()
    shelf.unlink()
    spoil(shelf)
    assert made(clippings).digest() == expected


def test_a_slice_of_items_is_items(clippings):
    items = made(clippings.write()).items("test")
    assert [item.id for item in items[2:5]] == [items[place].id for place in (2, 3, 4)]
    assert items[-1].id == list(items)[-1].id
    with pytest.raises(IndexError):
        items[16]


def test_recorded_answers_are_joined_by_the_two_ids(clippings, tmp_path):
    benchmark = made(clippings.write())
    recorded = tmp_path / "recorded.csv"
    verdicts = {True: "falsified", False: "pristine"}
    rows = clippings.annotations["validation"]
    lines = [f"{row['id']},{row['image_id']},{verdicts[row['falsified']]}" for row in rows]
    recorded.write_text("\n".join(["id,image_id,verdict", *lines]))
    answers = Replay(path=str(recorded), match=["id", "image_id"]).annotate(benchmark.items("validation"))
    assert {answer.item_id: answer.verdict for answer in answers} == benchmark.labels("validation")


def test_a_file_that_is_in_any_order_is_read_all_the_same_without_evidence(clippings):
    benchmark = made(clippings.write())
    before = [(item.id, item.caption, item.group) for item in benchmark.items("test")], benchmark.labels("test")
    random.Random(3).shuffle(clippings.annotations["test"])
    clippings.write()
    after = [(item.id, item.caption, item.group) for item in benchmark.items("test")], benchmark.labels("test")
    assert after == before
    assert benchmark.notes()["files that are not in the published order"] == "test.json"


def test_a_label_that_contradicts_the_ids_is_refused(clippings):
    clippings.annotations["test"][4]["falsified"] = True
    with pytest.raises(DataError) as caught:
        made(clippings.write()).labels("test")
    assert str(caught.value) == (
        "test.json: entry 4 has falsified: true, and its id is its image_id (1 such of 16 entries): pristine entries "
        "are those whose id is the image_id\n"
        f"  fetch the file again from {SOURCE}"
    )


def test_labels_that_are_the_wrong_way_round_are_refused(clippings):
    for row in clippings.annotations["test"]:
        row["falsified"] = not row["falsified"]
    with pytest.raises(
        DataError, match=r"entry 0 has falsified: true, .*; so have all entries: labels are the wrong way"
    ):
        made(clippings.write()).items("train")


@pytest.mark.parametrize(("yes", "kind"), [("yes", "str"), (1, "int"), ("true", "str"), (None, "null")])
def test_a_label_in_words_or_numbers_is_refused_since_it_may_mean_the_opposite(clippings, yes, kind):
    clippings.annotations["test"][5]["falsified"] = yes
    with pytest.raises(DataError) as caught:
        made(clippings.write()).labels("test")
    assert str(caught.value).startswith(
        f"test.json: is not a file of annotations: Expected `bool`, got `{kind}` - at `$.annotations[5].falsified`; "
        "falsified must be true or false, since a yes or a 1 of another file may mean the opposite\n"
    )


def test_numbers_that_json_has_not_are_read_as_python_writes_them(clippings):
    for row in clippings.annotations["test"]:
        row["similarity_score"] = float("nan")
    clippings.articles[0]["topic"] = "\ud83d"
    clippings.articles[2]["caption"] = "half a \ud83d character"
    benchmark = made(clippings.write())
    assert len(everything(benchmark)) == 48
    assert "half a ? character" in {item.caption for item in benchmark.items("train")}


def test_rows_of_visual_news_are_found_wherever_pieces_of_the_file_end(clippings, monkeypatch):
    from harness_benchmarks import visual_news

    clippings.articles[4]["caption"] = 'A caption with "}, {" and }, in it \\'
    clippings.articles[6]["more"] = {"inner": [{"a": 1}, {"b": "},"}]}
    clippings.write()
    expected = {item.id: item.caption for item in everything(made(clippings)).values()}
    assert 'A caption with "}, {" and }, in it \\' in expected.values()
    for size in (1, 7, 100, 331, 1000):
        monkeypatch.setattr(visual_news, "BLOCK", size)
        rows = [row for piece in visual_news.pieces(clippings.data) for row in piece]
        assert [row.caption for row in rows] == [article["caption"] for article in clippings.articles]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "{" + text, "data.json: is not a list of rows"),
        (lambda text: text[:-40], "data.json: row 47 is not JSON, or the file was cut there"),
        (
            lambda text: text.replace('"id": 1007', '"id": "1007"'),
            "data.json: row 1 is not one of VisualNews: Expected",
        ),
        (
            lambda text: text.replace('"topic": "world"', "topic", 9),
            "data.json: row 0 is not JSON, or the file was cut",
        ),
        (lambda text: text + "{}", "data.json: row 48 is not JSON, or the file was cut there"),
    ],
)
def test_a_damaged_file_of_visual_news_is_refused_by_its_row(clippings, change, message):
    clippings.write(images=False)
    clippings.data.write_text(change(clippings.data.read_text()))
    with pytest.raises(DataError, match=f"^{re.escape(message)}"):
        made(clippings, images=False).items("test")


def test_the_last_of_two_rows_with_one_id_counts(clippings):
    clippings.articles.append(clippings.articles[0] | {"caption": "The later row"})
    clippings.write()
    assert "The later row" in {item.caption for item in made(clippings).items("train")}


def test_a_file_without_annotations_is_refused(clippings):
    clippings.write()
    for content, message in (
        ({"annotations": []}, "has no annotations"),
        ({"entries": []}, "Object missing required field `annotations`"),
        ([], "Expected `object`, got `array`"),
    ):
        clippings.path("test").write_text(json.dumps(content))
        with pytest.raises(DataError, match=re.escape(message)):
            made(clippings).labels("test")
