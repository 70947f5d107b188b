from math import isnan, nan

import numpy as np
import pytest
from scipy import stats as scipy_stats
from sklearn import metrics as oracle

from harness.stats import auroc, crossed, ece, holm, metrics, share, wilson


@pytest.fixture
def answers():
    rng = np.random.default_rng(0)
    falsified = rng.integers(0, 2, 300)
    p = np.round(np.clip(0.35 + 0.3 * falsified + rng.normal(0, 0.2, 300), 0, 1), 2)
    return falsified, (p >= 0.5).astype(int), p


def test_metrics_equal_those_of_scikit_learn(answers):
    falsified, answered, p = answers
    found = metrics(falsified, answered, p)
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(falsified, answered))
    assert found["accuracy_falsified"] == pytest.approx(oracle.recall_score(falsified, answered))
    assert found["accuracy_pristine"] == pytest.approx(oracle.recall_score(falsified, answered, pos_label=0))
    assert found["macro_f1"] == pytest.approx(oracle.f1_score(falsified, answered, average="macro"))
    assert found["auroc"] == pytest.approx(oracle.roc_auc_score(falsified, p))
    assert found["brier"] == pytest.approx(oracle.brier_score_loss(falsified, p))


def test_an_answer_without_a_verdict_is_wrong_and_is_left_out_of_the_parsed(answers):
    falsified, answered, p = answers
    some = answered.copy()
    some[:30] = -1
    found = metrics(falsified, some, p)
    assert found["accuracy"] == pytest.approx((some == falsified).mean())
    assert found["accuracy_parsed"] == pytest.approx((answered == falsified)[30:].mean())


def test_one_class_has_no_auroc():
    assert isnan(auroc(np.ones(3, int), np.array([0.1, 0.2, 0.3])))


def test_calibration_error_by_hand():
    p, falsified = np.array([0.1, 0.15, 0.9, 1.0]), np.array([0, 1, 1, 1])
    assert ece(falsified, p) == pytest.approx((abs(0.25 - 1) + abs(1.9 - 2)) / 4)


def test_one_seed_and_groups_of_one_give_the_ordinary_standard_error():
    values = np.random.default_rng(1).normal(size=(1, 50))
    found = crossed(values, np.arange(50))
    low, high = scipy_stats.t.interval(0.95, 49, values.mean(), scipy_stats.sem(values[0]))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-3 * found.error)


def test_groups_of_one_and_seeds_without_items_variance_give_the_t_test_over_seeds():
    per_seed = np.array([0.1, 0.3, 0.2, 0.4])
    values = np.repeat(per_seed[:, None], 20, axis=1)
    found = crossed(values, np.arange(20))
    expected = scipy_stats.ttest_1samp(per_seed, 0)
    assert found.error == pytest.approx(per_seed.std(ddof=1) / 2)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6)


def test_items_of_one_group_do_not_count_as_independent():
    rng = np.random.default_rng(2)
    one = rng.integers(0, 2, (1, 40)).astype(float)
    doubled = np.repeat(one, 5, axis=1)
    groups = np.repeat(np.arange(40), 5)
    assert crossed(doubled, groups).error == pytest.approx(crossed(one, np.arange(40)).error)
    assert crossed(doubled, np.arange(200)).error < crossed(one, np.arange(40)).error / 2


def test_the_crossed_interval_covers_a_null_difference_about_as_often_as_it_says():
    rng, misses, trials = np.random.default_rng(3), 0, 400
    for _ in range(trials):
        seeds, items = rng.normal(0, 0.03, (5, 1)), rng.normal(0, 0.3, (1, 200))
        values = seeds + items + rng.normal(0, 0.3, (5, 200))
        misses += crossed(values, np.arange(200)).p < 0.05
    assert 0.01 <= misses / trials <= 0.09


def test_the_detectable_difference_is_found_in_about_four_of_five_runs():
    rng, hits, trials = np.random.default_rng(4), 0, 400

    def run(effect):
        return crossed(rng.normal(effect, 0.3, (1, 200)) + rng.normal(0, 0.1, (5, 200)), np.arange(200))

    effect = np.mean([run(0.0).detectable for _ in range(20)])
    for _ in range(trials):
        hits += run(effect).p < 0.05
    assert 0.72 <= hits / trials <= 0.88


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (7, 20), (20, 20)])
def test_wilson_equals_scipys(hits, n):
    expected = scipy_stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits / n, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_one_run_has_wilsons_interval():
    values = np.array([[1.0] * 15 + [0.0] * 5])
    found = share(values, np.arange(20))
    # The variance over groups has n - 1 where Wilson's has n.
    assert (found.low, found.high) == pytest.approx(wilson(0.75, 19), abs=1e-9)
    assert share(np.ones((1, 20)), np.arange(20)).low == pytest.approx(wilson(1.0, 20)[0])


def test_holm_by_hand():
    assert holm([0.01, 0.04, nan, 0.03]) == pytest.approx([0.03, 0.06, nan, 0.06], nan_ok=True)


def test_a_difference_without_variance_is_certain():
    same = crossed(np.zeros((3, 10)), np.arange(10))
    assert (same.p, same.low, same.high) == (1.0, 0.0, 0.0)
    assert crossed(np.ones((3, 10)), np.arange(10)).p == 0.0
    assert isnan(crossed(np.zeros((1, 1)), np.zeros(1, int)).error)
