"""What a report reads behind the tables: items, answers and logs, when it asks."""

import json
import pickle
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pillow

from harness.api import Image, thumbnail
from harness.details import NoDetails
from harness.diagnosis import view

STUDENT = "words/counter/mmkd/all/hard/0.1/seed-1"


@pytest.fixture
def ran(plan_of, toy, run_plan, store):
    plan = plan_of(toy)
    run_plan(plan, store)
    return plan, store, view(plan, store).details


def picture(pixels, form="PNG", **options):
    out = BytesIO()
    Pillow.fromarray(pixels).save(out, form, **options)
    return Image(lambda: out.getvalue(), "picture")


def test_items_and_the_truth_of_the_test_split_are_read_by_label(ran):
    plan, _, details = ran
    words = plan.matrix.every_benchmark["words"]
    assert list(details.items("words", "train").values()) == list(words.items("train"))
    assert details.truth("words") == words.labels("test")
    assert details.items("other", "test") == details.truth("other") == {}


def test_annotations_are_by_teacher_and_item(ran):
    plan, _, details = ran
    said = details.annotations("words", "train")
    assert list(said) == ["a", "b"]
    assert list(said["a"]) == [item.id for item in plan.matrix.every_benchmark["words"].items("train")]
    assert {annotation.outcome for annotation in said["b"].values()} == {"ok"}
    assert details.teachers("all") == ("a", "b")
    assert details.teachers("none") == ()


def test_a_ranking_is_the_first_seeds(ran):
    plan, store, details = ran
    from harness.steps import rows

    assert details.ranking("hard", "all", "words") == rows.read_ranks(store, plan.ranks["hard", "all", "words", 0])
    assert details.ranking("hard", "all", "other") == ()


@pytest.mark.parametrize("cell", [STUDENT, "words/teacher/a", "words/majority/all"])
def test_predictions_are_those_that_are_scored(ran, cell):
    plan, store, details = ran
    names = {one.point.cell: one for one in plan.cells}
    if cell not in names:
        cell = next(name for name, one in names.items() if one.role == cell.split("/")[1])
    from harness.scores import Scorer

    assert details.predictions(cell, "words") == Scorer(plan, store).answers(names[cell], "words") != {}
    assert details.predictions(cell, "other") == details.predictions("other", "words") == {}


def test_the_trainings_of_a_cell_are_in_their_order_and_have_logs(ran):
    plan, _, details = ran
    first, second = details.trainings(STUDENT)
    assert (plan.steps[first].kind, plan.steps[second].kind) == ("train", "train")
    assert first in plan.needed(second)
    assert details.trainings("words/counter/zero-shot") == details.trainings("other") == ()


def test_a_log_is_read_line_by_line_and_is_bounded(ran, monkeypatch):
    _, store, details = ran
    first, _ = details.trainings(STUDENT)
    path = store.folder("train", first) / "log.jsonl"
    path.write_text('{"loss": 0.5, "step": 1}\n[1]\n{"loss": 0.25, "step": 2}\n', encoding="utf-8")
    assert details.log(first) == [{"loss": 0.5, "step": 1}, {"loss": 0.25, "step": 2}]
    monkeypatch.setattr("harness.itemwise.MOST_LINES", 1)
    assert details.log(first) == [{"loss": 0.5, "step": 1}]
    path.write_text("no json\n", encoding="utf-8")
    assert details.log(first) == ()
    assert details.log("other") == ()


def test_what_was_measured_of_a_training_is_in_its_manifest(ran):
    _, store, details = ran
    first, _ = details.trainings(STUDENT)
    assert [list(line) for line in details.measured(first)] == [["seconds"]]
    assert details.measured("other") == ()
    path = store.folder("train", first) / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["provenance"]["measured"] = [{"step": 1, "tokens_per_second": 9.5}, "x"]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert details.measured(first) == [{"step": 1, "tokens_per_second": 9.5}]
    manifest["provenance"] = [manifest["provenance"]]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert details.measured(first) == ()


def test_what_is_missing_or_damaged_is_empty(ran, plan_of, toy, tmp_path):
    from harness.store import Store

    plan, store, details = ran
    for key in plan.annotations.values():
        (store.folder("annotate", key) / "annotations.jsonl").write_text("{", encoding="utf-8")
    for kind, keys in (("rank", plan.ranks.values()), ("predict", plan.steps)):
        for key in keys:
            if store.has(kind, key):
                next(store.folder(kind, key).glob("*.jsonl")).write_text("{", encoding="utf-8")
    assert details.annotations("words", "train") == {}
    assert details.ranking("hard", "all", "words") == ()
    assert details.predictions(STUDENT, "words") == {}
    nothing = view(plan, Store(tmp_path / "empty")).details
    assert nothing.annotations("words", "test") == nothing.predictions(STUDENT, "words") == {}
    assert nothing.ranking("hard", "all", "words") == nothing.log("x") == ()


def test_a_view_can_be_pickled_with_its_details(plan_of, toy, run_plan, store):
    plan = plan_of(toy)
    run_plan(plan, store)
    seen = view(plan, store)
    again = pickle.loads(pickle.dumps(seen))
    assert again.details.truth("words") == seen.details.truth("words")
    assert again.details.predictions(STUDENT, "words") == seen.details.predictions(STUDENT, "words")


def test_a_view_without_details_has_nothing_behind_its_tables(ran):
    bare = NoDetails()
    assert bare.items("words", "test") == bare.truth("words") == bare.annotations("words", "test") == {}
    assert bare.predictions(STUDENT, "words") == {}
    assert (
        bare.teachers("all") == bare.ranking("hard", "all", "words") == bare.trainings(STUDENT) == bare.log("x") == ()
    )


def test_a_thumbnail_is_small_and_the_same_every_time():
    image = picture(np.random.default_rng(0).integers(0, 255, (900, 600, 3), dtype=np.uint8))
    data = thumbnail(image, 96)
    with Pillow.open(BytesIO(data)) as small:
        assert (small.format, small.size) == ("WEBP", (64, 96))
    assert data == thumbnail(image, 96)
    assert len(thumbnail(image, 640)) <= 12_000


def test_a_thumbnail_keeps_no_metadata():
    exif = Pillow.Exif()
    exif[0x010E] = "taken in secret"
    data = thumbnail(picture(np.zeros((40, 40, 3), dtype=np.uint8), "JPEG", exif=exif))
    assert data
    assert b"secret" not in data


@pytest.mark.parametrize("image", [None, Image(lambda: b"no picture", "x"), Image(lambda: b"", "x")])
def test_what_is_no_picture_has_no_thumbnail(image):
    assert thumbnail(image) == b""


def test_a_thumbnail_of_a_silly_size_is_none():
    image = picture(np.zeros((4, 4, 3), dtype=np.uint8))
    assert thumbnail(image, 0) == thumbnail(image, 100_000) == b""
    assert thumbnail(image, 640) != b""
