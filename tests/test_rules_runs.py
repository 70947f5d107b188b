"""Rules in a matrix: what is refused before anything runs, and the whole way of those that ask a student."""

import json
from dataclasses import replace

import numpy as np
import pytest
from mutant_label_models import Share
from panels import conflicts, panel, scores
from vectors import world

from harness import planning
from harness.api import Benchmark, Estimate, LabelModel, Need, hookimpl
from harness.contrasts import informed
from harness.errors import MatrixError
from harness.identity import identity
from harness.nesting import spelled
from harness.plugins import Registry
from harness.reading import parse
from harness.steps import rows
from harness.testing import checks_for
from harness_label_models.dawid_skene import DawidSkene
from harness_label_models.majority import Majority
from harness_rules.balanced import Balanced
from harness_rules.disagreement import VoteEntropy
from harness_rules.diversity import KCenter
from harness_rules.label_model import LabelModelEntropy
from harness_rules.mixed import Mixed
from harness_rules.samples import SelfInconsistency


class Pictured(Benchmark):
    """Captions with a vector each, and one for the image that is near it where they belong together."""

    name = "pictured"

    def items(self, split):
        found, labels = world({"train": 60, "test": 20}.get(split, 0), seed=len(split))
        words = {"falsified": "omega", "pristine": "alpha"}
        return [
            replace(item, id=f"{split}-{n}", caption=f"{words[labels[item.id]] if n % 5 else 'kappa'} {n}")
            for n, item in enumerate(found.values())
        ]

    def labels(self, split):
        return {item.id: "falsified" if n % 2 else "pristine" for n, item in enumerate(self.items(split))}

    def gives(self):
        return frozenset({"evidence", "features.image", "features.text"})


class Pair(LabelModel):
    """Needs two teachers where no verdict is given; says nothing of an item that one of them did not answer."""

    name = "pair"
    min_teachers = 2

    def fit(self, panel, gold):
        answered = [item for item in panel.items if len(panel.answers(item)) == 2]
        return Estimate({item: 0.01 + 0.49 * panel.verdicts(item).count("falsified") for item in answered})


class Own:
    @hookimpl
    def harness_benchmarks(self):
        return [Pictured]

    @hookimpl
    def harness_label_models(self):
        return [Pair]


@pytest.fixture
def plan(registry):
    return lambda text: planning.make(parse(text, registry + Registry.of(Own())))


def faults(plan, text):
    with pytest.raises(MatrixError) as caught:
        plan(text)
    return str(caught.value).split("\n")


SPREAD = """\
benchmarks: {words: words, pictured: pictured}
teachers: {a: listens, b: {uses: listens, words: [kappa]}}
students: {counter: counter}
rules:
  hard: hard-disagreement
  far: RULE
strategies: {mmkd: mmkd}
label_fractions: [0.1]
"""


@pytest.mark.parametrize(
    "rule",
    [
        "{uses: k-center, feature: image}",
        "{uses: margin-diversity, feature: image}",
        "{uses: balanced, of: {uses: k-center, feature: image}}",
        "{uses: mixed, other: {uses: balanced, of: {uses: k-center, feature: image}}}",
    ],
)
def test_what_a_rule_reads_and_the_data_do_not_give_is_refused_where_the_rule_is_used(plan, rule):
    text = SPREAD.replace("RULE", rule)
    assert faults(plan, text) == [
        "matrix.yaml:6:3: rules.far: needs features.image, which benchmarks.words does not give (it gives evidence)"
    ]
    assert {cell.point.rule for cell in plan(text + "exclude: [{benchmark: words, rule: far}]\n").cells} == {
        "hard",
        "far",
    }


def test_what_a_strategy_s_own_rule_reads_is_refused_at_the_strategy(registry):
    class Seeing(KCenter):
        name = "seeing"
        feature: str = "image"

    class Plugin:
        @hookimpl
        def harness_rules(self):
            return [Seeing]

    text = SPREAD.replace("  far: RULE\n", "").replace("mmkd: mmkd", "all: {uses: supervised, rule: seeing}")
    text = text.replace(", pictured: pictured", "")
    with pytest.raises(MatrixError) as caught:
        planning.make(parse(text, registry + Registry.of(Plugin())))
    assert str(caught.value) == (
        "matrix.yaml:6:14: strategies.all: needs features.image, which benchmarks.words does not give"
        " (it gives evidence)"
    )


SOLO = (
    SPREAD.replace(", pictured: pictured", "").replace("  hard: hard-disagreement\n", "")
    + "teacher_sets: {solo: [a]}\n"
)
LEAVE = "  Leave it out:  exclude: [{rule: far, teachers: solo}]"


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("vote-entropy", "needs 2 teachers, and the teacher set 'solo' has 1"),
        ("balanced", "needs 2 teachers, and the teacher set 'solo' has 1"),
        ("{uses: mixed, of: random, other: jensen-shannon}", "needs 2 teachers, and the teacher set 'solo' has 1"),
        ("{uses: k-center, among: conflicts}", "needs 2 teachers, and the teacher set 'solo' has 1"),
        (
            "{uses: label-model-entropy, model: pair}",
            "the label model pair needs 2 teachers where no true verdict is given, and the teacher set 'solo' has 1",
        ),
        (
            "{uses: balanced, of: {uses: label-model-entropy, model: pair}}",
            "the label model pair needs 2 teachers where no true verdict is given, and the teacher set 'solo' has 1",
        ),
        ("{uses: self-inconsistency, teacher: b}", "reads b, and the teacher set 'solo' has a"),
        ("{uses: balanced, of: {uses: self-inconsistency, teacher: b}}", "reads b, and the teacher set 'solo' has a"),
    ],
)
def test_rules_that_the_teacher_set_is_too_small_for_are_refused_once_with_the_way_out(plan, rule, told):
    assert faults(plan, SOLO.replace("RULE", rule)) == [f"matrix.yaml:5:3: rules.far: {told}", LEAVE]


@pytest.mark.parametrize(
    "rule",
    [
        "entropy",
        "consensus-margin",
        "margin-diversity",
        "k-center",
        "student-teacher",
        "student-uncertainty",
        "{uses: balanced, of: entropy}",
        "{uses: mixed, of: entropy}",
        "{uses: self-inconsistency, teacher: a}",
    ],
)
def test_rules_for_which_one_teacher_is_enough_are_planned_with_one(plan, rule):
    assert {cell.point.teachers for cell in plan(SOLO.replace("RULE", rule)).cells} == {"solo"}


@pytest.mark.parametrize("rule", ["student-uncertainty", "student-teacher"])
def test_stage_1_cannot_buy_by_what_it_makes_itself(plan, rule):
    text = SOLO.replace("RULE", "random").replace("mmkd: mmkd", f"all: {{uses: supervised, rule: {rule}}}")
    assert faults(plan, text) == [
        "matrix.yaml:6:14: strategies.all: stage 1 waits for itself:"
        f" stage 1 → rank by {rule} → stage1_predictions → stage 1"
    ]


def test_a_rule_that_reads_captions_alone_is_no_control_and_a_random_one_is(plan):
    made = plan(SPREAD.replace("RULE", "k-center").replace("hard: hard-disagreement", "chance: random"))
    assert informed(made, "far")
    assert not informed(made, "chance")


def test_the_entropy_of_a_label_model_orders_what_it_says_something_of():
    rows = {"split": (0.9, 0.2), "both": (0.9, 0.8), "half": (0.9, None), "none": (None, None)}
    order = LabelModelEntropy(model=Pair(), threshold=0.5).rank(panel(rows), 0)
    assert scores(order) == pytest.approx({"split": 1, "both": 0.0807931, "half": 0, "none": 0})
    assert conflicts(order) == ["split"]
    counted = LabelModelEntropy(model=Pair(), threshold=0.5, missing="conflict").rank(panel(rows), 0)
    assert set(conflicts(counted)) == {"split", "half", "none"}


def test_a_label_model_s_needs_are_its_rule_s():
    class Checked(Share):
        def needs(self):
            return frozenset({Need.ANNOTATIONS, Need.VALIDATION})

    assert LabelModelEntropy(model=Checked()).needs() == {Need.ANNOTATIONS, Need.VALIDATION}
    assert LabelModelEntropy(model=Share()).fewest_teachers() == 1
    assert LabelModelEntropy(model=Pair()).fewest_teachers() == 2


@pytest.mark.parametrize("check", checks_for(LabelModelEntropy))
def test_the_entropy_of_a_label_model_keeps_the_contract(check):
    check(LabelModelEntropy(model=Majority()))


def test_a_model_of_reliability_tells_splits_apart_that_are_one_to_the_vote():
    rng = np.random.default_rng(0)
    truth = rng.random(400) < 0.5
    right = rng.random((400, 3)) < (0.95, 0.65, 0.65)
    verdicts = np.where(truth[:, None] == right, "falsified", "pristine")
    one = panel({f"i{n}": tuple(map(str, row)) for n, row in enumerate(verdicts)})
    split = [item for item in one.items if one.disagree(item)]
    assert len({row.score for row in VoteEntropy().rank(one, 0) if row.conflict}) == 1
    found = scores(LabelModelEntropy(model=DawidSkene()).rank(one, 0))
    alone = [item for item in split if one.verdicts(item).count(one.by("a", item).verdict) == 1]
    supported = [item for item in split if item not in alone]
    # The teacher that is mostly right is contradicted by both others, or by one of them.
    assert min(found[item] for item in alone) > max(found[item] for item in supported)


@pytest.mark.parametrize(
    "check", [check for check in checks_for(KCenter) if "rank" in check.__name__ or "read" in check.__name__]
)
@pytest.mark.parametrize(
    "rule",
    [
        KCenter(feature="image"),
        KCenter(among="conflicts"),
        Balanced(of=KCenter(feature="image")),
        Balanced(of=SelfInconsistency(teacher="sampled")),
    ],
)
def test_rules_with_other_options_keep_the_contract(check, rule):
    check(rule)


def test_a_rule_within_a_rule_is_part_of_the_identity_and_spelt_as_a_matrix_would():
    plain = identity(Mixed())
    assert plain["options"]["of"]["class"] == "harness_rules.disagreement:HardDisagreement"
    assert identity(Mixed(of=KCenter())) != identity(Mixed(of=KCenter(picks=5))) != plain
    assert spelled(Balanced(of=KCenter(feature="image")))["of"] == {
        "uses": "k-center",
        "feature": "image",
        "picks": 10000,
        "among": "all",
    }


def test_a_matrix_an_editor_and_show_know_rules_within_rules(registry):
    from jsonschema import Draft202012Validator

    from harness import yaml
    from harness.portrait import portrait, told
    from harness.schema import schema

    text = "rules: {r: {uses: mixed, of: {uses: balanced, of: {uses: entropy, treshold: 1}}, other: 3}}"
    with pytest.raises(MatrixError) as caught:
        parse(text, registry)
    assert [fault.where for fault in caught.value.faults] == ["rules.r.of.of.treshold", "rules.r.other"]
    errors = Draft202012Validator(schema(registry)).iter_errors(yaml.load(text)[0])
    assert {".".join(map(str, error.absolute_path)) for error in errors} >= {"rules.r.other"}
    default = schema(registry)["$defs"]["rule.ooc-harness.mixed"]["properties"]["of"]["default"]
    assert default == {"uses": "hard-disagreement", "missing": "ignore"}
    lines = list(told(portrait(registry.origin(Mixed), Mixed)))
    assert '    other: ConflictRule, default {"uses": "random"}' in lines


STUDENTS = """\
benchmarks: {words: words}
teachers: {a: {uses: listens, words: [omega]}, b: {uses: listens, words: [omega, kappa]}}
students: {counter: counter, other: {uses: patient, fails: beta}}
rules: {unsure: student-uncertainty, against: {uses: student-teacher, by: divergence}}
strategies: {stage1-only: stage1-only, mmkd: mmkd}
label_fractions: [0.1, 0.2]
executor: inline
reports: {}
"""


def test_a_rule_that_asks_the_student_waits_for_stage_1_and_ranks_for_each_student(plan_of, run_plan, store):
    made = plan_of(STUDENTS)
    outcome, _ = run_plan(made, store)
    assert outcome.reasons == {}
    assert {step.kind for step in made.steps.values()} == {"annotate", "train", "predict", "rank"}
    ranks = {}
    for cell in made.cells:
        if cell.point.strategy == "mmkd":
            step = made.steps[cell.rank]
            predictions = made.steps[step.inputs["predictions"]]
            assert predictions.params["split"] == "train"
            assert predictions.inputs["model"] == cell.stage1
            assert ("annotations.a" in step.inputs) == (cell.point.rule == "against")
            ranks.setdefault((cell.point.student, cell.point.rule), set()).add(cell.rank)
    assert len(ranks) == 4
    assert all(len(keys) == 1 for keys in ranks.values())
    assert len(set.union(*ranks.values())) == 4
    (unsure,) = ranks["other", "unsure"]
    order = rows.read_ranks(store, unsure)
    said = rows.read_predictions(store, made.steps[unsure].inputs["predictions"])
    failed = {item for item, answer in said.items() if answer.outcome == "error"}
    assert failed
    assert {row.item_id for row in order[-len(failed) :]} == failed
    doubt = [abs(said[row.item_id].p_falsified - 0.5) for row in order if row.item_id not in failed]
    assert doubt == sorted(doubt)


def test_the_diagnosis_shows_the_first_student_s_rank(plan_of, run_plan, store):
    from harness.diagnosis import view

    made = plan_of(STUDENTS)
    run_plan(made, store)
    shown = view(made, store).conflicts
    assert set(shown["rule"]) == {"unsure", "against"}
    first = next(cell.rank for cell in made.cells if cell.point.rule == "unsure")
    assert made.ranks["unsure", "all", "words", 0] == first


REAL = """\
benchmarks: {BENCHMARK}
teachers: {TEACHERS}
students: {student: STUDENT}
rules: {unsure: student-uncertainty, against: {uses: student-teacher, by: divergence}}
strategies: {mmkd: mmkd}
label_fractions: [0.1]
executor: inline
reports: {}
"""
PROBE = (
    ("BENCHMARK", "pictured: pictured"),
    ("TEACHERS", "a: listens, b: {uses: listens, words: [kappa]}"),
    ("STUDENT", "{uses: probe, epochs: 3}"),
)
LLAVA = (
    ("BENCHMARK", "world: {uses: newsworld, train: 40, validation: 0, test: 10}"),
    ("TEACHERS", "a: {uses: evidence-overlap, sources: [entities], checks: names}, b: evidence-overlap"),
    ("STUDENT", "{uses: tiny-llava, sft: {epochs: 1, batch_size: 20}, dpo: {epochs: 1, batch_size: 4}}"),
)


@pytest.mark.parametrize("parts", [PROBE, pytest.param(LLAVA, marks=pytest.mark.slow)], ids=["probe", "llava"])
def test_a_real_student_buys_where_it_is_unsure_and_where_it_is_not_what_it_was_taught(plan, run_plan, store, parts):
    pytest.importorskip("torch")
    text = REAL
    for name, value in parts:
        text = text.replace(name, value)
    made = plan(text)
    outcome, _ = run_plan(made, store)
    assert outcome.reasons == {}
    kinds = [step.kind for step in made.steps.values()]
    # One stage 1 and its answers about the training items serve both rules.
    assert (kinds.count("train"), kinds.count("rank"), kinds.count("predict")) == (3, 2, 3)
    for cell in made.cells:
        manifest = json.loads((store.folder("train", cell.model) / "manifest.json").read_text())
        assert manifest["facts"]["labels_bought"] == cell.budget > 0
        order = rows.read_ranks(store, cell.rank)
        assert [row.score for row in order] == sorted((row.score for row in order), reverse=True)
        assert len({row.score for row in order}) > 10


REHEARSED = """\
benchmarks: {world: {uses: newsworld, train: 40, validation: 60, test: 10}}
teachers:
  names: {uses: evidence-overlap, sources: [entities], checks: names, threshold: 0.75}
  titles: {uses: evidence-overlap, sources: [captions], threshold: 0.6}
teacher_sets: {both: [names, titles], solo: [names]}
students: {counter: counter}
rules: {gap: probability-gap, even: balanced, some: mixed, far: k-center, unsure: student-uncertainty, doubt: entropy}
strategies: {mmkd: mmkd}
label_fractions: [0.1]
executor: inline
exclude: [{teachers: solo, rule: [gap, even, some]}]
"""


def test_what_rules_would_buy_is_told_of_each_that_has_its_teachers_and_needs_no_student(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from harness.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(REHEARSED)
    result = CliRunner().invoke(main, ["rules", "compare", "m.yaml", "--json"])
    assert result.exit_code == 0, result.output
    left_out = {(row["teachers"], row["rule"]): row["left_out"] for row in json.loads(result.stdout)}
    trained = "needs training: it reads what the stage-1 student predicts"
    few = "needs 2 teachers"
    assert left_out == {
        **{("both", rule): "" for rule in ("gap", "even", "some", "far", "doubt")},
        **{("solo", rule): few for rule in ("gap", "even", "some")},
        **{("solo", rule): "" for rule in ("far", "doubt")},
        **{(teachers, "unsure"): trained for teachers in ("both", "solo")},
    }
