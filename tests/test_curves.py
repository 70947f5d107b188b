"""Label curves: areas and label-equivalents by hand, by scikit-learn and by what must hold."""

from itertools import pairwise
from math import inf, isnan, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import auc

from harness.stats import area, equivalent, joint
from harness.stats.curves import crossing

LABELS = (5, 10, 40, 80)
HEIGHTS = np.array([0.5, 0.6, 0.8, 0.85])


def test_the_area_over_the_whole_range_is_the_trapezoid_rule_over_log2_labels():
    expected = auc(np.log2(LABELS), HEIGHTS) / 4
    assert area(LABELS, 5, 80) @ HEIGHTS == pytest.approx(expected)


def test_the_area_over_a_part_takes_the_curve_between_its_points():
    # From 20 to 80: 0.7 at 20, 0.8 at 40, 0.85 at 80, one doubling each.
    assert area(LABELS, 20, 80) @ HEIGHTS == pytest.approx((0.75 + 0.825) / 2)
    assert area(LABELS, 20, 40) @ HEIGHTS == pytest.approx(0.75)


@given(
    st.lists(st.integers(1, 5000), min_size=2, max_size=8, unique=True),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_flat_curve_has_its_height_as_area_over_any_range(labels, one, other):
    labels = sorted(labels)
    span = log2(labels[-1]) - log2(labels[0])
    low, high = (labels[0] * 2 ** (part * span) for part in sorted((one, other)))
    low, high = max(low, labels[0]), min(high, labels[-1])
    if high > low * 1.0001:
        weights = area(labels, low, high)
        assert weights.sum() == pytest.approx(1)
        assert weights.min() >= -1e-12


def test_the_height_of_a_curve_is_found_on_a_straight_line_over_log_labels():
    assert crossing(HEIGHTS, LABELS, 0.7) == pytest.approx(20)
    assert crossing(HEIGHTS, LABELS, 0.5) == 5
    assert crossing(HEIGHTS, LABELS, 0.85) == 80
    assert crossing(HEIGHTS, LABELS, 0.49) == 0
    assert crossing(HEIGHTS, LABELS, 0.86) == inf


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.floats(0, 1))
def test_a_curve_that_falls_is_made_monotone_as_scikit_learn_does(heights, height):
    found = crossing(np.array(heights), LABELS, height)
    rising = IsotonicRegression().fit_transform(np.log2(LABELS), heights)
    if found == inf:
        assert height > rising[-1]
    elif found == 0:
        assert height < rising[0]
    else:
        assert np.interp(log2(found), np.log2(LABELS), rising) == pytest.approx(height, abs=1e-6)


@given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=2))
def test_a_higher_arm_is_worth_no_fewer_labels(heights):
    lower, higher = sorted(heights)
    assert crossing(HEIGHTS, LABELS, lower) <= crossing(HEIGHTS, LABELS, higher)


def runs(means, seeds=4, items=400, seed=0):
    rng = np.random.default_rng(seed)
    hardness = rng.random(items)
    return np.stack([(hardness + rng.normal(0, 0.1, (seeds, items)) < mean).astype(float) for mean in means])


def test_the_interval_holds_the_labels_at_which_no_difference_is_seen():
    groups = np.arange(400)
    panel = joint(runs([0.7, *HEIGHTS]), groups)
    found = equivalent(panel, LABELS)
    assert 5 < found.low < found.labels < found.high < 80

    def height(labels):
        """The arm against the curve there, two neighbours in their right parts."""
        weights = np.array([np.interp(log2(labels), np.log2(LABELS), unit) for unit in np.eye(4)])
        return panel.of(np.append(1.0, -weights))

    assert height(found.low * 0.97).p < 0.05
    assert height(found.high * 1.03).p < 0.05
    assert all(height(labels).p >= 0.05 for labels in np.linspace(found.low * 1.05, found.high * 0.95, 20))


def test_an_arm_above_the_whole_curve_is_worth_more_than_its_most_labels():
    found = equivalent(joint(runs([0.97, *HEIGHTS]), np.arange(400)), LABELS)
    assert (found.labels, found.low, found.high) == (inf, 80, inf)


def test_an_arm_below_the_whole_curve_is_worth_less_than_its_fewest():
    found = equivalent(joint(runs([0.3, *HEIGHTS]), np.arange(400)), LABELS)
    assert (found.labels, found.low, found.high) == (0, 0, 5)


def test_an_interval_that_reaches_the_end_of_the_curve_is_open_there():
    found = equivalent(joint(runs([0.845, *HEIGHTS]), np.arange(400)), LABELS)
    assert found.high == inf
    assert found.low > 40


def test_one_group_of_items_says_nothing_of_labels():
    found = equivalent(joint(runs([0.7, *HEIGHTS], items=10), np.zeros(10, int)), LABELS)
    assert isnan(found.labels)


def test_a_better_arm_moves_the_whole_interval():
    found = [equivalent(joint(runs([mean, *HEIGHTS]), np.arange(400)), LABELS) for mean in (0.6, 0.7, 0.78)]
    assert all(one.low < other.low and one.high < other.high for one, other in pairwise(found))
