"""What each strategy beside the two-stage method learns, against examples made by hand, and what a plan says of it."""

import json

import pytest

from harness.api import Confusion, Estimate, LabelModel, hookimpl
from harness.errors import MatrixError
from harness.handed import Panel, Validation
from harness.planning import make
from harness.plugins import Registry
from harness.reading import parse
from harness.recipe import Accepts, Need
from harness.steps.pool import DeclaredPool, Ledger
from harness.testing import strategy as kit
from harness.types import Annotation, Item, Prediction, Target
from harness_label_models.dawid_skene import GoldAnchored
from harness_strategies import one_teacher, presets, rationales, self_training, soft_labels, verdict_kd
from harness_strategies.baselines import ConsensusSft, Supervised
from harness_strategies.mmkd import Mmkd
from harness_strategies.one_teacher import BestTeacher, SingleTeacher
from harness_strategies.pairs import STUDENT
from harness_strategies.presets import DpoOnly, Mdpo, MultiNegative, OnPolicyPairs, Orpo, Simpo, Stage2Only
from harness_strategies.rationales import DistillingStepByStep, MultiRationale
from harness_strategies.self_training import SelfTraining
from harness_strategies.soft_labels import LabelModelSoft
from harness_strategies.verdict_kd import VerdictKd, softened

PRISTINE, FALSIFIED = "pristine", "falsified"

# item: what teachers a, b and c said, as probability of falsified; None for a refusal
SAID = {
    "agreed": (0.1, 0.2, 0.3),
    "two-to-one": (0.1, 0.6, 0.8),
    "split": (0.9, 0.2, None),
    "silent": (None, None, None),
}
VALIDATION = {
    "v1": (FALSIFIED, (0.9, 0.1, None)),
    "v2": (PRISTINE, (0.9, 0.2, None)),
    "v3": (PRISTINE, (0.2, 0.3, 0.1)),
}


class Mean(LabelModel):
    """The mean of the probabilities; what is known is kept."""

    name = "mean"
    revision = 1

    def fit(self, panel, gold):
        said = {item: [a.probability for a in panel.answers(item)] for item in panel.items if panel.answers(item)}
        means = {item: sum(given) / len(given) for item, given in said.items()}
        known = {item: float(verdict == FALSIFIED) for item, verdict in gold.items()}
        return Estimate({**means, **known}, {teacher: Confusion(0.5, 0.5) for teacher in panel.teachers})


class Module:
    @staticmethod
    @hookimpl
    def harness_label_models():
        return [Mean]


def panel_of(said, **more):
    annotations = {
        teacher: {item: annotation(teacher, item, given[place]) for item, given in said.items()}
        for place, teacher in enumerate("abc")
    }
    return Panel({item: Item(item, "a caption") for item in said}, annotations, **more)


def annotation(teacher, item, p):
    if p is None:
        return Annotation(item, "refused")
    return Annotation(item, "ok", FALSIFIED if p >= 0.5 else PRISTINE, p, f"{teacher} on {item}")


def examples(recipe, labels=None, predictions=None):
    """Of the only recipe of a stage, from a pool with what it declares."""
    validation = Validation(
        panel_of({item: said for item, (_, said) in VALIDATION.items()}),
        {item: verdict for item, (verdict, _) in VALIDATION.items()},
    )
    panel = panel_of(SAID, predictions=predictions, validation=validation)
    pool = DeclaredPool(panel.items, 1, recipe.needs(), panel=panel, rank=[], labels=Ledger(labels or {}))
    return list(recipe.examples(pool))


def heard(teacher, item, verdict, **more):
    return Target(item, verdict, rationale=f"{teacher} on {item}", **more)


def only(stage):
    (recipe,) = stage
    return recipe


def test_consensus_learns_every_answer_where_all_agree():
    made = examples(only(ConsensusSft().stage1()))
    assert made == [heard(teacher, "agreed", PRISTINE) for teacher in "abc"]
    assert [target.source for target in made] == list("abc")


def test_one_teacher_is_learnt_and_no_other_is_asked():
    recipe = only(SingleTeacher(teacher="b").stage1())
    assert recipe.teachers() == {"b"}
    assert examples(recipe) == [
        heard("b", "agreed", PRISTINE),
        heard("b", "two-to-one", FALSIFIED),
        heard("b", "split", PRISTINE),
    ]


def test_a_teacher_that_is_not_on_the_panel_is_refused():
    with pytest.raises(Exception, match="teacher 'd' is not on the panel\n  It has a, b, c"):
        examples(only(SingleTeacher(teacher="d").stage1()))


def test_the_best_teacher_is_the_one_that_is_right_most_often_on_the_validation_split():
    # a is right on v1 and v3, b on v2 and v3, c on v3 alone: of equals the first by label.
    assert {target.source for target in examples(only(BestTeacher().stage1()))} == {"a"}
    assert Need.VALIDATION in only(BestTeacher().stage1()).needs()


def test_verdict_kd_learns_the_mean_probability_of_those_that_answered():
    made = examples(only(VerdictKd().stage1()))
    assert [(target.item_id, target.verdict, target.rationale) for target in made] == [
        (item, None, "") for item in ("agreed", "two-to-one", "split")
    ]
    assert [target.p_falsified for target in made] == pytest.approx([0.2, 0.5, 0.55])
    assert examples(only(VerdictKd(rationale=True).stage1()))[1].rationale == "c on two-to-one"


@pytest.mark.parametrize(
    ("p", "temperature", "expected"),
    [(0.8, 1.0, 0.8), (0.8, 2.0, 2 / 3), (0.2, 2.0, 1 / 3), (2 / 3, 0.5, 0.8), (0.5, 7.0, 0.5), (1.0, 3.0, 1.0)],
)
def test_a_temperature_takes_a_root_of_the_odds(p, temperature, expected):
    assert softened(p, temperature) == pytest.approx(expected)


@pytest.mark.parametrize("p", [0.0, 1e-300, 0.5, 1 - 1e-16, 1.0])
@pytest.mark.parametrize("temperature", [0.01, 1.0, 100.0])
def test_a_softened_probability_is_one_however_extreme(p, temperature):
    assert 0.0 <= softened(p, temperature) <= 1.0


def test_a_label_models_probabilities_are_learnt_and_bought_labels_are_fixed_in_it():
    plain, gold = (only(LabelModelSoft(model=Mean(), gold=gold).stage1()) for gold in (False, True))
    assert plain.needs() == {Need.ANNOTATIONS}
    assert gold.needs() == {Need.ANNOTATIONS, Need.LABELS}
    assert [target.p_falsified for target in examples(plain)] == pytest.approx([0.2, 0.5, 0.55])
    bought = {"split": PRISTINE, "silent": FALSIFIED}
    assert {target.item_id: target.p_falsified for target in examples(gold, bought)} == pytest.approx(
        {"agreed": 0.2, "two-to-one": 0.5, "split": 0.0, "silent": 1.0}
    )
    assert only(LabelModelSoft(model=Mean(), rationale=True).stage1()).asks() == {Accepts.TARGETS, Accepts.SOFT_TARGETS}


def test_distilling_step_by_step_learns_label_and_reasons_as_two_tasks():
    assert examples(only(DistillingStepByStep().stage1())) == [
        Target("agreed", PRISTINE, task="label"),
        heard("a", "agreed", PRISTINE, task="rationale"),
        Target("two-to-one", FALSIFIED, task="label"),
        heard("c", "two-to-one", FALSIFIED, task="rationale"),
    ]
    labels = examples(only(DistillingStepByStep(rationale_weight=0, ties="probability").stage1()))
    assert labels[-1] == Target("split", FALSIFIED, task="label")
    assert {target.task for target in labels} == {"label"}


@pytest.mark.parametrize(("voices", "who"), [("all", "abc"), ("agreeing", "cb")])
def test_several_teachers_reasons_share_the_weight_of_an_item(voices, who):
    made = examples(only(MultiRationale(voices=voices, rationale_weight=0.6).stage1()))
    reasons = [target for target in made if target.item_id == "two-to-one" and target.task == "rationale"]
    assert [target.source for target in reasons] == list(who)
    assert [target.weight for target in reasons] == pytest.approx([0.6 / len(who)] * len(who))


def test_self_training_learns_what_the_student_is_sure_of_with_both_classes_alike():
    said = {
        "agreed": Prediction("agreed", "ok", PRISTINE, 0.05, "No mismatch. Verdict: pristine"),
        "two-to-one": Prediction("two-to-one", "ok", FALSIFIED, 0.92, "It is odd. Verdict: falsified."),
        "split": Prediction("split", "ok", PRISTINE, 0.2),
        "silent": Prediction("silent", "ok", PRISTINE, 0.01),
    }
    recipe = only(SelfTraining().stage2())
    assert recipe.needs() == {Need.STAGE1_PREDICTIONS}
    made = examples(recipe, predictions=said)
    assert made == [Target("two-to-one", FALSIFIED, rationale="It is odd."), Target("silent", PRISTINE)]
    assert {target.source for target in made} == {STUDENT}
    every = examples(only(SelfTraining(balance="none", soft=True).stage2()), predictions=said)
    assert [(target.item_id, target.verdict, target.p_falsified) for target in every] == [
        ("silent", None, 0.01),
        ("agreed", None, 0.05),
        ("two-to-one", None, 0.92),
    ]
    unsure = {item: Prediction(item, "ok", PRISTINE) for item in SAID}
    assert examples(recipe, predictions=unsure) == []


def test_supervised_learning_can_have_the_words_of_a_teacher_that_is_right():
    recipe = only(Supervised(rationale="teacher").stage1())
    assert recipe.needs() == {Need.ANNOTATIONS, Need.LABELS}
    bought = {"split": PRISTINE, "agreed": FALSIFIED, "silent": PRISTINE}
    assert examples(recipe, bought) == [
        heard("b", "split", PRISTINE),
        Target("agreed", FALSIFIED),
        Target("silent", PRISTINE),
    ]


def objective(strategy):
    return dict(only(strategy.stage2()).objective.losses)


def test_the_relatives_of_mmkd_are_its_recipes_with_options_fixed():
    assert objective(DpoOnly()) == {"sigmoid": 1.0}
    assert objective(Simpo()) == {"simpo": 1.0, "sft": 1.0}
    assert objective(Simpo(sft_weight=0)) == {"simpo": 1.0}
    assert objective(Orpo()) == {"orpo": 1.0, "sft": 1.0}
    assert objective(Mdpo()) == {"sigmoid": 1.0, "anchor": 1.0, "sft": 1.0}
    assert objective(MultiNegative()) == {"plackett_luce": 1.0, "sft": 1.0}
    references = {s.name: only(s.stage2()).objective.reference for s in (Simpo(), Orpo(), Mdpo(), MultiNegative())}
    assert references == {"simpo": "none", "orpo": "none", "mdpo": "start", "multi-negative": "start"}
    built = {s.name: only(s.stage2()).pairs for s in (Simpo(), Mdpo(), MultiNegative(), OnPolicyPairs())}
    assert built == {
        "simpo": "right-over-wrong",
        "mdpo": "image-negative",
        "multi-negative": "right-over-all-wrong",
        "on-policy-pairs": "own-mistakes",
    }
    assert Stage2Only().stage2() == Mmkd().stage2()
    assert not Stage2Only().stage1()
    assert not DpoOnly().stage1()


def test_the_anchor_needs_a_reference_whatever_the_loss():
    (recipe,) = Mmkd(preference_loss="simpo", anchor=0.5).stage2()
    assert recipe.objective.reference == "start"


MATRIX = """\
benchmarks: {{words: {benchmark}}}
teachers:
  a: {{uses: listens, words: [omega]}}
  b: {{uses: listens, words: [kappa]}}
  c: {{uses: listens, words: [beta]}}
teacher_sets: {{all: [a, b, c], two: [a, b]}}
students: {{student: {student}}}
rules: {{hard: hard-disagreement}}
strategies: {{{strategies}}}
label_fractions: [0.25]
executor: inline
reports: {{}}
"""


@pytest.fixture(scope="module")
def plan_of():
    known = Registry.installed() + Registry.of(Module())
    known += Registry.of(one_teacher, presets, rationales, self_training, soft_labels, verdict_kd)

    def plan(strategies, student="counter", benchmark="words", more=""):
        text = MATRIX.format(strategies=strategies, student=student, benchmark=benchmark)
        return make(parse(text + more, known))

    return plan


def faults(plan_of, *arguments):
    with pytest.raises(MatrixError) as caught:
        plan_of(*arguments)
    return [fault.cause for fault in caught.value.faults]


def test_strategies_with_one_stage_1_share_its_training(plan_of):
    same = ("mmkd", "simpo", "orpo", "mdpo", "multi-negative", "on-policy-pairs", "self-training", "stage1-only")
    plan = plan_of(", ".join(f"{name}: {name}" for name in same), "{uses: tiny-llava}", "newsworld")
    stage1 = {(cell.point.teachers, cell.stage1) for cell in plan.cells}
    assert {cell.point.strategy for cell in plan.cells} == set(same)
    assert len(stage1) == 2


def test_one_teacher_costs_its_own_calls_and_is_one_training_for_all_sets(plan_of):
    plan = plan_of("one: {uses: single-teacher, teacher: a}")
    assert plan.teacher_calls() == {"a": 40, "b": 0, "c": 0}
    assert len({cell.model for cell in plan.cells}) == 1


def test_a_set_without_the_teacher_and_too_few_teachers_for_a_majority_are_refused(plan_of):
    text = "one: {uses: single-teacher, teacher: c}, most: {uses: mmkd, pairs: majority-over-minority}"
    with pytest.raises(MatrixError) as caught:
        plan_of(text)
    assert [(fault.where, fault.cause, fault.remedy) for fault in caught.value.faults] == [
        (
            "strategies.one",
            "learns from c, and the teacher set 'two' has a, b",
            "Leave it out:  exclude: [{strategy: one, teachers: two}]",
        ),
        (
            "strategies.most",
            "needs 3 teachers, and the teacher set 'two' has 2",
            "Leave it out:  exclude: [{strategy: most, teachers: two}]",
        ),
    ]


def test_a_majority_over_a_minority_buys_nothing(plan_of):
    text = "most: {uses: mmkd, pairs: majority-over-minority}"
    with pytest.raises(MatrixError):
        plan_of(text)
    plan = plan_of(text, more="exclude: [{strategy: most, teachers: two}]\n")
    assert {(cell.point.rule, cell.point.label_fraction, cell.budget) for cell in plan.cells} == {(None, None, 0)}


@pytest.mark.parametrize(
    ("strategy", "student", "cause"),
    [
        ("mdpo", "probe", "cannot be trained on image-conditional preferences"),
        ("multi-negative", "probe", "cannot be trained on several rejected answers"),
        ("distilling-step-by-step", "probe", "cannot be trained on label and rationale tasks"),
        ("multi-rationale", "counter", "cannot be trained on label and rationale tasks, weights"),
        ("verdict-kd", "counter", "cannot be trained on soft targets"),
        ("{uses: label-model-soft, model: mean}", "counter", "cannot be trained on soft targets"),
        ("orpo", "counter", "knows no loss orpo"),
        ("simpo", "boosting", "cannot be trained on preferences"),
    ],
)
def test_what_a_student_cannot_do_is_refused_when_planning(plan_of, strategy, student, cause):
    found = faults(plan_of, f"tried: {strategy}", student)
    assert f"students.student ({student}) {cause}" in found


def test_a_label_model_that_two_teachers_cannot_feed_is_refused_unless_labels_anchor_it(plan_of):
    cause = (
        "the label model dawid-skene needs 3 teachers where no true verdict is given, and the teacher set 'two' has 2"
    )
    model, where = "soft: {uses: label-model-soft, model: dawid-skene", ("{uses: tiny-llava}", "newsworld")
    assert faults(plan_of, f"{model}}}", *where) == [cause]
    points = {(cell.point.teachers, cell.point.rule) for cell in plan_of(f"{model}, gold: true}}", *where).cells}
    assert points == {("all", "hard"), ("two", "hard")}


def test_a_strategy_that_needs_the_validation_split_is_refused_without_one(plan_of):
    cause = "reads a labelled validation split, and benchmarks.words has none"
    assert faults(plan_of, "best: best-teacher") == [cause]
    plan = plan_of("best: best-teacher", "{uses: tiny-llava}", "newsworld")
    assert {cell.validation_labels for cell in plan.cells} == {plan.facts["words"].splits["validation"].items}


@pytest.mark.parametrize("check", kit.CHECKS, ids=lambda check: check.__name__[6:])
@pytest.mark.parametrize(
    "strategy",
    [
        SingleTeacher(teacher="titles"),
        LabelModelSoft(model=GoldAnchored(), rationale=True),
        Mmkd(pairs="majority-over-minority"),
    ],
    ids=lambda strategy: strategy.name,
)
def test_a_strategy_that_needs_an_option_keeps_the_contract(strategy, check):
    check(strategy)


def test_the_source_of_words_is_no_part_of_what_is_learnt():
    one, other = Target("a", PRISTINE, source="a"), Target("a", PRISTINE, source="b")
    assert one == other
    assert hash(one) == hash(other)
    assert "source" not in json.dumps(only(SingleTeacher(teacher="a").stage1()).model_dump(mode="json"))
