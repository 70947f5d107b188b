"""What holds of every rule, whatever the teachers say."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutant_label_models import Share
from panels import conflicts, ids

from harness.api import Annotation, Item, Panel, Prediction, verdict_of
from harness.steps.pool import bought_ids
from harness_rules.balanced import Balanced
from harness_rules.committee import JensenShannon, KlToConsensus, ProbabilityGap
from harness_rules.disagreement import ConsensusOnly, HardDisagreement, VoteEntropy
from harness_rules.diversity import KCenter, MarginDiversity
from harness_rules.label_model import LabelModelEntropy
from harness_rules.mixed import Mixed
from harness_rules.random import Random
from harness_rules.rationales import RationaleDisagreement
from harness_rules.samples import SelfInconsistency
from harness_rules.student import StudentTeacher, StudentUncertainty
from harness_rules.uncertainty import ConsensusMargin, Entropy

SCORED = [
    HardDisagreement(),
    VoteEntropy(),
    ConsensusOnly(missing="last"),
    KlToConsensus(),
    KlToConsensus(over="max", direction="from-consensus", missing="conflict"),
    JensenShannon(threshold=0.1),
    ProbabilityGap(missing="last"),
    ConsensusMargin(),
    Entropy(missing="conflict"),
    LabelModelEntropy(model=Share()),
    RationaleDisagreement(),
    SelfInconsistency(),
    StudentTeacher(),
    StudentTeacher(by="divergence", missing="conflict"),
    StudentUncertainty(),
]
SPREAD = [KCenter(), KCenter(feature="v", among="conflicts"), MarginDiversity(), MarginDiversity(feature="v", picks=3)]
RULES = [
    *SCORED,
    *SPREAD,
    Random(),
    Balanced(),
    Balanced(of=Entropy(), over="majority"),
    Mixed(),
    Mixed(of=KCenter(), share=0.5),
]

PROBABILITY = st.one_of(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.floats(0, 1))
SAID = st.one_of(st.none(), PROBABILITY, st.sampled_from(["pristine", "falsified"]))
WORDS = st.sampled_from(["", "Oslo", "no Oslo", "a storm in Lima", "the bridge", "洪水"])
ROW = st.tuples(SAID, SAID, SAID, SAID, WORDS, WORDS, WORDS, WORDS, st.integers(0, 3))


def annotation(item, said, words):
    if said is None:
        return Annotation(item, "refused", rationale=words)
    if isinstance(said, str):
        return Annotation(item, "ok", said, rationale=words)
    return Annotation(item, "ok", verdict_of(said), said, words)


def panel(rows, teachers=("a", "b", "c"), order=1):
    places = list(range(len(rows)))[::order]
    items = {
        f"i{n}": Item(f"i{n}", rows[n][7], features={"v": np.eye(4, dtype=np.float32)[rows[n][8]]}, group=f"g{n % 3}")
        for n in places
    }
    by = {
        name: {f"i{n}": annotation(f"i{n}", rows[n][at], rows[n][4 + at]) for n in places}
        for at, name in enumerate(teachers)
    }
    said = {f"i{n}": annotation(f"i{n}", rows[n][3], "") for n in places}
    predictions = {item: Prediction(item, one.outcome, one.verdict, one.p_falsified) for item, one in said.items()}
    return Panel(items, by, predictions)


named = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


@named
@settings(max_examples=15, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=12), seed=st.integers(0, 2**31 - 1))
def test_neither_the_order_of_items_nor_the_names_of_teachers_show(rule, rows, seed):
    order = list(rule.rank(panel(rows), seed))
    assert sorted(ids(order)) == sorted(f"i{n}" for n in range(len(rows)))
    assert list(rule.rank(panel(rows), seed)) == order
    assert list(rule.rank(panel(rows, order=-1), seed)) == order
    assert list(rule.rank(panel(rows, teachers=("z", "m", "b")), seed)) == order


@named
@settings(max_examples=10, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=12), seed=st.integers(0, 2**31 - 1))
def test_conflicts_come_first_scores_are_finite_and_budgets_are_nested(rule, rows, seed):
    order = list(rule.rank(panel(rows), seed))
    assert [row.conflict for row in order] == sorted((row.conflict for row in order), reverse=True)
    assert all(np.isfinite(row.score) and row.score >= 0 and type(row.conflict) is bool for row in order)
    bought = [bought_ids(order, budget) for budget in range(len(rows) + 1)]
    assert all(large[: len(small)] == small for small, large in itertools.pairwise(bought))
    assert bought[-1] == conflicts(order)


@pytest.mark.parametrize("rule", SCORED, ids=lambda rule: rule.name)
@settings(max_examples=10, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=12), seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_a_seed_changes_ties_and_nothing_else(rule, rows, seeds):
    first, second = (rule.rank(panel(rows), seed) for seed in seeds)
    assert {row.item_id: row for row in first} == {row.item_id: row for row in second}
    assert [(row.score, row.conflict) for row in first] == [(row.score, row.conflict) for row in second]


@named
@settings(max_examples=6, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=8), seed=st.integers(0, 99))
def test_a_label_that_items_or_ids_would_tell_is_out_of_reach(rule, rows, seed):
    one = panel(rows)
    told = {
        item: replace(found, group="falsified" if n % 2 else "pristine")
        for n, (item, found) in enumerate(one.items.items())
    }
    said = {teacher: {item: one.by(teacher, item) for item in told} for teacher in one.teachers}
    assert list(rule.rank(Panel(told, said, one.predictions), seed)) == list(rule.rank(one, seed))


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=12))
def test_hard_disagreement_and_consensus_part_the_items_that_were_answered(rows):
    one = panel(rows)
    apart, agreed = conflicts(HardDisagreement().rank(one, 0)), conflicts(ConsensusOnly().rank(one, 0))
    assert sorted([*apart, *agreed]) == sorted(item for item in one.items if one.answers(item))
    assert set(conflicts(VoteEntropy().rank(one, 0))) == set(apart)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=12))
def test_entropy_is_what_is_between_the_teachers_and_what_is_within_them(rows):
    one = panel(rows)
    total = {row.item_id: row.score for row in Entropy().rank(one, 0)}
    between = {row.item_id: row.score for row in JensenShannon().rank(one, 0)}
    assert all(between[item] <= total[item] + 1e-9 for item in total)


def test_an_empty_panel_is_an_empty_order():
    for rule in RULES:
        assert list(rule.rank(panel([]), 0)) == []
