"""The style probe against scikit-learn, and what it says of texts whose style is known."""

import random

import numpy as np
import pytest

from harness.stats import told_apart
from harness.stats.style import FEWEST_GROUPS, FREQUENT, features, logistic
from harness.steps.pairs import MOST_PROBED, described
from harness.types import Item, Preference, Target

WORDS = ["the", "page", "names", "a", "place", "and", "picture", "shows", "march", "road", "city", "year", "it"]


def texts_of(count, habit=0.0, seed=0):
    """Pairs of ten words each; the first of a pair ends with a habit, at that rate."""
    chance = random.Random(seed)
    texts, first, groups = [], [], []
    for group in range(count):
        for chosen in (True, False):
            said = " ".join(chance.choice(WORDS) for _ in range(10))
            texts.append(f"{said} indeed" if chosen and chance.random() < habit else said)
            first.append(chosen)
            groups.append(group)
    return texts, np.array(first), np.array(groups)


@pytest.mark.parametrize("penalty", [0.1, 1.0, 10.0])
def test_the_logistic_regression_is_scikit_learns(penalty):
    linear_model = pytest.importorskip("sklearn.linear_model")
    texts, first, _ = texts_of(60, habit=0.6)
    x = features(texts)
    ours = logistic(x, first.astype(int), penalty)
    theirs = linear_model.LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000).fit(x[:, :-1], first)
    assert ours[:-1] == pytest.approx(theirs.coef_[0], abs=1e-5)
    assert ours[-1] == pytest.approx(theirs.intercept_[0], abs=1e-5)


def test_the_area_is_that_of_scikit_learns_own_cross_validation():
    metrics = pytest.importorskip("sklearn.metrics")
    linear_model, selection = (pytest.importorskip(f"sklearn.{name}") for name in ("linear_model", "model_selection"))
    from harness.stats.resampling import SEED

    texts, first, groups = texts_of(60, habit=0.6)
    folds = np.random.default_rng(SEED).permutation(60)[groups] % 5
    model = linear_model.LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000)
    split = selection.PredefinedSplit(folds)
    scores = selection.cross_val_predict(model, features(texts)[:, :-1], first, cv=split, method="decision_function")
    assert told_apart(texts, first, groups).mean == pytest.approx(metrics.roc_auc_score(first, scores), abs=1e-6)


def test_texts_without_a_style_are_told_apart_by_chance_in_most_worlds():
    found = [told_apart(*texts_of(40, seed=seed)) for seed in range(40)]
    # 95 % of 40 are 38; fewer than 34 come by chance in one case of 300.
    assert sum(one.low <= 0.5 <= one.high for one in found) >= 34
    assert abs(np.mean([one.mean for one in found]) - 0.5) < 0.05


def test_a_habit_or_a_length_is_told():
    assert told_apart(*texts_of(100, habit=0.8)).low > 0.7
    texts, first, groups = texts_of(100)
    longer = [f"{text} and so on and on" if chosen else text for text, chosen in zip(texts, first, strict=True)]
    assert told_apart(longer, first, groups).mean > 0.95


def test_what_a_text_is_about_is_no_style():
    texts, first, groups = texts_of(60)
    named = [f"{text} item{group}" for text, group in zip(texts, groups, strict=True)]
    found = told_apart(named, first, groups)
    assert found.low <= 0.5 <= found.high


def test_the_same_texts_give_the_same_area_and_few_groups_none():
    some = texts_of(30, habit=0.5)
    assert told_apart(*some) == told_apart(*some)
    assert told_apart(*texts_of(FEWEST_GROUPS - 1)) is None
    assert told_apart([], np.zeros(0, bool), np.zeros(0, int)) is None


def test_features_are_bounded_whatever_the_texts():
    odd = ["", "   ", "\x00\u202e", "x" * 100_000, "!?." * 5000, "ÀÉ日本語", *(f"w{n}" for n in range(500))]
    x = features(odd)
    assert x.shape[0] == len(odd)
    assert x.shape[1] <= 6 + 2 * FREQUENT
    assert np.isfinite(x).all()


def preference(item, chosen="right words", rejected="wrong", verdict="falsified", **more):
    other = "pristine" if verdict == "falsified" else "falsified"
    return Preference(
        item,
        Target(item, verdict, rationale=chosen, source="a"),
        (Target(item, other, rationale=rejected, source="b"),),
        **more,
    )


ITEMS = {str(number): Item(str(number), "") for number in range(2 * MOST_PROBED)}


def test_a_set_of_pairs_is_described_by_class_length_voice_and_style():
    bare = Preference("3", Target("3", "pristine"), (Target("3", "falsified", rationale="so it is", source="b"),))
    image = preference("4", image_of="5")
    same = preference("5", "alike", "alike", "pristine")
    several = Preference("6", Target("6", "pristine", source="a"), (*same.rejected, *bare.rejected))
    facts = described([preference("1"), preference("2"), bare, image, same, several, Target("7", "pristine")], ITEMS)
    assert facts == {
        "preferences": 6,
        "other_image": 1,
        "pairs": 6,
        "same_words": 1,
        "chosen_falsified": 3,
        "chosen_words": round(5 / 6, 3),
        "rejected_words": round(10 / 6, 3),
        "length_ratio": 0.5,
        "sources": {"": [1, 0], "a": [5, 0], "b": [0, 6]},
        "style": None,
    }


def test_targets_alone_have_no_pairs_to_describe():
    assert described([Target("1", "pristine")], ITEMS) == {}


def test_the_probe_never_sees_the_verdict_and_a_repeated_pair_counts_once():
    stated = [preference(str(n), "So it is. Verdict: falsified", "So it is. Verdict: pristine") for n in range(40)]
    assert described(stated, ITEMS)["style"] == {"pairs": 40, "auroc": 0.5, "low": 0.5, "high": 0.5}
    assert described(stated * 3, ITEMS)["style"]["pairs"] == 40


def test_the_probe_is_bounded_and_a_style_shows():
    many = [preference(str(number)) for number in range(2 * MOST_PROBED)]
    style = described(many, ITEMS)["style"]
    assert style["pairs"] == MOST_PROBED
    assert style["low"] > 0.9
    assert described(many[::-1], ITEMS)["style"] == style


def test_pairs_that_differ_by_the_image_or_the_verdict_alone_have_no_style():
    images = [preference(str(number), image_of="0") for number in range(40)]
    flips = [preference(str(number), "alike", "alike") for number in range(40)]
    assert described(images, ITEMS)["length_ratio"] is None
    assert described(images, ITEMS)["style"] is None
    assert described(flips, ITEMS)["style"] is None
    assert described(flips, ITEMS)["length_ratio"] == 1.0
