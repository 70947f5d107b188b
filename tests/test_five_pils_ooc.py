"""5Pils-OOC, on small files in its published format and, where HARNESS_REAL_DATA is set, on the real one."""

import json
import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from harness import diagnosis, planning
from harness.api import Annotation, DataError, Prediction, Student, Teacher, hookimpl, seed_from, verdict_of
from harness.cli import main
from harness.plugins import Registry
from harness.reading import parse
from harness_benchmarks.five_pils_ooc import FivePilsOoc
from harness_benchmarks.published import content_id

needs_real_data = pytest.mark.skipif(
    not os.environ.get("HARNESS_REAL_DATA"), reason="HARNESS_REAL_DATA, the folder of published data, is not set"
)


def write_pils(folder, change=lambda rows: rows, images=4):
    folder.mkdir(exist_ok=True)
    rows = [
        {
            "image_id": image,
            "id": image + images * other,
            "URL": "https://factly.in/story",
            "caption": f"Accurate words about {image}" if not other else f"Other words about {image}",
            "true_caption": f"Accurate words about {image}",
            "evidence_captions": ["A page", "Fake news about it"] if image else [],
            "image_path": f"processed_img/{image}.png",
        }
        for image in range(images)
        for other in (0, 1)
    ]
    (folder / "test.json").write_text(json.dumps(change(rows)))
    return FivePilsOoc(root=str(folder))


def test_the_accurate_caption_of_an_image_is_pristine_and_the_other_falsified(tmp_path):
    benchmark = write_pils(tmp_path)
    labels = benchmark.labels("test")
    assert Counter(labels.values()) == {"pristine": 4, "falsified": 4}
    assert {item.caption.split()[0]: labels[item.id] for item in benchmark.items("test")} == {
        "Accurate": "pristine",
        "Other": "falsified",
    }


def test_it_is_for_testing_only(tmp_path):
    benchmark = write_pils(tmp_path)
    assert not benchmark.items("train")
    assert not benchmark.labels("validation")
    assert benchmark.gives() == {"evidence"}


def test_neither_id_nor_order_nor_any_part_of_an_item_tells_its_label(tmp_path):
    (tmp_path / "pictures").mkdir()
    for image in range(4):
        Pillow.new("RGB", (2, 2)).save(tmp_path / "pictures" / f"{image}.png")
    benchmark = FivePilsOoc(root=write_pils(tmp_path).root, images=str(tmp_path / "pictures"))
    items = benchmark.items("test")
    assert [item.id for item in items] == sorted(item.id for item in items)
    assert all(re.fullmatch("[0-9a-f]{16}", item.id) for item in items)
    assert [item.id for item in items if item.caption == "Other words about 2"] == [
        content_id("2", "Other words about 2")
    ]
    falsified = [item for item in items if item.caption.startswith("Other")]
    assert "Accurate" not in repr(falsified)
    assert {item.image.name for item in items} == {f"image of 5pils-ooc item {item.id}" for item in items}


def test_both_items_of_an_image_are_one_group_with_the_same_evidence(tmp_path):
    items = write_pils(tmp_path).items("test")
    assert Counter(item.group for item in items) == {f"image-{image}": 2 for image in range(4)}
    assert {item.evidence.captions for item in items if item.group == "image-0"} == {()}
    assert {item.evidence.captions for item in items if item.group == "image-1"} == {("A page",)}


def test_what_was_left_out_is_told(tmp_path):
    benchmark = write_pils(tmp_path)
    (tmp_path / "pictures").mkdir()
    Pillow.new("RGB", (2, 2)).save(tmp_path / "pictures" / "3.png")
    assert benchmark.notes() == {
        "evidence captions found": 12,
        "evidence captions left out that give the verdict away": 6,
        "items for which no evidence caption was found": 2,
        "items whose every evidence caption was left out": 0,
        "evidence that equals the caption": "left out of every item",
        "order of evidence": "as found",
        "items left out for want of their image": 0,
    }
    pictured = FivePilsOoc(root=benchmark.root, images=str(tmp_path / "pictures"))
    assert pictured.notes()["items left out for want of their image"] == 6
    assert set(pictured.labels("test")) == {item.id for item in pictured.items("test")}


def with_row(place, **values):
    return lambda rows: [{**row, **values} if at == place else row for at, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [*rows[2:], *rows[:2]], "rows 0 and 1: image_id is 1 and 1, not 0; it was shuffled or cut"),
        (
            lambda rows: [rows[1], rows[0], *rows[2:]],
            "rows 0 and 1: id is 4 and 0, not 0 and 4; it was shuffled or cut",
        ),
        (lambda rows: rows[:-2], "rows 0 and 1: id is 0 and 4, not 0 and 3; it was shuffled or cut"),
        (lambda rows: rows[:-1], "is not a list of rows, two for each image"),
        (lambda rows: {"rows": rows}, "is not a list of rows, two for each image"),
        (
            with_row(3, caption="Accurate words about 1"),
            "rows 2 and 3: the first caption, and it alone, must be the true one; it was shuffled or cut",
        ),
        (with_row(3, true_caption="Something"), "rows 2 and 3: true_caption differs; it was shuffled or cut"),
        (with_row(3, evidence_captions=[]), "rows 2 and 3: image or evidence differ; it was shuffled or cut"),
        (with_row(5, id="9"), "row 5: id: Input should be a valid integer"),
        (with_row(5, evidence_captions=["a", None]), "row 5: evidence_captions.1: Input should be a valid string"),
        (with_row(5, caption=None), "row 5: caption: Input should be a valid string"),
    ],
)
def test_a_file_that_was_shuffled_or_damaged_is_refused(tmp_path, change, message):
    with pytest.raises(DataError) as caught:
        write_pils(tmp_path, change).items("test")
    assert str(caught.value) == (
        f"test.json: {message}\n  fetch the file again from github.com/UKPLab/naacl2025-cove (data/5pils_ooc)"
    )


@pytest.mark.parametrize(
    "text",
    ["", '[{"image_id": 0,', "[" * 100_000, b"\xff\xfe\xff".decode("latin-1")],
    ids=["empty", "cut", "deep", "no"],
)
def test_a_file_that_is_no_json_is_refused(tmp_path, text):
    benchmark = write_pils(tmp_path)
    (tmp_path / "test.json").write_text(text)
    with pytest.raises(DataError, match=r"^test\.json: is not JSON: "):
        benchmark.labels("test")


def test_a_missing_file_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_REAL_DATA", str(tmp_path))
    with pytest.raises(DataError) as caught:
        FivePilsOoc().digest()
    assert str(caught.value) == (
        f"5pils-ooc: there is no test.json in {tmp_path}/5pils-ooc\n"
        "  put the published files there, or say by root or HARNESS_REAL_DATA where they are"
    )


@needs_real_data
def test_the_published_file_has_624_images_with_two_items_each():
    benchmark = FivePilsOoc()
    items = benchmark.items("test")
    assert Counter(benchmark.labels("test").values()) == {"pristine": 624, "falsified": 624}
    assert set(Counter(item.group for item in items).values()) == {2}


@needs_real_data
def test_ids_of_the_published_file_do_not_sort_by_label():
    labels = [label == "falsified" for label in FivePilsOoc().labels("test").values()]
    assert 0.45 < sum(labels[::2]) / 624 < 0.55
    assert 0.45 < sum(labels[:624]) / 624 < 0.55


@needs_real_data
def test_what_ignores_the_caption_is_right_on_exactly_half():
    benchmark = FivePilsOoc()
    labels = benchmark.labels("test")
    right = sum((not item.evidence.captions) == (labels[item.id] == "falsified") for item in benchmark.items("test"))
    assert right == 624


class Deaf(Teacher):
    """Judges by the evidence alone."""

    name = "deaf"
    revision = 1

    def annotate(self, items):
        for item in items:
            p = seed_from(*item.evidence.captions) % 100 / 100
            yield Annotation(item.id, "ok", verdict_of(p), p)

    def reads(self):
        return frozenset({"evidence"})


class DeafStudent(Student):
    """Predicts by the evidence alone."""

    name = "deaf"
    revision = 1

    def accepts(self):
        return frozenset()

    def reads(self):
        return frozenset({"evidence"})

    def train(self, items, examples, objective, start, bench):
        raise AssertionError

    def predict(self, items, model, bench):
        for item in items:
            p = seed_from("student", *item.evidence.captions) % 100 / 100
            yield Prediction(item.id, "ok", verdict_of(p), p)


class Provides:
    @hookimpl
    def harness_teachers(self):
        return [Deaf]

    @hookimpl
    def harness_students(self):
        return [DeafStudent]


MATRIX = """\
benchmarks: {{words: words}}
evaluate_on: {{pils: {{uses: 5pils-ooc, root: {root}}}}}
teachers: {{deaf: deaf}}
teachers_as_arms: true
students: {{deaf: deaf}}
rules: {{random: random}}
strategies: {{zero-shot: zero-shot}}
seeds: [0]
executor: inline
reports: {{}}
"""


def measured(root, run_plan, registry, store):
    plan = planning.make(parse(MATRIX.format(root=root), registry + Registry.of(Provides())))
    outcome, _ = run_plan(plan)
    assert outcome.reasons == {}
    arms = diagnosis.view(plan, store).arms
    found = arms[arms.evaluated_on == "pils"].set_index("role")
    return [found.loc[role] for role in ("teacher", "student")]


def test_a_run_measures_exactly_half_for_what_ignores_the_caption(tmp_path, run_plan, registry, store):
    for found in measured(write_pils(tmp_path / "pils", images=21).root, run_plan, registry, store):
        assert (found["n"], found["accuracy"]) == (42, 0.5)
        assert found["accuracy_falsified"] == pytest.approx(1 - found["accuracy_pristine"])


@needs_real_data
def test_a_run_measures_exactly_half_on_the_published_file_too(run_plan, registry, store):
    for found in measured(f"{os.environ['HARNESS_REAL_DATA']}/5pils-ooc", run_plan, registry, store):
        assert (found["n"], found["accuracy"]) == (1248, 0.5)


def test_files_are_told_and_every_row_is_an_item_or_is_skipped_with_its_reason(tmp_path):
    root = write_pils(tmp_path / "pils").root
    (tmp_path / "pictures").mkdir()
    Pillow.new("RGB", (2, 2)).save(tmp_path / "pictures" / "3.png")
    benchmark = FivePilsOoc(root=root, images=str(tmp_path / "pictures"))
    assert [(file.name, file.found, file.wanted, file.needed) for file in benchmark.files()] == [
        ("test.json", 1, 1, True),
        ("images", 1, 4, False),
    ]
    assert [(entry.what, entry.reason) for entry in benchmark.skipped()] == [
        (f"test.json row {row}", f"there is no {row // 2}.png in the folder of images") for row in range(6)
    ]
    assert FivePilsOoc(root=root).skipped() == []
    gone = FivePilsOoc(root=str(tmp_path / "nowhere"), images=str(tmp_path / "pictures"))
    assert [file.found for file in gone.files()] == [0, 0]


def test_a_published_ranking_by_the_image_s_own_caption_is_an_oracle_and_says_so(tmp_path):
    def ranked(rows):
        found = ["A page", "Accurate words of another page"]
        return [{**row, "evidence_captions": found} for row in rows]

    benchmark = write_pils(tmp_path, ranked)
    oracle = FivePilsOoc(root=benchmark.root, oracle_ranking=True)
    assert {item.evidence.captions[0] for item in benchmark.items("test")} == {"A page"}
    assert {item.evidence.captions[0] for item in oracle.items("test")} == {"Accurate words of another page"}
    assert benchmark.oracles() == ()
    assert len(oracle.oracles()) == 1


def test_a_plan_says_what_is_read_by_the_label(tmp_path, monkeypatch):
    root = write_pils(tmp_path / "pils", images=8).root
    matrix = MATRIX.format(root=root).replace("5pils-ooc,", "5pils-ooc, oracle_pristine_duplicates: true,")
    matrix = matrix.replace("teachers: {deaf: deaf}", "teachers: {titles: evidence-overlap}")
    (tmp_path / "matrix.yaml").write_text(matrix.replace("students: {deaf: deaf}", "students: {counter: counter}"))
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(main, ["plan", "matrix.yaml"])
    assert said.exit_code == 0, said.output
    assert (
        "oracle: pils: Evidence that equals the caption is left out of pristine items alone, so that the label chooses "
        "what a model is shown, at test too (oracle_pristine_duplicates).\n"
    ) in said.output
    told = json.loads(CliRunner().invoke(main, ["plan", "matrix.yaml", "--json"]).output)
    assert list(told["oracles"]) == ["pils"]


def test_what_equals_the_caption_of_either_item_is_left_out_of_both(tmp_path):
    def told(rows):
        found = ["accurate words about 1!", "Other words about 1", "A page"]
        return [{**row, "evidence_captions": found} if row["image_id"] == 1 else row for row in rows]

    benchmark = write_pils(tmp_path, told)
    assert {item.evidence.captions for item in benchmark.items("test") if item.group == "image-1"} == {("A page",)}
    kept = FivePilsOoc(root=benchmark.root, duplicates="keep").items("test")
    assert {len(item.evidence.captions) for item in kept if item.group == "image-1"} == {3}


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_happens_to_the_file_it_is_read_or_refused_and_no_row_is_lost(data):
    with tempfile.TemporaryDirectory() as folder:
        benchmark = write_pils(Path(folder))
        file = Path(folder) / "test.json"
        content = file.read_bytes()
        at = data.draw(st.integers(0, len(content)))
        rest = data.draw(st.sampled_from([b"", content[at:], content[at + 1 :], content[at + 20 :]]))
        file.write_bytes(content[:at] + data.draw(st.binary(max_size=8)) + rest)
        try:
            items = benchmark.items("test")
        except DataError:
            return
        assert len(items) == len(json.loads(file.read_bytes())) == 8
