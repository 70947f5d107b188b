import csv
from math import exp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.api import DataError, Evidence, Item
from harness_when_where.teacher import WhenWhere


def said(caption, *pages, entities=(), **options):
    item = Item("one", caption, evidence=Evidence(tuple(entities), pages))
    (annotation,) = WhenWhere(**options).annotate([item])
    return annotation


def logistic(x):
    return 1 / (1 + exp(-x))


def test_another_country_is_falsified_and_the_rationale_quotes_both_sides():
    answer = said("Flooded streets in Nairobi.", "Floods hit Jakarta after heavy rain")
    assert (answer.outcome, answer.verdict) == ("ok", "falsified")
    assert answer.p_falsified == pytest.approx(logistic(3 * 1 / (1 + 1)))
    assert answer.rationale == (
        "The caption says Nairobi, but the evidence says Jakarta: “Floods hit Jakarta after heavy rain”."
    )
    assert answer.usage.calls == 0


def test_an_earlier_date_is_falsified_by_the_documented_formula():
    answer = said("Rescuers on 5 March 2014.", "The rescue of 3 February 2014")
    strength = (30 - 7) / (30 - 7 + 30)
    assert answer.verdict == "falsified"
    assert answer.p_falsified == pytest.approx(logistic(3 * strength / (1 + strength)))
    assert answer.rationale == (
        "The caption says 5 March 2014, but the evidence says 3 February 2014: “The rescue of 3 February 2014”."
    )


def test_a_later_date_says_nothing_unless_it_is_asked_to():
    assert said("Rescuers in 2014.", "The rescue, seen again in 2019").p_falsified == 0.4
    answer = said("Rescuers in 2014.", "The rescue, seen again in 2019", later=0.5)
    assert answer.verdict == "falsified"
    assert answer.p_falsified < said("Rescuers in 2024.", "The rescue, seen again in 2019").p_falsified


def test_date_and_place_that_agree_are_pristine():
    answer = said("Flooded streets in Kenya in 2014.", "Nairobi, 5 March 2014: streets under water")
    assert answer.verdict == "pristine"
    assert answer.p_falsified == pytest.approx(logistic(-3 / 2 - 3 / 2))
    assert answer.rationale == (
        "The caption says 2014, which fits 5 March 2014 in “Nairobi, 5 March 2014: streets under water”. "
        "The caption says Kenya, which fits Nairobi in “Nairobi, 5 March 2014: streets under water”."
    )


def test_evidence_that_is_less_exact_agrees_less():
    exact = said("In Nairobi.", "Nairobi today: crowds")
    coarse = said("In Nairobi.", "Crowds across Kenya")
    assert exact.p_falsified < coarse.p_falsified < 0.5


def test_dates_within_the_tolerance_agree():
    assert said("On 5 March 2014.", "Published on 10 March 2014").verdict == "pristine"
    assert said("On 5 March 2014.", "Published on 1 March 2014", tolerance_days=2).verdict == "falsified"


def test_another_town_of_the_country_is_the_weaker_contradiction():
    near, far = said("In Paris.", "Crowds in Lyon"), said("In Paris.", "Crowds in Berlin")
    assert 0.5 < near.p_falsified < far.p_falsified


def test_an_adjective_can_agree_but_contradicts_nothing():
    assert said("The minister in Berlin.", "The French minister speaks").p_falsified == 0.4
    assert said("The minister in Paris.", "The French minister speaks").verdict == "pristine"


def test_what_agrees_outweighs_what_else_the_same_text_names():
    assert said("Obama in Paris.", "From Berlin to Paris: a journey").verdict == "pristine"


def test_the_probability_grows_with_the_number_of_contradictions_and_of_sides():
    pages = [f"{what} in Jakarta" for what in ("Floods", "Rain", "Storms", "Mud")]
    probabilities = [said("In Nairobi in 2014.", *pages[:count]).p_falsified for count in (1, 2, 3, 4)]
    assert probabilities == sorted(set(probabilities))
    assert said("In Nairobi in 2014.", "Floods in Jakarta, 2011").p_falsified > probabilities[0]


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 40))
def test_the_verdict_is_that_of_the_greater_part_and_never_certain(against, support):
    pages = [f"{'x' * number} in Jakarta" for number in range(against)]
    pages += [f"{'x' * number} in Nairobi" for number in range(support)]
    answer = said("In Nairobi.", *pages)
    if against == support:
        assert answer.p_falsified == 0.4
    else:
        assert answer.verdict == ("falsified" if against > support else "pristine")
        assert 0.04 < answer.p_falsified < 0.96


def test_two_pages_with_the_same_words_are_one():
    once = said("In Nairobi.", "Floods in Jakarta")
    assert said("In Nairobi.", "Floods in Jakarta", "floods in Jakarta!").p_falsified == once.p_falsified


def test_entities_are_one_text_and_can_be_left_out():
    assert said("In Nairobi.", entities=("Jakarta", "Street")).verdict == "falsified"
    assert said("In Nairobi.", entities=("Jakarta", "Nairobi")).verdict == "pristine"
    assert said("In Nairobi.", entities=("Jakarta",), sources=["captions"]).p_falsified == 0.4


@pytest.mark.parametrize(
    ("caption", "pages", "why"),
    [
        ("A crowd.", ("Paris, 2014",), "The caption names neither a date nor a known place."),
        ("In Paris in 2014.", (), "The evidence has nothing to hold against 2014 and Paris."),
        ("In Paris in 2014.", ("A crowd",), "The evidence has nothing to hold against 2014 and Paris."),
        ("In Arden.", ("Belmar",), "The caption names neither a date nor a known place."),
        (
            "In Paris.",
            ("In Paris", "In Rome"),
            "What speaks for the caption and what speaks against it cancel out.",
        ),
    ],
)
def test_where_nothing_can_be_compared_it_keeps_to_the_prior_or_refuses(caption, pages, why):
    answer = said(caption, *pages)
    assert (answer.outcome, answer.verdict, answer.p_falsified, answer.rationale) == ("ok", "pristine", 0.4, why)
    assert said(caption, *pages, prior=0.5).verdict == "falsified"
    refused = said(caption, *pages, undecided="refuse")
    assert (refused.outcome, refused.verdict, refused.rationale) == ("refused", None, why)


def test_a_weight_of_0_leaves_a_side_out():
    assert said("In Nairobi in 2014.", "Jakarta, 2011", place_weight=0).rationale.startswith("The caption says 2014,")
    assert said("In Nairobi in 2014.", "Jakarta, 2014", date_weight=0).verdict == "falsified"
    assert said("In 2014.", "In 2011", date_weight=0).p_falsified == 0.4


def test_a_long_page_is_quoted_in_part_and_on_one_line():
    answer = said("In Nairobi.", "Floods in Jakarta\n" + "after rain " * 50)
    assert answer.rationale.endswith("…”.")
    assert "\n" not in answer.rationale
    assert len(answer.rationale) < 200


def test_of_a_text_only_its_beginning_is_read():
    assert said("In Nairobi.", "x " * 4_000 + "in Jakarta").verdict == "falsified"
    assert said("In Nairobi.", "x " * 6_000 + "in Jakarta").p_falsified == 0.4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior": 0}, "greater than 0"),
        ({"date_weight": 11}, "less than or equal to 10"),
        ({"undecided": "guess"}, "'prior' or 'refuse'"),
        ({"earliest": 2000, "latest": 1990}, "earliest is later than latest"),
        ({"threshold": 1}, "Extra inputs"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        WhenWhere(**options)


def test_further_places_are_told_by_their_content(tmp_path):
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    for file, town in ((one, "Arden"), (other, "Belmar")):
        with file.open("w", newline="") as lines:
            csv.writer(lines).writerows(
                [["kind", "name", "inside", "also", "adjectives", "doubtful"], ["city", town, "France", "", "", ""]]
            )
    assert said("In Arden.", "Crowds in Berlin", places=str(one)).verdict == "falsified"
    assert said("In Arden.", "Crowds in Berlin", places=str(other)).p_falsified == 0.4
    assert WhenWhere(places=str(one)).digest() != WhenWhere(places=str(other)).digest()
    assert WhenWhere().digest() == ""


def test_a_missing_file_of_places_is_refused():
    with pytest.raises(DataError) as caught:
        said("In Paris.", places="nowhere.csv")
    assert str(caught.value) == "nowhere.csv: there is no such file\n  correct the option places"
