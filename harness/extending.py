"""A matrix with the arms of its ablation: each at one place, instead of on all axes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import chain, count, product, starmap
from typing import TypeVar, cast

from pydantic import ValidationError

from harness.ablate import Ablate, Extra, Unfit
from harness.cells import Course, excluded
from harness.component import Component
from harness.components import ConflictRule, Strategy
from harness.controls import ABOVE, BENEATH, METHOD, Control, Made, Meaningless, Site
from harness.errors import PluginError
from harness.families import Faults
from harness.loading import did_you_mean
from harness.matrix import Matrix
from harness.plugins import Registry

C = TypeVar("C", bound=Component)


def extended(matrix: Matrix, ablate: Ablate, registry: Registry, fault: Faults) -> Matrix:
    """The matrix with what ``ablate:`` asks for; faults are told."""
    sites: list[Site] = []
    for label in _methods(matrix, ablate, fault):
        if site := _site(matrix, ablate, label, registry):
            sites.append(site)
        else:
            cause = f"strategies.{label} has no cell there: benchmark or student are missing, or all are excluded"
            fault(("ablate",), cause, key=True)
    if not sites:
        return matrix
    shelf = _Shelf(matrix)
    found = [arm for site in sites for arm in _arms(site, shelf)]
    _check_names(ablate, found, fault)
    wanted = tuple(arm for arm in found if _is_wanted(arm.factor, ablate.arms))
    own = {name for arm in wanted if isinstance(arm, Extra) and (name := arm.made.rule)} - matrix.own_rules.keys()
    return replace(
        matrix,
        extras=wanted,
        own_rules={**matrix.own_rules, **{name: _rule(registry, name) for name in sorted(own)}},
    )


def _rule(registry: Registry, name: str) -> ConflictRule:
    return cast(ConflictRule, registry.find("rule", name)())


def _methods(matrix: Matrix, ablate: Ablate, fault: Faults) -> Sequence[str]:
    if ablate.strategies:
        return list(dict.fromkeys(ablate.strategies))
    found = [label for label, strategy in matrix.strategies.items() if strategy.ablations()]
    if not found:
        fault(
            ("ablate",),
            "no strategy of the matrix says what its factors are",
            remedy="Name one in  {strategy: …} : it is held against floors, controls and bounds alone.",
            key=True,
        )
    return found


def _site(matrix: Matrix, ablate: Ablate, label: str, registry: Registry) -> Site | None:
    """The first place of the method that is not left out."""
    strategy = matrix.strategies[label]
    course = Course(strategy, label, matrix)
    fraction = ablate.label_fraction
    fractions: Sequence[float | None] = (fraction,) if fraction is not None else (matrix.label_fractions or (None,))
    places = product(
        _axis(ablate.benchmark, matrix.benchmarks),
        _axis(ablate.student, matrix.students),
        _axis(ablate.teachers, matrix.teacher_sets) or (None,),
        _axis(ablate.rule, matrix.rules) or (None,),
        fractions,
    )
    for benchmark, student, teachers, rule, share in places:
        for point in course.at(str(benchmark), str(student), teachers, rule, share):
            if not excluded(point, matrix.exclude):
                return Site(matrix, registry, point, course, strategy, matrix.students[str(student)])
    return None


def _axis(given: str | None, known: Mapping[str, object]) -> tuple[str | None, ...]:
    return tuple(known) if given is None else (given,)


def _arms(site: Site, shelf: _Shelf) -> Iterator[Extra | Unfit]:
    """In the order in which they are shown: from the floor to the bound."""
    variants = site.strategy.ablations()
    whole = Control(METHOD, "method", lambda _: Made(site.strategy))
    beneath = [control for control in BENEATH if control.factor not in variants]
    for control in (*beneath, *starmap(partial(_variant, site), variants.items()), whole, *ABOVE):
        yield _arm(site, control, shelf)


def _variant(site: Site, factor: str, variant: Strategy) -> Control:
    """A variant of another class is a strategy in its own right, such as the first stage alone."""
    return Control(factor, "variant", lambda _: Made(variant), apart=type(variant) is type(site.strategy))


def _arm(site: Site, control: Control, shelf: _Shelf) -> Extra | Unfit:
    try:
        return _extra(site, control, control.make(site), shelf)
    except (Meaningless, PluginError) as why:
        reason = why.cause if isinstance(why, PluginError) else str(why)
    except ValidationError:
        reason = "a component that it is made of has other options than those that come with the harness"
    return Unfit(site.course.label, control.factor, control.kind, reason)


def _extra(site: Site, control: Control, made: Made, shelf: _Shelf) -> Extra:
    method, point = site.course.label, site.point
    learner = made.learner or site.learner
    if made.strategy.rule is not None and made.strategy.rule not in site.matrix.own_rules:
        site.registry.find("rule", made.strategy.rule)
    return Extra(
        method,
        control.factor,
        control.kind,
        str(point.benchmark),
        shelf.student(learner, f"{point.student}.{_slug(control.factor)}"),
        shelf.strategy(made.strategy, made.label or f"{method}.{_slug(control.factor)}"),
        point.teachers,
        made.rule or point.rule or next(iter(site.matrix.rules), None),
        made.label_fraction if made.label_fraction is not None else point.label_fraction,
        learner,
        made.strategy,
        control.apart,
    )


def _slug(factor: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", factor.lower()).strip("-")


@dataclass(slots=True)
class _Shelf:
    """Labels of components: those of the matrix, and one for each that it has not."""

    matrix: Matrix
    strategies: dict[str, Strategy] = field(default_factory=dict)
    students: dict[str, Component] = field(default_factory=dict)

    def strategy(self, component: Strategy, wanted: str) -> str:
        return _put(component, wanted, self.matrix.strategies, self.strategies)

    def student(self, component: Component, wanted: str) -> str:
        return _put(component, wanted, self.matrix.students, self.students)


def _put(component: C, wanted: str, known: Mapping[str, Component], added: dict[str, C]) -> str:
    every = {**known, **added}
    for label, other in every.items():
        if other == component:
            return label
    names = chain([wanted], (f"{wanted}.{number}" for number in count(2)))
    label = next(name for name in names if name not in every)
    added[label] = component
    return label


def _check_names(ablate: Ablate, found: Sequence[Extra | Unfit], fault: Faults) -> None:
    """A name that fits nothing is a fault, and so is one that says exactly what means nothing here."""
    names = {arm.factor: arm for arm in found}
    for index, pattern in enumerate(ablate.arms):
        if not any(fnmatchcase(name, pattern) for name in names):
            fault(("ablate", "arms", index), f"no arm is called {pattern!r}{did_you_mean(pattern, names)}")
        elif isinstance(arm := names.get(pattern), Unfit):
            fault(("ablate", "arms", index), f"{pattern!r} means nothing here: {arm.reason}")


def _is_wanted(factor: str, patterns: Sequence[str]) -> bool:
    return not patterns or factor == METHOD or any(fnmatchcase(factor, pattern) for pattern in patterns)
