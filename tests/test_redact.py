"""What people wrote or photographed is nowhere in a redacted report, nor in the tables beside it."""

import sys
from dataclasses import dataclass, field, fields, replace

import pandas as pd
import pytest

from harness.api import RunView, redact
from harness.discretion import item_digest
from harness.testing import trial
from harness_reports.html import Html

CANARY = "canary-in-the-coal-mine"

PLUGIN = f"""
from dataclasses import replace

from harness.api import Annotation, Evidence, Prediction, hookimpl
from toys import Counter, Listens, Words

CANARY = {CANARY!r}


class Told(Words):
    name = "told"
    revision = 1

    def _item(self, split, index):
        item = super()._item(split, index)
        evidence = Evidence((CANARY,), (CANARY,))
        return replace(item, id=f"{{CANARY}}-{{item.id}}", caption=f"{{CANARY}} {{item.caption}}", evidence=evidence)

    def notes(self):
        return {{"license": CANARY, "origin": "synthetic"}}


class Talks(Listens):
    name = "talks"
    revision = 1

    def annotate(self, items):
        for said in super().annotate(items):
            yield replace(said, rationale=f"because of {{CANARY}}")


class Chokes(Listens):
    name = "chokes"
    revision = 1

    def annotate(self, items):
        raise RuntimeError(f"cannot read {{items[0].caption!r}}")


class Echo(Counter):
    name = "echo"
    revision = 1

    def train(self, items, examples, objective, start, bench):
        super().train({{item_id: _plain(item) for item_id, item in items.items()}}, examples, objective, start, bench)

    def predict(self, items, model, bench):
        for said in super().predict([_plain(item) for item in items], model, bench):
            yield replace(said, text=f"{{CANARY}} it is")


def _plain(item):
    return replace(item, caption=item.caption.removeprefix(CANARY + " "))


@hookimpl
def harness_benchmarks():
    return (Told,)


@hookimpl
def harness_teachers():
    return (Talks, Chokes)


@hookimpl
def harness_students():
    return (Echo,)
"""

MATRIX = f"""\
# {CANARY}
benchmarks: {{words: told}}
teachers:
  a: {{uses: talks, words: [omega]}}
  b: {{uses: talks, words: [omega, kappa]}}
  c: chokes
teacher_sets: {{two: [a, b], three: [a, b, c]}}
teachers_as_arms: true
students: {{counter: echo}}
rules: {{hard: hard-disagreement}}
strategies: {{zero-shot: zero-shot, stage1-only: stage1-only, mmkd: mmkd}}
label_fractions: [0.25]
seeds: [0, 1]
executor: inline
reports: {{page: html}}
"""


@pytest.fixture
def harness(harness, tmp_path, monkeypatch):
    """Runs a command where the plugin with the canary is installed and its matrix lies."""
    plugins = tmp_path / "plugins"
    about = plugins / "canary-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: canary\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[harness]\ncanary = canary_parts\n")
    (plugins / "canary_parts.py").write_text(PLUGIN)
    (tmp_path / "birds.yaml").write_text(MATRIX)
    monkeypatch.syspath_prepend(str(plugins))
    yield harness
    sys.modules.pop("canary_parts", None)


def holding(folder, text):
    """Files in the folder that hold the text."""
    return {file.name for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()}


def test_what_was_written_is_in_no_file_of_a_redacted_report(harness, tmp_path):
    harness("run", "birds.yaml", expect=3)
    assert holding(tmp_path / "runs/birds", CANARY) >= {"report.html", "failures.csv", "results.csv", "benchmarks.csv"}
    said = harness("report", "birds.yaml", "--redact").stdout
    assert said == "report: runs/birds-redacted/report.html\n"
    out = tmp_path / "runs/birds-redacted"
    assert holding(out, CANARY) == set()
    # The record of the run holds the text of the matrix.
    assert {file.name for file in (tmp_path / "runs/birds").iterdir()} - {file.name for file in out.iterdir()} == {
        "run.json"
    }


def test_names_and_numbers_stay_and_the_page_says_that_it_is_redacted(harness, tmp_path):
    harness("run", "birds.yaml", expect=3)
    harness("report", "birds.yaml", "--redact", "--out", "red")
    before, after = (pd.read_csv(tmp_path / folder / "arms.csv") for folder in ("runs/birds", "red"))
    assert set(after["role"]) == {"student", "teacher", "majority"}
    pd.testing.assert_frame_equal(after, before)
    failures = pd.read_csv(tmp_path / "red/failures.csv")
    assert set(failures["reason"]) == {"not shown: this report is redacted"}
    assert set(failures["state"]) == {"failed"}
    page = (tmp_path / "red/report.html").read_text()
    assert '<span class="badge">Redacted</span>' in page
    assert '<span class="badge">Synthetic data</span>' in page
    assert "birds" in page
    harness("verify", "red/report.html", "--matrix", "birds.yaml")


def test_a_redacted_report_names_the_remedy_where_its_matrix_is_needed(harness):
    harness("run", "birds.yaml", expect=3)
    harness("report", "birds.yaml", "--redact", "--out", "red")
    assert harness("verify", "red/report.html", expect=2).stderr == (
        "error: red/report.html: is redacted and does not show its matrix\n"
        "  Give the matrix file itself; `harness verify red/report.html --matrix FILE` then names what differs.\n"
    )


def test_a_report_can_be_redacted_by_its_option(harness, tmp_path):
    text = MATRIX.replace("page: html", "page: {uses: html, redact: true}")
    (tmp_path / "birds.yaml").write_text(text)
    harness("run", "birds.yaml", expect=3)
    assert "report.html" not in holding(tmp_path / "runs/birds", CANARY)
    assert "results.csv" in holding(tmp_path / "runs/birds", CANARY)
    harness("verify", "runs/birds/report.html", "--matrix", "birds.yaml")


def test_the_option_and_the_command_give_the_same_page(tmp_path):
    seen = trial.finished()
    (by_option,) = Html(redact=True).render(seen, tmp_path / "option")
    (by_command,) = Html().render(redact(seen), tmp_path / "command")
    assert by_option.read_bytes() == by_command.read_bytes()


@dataclass(frozen=True, slots=True)
class Later(RunView):
    """A view with more in it than this version knows."""

    disputed: pd.DataFrame = field(default_factory=pd.DataFrame)
    thumbnails: dict[str, bytes] = field(default_factory=dict)
    motto: str = ""


def test_what_nobody_has_listed_does_not_stay():
    seen = trial.finished()
    disputed = pd.DataFrame(
        {
            "item_id": ["canary-1", "canary-2"],
            "other_item": ["canary-2", ""],
            "caption": [CANARY, ""],
            "rationales": [{"a": CANARY}, None],
            "picture": [CANARY.encode(), None],
            "p_falsified": [0.25, float("nan")],
            "mixed": [CANARY, 3],
            "teacher": ["a", "b"],
        }
    )
    more = {"disputed": disputed, "thumbnails": {"x": CANARY.encode()}, "motto": CANARY}
    found = redact(Later(**{part.name: getattr(seen, part.name) for part in fields(seen)}, **more))
    assert (found.thumbnails, found.motto) == ({}, "")
    rows = found.disputed.astype(object).where(found.disputed.notna(), None).to_dict("records")
    hidden = "not shown: this report is redacted"
    assert rows == [
        {
            "item_id": item_digest("canary-1"),
            "other_item": item_digest("canary-2"),
            "caption": hidden,
            "rationales": None,
            "picture": None,
            "p_falsified": 0.25,
            "mixed": hidden,
            "teacher": "a",
        },
        {
            "item_id": item_digest("canary-2"),
            "other_item": "",
            "caption": "",
            "rationales": None,
            "picture": None,
            "p_falsified": None,
            "mixed": 3,
            "teacher": "b",
        },
    ]


def test_the_provenance_keeps_versions_and_nothing_else():
    facts = {"steps": 3, "python": "3", "prompt": CANARY, "packages": {"numpy": "2"}}
    seen = replace(trial.finished(), provenance={"surroundings": [facts], "remark": CANARY})
    assert redact(seen).provenance == {"surroundings": [{"steps": 3, "python": "3", "packages": {"numpy": "2"}}]}


def test_items_and_answers_stay_by_digests_without_their_texts(harness, tmp_path):
    from harness import planning
    from harness.diagnosis import view
    from harness.plugins import Registry
    from harness.reading import load
    from harness.store import Store

    harness("run", "birds.yaml", expect=3)
    plan = planning.make(load(tmp_path / "birds.yaml", Registry.installed()))
    seen = view(plan, Store(tmp_path / "runs/store"))
    plain, told = seen.details, redact(seen).details
    assert CANARY in str(plain.items("words", "test"))
    cell = "words/counter/stage1-only/two/seed-0"
    read = (
        told.items("words", "test"),
        told.truth("words"),
        told.annotations("words", "train"),
        told.ranking("hard", "two", "words"),
        told.predictions(cell, "words"),
        [told.log(step) for step in told.trainings(cell)],
    )
    assert all(read)
    assert CANARY not in str(read)
    answers, before = told.predictions(cell, "words"), plain.predictions(cell, "words")
    assert [said.verdict for said in answers.values()] == [said.verdict for said in before.values()]
    assert [*answers] == [item_digest(item_id) for item_id in before] == [said.item_id for said in answers.values()]
    assert told.teachers("two") == plain.teachers("two") == ("a", "b")


def test_what_is_redacted_is_not_redacted_again():
    seen = redact(trial.finished())
    assert redact(seen) is seen


def test_a_view_is_left_as_it_was():
    seen = trial.half()
    before = {name: table.copy(deep=True) for name, table in trial.tables(seen).items()}
    redact(seen)
    assert all(table.equals(before[name]) for name, table in trial.tables(seen).items())
