"""Exports say what the page says: the same digits, from the same view, whatever is in it."""

import dataclasses
import json
import re
import runpy
import shutil
import subprocess
import sys
from html import unescape
from importlib.util import find_spec
from itertools import pairwise
from math import isnan
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pandas as pd
import pytest

import harness.columns
import harness.findings
from harness.api import MissingDependency
from harness.plugins import Registry
from harness.testing import checks_for, trial
from harness_reports import figures, frames, latex, markdown
from harness_reports.arm_lines import Metric
from harness_reports.dictionary import TABLES, meaning
from harness_reports.figures import Figures
from harness_reports.forest import Measured, forest
from harness_reports.frames import Tables
from harness_reports.html import page
from harness_reports.latex import Latex
from harness_reports.markdown import Markdown, escape
from harness_reports.seen import Seen
from harness_reports.tex import stem, stems, tex

MADE = runpy.run_path(str(Path(__file__).parent / "test_report_html.py"))
VIEWS = {
    "done": MADE["demo_view"],
    "half": MADE["midrun_view"],
    "nothing": MADE["empty_view"],
    "trial": trial.finished,
    "hostile": trial.hostile,
}
needs_arrow = pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed")
needs_pdf = pytest.mark.skipif(find_spec("vl_convert") is None, reason="vl-convert-python is not installed")
EXPORTS = [
    Latex(),
    Latex(metric="brier", columns=get_args(Metric), intervals=False, letters=True),
    Markdown(),
    Tables(format="csv"),
    pytest.param(Tables(), marks=needs_arrow),
    Figures(),
    pytest.param(Figures(pdf=True), marks=needs_pdf),
]


@pytest.fixture(scope="module")
def done():
    return MADE["demo_view"]()


@pytest.fixture
def written(tmp_path):
    """Renders, and gives the texts by file name."""

    def render(report, view):
        return {file.name: file.read_text(encoding="utf-8") for file in report.render(view, tmp_path)}

    return render


@pytest.mark.parametrize("check", checks_for(Latex), ids=lambda check: check.__name__)
@pytest.mark.parametrize("report", EXPORTS, ids=lambda report: f"{report.name}-{len(repr(report))}")
def test_an_export_keeps_the_contract_of_a_report(report, check):
    check(report)


@pytest.mark.parametrize("module", [latex, markdown, frames, figures])
def test_an_export_is_a_plugin_of_its_own_and_imports_nothing_heavy(module):
    assert [plugin.error for plugin in Registry.of(module).plugins] == [""]
    heavy = "{'pandas', 'jinja2', 'numpy', 'pyarrow', 'vl_convert'}"
    code = f"import sys, {module.__name__}; print(*{heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


# The same numbers


def cells_of(row):
    return [cell.strip() for cell in row.removesuffix(r"\\").split(" & ")]


def table_rows(text):
    """Rows of arms by name, from all tables of a file."""
    body = [line for line in text.splitlines() if line.endswith(r" \\") and r"\multicolumn" not in line]
    return {cells[0]: cells[1:] for cells in map(cells_of, body) if cells[0] != "Arm"}


def shown(value, digits=1):
    return "--" if isnan(value) else f"{100 * value:.{digits}f}"


def test_the_latex_table_has_the_numbers_of_the_view(done, written):
    rows = table_rows(written(Latex(columns=("accuracy", "accuracy_falsified", "labels_bought")), done)["table.tex"])
    arms = {tex(arm.name): arm.row for arm in Seen.of(done).arms}
    assert rows.keys() == arms.keys()
    for name, (accuracy, falsified, labels) in rows.items():
        for cell, metric in ((accuracy, "accuracy"), (falsified, "accuracy_falsified")):
            number, low, high = (arms[name].number(f"{metric}{end}") for end in ("", "_low", "_high"))
            reach = "" if isnan(low) else rf" {{\scriptsize ({shown(low)}--{shown(high)})}}"
            assert cell.replace(r"$^{\dagger}$", "") == shown(number) + reach
        bought = arms[name].number("labels_bought")
        assert labels.partition(" ")[0] == ("--" if isnan(bought) else f"{bought:.0f}")


def macros_of(text):
    found = re.findall(r"^\\newcommand\{\\([A-Za-z]+)\}\{(.*)\}$", text, re.MULTILINE)
    assert len(dict(found)) == len(found)
    return dict(found)


def test_there_is_a_macro_for_every_arm_and_metric_and_for_every_contrast(done, written):
    commands = macros_of(written(Latex(prefix="run"), done)["macros.tex"])
    shares = {"accuracy", "accuracy_falsified", "accuracy_pristine", "macro_f1", "auroc", "accuracy_parsed"}
    for arm in Seen.of(done).arms:
        for metric in get_args(Metric):
            value, text = arm.row.number(metric), commands[f"run{stem(arm.name)}{stem(metric)}"]
            assert (text == "--") == isnan(value)
            if metric in shares:
                assert text == shown(value)
            if not isnan(arm.row.number(f"{metric}_low")) and metric in shares:
                assert commands[f"run{stem(arm.name)}{stem(metric)}Interval"] == (
                    f"{shown(arm.row.number(f'{metric}_low'))}--{shown(arm.row.number(f'{metric}_high'))}"
                )
    verdicts = [text for name, text in commands.items() if name.endswith("Verdict")]
    assert sorted(verdicts) == sorted(done.contrasts["verdict"])
    name = "runAboveTheFloorMmkdDisagreementTenPercentAgainstZeroShot"
    row = done.contrasts[done.contrasts.question == "above the floor"].iloc[2]
    assert commands[f"{name}Difference"] == f"{100 * row.difference:+.1f}"
    assert commands[f"{name}Interval"] == f"{100 * row.low:+.1f} to {100 * row.high:+.1f}"
    assert commands[f"{name}AdjustedP"] == r"$<$\,0.001"


def markdown_rows(text):
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| :--")]
    return [re.split(r" (?<!\\)\| ", line.removeprefix("| ").removesuffix(" |")) for line in lines]


def test_the_markdown_tables_have_the_numbers_of_the_view(done, written):
    text = written(Markdown(), done)["report.md"]
    found = {row[0].partition(" ▲")[0]: row for row in markdown_rows(text) if len(row) == 12}
    for arm in Seen.of(done).arms:
        accuracy, low, high = (arm.row.number(f"accuracy{end}") for end in ("", "_low", "_high"))
        reach = "no interval" if isnan(low) else f"{shown(low)}–{shown(high)}"
        assert found[escape(arm.name)][1] == f"{shown(accuracy)} ({reach})"
        assert found[escape(arm.name)][4].partition(" ")[0] == shown(arm.row.number("macro_f1"))
    verdicts = [row[2].strip("*") for row in markdown_rows(text) if len(row) == 9 and row[2].startswith("**")]
    assert sorted(verdicts) == sorted(done.contrasts["verdict"])
    for difference in done.contrasts["difference"]:
        assert f" {100 * difference:+.1f} (".replace("-", "−") in text


@pytest.mark.parametrize("name", ["done", "half", "trial"])
def test_latex_markdown_and_figures_print_the_digits_of_the_page(name, written):
    view = VIEWS[name]()
    shown_arms = re.findall(r'<table id="arms-\d+".*?</table>', page(view), re.DOTALL)
    said = re.findall(r'<td class="n" data-metric="accuracy" data-value="[^"]*">(.*?)</td>', "".join(shown_arms))
    digits = [re.sub("<[^>]+>.*", "", unescape(cell.replace("<bdi>", ""))) for cell in said]
    assert len(digits) > 3
    digits = [text for text in digits if text != "–"]
    table = table_rows(written(Latex(columns=("accuracy",), intervals=False), view)["table.tex"]).values()
    assert [cell.replace(r"$^{\dagger}$", "") for (cell,) in table] == digits
    rows = markdown_rows(written(Markdown(), view)["report.md"])
    assert [row[1].partition(" ")[0] for row in rows if len(row) == 12 and row[1][:1].isdigit()] == digits
    drawn = ElementTree.fromstring(written(Figures(), view)["comparison-1.svg"])
    texts = [
        group.findall(f"{SVG}text")[1].text for group in drawn.iter(f"{SVG}g") if group.find(f"{SVG}circle") is not None
    ]
    assert [text.partition(" ")[0] for text in texts] == digits


SVG = "{http://www.w3.org/2000/svg}"


@needs_arrow
def test_parquet_holds_every_value_of_every_table_exactly(done, tmp_path):
    Tables().render(done, tmp_path)
    for name, table in trial.tables(done).items():
        back = pd.read_parquet(tmp_path / "tables" / f"{name}.parquet")
        assert list(back.columns) == list(table.columns)
        for column in table.columns:
            pairs = zip(back[column], table[column], strict=True)
            assert all(one == other or (pd.isna(one) and pd.isna(other)) for one, other in pairs), (name, column)


def test_csv_reads_back_to_the_same_numbers(done, tmp_path):
    Tables(format="csv", folder="data").render(done, tmp_path)
    back = pd.read_csv(tmp_path / "data" / "arms.csv")
    for metric in harness.columns.METRICS:
        pd.testing.assert_series_equal(back[metric], done.arms[metric], check_exact=True)


# LaTeX

WORDS = {
    *("begin", "end", "centering", "caption", "label", "toprule", "midrule", "bottomrule", "multicolumn", "emph"),
    *("scriptsize", "textbf", "newcommand", "textbackslash", "textasciitilde", "textasciicircum", "textasciigrave"),
    *("textbar", "texttt", "ldots", "cdot", "times", "pm", "approx", "leq", "geq", "langle", "rangle", "dagger"),
    *("ddagger",),
}
TOKEN = re.compile(r"\\([A-Za-z]+)|\\(.)|([{}$&#_^~%])|(.)", re.DOTALL)


def strictly(text, known=WORDS):
    """Reads LaTeX as TeX would: braces and environments match, every command is known, no special character is bare."""
    depth, maths, open_, columns = 0, False, [], 0
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    for line in lines:
        span = sum(int(number) - 1 for number in re.findall(r"\\multicolumn\{(\d+)\}", line))
        ampersands = 0
        for found in TOKEN.finditer(line):
            word, _, special, other = found.groups()
            assert word is None or word in known, (word, line)
            assert other is None or (other.isascii() and other.isprintable()) or other.isalpha(), (other, line)
            depth += (special == "{") - (special == "}")
            maths ^= special == "$"
            ampersands += special == "&"
            assert depth >= 0, line
            assert special not in {"#", "_", "%"}, line
            assert special != "^" or maths, line
        assert (depth, maths) == (0, False), line
        open_ += re.findall(r"\\begin\{(\w+)\}", line)
        if columns_here := re.match(r"\\begin\{tabular\}\{@\{\}(l(r*))@\{\}\}$", line):
            columns = len(columns_here[1])
        for name in re.findall(r"\\end\{(\w+)\}", line):
            assert open_.pop() == name
        if line.endswith(r" \\"):
            assert ampersands + span == columns - 1, line
            assert not line.startswith(("[", "*")), line
        else:
            assert not ampersands, line
    assert open_ == []
    return lines


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize(
    "options", [{}, {"columns": get_args(Metric), "metric": "ece", "caption": "50 % of {all} \\x_1"}]
)
def test_what_is_written_is_latex(name, options, written):
    for file, text in written(Latex(**options), VIEWS[name]()).items():
        own = set(re.findall(r"\\(ooc[A-Za-z]+)", text)) if file == "macros.tex" else set()
        strictly(text, WORDS | own)


@pytest.mark.parametrize("text", [r"a_b \\", r"{\bf x", r"\begin{table}", r"x & y", r"50 % more", r"\input{x}", "$x"])
def test_what_is_no_latex_would_be_seen(text):
    with pytest.raises(AssertionError):
        strictly(text)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on the path")
@pytest.mark.parametrize("name", VIEWS)
def test_pdflatex_compiles_the_table_and_the_macros(name, tmp_path, written):
    written(Latex(columns=get_args(Metric)), VIEWS[name]())
    document = (
        "\\documentclass{article}\\usepackage{booktabs}\\input{macros}\\begin{document}\\input{table}x\\end{document}\n"
    )
    (tmp_path / "paper.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-3000:]


def test_every_ascii_character_is_escaped_so_that_it_prints():
    assert tex("a_b & 50 % #1 $x {y} ~ ^ \\z [1] *") == (
        r"a\_b \& 50 \% \#1 \$x \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}z {[}1{]} {*}"
    )
    assert tex("1\u202f%–\u22122 <é> 中") == r"1\,\%--$-$2 $<$é$>$ \texttt{U+4E2D}"
    assert tex("中 Ж", letters=True) == "中 Ж"


def test_names_of_macros_have_letters_only_and_differ():
    assert stem("mmkd · 0.5 %") == "MmkdZeroPointFivePercent"
    assert stem("stage2_x · 21 % 100 % 007 é") == "StageTwoXTwentyOnePercentHundredPercentZeroZeroSevenE"
    assert stems({1: "a b", 2: "a-b", 3: "中", 4: "文", 5: "aBB"}) == {
        1: "AB",
        2: "ABB",
        3: "Unnamed",
        4: "UnnamedB",
        5: "ABBB",
    }


def test_the_best_trained_student_is_bold_where_a_metric_is_named(done, written):
    plain = written(Latex(), done)["table.tex"]
    assert r"\textbf" not in plain
    text = written(Latex(metric="accuracy"), done)["table.tex"]
    best = done.arms[(done.arms.role == "student") & (done.arms.label_fraction != 1)].accuracy.max()
    assert re.findall(r"\\textbf\{(.*?)\}", text) == [shown(best)]


def test_the_caption_says_what_marks_mean_and_that_data_are_synthetic(done, written):
    text = written(Latex(caption="Main result"), done)["table.tex"]
    assert (
        r"\caption{Main result $^{\dagger}$/$^{\ddagger}$: better/worse than the floor at 5\,\%, adjusted by Holm. "
        r"Synthetic data (newsworld): nothing here is evidence about real news.}"
    ) in text
    assert r"\label{tab:arms}" in text
    uncorrected = dataclasses.replace(done, contrasts=done.contrasts.assign(correction="uncorrected"))
    assert r"at 5\,\%, uncorrected." in written(Latex(), uncorrected)["table.tex"]


def test_a_second_benchmark_is_a_second_table_with_a_label_of_its_own(done, written):
    def twice(table):
        return pd.concat([table, table.assign(evaluated_on="verite")], ignore_index=True)

    view = dataclasses.replace(done, results=twice(done.results), arms=twice(done.arms))
    text = written(Latex(), view)
    assert re.findall(r"\\label\{(.*)\}", text["table.tex"]) == ["tab:arms", "tab:arms-2"]
    assert {"oocZeroShotNewsworldAccuracy", "oocZeroShotVeriteAccuracy"} <= set(macros_of(text["macros.tex"]))


def test_an_arm_without_a_result_says_why_and_its_macros_are_dashes(written):
    texts = written(Latex(), MADE["midrun_view"]())
    row = next(line for line in texts["table.tex"].splitlines() if line.startswith("mmkd $\\cdot$ random $\\cdot$ 3"))
    assert r"\multicolumn{5}{l@{}}{\emph{no result yet; cells: " in row
    assert macros_of(texts["macros.tex"])["oocMmkdRandomThreePercentAccuracy"] == "--"
    assert "cells are done; what is said here may change." in texts["table.tex"]


# Markdown


def test_markdown_says_what_it_cannot_say(written):
    text = written(Markdown(), MADE["midrun_view"]())["report.md"]
    said = text.partition("## What this cannot say")[2]
    assert "- Synthetic data (newsworld): nothing here is evidence about real news." in said
    assert re.search(r"^- \d+ of 40 cells are done; what is said here may change\.$", said, re.MULTILINE)
    assert "Step" in text.partition("## Failures and gaps")[2]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<b>&", "&lt;b&gt;&amp;"),
        ("a|b_c*d`e", r"a\|b\_c\*d\`e"),
        ("[x](http://y.z) www.a.b @you", r"\[x\](http&#58;//y.z) www&#46;a.b &#64;you"),
        ("1. item", r"1\. item"),
        ("- item", r"\- item"),
        ("--- x", r"\--- x"),
        ("85.0 +2.1 -1", "85.0 +2.1 -1"),
        ("two\nlines", "two lines"),
    ],
)
def test_nothing_in_a_text_is_markdown(text, escaped):
    assert escape(text) == escaped


@pytest.mark.parametrize("name", VIEWS)
def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_head(name, written):
    lines = written(Markdown(), VIEWS[name]())["report.md"].splitlines()
    widths = [len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0 for line in lines]
    for before, after in pairwise(widths):
        assert before == after or 0 in (before, after)


# Tables


def test_every_documented_column_has_a_meaning_and_every_table_a_sentence():
    documented = {**vars(harness.columns), **vars(harness.findings)}
    columns = {name.removesuffix("_COLUMNS"): own for name, own in documented.items() if name.endswith("_COLUMNS")}
    fields = {"RESULT": "results", "STEP": "steps"}
    fields |= {name: name.lower() for name in ("OPERATING", "PREVALENCE", "SKIPPED", "ABLATION")}
    found = {fields.get(name, f"{name.lower()}s"): names for name, names in columns.items()}
    assert set(found) == set(TABLES) == set(trial.tables(trial.empty()))
    assert [(table, name) for table, names in found.items() for name in names if not meaning(table, name)] == []
    assert meaning("arms", "unheard_of") == ""


def test_the_dictionary_names_files_rows_columns_and_types(done, tmp_path):
    first, *rest = Tables(format="csv").render(done, tmp_path)
    told = json.loads(first.read_text())
    assert {entry["file"] for entry in told.values()} == {file.name for file in rest}
    assert told["arms"]["rows"] == len(done.arms)
    of = {column["name"]: column for column in told["arms"]["columns"]}
    assert of["accuracy_low"] == {
        "name": "accuracy_low",
        "type": "number",
        "means": "share of the items whose verdict is right; an answer that is not ok counts as wrong; "
        "lower end of its 95 % interval",
    }
    assert (of["arm"]["type"], of["saturated"]["type"], of["seeds"]["type"]) == ("text", "truth value", "whole number")


@needs_arrow
def test_a_text_that_cannot_be_encoded_and_a_column_of_many_types_are_stored(done, tmp_path):
    odd = pd.DataFrame({"step": ["\ud800x", None, "y"], "cells": [3, ["a"], True]}, dtype=object)
    Tables().render(dataclasses.replace(done, failures=odd), tmp_path)
    back = pd.read_parquet(tmp_path / "tables" / "failures.parquet")
    assert back["step"].tolist()[0] == "?x"
    assert pd.isna(back["step"][1])
    assert back["cells"].tolist() == ["3", "['a']", "True"]


def absent(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)


def test_without_pyarrow_parquet_says_what_to_install(done, tmp_path, monkeypatch):
    absent(monkeypatch, "pyarrow")
    with pytest.raises(MissingDependency) as caught:
        Tables().render(done, tmp_path)
    assert str(caught.value) == (
        "report tables: needs pyarrow to write parquet\n  pip install 'ooc-harness[tables]', or say format: csv"
    )


def test_without_vl_convert_a_pdf_says_what_to_install(done, tmp_path, monkeypatch):
    absent(monkeypatch, "vl_convert")
    with pytest.raises(MissingDependency) as caught:
        Figures(pdf=True).render(done, tmp_path)
    assert str(caught.value) == (
        "report figures: needs vl-convert-python to write PDF\n  pip install 'ooc-harness[figures]', or say pdf: false"
    )


# Figures


@pytest.mark.parametrize("name", VIEWS)
def test_a_figure_is_well_formed_and_stands_alone(name, written):
    texts = written(Figures(), VIEWS[name]())
    assert ("comparison-1.svg" in texts) == (name != "nothing")
    for text in texts.values():
        drawn = ElementTree.fromstring(text)
        assert drawn.tag == f"{SVG}svg"
        assert {element.tag.removeprefix(SVG) for element in drawn.iter()} <= {
            *("svg", "title", "desc", "style", "rect", "g", "path", "text", "tspan", "polyline", "circle")
        }
        assert "var(" not in text
        assert drawn.find(f"{SVG}desc").text


def test_a_figure_of_synthetic_data_says_so_where_it_is_seen(done, written):
    for text in written(Figures(), done).values():
        assert [element.text for element in ElementTree.fromstring(text).findall(f"{SVG}text[@class='notice']")] == [
            "Synthetic data"
        ]
    real = dataclasses.replace(done, benchmarks=done.benchmarks.assign(benchmark="verite", notes=""))
    assert not any("ynthetic" in text for text in written(Figures(), real).values())


def test_label_curves_have_a_figure_of_their_areas(written):
    texts = written(Figures(), trial.finished())
    assert {"labels-1.svg", "comparison-1.svg", "contrasts.svg", "areas.svg"} <= set(texts)
    curve = trial.finished().curves.iloc[0]
    assert f"{100 * curve.aulc:.1f}" in texts["areas.svg"]


def test_an_interval_lies_where_its_numbers_are():
    drawn = forest("t", "a", [Measured("", "x", 0.5, 0.4, 0.6, "50"), Measured("", "y", 0.6, 0.6, 0.6, "60")])
    assert [(reach.low, reach.mid, reach.high) for reach in drawn.reaches] == [(460, 630, 800), (800, 800, 800)]
    signed = forest("t", "a", [Measured("", "x", -0.02, -0.03, -0.01, "")], signed=True)
    assert signed.zero == 800
    assert [tick.text for tick in signed.ticks] == ["−3", "−2", "−1", "0"]
    assert forest("t", "a", []) is None


@needs_pdf
def test_a_pdf_stands_beside_each_svg(done, tmp_path):
    files = Figures(pdf=True).render(done, tmp_path)
    assert [file.suffix for file in files[:2]] == [".svg", ".pdf"]
    assert all(file.read_bytes().startswith(b"%PDF-") for file in files[1::2])
