from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats
from sklearn import metrics as oracle

from harness.stats import (
    Components,
    Spread,
    against_margin,
    auroc,
    crossed,
    ece,
    holm,
    joint,
    mcnemar,
    metrics,
    seeds_needed,
    share,
    spread_of,
    wilson,
)


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


@pytest.mark.parametrize("alpha", [0.05, 0.005, 0.0005])
@pytest.mark.parametrize("df", [1, 2, 4, 9, 299])
def test_one_variance_alone_gives_students_t(alpha, df):
    expected = scipy_stats.t.ppf(1 - alpha / 2, df)
    assert Components(1.0, 0.0, 0.0, df + 1, 50).reach(alpha) == pytest.approx(expected, rel=2e-3)
    assert Components(0.0, 1.0, 0.0, 50, df + 1).reach(alpha) == pytest.approx(expected, rel=2e-3)


def test_two_variances_give_the_sum_of_two_ts():
    rng = np.random.default_rng(0)
    draws = np.sqrt(0.3) * rng.standard_t(4, 1_000_000) + np.sqrt(0.7) * rng.standard_t(20, 1_000_000)
    found = Components(0.3, 0.7, 0.0, 5, 21)
    assert found.reach(0.05) == pytest.approx(np.quantile(draws, 0.975), rel=0.01)
    assert found.reach(0.005) == pytest.approx(np.quantile(draws, 0.9975), rel=0.02)


def test_an_interval_without_zero_goes_with_a_small_p_and_one_with_it_does_not():
    rng = np.random.default_rng(5)
    for effect in np.linspace(0, 0.1, 40):
        found = crossed(rng.normal(effect, 0.5, (4, 60)) + rng.normal(0, 0.02, (4, 1)), np.arange(60) // 2)
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)
        assert found.p == pytest.approx(2 * min(found.p_above(0.0), found.p_below(0.0)))


def test_what_is_left_of_few_seeds_with_a_small_variance_by_luck_is_not_taken_for_certain():
    calm = Components(1e-6, 4e-4, 0.0, 3, 600)
    wild = Components(4e-4, 1e-6, 0.0, 3, 600)
    assert calm.reach(0.005) < 3 * calm.variance**0.5
    assert wild.reach(0.005) > 10 * wild.variance**0.5


@given(values=arrays(np.float64, (3, 4, 12), elements=st.sampled_from([0.0, 1.0])), place=st.integers(0, 2))
def test_a_combination_of_arms_has_the_estimate_of_the_combined_answers(values, place):
    groups = np.arange(12) // 2
    combination = np.array([0.5, -1.5, 1.0])[[place, (place + 1) % 3, (place + 2) % 3]]
    one, other = joint(values, groups).of(combination), crossed(np.tensordot(combination, values, 1), groups)
    assert one.mean == pytest.approx(other.mean, abs=1e-12)
    assert one.error == pytest.approx(other.error, abs=1e-9)


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (3, 0), (9, 2), (5, 5), (40, 61)])
def test_mcnemar_is_the_binomial_test_of_the_items_on_which_two_models_differ(won, lost):
    first = np.array([1.0] * won + [0.0] * lost + [1.0, 0.0])
    second = np.array([0.0] * won + [1.0] * lost + [1.0, 0.0])
    expected = scipy_stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert mcnemar(first, second, np.arange(len(first))) == pytest.approx(expected)
    assert mcnemar(second, first, np.arange(len(first))) == pytest.approx(expected)


def test_mcnemar_says_nothing_of_items_that_hang_together():
    assert isnan(mcnemar(np.ones(4), np.zeros(4), np.array([0, 0, 1, 1])))


def test_one_sided_tests_against_a_margin_are_scipys_where_items_alone_vary():
    values = np.random.default_rng(6).normal(-0.01, 0.2, (1, 400))
    found = against_margin(crossed(values, np.arange(400)), 0.03)
    above = scipy_stats.ttest_1samp(values[0], -0.03, alternative="greater").pvalue
    below = scipy_stats.ttest_1samp(values[0], 0.03, alternative="less").pvalue
    assert found.p_not_inferior == pytest.approx(above, rel=0.01)
    assert found.p_inferior == pytest.approx(1 - above, rel=0.01)
    assert found.p_equivalent == pytest.approx(max(above, below), rel=0.01)


def test_the_90_per_cent_interval_lies_above_the_margin_exactly_where_an_arm_is_not_inferior():
    rng = np.random.default_rng(7)
    for effect in np.linspace(-0.06, 0.06, 30):
        found = against_margin(crossed(rng.normal(effect, 0.3, (3, 150)), np.arange(150)), 0.02)
        assert (found.low > -0.02) == (found.p_not_inferior < 0.05)
        assert (found.high < -0.02) == (found.p_inferior < 0.05)
        assert (found.low > -0.02 and found.high < 0.02) == (found.p_equivalent < 0.05)


def test_what_a_run_shows_of_the_variances_gives_the_run_back():
    rng = np.random.default_rng(8)
    values = rng.normal(0, 0.1, (6, 1)) + rng.normal(0, 0.4, (1, 90)) + rng.normal(0, 0.3, (6, 90))
    seen = crossed(values, np.arange(90)).components
    again = spread_of(seen).components(6, 90)
    assert (again.of_seeds, again.of_groups, again.residual) == pytest.approx(
        (seen.of_seeds, seen.of_groups, seen.residual)
    )
    spread = spread_of(seen)
    assert (spread.seeds**0.5, spread.groups**0.5, spread.residual**0.5) == pytest.approx((0.1, 0.4, 0.3), rel=0.5)


def test_so_many_seeds_are_needed_that_one_fewer_would_not_do():
    spread = Spread(0.02**2, 0.1, 0.1)
    needed = int(seeds_needed(spread, 1000, 0.035))
    assert spread.components(needed, 1000).detectable() <= 0.035 < spread.components(needed - 1, 1000).detectable()
    assert seeds_needed(spread, 1000, 0.035, 0.005) > needed
    assert seeds_needed(spread, 1000, 0.035, one_sided=True) < needed


def test_no_number_of_seeds_makes_up_for_too_few_items():
    assert seeds_needed(Spread(0.0, 0.1, 0.1), 100, 0.01) == inf
    assert seeds_needed(Spread(0.01, 0.1, 0.1), 1, 0.5) == inf
