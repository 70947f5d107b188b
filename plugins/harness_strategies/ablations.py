"""One factor off at a time: what of `mmkd` does the work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from harness.api import Strategy
from harness_strategies.baselines import Stage1Only
from harness_strategies.presets import Stage2Only

if TYPE_CHECKING:
    from harness_strategies.mmkd import Mmkd

ORDERS = {"joint": "joint stage 2", "sequential": "sequential stage 2", "sft": "sft only", "dpo": "dpo only"}
CONFLICTS = {
    "each": "stage 1 on all answers",
    "skip": "stage 1 on consensus",
    "probability": "stage 1 on the surer side",
}


def ablations_of(mmkd: Mmkd) -> Mapping[str, Strategy]:
    """Either stage alone, and every variant that differs from ``mmkd`` in one option."""
    variants: dict[str, Strategy] = {"stage 1 only": Stage1Only(conflicts=mmkd.conflicts)}
    if alone := _stage2_of(mmkd):
        variants["stage 2 only"] = alone
    return variants | {name: mmkd.model_copy(update=change) for name, change in _changes(mmkd)}


def _changes(mmkd: Mmkd) -> Iterator[tuple[str, dict[str, Any]]]:
    if mmkd.replay:
        yield "no replay", {"replay": 0.0}
        as_pairs = mmkd.replay_as == "target"
        name = "replay as pairs" if as_pairs else "replay as targets"
        yield name, {"replay_as": "preference" if as_pairs else "target"}
    if mmkd.balance != "none":
        yield "no balance", {"balance": "none"}
    if mmkd.anchor:
        yield "no anchor", {"anchor": 0.0}
    yield from ((name, {"stage2_order": order}) for order, name in ORDERS.items() if order != mmkd.stage2_order)
    yield from ((name, {"conflicts": how}) for how, name in CONFLICTS.items() if how != mmkd.conflicts)


def _stage2_of(mmkd: Mmkd) -> Strategy | None:
    """Its second stage from the untrained student; None where an option has no counterpart there."""
    shared = type(mmkd).model_fields.keys() & Stage2Only.model_fields.keys()
    alone = Stage2Only(**{name: getattr(mmkd, name) for name in shared})
    return alone if alone.stage2() == mmkd.stage2() else None
