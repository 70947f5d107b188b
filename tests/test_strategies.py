"""What the strategies make of what teachers said and of what was bought."""

import pytest

from harness.handed import Panel
from harness.identity import identity
from harness.recipe import Need, Objective
from harness.steps.pool import DeclaredPool, Ledger
from harness.types import Annotation, Item, Preference, Target
from harness_strategies.baselines import MajorityVote, Stage1Only, Supervised, ZeroShot
from harness_strategies.conflicts import LearnRightTeacher, PreferRightTeacher
from harness_strategies.mmkd import Mmkd
from harness_strategies.targets import LearnAllTeachers, LearnLabels, LearnMajority

PRISTINE, FALSIFIED = "pristine", "falsified"

JOINT = Objective(losses={"sigmoid": 1.0, "sft": 1.0})

SAID = {
    # item: what teachers a, b and c said, as probability of falsified; None for a refusal
    "agreed-p": (0.1, 0.2, 0.3),
    "agreed-f": (0.9, 0.8, 0.7),
    "split": (0.9, 0.2, None),
    "two-to-one": (0.1, 0.6, 0.7),
    "silent": (None, None, None),
    "other-p": (0.4, 0.4, 0.4),
    "other-f": (0.6, 0.6, 0.6),
}


def annotation(teacher, item, p):
    if p is None:
        return Annotation(item, "refused")
    return Annotation(item, "ok", FALSIFIED if p >= 0.5 else PRISTINE, p, f"{teacher} on {item}")


@pytest.fixture
def pool():
    def make(labels=None, needs=frozenset(Need)):
        annotations = {
            teacher: {item: annotation(teacher, item, said[place]) for item, said in SAID.items()}
            for place, teacher in enumerate("abc")
        }
        panel = Panel({item: Item(item, "a caption") for item in SAID}, annotations)
        return DeclaredPool(panel.items, 1, needs, panel=panel, rank=[], labels=Ledger(labels or {}))

    return make


def short(examples):
    return [(e.item_id, e.verdict, e.rationale) for e in examples]


def test_stage_1_learns_every_answer_of_every_teacher_wrong_ones_included(pool):
    made = short(LearnAllTeachers().examples(pool()))
    assert [row for row in made if row[0] == "split"] == [
        ("split", FALSIFIED, "a on split"),
        ("split", PRISTINE, "b on split"),
    ]
    assert len(made) == 3 + 3 + 2 + 3 + 3 + 3


def test_stage_1_can_leave_conflicts_out_or_take_the_surer_side(pool):
    skipped = {row[0] for row in short(LearnAllTeachers(conflicts="skip").examples(pool()))}
    assert skipped == {"agreed-p", "agreed-f", "other-p", "other-f"}
    surer = [row for row in short(LearnAllTeachers(conflicts="probability").examples(pool())) if row[0] == "split"]
    assert surer == [("split", FALSIFIED, "a on split")]


def test_the_majority_speaks_in_the_words_of_its_surest_teacher_and_ties_are_left_out(pool):
    made = short(LearnMajority().examples(pool()))
    assert ("two-to-one", FALSIFIED, "c on two-to-one") in made
    assert "split" not in {row[0] for row in made}
    settled = short(LearnMajority(ties="probability").examples(pool()))
    assert ("split", FALSIFIED, "a on split") in settled
    assert "silent" not in {row[0] for row in settled}


def test_bought_labels_alone_are_bare_verdicts(pool):
    assert short(LearnLabels().examples(pool({"split": PRISTINE}))) == [("split", PRISTINE, "")]


def test_the_teacher_that_was_right_is_preferred_to_the_one_that_was_wrong(pool):
    recipe = PreferRightTeacher(objective=JOINT, balance="none", replay=0)
    (pair,) = recipe.examples(pool({"split": PRISTINE}))
    assert isinstance(pair, Preference)
    assert (pair.chosen.rationale, pair.rejected[0].rationale) == ("b on split", "a on split")


def test_where_no_teacher_is_wrong_there_is_a_target_and_where_all_are_wrong_the_bare_verdict_is_preferred(pool):
    recipe = PreferRightTeacher(objective=JOINT, balance="none", replay=0)
    right, wrong = recipe.examples(pool({"agreed-p": PRISTINE, "agreed-f": PRISTINE}))
    assert isinstance(right, Target)
    assert isinstance(wrong, Preference)
    assert (wrong.chosen.verdict, wrong.chosen.rationale) == (PRISTINE, "")


def test_a_bought_item_on_which_no_teacher_answered_is_a_bare_target(pool):
    (made,) = PreferRightTeacher(objective=JOINT, balance="none", replay=0).examples(pool({"silent": FALSIFIED}))
    assert made == Target("silent", FALSIFIED)


@pytest.mark.parametrize(("balance", "counts"), [("none", (3, 1)), ("undersample", (1, 1)), ("oversample", (3, 3))])
def test_classes_of_what_was_bought_are_made_equal_after_buying(pool, balance, counts):
    labels = {"split": PRISTINE, "two-to-one": PRISTINE, "agreed-p": PRISTINE, "agreed-f": FALSIFIED}
    made = [row[1] for row in short(LearnRightTeacher(balance=balance, replay=0).examples(pool(labels)))]
    assert (made.count(PRISTINE), made.count(FALSIFIED)) == counts


def test_replayed_items_are_agreed_on_not_bought_and_of_both_classes_alike(pool):
    labels = {"split": PRISTINE, "agreed-f": FALSIFIED}
    made = list(LearnRightTeacher(replay=1).examples(pool(labels)))
    replayed = made[2:]
    assert [target.verdict for target in replayed] == [PRISTINE, FALSIFIED]
    assert {target.item_id for target in replayed} <= {"agreed-p", "other-p", "other-f"}


def test_a_replayed_answer_can_be_preferred_to_itself_with_the_other_verdict(pool):
    made = list(
        PreferRightTeacher(objective=JOINT, replay=1, replay_as="preference").examples(
            pool({"split": PRISTINE, "agreed-f": FALSIFIED})
        )
    )
    flipped = made[-1]
    assert flipped.rejected[0].rationale == flipped.chosen.rationale
    assert {flipped.chosen.verdict, flipped.rejected[0].verdict} == {PRISTINE, FALSIFIED}


def test_the_stages_of_mmkd_follow_its_order():
    losses = {
        order: [dict(recipe.objective.losses) for recipe in Mmkd(stage2_order=order, sft_weight=0.5).stage2()]
        for order in ("joint", "sequential", "sft", "dpo")
    }
    assert losses == {
        "joint": [{"sigmoid": 1.0, "sft": 0.5}],
        "sequential": [{}, {"sigmoid": 1.0}],
        "sft": [{}],
        "dpo": [{"sigmoid": 1.0}],
    }


@pytest.mark.parametrize("order", ["joint", "sequential", "dpo"])
def test_mmkd_holds_the_student_to_no_reference_where_the_loss_has_none(order):
    def references(loss):
        *_, last = Mmkd(stage2_order=order, preference_loss=loss, beta=2.0, gamma=0.8).stage2()
        return last.objective.reference, last.objective.beta, last.objective.gamma

    assert {references(loss) for loss in ("simpo", "cpo", "orpo")} == {("none", 2.0, 0.8)}
    assert {references(loss) for loss in ("sigmoid", "plackett_luce", "dpop")} == {("start", 2.0, 0.8)}


def test_a_stage_2_of_dpo_alone_replays_preferences_because_targets_would_teach_nothing(pool):
    labels = {"split": PRISTINE, "agreed-f": FALSIFIED}
    for order in ("dpo", "sequential"):
        *_, last = Mmkd(stage2_order=order, replay=1).stage2()
        assert all(isinstance(example, Preference) for example in last.examples(pool(labels)))


def test_strategies_with_the_same_stage_1_have_the_same_recipe():
    assert identity(Mmkd().stage1()[0]) == identity(Stage1Only().stage1()[0])
    assert identity(Mmkd(conflicts="skip").stage1()[0]) != identity(Stage1Only().stage1()[0])


def test_each_strategy_needs_what_it_says():
    def needs(strategy):
        return {need for recipe in (*strategy.stage1(), *strategy.stage2()) for need in recipe.needs()}

    assert needs(ZeroShot()) == set()
    assert needs(Stage1Only()) == needs(MajorityVote()) == {Need.ANNOTATIONS}
    assert needs(Supervised()) == {Need.LABELS}
    assert needs(Mmkd()) == {Need.ANNOTATIONS, Need.LABELS}
