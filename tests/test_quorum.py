"""Whether a matrix has teachers enough for the label models that its rules and strategies fit."""

from typing import ClassVar

import pytest

from harness import planning
from harness.api import ConflictRule, LabelModel, Named, Need, Ranked, Recipe, Strategy, Target, hookimpl
from harness.errors import MatrixError
from harness.plugins import Registry
from harness.reading import parse


class Doubt(ConflictRule):
    """Buys where a model doubts."""

    name = "doubt"
    revision: ClassVar = 1
    model: Named[LabelModel]
    """The model."""

    def needs(self):
        return self.model.needs()

    def rank(self, panel, seed):
        p = self.model.fit(panel, {}).p_falsified
        return [Ranked(item, -abs(p.get(item, 0.5) - 0.5), True) for item in panel.items]


class LearnInferred(Recipe):
    """What a model infers from the teachers, given what is bought."""

    revision: ClassVar = 1
    model: Named[LabelModel]
    buys: bool = True

    def needs(self):
        return self.model.needs() | ({Need.LABELS} if self.buys else set())

    def examples(self, pool):
        found = self.model.fit(pool.panel, pool.labels if self.buys else {})
        return [Target(item, p_falsified=p) for item, p in found.p_falsified.items()]


class Inferred(Strategy):
    """Learns what a model infers."""

    name = "inferred"
    revision: ClassVar = 1
    model: Named[LabelModel]
    """The model."""
    buys: bool = True
    """Whether it is given what is bought."""

    def stage1(self):
        return [LearnInferred(model=self.model, buys=self.buys)]

    def stage2(self):
        return []


class Ours:
    @hookimpl
    def harness_rules(self):
        return [Doubt]

    @hookimpl
    def harness_strategies(self):
        return [Inferred]


MATRIX = """\
benchmarks:
  words: words
teachers:
  a: {uses: listens, words: [omega]}
  b: {uses: listens, words: [omega, kappa]}
  c: {uses: listens, words: [kappa]}
teacher_sets: {pair: [a, b], all: [a, b, c]}
students:
  counter: counter
label_fractions: [0.25]
seeds: [0]
executor: inline
reports: {}
"""
BY_RULE = MATRIX + "rules:\n  doubt: {uses: doubt, model: MODEL}\nstrategies:\n  mmkd: mmkd\n"
BY_STRATEGY = MATRIX + "rules:\n  hard: hard-disagreement\nstrategies:\n  ours: {uses: inferred, model: MODEL}\n"


@pytest.fixture
def planned(registry):
    ours = registry + Registry.of(Ours())
    return lambda text, model: planning.make(parse(text.replace("MODEL", model), ours))


def faults(planned, text, model):
    with pytest.raises(MatrixError) as caught:
        planned(text, model)
    return str(caught.value)


def test_a_rule_whose_model_needs_three_teachers_is_refused_a_pair(planned):
    assert faults(planned, BY_RULE, "{uses: dawid-skene, smoothing: 2}") == (
        "matrix.yaml:15:3: rules.doubt: the label model dawid-skene needs 3 teachers where no true verdict is given,"
        " and the teacher set 'pair' has 2\n"
        "  Leave it out:  exclude: [{rule: doubt, teachers: pair}]"
    )
    assert planned(BY_RULE, "majority").cells
    assert planned(BY_RULE + "exclude: [{rule: doubt, teachers: pair}]\n", "dawid-skene").cells


def test_a_recipe_that_buys_labels_has_true_verdicts_for_its_model(planned):
    assert planned(BY_STRATEGY, "dawid-skene").cells
    assert planned(BY_STRATEGY, "gold-anchored-dawid-skene").cells
    assert "strategies.ours: the label model mace needs 3 teachers, and the teacher set 'pair' has 2" in faults(
        planned, BY_STRATEGY, "mace"
    )
    said = faults(planned, BY_STRATEGY.replace("model: MODEL", "model: MODEL, buys: false"), "one-coin-dawid-skene")
    assert "needs 3 teachers where no true verdict is given, and the teacher set 'pair' has 2" in said
    assert "exclude: [{strategy: ours, teachers: pair}]" in said


def test_a_rule_has_no_true_verdicts_to_give(planned):
    assert faults(planned, BY_RULE, "gold-anchored-dawid-skene").startswith(
        "matrix.yaml:15:3: rules.doubt: the label model gold-anchored-dawid-skene needs true verdicts, and none are"
        " bought before it is fitted"
    )


def test_a_model_is_a_part_of_what_names_it(planned, run_plan):
    one, other = (planned(BY_STRATEGY, f"{{uses: dawid-skene, smoothing: {smoothing}}}") for smoothing in (1, 2))
    assert one.cells[0].model != other.cells[0].model


def test_an_unknown_model_is_told_at_its_place(planned):
    assert faults(planned, BY_RULE, "dawid-skeen") == (
        "matrix.yaml:15:31: rules.doubt.model: no label-model is called 'dawid-skeen'; did you mean 'dawid-skene'?"
    )
    assert faults(planned, BY_RULE, "{uses: majority, tie: abstain}") == (
        "matrix.yaml:15:48: rules.doubt.model.tie: majority has no such option; did you mean 'ties'?"
    )
