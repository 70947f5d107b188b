"""Evidence of NewsCLIPpings in the crawl's layout: joined by place, from whole and from partial downloads."""

import json
import shutil

import pytest
from clippings import Clippings
from pydantic import ValidationError

from harness.api import DataError
from harness_benchmarks.newsclippings import NewsClippings
from harness_benchmarks.newsclippings_annotations import SIZES
from harness_benchmarks.published import content_id


@pytest.fixture
def clippings(tmp_path):
    return Clippings(tmp_path).write(images=False)


def made(clippings, **options):
    return NewsClippings(root=str(clippings.folder), images=False, **{"evidence": True, **options})


def evidence(benchmark, rows, split="test"):
    """Evidence by place in the file."""
    items = {item.id: item for item in benchmark.items(split)}
    return [items[content_id(str(row["id"]), str(row["image_id"]))].evidence for row in rows]


def test_each_entry_has_what_was_found_with_its_image(clippings):
    clippings.write_crawl()
    for split, rows in clippings.annotations.items():
        for row, found in zip(rows, evidence(made(clippings), rows, split), strict=True):
            image = row["image_id"]
            own = f"What photograph {image} of the mayor shows"
            assert found.entities == ("City hall", "Mayor & council", f"mayor {image}")
            # The image's own caption is left out where it is the item's, too: by the texts, not by the label.
            others = ("The mayor's day", f"Album {image}")
            assert found.captions == (f"Mayor visits number {image}", *((own,) if row["falsified"] else ()), *others)
            assert set(found.sources) == {f"https://news.example.org/{image}"}
            assert len(found.sources) == len(found.captions)
    assert made(clippings).gives() == {"evidence"}


@pytest.mark.parametrize("name", ["direct_annotation.json", "direct_annotations.json"])
def test_what_was_found_with_the_caption_is_that_of_the_pair_under_either_name(clippings, name):
    clippings.write_crawl(direct=name)
    rows = clippings.annotations["test"]
    for row, found in zip(rows, evidence(made(clippings, searches=["direct"]), rows), strict=True):
        assert found.entities == ()
        assert found.captions == (f"Report on {row['id']}", "At work", "Archive", "From the archive")
    both = evidence(made(clippings, searches=["inverse", "direct"]), rows)[0]
    assert len(both.captions) == 3 + 4


@pytest.mark.parametrize(
    "layout", [{"parts": 0}, {"items": False}, {"index": False, "items": False}, {"parts": 0, "index": False}]
)
def test_the_crawl_is_read_with_and_without_its_lists_and_parts(clippings, layout, monkeypatch):
    for split, rows in clippings.annotations.items():
        monkeypatch.setitem(SIZES, ("merged_balanced", split), len(rows))
    clippings.write_crawl(**layout)
    assert all(file.found == file.wanted for file in made(clippings).files())
    rows = clippings.annotations["train"]
    assert [len(found.captions) for found in evidence(made(clippings), rows, "train")] == [3, 4] * 12


def test_the_list_of_the_crawl_says_where_folders_are(clippings):
    clippings.write_crawl()
    listed = clippings.crawl / "dataset_items_test.json"
    places = json.loads(listed.read_text())
    (clippings.crawl / "inverse_search" / "later").mkdir()
    shutil.move(clippings.crawl / "inverse_search/test/5", clippings.crawl / "inverse_search/later/5")
    places["5"]["inv_path"] = "queries_dataset/merged_balanced/inverse_search/later/5"
    places["6"]["inv_path"] = "inverse_search/../../../../secret"
    listed.write_text(json.dumps(places))
    rows = clippings.annotations["test"]
    found = evidence(made(clippings), rows)
    assert found[5].captions[0] == f"Mayor visits number {rows[5]['image_id']}"
    assert found[6].captions[0] == f"Mayor visits number {rows[6]['image_id']}"


def test_a_partial_crawl_leaves_items_without_evidence_and_says_how_many(clippings):
    clippings.write_crawl(without=[("test", 3)])
    shutil.rmtree(clippings.crawl / "inverse_search" / "train_pt2")
    (clippings.crawl / "inverse_search/test/9/inverse_annotation.json").unlink()
    (clippings.crawl / "inverse_search/test/10/inverse_annotation.json").write_text("{")
    benchmark = made(clippings)
    assert len(benchmark.items("train")) == 24
    rows = clippings.annotations["test"]
    assert [place for place, found in enumerate(evidence(benchmark, rows)) if not found.captions] == [3, 9, 10]
    notes = benchmark.notes()
    assert notes["items without a file of evidence"] == 4 + 2
    assert notes["files of evidence that cannot be read"] == 1
    assert notes["items for which no evidence caption was found"] == 4 + 3
    counted = {file.name: (file.found, file.wanted) for file in benchmark.files()}
    # For place 3 nothing was found, so that nothing is missing.
    assert counted["inverse_search/test"] == (14, 15)
    assert counted["inverse_search/train"] == (20, 24)


def test_an_item_is_joined_by_its_place_and_not_by_an_id_that_is_a_place_too(tmp_path):
    clippings = Clippings(tmp_path)
    for rows in clippings.annotations.values():
        for row in rows:
            row["id"], row["image_id"] = (row["id"] - 1000) // 7, (row["image_id"] - 1000) // 7
    for article in clippings.articles:
        article["id"] = (article["id"] - 1000) // 7
    clippings.write(images=False).write_crawl()
    rows = clippings.annotations["train"]
    found = evidence(made(clippings), rows, "train")
    assert [one.captions[0] for one in found] == [f"Mayor visits number {row['image_id']}" for row in rows]


TRAP = (
    "test.json: evidence is filed under an entry's place in the published file, not under an id, and {}\n"
    "  use the file as it was published, unsorted and uncut, and take a part of it by the option limit; "
    "or leave evidence out"
)


MIXED = (
    "test.json was shuffled or cut: entries 0 and 1 are not a pristine one and a falsified one with the same caption"
)


def reverse(rows):
    rows.reverse()
    return MIXED


def sort(rows):
    rows.sort(key=lambda row: row["falsified"])
    return MIXED


def cut_one(rows):
    del rows[0]
    return "test.json was shuffled or cut: it has 15 entries, an odd number"


def cut_a_pair(rows):
    del rows[4:6]
    return "the crawl searched with image 1252 for place 4, and entry 4 has image_id 1266"


def cut_the_end(rows):
    del rows[-2:]
    return "the crawl searched with image 1322 for place 14, and there is no entry 14"


def swap_pairs(rows):
    rows[2:4], rows[8:10] = rows[8:10], rows[2:4]
    return "the crawl searched with image 1238 for place 2, and entry 2 has image_id 1280"


@pytest.mark.parametrize("change", [reverse, sort, cut_one, cut_a_pair, cut_the_end, swap_pairs])
def test_evidence_is_not_joined_to_a_file_that_was_shuffled_or_cut(clippings, change):
    clippings.write_crawl()
    cause = change(clippings.annotations["test"])
    clippings.write(images=False)
    for read in (lambda: made(clippings).items("test"), made(clippings).digest, made(clippings).notes):
        with pytest.raises(DataError) as caught:
            read()
        assert str(caught.value) == TRAP.format(cause)
    assert len(made(clippings, evidence=False).items("test")) == len(clippings.annotations["test"])


def test_without_the_crawls_own_ids_a_file_of_another_size_than_the_published_is_refused(clippings):
    clippings.write_crawl(index=False)
    with pytest.raises(DataError) as caught:
        made(clippings).items("test")
    assert str(caught.value) == TRAP.format("test.json has 16 entries, and 7264 were published")


def test_evidence_of_another_subset_is_refused(tmp_path):
    Clippings(tmp_path).write(images=False).write_crawl()
    Clippings(tmp_path, subset="scene_resnet_place").write(images=False)
    other = NewsClippings(
        root=str(tmp_path),
        subset="scene_resnet_place",
        images=False,
        evidence=str(tmp_path / "queries_dataset" / "merged_balanced"),
    )
    with pytest.raises(
        DataError, match="holds evidence of merged_balanced, which is filed under places in the files of"
    ):
        other.items("test")


def test_a_crawl_that_is_not_there_is_asked_for(clippings):
    with pytest.raises(DataError) as caught:
        made(clippings).items("test")
    assert str(caught.value) == (
        f"newsclippings: there is no folder {clippings.folder}/queries_dataset\n"
        "  get it from github.com/S-Abdelnabi/OoC-multi-modal-fc (curated_dataset, on request), "
        "or say by the option evidence where it is"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("dataset_items_test.json", "[]", "dataset_items_test.json: is not a list of the crawl: Expected `object`"),
        ("dataset_items_test.json", '{"x": {}}', "dataset_items_test.json: has the key 'x', which is no place in a f"),
        ("dataset_items_test.json", '{"%s": {}}' % ("9" * 5000), "dataset_items_test.json: has the key '9999999999999"),
        ("inverse_search/test/test.json", "{", "test.json: is not a list of the crawl: Input data was truncated"),
    ],
)
def test_damaged_lists_of_the_crawl_are_refused(clippings, name, content, message):
    clippings.write_crawl()
    (clippings.crawl / name).write_text(content)
    with pytest.raises(DataError) as caught:
        made(clippings).items("test")
    assert str(caught.value).startswith(message)
    assert {file.name: file.found for file in made(clippings).files()}["inverse_search/test"] == 0


def test_the_protocol_that_reads_the_label_is_an_option_that_says_so(clippings):
    clippings.write_crawl()
    rows = clippings.annotations["test"]
    for row in rows:
        path = clippings.crawl / f"inverse_search/test/{rows.index(row)}/inverse_annotation.json"
        pages = clippings.pages(row["image_id"])
        caption = next(article["caption"] for article in clippings.articles if article["id"] == row["id"])
        pages["fully_matched_no_text"].append({"page_link": "https://b.example.org", "title": caption})
        path.write_text(json.dumps(pages))
    fair, oracle = made(clippings), made(clippings, oracle_pristine_duplicates=True)
    assert [len(found.captions) for found in evidence(fair, rows)] == [3, 4] * 8
    assert [len(found.captions) for found in evidence(oracle, rows)] == [3, 5] * 8
    assert (len(fair.oracles()), len(oracle.oracles())) == (0, 1)
    assert oracle.notes()["evidence that equals the caption"] == "oracle: left out of pristine items alone"
    assert oracle.digest() != fair.digest()
    with pytest.raises(ValidationError, match="must not depend on the label"):
        made(clippings, duplicates="drop-for-pristine")


def test_ranking_by_the_caption_of_the_image_is_an_option_that_says_so(clippings):
    clippings.write_crawl()
    rows = clippings.annotations["test"]
    own = f"What photograph {rows[1]['image_id']} of the mayor shows"
    oracle = made(clippings, oracle_ranking=True)
    assert evidence(oracle, rows)[1].captions[0] == own
    assert evidence(made(clippings), rows)[1].captions[0] != own
    assert len(oracle.oracles()) == 1
    with pytest.raises(ValidationError, match="needs what nobody has of a new post"):
        made(clippings, ranking="image-caption")


def test_a_change_of_a_file_of_evidence_is_seen(clippings):
    clippings.write_crawl()
    benchmark = made(clippings)
    before, rows = benchmark.digest(), clippings.annotations["test"]
    evidence(benchmark, rows)
    path = clippings.crawl / "inverse_search/test/1/inverse_annotation.json"
    path.write_text(path.read_text().replace("Mayor visits", "Mayor leaves"))
    assert evidence(benchmark, rows)[1].captions[0].startswith("Mayor leaves")
    assert benchmark.digest() != before


def test_texts_that_are_strange_or_endless_are_cut_and_never_run(clippings):
    clippings.write_crawl()
    path = clippings.crawl / "inverse_search/test/0/inverse_annotation.json"
    page = {"page_link": 7, "title": ["no text"], "caption": {"a": None, "b": "half \ud83d a character", "c": "None"}}
    strange = {
        "entities": [1, None, "x" * 1_000_000, "Name"],
        "best_guess_lbl": "label",
        "all_fully_matched_captions": [page, "page", None, {"caption": "a caption by itself"}],
        "partially_matched_no_text": {"title": "no list"},
        "score": float("nan"),
    }
    path.write_text(json.dumps(strange))
    found = evidence(made(clippings), clippings.annotations["test"])[0]
    assert [len(entity) for entity in found.entities] == [500, 4]
    assert found.captions == ("half ? a character", "a caption by itself")
    assert found.sources == ("", "")
    path.write_text(json.dumps({"entities": [["["] * 9] * 9, "all_fully_matched_captions": [{}] * 100_000}))
    assert evidence(made(clippings), clippings.annotations["test"])[0].captions == ()
    path.write_text('{"entities": ' + "[" * 200_000)
    assert evidence(made(clippings), clippings.annotations["test"])[0].entities == ()
