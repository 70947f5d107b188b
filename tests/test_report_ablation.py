"""The report's section "Ablation": a waterfall and a table that say the same, and nothing that cannot be said."""

import re
import runpy
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from harness.columns import ABLATION_COLUMNS
from harness_reports.ablation import Ablation, parts
from harness_reports.figures import Figures
from harness_reports.html import page
from harness_reports.markdown import Markdown
from harness_reports.records import rows
from harness_reports.seen import Seen
from harness_reports.waterfall import in_order, waterfall

TESTS = Path(__file__).parent
rows_of = runpy.run_path(str(TESTS / "data" / "report_ablation.py"))["ablation_rows"]


@pytest.fixture(scope="module")
def view():
    made = runpy.run_path(str(TESTS / "test_report_html.py"))
    return lambda table=None, **changes: made["demo_view"](
        **changes, **({} if table is None else {"ablation": pd.DataFrame(table, columns=list(ABLATION_COLUMNS))})
    )


def section(text):
    """The words of the section "Ablation" of a page."""
    found = re.search(r'<section id="ablation".*?</section>', text, re.DOTALL)
    return unescape(re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", found[0]))) if found else ""


def test_a_run_without_an_ablation_has_no_such_section(view):
    assert not Ablation().applies(Seen.of(view([])))
    assert section(page(view([]))) == ""
    assert section(page(view(list(rows_of()))))


def test_the_lead_says_how_much_of_the_gap_is_closed_and_what_is_surely_lost(view):
    (part,) = parts(Seen.of(view(list(rows_of()))))
    assert part.lead == (
        "The method is right on 87.0\u202f% of the items. It closes 85\u202f% of the gap between zero-shot and all"
        " labels (72 to 98). Surely worse without being a floor: flipped pairs, stage 1 only."
    )


def test_where_there_is_no_gap_nothing_is_said_to_be_a_share_of_it(view):
    table = [row | {"recovered": float("nan")} for row in rows_of()]
    (part,) = parts(Seen.of(view(table)))
    assert "cannot be said: the two are not surely apart, or have no result yet." in part.lead


def test_a_method_without_a_result_is_said_to_have_none_and_draws_nothing(view):
    table = [row for row in rows_of() if row["kind"] != "method"]
    (part,) = parts(Seen.of(view(table)))
    assert (part.lead, part.chart) == ("The method has no result yet.", None)


def test_the_waterfall_goes_from_the_floor_to_the_bound_and_each_bar_ends_at_the_method(view):
    (part,) = parts(Seen.of(view(list(rows_of()))))
    assert [drop.name for drop in part.chart.drops] == [
        *("label-shuffled", "caption-only", "zero-shot"),
        *("flipped pairs", "majority vote"),
        *("stage 1 only", "no replay"),
        *("full method", "all labels"),
    ]
    for drop in part.chart.drops:
        ends = {round(drop.start, 1), round(drop.start + drop.width, 1)}
        assert ends == {round(drop.mid, 1), round(part.chart.method, 1)}
        assert drop.low <= drop.mid <= drop.high
    assert "flipped pairs: 61.0 (57.0–65.0)  \u221226.0" in part.chart.description


def test_the_table_has_every_arm_also_the_one_that_is_left_out_and_the_one_that_is_not_done(view):
    text = section(page(view(list(rows_of()))))
    for row in rows_of():
        assert row["factor"] in text
    assert "left out: it reads no evidence" in text
    assert "no result yet" in text
    assert "below \u2212300 to 7" in text
    assert "80 to above 300" in text
    assert "Holm over 8" in text


def test_an_order_by_kind_and_accuracy_does_not_depend_on_the_order_of_the_rows():
    table = pd.DataFrame(list(rows_of()))
    ordered = [row.text("factor") for row in in_order(rows(table))]
    assert ordered == [row.text("factor") for row in in_order(rows(table.iloc[::-1]))]
    assert waterfall("x", []) is None


def test_the_exports_carry_it_too(view, tmp_path):
    seen = view(list(rows_of()))
    (markdown,) = Markdown().render(seen, tmp_path)
    text = markdown.read_text()
    assert "## Ablation of mmkd on newsworld" in text
    assert "| flipped pairs |" in text
    figures = {file.name: file.read_text() for file in Figures().render(seen, tmp_path)}
    assert figures["ablation-1.svg"].count('<g class="drop') == 9
    assert "Synthetic data" in figures["ablation-1.svg"]


def test_its_drawing_says_what_stands_beside_every_drawing_of_the_run_and_no_more(view, tmp_path):
    oracle = view().benchmarks.assign(benchmark="told", notes="Real news.", oracles="It is ranked by the caption.")
    for benchmarks, words in ((oracle, "Oracle"), (oracle.assign(oracles=""), None)):
        files = Figures().render(view(list(rows_of()), benchmarks=benchmarks), tmp_path)
        text = next(file.read_text() for file in files if file.name == "ablation-1.svg")
        assert re.findall('class="notice"[^>]*>([^<]*)<', text) == ([words] if words else [])
        assert ("so no such number is reached on new posts.</desc>" in text) is bool(words)


def test_arms_that_are_for_the_ablation_alone_stand_in_no_other_section(view):
    table = list(rows_of())
    plain = Seen.of(view([]))
    table[5]["arm"], table[5]["apart"] = plain.arms[0].row.raw("arm"), True
    seen = Seen.of(view(table))
    assert len(seen.arms) < len(plain.arms)
    assert plain.arms[0].row.raw("arm") not in {arm.row.raw("arm") for arm in seen.arms}
