"""Pairs of arms: those that the matrix declares, and those that answer a question of the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import nan
from typing import TYPE_CHECKING, Any

from harness.columns import CONTRAST_COLUMNS
from harness.families import QUESTIONS, Family
from harness.pairing import pairs_of
from harness.plan import Plan
from harness.results import ArmResult, stacked
from harness.scores import Scorer
from harness.stats import Estimate, Margin, against_margin, crossed, holm, mcnemar, seeds_needed, spread_of

if TYPE_CHECKING:
    from pandas import DataFrame

METHODS, MODELS = "the methods", "these two trained models"


@dataclass(frozen=True, slots=True)
class Pair:
    """One contrast with what was seen of it."""

    family: Family
    arm: ArmResult
    against: ArmResult
    difference: Estimate
    seeds: int
    p_mcnemar: float


def contrasts_table(scorer: Scorer, arms: list[ArmResult]) -> DataFrame:
    """`harness.columns.CONTRAST_COLUMNS`, Holm-adjusted within each declared family and the ablation.

    Where no family is declared, each question of the report is one; else the questions are exploratory.
    """
    import pandas as pd

    done = [arm for arm in arms if arm.done]
    declared = scorer.plan.matrix.compare
    rows: list[dict[str, Any]] = []
    for family in scorer.plan.families():
        rows += _rows(scorer, _seen(scorer, family, _declared(scorer.plan, family, done)), corrected=True)
    asked = list(_questions(scorer.plan, [arm for arm in done if arm.arm not in scorer.plan.apart]))
    for question in QUESTIONS:
        pairs = [(arm, against) for found, arm, against in asked if found == question]
        rows += _rows(scorer, _seen(scorer, Family(question), pairs), corrected=not declared)
    return pd.DataFrame(rows, columns=list(CONTRAST_COLUMNS))


def _declared(plan: Plan, family: Family, arms: list[ArmResult]) -> Iterator[tuple[ArmResult, ArmResult]]:
    """Pairs that are done, on every benchmark on which both arms are tested."""
    tested = {(arm.arm, arm.evaluated_on): arm for arm in arms}
    for one, other in pairs_of(family, plan.arms()):
        for (name, benchmark), arm in tested.items():
            if name == one and (other, benchmark) in tested:
                yield arm, tested[other, benchmark]


def _seen(scorer: Scorer, family: Family, pairs: Iterable[tuple[ArmResult, ArmResult]]) -> list[Pair]:
    found = []
    for arm, against in pairs:
        right, seeds = stacked([arm, against])
        if seeds:
            groups = scorer.truth(arm.evaluated_on).groups
            difference = crossed(right[0] - right[1], groups)
            exact = mcnemar(right[0, 0], right[1, 0], groups) if seeds == 1 else nan
            found.append(Pair(family, arm, against, difference, seeds, exact))
    return found


def _rows(scorer: Scorer, pairs: Sequence[Pair], *, corrected: bool) -> Iterator[dict[str, Any]]:
    p = [_p(pair) for pair in pairs]
    adjusted = holm(p) if corrected else p
    inferior = holm([_margin(pair).p_inferior if pair.family.test == "non-inferiority" else nan for pair in pairs])
    for pair, own, shown, worse in zip(pairs, p, adjusted, inferior, strict=True):
        yield {
            **_described(scorer, pair),
            **_interval(pair),
            "p": own,
            "p_holm": shown if corrected else nan,
            "verdict": _verdict(pair, shown, worse),
            "family": pair.family.name if corrected else "",
            "correction": f"Holm over {len(pairs)}" if corrected else "uncorrected",
            "seeds_needed": _seeds_needed(pair, len(pairs) if corrected else 1),
        }


def _described(scorer: Scorer, pair: Pair) -> dict[str, Any]:
    truth = scorer.truth(pair.arm.evaluated_on)
    return {
        "question": pair.family.name,
        "test": pair.family.test,
        "margin": nan if pair.family.margin is None else pair.family.margin,
        "arm": pair.arm.arm,
        "against": pair.against.arm,
        "evaluated_on": pair.arm.evaluated_on,
        "difference": pair.difference.mean,
        "scope": METHODS if pair.seeds > 1 else MODELS,
        "p_mcnemar": pair.p_mcnemar,
        "seeds": pair.seeds,
        "items": len(truth.ids),
        "groups": int(truth.groups.max()) + 1,
        "detectable": pair.difference.detectable,
    }


def _margin(pair: Pair) -> Margin:
    assert pair.family.margin is not None
    return against_margin(pair.difference, pair.family.margin)


def _interval(pair: Pair) -> dict[str, float]:
    if pair.family.margin is None:
        return {"level": 0.95, "low": pair.difference.low, "high": pair.difference.high}
    found = _margin(pair)
    return {"level": 0.9, "low": found.low, "high": found.high}


def _p(pair: Pair) -> float:
    match pair.family.test:
        case "difference":
            return pair.difference.p
        case "non-inferiority":
            return _margin(pair).p_not_inferior
        case "equivalence":
            return _margin(pair).p_equivalent


def _verdict(pair: Pair, p: float, p_inferior: float) -> str:
    match pair.family.test:
        case "difference":
            return verdict_of(pair.difference.mean, p)
        case "non-inferiority" if p <= 0.05:
            return "not inferior"
        case "non-inferiority" if p_inferior <= 0.05:
            return "inferior"
        case "equivalence" if p <= 0.05:
            return "equivalent"
    return "inconclusive"


def verdict_of(difference: float, p: float) -> str:
    """The word for a difference at 5 %."""
    if not p <= 0.05:
        return "inconclusive"
    return "better" if difference > 0 else "worse"


def _seeds_needed(pair: Pair, contrasts: int) -> float:
    """With the variances of this run, at the level of Holm's first step."""
    known, wanted = pair.difference.components, pair.family.wanted
    if wanted is None or known is None or pair.seeds < 2 or not pair.difference.error > 0:
        return nan
    one_sided = pair.family.test != "difference"
    return seeds_needed(spread_of(known), known.groups, wanted, 0.05 / contrasts, one_sided=one_sided)


def _questions(plan: Plan, arms: list[ArmResult]) -> Iterator[tuple[str, ArmResult, ArmResult]]:
    """Which arms are compared follows from what they are made of, never from their names."""
    students = [arm for arm in arms if arm.cells[0].role == "student"]
    for arm in students:
        beside = [
            other
            for other in students
            if other is not arm
            and other.evaluated_on == arm.evaluated_on
            and other.point.student == arm.point.student
            and other.point.benchmark == arm.point.benchmark
            and _share_a_seed(arm, other)
        ]
        yield from (("above the floor", arm, other) for other in beside if not other.trained)
        yield from (("stage 2 adds", arm, other) for other in beside if _goes_on_from(arm, other))
        yield from (("against labels alone", arm, other) for other in beside if _labels_alone(arm, other))
        yield from (("against random conflicts", arm, other) for other in beside if _chance(plan, arm, other))


def _share_a_seed(arm: ArmResult, other: ArmResult) -> bool:
    mine = {cell.point.seed for cell in arm.cells}
    theirs = {cell.point.seed for cell in other.cells}
    return bool(mine & theirs) or None in theirs


def _goes_on_from(arm: ArmResult, other: ArmResult) -> bool:
    """The other arm's final model is what this one's stage 2 started from."""
    starts = {cell.stage1 for cell in arm.cells if cell.stage1 != cell.model}
    return other.trained and bool(starts & {cell.model for cell in other.cells})


def _labels_alone(arm: ArmResult, other: ArmResult) -> bool:
    mine, theirs = arm.point, other.point
    return (
        mine.teachers is not None
        and theirs.teachers is None
        and mine.label_fraction is not None
        and mine.label_fraction == theirs.label_fraction
    )


def _chance(plan: Plan, arm: ArmResult, other: ArmResult) -> bool:
    """Same but for the rule, and the other's rule knows nothing of the items."""
    mine, theirs = asdict(arm.point), asdict(other.point)
    same = all(mine[axis] == theirs[axis] for axis in mine if axis not in ("rule", "seed"))
    if not same or arm.point.rule is None or other.point.rule is None or arm.point.rule == other.point.rule:
        return False
    return informed(plan, arm.point.rule) and not informed(plan, other.point.rule)


def informed(plan: Plan, rule: str | None) -> bool:
    """Whether the rule knows anything of the items that it ranks."""
    return rule is not None and plan.matrix.every_rule[rule].informed()
