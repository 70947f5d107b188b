"""The report's sections on label efficiency, operating points and declared comparisons say what the tables hold."""

import dataclasses
import re
from html import unescape
from math import inf, nan

import pandas as pd
import pytest

from harness.columns import CURVE_COLUMNS, EQUIVALENCE_COLUMNS
from harness.diagnosis import view
from harness_reports.html import page


@pytest.fixture(scope="module")
def once():
    return {}


@pytest.fixture
def seen(once, plan_of, toy, run_plan, tmp_path_factory):
    from harness.store import Store

    if not once:
        text = toy.replace("[0, 1]", "[0, 1, 2]") + (
            "compare:\n  main: {arms: '*/mmkd/*/hard/*', against: '*/supervised/*', detect: 0.1}\n"
            "  as good: {arms: '*/mmkd/*/hard/*', against: words/teacher/a, margin: 0.05}\n"
        )
        plan, store = plan_of(text), Store(tmp_path_factory.mktemp("store"))
        run_plan(plan, store)
        once["view"] = view(plan, store)
    return once["view"]


def words(seen, section):
    """What is read in one section, a line a row."""
    text = page(seen).partition(f'<section id="{section}"')[2].partition("</section>")[0]
    text = re.sub(r"</(?:tr|h2|p)>", "\n", text)
    text = re.sub(r"</caption>", "\n", re.sub(r"<small>|</t[dh]>", " | ", text))
    return re.sub(r"[ \u202f]+", " ", unescape(re.sub(r"<[^>]+>", "", text)))


def worth(seen, **changes):
    row = {
        "question": "against labels alone",
        "arm": "words/counter/mmkd/all/hard/0.1",
        "against": "words/counter/supervised/random",
        "evaluated_on": "words",
        "label_fraction": 0.05,
        "labels": 50,
        "equivalent": 190.0,
        "low": 140.0,
        "high": 270.0,
        "factor": 3.8,
        "factor_low": 2.8,
        "factor_high": 5.4,
        "from_labels": 20,
        "to_labels": 400,
        "train_items": 1000,
        "seeds": 3,
    }
    table = pd.DataFrame([row | changes], columns=list(EQUIVALENCE_COLUMNS))
    return words(dataclasses.replace(seen, equivalences=table), "efficiency")


def test_what_an_arm_is_worth_is_said_in_words(seen):
    shown = worth(seen)
    assert "mmkd · hard · 10 % ≈ supervised · random at 19 % [14, 27]" in shown
    assert "| 50 | 190 | 140 to 270 | 3.8 | 2.8 to 5.4 |" in shown


def test_what_is_beyond_the_curve_is_marked_and_not_guessed(seen):
    beyond = {"equivalent": inf, "low": 300.0, "high": inf, "factor": inf, "factor_low": 6.0, "factor_high": inf}
    shown = worth(seen, **beyond)
    assert "at > 40 % [30, > 40]" in shown
    assert "| 50 | > 400 | 300 to > 400 | > 8.0 | 6.0 to > 8.0 |" in shown
    below = {"equivalent": 0.0, "low": 0.0, "high": 30.0, "factor": 0.0, "factor_low": 0.0, "factor_high": 0.6}
    shown = worth(seen, **below)
    assert "at < 2 % [< 2, 3]" in shown
    assert "| 50 | < 20 | < 20 to 30 | < 0.4 | < 0.4 to 0.6 |" in shown


def test_an_arm_without_labels_has_a_worth_and_no_factor(seen):
    shown = worth(seen, labels=0, factor=nan, factor_low=nan, factor_high=nan)
    assert "| 0 | 190 | 140 to 270 | – |" in shown


def test_every_curve_and_every_contrast_of_areas_has_its_row(seen):
    shown = words(seen, "efficiency")
    assert "mmkd · random | 4–10 | 2 |" in shown
    for row in seen.curves.to_dict("records"):
        assert f"| {100 * row['aulc_low']:.1f}–{100 * row['aulc_high']:.1f} | 3 |" in shown
    assert "Against labels alone. Do the teachers help over the whole range" in shown
    for row in seen.curve_contrasts.to_dict("records"):
        assert f"{100 * row['difference']:+.1f}".replace("-", "\u2212") in shown


def test_curves_of_one_strategy_are_told_apart_by_what_differs(seen):
    rows = [
        dict.fromkeys(CURVE_COLUMNS, 1.0)
        | {"curve": f"w/{student}/mmkd/all/hard", "benchmark": "w", "teachers": "all", "student": student}
        | {"rule": "hard", "strategy": "mmkd", "evaluated_on": "w"}
        for student in ("small", "large")
    ]
    shown = words(dataclasses.replace(seen, curves=pd.DataFrame(rows)), "efficiency")
    assert "mmkd · hard · small |" in shown
    assert "mmkd · hard · large |" in shown


def test_the_operating_points_name_the_days_numbers_and_every_budget(seen):
    shown = words(seen, "operating")
    assert "Of 1 000 items a day 5.0 % are falsified" in shown
    assert all(f"Found by {budget} reviews" in shown for budget in (20, 50, 100))
    assert "0.5 % | 1 % | 2 % | 5 % | 10 % | 20 % | 50 % |" in re.sub(r"\s*\n\s*", " ", shown)
    row = seen.operating.iloc[5]
    ends = f"{100 * row['recall_low']:.1f}–{100 * row['recall_high']:.1f}"
    assert f"{100 * row['recall']:.1f} | {ends}; {100 * row['precision']:.1f} right" in shown


def test_declared_families_come_first_and_exploratory_questions_are_marked(seen):
    shown = words(seen, "contrasts")
    assert shown.index("Main. Declared in the matrix. Holm over 2") < shown.index("Above the floor.")
    assert "As good. Declared in the matrix: is the arm worse by less than 5.0 points? Holm over 2" in shown
    asked = shown[shown.index("Above the floor.") :]
    assert asked.count("uncorrected") == (seen.contrasts["correction"] == "uncorrected").sum()
    assert re.search(r"seeds would do|no number of seeds would do", shown)


def test_the_answer_of_a_matrix_that_declares_its_comparisons_calls_other_verdicts_uncorrected(seen):
    shown = words(seen, "answer")
    assert "adjusted p" not in shown
    assert "uncorrected p" in shown or "better" not in shown


def test_a_view_without_these_tables_still_has_its_page(seen):
    empty = pd.DataFrame()
    bare = dataclasses.replace(
        seen, curves=empty, curve_contrasts=empty, equivalences=empty, operating=empty, prevalence=empty
    )
    assert "No curve yet: a curve needs two label fractions" in words(bare, "efficiency")
    assert "No answer carries a probability yet." in words(bare, "operating")


def test_hostile_text_in_these_tables_becomes_no_tag(seen):
    hostile = "</script><img src=x onerror=alert(1)>{{ 7 * 7 }}\u202e"
    poisoned = {}
    for name in ("curves", "curve_contrasts", "equivalences", "operating", "prevalence"):
        table = getattr(seen, name).astype(object)
        for column in table.columns:
            table[column] = [value + hostile if isinstance(value, str) else value for value in table[column]]
        poisoned[name] = table
    text = page(dataclasses.replace(seen, **poisoned))
    assert "<img" not in text
    assert "\u202e" not in text
    assert "{{ 7 * 7 }}" in unescape(text)
