"""What is read by the label is said wherever a number of the run is seen."""

import json
from dataclasses import replace

import pytest
from toys import Words

from harness import diagnosis, planning, provenance, record
from harness.api import hookimpl, redact
from harness.plugins import Registry
from harness.reading import parse
from harness.run import run
from harness.store import Store
from harness_reports.figures import Figures
from harness_reports.html import Html
from harness_reports.latex import Latex
from harness_reports.markdown import Markdown
from harness_reports.seen import Seen
from harness_reports.tracking import entries

SENTENCE = "Evidence is ranked by <the caption> that belongs to the image."
MATRIX = """\
benchmarks: {told: told}
evaluate_on: {words: {uses: words, test: 20}}
teachers: {a: {uses: listens, words: [omega]}}
teachers_as_arms: true
students: {counter: counter}
rules: {random: random}
strategies: {zero-shot: zero-shot, supervised: supervised}
label_fractions: [0.25]
seeds: [0]
executor: inline
reports: {}
"""


class Told(Words):
    name = "told"
    revision = 1

    def oracles(self):
        return (SENTENCE,)


class Quiet:
    def begin(self, total, reused):
        pass

    def started(self, step):
        pass

    def ended(self, step, report):
        pass


class Provides:
    @hookimpl
    def harness_benchmarks(self):
        return [Told]


@pytest.fixture(scope="module")
def plan():
    return planning.make(parse(MATRIX, Registry.installed() + Registry.of(Provides())))


@pytest.fixture(scope="module")
def view(plan, registry, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("oracles") / "store")
    run(plan, store, plan.matrix.executor, registry, provenance.collect(registry), Quiet())
    return diagnosis.view(plan, store)


def rendered(report, view, folder):
    return {file.name: file.read_text() for file in report.render(view, folder)}


def test_the_table_of_benchmarks_has_the_sentences(view):
    found = view.benchmarks.set_index(["benchmark", "split"])["oracles"].to_dict()
    assert found == {
        ("told", "train"): SENTENCE,
        ("told", "test"): SENTENCE,
        ("words", "train"): "",
        ("words", "test"): "",
    }


def test_every_arm_that_was_trained_or_tested_so_carries_a_warning(view):
    warned = {
        (row.role, row.strategy, row.evaluated_on): "oracle: how told is read depends on the label" in row.warnings
        for row in view.arms.itertuples()
    }
    assert {arm for arm, is_warned in warned.items() if not is_warned} == {("teacher", "teacher", "words")}
    assert {("student", "supervised", "words"), ("teacher", "teacher", "told")} < set(warned)


def test_the_record_beside_the_tables_has_the_sentences(plan):
    assert json.loads(record.written(plan))["oracles"] == {"told": [SENTENCE]}


def test_the_page_has_a_badge_a_threat_and_the_sentence_escaped(view, tmp_path):
    text = rendered(Html(), view, tmp_path)["report.html"]
    assert '<span class="badge">Oracle</span>' in text
    assert "told: the data are read by the label, so no number here is reached on new posts." in text
    assert "Oracle: the data are read by the label" in text
    assert "Evidence is ranked by &lt;the caption&gt; that belongs to the image." in text
    assert "<the caption>" not in text


def test_markdown_and_latex_say_so_beside_their_numbers(view, tmp_path):
    told = "Oracle (told): the data are read by the label, so no such number is reached on new posts."
    assert f"- {told}" in rendered(Markdown(), view, tmp_path)["report.md"]
    tex = rendered(Latex(), view, tmp_path)["table.tex"]
    captions = [line for line in tex.splitlines() if line.startswith(r"\caption")]
    assert captions
    assert all(told in line for line in captions)


def test_a_drawing_says_so_where_it_is_seen(view, tmp_path):
    drawings = rendered(Figures(pdf=False), view, tmp_path)
    assert drawings
    assert all(">Oracle</text>" in text for text in drawings.values())


def test_a_tracker_finds_the_arms_by_it(view):
    arms = [entry.params for entry in entries(Seen.of(view)) if entry.level == "arm"]
    told = {params["evaluated_on"]: params.get("oracle") for params in arms if params["role"] == "teacher"}
    assert told == {"told": "told", "words": None}
    assert {params["oracle"] for params in arms if params["role"] == "student"} == {"told"}


def test_a_redacted_report_says_so_without_the_sentences(view, tmp_path):
    text = rendered(Html(), redact(view), tmp_path)["report.html"]
    assert '<span class="badge">Oracle</span>' in text
    assert "how it is read depends on the label; in which way is" in text
    assert "belongs to the image" not in text


def test_nothing_of_it_is_said_where_nothing_is_read_by_the_label(view, tmp_path):
    clean = replace(view, benchmarks=view.benchmarks.assign(oracles=""), arms=view.arms.assign(warnings=""))
    for report in (Html(), Markdown(), Latex(), Figures(pdf=False)):
        for name, text in rendered(report, clean, tmp_path).items():
            assert "oracle" not in text.replace("oracles", "").lower(), name
