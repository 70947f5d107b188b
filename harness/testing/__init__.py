"""The conformance kit: the contract of every kind of component as plain functions, one rule each.

An author's whole test::

    from harness.testing import checks_for

    @pytest.mark.parametrize("check", checks_for(MyTeacher))
    def test_contract(check):
        check(MyTeacher())

``harness plugins check`` looks at the same functions. Their names are the rules, their docstrings the remedies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.component import Component
from harness.steps.bench import StepBench as Bench
from harness.testing import (
    benchmark,
    component,
    executor,
    export,
    label_model,
    report,
    rule,
    strategy,
    student,
    teacher,
)
from harness.testing.contract import Check, ContractBroken, Finding, examine, remedy_of, rule_of
from harness.testing.lessons import workbench

_OF_KIND: Mapping[str, Sequence[Check]] = {
    "benchmark": benchmark.CHECKS,
    "teacher": teacher.CHECKS,
    "student": (*student.CHECKS, *export.CHECKS),
    "rule": rule.CHECKS,
    "label-model": label_model.CHECKS,
    "strategy": strategy.CHECKS,
    "report": report.CHECKS,
    "executor": executor.CHECKS,
}

CHECKS: Mapping[str, Sequence[Check]] = {kind: (*component.CHECKS, *checks) for kind, checks in _OF_KIND.items()}
"""The rules of each kind, those that hold for every component first."""


def checks_for(component: type[Component] | Component) -> Sequence[Check]:
    """The rules of a component's kind."""
    return CHECKS[component.kind]


__all__ = [
    "CHECKS",
    "Bench",
    "Check",
    "ContractBroken",
    "Finding",
    "checks_for",
    "examine",
    "remedy_of",
    "rule_of",
    "workbench",
]
