"""Agreement of raters: the textbook's values, scikit-learn, and properties."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score

from harness.stats import cohen, krippendorff


def rated(*rows):
    """A letter or digit is a category, a dot no rating."""
    known = sorted({sign for row in rows for sign in row} - {"."})
    return np.array([[known.index(sign) if sign != "." else -1 for sign in row] for row in rows])


# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", sections A, B and C.
TEXTBOOK = {
    0.095: rated("0100000010", "1110010000"),
    0.692: rated("aabbdcccedda", "babbbccceddd"),
    0.743: rated("123321412...", "1233224125.3", ".3332342251.", "12332441251."),
}


@pytest.mark.parametrize("value", TEXTBOOK)
def test_alpha_is_the_textbooks(value):
    assert round(krippendorff(TEXTBOOK[value]).mean, 3) == value


def test_alpha_of_four_items_by_hand():
    # Three items of four differ: 6 of 8 ratings are not met by the other. Drawn from five 0 and three 1 without putting
    # back, 2 * 5 * 3 of 8 * 7 pairs would differ.
    assert krippendorff(rated("0010", "0101")).mean == pytest.approx(1 - (6 / 8) / (30 / 56))


def test_alpha_is_one_where_all_agree_and_unknown_where_there_is_nothing_to_agree_on():
    assert krippendorff(rated("0101", "0101", "01..")).mean == 1
    for ratings in (rated("000", "000"), rated("01.", "..1"), np.empty((2, 0), int), rated("0101")):
        assert isnan(krippendorff(ratings).mean)


def test_perfect_agreement_of_few_items_is_not_sure():
    few, many = (krippendorff(rated("01" * half, "01" * half)) for half in (5, 500))
    assert few.high == many.high == 1
    # Of 10 items that agree, Wilson's interval of the share begins at 0.722; chance differs in 10 * 10 * 2 of 20 * 19.
    assert few.low == pytest.approx(1 - 0.2775 / (200 / 380), abs=1e-3)
    assert many.low > 0.99


def test_items_with_one_rating_tell_nothing():
    assert krippendorff(rated("0100000010..01", "111001000010..")) == krippendorff(rated("0100000010", "1110010000"))


def test_the_interval_holds_the_true_alpha_as_often_as_it_says():
    # Two raters who are each right with 0.85 on balanced items: alpha of infinitely many items is (2 * 0.85 - 1)^2.
    rng, held = np.random.default_rng(1), 0
    for _ in range(100):
        truth = rng.integers(0, 2, 150)
        found = krippendorff(np.where(rng.random((2, 150)) < 0.85, truth, 1 - truth))
        held += found.low <= 0.49 <= found.high
    assert 90 <= held <= 99


def test_items_of_one_group_are_drawn_together():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 60)
    ratings = np.where(rng.random((3, 60)) < 0.8, truth, 1 - truth)
    alone, fourfold = krippendorff(ratings), np.tile(ratings, 4)
    grouped = krippendorff(fourfold, np.tile(np.arange(60), 4))
    assert grouped.mean == pytest.approx(alone.mean, abs=0.01)
    assert grouped.high - grouped.low == pytest.approx(alone.high - alone.low, rel=0.1)
    assert krippendorff(fourfold).high - krippendorff(fourfold).low < 0.7 * (grouped.high - grouped.low)


RATINGS = arrays(int, st.tuples(st.integers(2, 4), st.integers(1, 12)), elements=st.integers(-1, 2))


@given(RATINGS, st.randoms())
def test_the_order_of_raters_and_items_and_the_names_of_categories_do_not_show(ratings, chance):
    raters, items = list(range(ratings.shape[0])), list(range(ratings.shape[1]))
    chance.shuffle(raters)
    chance.shuffle(items)
    names = np.array([2, 0, 1, -1])
    again = names[ratings][raters][:, items]
    one, other = krippendorff(ratings).mean, krippendorff(again).mean
    assert one == pytest.approx(other, nan_ok=True)
    assert isnan(one) or one <= 1


@given(arrays(int, st.tuples(st.just(2), st.integers(1, 15)), elements=st.integers(-1, 2)))
def test_kappa_is_that_of_scikit_learn_over_the_items_that_both_rated(ratings):
    one, other = ratings[:, (ratings >= 0).all(axis=0)]
    known = len({*one, *other}) > 1
    assert cohen(*ratings) == pytest.approx(cohen_kappa_score(one, other) if known else np.nan, nan_ok=True)


def test_kappa_by_hand():
    one, other = np.repeat([1, 1, 0, 0], [20, 5, 10, 15]), np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    # 0.7 agree, 0.5 * 0.6 + 0.5 * 0.4 would by chance.
    assert cohen(one, other) == pytest.approx((0.7 - 0.5) / (1 - 0.5))
