"""Both stages of one training: stock TRL, each mechanism alone, and all together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trials import Outcome, fresh, largest_difference, perform, plan_of

STRATEGIES = {"mmkd": "mmkd"}


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one way of training, and how far its losses are from the stock ones."""

    name: str
    stages: Mapping[str, float]
    difference: float


def timings(model: Path, mechanisms: tuple[str, ...], rounds: int, **size: int) -> list[Timing]:
    """The stock way first, all together last; of each the fastest of ``rounds``, which take turns.

    One matrix of one cell is run in a fresh store, so stage 2 finds what stage 1 left: a picture's features
    are computed in stage 1, as in every real run.
    """
    engines = {"stock": "off", **{name: _alone(name, mechanisms) for name in mechanisms}, "all": "on"}
    runs: dict[str, list[Outcome]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, engine in engines.items():
            runs[name].append(_run(model, engine, size))
    stock = runs["stock"][0]
    return [Timing(name, _fastest(found), largest_difference(found[0], stock)) for name, found in runs.items()]


def _alone(name: str, mechanisms: tuple[str, ...]) -> str:
    return "{" + ", ".join(f"{other}: {str(other == name).lower()}" for other in mechanisms) + "}"


def _run(model: Path, engine: str, size: Mapping[str, int]) -> Outcome:
    plan = plan_of(model=str(model), engine=engine, strategies=STRATEGIES, fractions=[0.2], seeds=[0], **size)
    with fresh() as store:
        return perform(plan, store)


def _fastest(runs: list[Outcome]) -> dict[str, float]:
    return {stage: min(run.stages[stage] for run in runs) for stage in ("stage 1", "stage 2", "predict")}
