"""ROUGE-L: values computed by hand, what holds for every pair of texts, and the columns of a run."""

import sys
from dataclasses import replace
from math import isnan
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import hookimpl
from harness.diagnosis import view
from harness.planning import make
from harness.plugins import Registry
from harness.reading import parse
from harness.stats import rouge_l
from harness.stats.rouge import MOST_TOKENS, common, tokens
from harness_benchmarks.newsworld import NewsWorld

MATRIX = """
benchmarks:
  world: {uses: newsworld, train: 12, validation: 2, test: 20}
teachers:
  names: {uses: evidence-overlap, sources: [entities], checks: names, threshold: 0.75}
  titles: {uses: evidence-overlap, sources: [captions], threshold: 0.6}
teacher_sets: {both: [names, titles]}
teachers_as_arms: true
executor: inline
"""

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=1, max_size=40)
SENTENCES = WORDS.map(" ".join)


@pytest.mark.parametrize(
    ("text", "reference", "value"),
    [
        # Lin (2004), section 3.1: the order of words counts.
        ("police kill the gunman", "police killed the gunman", 3 / 4),
        ("the gunman kill police", "police killed the gunman", 2 / 4),
        ("The place: ARDEN, not Corvo!", "the place is arden", 2 * 3 / (5 + 4)),
        ("a b", "a b c d", 2 * 2 / 6),
        ("", "a", 0.0),
        ("...", "...", 0.0),
    ],
)
def test_the_value_is_that_computed_by_hand(text, reference, value):
    assert rouge_l(text, reference) == pytest.approx(value)


@given(SENTENCES, SENTENCES)
def test_the_value_is_a_share_and_the_same_in_both_directions(one, other):
    assert 0 <= rouge_l(one, other) == rouge_l(other, one) <= 1


@given(SENTENCES)
def test_a_text_agrees_wholly_with_itself_and_not_at_all_with_other_words(text):
    assert rouge_l(text, text.upper()) == 1
    assert rouge_l(text, text.translate(str.maketrans("abcde", "vwxyz"))) == 0


@given(WORDS, WORDS)
def test_the_common_subsequence_is_as_long_as_the_textbook_table_says(one, other):
    row = [0] * (len(other) + 1)
    for word in one:
        before = row[:]
        for place, met in enumerate(other, 1):
            row[place] = before[place - 1] + 1 if word == met else max(before[place], row[place - 1])
    assert common(one, other) == row[-1]


def test_what_follows_the_first_words_of_a_long_text_is_not_read():
    assert len(tokens("word " * 100_000)) == MOST_TOKENS
    assert rouge_l("word " * 100_000, "word " * MOST_TOKENS) == 1


def test_an_arm_with_texts_is_compared_with_the_references_and_an_arm_without_is_not(plan_of, run_plan, store):
    plan = plan_of(MATRIX)
    run_plan(plan)
    seen = view(plan, store)
    references = NewsWorld(train=12, validation=2, test=20).references("test")
    arms = {row["arm"]: row for row in seen.arms.to_dict("records")}
    for teacher, said in seen.details.annotations("world", "test").items():
        row = arms[f"world/teacher/{teacher}"]
        mean = fmean(rouge_l(said[item_id].rationale, text) for item_id, text in references.items())
        assert row["rouge_l"] == pytest.approx(mean)
        assert 0 <= row["rouge_l_low"] < mean < row["rouge_l_high"] <= 1
    # A majority gives a verdict and no reason.
    majority = next(row for row in arms.values() if row["role"] == "majority")
    assert all(isnan(majority[name]) for name in ("rouge_l", "rouge_l_low", "rouge_l_high"))
    cells = seen.results.set_index("arm")["rouge_l"]
    assert all(cells[name] == row["rouge_l"] or isnan(row["rouge_l"]) for name, row in arms.items())


class Closed(NewsWorld):
    """A world with features that refuses to tell its references."""

    name = "closed-world"

    def items(self, split):
        chance = np.random.default_rng(0)
        return [
            replace(item, features={"image": chance.random(3), "text": chance.random(3)})
            for item in super().items(split)
        ]

    def gives(self):
        return super().gives() | {"features.image", "features.text"}

    def references(self, split):
        raise AssertionError("a reference was read")


@hookimpl
def harness_benchmarks():
    return [Closed]


def test_nothing_that_is_planned_or_run_reads_a_reference(registry, run_plan, store):
    learns = "rules: {hard: hard-disagreement}\nreports: {}\n"
    learns += "label_fractions: [0.5]\nstudents: {probe: probe}\nstrategies: {mmkd: mmkd}\n"
    own = Registry.of(sys.modules[__name__])
    plan = make(parse(MATRIX.replace("newsworld", "closed-world") + learns, registry + own))
    run_plan(plan)
    assert {"train", "predict", "annotate"} <= {step.kind for step in plan.steps.values()}
    assert all(store.has(step.kind, key) for key, step in plan.steps.items())
    with pytest.raises(AssertionError, match="a reference was read"):
        view(plan, store)
