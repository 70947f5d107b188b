"""The crossed bootstrap, and what an order of the items finds, against scikit-learn and by hand."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from harness.stats import bounded, crossed, metrics, ranked, resampled, tallied, weights, wilson


def once(groups):
    return np.ones((int(groups.max()) + 1, 1), np.float32)


@pytest.fixture
def answers():
    rng = np.random.default_rng(0)
    falsified = rng.integers(0, 2, 240)
    p = np.round(np.clip(0.35 + 0.3 * falsified + rng.normal(0, 0.2, 240), 0, 1), 2)
    return falsified, (p >= 0.5).astype(int), p, np.arange(240) // 3


def test_a_resample_of_everything_once_is_the_sample(answers):
    falsified, answered, p, groups = answers
    known = metrics(falsified, answered, p)
    found = tallied(falsified, answered, p, groups, once(groups))
    for name in ("macro_f1", "brier", "ece"):
        assert found[name][0] == pytest.approx(known[name], rel=1e-5)
    assert found["recall"][0] == pytest.approx(oracle.recall_score(falsified, answered), rel=1e-6)
    assert found["false_alarms"][0] == pytest.approx(1 - oracle.recall_score(falsified, answered, pos_label=0))
    assert ranked(falsified, p, groups, once(groups)).auroc()[0] == pytest.approx(known["auroc"], rel=1e-5)


def test_a_resample_is_the_metric_of_the_items_that_were_drawn(answers):
    falsified, answered, p, groups = answers
    table = weights(groups, 20)
    found = tallied(falsified, answered, p, groups, table)
    areas = ranked(falsified, p, groups, table).auroc()
    for draw in range(20):
        drawn = np.repeat(np.arange(240), table[groups, draw].astype(int))
        known = metrics(falsified[drawn], answered[drawn], p[drawn])
        assert areas[draw] == pytest.approx(known["auroc"], rel=1e-5)
        for name in ("macro_f1", "brier", "ece"):
            assert found[name][draw] == pytest.approx(known[name], rel=1e-5)


def test_answers_without_verdict_or_probability_count_as_in_the_metrics(answers):
    falsified, answered, p, groups = answers
    answered[:40], p[20:60] = -1, np.nan
    known = metrics(falsified, answered, p)
    found = tallied(falsified, answered, p, groups, once(groups))
    for name in ("macro_f1", "brier", "ece"):
        assert found[name][0] == pytest.approx(known[name], rel=1e-5)


def test_whole_groups_are_drawn_and_as_many_as_there_are():
    table = weights(np.array([0, 0, 1, 2, 2, 2]), 50)
    assert table.shape == (3, 50)
    assert set(table.sum(axis=0)) == {3.0}
    assert np.array_equal(table, weights(np.array([0, 0, 1, 2, 2, 2]), 50))


def test_for_a_mean_the_bootstrap_finds_the_variances_that_the_formula_gives():
    rng = np.random.default_rng(1)
    groups = np.arange(400) // 2
    values = (rng.normal(0, 0.15, (5, 1)) + rng.normal(0, 1, 400) + rng.normal(0, 1, (5, 400)) > 0).astype(float)
    sums = np.stack([np.bincount(groups, weights=row) for row in values])
    draws = sums @ weights(groups, 4000) / 400
    found, known = resampled(values.mean(axis=1), draws, 200), crossed(values, groups)
    assert found.mean == pytest.approx(known.mean)
    for part in ("of_seeds", "of_groups", "residual"):
        assert getattr(found.components, part) == pytest.approx(getattr(known.components, part), rel=0.08)


def test_what_is_defined_in_too_few_resamples_has_no_interval():
    draws = np.full((1, 500), np.nan)
    draws[0, :50] = 0.5
    found = resampled(np.array([0.5]), draws, 10)
    assert found.mean == 0.5
    assert isnan(found.low)
    assert isnan(found.p)
    assert isnan(resampled(np.array([np.nan]), draws, 10).mean)


def test_a_perfect_score_is_no_certainty():
    perfect = resampled(np.ones(3), np.ones((3, 500)), 40)
    assert (perfect.low, perfect.high) == (1.0, 1.0)
    assert bounded(perfect, 40).low == wilson(1.0, 40)[0]


def test_precision_at_the_first_k_by_hand():
    falsified = np.array([1, 1, 0, 1, 0, 0, 1, 0])
    p = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
    curve = ranked(falsified, p, np.arange(8), once(np.arange(8)))
    for k, hits in ((1, 1), (2, 2), (3, 2), (4, 3), (7, 4), (8, 4)):
        assert curve.recall_at(k / 8, 0.5)[0] == pytest.approx(hits / 4, abs=1e-6)


def test_items_of_one_probability_are_looked_at_in_any_order():
    falsified, p = np.array([1, 0, 1, 0]), np.array([0.9, 0.5, 0.5, 0.1])
    curve = ranked(falsified, p, np.arange(4), once(np.arange(4)))
    assert curve.recall_at(0.5, 0.5)[0] == pytest.approx(0.75)
    assert ranked(falsified, np.full(4, 0.5), np.arange(4), once(np.arange(4))).recall_at(0.3, 0.05)[0] == (
        pytest.approx(0.3)
    )


def test_an_item_without_a_probability_is_looked_at_last():
    falsified, p = np.array([1, 0, 0, 1]), np.array([np.nan, 0.2, 0.1, 0.9])
    curve = ranked(falsified, p, np.arange(4), once(np.arange(4)))
    assert curve.recall_at(0.25, 0.5)[0] == pytest.approx(0.5)
    assert curve.alarms_at(0.95)[0] == 1.0


def test_false_alarms_at_95_per_cent_recall_are_those_of_scikit_learns_curve(answers):
    falsified, _, p, groups = answers
    alarms, recall, _ = oracle.roc_curve(falsified, p, drop_intermediate=False)
    found = ranked(falsified, p, groups, once(groups)).alarms_at(0.95)[0]
    assert found == pytest.approx(alarms[np.argmax(recall >= 0.95)], rel=1e-6)


def test_one_class_alone_has_no_operating_point():
    curve = ranked(np.ones(5, int), np.linspace(0, 1, 5), np.arange(5), once(np.arange(5)))
    assert isnan(curve.auroc()[0])
    assert isnan(curve.alarms_at(0.95)[0])
    assert isnan(curve.recall_at(0.5, 0.1)[0])


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9])), min_size=4, max_size=30).filter(
        lambda pairs: 0 < sum(truth for truth, _ in pairs) < len(pairs)
    ),
    st.floats(0.01, 0.99),
    st.floats(0.01, 0.99),
)
def test_recall_rises_with_what_is_looked_at_and_all_of_it_finds_all(pairs, first, prevalence):
    falsified, p = np.array([int(truth) for truth, _ in pairs]), np.array([value for _, value in pairs])
    groups = np.arange(len(pairs))
    curve = ranked(falsified, p, groups, once(groups))
    shares = [first / 2, first, 1.0]
    found = [curve.recall_at(share, prevalence)[0] for share in shares]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(1.0, abs=1e-6)
    # Nobody finds more falsified items than there are among those looked at.
    assert all(prevalence * recall <= share * (1 + 1e-5) + 1e-9 for recall, share in zip(found, shares, strict=True))
