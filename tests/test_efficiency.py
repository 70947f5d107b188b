"""Tables of label efficiency and operating points, from finished toy runs."""

from math import inf, isnan

import numpy as np
import pytest
from sklearn import metrics as oracle

from harness.columns import (
    CURVE_COLUMNS,
    CURVE_CONTRAST_COLUMNS,
    EQUIVALENCE_COLUMNS,
    METRICS,
    OPERATING_COLUMNS,
    PREVALENCE_COLUMNS,
)
from harness.diagnosis import view
from harness.steps import rows

NEWSROOM = "newsroom: {items_per_day: 500, prevalence: 0.04, reviews_per_day: [25, 100]}\n"


@pytest.fixture(scope="module")
def once():
    return {}


@pytest.fixture
def finished(once, plan_of, toy, run_plan, tmp_path_factory):
    """A toy run with three fractions and three seeds: plan, store and view."""
    from harness.store import Store

    if not once:
        text = toy.replace("[0.1, 0.25]", "[0.05, 0.1, 0.4, 1.0]").replace("[0, 1]", "[0, 1, 2]") + NEWSROOM
        text = text.replace("words: words", "words: {uses: words, train: 120, test: 90}", 1)
        plan, store = plan_of(text), Store(tmp_path_factory.mktemp("store"))
        run_plan(plan, store)
        once.update(plan=plan, store=store, view=view(plan, store))
    return once


def probabilities(finished, arm):
    """Truth, and p of each seed, in the order of the items."""
    plan, store = finished["plan"], finished["store"]
    benchmark = plan.matrix.benchmarks["words"]
    items, labels = benchmark.items("test"), benchmark.labels("test")
    truth = np.array([labels[item.id] == "falsified" for item in items])
    cells = [cell for cell in plan.cells if cell.point.arm == arm]
    said = [rows.read_predictions(store, cell.answers["words"][0]) for cell in cells]
    return truth, np.array([[one[item.id].p_falsified for item in items] for one in said])


def test_tables_have_their_columns(finished):
    seen = finished["view"]
    assert tuple(seen.curves.columns) == CURVE_COLUMNS
    assert tuple(seen.curve_contrasts.columns) == CURVE_CONTRAST_COLUMNS
    assert tuple(seen.equivalences.columns) == EQUIVALENCE_COLUMNS
    assert tuple(seen.operating.columns) == OPERATING_COLUMNS
    assert tuple(seen.prevalence.columns) == PREVALENCE_COLUMNS


def test_every_metric_of_every_arm_has_an_interval_around_it(finished):
    arms = finished["view"].arms
    for metric in METRICS:
        known = arms[arms[metric].notna()]
        assert len(known) == len(arms)
        assert (known[f"{metric}_low"] <= known[metric] + 1e-9).all()
        assert (known[f"{metric}_high"] >= known[metric] - 1e-9).all()
        assert known[[f"{metric}_low", f"{metric}_high"]].min().min() >= 0
        assert known[[f"{metric}_low", f"{metric}_high"]].max().max() <= 1


def test_the_area_is_that_of_the_arms_accuracies_over_the_labels_that_were_bought(finished):
    arms, curves = finished["view"].arms, finished["view"].curves
    assert list(curves["curve"]) == [
        "words/counter/mmkd/all/hard",
        "words/counter/mmkd/all/random",
        "words/counter/supervised/random",
    ]
    for curve in curves.to_dict("records"):
        own = arms[arms["arm"].str.startswith(curve["curve"] + "/")].drop_duplicates("labels_bought")
        x = np.log2(own["labels_bought"].to_numpy())
        assert curve["aulc"] == pytest.approx(oracle.auc(x, own["accuracy"]) / (x[-1] - x[0]))
        assert curve["aulc_low"] < curve["aulc"] < curve["aulc_high"]
        assert (curve["from_labels"], curve["points"]) == (6, len(own))


def test_a_saturated_point_that_bought_no_more_is_no_point_of_the_curve(finished):
    curves, arms = finished["view"].curves.set_index("curve"), finished["view"].arms
    hard = arms[arms["arm"].str.startswith("words/counter/mmkd/all/hard/")]
    assert hard["saturated"].sum() == 2
    assert curves.loc["words/counter/mmkd/all/hard", "points"] == 3
    assert curves.loc["words/counter/supervised/random", "points"] == 4


def test_curves_are_contrasted_over_the_labels_that_both_have(finished):
    table = finished["view"].curve_contrasts
    assert list(zip(table["question"], table["curve"], table["against"], strict=True)) == [
        ("against labels alone", "words/counter/mmkd/all/hard", "words/counter/supervised/random"),
        ("against labels alone", "words/counter/mmkd/all/random", "words/counter/supervised/random"),
        ("against random conflicts", "words/counter/mmkd/all/hard", "words/counter/mmkd/all/random"),
    ]
    first = table.iloc[0]
    assert first["from_labels"] == 6
    assert first["to_labels"] < 48
    assert first["low"] < first["difference"] < first["high"]
    assert first["verdict"] in ("better", "worse", "inconclusive")


def test_arms_that_learnt_from_teachers_are_measured_in_labels_of_curves(finished):
    table = finished["view"].equivalences
    alone = table[table["question"] == "against labels alone"].set_index("arm")
    assert set(alone["against"]) == {"words/counter/supervised/random"}
    assert {"words/counter/stage1-only/all", "words/counter/mmkd/all/hard/0.05"} <= set(alone.index)
    assert isnan(alone.loc["words/counter/stage1-only/all", "factor"])
    for row in table.to_dict("records"):
        assert row["low"] <= row["equivalent"] <= row["high"]
        assert row["equivalent"] in (0, inf) or row["from_labels"] <= row["equivalent"] <= row["to_labels"]
        if row["labels"] and row["equivalent"] < inf:
            assert row["factor"] == pytest.approx(row["equivalent"] / row["labels"])


def test_a_reviewed_share_finds_what_weighted_items_in_their_order_would(finished):
    table = finished["view"].operating.set_index(["arm", "reviews_per_day"])
    arm = "words/counter/supervised/random/1"
    truth, seeds = probabilities(finished, arm)
    for reviews in (25, 100):
        found = []
        for p in seeds:
            alarms, recall, _ = oracle.roc_curve(truth, p, drop_intermediate=False)
            flagged = 0.04 * recall + 0.96 * alarms
            found.append(np.interp(reviews / 500, flagged, recall))
        row = table.loc[(arm, reviews)]
        assert row["recall"] == pytest.approx(np.mean(found), abs=1e-5)
        assert row["precision"] == pytest.approx(np.mean(found) * 0.04 * 500 / reviews, abs=1e-5)
        assert row["found_per_day"] == pytest.approx(np.mean(found) * 20, abs=1e-4)


def test_false_alarms_at_95_per_cent_recall_are_means_over_seeds(finished):
    table = finished["view"].operating.set_index(["arm", "reviews_per_day"])
    arm = "words/counter/mmkd/all/random/0.4"
    truth, seeds = probabilities(finished, arm)
    found = []
    for p in seeds:
        alarms, recall, _ = oracle.roc_curve(truth, p, drop_intermediate=False)
        found.append(alarms[np.argmax(recall >= 0.95)])
    row = table.loc[(arm, 25)]
    assert row["alarms_at_95"] == pytest.approx(np.mean(found), abs=1e-5)
    assert row["alarms_per_day_at_95"] == pytest.approx(np.mean(found) * 480, abs=1e-2)


def test_precision_by_prevalence_is_bayes_rule_and_at_the_tests_own_share_it_is_the_tests(finished):
    table = finished["view"].prevalence
    arm = "words/counter/supervised/random/0.4"
    truth, seeds = probabilities(finished, arm)
    own = table[table["arm"] == arm].set_index("prevalence")
    assert list(own.index) == [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
    for share, row in own.iterrows():
        expected = []
        for p in seeds:
            recall, alarms = (p[truth] >= 0.5).mean(), (p[~truth] >= 0.5).mean()
            expected.append(share * recall / (share * recall + (1 - share) * alarms))
        assert row["precision"] == pytest.approx(np.mean(expected), abs=1e-5)
    assert own["precision"].is_monotonic_increasing


def test_an_arm_without_probabilities_has_no_operating_point_but_its_verdicts_have_a_precision(
    plan_of, toy, run_plan, store
):
    plan = plan_of(toy.replace("a: {uses: listens", "a: {uses: curt"))
    run_plan(plan)
    seen = view(plan, store)
    assert set(seen.arms["arm"]) - set(seen.operating["arm"]) == {"words/teacher/a"}
    assert "words/teacher/a" in set(seen.prevalence["arm"])
    teacher = seen.arms.set_index("arm").loc["words/teacher/a"]
    assert teacher[["auroc", "auroc_low", "brier", "brier_high", "ece"]].isna().all()
    assert teacher["macro_f1_low"] < teacher["macro_f1"]


def test_before_anything_has_run_the_tables_are_empty(plan_of, toy, store):
    seen = view(plan_of(toy), store)
    for name in ("curves", "curve_contrasts", "equivalences", "operating", "prevalence"):
        assert getattr(seen, name).empty
