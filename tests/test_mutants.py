"""A zoo of components with one fault each: exactly the right rule finds it and says how to mend it."""

import pytest
import zoo

from harness.components import KINDS
from harness.testing import CHECKS, rule_of


@pytest.mark.parametrize("mutant", [pytest.param(one, id=f"{one.kind}-{one.name}") for one in zoo.mutants()])
def test_a_mutant_is_caught_by_exactly_the_right_rule(mutant):
    found = zoo.findings(mutant)
    assert [finding.rule for finding in found] == [mutant.breaks]
    assert mutant.seen in found[0].seen
    assert len(found[0].remedy) > 20


@pytest.mark.parametrize("component", [pytest.param(one, id=f"{one.kind}-{one.name}") for one in zoo.sound()])
def test_the_component_that_a_mutant_was_made_of_breaks_no_rule(component):
    assert zoo.findings(component) == []


def test_there_are_mutants_of_every_kind():
    assert {mutant.kind for mutant in zoo.mutants()} == KINDS.keys()
    assert len(zoo.mutants()) >= 20


def test_every_rule_of_the_contract_has_a_mutant():
    broken = {(mutant.kind, mutant.breaks) for mutant in zoo.mutants()}
    # Rules for every component are tried on teachers; one mutant of a module that a fresh interpreter cannot import
    # would be one that the suite cannot import either: it stands in test_plugin_commands.
    common = {rule_of(check) for check in set.intersection(*map(set, CHECKS.values()))}
    missing = {
        (kind, rule_of(check))
        for kind, checks in CHECKS.items()
        for check in checks
        if (kind, rule_of(check)) not in broken and not (kind != "teacher" and rule_of(check) in common)
    }
    assert missing == {("teacher", "can be imported by every worker")}
