"""A labelled validation split reaches what declares it, and nothing else."""

import json

import pytest
from click.testing import CliRunner
from toys import Words

from harness import results
from harness.api import ConflictRule, Need, Ranked, Recipe, Strategy, Target, hookimpl, seed_from
from harness.cli import main
from harness.errors import MatrixError
from harness.handed import Panel, Validation
from harness.planning import make
from harness.plugins import Registry
from harness.reading import parse
from harness.scores import Scorer
from harness.steps.pool import DeclaredPool, Ledger
from harness.testing import rule as rule_kit
from harness.testing import strategy as strategy_kit
from harness.types import Item
from harness_reports.comparison import labels
from harness_reports.records import Row


class Validated(Words):
    """Words with a validation split, of which every third item has no label."""

    name = "validated"
    revision = 1
    validation: int = 18
    labelled: bool = True
    strange: bool = False

    def items(self, split):
        return (
            [self._item(split, index) for index in range(self.validation)]
            if split == "validation"
            else super().items(split)
        )

    def labels(self, split):
        found = super().labels(split)
        if split != "validation":
            return found
        odd = {"nowhere": "pristine"} if self.strange else {}
        return odd | {item: label for place, (item, label) in enumerate(found.items()) if self.labelled and place % 3}


def right(panel, teacher):
    labels = panel.validation.labels
    return sum(panel.validation.panel.by(teacher, item).verdict == label for item, label in labels.items())


class LearnBest(Recipe):
    """What the teacher says that is right most often on the validation split."""

    revision = 1

    def needs(self):
        return frozenset({Need.ANNOTATIONS, Need.VALIDATION})

    def examples(self, pool):
        best = max(pool.panel.teachers, key=lambda teacher: right(pool.panel, teacher))
        return [Target(item, said.verdict) for item in pool.items if (said := pool.panel.by(best, item)).verdict]


class LearnShare(Recipe):
    """The validation split's more frequent class, for every item; no teacher is asked."""

    revision = 1

    def needs(self):
        return frozenset({Need.VALIDATION})

    def examples(self, pool):
        assert not pool.panel.validation.panel.teachers
        labels = sorted(pool.panel.validation.labels.values())
        return [Target(item, labels[len(labels) // 2]) for item in pool.items]


class ByBest(ConflictRule):
    """Conflict where the best teacher of the validation split says falsified."""

    name = "by-best"
    revision = 1

    def needs(self):
        return frozenset({Need.ANNOTATIONS, Need.VALIDATION})

    def rank(self, panel, seed):
        best = max(panel.teachers, key=lambda teacher: right(panel, teacher))
        rows = [Ranked(item, float(panel.by(best, item).verdict == "falsified"), True) for item in panel.items]
        return sorted(rows, key=lambda row: (-row.score, seed_from(seed, row.item_id)))


class Best(Strategy):
    name = "best"
    revision = 1

    def stage1(self):
        return (LearnBest(),)

    def stage2(self):
        return ()


class Share(Best):
    name = "share"
    revision = 1

    def stage1(self):
        return (LearnShare(),)


class Module:
    @staticmethod
    @hookimpl
    def harness_benchmarks():
        return [Validated]

    @staticmethod
    @hookimpl
    def harness_rules():
        return [ByBest]

    @staticmethod
    @hookimpl
    def harness_strategies():
        return [Best, Share]


MATRIX = """\
benchmarks: {words: validated}
teachers: {a: {uses: listens, words: [omega]}, b: {uses: listens, words: [kappa]}}
students: {counter: counter}
rules: {by-best: by-best}
strategies: {best: best, share: share, supervised: {uses: supervised, rule: by-best}, stage1-only: stage1-only}
label_fractions: [0.25]
executor: inline
reports: {}
"""


@pytest.fixture(scope="module")
def plan_of():
    return lambda text: make(parse(text, Registry.installed() + Registry.of(Module())))


def faults(plan_of, text):
    with pytest.raises(MatrixError) as caught:
        plan_of(text)
    return str(caught.value).split("\n")


def test_what_declares_the_validation_split_gets_its_teachers_and_its_labels_digest(plan_of):
    plan = plan_of(MATRIX)
    of = {cell.point.strategy: cell for cell in plan.cells}
    labels = plan.facts["words"].splits["validation"].labels_digest
    best, share = plan.steps[of["best"].model], plan.steps[of["share"].model]
    rank, plain = plan.steps[of["supervised"].rank], plan.steps[of["stage1-only"].model]
    said = {f"validation.{teacher}": plan.annotations[teacher, "words", "validation"] for teacher in "ab"}
    for step in (best, rank):
        assert step.params["validation"] == labels
        assert {role: key for role, key in step.inputs.items() if role in said} == said
    assert share.params["validation"] == labels
    assert not share.inputs
    assert "validation" not in plain.params
    assert not said.keys() & plain.inputs.keys()
    assert plan.teacher_calls() == {"a": 58, "b": 58}


def test_axes_that_the_validation_split_does_not_need_are_not_made(plan_of):
    points = {cell.point.strategy: cell.point for cell in plan_of(MATRIX).cells}
    assert (points["share"].teachers, points["share"].rule) == (None, None)
    assert points["best"].rule is None
    assert points["supervised"].teachers == "all"


def test_a_benchmark_without_a_labelled_validation_split_is_refused_where_it_is_read(plan_of):
    for words in ("words", "{uses: validated, validation: 0}", "{uses: validated, labelled: false}"):
        cause = "reads a labelled validation split, and benchmarks.words has none"
        found = faults(plan_of, MATRIX.replace("words: validated", f"words: {words}"))
        assert found == [
            f"matrix.yaml:5:14: strategies.best: {cause}",
            "  Leave it out:  exclude: [{benchmark: words, strategy: best}]",
            f"matrix.yaml:5:26: strategies.share: {cause}",
            "  Leave it out:  exclude: [{benchmark: words, strategy: share}]",
            f"matrix.yaml:5:40: strategies.supervised: {cause}",
            "  Leave it out:  exclude: [{benchmark: words, strategy: supervised}]",
        ]


def test_labels_of_no_validation_item_are_refused(plan_of):
    assert faults(plan_of, MATRIX.replace("words: validated", "words: {uses: validated, strange: true}")) == [
        "matrix.yaml:1:14: benchmarks.words: the validation split has labels of items that it has not, first 'nowhere'"
    ]


def test_a_plan_says_how_many_labels_of_the_validation_split_are_read(tmp_path):
    (tmp_path / "matrix.yaml").write_text(
        "benchmarks: {world: {uses: newsworld, train: 20, validation: 10, test: 10}}\n"
        "teachers: {a: evidence-overlap}\nstudents: {tiny: tiny-llava}\n"
        "strategies: {best-teacher: best-teacher, zero-shot: zero-shot}\n"
    )
    arguments = ["plan", str(tmp_path / "matrix.yaml"), "--store", str(tmp_path / "store")]
    result = CliRunner().invoke(main, arguments)
    assert "validation labels read: 10, by 1 of the cells\n" in result.stdout
    facts = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert facts["validation_labels"] == {"world/tiny/best-teacher/all/seed-0": 10}


def test_a_report_shows_the_labels_of_the_validation_split_beside_those_that_were_bought():
    row = {"labels_bought": 12.0, "saturated": True, "validation_labels": 40}
    assert labels(Row(row)).note == "saturated; and 40 of validation"
    assert labels(Row({**row, "saturated": False, "validation_labels": 0})).note == ""


def test_a_rule_of_the_matrix_is_refused_at_its_own_line(plan_of):
    text = MATRIX.replace("words: validated", "words: words").replace("best: best, share: share, ", "")
    assert faults(plan_of, text.replace("{uses: supervised, rule: by-best}", "mmkd")) == [
        "matrix.yaml:4:9: rules.by-best: reads a labelled validation split, and benchmarks.words has none",
        "  Leave it out:  exclude: [{benchmark: words, rule: by-best}]",
    ]


def test_the_labelled_validation_items_arrive_and_are_counted_in_the_results(plan_of, run_plan, store):
    plan = plan_of(MATRIX)
    run_plan(plan)
    table = results.results_table(results.cell_results(Scorer(plan, store)))
    assert dict(zip(table.strategy, table.validation_labels, strict=True)) == {
        "best": 12,
        "share": 12,
        "supervised": 12,
        "stage1-only": 0,
    }
    arms = results.arms_table(Scorer(plan, store), results.arm_results(results.cell_results(Scorer(plan, store))))
    assert sorted(arms.validation_labels) == [0, 12, 12, 12]


def test_a_pool_hands_the_validation_split_to_what_declares_it_alone():
    validation = Validation(Panel({}, {}), {})
    panel = Panel({"a": Item("a", "")}, {}, validation=validation)
    pool = DeclaredPool(panel.items, 0, frozenset({Need.VALIDATION}), panel=panel, rank=[], labels=Ledger({}))
    assert pool.panel.validation is validation


@pytest.mark.parametrize(
    ("check", "component"),
    [
        (strategy_kit.check_makes_examples_without_raising, Best()),
        (strategy_kit.check_survives_teachers_without_an_answer, Best()),
        (strategy_kit.check_makes_examples_without_raising, Share()),
        (rule_kit.check_ranks_without_raising, ByBest()),
        (rule_kit.check_survives_teachers_without_an_answer, ByBest()),
    ],
)
def test_the_conformance_kit_gives_a_validation_split_to_what_declares_it(check, component):
    check(component)
