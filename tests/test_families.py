"""Comparisons that a matrix declares: read with all faults, planned with their power, and adjusted together."""

import json
from math import inf, isnan

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.diagnosis import view
from harness.errors import MatrixError
from harness.families import Family
from harness.newsroom import Newsroom
from harness.pairing import pairs_of
from harness.reading import parse
from harness.stats import holm


def faults(action, *arguments):
    with pytest.raises(MatrixError) as caught:
        action(*arguments)
    return str(caught.value).splitlines()


WRONG = """\
compare:
  stage 2 adds: ['*']
  empty: []
  one: [a/b]
  odd: [[a, b], [a], 3]
  bad:
    arm: a
    margin: 2
    within: 0.02
  none: {against: b}
  words: {arms: 3, against: [], detect: true}
newsroom:
  item_per_day: 3
  items_per_day: 0
  prevalence: 5
  reviews_per_day: [50, 5000]
"""


def test_all_faults_of_both_sections_come_at_once_each_with_its_place(registry):
    assert faults(parse, WRONG, registry, "m.yaml") == [
        "m.yaml:2:3: compare.stage 2 adds: every report asks this by itself",
        "  Give the family a name of its own.",
        "m.yaml:3:10: compare.empty: a list of arms or of pairs is needed, or a mapping as in"
        "  {arms: '*/mmkd/*', against: '*/supervised/*'}",
        "m.yaml:4:8: compare.one: one arm alone is compared with nothing",
        "m.yaml:5:17: compare.odd.1: ['a'] is neither an arm nor a pair [arm, against]",
        "m.yaml:5:22: compare.odd.2: 3 is neither an arm nor a pair [arm, against]",
        "m.yaml:7:5: compare.bad: the key 'arms' is missing, as in  {arms: '*/mmkd/*', against: '*/supervised/*'}",
        "m.yaml:7:5: compare.bad.arm: no such key; did you mean 'arms'?",
        "m.yaml:8:13: compare.bad.margin: 2 is not a difference in accuracy, above 0 and below 1 (0.02 are two points)",
        "m.yaml:9:13: compare.bad.within: margin asks whether arms are not inferior,"
        " within whether they are equivalent: one",
        "m.yaml:10:9: compare.none: the key 'arms' is missing, as in  {arms: '*/mmkd/*', against: '*/supervised/*'}",
        "m.yaml:11:17: compare.words.arms: an arm, or a list of arms, is needed; * stands for any text",
        "m.yaml:11:29: compare.words.against: an arm, or a list of arms, is needed; * stands for any text",
        "m.yaml:11:41: compare.words.detect: True is not a difference in accuracy,"
        " above 0 and below 1 (0.02 are two points)",
        "m.yaml:13:3: newsroom.item_per_day: no such key; did you mean 'items_per_day'?",
        "m.yaml:14:18: newsroom.items_per_day: 0 is not a whole number from 1",
        "m.yaml:15:15: newsroom.prevalence: 5 is not a share between 0 and 1",
        "m.yaml:16:20: newsroom.reviews_per_day: whole numbers from 1 to the 1000 items of a day are needed",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "compare: main",
            "compare: a mapping of names to comparisons is needed, as in"
            "  main: {arms: '*/mmkd/*', against: '*/supervised/*'}",
        ),
        ("newsroom: 3", "newsroom: a mapping is needed, as in  {items_per_day: 1000, prevalence: 0.05}"),
    ],
)
def test_a_section_of_another_form_is_a_fault(registry, text, message):
    assert faults(parse, text, registry) == [f"matrix.yaml:1:{text.index(':') + 3}: {message}"]


def test_a_day_has_no_more_reviews_than_items_where_none_are_given(registry, toy):
    matrix = parse(toy + "newsroom: {items_per_day: 60, prevalence: 0.02}\n", registry)
    assert matrix.newsroom == Newsroom(60, 0.02, (20, 50))
    assert parse(toy + "newsroom: {items_per_day: 5}\n", registry).newsroom.reviews_per_day == (5,)


@pytest.fixture
def arms(plan_of, toy):
    return plan_of(toy).arms()


def test_patterns_pair_arms_of_one_student_and_label_fraction(arms):
    found = pairs_of(Family("main", ("*/mmkd/*/hard/*",), ("*/supervised/*", "*/zero-shot")), arms)
    assert found == [
        ("words/counter/mmkd/all/hard/0.1", "words/counter/zero-shot"),
        ("words/counter/mmkd/all/hard/0.1", "words/counter/supervised/random/0.1"),
        ("words/counter/mmkd/all/hard/0.25", "words/counter/zero-shot"),
        ("words/counter/mmkd/all/hard/0.25", "words/counter/supervised/random/0.25"),
    ]


def test_arms_without_others_are_held_against_each_other_once(arms):
    found = pairs_of(Family("main", ("*/mmkd/*", "*/supervised/*")), arms)
    assert len(found) == len({frozenset(pair) for pair in found}) == 6


def test_a_pair_that_is_written_out_needs_nothing_in_common(arms):
    pair = ("words/counter/mmkd/all/hard/0.25", "words/counter/supervised/random/0.1")
    assert pairs_of(Family("main", pairs=(pair, pair[::-1])), arms) == [pair]


def test_a_pattern_that_fits_no_arm_and_a_family_without_a_pair_are_faults(plan_of, toy):
    text = toy + (
        "compare:\n  typo: {arms: words/counter/mmdk/all/hard/0.1, against: '*/supervised/*'}\n"
        "  apart: {arms: '*/0.1', against: '*/0.25'}\n"
    )
    assert faults(plan_of, text) == [
        "matrix.yaml:23:3: compare.typo: no arm is called 'words/counter/mmdk/all/hard/0.1';"
        " did you mean 'words/counter/mmkd/all/hard/0.1'?",
        "  An arm is called  benchmark/student/strategy/teachers/rule/fraction,  without what it does not use.",
        "matrix.yaml:24:3: compare.apart: no pair follows: patterns pair arms of the same benchmark, student and"
        " label fraction",
        "  Write the pairs out, as in  - [arm, arm].",
    ]


COMPARE = """\
compare:
  main: {arms: '*/mmkd/*/hard/*', against: '*/supervised/*', detect: 0.2}
  as good: {arms: '*/mmkd/*/hard/*', against: words/teacher/a, margin: 0.9}
  alike: {arms: '*/mmkd/*/hard/*', against: '*/mmkd/*/random/*', within: 0.9}
  alone: [[words/counter/stage1-only/all, words/counter/majority-vote/all]]
"""


@pytest.fixture
def contrasts(plan_of, toy, run_plan, store):
    def go(text):
        plan = plan_of(toy.replace("[0, 1]", "[0, 1, 2]") + text)
        run_plan(plan)
        return view(plan, store).contrasts

    return go


def test_holm_goes_over_each_declared_family_and_the_reports_questions_are_uncorrected(contrasts):
    table = contrasts(COMPARE)
    declared, asked = table[table["family"] != ""], table[table["family"] == ""]
    assert list(dict.fromkeys(declared["family"])) == ["main", "as good", "alike", "alone"]
    for _, family in declared.groupby("family"):
        assert list(family["p_holm"]) == pytest.approx(holm(list(family["p"])))
        assert set(family["correction"]) == {f"Holm over {len(family)}"}
    assert set(asked["correction"]) == {"uncorrected"}
    assert asked["p_holm"].isna().all()
    for row in asked.to_dict("records"):
        assert (row["verdict"] == "inconclusive") == (row["p"] > 0.05)


def test_without_declared_families_each_question_is_one(contrasts):
    table = contrasts("")
    assert set(table["question"]) == {
        "above the floor",
        "stage 2 adds",
        "against labels alone",
        "against random conflicts",
    }
    assert (table["family"] == table["question"]).all()
    for _, family in table.groupby("question"):
        assert list(family["p_holm"]) == pytest.approx(holm(list(family["p"])))
    assert table["seeds_needed"].isna().all()


def test_a_margin_that_nothing_can_pass_makes_every_arm_not_inferior_or_equivalent(contrasts):
    table = contrasts(COMPARE).set_index("family")
    assert set(table.loc["as good", "verdict"]) == {"not inferior"}
    assert set(table.loc["alike", "verdict"]) == {"equivalent"}
    assert set(table.loc[["as good", "alike"], "level"]) == {0.9}
    assert set(table.loc["main", "level"]) == {0.95}


def test_an_arm_that_is_surely_worse_by_more_than_the_margin_is_inferior(contrasts):
    text = "compare:\n  good: {arms: '*/zero-shot', against: words/teacher/a, margin: 0.001}\n"
    row = contrasts(text).iloc[0]
    assert row["high"] < -0.001
    assert row["verdict"] == "inferior"


def test_what_must_be_detected_is_told_in_seeds_from_the_runs_own_variances(contrasts):
    table = contrasts(COMPARE).set_index("family")
    for row in table.loc["main"].to_dict("records"):
        assert row["seeds_needed"] == inf or 2 <= row["seeds_needed"] <= 100
    assert isnan(table.loc["alone", "seeds_needed"])


def test_one_seed_speaks_of_two_trained_models_and_has_mcnemars_test_where_items_stand_alone(
    plan_of, toy, run_plan, store
):
    text = toy.replace("seeds: [0, 1]", "seeds: [3]").replace("words: words", "words: singles", 1)
    plan = plan_of(text)
    run_plan(plan)
    table = view(plan, store).contrasts
    assert set(table["scope"]) == {"these two trained models"}
    assert table["p_mcnemar"].between(0, 1).all()


def test_several_seeds_speak_of_the_methods_and_have_no_mcnemar(contrasts):
    table = contrasts("")
    assert set(table["scope"]) == {"the methods"}
    assert table["p_mcnemar"].isna().all()


def planned(tmp_path, text, *arguments):
    (tmp_path / "m.yaml").write_text(text)
    shown = CliRunner().invoke(main, ["plan", str(tmp_path / "m.yaml"), "--store", str(tmp_path / "s"), *arguments])
    assert shown.exit_code == 0, shown.output
    return shown.output


def test_the_plan_says_what_a_family_could_show_and_warns_where_it_asks_for_less(tmp_path, toy):
    text = toy.replace("words: words", "words: {uses: words, test: 3000}", 1).replace("[0, 1]", "[0, 1, 2]")
    shown = planned(
        tmp_path,
        text + "compare:\n  coarse: {arms: '*/mmkd/*/hard/*', against: '*/supervised/*', detect: 0.4}\n"
        "  fine: {arms: '*/mmkd/*/hard/*', against: '*/supervised/*', detect: 0.05}\n"
        "  finest: {arms: '*/mmkd/*/hard/*', against: '*/supervised/*', margin: 0.005}\n",
    )
    lines = shown[shown.index("comparisons") :].splitlines()
    assert lines[0] == (
        "comparisons, assuming a seed spread of 2 points and a fifth of the items answered differently:"
    )
    assert lines[1].startswith("  coarse on words: 2 contrasts, 3 seeds × 1500 groups of items would show ")
    assert lines[2].startswith("  fine on words: ")
    assert lines[3] == "  warning: fine on words asks for 5 points: 5 seeds would do"
    assert lines[5] == (
        "  warning: finest on words asks for 0.5 points: no number of seeds would do, more test items would"
    )


def test_the_plan_warns_of_a_comparison_with_one_seed(tmp_path, toy):
    text = toy.replace("seeds: [0, 1]", "seeds: [0]") + "compare:\n  main: ['*/mmkd/*/hard/0.1', '*/supervised/*']\n"
    found = json.loads(planned(tmp_path, text, "--json"))["comparisons"]
    assert [one["warning"] for one in found] == [
        "main on words: one seed says something of two trained models only, not of the methods"
    ]


def test_two_teachers_need_no_seeds_and_more_items_where_they_are_too_few(tmp_path, toy):
    text = toy + "compare:\n  teachers: {arms: words/teacher/a, against: words/teacher/b, detect: 0.05}\n"
    (found,) = json.loads(planned(tmp_path, text, "--json"))["comparisons"]
    assert found["comparison"].startswith("teachers on words: 1 contrast, 1 seed × 15 groups of items would show ")
    assert found["warning"] == (
        "teachers on words asks for 5 points: no number of seeds would do, more test items would"
    )


def test_a_matrix_without_comparisons_is_planned_without_a_word_of_them(tmp_path, toy):
    assert "comparisons" not in planned(tmp_path, toy)
