"""The user's own archive, on small tables that are written here."""

import csv
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from pydantic import ValidationError

from harness.api import DataError, MissingDependency
from harness.diagnosis import view
from harness.errors import MatrixError
from harness.identity import identity
from harness.testing import checks_for
from harness_benchmarks.published import content_id
from harness_benchmarks.table import Table

WORDS = ("alpha", "beta", "gamma", "delta", "kappa", "omega")


def rows_of(count, **more):
    """Rows with images; every second one is falsified, and every third is for testing."""
    return [
        {
            "id": f"a{number}",
            "caption": f"{WORDS[number % 6]} {WORDS[number // 6 % 6]} caption {number}",
            "image": f"photos/{number}.png",
            "label": "falsified" if number % 2 else "pristine",
            "split": "test" if number % 3 == 0 else "train",
            **{name: value(number) for name, value in more.items()},
        }
        for number in range(count)
    ]


def changed(rows, place, **values):
    return [{**row, **values} if at == place else row for at, row in enumerate(rows)]


@pytest.fixture
def folder(tmp_path):
    """A folder with twelve photographs."""
    (tmp_path / "photos").mkdir()
    for number in range(12):
        Pillow.new("RGB", (2, 2), (number, 0, 0)).save(tmp_path / "photos" / f"{number}.png")
    return tmp_path


def write(folder, rows, name="archive.csv", delimiter=","):
    path = folder / name
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".parquet":
        import pandas

        pandas.DataFrame(rows).to_parquet(path)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0], delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    return str(path)


def refusal(**options):
    with pytest.raises(DataError) as caught:
        Table(**options).items("train")
    return str(caught.value)


@pytest.mark.parametrize("name", ["archive.csv", "archive.tsv", "archive.jsonl", "archive.parquet"])
def test_a_table_has_the_same_items_and_labels_in_every_format(folder, name):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    delimiter = "\t" if name.endswith(".tsv") else ","
    table = Table(file=write(folder, rows_of(12), name, delimiter))
    items, labels = table.items("train"), table.labels("train")
    assert {item.id for item in items} == labels.keys() == {f"a{number}" for number in range(12) if number % 3}
    assert Counter(table.labels("test").values()) == {"pristine": 2, "falsified": 2}
    assert labels["a1"] == "falsified"
    assert next(item for item in items if item.id == "a7").caption == "beta beta caption 7"
    assert table.items("validation") == []
    assert table.digest() == Table(file=write(folder, rows_of(12))).digest()


def test_an_image_is_read_when_it_is_asked_for_and_named_by_its_item(folder):
    table = Table(file=write(folder, rows_of(12)))
    item = next(item for item in table.items("train") if item.id == "a7")
    assert item.image.name == "image of item a7"
    assert item.image.open().getpixel((0, 0)) == (7, 0, 0)


def test_columns_are_called_as_the_options_say(folder):
    names = {"id": "Nr", "caption": "Headline", "image": "Photo", "label": "Verdict", "split": "Part"}
    rows = [{names[key]: value for key, value in row.items()} for row in rows_of(12)]
    table = Table(file=write(folder, rows), **names)
    assert table.digest() == Table(file=write(folder, rows_of(12), "plain.csv")).digest()
    assert table.labels("test") == {"a0": "pristine", "a3": "falsified", "a6": "pristine", "a9": "falsified"}


def test_a_label_that_nobody_has_given_is_no_label(folder):
    rows = rows_of(12, label=lambda number: "" if number in (1, 2) else "falsified" if number % 2 else "pristine")
    for name in ("archive.csv", "archive.jsonl"):
        table = Table(file=write(folder, rows, name))
        assert {item.id for item in table.items("train")} - table.labels("train").keys() == {"a1", "a2"}
        assert table.notes() == {"items without a label": 2}


def test_words_of_labels_mean_what_the_option_says_whatever_their_case(folder):
    rows = rows_of(12, label=lambda number: "TRUE " if number % 2 else "Fake")
    table = Table(file=write(folder, rows), words={True: "pristine", "fake": "falsified"})
    assert table.labels("test") == {"a0": "falsified", "a3": "pristine", "a6": "falsified", "a9": "pristine"}
    numbers = rows_of(12, label=lambda number: number % 2)
    for name in ("archive.csv", "archive.jsonl"):
        table = Table(file=write(folder, numbers, name), words={0: "pristine", 1: "falsified"})
        assert table.labels("test")["a3"] == "falsified"


def test_a_word_whose_polarity_is_not_known_is_refused_with_all_such_words(folder):
    rows = rows_of(12, label=lambda number: "false" if number % 2 else "true")
    assert refusal(file=write(folder, rows)) == (
        "archive.csv:2: the label 'true' is none of pristine, real, falsified, fake, out of context,"
        " out-of-context, ooc (and 11 more rows)\n"
        "  say by the option words what is pristine and what falsified:  words: {true: …, false: …}"
    )


def test_one_word_cannot_mean_both():
    with pytest.raises(ValidationError, match="'Fake' is both pristine and falsified"):
        Table(file="a.csv", words={"fake": "falsified", "Fake": "pristine"})


def test_labels_are_no_part_of_the_digest_and_images_and_splits_are(folder):
    before = Table(file=write(folder, rows_of(12))).digest()
    assert Table(file=write(folder, rows_of(12, label=lambda _: ""), "other.csv")).digest() == before
    assert Table(file=write(folder, changed(rows_of(12), 1, split="validation"))).digest() != before
    assert Table(file=write(folder, changed(rows_of(12), 1, caption="Other"))).digest() != before
    Pillow.new("RGB", (2, 2), (99, 0, 0)).save(folder / "photos" / "1.png")
    assert Table(file=write(folder, rows_of(12))).digest() != before


def test_no_option_is_part_of_the_identity_but_by_what_items_are(folder):
    assert Table.transport == Table.model_fields.keys()


def test_neither_order_nor_group_tells_what_the_file_tells(folder):
    rows = rows_of(12, story=lambda number: f"fake-story-{number}")
    items = Table(file=write(folder, rows), group="story").items("train")
    ids = [item.id for item in items]
    assert ids != sorted(ids, key=lambda item_id: int(item_id[1:]))
    assert ids == [item.id for item in Table(file=write(folder, rows[::-1])).items("train")]
    assert all("story" not in item.group for item in items)


def test_items_with_one_image_are_one_group_unless_a_column_says_otherwise(folder):
    rows = rows_of(12, split=lambda _: "train", image=lambda number: f"photos/{number // 2}.png")
    assert set(Counter(item.group for item in Table(file=write(folder, rows)).items("train")).values()) == {2}
    apart = Table(file=write(folder, rows), group="id").items("train")
    assert len({item.group for item in apart}) == 12


def test_ids_can_be_made_of_image_and_caption(folder):
    table = Table(file=write(folder, rows_of(12)), id=None)
    assert content_id("photos/7.png", "beta beta caption 7") in {item.id for item in table.items("train")}


def test_evidence_is_a_list_of_texts_and_what_gives_the_verdict_away_is_left_out_and_counted(folder):
    found = ["A crowd in town", "Fact check: not in town", "Is this real?"]
    spelt = {
        "json.csv": lambda number: json.dumps(found) if number else "",
        "python.csv": lambda number: repr(found) if number else "",
        "list.jsonl": lambda number: found if number else None,
    }
    for name, value in spelt.items():
        table = Table(file=write(folder, rows_of(12, seen=value), name), evidence="seen")
        assert {item.evidence.captions for item in table.items("train")} == {("A crowd in town",)}
        assert table.notes() == {
            "items without a label": 0,
            "evidence captions found": 33,
            "evidence captions left out that give the verdict away": 22,
            "items for which no evidence caption was found": 1,
            "items whose every evidence caption was left out": 0,
            "evidence that equals the caption": "left out of every item",
            "order of evidence": "as found",
        }
    whole = Table(file=write(folder, rows_of(12, seen=lambda _: "[Photo] A crowd")), entities="seen")
    assert {item.evidence.entities for item in whole.items("train")} == {("[Photo] A crowd",)}
    assert (whole.gives(), Table(file="a.csv", image=None).gives()) == ({"image", "evidence"}, set())


def test_groups_are_drawn_where_no_column_says_the_split(folder):
    rows = [{key: value for key, value in row.items() if key != "split"} for row in rows_of(12)]
    options = {"file": write(folder, rows), "split": None, "validation": 0.25, "test": 0.25}
    sizes = [len(Table(**options).items(split)) for split in ("train", "validation", "test")]
    assert sizes == [6, 3, 3]
    assert {item.id for item in Table(**options).items("test")} != {
        item.id for item in Table(**options, seed=1).items("test")
    }
    with pytest.raises(ValidationError, match="validation and test together leave nothing to train on"):
        Table(file="a.csv", validation=0.5, test=0.5)


@pytest.mark.parametrize("check", checks_for(Table), ids=lambda check: check.__name__)
def test_it_keeps_the_contract(tmp_path, check):
    """With rows of two classes in turns and files that are named after them."""
    rows = rows_of(180, image=lambda number: f"{number}-{'fake' if number % 2 else 'real'}.png", seen=lambda _: "Town")
    for row in rows:
        Pillow.new("RGB", (2, 2)).save(tmp_path / row["image"])
    check(Table(file=write(tmp_path, rows), id=None, entities="seen"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param(
            changed(rows_of(12), 4, id="a1"),
            "archive.csv:6: the id 'a1' stands at 3, too\n"
            "  give each item an id of its own, or say  id: null  to have ids made of image and caption",
            id="id twice",
        ),
        pytest.param(
            changed(rows_of(12), 4, id=" "), "archive.csv:6: has no id: id is empty\n  fill it in, or delete the row"
        ),
        pytest.param(
            changed(rows_of(12), 0, caption=""),
            "archive.csv:2: has no caption: caption is empty\n  fill it in, or delete the row",
        ),
        pytest.param(
            changed(rows_of(12), 11, image=""),
            "archive.csv:13: has no image: image is empty\n  fill it in, or delete the row",
        ),
        pytest.param(
            changed(changed(rows_of(12), 4, image="photos/none.png"), 5, image="https://example.org/5.png"),
            "archive.csv:6: there is no image 'photos/none.png' in FOLDER (and 1 more row)\n"
            "  add the files, name their folder by the option images, say  missing_images: skip  to leave such rows"
            " out, or  image: null  for captions alone",
        ),
        pytest.param(
            changed(rows_of(12), 2, image="photos/../../secret.png"),
            "archive.csv:4: the image 'photos/../../secret.png' lies outside of FOLDER\n"
            "  name images by their path below that folder",
        ),
        pytest.param(
            changed(rows_of(12), 2, image="/etc/hostname"),
            "archive.csv:4: the image '/etc/hostname' lies outside of FOLDER\n"
            "  name images by their path below that folder",
        ),
        pytest.param(
            rows_of(12, split=lambda number: "holdout" if number > 8 else "train"),
            "archive.csv:11: the split 'holdout' is none of train, validation, test (and 2 more rows)\n"
            "  write train, validation, test, or say  split: null  to have groups drawn",
        ),
        pytest.param(
            changed(rows_of(12), 1, image="photos/0.png"),
            "archive.csv:3: 'photos/0.png' is in the train split here and in the test split at 2\n"
            "  items of one image or story belong into one split; by the option group, a column says what is one story",
        ),
    ],
)
def test_a_faulty_row_is_named_with_what_to_do(folder, rows, message):
    assert refusal(file=write(folder, rows)) == message.replace("FOLDER", str(folder))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id,caption,image\n1,A,B\n",
            "archive.csv: there is no column 'label' and no column 'split'; columns: id, caption, image\n"
            "  say by the option label what the column is called",
        ),
        (
            "id,Caption,image,label\n1,A,B,real\n",
            "archive.csv: there is no column 'caption' (did you mean 'Caption'?) and no column 'split';"
            " columns: id, Caption, image, label\n  say by the option caption what the column is called",
        ),
        (
            "id,caption,image,label\n1,A,B,real\n",
            "archive.csv: there is no column 'split'; columns: id, caption, image, label\n"
            "  say by the option split what the column is called, or null where there is none",
        ),
        (
            "id;caption;image;label;split\n",
            "archive.csv: there is no column 'id' and no column 'caption' and no column 'image' and no column 'label'"
            " and no column 'split'; columns: id;caption;image;label;split\n"
            "  the header has one column only; say  delimiter: ';'",
        ),
        (
            "id,caption,image,label,split,id\n",
            "archive.csv: has more than one column 'id'\n  give each column a name of its own",
        ),
        (
            "id,caption,image,label,split\n\n",
            "archive.csv: has no rows\n  each row is an item: a caption with its image",
        ),
        (
            "",
            "archive.csv: there is no column 'id' and no column 'caption' and no column 'image' and no column 'label'"
            " and no column 'split'; columns: none\n"
            "  say by the option id what the column is called, or null where there is none",
        ),
        (
            'id,caption,image,label,split\n1,"A\nlonger",B,real,test\n2,A, with comma,B,real,test\n',
            "archive.csv:4: has 6 fields, and the header has 5\n  put quotes around fields that hold the delimiter",
        ),
        (
            'id,caption,image,label,split\n1,"A",B,real,test\n2,"A"x,B,real,test\n',
            "archive.csv:3: is not CSV: ',' expected after '\"'\n  save it as CSV again",
        ),
        (
            "id,caption,image,label,split\n1,caf\xe9,B,real,test\n".encode("latin-1"),
            "archive.csv:2: is not UTF-8 text\n"
            "  save the table in UTF-8; spreadsheets often export in another encoding",
        ),
    ],
    ids=["columns", "case", "split", "delimiter", "twice", "no rows", "empty", "fields", "quotes", "latin"],
)
def test_a_csv_file_that_is_not_as_it_must_be_is_refused(folder, text, message):
    (folder / "archive.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert refusal(file=str(folder / "archive.csv")) == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": 1,', "archive.jsonl:3: is not JSON: Expecting property name enclosed in double quotes"),
        ("[1]", "archive.jsonl:3: is not a JSON object\n  write one JSON object on each line"),
        ("[" * 100_000, "archive.jsonl:3: is not JSON: maximum recursion depth exceeded"),
        ('{"id": 1, "id": 2}', "archive.jsonl:3: is not JSON: a key stands twice in one object"),
        (
            '{"id": "x", "caption": {"de": "Wort"}}',
            "archive.jsonl:3: caption holds {'de': 'Wort'}, which is no text\n  write the caption as text",
        ),
    ],
    ids=["cut", "list", "deep", "twice", "nested"],
)
def test_a_line_of_jsonl_that_is_not_as_it_must_be_is_refused(folder, line, message):
    path = write(folder, rows_of(2), "archive.jsonl")
    with open(path, "a") as file:
        file.write(line + "\n")
    assert refusal(file=path).startswith(message)


def test_lists_that_would_be_read_wrongly_are_refused(folder):
    rows = changed(rows_of(12, seen=lambda _: ""), 3, seen="['one title' 'another']")
    assert refusal(file=write(folder, rows), evidence="seen") == (
        "archive.csv:5: seen is a list without commas between its texts\n  write seen as a JSON list"
    )
    rows = changed(rows_of(12, seen=lambda _: None), 3, seen=["one", 2])
    assert refusal(file=write(folder, rows, "archive.jsonl"), evidence="seen") == (
        "archive.jsonl:4: seen holds a list of more than texts\n  write seen as a list of texts"
    )


def test_a_file_that_cannot_be_read_is_named(folder, monkeypatch):
    assert refusal(file="nowhere.csv").endswith(
        "nowhere.csv: there is no such file\n  correct the path that table is given as file"
    )
    (folder / "archive.xlsx").write_text("")
    assert refusal(file=str(folder / "archive.xlsx")) == (
        "archive.xlsx: is none of .csv, .tsv, .jsonl, .parquet\n  save it as one of them"
    )
    (folder / "archive.parquet").write_text("no")
    assert refusal(file=str(folder / "archive.parquet")).startswith("archive.parquet: is not parquet: ")
    monkeypatch.delenv("ARCHIVE", raising=False)
    assert refusal(file="$ARCHIVE/a.csv") == (
        "$ARCHIVE/a.csv: the environment variable ARCHIVE is not set\n  set it, or write the path out"
    )
    assert refusal(file=write(folder, rows_of(2)), images=str(folder / "nothing")) == (
        f"{folder}/nothing: there is no such folder\n  correct the option images"
    )


def test_parquet_without_pyarrow_says_what_to_install(folder, monkeypatch):
    pytest.importorskip("pyarrow")
    path = write(folder, rows_of(12), "archive.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependency) as caught:
        Table(file=path).items("train")
    assert str(caught.value) == "archive.parquet: needs pyarrow to read parquet\n  pip install pyarrow"


MATRIX = """\
benchmarks:
  archive: {uses: table, file: FILE, image: null, entities: seen}
teachers:
  a: {uses: listens, words: [omega]}
  b: {uses: listens, words: [omega, kappa]}
teachers_as_arms: true
students: {counter: counter}
rules: {hard: hard-disagreement}
strategies: {zero-shot: zero-shot, stage1-only: stage1-only, mmkd: mmkd}
label_fractions: [0.2]
executor: inline
reports: {}
"""


def news(count, labelled):
    """Captions of two words; falsified where omega is one. Training items are labelled where that is asked for."""
    rows = rows_of(count, seen=lambda _: "")
    for number, row in enumerate(rows):
        row["caption"] = f"{WORDS[number % 6]} {WORDS[number // 6 % 6]}"
        row["label"] = "fake" if "omega" in row["caption"] else "real"
        row["label"] *= labelled or row["split"] == "test"
    return rows


def test_cells_that_would_buy_a_missing_label_wait_and_go_on_without_asking_the_teachers_again(
    folder, plan_of, run_plan, store
):
    text = MATRIX.replace("FILE", str(folder / "archive.csv"))
    write(folder, news(36, labelled=False))
    outcome, _ = run_plan(plan_of(text))
    assert Counter(outcome.states.values()) == {"done": 8, "waiting": 1, "blocked": 1}
    (order,) = (store.root / "artifacts" / "rank").glob("*/rank.jsonl")
    conflicts = [row["item_id"] for row in map(json.loads, order.read_text().splitlines()) if row["conflict"]]
    assert outcome.reasons.popitem()[1] == (
        f"4 of the 4 labels to be bought do not exist yet, first {conflicts[0]!r}\n"
        "  `harness labels export` writes them for people, `harness labels import` takes the labels back."
    )

    write(folder, news(36, labelled=True))
    plan = plan_of(text)
    outcome, lines = run_plan(plan)
    assert Counter(outcome.states.values()) == {"stored": 8, "done": 2}
    assert [line[1] for line in lines if line[0] == "started"] == ["train", "predict"]
    assert set(view(plan, store).results["state"]) == {"done"}


def test_a_test_item_without_a_label_is_a_fault_of_the_matrix(folder, plan_of):
    write(folder, changed(news(36, labelled=True), 3, label=""))
    with pytest.raises(MatrixError) as caught:
        plan_of(MATRIX.replace("FILE", str(folder / "archive.csv")))
    assert str(caught.value) == (
        "matrix.yaml:2:3: benchmarks.archive: 1 test items have no label, first 'a3'\n  Every test item needs a label."
    )


def test_a_fault_of_the_table_stands_at_the_line_of_the_matrix_that_names_it(folder, plan_of):
    write(folder, changed(news(36, labelled=True), 3, id="a0"))
    with pytest.raises(MatrixError) as caught:
        plan_of(MATRIX.replace("FILE", str(folder / "archive.csv")))
    assert str(caught.value).startswith(
        "matrix.yaml:2:3: benchmarks.archive: archive.csv:5: the id 'a0' stands at 2, too\n"
    )


def test_a_reference_is_read_from_its_column_and_is_no_part_of_items_or_identity(folder):
    told = rows_of(12, why=lambda number: "" if number == 3 else f"Reason {number}.")
    plain, table = Table(file=write(folder, told)), Table(file=write(folder, told), reference="why")
    assert table.references("test") == {f"a{number}": f"Reason {number}." for number in (0, 6, 9)}
    assert plain.references("test") == {}
    assert table.digest() == plain.digest()
    assert identity(table) == identity(plain)
    assert "Reason" not in repr(table.items("test"))


def labelled_later(folder, *rows):
    path = folder / "given.csv"
    path.write_text("id,verdict\n" + "".join(f"{item_id},{verdict}\n" for item_id, verdict in rows))
    return str(path)


def test_labels_that_people_gave_later_are_labels_and_no_part_of_what_items_are(folder):
    rows = rows_of(12, label=lambda number: "pristine" if number % 3 == 0 else "")
    plain = Table(file=write(folder, rows))
    table = Table(
        file=plain.file, label_file=labelled_later(folder, ("a1", "falsified"), ("a3", "pristine"), ("zz", "pristine"))
    )
    assert table.labels("train") == {"a1": "falsified"}
    assert table.labels("test") == plain.labels("test")
    assert table.notes() == {"items without a label": 7, "given labels of items that are not there": 1}
    assert identity(table) == identity(plain)
    assert Table(file=plain.file, label_file=str(folder / "none.csv")).labels("train") == {}


def test_a_given_label_that_contradicts_the_table_is_a_fault(folder):
    table = Table(file=write(folder, rows_of(12)), label_file=labelled_later(folder, ("a1", "pristine")))
    with pytest.raises(DataError) as caught:
        table.labels("train")
    assert str(caught.value) == (
        "given.csv: says pristine of 'a1', whose label in archive.csv is falsified\n"
        "  correct the one that is wrong, or empty the label in the data"
    )


def test_rows_without_their_image_are_left_out_and_listed_where_that_is_asked_for(folder):
    rows = changed(changed(rows_of(12), 4, image="photos/no.png"), 3, image="photos/none.png")
    table = Table(file=write(folder, rows), missing_images="skip")
    assert {(one.what, one.reason, one.split) for one in table.skipped()} == {
        ("a3", "its image is not there", "test"),
        ("a4", "its image is not there", "train"),
    }
    whole = Table(file=write(folder, rows_of(12), "whole.csv"))
    for split in ("train", "test"):
        left = {item.id for item in whole.items(split)} - {"a3", "a4"}
        assert {item.id for item in table.items(split)} == table.labels(split).keys() == left
    assert table.notes()["rows left out for want of their image"] == 2
    assert whole.skipped() == ()
    none = [{**row, "image": "no.png"} for row in rows_of(3)]
    assert refusal(file=write(folder, none, "none.csv"), missing_images="skip").startswith(
        "none.csv:2: there is no image 'no.png'"
    )


def test_files_are_told_whether_they_are_there_or_not(folder, monkeypatch):
    rows = changed(rows_of(12), 4, image="photos/no.png")
    table = Table(file=write(folder, rows), label_file=str(folder / "given.csv"))
    assert [(file.name, file.found, file.wanted, file.needed) for file in table.files()] == [
        ("archive.csv", 1, 1, True),
        ("images", 11, 12, True),
        ("given.csv", 0, 1, False),
    ]
    assert not table.model_copy(update={"missing_images": "skip"}).files()[1].needed
    missing = Table(file=str(folder / "no.csv"), images=str(folder / "nowhere")).files()
    assert [(file.name, file.found) for file in missing] == [("no.csv", 0), ("images", 0)]
    assert len(Table(file=write(folder, rows), image=None).files()) == 1
    monkeypatch.delenv("ARCHIVE", raising=False)
    (unset,) = Table(file="$ARCHIVE/a.csv").files()
    assert (unset.path, unset.found, unset.origin) == (
        "$ARCHIVE/a.csv", 0, "the environment variable ARCHIVE is not set"
    )  # fmt: skip


def test_evidence_has_the_addresses_of_its_pages_where_a_column_has_them(folder):
    def pages(number):
        return json.dumps(["https://a.org/1", "https://www.snopes.com/x", ""])

    def seen(number):
        return json.dumps(["A page", "An article", " "])

    path = write(folder, rows_of(6, seen=seen, pages=pages))
    table = Table(file=path, evidence="seen", sources="pages")
    for item in [*table.items("train"), *table.posts()]:
        assert (item.evidence.captions, item.evidence.sources) == (("A page",), ("https://a.org/1",))
    assert table.notes()["evidence captions left out for the domain of their page"] == 6


def test_addresses_that_are_not_as_many_as_their_texts_are_refused_with_their_row(folder):
    path = write(folder, rows_of(2, seen=lambda number: '["A", "B"]', pages=lambda number: '["https://a.org"]'))
    assert refusal(file=path, evidence="seen", sources="pages") == (
        "archive.csv:2: seen has 2 texts and pages 1 addresses\n"
        "  write one address for each text, an empty one where it is not known"
    )
    with pytest.raises(ValidationError, match="sources are those of evidence, and no column of evidence is named"):
        Table(file=path, sources="pages")


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_whatever_happens_to_a_table_it_is_read_or_refused_and_no_row_is_lost(data):
    name = data.draw(st.sampled_from(["archive.csv", "archive.tsv", "archive.jsonl", "archive.parquet"]))
    with tempfile.TemporaryDirectory() as folder:
        delimiter = "\t" if name.endswith("tsv") else ","
        path = Path(write(Path(folder), rows_of(6, seen=lambda number: '["A", "B"]'), name, delimiter))
        content = path.read_bytes()
        at = data.draw(st.integers(0, len(content)))
        rest = data.draw(st.sampled_from([b"", content[at:], content[at + 1 :], content[at + 9 :]]))
        path.write_bytes(content[:at] + data.draw(st.binary(max_size=6)) + rest)
        table = Table(file=str(path), image=None, evidence="seen")
        try:
            items = [item for split in ("train", "validation", "test") for item in table.items(split)]
        except DataError as error:
            refused = str(error)
        else:
            refused = ""
            assert len(items) == len(table.posts())
        assert refused == "" or refused.startswith("archive.")
