"""Label models by hand, against crowd-kit, and on simulated teachers whose errors are known."""

import sys
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import Annotation, DataError, Item, MissingDependency, Panel, Validation
from harness.testing import checks_for, examine
from harness_label_models.crowd import Glad, Mace
from harness_label_models.dawid_skene import DawidSkene, GoldAnchored, OneCoin
from harness_label_models.majority import Majority
from harness_label_models.weighted_vote import WeightedVote

# Of pandas 3, about arguments that crowd-kit 1.4 gives it.
quietly = pytest.mark.filterwarnings("ignore:The (copy|inplace) keyword:DeprecationWarning")

VERDICTS = ("pristine", "falsified")
SIGNS = {"f": "falsified", "p": "pristine"}


def panel(*teachers, validation=None, p=None):
    """A letter for each item, f or p; a dot where the teacher has no answer."""
    items = {f"{place}": Item(f"{place}", "a caption") for place in range(len(teachers[0]))}
    said = {}
    for number, letters in enumerate(teachers):
        said[f"t{number}"] = {
            item: Annotation(item, "ok", SIGNS[sign], None if p is None else p[number][int(item)])
            if sign in SIGNS
            else Annotation(item, "refused")
            for item, sign in zip(items, letters, strict=True)
        }
    return Panel(items, said, validation=validation)


def of(model, given, gold=()):
    return dict(model.fit(given, dict(gold)).p_falsified)


def simulated(seed, rates, items, missing=0.0, base=0.5):
    """A panel of teachers that are right with these rates on pristine and on falsified items, and the truth."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(items) < base).astype(int)
    pristine, falsified = np.array(rates).T
    right = rng.random((items, len(rates))) < np.where(truth[:, None] == 1, falsified, pristine)
    said = np.where(right, truth[:, None], 1 - truth[:, None])
    said[rng.random(said.shape) < missing] = -1
    return table(said), {f"{place}": VERDICTS[side] for place, side in enumerate(truth)}


def table(said):
    return panel(*("".join(".pf"[vote + 1] for vote in column) for column in said.T))


def accuracy(found, truth, ids):
    ids = list(ids)
    return np.mean([(found[item] >= 0.5) == (truth[item] == "falsified") for item in ids])


def conflicts(given):
    return [item for item in given.items if given.disagree(item)]


def test_majority_is_the_share_of_those_who_answered():
    assert of(Majority(), panel("ffpp", "fpp.", "ffp.")) == {"0": 1.0, "1": 2 / 3, "2": 0.0, "3": 0.0}


@pytest.mark.parametrize(
    ("ties", "found"),
    [
        ("abstain", {"0": 1.0}),
        ("falsified", {"0": 1.0, "1": 2 / 3, "2": 2 / 3, "3": 2 / 3}),
        ("pristine", {"0": 1.0, "1": 1 / 3, "2": 1 / 3, "3": 1 / 3}),
        ("probability", {"0": 1.0, "1": 2 / 3, "2": 1 / 3}),
    ],
)
def test_a_tie_is_what_the_option_says(ties, found):
    given = panel("ffff.", "fppp.", p=[[0.9, 0.9, 0.6, 0.75, 0], [0.9, 0.4, 0.1, 0.25, 0]])
    assert of(Majority(ties=ties), given) == pytest.approx(found)


@quietly
def test_majority_is_that_of_crowd_kit():
    from crowdkit.aggregation import MajorityVote

    given, _ = simulated(0, [(0.8, 0.7)] * 5, 80, missing=0.2)
    theirs = MajorityVote().fit_predict_proba(long(given))
    assert of(Majority(ties="falsified"), given) == pytest.approx(
        {item: tied(given, item) or share for item, share in theirs["falsified"].items()}
    )


def tied(given, item):
    votes = given.verdicts(item)
    return (len(votes) / 2 + 1) / (len(votes) + 1) if 2 * votes.count("falsified") == len(votes) else None


def long(given):
    import pandas as pd

    rows = [
        {"task": item, "worker": teacher, "label": given.by(teacher, item).verdict}
        for item in given.items
        for teacher in given.teachers
        if given.by(teacher, item).verdict
    ]
    return pd.DataFrame(rows)


def test_a_weighted_vote_is_a_sum_of_log_odds_of_validation_accuracies():
    # On validation the first is right on 4 of 4, the second on 2 of 4 with one answer missing on a fifth item.
    seen = panel("ffpp", "fppf")
    labels = {"0": "falsified", "1": "falsified", "2": "pristine", "3": "pristine"}
    given = panel("ff.p", "fp..", validation=Validation(seen, labels))
    first, second = log(5 / 1), log(3 / 3)
    found = WeightedVote().fit(given, {"3": "falsified"})
    logistic = {item: 1 / (1 + exp(-total)) for item, total in {"0": first + second, "1": first - second}.items()}
    assert found.p_falsified == pytest.approx({**logistic, "3": 1.0})
    assert (found.confusion["t0"].pristine, found.confusion["t0"].falsified) == pytest.approx((3 / 4, 3 / 4))
    assert (found.confusion["t1"].pristine, found.confusion["t1"].falsified) == pytest.approx((2 / 4, 2 / 4))


def test_a_weighted_vote_has_the_odds_of_naive_bayes():
    from sklearn.naive_bayes import BernoulliNB

    # Teachers that are as often right on either verdict, on as many items of either: the two models are one.
    votes = np.array([[1, 1, 1, 0, 0, 0, 0, 1], [1, 1, 0, 1, 0, 0, 1, 0], [1, 0, 1, 1, 0, 1, 0, 0]])
    truth = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    labels = {f"{place}": VERDICTS[side] for place, side in enumerate(truth)}
    given = panel("fffp", "ffpp", "fpfp", validation=Validation(table(votes.T), labels))
    rows = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 0, 0]])
    theirs = BernoulliNB(alpha=1.0).fit(votes.T, truth).predict_proba(rows)[:, 1]
    assert list(of(WeightedVote(smoothing=2.0), given).values()) == pytest.approx(list(theirs))


def test_a_weighted_vote_needs_labels_of_the_validation_split():
    for validation in (None, Validation(panel("f", "p"), {})):
        with pytest.raises(DataError) as caught:
            WeightedVote().fit(panel("f", "p", validation=validation), {})
        assert str(caught.value) == (
            "weighted-vote: there is no labelled validation split to weigh the teachers by\n"
            "  Give the benchmark a validation split with labels, or take a model that needs none:  dawid-skene ."
        )


@quietly
@pytest.mark.parametrize("gold", [False, True])
def test_dawid_skene_is_that_of_crowd_kit(gold):
    import pandas as pd
    from crowdkit.aggregation import DawidSkene as Theirs

    given, truth = simulated(1, [(0.95, 0.85), (0.8, 0.9), (0.9, 0.75), (0.8, 0.8)], 150, missing=0.1)
    known = {item: truth[item] for item in list(truth)[:20]} if gold else {}
    theirs = Theirs(n_iter=60, tol=-np.inf)
    theirs.fit(long(given), pd.Series(known) if gold else None)
    ours = DawidSkene(smoothing=0).fit(given, known)
    probabilities = theirs.probas_["falsified"]
    assert {item: ours.p_falsified[item] for item in probabilities.index} == pytest.approx(
        dict(probabilities), abs=2e-4
    )
    for teacher in given.teachers:
        right = ours.confusion[teacher]
        of_theirs = [theirs.errors_.loc[(teacher, verdict), verdict] for verdict in VERDICTS]
        assert [right.pristine, right.falsified] == pytest.approx(of_theirs, abs=2e-4)


@quietly
def test_one_coin_is_that_of_crowd_kit():
    from crowdkit.aggregation import OneCoinDawidSkene as Theirs

    given, _ = simulated(2, [(0.9, 0.9), (0.7, 0.7), (0.8, 0.8), (0.75, 0.75)], 150)
    theirs = Theirs(n_iter=60, tol=-np.inf)
    theirs.fit(long(given))
    ours = OneCoin(smoothing=0).fit(given, {})
    assert ours.p_falsified == pytest.approx(dict(theirs.probas_["falsified"]), abs=2e-4)
    assert {name: right.pristine for name, right in ours.confusion.items()} == pytest.approx(
        dict(theirs.skills_), abs=2e-4
    )
    assert all(right.pristine == right.falsified for right in ours.confusion.values())


def test_where_all_is_known_the_rates_are_counts():
    from sklearn.metrics import confusion_matrix

    given, truth = simulated(3, [(0.9, 0.6), (0.7, 0.8)], 60, missing=0.1)
    found = DawidSkene(smoothing=2).fit(given, truth)
    assert found.p_falsified == {item: float(side == "falsified") for item, side in truth.items()}
    for teacher in given.teachers:
        answered = [item for item in given.items if given.by(teacher, item).verdict]
        counts = confusion_matrix(
            [truth[item] for item in answered], [given.by(teacher, item).verdict for item in answered], labels=VERDICTS
        )
        right, total = counts.diagonal() + 2, counts.sum(axis=1) + 4
        confusion = found.confusion[teacher]
        assert [confusion.pristine, confusion.falsified] == pytest.approx(list(right / total))


def test_a_known_share_of_falsified_items_is_kept():
    given, truth = simulated(7, [(0.65, 0.65)] * 3, 300, base=0.1)
    known, wrong = (of(OneCoin(prior=prior), given) for prior in (0.1, 0.5))
    assert np.mean(list(known.values())) == pytest.approx(0.1, abs=0.03)
    assert accuracy(known, truth, truth) > accuracy(wrong, truth, truth) + 0.05


RATES = {
    3: [(0.9, 0.8), (0.75, 0.85), (0.8, 0.65)],
    5: [(0.9, 0.7), (0.65, 0.85), (0.8, 0.65), (0.6, 0.75), (0.7, 0.7)],
}


@pytest.mark.parametrize("teachers", RATES)
def test_from_three_teachers_on_rates_are_recovered_inside_their_intervals(teachers):
    held = []
    for seed in range(4):
        given, _ = simulated(seed, RATES[teachers], 900)
        votes = np.array(
            [[given.by(name, item).verdict == "falsified" for name in given.teachers] for item in given.items]
        )
        found = rates_of(DawidSkene().fit(given, {}))
        rng = np.random.default_rng(seed)
        again = [rates_of(DawidSkene().fit(table(votes[rng.integers(0, 900, 900)].astype(int)), {})) for _ in range(10)]
        error = np.std(again, axis=0, ddof=1)
        # Student's t of 9 degrees of freedom.
        held += list(np.abs(found - np.array(RATES[teachers])).ravel() < 2.26 * error.ravel())
    assert np.mean(held) > 0.85


def rates_of(found):
    return np.array([[right.pristine, right.falsified] for right in found.confusion.values()])


@pytest.mark.parametrize("model", [DawidSkene(), OneCoin(), Mace(), Glad()], ids=lambda model: model.name)
def test_two_teachers_without_a_true_verdict_are_refused(model):
    given, _ = simulated(0, [(0.9, 0.85), (0.7, 0.65)], 40)
    with pytest.raises(DataError) as caught:
        model.fit(given, {})
    assert str(caught.value) == (
        f"{model.name}: needs 3 teachers where true verdicts of both kinds are not given, and there are 2: where they"
        " differ it could only guess who is right\n"
        "  Add teachers, or take  majority  and say what becomes of ties."
    )


def test_true_verdicts_of_one_kind_anchor_nothing():
    given, truth = simulated(0, [(0.9, 0.85), (0.7, 0.65)], 40)
    pristine = {item: verdict for item, verdict in truth.items() if verdict == "pristine"}
    with pytest.raises(DataError, match="where true verdicts of both kinds are not given, and there are 2"):
        DawidSkene().fit(given, pristine)
    with pytest.raises(DataError) as caught:
        GoldAnchored().fit(given, pristine)
    assert caught.value.cause == "needs true verdicts of both kinds, and all that are given are pristine"
    with pytest.raises(DataError, match="needs true verdicts of both kinds, and none is given"):
        GoldAnchored().fit(panel("fp", "fp", "fp"), {})
    with pytest.raises(DataError, match="mace: needs 3 teachers, and there are 2"):
        Mace().fit(given, truth)


def test_bought_labels_tell_two_teachers_apart_on_the_conflicts_that_are_left():
    anchored, blind = [], []
    for seed in range(8):
        given, truth = simulated(seed, [(0.9, 0.85), (0.7, 0.65)], 500)
        differ = conflicts(given)
        bought = {item: truth[item] for item in differ[:40]}
        found = of(GoldAnchored(), given, bought)
        assert found == of(DawidSkene(), given, bought)
        anchored.append(accuracy(found, truth, differ[40:]))
        blind.append(accuracy(of(Majority(ties="falsified"), given), truth, differ[40:]))
    # A teacher that is right 0.875 of the time against one of 0.675: 0.77 of the conflicts are the first one's.
    assert np.mean(anchored) > 0.7
    assert abs(np.mean(blind) - 0.5) < 0.1


def test_teachers_that_err_together_are_taken_for_good_ones():
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, 600)
    shared = np.where(rng.random(600) < 0.65, truth, 1 - truth)
    copies = [np.where(rng.random(600) < 0.97, shared, 1 - shared) for _ in range(3)]
    good = np.where(rng.random(600) < 0.9, truth, 1 - truth)
    found = rates_of(DawidSkene().fit(table(np.column_stack([*copies, good])), {}))
    assert found[:3].min() > 0.9 > found[3].mean()


def test_what_does_not_converge_is_refused():
    given, _ = simulated(0, RATES[3], 100)
    with pytest.raises(DataError) as caught:
        DawidSkene(iterations=2).fit(given, {})
    assert str(caught.value) == ("dawid-skene: has not converged after 2 steps\n  Raise  iterations , or  smoothing .")


def test_nothing_said_is_nothing_known():
    for model in (DawidSkene(), OneCoin(), Mace()):
        with pytest.raises(DataError, match="no teacher answered about any item"):
            model.fit(panel("..", "..", ".."), {})
    assert of(Majority(), panel("..", "..")) == {}


PANELS = st.integers(3, 5).flatmap(
    lambda count: st.lists(
        st.lists(st.sampled_from("fp."), min_size=count, max_size=count).map("".join), min_size=4, max_size=30
    )
)


@settings(max_examples=40, deadline=None)
@given(PANELS, st.randoms())
def test_neither_the_order_of_items_nor_that_of_teachers_shows(rows, chance):
    columns = ["".join(column) for column in zip(*rows, strict=True)]
    if not set("".join(columns)) & {"f", "p"}:
        return
    items, teachers = list(range(len(rows))), list(range(len(columns)))
    chance.shuffle(items)
    chance.shuffle(teachers)
    again = ["".join(columns[teacher][item] for item in items) for teacher in teachers]
    for model in (Majority(ties="probability"), OneCoin(), DawidSkene()):
        one, other = of(model, panel(*columns)), of(model, panel(*again))
        assert {f"{items.index(int(item))}": p for item, p in one.items()} == pytest.approx(other, abs=1e-5)
        assert all(0 <= p <= 1 for p in one.values())


@settings(max_examples=40, deadline=None)
@given(PANELS)
def test_without_a_true_verdict_teachers_are_better_than_chance_on_average(rows):
    columns = ["".join(column) for column in zip(*rows, strict=True)]
    if set("".join(columns)) & {"f", "p"}:
        for model in (OneCoin(), DawidSkene()):
            assert rates_of(model.fit(panel(*columns), {})).mean() >= 0.5 - 1e-9


@settings(max_examples=40, deadline=None)
@given(PANELS)
def test_verdicts_that_are_turned_round_turn_the_estimate_round(rows):
    columns = ["".join(column) for column in zip(*rows, strict=True)]
    mirror = [column.translate(str.maketrans("fp", "pf")) for column in columns]
    if set("".join(columns)) & {"f", "p"}:
        for model in (Majority(), OneCoin(), DawidSkene()):
            one, other = of(model, panel(*columns)), of(model, panel(*mirror))
            assert {item: 1 - p for item, p in one.items()} == pytest.approx(other, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("model", [Mace(), Glad(iterations=10)], ids=lambda model: model.name)
def test_models_of_crowd_kit_keep_the_contract(model):
    broken = [finding for finding in examine(model, checks_for(model)) if finding.state != "kept"]
    assert broken == []


@pytest.mark.parametrize("model", [Mace(iterations=3), Glad(iterations=1)], ids=lambda model: model.name)
def test_models_of_crowd_kit_see_neither_order_nor_names_and_keep_what_is_known(model):
    rows = ["ffp", "fpp", "ppf", "pff", "f.p", "..."]
    columns = ["".join(column) for column in zip(*rows, strict=True)]
    again = ["".join(column[::-1]) for column in columns[::-1]]
    found = of(model, panel(*columns), {"0": "pristine", "5": "falsified"})
    other = of(model, panel(*again), {"5": "pristine", "0": "falsified"})
    assert {f"{5 - int(item)}": p for item, p in found.items()} == pytest.approx(other, abs=1e-6)
    assert (found["0"], found["5"]) == (0.0, 1.0)


def test_models_of_crowd_kit_side_with_the_better_teachers():
    gains = {"mace": [], "glad": []}
    for seed in range(3):
        given, truth = simulated(seed, [(0.95, 0.95), (0.75, 0.75), (0.55, 0.55), (0.55, 0.55), (0.55, 0.55)], 120)
        differ = conflicts(given)
        by_share = accuracy(of(Majority(ties="falsified"), given), truth, differ)
        for model in (Mace(iterations=20), Glad(iterations=10)):
            gains[model.name].append(accuracy(of(model, given), truth, differ) - by_share)
    assert all(np.mean(found) > 0.03 for found in gains.values())


def test_one_verdict_everywhere_is_what_models_of_crowd_kit_infer():
    for model in (Mace(iterations=4), Glad(iterations=2)):
        assert min(of(model, panel("fff", "fff", "fff")).values()) > 0.9
        assert max(of(model, panel("ppp", "ppp", "ppp")).values()) < 0.1


def test_without_crowd_kit_its_models_say_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "crowdkit"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "crowdkit", None)
    with pytest.raises(MissingDependency) as caught:
        Mace().fit(panel("fp", "fp", "pf"), {})
    assert str(caught.value).startswith("label-model mace: needs crowd-kit: ")
    assert caught.value.remedy == "pip install 'ooc-harness[crowd]'"
