"""A whole matrix: against a loop that shares nothing, and against one that shares stages by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trials import Outcome, fresh, largest_difference, only, perform, plan_of, share_of_equal_answers

# Six variants of stage 2 over one stage 1, as someone who looks for a loss and a β would write.
STRATEGIES = {
    "dpo": {"uses": "mmkd"},
    "dpo-strong": {"uses": "mmkd", "beta": 0.3},
    "dpo-weak": {"uses": "mmkd", "beta": 0.03},
    "ipo": {"uses": "mmkd", "preference_loss": "ipo"},
    "hinge": {"uses": "mmkd", "preference_loss": "hinge"},
    "dpo-less-sft": {"uses": "mmkd", "sft_weight": 0.2},
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds of the three ways of running the same cells, and how far their results lie apart."""

    cells: int
    naive: float
    shared: float
    ours: float
    loss_difference: float
    equal_answers: float


def compare(model: Path, fractions: Sequence[float], seeds: Sequence[int], **size: int) -> Comparison:
    """Every way starts from nothing: an empty store and no model loaded."""

    def plan(engine: str):  # noqa: ANN202
        given = {"strategies": STRATEGIES, "fractions": list(fractions), "seeds": list(seeds)}
        return plan_of(model=str(model), engine=engine, **given, **size)

    with fresh() as store:
        ours = perform(plan("on"), store)
    with fresh() as store:
        shared = perform(plan("off"), store)
    stock = plan("off")
    alone = [_alone(only(stock, cell)) for cell in stock.cells]
    naive = sum(outcome.seconds for outcome in alone)
    return Comparison(
        len(stock.cells),
        naive,
        shared.seconds,
        ours.seconds,
        _apart(ours, [shared, *alone]),
        _alike(ours, [shared, *alone]),
    )


def _alone(plan) -> Outcome:  # noqa: ANN001
    with fresh() as store:
        return perform(plan, store)


def _apart(ours: Outcome, others: Sequence[Outcome]) -> float:
    return max(largest_difference(ours, other) for other in others)


def _alike(ours: Outcome, others: Sequence[Outcome]) -> float:
    return min(share_of_equal_answers(ours, other) for other in others)
