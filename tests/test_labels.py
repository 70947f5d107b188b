"""From cells that wait for labels to people and back: `harness labels export` and `import`."""

import base64
import contextlib
import csv
import io
import json
import random
import re
import shutil
import stat
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from hypothesis import given as given_
from hypothesis import settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from harness import given
from harness.api import Benchmark, Evidence, Image, Item, given_labels
from harness.cli import main
from harness.labelling import sheet, studio
from harness.labelling.checking import Register, checked
from harness.labelling.pictures import NOTHING
from harness.labelling.reading import read as votes_of
from harness.labelling.tasks import Task, key_of
from harness.types import Annotation

WORDS = ("alpha", "beta", "gamma", "delta", "kappa", "omega")

MATRIX = """\
benchmarks:
  archive: {uses: table, file: archive.csv, entities: things, evidence: pages, label_file: given.csv}
teachers:
  a: {uses: listens, words: [omega]}
  b: {uses: listens, words: [omega, kappa]}
teachers_as_arms: true
students: {counter: counter}
rules: {hard: hard-disagreement}
strategies:
  zero-shot: zero-shot
  stage1-only: stage1-only
  majority-vote: majority-vote
  mmkd: mmkd
  supervised: supervised
label_fractions: [0.1, 0.2]
executor: inline
reports: {}
"""


def truth_of(caption):
    return "falsified" if "omega" in caption else "pristine"


ROWS = [
    {
        "id": f"a{number}",
        "caption": f"{WORDS[number % 6]} {WORDS[number // 6 % 6]}",
        "image": f"{truth_of(f'{WORDS[number % 6]} {WORDS[number // 6 % 6]}')}/{number}.png",
        "label": truth_of(f"{WORDS[number % 6]} {WORDS[number // 6 % 6]}") if number % 3 == 0 else "",
        "split": "test" if number % 3 == 0 else "train",
        "things": json.dumps(["Oslo"]),
        "pages": json.dumps(["=cmd|' /C calc'!A0", "A page"]),
    }
    for number in range(36)
]
"""An archive whose training items have no label; image files are named after labels."""


def save(rows, path):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """The folder of the archive and its matrix before a run."""
    folder = tmp_path_factory.mktemp("labels") / "before"
    for verdict in ("pristine", "falsified"):
        (folder / verdict).mkdir(parents=True)
    for number, row in enumerate(ROWS):
        Pillow.new("RGB", (30 + number, 20), "red").save(folder / row["image"])
    save(ROWS, folder / "archive.csv")
    (folder / "m.yaml").write_text(MATRIX)
    return folder


@pytest.fixture(scope="module")
def finished(started):
    """The same after a run that ended with cells that wait."""
    folder = started.with_name("after")
    shutil.copytree(started, folder)
    with contextlib.chdir(folder):
        result = CliRunner().invoke(main, ["run", "m.yaml"])
    assert result.exit_code == 3, result.output
    return folder


@pytest.fixture
def in_a_copy(tmp_path, monkeypatch):
    """Runs commands in a copy of a folder."""

    def of(folder):
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
        monkeypatch.chdir(tmp_path)

        def call(*arguments, expect=0):
            result = CliRunner().invoke(main, list(map(str, arguments)))
            assert result.exit_code == expect, result.output + result.stderr + repr(result.exception)
            return result

        return call

    return of


@pytest.fixture
def harness(in_a_copy, started):
    """The command before any run."""
    return in_a_copy(started)


@pytest.fixture
def ran(in_a_copy, finished):
    """The command after a run that ended with cells that wait."""
    return in_a_copy(finished)


def read(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def fill(path, verdicts, **more):
    """What somebody does in a spreadsheet: the verdict of each row by its id, and other columns."""
    rows = read(path)
    for row in rows:
        row["verdict"] = verdicts(row)
        row.update(more)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


def right(row):
    return truth_of(row["caption"])


def wrong(row):
    return "pristine" if right(row) == "falsified" else "falsified"


def keys(tmp_path, kind):
    return {path.name for path in (tmp_path / "runs/store/artifacts" / kind).iterdir()}


def test_an_archive_without_a_training_label_goes_from_a_run_over_people_to_a_run(harness, tmp_path):
    result = harness("run", "m.yaml", expect=3)
    assert result.stderr.splitlines()[-1] == (
        "waiting for labels: 7 items, wanted by 4 cells; `harness labels export m.yaml` writes them to label"
    )
    states = json.loads(harness("status", "m.yaml", "--json").stdout)
    by_state = {
        state: {cell["cell"].split("/")[2] for cell in states["cells"] if cell["state"] == state}
        for state in ("done", "waiting")
    }
    assert by_state["waiting"] == {"mmkd", "supervised"}
    assert by_state["done"] >= {"zero-shot", "stage1-only", "majority-vote"}
    assert states["labels_wanted"] == {"archive": {"labels": 7, "cells": 4}}
    assert "waiting for labels: 7 items, wanted by 4 cells;" in harness("status", "m.yaml").stdout

    told = harness("labels", "export", "m.yaml", "--out", "out").stdout
    assert told == (
        "7 of the 7 items whose labels 4 cells wait for:\n"
        "  out/items.csv\n  out/tasks.json\n  out/labeling.xml\n"
        "fill in the column verdict (pristine or falsified), then:  harness labels import m.yaml out/items.csv\n"
    )
    before = {kind: keys(tmp_path, kind) for kind in ("annotate", "rank", "train", "predict")}
    fill(tmp_path / "out/items.csv", right, annotator="ann")
    told = harness("labels", "import", "m.yaml", "out/items.csv").stdout
    assert told == "given.csv: 7 items labelled by 7 judgements of 1 annotator\nnext:  harness run m.yaml\n"

    told = harness("run", "m.yaml").stdout
    # A last training and its predictions for each of four cells; nothing that needs no label is made again.
    assert "8 steps run, " in told
    after = {kind: keys(tmp_path, kind) for kind in before}
    assert (after["annotate"], after["rank"]) == (before["annotate"], before["rank"])
    assert {kind: len(after[kind] - before[kind]) for kind in ("train", "predict")} == {"train": 4, "predict": 4}
    assert json.loads(harness("status", "m.yaml", "--json").stdout)["labels_wanted"] == {}
    assert harness("labels", "export", "m.yaml").stdout == "no cell waits for a label of archive\n"


def test_what_is_exported_is_what_the_ranks_of_waiting_cells_would_buy_and_nobody_has_labelled(ran, tmp_path):
    wanted = set()
    for path in (tmp_path / "runs/store/artifacts/rank").glob("*/rank.jsonl"):
        order = [json.loads(line) for line in path.read_text().splitlines()]
        wanted |= {row["item_id"] for row in [row for row in order if row["conflict"]][:4]}
    ran("labels", "export", "m.yaml", "--out", "all", "--format", "csv")
    assert {row["id"] for row in read(tmp_path / "all/items.csv")} == wanted
    known = sorted(wanted)[:3]
    known_rows = [{**row, "label": truth_of(row["caption"])} if row["id"] in known else row for row in ROWS]
    save(known_rows, tmp_path / "archive.csv")
    ran("labels", "export", "m.yaml", "--out", "rest", "--format", "csv")
    assert {row["id"] for row in read(tmp_path / "rest/items.csv")} == wanted - set(known)


def test_a_limit_takes_what_is_bought_first_and_lets_the_small_cells_go_on(ran, tmp_path):
    ran("labels", "export", "m.yaml", "--out", "out", "--limit", "4", "--order", "rank")
    fill(tmp_path / "out/items.csv", right)
    ran("labels", "import", "m.yaml", "out/items.csv")
    ran("run", "m.yaml", expect=3)
    states = {cell["cell"]: cell["state"] for cell in json.loads(ran("status", "m.yaml", "--json").stdout)["cells"]}
    assert {cell.split("/")[-2]: state for cell, state in states.items() if "mmkd" in cell} == {
        "0.1": "done",
        "0.2": "waiting",
    }


def test_before_the_first_run_nobody_knows_what_to_label(harness):
    assert harness("labels", "export", "m.yaml", expect=2).stderr == (
        "error: m.yaml: 4 cells buy labels of archive, and its items are not ranked yet\n"
        "  Run first, which asks the teachers and ranks:  harness run m.yaml\n"
    )


def test_an_export_holds_no_label_no_score_and_no_name_or_order_that_tells_one(ran, tmp_path):
    """Some training rows are labelled, files are called by the label, and rows stand in the order of labels."""
    told = "Secret words of a reference."
    story = {row["id"]: f"{truth_of(row['caption'])}-story-{row['split']}" for row in ROWS}
    ordered = sorted(ROWS, key=lambda row: truth_of(row["caption"]))
    ordered = [{**row, "why": told, "story": story[row["id"]]} for row in ordered]
    for row in ordered[::5]:
        row["label"] = truth_of(row["caption"])
    save(ordered, tmp_path / "archive.csv")
    (tmp_path / "m.yaml").write_text(MATRIX.replace("uses: table", "uses: table, reference: why, group: story"))
    ran("run", "m.yaml", expect=3)
    ran("labels", "export", "m.yaml", "--out", "out", "--blind")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".csv", ".json", ".xml", ".png"}
    for path in files:
        assert not re.search("pristine|falsified|secret|story", path.name)
        if path.suffix in (".csv", ".json"):
            assert not re.search(rb"pristine|falsified|Secret|story|score|conflict|rank", path.read_bytes())
    exported = [row["id"] for row in read(tmp_path / "out/items.csv")]
    # Whatever the labels are, the order is the same: it is made of the ids alone.
    assert exported == [task["data"]["item_id"] for task in json.loads((tmp_path / "out/tasks.json").read_text())]
    save(ordered[::-1], tmp_path / "archive.csv")
    ran("labels", "export", "m.yaml", "--out", "again", "--blind", "--format", "csv")
    assert [row["id"] for row in read(tmp_path / "again/items.csv")] == exported


def test_teachers_stand_beside_the_items_unless_people_are_to_be_blind(ran, tmp_path):
    ran("labels", "export", "m.yaml", "--out", "seen")
    ran("labels", "export", "m.yaml", "--out", "blind", "--blind")
    seen, blind = (read(tmp_path / name / "items.csv") for name in ("seen", "blind"))
    assert seen[0].keys() - blind[0].keys() == {"a: verdict", "a: rationale", "b: verdict", "b: rationale"}
    row = next(row for row in seen if "kappa" in row["caption"] and "omega" not in row["caption"])
    assert (row["a: verdict"], row["b: verdict"]) == ("pristine", "falsified")
    task = json.loads((tmp_path / "seen/tasks.json").read_text())[0]["data"]
    assert task["teachers"].startswith("a: ")
    assert "teachers" not in json.loads((tmp_path / "blind/tasks.json").read_text())[0]["data"]
    assert '$teachers"' in (tmp_path / "seen/labeling.xml").read_text()
    assert '$teachers"' not in (tmp_path / "blind/labeling.xml").read_text()


def test_a_planted_formula_is_no_formula_and_what_was_exported_is_never_written_over(ran, tmp_path):
    ran("labels", "export", "m.yaml", "--out", "out", "--format", "csv")
    assert {row["evidence"] for row in read(tmp_path / "out/items.csv")} == {"'=cmd|' /C calc'!A0\nA page"}
    fill(tmp_path / "out/items.csv", right)
    before = (tmp_path / "out/items.csv").read_bytes()
    assert ran("labels", "export", "m.yaml", "--out", "out", expect=2).stderr == (
        "error: out: is there already\n"
        "  Name another folder by --out: somebody may have begun to fill in the files of this one.\n"
    )
    assert (tmp_path / "out/items.csv").read_bytes() == before


@pytest.mark.parametrize(("manner", "names"), [("copy", 1), ("link", 2)])
def test_images_lie_beside_the_items_as_copies_or_as_other_names_of_the_same_files(ran, tmp_path, manner, names):
    ran("labels", "export", "m.yaml", "--out", "out", "--images", manner)
    for row in read(tmp_path / "out/items.csv"):
        assert row["image"] == f"images/{row['task']}.png"
        found = tmp_path / "out" / row["image"]
        own = next(tmp_path.glob(f"[pf]*/{row['id'][1:]}.png"))
        assert found.read_bytes() == own.read_bytes()
        assert found.stat().st_nlink == names
        assert stat.S_ISREG(found.lstat().st_mode)
    data = json.loads((tmp_path / "out/tasks.json").read_text())[0]["data"]
    assert data["image"].startswith("data:image/jpeg;base64,")


def test_without_images_nothing_speaks_of_them_and_a_server_is_told_where_they_are(ran, tmp_path):
    told = ran("labels", "export", "m.yaml", "--out", "no images", "--images", "none").stdout
    assert told.endswith("harness labels import m.yaml 'no images/items.csv'\n")
    assert not (tmp_path / "no images/images").exists()
    assert {row["image"] for row in read(tmp_path / "no images/items.csv")} == {""}
    assert "image" not in json.loads((tmp_path / "no images/tasks.json").read_text())[0]["data"]
    assert "<Image" not in (tmp_path / "no images/labeling.xml").read_text()
    ran("labels", "export", "m.yaml", "--out", "out", "--image-url", "/data/local-files/?d=out/images/")
    data = json.loads((tmp_path / "out/tasks.json").read_text())[0]["data"]
    assert data["image"] == f"/data/local-files/?d=out/images/{data['task']}.png"


def test_an_image_that_cannot_be_read_is_told_and_nothing_stands_in_its_place(ran, tmp_path):
    ran("labels", "export", "m.yaml", "--out", "first", "--format", "csv")
    item_id = read(tmp_path / "first/items.csv")[0]["id"]
    next(tmp_path.glob(f"[pf]*/{item_id[1:]}.png")).write_bytes(b"GIF89a no")
    # Another image is another item, which is ranked anew.
    ran("run", "m.yaml", expect=3)
    told = ran("labels", "export", "m.yaml", "--out", "out").stdout
    shown = {row["id"]: row["image"] for row in read(tmp_path / "out/items.csv")}
    assert "  without a picture, since the image cannot be read: 1\n" in told
    assert {found for found, image in shown.items() if not image} == {item_id}
    images = [task["data"]["image"] for task in json.loads((tmp_path / "out/tasks.json").read_text())]
    assert images.count(NOTHING) == 1
    Pillow.open(io.BytesIO(base64.b64decode(NOTHING.partition(",")[2]))).load()


def test_an_image_that_is_in_no_file_is_copied_where_a_link_is_asked_for(tmp_path):
    Image(lambda: b"drawn", "drawn").link(tmp_path / "image")
    assert (tmp_path / "image").read_bytes() == b"drawn"


def test_the_interface_of_label_studio_names_what_every_task_has(ran, tmp_path):
    ran("labels", "export", "m.yaml", "--out", "out")
    interface = ElementTree.parse(tmp_path / "out/labeling.xml").getroot()
    named = {tag.get("value")[1:] for tag in interface if (tag.get("value") or "").startswith("$")}
    for task in json.loads((tmp_path / "out/tasks.json").read_text()):
        assert named <= task["data"].keys()
        assert "id" not in task["data"]
    assert [choice.get("value") for choice in interface.iter("Choice")] == ["pristine", "falsified"]
    assert {tag.get("toName") for tag in interface if tag.get("toName")} <= {tag.get("name") for tag in interface}


def test_of_several_benchmarks_one_is_named(harness, tmp_path, toy):
    several = "words: {uses: words, unlabelled: true}\n  more: {uses: numbered, unlabelled: true}"
    (tmp_path / "toy.yaml").write_text(toy.replace("words: words", several, 1).replace("[0, 1]", "[0]"))
    harness("run", "toy.yaml", expect=3)
    assert harness("labels", "export", "toy.yaml", expect=2).stderr == (
        "error: toy.yaml: several benchmarks are trained on\n  Say which one:  --benchmark words or more .\n"
    )
    told = harness("labels", "export", "toy.yaml", "--benchmark", "more", "--format", "csv").stdout
    assert "harness labels import toy.yaml --benchmark more to-label-more/items.csv\n" in told
    (tmp_path / "toy.yaml").write_text("evaluate_on: {words: words}\nteachers: {a: listens}\nteachers_as_arms: true\n")
    assert harness("labels", "export", "toy.yaml", expect=2).stderr == (
        "error: toy.yaml: no benchmark is trained on, so no label is bought\n"
    )


def test_several_annotators_get_a_file_each_and_share_items(ran, tmp_path):
    ran("labels", "export", "m.yaml", "--out", "out", *(f"--annotator={name}" for name in "xyz"), "--overlap", "2")
    found = {name: [row["id"] for row in read(tmp_path / f"out/items-{name}.csv")] for name in "xyz"}
    assert set(Counter(item_id for ids in found.values() for item_id in ids).values()) == {2}
    assert {len(ids) for ids in found.values()} <= {4, 5}
    assert all(set(found[one]) & set(found[other]) for one, other in ("xy", "yz", "zx"))
    assert {row["annotator"] for row in read(tmp_path / "out/items-x.csv")} == {"x"}
    assert (tmp_path / "out/tasks-x.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--overlap", "2"), "error: --overlap: 2 annotators are to get each item, and 0 are named\n"),
        (("--annotator", "../x"), "error: --annotator: '../x' names no annotator of a file of their own\n"),
        (("--annotator", "x", "--annotator", "x"), "error: --annotator: 'x' names no annotator of a file of their"),
        (("--benchmark", "archives"), "error: m.yaml: no benchmark that is trained on is called 'archives'; did you"),
        (("--out", "no/such/folder"), None),
        (("--out", "m.yaml/x"), "error: m.yaml/x: cannot be written: Not a directory\n"),
    ],
)
def test_an_export_that_cannot_be_is_refused_with_the_way_out(ran, tmp_path, arguments, message):
    result = ran("labels", "export", "m.yaml", *arguments, expect=2 if message else 0)
    assert result.stderr.startswith(message or "")
    assert list(tmp_path.glob(".*-labels*")) == []


@pytest.fixture
def exported(ran, tmp_path):
    """Two copies of an export, for two people; and the command."""
    ran(
        "labels",
        "export",
        "m.yaml",
        "--out",
        "out",
        "--format",
        "csv",
        "--annotator=ann",
        "--annotator=bob",
        "--overlap=2",
    )
    return tmp_path / "out/items-ann.csv", tmp_path / "out/items-bob.csv"


def test_conflicts_are_shown_with_both_sides_and_wait_for_a_decision(ran, exported, tmp_path):
    ann, bob = exported
    first = read(ann)[0]["id"]
    fill(ann, right)
    fill(bob, lambda row: wrong(row) if row["id"] == first else right(row), comment="Look, =1+1")
    result = ran("labels", "import", "m.yaml", ann, bob, expect=3)
    sides = {"ann": right(read(tmp_path / "archive.csv")[int(first[1:])])}
    sides["bob"] = "pristine" if sides["ann"] == "falsified" else "falsified"
    lines = result.stdout.splitlines()
    assert lines[0] == "given.csv: 6 items labelled by 12 judgements of 2 annotators"
    assert lines[1].startswith("  2 people judged 7 items together, they agree in 6 of 7 pairs (86%), Cohen's κ 0.59")
    assert ", Krippendorff's α 0.61" in lines[1]
    assert lines[2:4] == ["1 conflict not imported:", f"  {first}  ann: {sides['ann']}; bob: {sides['bob']}"]
    assert first not in (tmp_path / "given.csv").read_text()
    (open_row,) = read(tmp_path / "archive-conflicts.csv")
    assert open_row["id"] == first
    assert open_row["said"] == f"ann: {sides['ann']}; bob: {sides['bob']}"
    assert open_row["comments"] == "bob: Look, =1+1"

    # Nothing is written over while somebody decides, and a tie has no majority.
    told = ran("labels", "import", "m.yaml", ann, bob, "--settle", "majority", expect=3).stdout
    assert "given.csv: nothing new\n  12 judgements there already\n" in told
    assert (tmp_path / "archive-conflicts-2.csv").is_file()

    fill(tmp_path / "archive-conflicts.csv", lambda _: sides["bob"], annotator="cleo")
    told = ran("labels", "import", "m.yaml", ann, bob, "--settle", "archive-conflicts.csv").stdout
    assert "given.csv: 1 item labelled by 2 judgements of 2 annotators\n" in told
    assert "  1 conflict settled\n" in told
    last = [row for row in read(tmp_path / "given.csv") if row["id"] == first]
    assert [(row["annotator"], row["verdict"], row["settled"]) for row in last] == [
        ("ann", sides["ann"], ""),
        ("bob", sides["bob"], ""),
        ("cleo", sides["bob"], "by cleo"),
    ]
    assert given_labels(tmp_path / "given.csv")[first] == sides["bob"]


def test_a_conflict_is_settled_by_whoever_came_first_or_by_most(ran, exported, tmp_path):
    ann, bob = exported
    fill(ann, right)
    fill(bob, wrong)
    third = tmp_path / "cleo.csv"
    third.write_bytes(bob.read_bytes().replace(b";bob;", b";cleo;"))
    told = ran("labels", "import", "m.yaml", ann, bob, third, "--settle", "majority", "--to", "most.csv").stdout
    assert "7 conflicts settled" in told
    ran("labels", "import", "m.yaml", ann, bob, third, "--settle", "first")
    settled = {
        name: {row["id"]: row["verdict"] for row in read(tmp_path / name) if row["settled"]}
        for name in ("most.csv", "given.csv")
    }
    assert len(settled["most.csv"]) == 7
    # Somebody who looks again may overrule both, with nothing new being said.
    decision = tmp_path / "look again.csv"
    item_id, verdict = next(iter(settled["given.csv"].items()))
    other = "pristine" if verdict == "falsified" else "falsified"
    decision.write_text(f"id,verdict,annotator\n{item_id},{other},dan\n")
    told = ran("labels", "import", "m.yaml", ann, "--settle", decision).stdout
    assert told.startswith("given.csv: 1 item decided otherwise\n")
    assert given_labels(tmp_path / "given.csv")[item_id] == other
    assert all(settled["most.csv"][item_id] != verdict for item_id, verdict in settled["given.csv"].items())


def test_a_later_judgement_that_contradicts_an_imported_one_is_a_conflict_too(ran, exported, tmp_path):
    ann, bob = exported
    fill(ann, right)
    ran("labels", "import", "m.yaml", ann)
    before = (tmp_path / "given.csv").read_bytes()
    assert "7 judgements there already" in ran("labels", "import", "m.yaml", ann).stdout
    fill(bob, wrong)
    assert "7 conflicts not imported" in ran("labels", "import", "m.yaml", bob, expect=3).stdout
    assert (tmp_path / "given.csv").read_bytes() == before


def test_rows_that_cannot_be_labels_are_refused_one_by_one_and_nothing_is_written(ran, exported, tmp_path):
    ann, bob = exported
    fill(ann, right)
    ran("labels", "import", "m.yaml", ann)
    before = (tmp_path / "given.csv").read_bytes()
    found = read(bob)
    own, other = found[0]["id"], found[4]["id"]
    known = [{**row, "label": truth_of(row["caption"])} if row["id"] == own else row for row in ROWS]
    save(known, tmp_path / "archive.csv")
    changes = [
        {"verdict": wrong(found[0])},
        {"verdict": "fake news!"},
        {"task": "", "id": "a1e5", "verdict": "pristine"},
        {"task": found[4]["task"], "verdict": "pristine"},
        {"task": "", "id": "a0", "verdict": "Pristine "},
        {"task": "", "id": "", "verdict": "pristine"},
    ]
    save([{**row, **change} for row, change in zip(found, changes, strict=False)], tmp_path / "bad.csv")
    error = ran("labels", "import", "m.yaml", "bad.csv", expect=2).stderr
    label = truth_of(found[0]["caption"])
    lines = [line for line in error.splitlines() if not line.startswith("  ")]
    assert lines == [
        f"error: bad.csv:2: says {wrong(found[0])} of {own!r}, whose label in the data is {label}",
        "bad.csv:4: the verdict 'fake news!' is none of pristine, in context, falsified, out of context,"
        " out-of-context, ooc",
        "bad.csv:6: no item is called 'a1e5'; did you mean 'a15'?",
        f"bad.csv:8: {found[4]['task']!r} is the item {other!r}, and the row says {found[3]['id']!r}",
        "bad.csv:10: 'a0' is an item of the test split, which is measured on",
        "bad.csv:12: names no item",
        "nothing was imported: 6 faults",
    ]
    assert "  Correct it, or say what it means:  --word 'fake news!=falsified'" in error
    assert (tmp_path / "given.csv").read_bytes() == before


def test_words_of_a_newsroom_mean_what_it_says(ran, exported):
    ann, _ = exported
    fill(ann, lambda row: "TRUE" if right(row) == "pristine" else "Ente")
    told = ran("labels", "import", "m.yaml", ann, "--word", "true=pristine", "--word", "ente=falsified").stdout
    assert told.startswith("given.csv: 7 items labelled by 7 judgements of 1 annotator\n")
    assert ran("labels", "import", "m.yaml", ann, "--word", "true", expect=2).stderr.startswith(
        "error: --word: 'true' says of no word what it means\n"
    )


def test_a_hostile_annotator_can_do_nothing(ran, exported, tmp_path):
    ann, bob = exported
    name = '=HYPERLINK("http://x")\x1b[31m\u202e; falsified\n\''
    fill(ann, right, annotator=name)
    fill(bob, wrong, annotator="../../etc/passwd")
    told = ran("labels", "import", "m.yaml", ann, bob, expect=3).stdout
    assert all(letter.isprintable() or letter == "\n" for letter in told)
    ran("labels", "import", "m.yaml", ann)
    text = (tmp_path / "given.csv").read_text()
    assert not re.search(r"(^|[,;\"])=", text, re.MULTILINE)
    assert {row.annotator for row in given.read(tmp_path / "given.csv")} == {name.strip()}
    assert "no cell waits" in ran("labels", "export", "m.yaml").stdout


def test_where_the_matrix_names_no_file_of_labels_the_import_says_which_line_to_add(ran, exported, tmp_path):
    ann, _ = exported
    (tmp_path / "m.yaml").write_text(MATRIX.replace(", label_file: given.csv", ""))
    fill(ann, right)
    told = ran("labels", "import", "m.yaml", ann).stdout
    assert told == (
        "archive-labels.csv: 7 items labelled by 7 judgements of 1 annotator\n"
        "add to m.yaml, so that archive reads it:\n"
        "  benchmarks:\n    archive:\n      label_file: archive-labels.csv\n"
        "next:  harness run m.yaml\n"
    )
    ran("run", "m.yaml", expect=3)
    (tmp_path / "m.yaml").write_text(MATRIX.replace("given.csv", "archive-labels.csv"))
    ran("run", "m.yaml")


def test_a_benchmark_that_reads_no_file_of_labels_says_what_else_can_be_done(harness, tmp_path, toy):
    (tmp_path / "toy.yaml").write_text(toy.replace("words: words", "words: {uses: words, unlabelled: true}", 1))
    harness("run", "toy.yaml", expect=3)
    harness("labels", "export", "toy.yaml", "--out", "out", "--format", "csv")
    fill(tmp_path / "out/items.csv", lambda _: "pristine")
    assert harness("labels", "import", "toy.yaml", "out/items.csv", expect=2).stderr == (
        "error: words: the benchmark words reads no file of labels that people gave\n"
        "  Put the labels where its own are, or keep them in a file by  --to FILE .\n"
    )
    harness("labels", "import", "toy.yaml", "out/items.csv", "--to", "kept.csv")
    assert {row["verdict"] for row in read(tmp_path / "kept.csv")} == {"pristine"}


def answered(path, answers, minimal=False):
    """What Label Studio exports of the tasks: ``answers`` gives annotations (who, verdict or None) of each."""
    found = []
    for number, task in enumerate(json.loads(path.read_text()), 101):
        annotations = [
            {
                "id": number * 10 + at,
                "completed_by": who,
                "was_cancelled": verdict is None,
                "updated_at": "2026-01-02T03:04:05Z",
                "result": []
                if verdict is None
                else [
                    {"from_name": "verdict", "to_name": "caption", "type": "choices", "value": {"choices": [verdict]}},
                    {"from_name": "comment", "to_name": "caption", "type": "textarea", "value": {"text": ["Seen."]}},
                ],
            }
            for at, (who, verdict) in enumerate(answers(task["data"]))
        ]
        if not minimal:
            found.append({"id": number, "data": task["data"], "annotations": annotations, "predictions": []})
            continue
        found += [
            {
                **task["data"],
                "id": number,
                "annotator": said["completed_by"],
                "verdict": said["result"][0]["value"]["choices"][0],
                "comment": "Seen.",
                "annotation_id": said["id"],
                "updated_at": said["updated_at"],
                "lead_time": 1.5,
            }
            for said in annotations
            if said["result"]
        ]
    path.write_text(json.dumps(found))


@pytest.mark.parametrize("minimal", [False, True])
def test_label_studio_gives_back_what_several_people_said(ran, tmp_path, minimal):
    ran("labels", "export", "m.yaml", "--out", "out", "--format", "label-studio")
    who = {"id": 3, "email": "bob@example.org", "first_name": "", "last_name": ""}
    answered(tmp_path / "out/tasks.json", lambda data: [(1, right(data)), (who, right(data)), (2, None)], minimal)
    told = ran("labels", "import", "m.yaml", "out/tasks.json").stdout
    assert told.startswith("given.csv: 7 items labelled by 14 judgements of 2 annotators\n")
    assert ("7 rows not filled in, or skipped" in told) == (not minimal)
    assert "they agree in 14 of 14" not in told
    assert "they agree in 7 of 7 pairs (100%)" in told
    rows = read(tmp_path / "given.csv")
    assert Counter(row["annotator"] for row in rows) == {"user 1": 7, "bob@example.org": 7}
    assert {(row["time"], row["source"], row["comment"]) for row in rows} == {
        ("2026-01-02T03:04:05Z", "tasks.json", "Seen.")
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "error: tasks.json: is not JSON: Expecting value"),
        ("[" * 100_000, "error: tasks.json: is not JSON: maximum recursion depth"),
        ('{"tasks": []}', "error: tasks.json: is no list of tasks\n  Export the project from Label Studio again"),
        ('[{"data": {"task": "t-0"}, "annotations": [{"completed_by": 1, "result": [{"from_name": "verdict", "value":'
         ' {"choices": ["pristine", "falsified"]}}]}]}]',
         "error: tasks.json: task 1: the verdict 'pristine; falsified' is none of "),
        ('[{"data": 3, "annotations": [4, {"result": [5, {"value": 6}]}]}, {"annotations": 7}, {}]', None),
    ],
    ids=["cut", "deep", "no list", "two choices", "nonsense"],
)  # fmt: skip
def test_what_is_no_export_of_label_studio_is_refused_or_says_nothing(ran, tmp_path, text, message):
    (tmp_path / "tasks.json").write_text(text)
    result = ran("labels", "import", "m.yaml", "tasks.json", expect=2 if message else 0)
    assert result.stderr.startswith(message) if message else "given.csv: nothing new" in result.stdout


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "id,word\na1,pristine\n", "error: a.csv: has no column verdict\n"),
        ("a.csv", "name,verdict\na1,pristine\n", "error: a.csv: has no column task and none id\n"),
        ("a.xlsx", "", "error: a.xlsx: is neither .csv nor .json\n"),
        ("b.csv", None, "error: b.csv: cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_export_is_refused(ran, tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    assert ran("labels", "import", "m.yaml", name, expect=2).stderr.startswith(message)


def test_sides_do_not_depend_on_the_order_of_rows(ran, exported, tmp_path):
    ann, bob = exported
    fill(ann, right)
    fill(bob, wrong)
    for seed in (0, 1):
        rows = read_semicolon(bob)
        random.Random(seed).shuffle(rows)
        with bob.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        ran("labels", "import", "m.yaml", ann, bob, "--settle", "first", "--to", f"{seed}.csv")
        bob.write_text(bob.read_text().replace(",", ";"))
    decided = [
        {row["id"]: row["verdict"] for row in read(tmp_path / f"{seed}.csv") if row["settled"]} for seed in (0, 1)
    ]
    assert decided[0] == decided[1]
    assert len(decided[0]) == 7


def read_semicolon(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, delimiter=";"))


class Said(Benchmark):
    """Items that are called and captioned as a test says."""

    name = "said"
    texts: tuple[tuple[str, str], ...] = ()

    def items(self, split):
        return [Item(item_id, caption) for item_id, caption in self.texts] if split == "train" else []

    def labels(self, split):
        return {}


TEXT = st.text() | st.text(st.sampled_from("=+-@'\"\r\n;,\t <&é"), max_size=8)


@settings(max_examples=60, deadline=None)
@given_(st.dictionaries(TEXT.filter(str.strip), st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=4), st.booleans())
def test_any_text_goes_out_and_comes_back_as_the_label_of_its_item(found, with_task):
    benchmark = Said(texts=tuple((item_id, texts[0]) for item_id, texts in found.items()))
    tasks = [
        Task(
            key_of("b", item.id),
            Item(item.id, item.caption, evidence=Evidence((texts[1],), (texts[2],), (texts[1],))),
            {"t": Annotation(item.id, "ok", "pristine", rationale=texts[2])},
        )
        for item, texts in zip(benchmark.items("train"), found.values(), strict=True)
    ]
    truth = {task.item.id: "falsified" if place % 2 else "pristine" for place, task in enumerate(tasks)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "items.csv"
        file.write_text(sheet.sheet(tasks, ["t"], {}, ""), encoding="utf-8", newline="")
        rows = read(file)
        for row, task in zip(rows, tasks, strict=True):
            row |= {"verdict": truth[task.item.id], "annotator": row["caption"], "comment": row["evidence"]}
            row |= {} if with_task else {"task": ""}
        save(rows, file)
        other = Path(folder) / "tasks.json"
        studio.write(other, tasks, ["t"], None)
        answered(other, lambda data: [(7, truth[data["item_id"]])])
        for path in (file, other):
            judgements = checked(votes_of(path).votes, Register("b", benchmark), {}, "now")
            assert {one.given.item_id: one.given.verdict for one in judgements} == truth
        kept = [one.given for one in checked(votes_of(file).votes, Register("b", benchmark), {}, "now")]
        given.append(Path(folder) / "given.csv", [], kept)
        assert given.read(Path(folder) / "given.csv") == kept
        captions = {task.item.id: task.item.caption.strip() for task in tasks}
        assert all(row.annotator == (captions[row.item_id] or "items") for row in kept)
