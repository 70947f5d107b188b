"""What `harness explain` says of every kind of change."""

import csv
import importlib
import re
import sys

import pytest

from harness import planning
from harness.explain import explain, find
from harness.plan import REVISIONS
from harness.plugins import Registry
from harness.reading import parse
from harness.store import Store

MATRIX = """\
benchmarks: {words: {uses: words, train: 12, test: 8}}
teachers:
  a: {uses: listens, words: [omega]}
  b: {uses: listens, words: [omega, kappa]}
teachers_as_arms: true
students: {counter: counter}
rules: {hard: hard-disagreement, random: random}
strategies: {stage1-only: stage1-only, mmkd: mmkd, supervised: supervised}
label_fractions: [0.25]
seeds: [0]
executor: inline
reports: {}
"""

MMKD = "words/counter/mmkd/all/hard/0.25/seed-0"

PLUGIN = '''\
"""A teacher and a student whose code and files a test changes."""

from pathlib import Path

from harness.api import Annotation, Teacher, file_digest, hookimpl
from toys import Counter


class Steady(Teacher):
    """Says falsified of captions with kappa."""

    name = "steady"
    templates = ("prompt.txt",)

    def annotate(self, items):
        for item in items:
            yield Annotation(item.id, "ok", "falsified" if "kappa" in item.caption else "pristine")


class Raised(Steady):
    """The same with a promise."""

    name = "raised"
    revision = 1


class Based(Counter):
    """Counts from a model on the disk."""

    name = "based"
    revision = 1
    model: str
    transport = frozenset({"model"})

    def digest(self):
        return file_digest(Path(self.model))


@hookimpl
def harness_teachers():
    return [Steady, Raised]


@hookimpl
def harness_students():
    return [Based]
'''


@pytest.fixture
def own(tmp_path, monkeypatch, registry):
    """A registry with the plugin as it is written now."""
    # A name of its own: where a module lies is looked up once.
    folder, name = tmp_path / "plugin", f"plugin_of_{tmp_path.name}"
    folder.mkdir()
    (folder / "prompt.txt").write_text("Is it true?\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(source=PLUGIN):
        (folder / f"{name}.py").write_text(source)
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return registry + Registry.of(importlib.import_module(name))

    load.folder = folder
    yield load
    sys.modules.pop(name, None)


@pytest.fixture
def told(store):
    """What is explained of a cell: without ingredients, keys by a sign, seconds by a nought."""

    def tell(plan, name, *, whole=False):
        (cell,) = find(plan, name)
        lines = list(explain(plan, store, cell))
        kept = [line for entry in lines for line in entry.splitlines() if whole or _leads(line)]
        text = "\n".join(kept) + "\n"
        return re.sub(r"took \d+\.\d s", "took 0.0 s", re.sub(r"\b[0-9a-f]{12}\b", "#", text))

    return tell


def _leads(line):
    words = (
        "stored:",
        "not stored:",
        "damaged:",
        "failed:",
        "waiting:",
        "`harness labels",
        "the next",
        "it runs as soon",
        "blocked:",
    )
    return not line.startswith(" ") or line.strip().startswith(words)


REUSED = "  stored: it took 0.0 s and is reused\n"


@pytest.fixture
def change(plan_of, run_plan, told):
    """What is explained of a cell after a matrix was run and then another text of it read."""

    def go(old, new, name, text=MATRIX, whole=False):
        run_plan(plan_of(text))
        assert old in text
        return told(plan_of(text.replace(old, new)), name, whole=whole)

    return go


def test_an_option_is_named_with_both_values_before_all_ingredients(change):
    assert change("words: [omega]", "words: [omega, beta]", "words/teacher/a", whole=True) == (
        '1 of 1 step will run, since option `words` of teacher a is ["omega", "beta"], and was ["omega"]\n'
        "annotate a on words test  [#], shared by 2 cells\n"
        '  not stored: it will run, since option `words` of teacher a is ["omega", "beta"], and was ["omega"]\n'
        "  nearest stored: [#], which differs in\n"
        '    components.teacher.options.words: ["omega"] → ["omega", "beta"]\n'
        "  teacher: listens, code 1\n"
        "    words: ['omega', 'beta']\n"
        "    refuses: \n"
        "    breaks: \n"
        "    line: \n"
        "  benchmark: words, code 1\n"
        "    train: 12\n"
        "    test: 8\n"
        "    single_class: False\n"
        "    repeat_id: False\n"
        "    unlabelled: False\n"
        "    delay: 0.0\n"
        "  split: test\n"
    )


def test_a_transport_option_changes_nothing(change):
    assert change("words: [omega]}", "words: [omega], line: other}", "words/teacher/a") == (
        "nothing runs: it is stored\nannotate a on words test  [#], shared by 2 cells\n" + REUSED
    )


def test_where_all_is_stored_nothing_else_in_the_store_is_read(plan_of, run_plan, told, monkeypatch):
    run_plan(plan_of(MATRIX))
    monkeypatch.delattr(Store, "manifests")
    assert told(plan_of(MATRIX), MMKD).startswith("nothing runs: all 6 steps are stored\n")


STEADY = MATRIX.replace("uses: listens, words: [omega, kappa]", "uses: steady")


def test_the_source_of_a_plugin_is_named(own, run_plan, told):
    run_plan(planning.make(parse(STEADY, own())))
    edited = own(PLUGIN.replace("captions with kappa", "captions that hold kappa"))
    assert told(planning.make(parse(STEADY, edited)), "words/teacher/b") == (
        "1 of 1 step will run, since the source of teacher b or a template beside it has changed\n"
        "annotate b on words test  [#], shared by 2 cells\n"
        "  not stored: it will run, since the source of teacher b or a template beside it has changed\n"
    )


def test_a_prompt_template_is_a_part_of_the_source(own, run_plan, told):
    run_plan(planning.make(parse(STEADY, own())))
    (own.folder / "prompt.txt").write_text("Is it false?\n")
    assert told(planning.make(parse(STEADY, own())), "words/teacher/b").startswith(
        "1 of 1 step will run, since the source of teacher b or a template beside it has changed\n"
    )


def test_a_revision_that_was_raised_is_named_with_both_numbers(own, run_plan, told):
    raised = STEADY.replace("uses: steady", "uses: raised")
    run_plan(planning.make(parse(raised, own())))
    edited = own(PLUGIN.replace("revision = 1\n\n\nclass Based", "revision = 2\n\n\nclass Based"))
    assert told(planning.make(parse(raised, edited)), "words/teacher/b") == (
        "1 of 1 step will run, since the revision of teacher b is 2, and was 1\n"
        "annotate b on words test  [#], shared by 2 cells\n"
        "  not stored: it will run, since the revision of teacher b is 2, and was 1\n"
    )


def test_the_files_of_a_model_are_named_with_the_student_that_reads_them(own, run_plan, told, tmp_path):
    text = MATRIX.replace("counter: counter", f"counter: {{uses: based, model: {tmp_path / 'base'}}}")
    (tmp_path / "base").mkdir()
    (tmp_path / "base/weights").write_text("one")
    run_plan(planning.make(parse(text, own())))
    (tmp_path / "base/weights").write_text("two")
    assert told(planning.make(parse(text, own())), "words/counter/stage1-only/all/seed-0") == (
        "2 of 4 steps will run, since the files that student counter reads have changed\n"
        "annotate a on words train  [#], shared by 3 cells\n"
        + REUSED
        + "annotate b on words train  [#], shared by 3 cells\n"
        + REUSED
        + "train counter by stage1-only, stage 1, seed 0  [#], shared by 3 cells\n"
        "  not stored: it will run, since the files that student counter reads have changed\n"
        "predict counter by stage1-only, stage 1, seed 0 on words test  [#], shared by 1 cell\n"
        "  not stored: it will run, since the files that student counter reads have changed\n"
    )


TABLE = MATRIX.replace("{uses: words, train: 12, test: 8}", "{uses: table, file: FILE, image: null, entities: things}")


@pytest.fixture
def table(tmp_path):
    """Writes captions and labels, and gives the matrix over them."""

    def write(captions=("omega beta", "kappa beta", "delta beta"), labels=("falsified", "pristine")):
        with open(tmp_path / "items.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "caption", "label", "split", "things"])
            for number in range(24):
                split = "train" if number < 16 else "test"
                label = labels[number % len(labels)] if split == "train" else ("falsified", "pristine")[number % 2]
                rows.writerow([f"i{number}", captions[number % len(captions)], label, split, '["x"]'])
        return TABLE.replace("FILE", str(tmp_path / "items.csv"))

    return write


def test_a_file_of_the_data_is_named_once_though_it_reaches_every_step(table, plan_of, run_plan, told):
    run_plan(plan_of(table()))
    lines = told(plan_of(table(captions=("omega beta", "kappa gamma", "delta beta"))), MMKD).splitlines()
    assert lines[0] == "6 of 6 steps will run, since the files that benchmark words reads have changed"
    assert len(lines) == 13
    for line in lines[2::2]:
        assert line == "  not stored: it will run, since the files that benchmark words reads have changed"


def test_a_label_that_changed_reaches_what_bought_labels_and_nothing_else(table, plan_of, run_plan, told):
    run_plan(plan_of(table()))
    lines = told(plan_of(table(labels=("falsified", "pristine", "pristine"))), MMKD).splitlines()
    assert lines[0] == "2 of 6 steps will run, since labels of the training items have changed"
    assert lines[9:] == [
        "train counter by mmkd, stage 2, seed 0, 4 labels by hard  [#], shared by 1 cell",
        "  not stored: it will run, since labels of the training items have changed",
        "predict counter by mmkd, stage 2, seed 0, 4 labels by hard on words test  [#], shared by 1 cell",
        "  not stored: it will run, since labels of the training items have changed"
        " (by train counter by mmkd, stage 2, seed 0, 4 labels by hard)",
    ]


def test_another_seed_is_named(change):
    told = change("seeds: [0]", "seeds: [3]", "words/counter/stage1-only/all/seed-3")
    assert told == (
        "2 of 4 steps will run, since its seed is another\n"
        "annotate a on words train  [#], shared by 3 cells\n"
        + REUSED
        + "annotate b on words train  [#], shared by 3 cells\n"
        + REUSED
        + "train counter by stage1-only, stage 1, seed 3  [#], shared by 3 cells\n"
        "  not stored: it will run, since its seed is another\n"
        "predict counter by stage1-only, stage 1, seed 3 on words test  [#], shared by 1 cell\n"
        "  not stored: it will run, since its seed is another (by train counter by stage1-only, stage 1, seed 3)\n"
    )


def test_another_fraction_is_named_by_the_labels_that_it_buys(change):
    lines = change("[0.25]", "[0.5]", "words/counter/supervised/random/0.5/seed-0").splitlines()
    assert lines[0] == "2 of 3 steps will run, since it buys 6 labels at most, and bought 3"
    assert lines[4] == "  not stored: it will run, since it buys 6 labels at most, and bought 3"


def test_another_teacher_in_the_set_is_named_and_the_steps_that_the_set_reaches(change):
    told = change("teachers_as", "  c: {uses: curt}\nteachers_as", "words/counter/stage1-only/all/seed-0")
    assert told.splitlines()[0] == (
        "3 of 5 steps will run, since teacher c is a Curt, and was Listens;"
        " and teacher c is among its teachers, and was not"
    )
    assert told.endswith(
        "train counter by stage1-only, stage 1, seed 0  [#], shared by 3 cells\n"
        "  not stored: it will run, since teacher c is among its teachers, and was not\n"
        "predict counter by stage1-only, stage 1, seed 0 on words test  [#], shared by 1 cell\n"
        "  not stored: it will run, since teacher c is among its teachers, and was not"
        " (by train counter by stage1-only, stage 1, seed 0)\n"
    )


def test_a_change_upstream_is_followed_to_where_it_began(change):
    lines = change("words: [omega]}", "words: [beta]}", MMKD).splitlines()
    option = 'option `words` of teacher a is ["beta"], and was ["omega"]'
    assert lines[0] == f"5 of 6 steps will run, since {option}"
    reasons = dict(zip(lines[1::2], lines[2::2], strict=True))
    assert [line.strip().removeprefix("not stored: it will run, since ") for line in reasons.values()] == [
        option,
        "stored: it took 0.0 s and is reused",
        f"{option} (by annotate a on words train)",
        f"{option} (by annotate a on words train)",
        f"{option} (by annotate a on words train)",
        f"{option} (by annotate a on words train → train counter by mmkd, stage 2, seed 0, 3 labels by hard)",
    ]


def test_an_upstream_step_that_is_made_already_is_followed_too(plan_of, run_plan, told, store):
    run_plan(plan_of(MATRIX))
    edited = MATRIX.replace("words: [omega]}", "words: [beta]}")
    run_plan(plan_of(edited.replace("mmkd: mmkd, ", "")))
    lines = told(plan_of(edited), MMKD).splitlines()
    option = 'option `words` of teacher a is ["beta"], and was ["omega"]'
    assert lines[0] == f"3 of 6 steps will run, since {option}"
    assert lines[2] == REUSED.rstrip()


def test_a_revision_of_the_harness_is_named(plan_of, run_plan, told, monkeypatch):
    run_plan(plan_of(MATRIX))
    monkeypatch.setitem(REVISIONS, "annotate", 7)
    assert told(plan_of(MATRIX), "words/teacher/a") == (
        "1 of 1 step will run, since the harness does annotate steps otherwise: their revision is 7, and was 1\n"
        "annotate a on words test  [#], shared by 2 cells\n"
        "  not stored: it will run, since the harness does annotate steps otherwise: their revision is 7, and was 1\n"
    )


def test_another_class_is_named_without_its_options(change):
    assert change("uses: listens, words: [omega]}", "uses: curt}", "words/teacher/a").splitlines()[0] == (
        "1 of 1 step will run, since teacher a is a Curt, and was Listens"
    )


def test_a_store_with_nothing_of_the_kind_is_said_to_be_empty(plan_of, told):
    assert told(plan_of(MATRIX), "words/teacher/a") == (
        "1 of 1 step will run\nannotate a on words test  [#], shared by 2 cells\n"
        "  not stored: it will run, since the store has no annotate step\n"
    )


def test_a_damaged_artifact_is_named_with_its_file(plan_of, run_plan, told, store):
    plan = plan_of(MATRIX)
    run_plan(plan)
    key = plan.annotations["a", "words", "test"]
    file = store.folder("annotate", key) / "annotations.jsonl"
    file.write_text(file.read_text().replace("falsified", "pristine", 1))
    assert told(plan, "words/teacher/a") == (
        "1 of 1 step damaged\nannotate a on words test  [#], shared by 2 cells\n"
        "  damaged: annotations.jsonl is not as it was written; a run that needs it sets it aside and makes it again\n"
    )
    file.unlink()
    assert "damaged: annotations.jsonl is missing; " in told(plan, "words/teacher/a")


def test_a_step_that_waits_for_labels_says_for_which(plan_of, run_plan, told):
    plan = plan_of(MATRIX.replace("test: 8", "test: 8, unlabelled: true"))
    run_plan(plan)
    assert told(plan, "words/counter/supervised/random/0.25/seed-0") == (
        "1 of 3 steps waiting; 1 blocked by these\n"
        "rank random on words, seed 0  [#], shared by 2 cells\n"
        + REUSED
        + "train counter by supervised, stage 1, seed 0, 3 labels by random  [#], shared by 1 cell\n"
        "  waiting: 3 of the 3 labels to be bought do not exist yet, first 'train-0'\n"
        "  `harness labels export` writes them for people, `harness labels import` takes the labels back.\n"
        "  it runs as soon as what it waits for is there, in the next `harness run`\n"
        "predict counter by supervised, stage 1, seed 0, 3 labels by random on words test  [#], shared by 1 cell\n"
        "  blocked: it reads what train counter by supervised, stage 1, seed 0, 3 labels by random (waiting)"
        " would make\n"
    )


def test_a_step_that_failed_says_why_and_what_comes_of_it(plan_of, run_plan, told):
    plan = plan_of(MATRIX.replace("words: [omega]}", "words: [omega], breaks: alpha}"))
    run_plan(plan)
    assert told(plan, "words/teacher/a") == (
        "1 of 1 step failed\nannotate a on words test  [#], shared by 2 cells\n"
        "  failed: RuntimeError: the line is dead\n"
        "  the next `harness run` tries it again; `harness logs` has what it printed\n"
    )


def test_a_model_is_compared_with_its_own_past_and_not_with_an_untrained_one(change):
    told = change(
        "words: [omega]}", "words: [beta]}", MMKD, text=MATRIX.replace("{stage1", "{zero-shot: zero-shot, stage1")
    )
    assert "it reads a model" not in told
    assert told.startswith('5 of 6 steps will run, since option `words` of teacher a is ["beta"], and was ["omega"]\n')
