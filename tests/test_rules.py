"""Scores of the rules by hand and by others' implementations, and what comes of a missing answer."""

import math

import pytest
from panels import annotation, conflicts, ids, panel, scores

from harness.api import DataError, Panel, seed_from
from harness_rules.balanced import Balanced
from harness_rules.committee import JensenShannon, KlToConsensus, ProbabilityGap
from harness_rules.disagreement import ConsensusOnly, HardDisagreement, VoteEntropy
from harness_rules.mixed import Mixed
from harness_rules.random import Random
from harness_rules.samples import SelfInconsistency
from harness_rules.student import StudentTeacher, StudentUncertainty
from harness_rules.uncertainty import ConsensusMargin, Entropy

PRISTINE, FALSIFIED = "pristine", "falsified"

TWO = {"apart": (0.9, 0.2), "near": (0.6, 0.4), "agreed": (0.8, 0.6), "same": (0.7, 0.7), "sure": (0.0, 0.0)}
THREE = {"split": (0.9, 0.2, 0.4), "one": (0.9, 0.8, 0.3), "all": (0.9, 0.8, 0.7)}


def h(p):
    return 0.0 if p in (0, 1) else -p * math.log2(p) - (1 - p) * math.log2(1 - p)


@pytest.mark.parametrize(
    ("rule", "expected", "found"),
    [
        (HardDisagreement(), {"apart": 1, "near": 1, "agreed": 0, "same": 0, "sure": 0}, {"apart", "near"}),
        (VoteEntropy(), {"apart": 1, "near": 1, "agreed": 0, "same": 0, "sure": 0}, {"apart", "near"}),
        (ConsensusOnly(), {"apart": 0, "near": 0, "agreed": 1, "same": 1, "sure": 1}, {"agreed", "same", "sure"}),
        (
            ProbabilityGap(),
            {"apart": 0.7, "near": 0.2, "agreed": 0.2, "same": 0, "sure": 0},
            {"apart", "near", "agreed"},
        ),
        (
            ProbabilityGap(threshold=0.2),
            {"apart": 0.7, "near": 0.2, "agreed": 0.2, "same": 0, "sure": 0},
            {"apart"},
        ),
        (
            ConsensusMargin(),
            {"apart": 0.9, "near": 1, "agreed": 0.6, "same": 0.6, "sure": 0},
            {"apart", "near", "agreed", "same"},
        ),
        (
            Entropy(),
            {"apart": h(0.55), "near": 1, "agreed": h(0.7), "same": h(0.7), "sure": 0},
            {"apart", "near", "agreed", "same"},
        ),
        (
            JensenShannon(),
            {"apart": h(0.55) - (h(0.9) + h(0.2)) / 2, "near": 1 - h(0.4), "agreed": h(0.7) - (h(0.8) + h(0.6)) / 2}
            | {"same": 0, "sure": 0},
            {"apart", "near", "agreed"},
        ),
    ],
)
def test_two_teachers_scores_by_hand(rule, expected, found):
    order = rule.rank(panel(TWO), 3)
    assert scores(order) == pytest.approx(expected, abs=1e-11)
    assert set(conflicts(order)) == found
    assert [row.score for row in order if row.conflict] == sorted(
        (row.score for row in order if row.conflict), reverse=True
    )


def test_votes_of_three_teachers_are_ordered_by_their_entropy():
    rows = {"two-one": (0.9, 0.8, 0.1), "unanimous": (0.9, 0.9, 0.9), "four": (0.9, 0.9, 0.9)}
    assert scores(VoteEntropy().rank(panel(rows), 0)) == pytest.approx({"two-one": h(1 / 3), "unanimous": 0, "four": 0})
    four = {"even": (0.9, 0.9, 0.1, 0.1), "odd": (0.9, 0.1, 0.1, 0.1)}
    assert ids(VoteEntropy().rank(panel(four), 0)) == ["even", "odd"]


@pytest.mark.parametrize(
    "rows", [TWO, THREE, {"sure": (1.0, 0.0, 0.0), "surer": (1.0, 0.0, 1.0), "alike": (0.0, 0.0, 0.0)}]
)
def test_entropies_and_divergences_are_those_of_scipy(rows):
    import numpy as np
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import entropy

    def both(p):
        return [p, 1 - p]

    for item, said in rows.items():
        one = panel({item: said})
        mean = float(np.mean(said))
        kl = [float(entropy(both(p), both(mean), base=2)) for p in said]
        back = [float(entropy(both(mean), both(min(max(p, 0.05), 0.95)), base=2)) for p in said]
        assert scores(Entropy().rank(one, 0))[item] == pytest.approx(float(entropy(both(mean), base=2)))
        assert scores(KlToConsensus().rank(one, 0))[item] == pytest.approx(np.mean(kl), abs=1e-11)
        assert scores(KlToConsensus(over="max").rank(one, 0))[item] == pytest.approx(max(kl), abs=1e-11)
        reverse = KlToConsensus(direction="from-consensus", clip=0.05)
        assert scores(reverse.rank(one, 0))[item] == pytest.approx(np.mean(back), abs=1e-11)
        if len(said) == 2:
            distance = float(jensenshannon(both(said[0]), both(said[1]), base=2))
            assert scores(JensenShannon().rank(one, 0))[item] == pytest.approx(np.nan_to_num(distance) ** 2, abs=1e-11)
        votes = [p >= 0.5 for p in said]
        split = [sum(votes), len(votes) - sum(votes)]
        assert scores(VoteEntropy().rank(one, 0))[item] == pytest.approx(float(entropy(split, base=2)), abs=1e-11)


def test_the_mean_divergence_to_the_consensus_is_the_jensen_shannon_divergence():
    one = panel(THREE)
    assert scores(KlToConsensus().rank(one, 0)) == pytest.approx(scores(JensenShannon().rank(one, 0)), abs=1e-11)


def test_teachers_that_give_no_probability_count_as_sure_and_every_score_is_finite():
    rows = {"split": (PRISTINE, FALSIFIED, FALSIFIED), "agreed": (PRISTINE, PRISTINE, PRISTINE)}
    one = panel(rows)
    assert scores(KlToConsensus().rank(one, 0)) == pytest.approx({"split": h(1 / 3), "agreed": 0})
    assert scores(KlToConsensus(over="max").rank(one, 0))["split"] == pytest.approx(math.log2(3))
    far = scores(KlToConsensus(direction="from-consensus", clip=0.01, over="max").rank(one, 0))
    assert far["split"] == pytest.approx(-h(1 / 3) - 2 / 3 * math.log2(0.01) - 1 / 3 * math.log2(0.99))
    assert far["agreed"] == pytest.approx(-math.log2(0.99))
    assert scores(ProbabilityGap().rank(one, 0)) == {"split": 1.0, "agreed": 0.0}
    assert conflicts(Entropy().rank(one, 0)) == ["split"]


def test_the_order_within_equal_scores_hangs_on_seed_and_id_alone():
    rows = {f"i{n}": (0.9, 0.2) for n in range(30)}
    for seed in (0, 7):
        assert ids(ProbabilityGap().rank(panel(rows), seed)) == sorted(rows, key=lambda item: seed_from(seed, item))
    first = ids(HardDisagreement().rank(panel(rows), 7))
    assert first == ids(HardDisagreement().rank(panel(dict(reversed(rows.items()))), 7))


def test_p_and_one_less_p_are_equally_uncertain_to_the_last_digit():
    rows = {f"{p}": (p, p) for p in (0.1, 0.9, 0.3, 0.7)}
    found = scores(Entropy().rank(panel(rows), 0))
    assert found["0.1"] == found["0.9"]
    assert found["0.3"] == found["0.7"]


MISSING = {
    "apart": (0.9, 0.1),
    "calm": (0.9, 0.9),
    "half": (0.6, None),
    "silent": (None, None),
}


@pytest.mark.parametrize(
    ("rule", "ignored", "counted"),
    [
        (HardDisagreement, ["apart"], ["apart"]),
        (VoteEntropy, ["apart"], ["apart"]),
        (KlToConsensus, ["apart"], ["apart"]),
        (JensenShannon, ["apart"], ["apart"]),
        (ProbabilityGap, ["apart"], ["apart"]),
        (ConsensusMargin, ["apart", "half", "calm"], ["apart", "calm"]),
        (Entropy, ["apart", "half", "calm"], ["apart", "calm"]),
    ],
)
def test_a_missing_teacher_is_left_out_a_conflict_or_last(rule, ignored, counted):
    one = panel(MISSING)
    order = rule().rank(one, 0)
    assert conflicts(order) == ignored
    assert ids(order)[-1] == "silent"
    everything = rule(missing="conflict").rank(one, 0)
    assert set(conflicts(everything)) == {*counted, "half", "silent"}
    assert ids(everything)[0] == "apart"
    assert {row.item_id: row.score for row in everything} == scores(order)
    last = rule(missing="last").rank(one, 0)
    assert conflicts(last) == counted
    assert set(ids(last)[2:]) == {"half", "silent"}


def test_a_consensus_is_of_those_that_answered_or_of_all():
    one = panel(MISSING)
    assert set(conflicts(ConsensusOnly().rank(one, 0))) == {"calm", "half"}
    assert conflicts(ConsensusOnly(missing="last").rank(one, 0)) == ["calm"]
    assert set(conflicts(ConsensusOnly(missing="conflict").rank(one, 0))) == {"calm", "half", "silent"}


def test_samples_of_one_teacher_are_split_as_their_votes_are():
    rows = {"split": (0.4, 0.9), "sure": (1.0, 0.5), "bare": (FALSIFIED, 0.5), "none": (None, 0.2)}
    order = SelfInconsistency(teacher="a").rank(panel(rows), 0)
    assert scores(order) == pytest.approx({"split": h(0.4), "sure": 0, "bare": 0, "none": 0})
    assert conflicts(order) == ["split"]
    assert set(ids(order)[2:]) == {"bare", "none"}
    both = scores(SelfInconsistency().rank(panel(rows), 0))
    assert both == pytest.approx({"split": (h(0.4) + h(0.9)) / 2, "sure": 0.5, "bare": 1, "none": h(0.2)})
    assert set(conflicts(SelfInconsistency(teacher="a", missing="conflict").rank(panel(rows), 0))) == {
        "split",
        "bare",
        "none",
    }


def test_votes_of_a_sampled_teacher_are_what_self_consistency_counts(monkeypatch):
    from collections import Counter
    from pathlib import Path

    from harness.api import Item
    from harness_teachers.self_consistency import SelfConsistency

    monkeypatch.syspath_prepend(str(Path(__file__).parent / "data" / "voters"))
    from voters import Coin

    items = {f"i{n}": Item(f"i{n}", f"caption {n}") for n in range(40)}
    said = {one.item_id: one for one in SelfConsistency(of=Coin(), samples=4).annotate(list(items.values()))}
    votes = {item: Counter() for item in items}
    for seed in range(4):
        for one in Coin(seed=seed).annotate(list(items.values())):
            votes[one.item_id][one.verdict] += 1
    found = scores(SelfInconsistency().rank(Panel(items, {"sampled": said}), 0))
    assert found == pytest.approx({item: h(count[FALSIFIED] / 4) for item, count in votes.items()})
    assert len(set(found.values())) == 3


def test_samples_of_a_teacher_that_is_not_in_the_set_are_refused_with_those_that_are():
    with pytest.raises(DataError) as caught:
        SelfInconsistency(teacher="sampled").rank(panel(TWO), 0)
    assert str(caught.value) == (
        "rule self-inconsistency: reads the samples of the teacher 'sampled', which is not in the teacher set\n"
        "  The set has a, b."
    )


STUDENT = {"against": 0.8, "with": 0.1, "tied": 0.3, "mute": None, "alone": 0.9}
TAUGHT = {
    "against": (0.1, 0.2, 0.6),
    "with": (0.1, 0.2, 0.6),
    "tied": (0.9, None, 0.1),
    "mute": (0.9, 0.9, 0.9),
    "alone": (None, None, None),
}


def test_a_student_contradicts_the_majority_of_its_teachers():
    order = StudentTeacher().rank(panel(TAUGHT, student=STUDENT), 0)
    assert scores(order) == pytest.approx({"against": 2 / 3, "with": 1 / 3, "tied": 0.5, "mute": 0, "alone": 0})
    assert conflicts(order) == ["against"]
    assert set(ids(order)[3:]) == {"mute", "alone"}
    assert set(conflicts(StudentTeacher(threshold=0.4).rank(panel(TAUGHT, student=STUDENT), 0))) == {"against", "tied"}
    counted = StudentTeacher(missing="conflict").rank(panel(TAUGHT, student=STUDENT), 0)
    assert set(conflicts(counted)) == {"against", "tied", "mute", "alone"}


def test_a_student_s_divergence_from_its_teachers_is_that_of_scipy_and_finite():
    from scipy.stats import entropy

    order = StudentTeacher(by="divergence").rank(panel(TAUGHT, student={**STUDENT, "with": PRISTINE}), 0)
    assert scores(order)["against"] == pytest.approx(float(entropy([0.3, 0.7], [0.8, 0.2], base=2)))
    assert scores(order)["with"] == pytest.approx(float(entropy([0.3, 0.7], [0.01, 0.99], base=2)))
    assert set(conflicts(order)) == {"against", "with", "tied"}


def test_a_student_is_uncertain_near_a_half_and_without_a_probability_never():
    rows = dict.fromkeys(("half", "sure", "bare", "mute"), ())
    order = StudentUncertainty().rank(
        panel(rows, student={"half": 0.5, "sure": 0.9, "bare": FALSIFIED, "mute": None}), 0
    )
    assert scores(order) == pytest.approx({"half": 1, "sure": h(0.9), "bare": 0, "mute": 0})
    assert ids(order) == ["half", "sure", "bare", "mute"]
    assert conflicts(order) == ["half", "sure"]


def lopsided():
    """Of 50 conflicts 40 are the first teacher's falsified, 7 the second's; on 3 more the second is silent."""
    rows = {f"first-{n}": (0.5 + n / 100, 0.1) for n in range(40)}
    rows |= {f"second-{n}": (0.1, 0.5 + n / 100) for n in range(7)}
    rows |= {f"half-{n}": (0.9, None) for n in range(3)} | {f"calm-{n}": (0.9, 0.9) for n in range(9)}
    return rows


def test_balanced_conflicts_take_turns_and_each_side_keeps_the_order_of_its_rule():
    plain, order = ProbabilityGap(threshold=0.1), Balanced(of=ProbabilityGap(threshold=0.1))
    found = conflicts(order.rank(panel(lopsided()), 0))
    assert set(found) == set(conflicts(plain.rank(panel(lopsided()), 0)))
    for size in range(1, 15):
        sides = [item.partition("-")[0] for item in found[:size]]
        assert abs(sides.count("first") - sides.count("second")) <= 1
    assert found[0] == "first-39"
    assert [item for item in found if item.startswith("second")] == [f"second-{n}" for n in range(6, -1, -1)]
    assert list(found[14:]) == [f"first-{n}" for n in range(32, -1, -1)]
    whole = order.rank(panel(lopsided()), 0)
    assert scores(whole) == scores(plain.rank(panel(lopsided()), 0))


def test_groups_are_made_by_every_verdict_or_by_the_majority():
    rows = {f"ffp-{n}": (0.9, 0.8, 0.1) for n in range(6)} | {f"pff-{n}": (0.1, 0.8, 0.9) for n in range(6)}
    rows |= {f"ppf-{n}": (0.1, 0.2, 0.9) for n in range(6)}
    by_verdicts = conflicts(Balanced().rank(panel(rows), 0))
    assert [{item[:3] for item in by_verdicts[at : at + 3]} for at in range(0, 18, 3)] == [{"ffp", "pff", "ppf"}] * 6
    by_majority = conflicts(Balanced(over="majority").rank(panel(rows), 0))
    assert [item[:3] == "ppf" for item in by_majority[:12]].count(True) == 6
    silent = {"tie": (0.9, 0.1), "other": (0.9, None)}
    assert set(conflicts(Balanced(of=Random(), over="majority").rank(panel(silent), 0))) == {"tie", "other"}


def test_no_label_of_a_teacher_decides_whose_turn_it_is():
    rows = lopsided()
    swapped = Panel(
        panel(rows).items,
        {name: {item: annotation(item, said[at]) for item, said in rows.items()} for at, name in enumerate(("z", "a"))},
    )
    assert ids(Balanced().rank(swapped, 5)) == ids(Balanced().rank(panel(rows), 5))


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
def test_every_prefix_has_the_other_rule_s_share(share):
    rows = {f"apart-{n}": (0.5 + n / 200, 0.1) for n in range(60)} | {f"calm-{n}": (0.9, 0.9) for n in range(60)}
    order = Mixed(of=HardDisagreement(), other=ConsensusOnly(), share=share).rank(panel(rows), 0)
    assert all(row.conflict for row in order)
    for size in range(1, 60):
        calm = sum(row.item_id.startswith("calm") for row in order[:size])
        assert abs(calm - share * size) <= 0.5 + 1e-9


def test_what_both_rules_want_is_bought_once_and_one_goes_on_where_the_other_ends():
    rows = {"a": (0.9, 0.1), "b": (0.9, 0.2), "c": (0.9, 0.9), "d": (0.8, 0.8)}
    order = Mixed(of=ProbabilityGap(threshold=0.1), other=Entropy(), share=0.5).rank(panel(rows), 0)
    # The other's a; the own b, since a is bought; the other's d; and c, as the own rule has no conflict left.
    assert conflicts(order) == ids(order) == ["a", "b", "d", "c"]
    alone = Mixed(of=HardDisagreement(), other=HardDisagreement(), share=0.3).rank(panel(rows), 0)
    assert set(conflicts(alone)) == {"a", "b"}
    assert sorted(ids(alone)) == ["a", "b", "c", "d"]


def test_the_random_share_is_drawn_apart_from_the_ties_and_so_has_the_rate_of_all_items():
    rows = {f"apart-{n}": (0.9, 0.1) for n in range(100)} | {f"calm-{n}": (0.9, 0.9) for n in range(100)}
    one = panel(rows)
    drawn = [item for seed in range(40) for item in ids(Mixed(share=0.5).rank(one, seed))[:20:2]]
    assert 0.42 < sum(item.startswith("apart") for item in drawn) / len(drawn) < 0.58


def test_a_rule_that_asks_another_needs_reads_and_is_made_of_what_the_other_is():
    from harness_rules.diversity import KCenter

    features = KCenter(feature="image")
    assert Mixed(of=features, other=Random()).reads() == {"features.image"}
    assert Balanced(of=features).reads() == {"features.image"}
    assert Balanced(of=StudentUncertainty()).needs() == {"annotations", "stage1_predictions"}
    assert Mixed(of=Random(), other=Random()).needs() == frozenset()
    assert [
        rule.fewest_teachers() for rule in (Balanced(of=Random()), Balanced(), Mixed(of=Entropy(), other=Random()))
    ] == [1, 2, 1]
    assert [rule.informed() for rule in (Random(), Mixed(of=Random(), other=Random()), Mixed(), KCenter())] == [
        False,
        False,
        True,
        True,
    ]
