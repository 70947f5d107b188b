"""Which preference pairs each arm was trained on: classes, lengths, voices, and whether style tells them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import nan
from typing import TYPE_CHECKING, Any

from harness.columns import PAIR_COLUMNS, VOICE_COLUMNS
from harness.plan import Cell, Plan
from harness.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame

Facts = Mapping[str, Any]


def pairs_table(plan: Plan, store: Store) -> DataFrame:
    """`harness.columns.PAIR_COLUMNS`: a row per cell and training that has preferences."""
    import pandas as pd

    found = [{**where, **_numbers(facts)} for where, facts in _trainings(plan, store)]
    return pd.DataFrame(found, columns=list(PAIR_COLUMNS)).astype({"seed": "Int64"})


def voices_table(plan: Plan, store: Store) -> DataFrame:
    """`harness.columns.VOICE_COLUMNS`: a row per such training and teacher whose words are in its pairs."""
    import pandas as pd

    found = [
        {**where, "teacher": teacher, "chosen": chosen, "rejected": rejected}
        for where, facts in _trainings(plan, store)
        for teacher, (chosen, rejected) in facts["sources"].items()
    ]
    return pd.DataFrame(found, columns=list(VOICE_COLUMNS)).astype({"seed": "Int64"})


def _trainings(plan: Plan, store: Store) -> Iterator[tuple[dict[str, Any], Facts]]:
    """Arm, seed and place of each stored training with preferences, and what its manifest says of them."""
    for cell in (cell for cell in plan.cells if cell.point.arm not in plan.apart):
        for place, key in enumerate(_chain(plan, cell), 1):
            facts = store.manifest("train", key)["facts"].get("pairs") if store.has("train", key) else None
            if facts:
                yield {"arm": cell.point.arm, "seed": cell.point.seed, "training": place}, facts


def _chain(plan: Plan, cell: Cell) -> list[str]:
    """The cell's training steps, first to be done first."""
    found, key = list[str](), cell.model
    while key:
        found.append(key)
        key = plan.steps[key].inputs.get("start")
    return found[::-1]


def _numbers(facts: Facts) -> dict[str, float]:
    style = facts["style"] or {}
    ratio = facts["length_ratio"]
    return {
        **{name: facts[name] for name in ("preferences", "other_image", "pairs", "same_words")},
        "falsified_share": facts["chosen_falsified"] / facts["preferences"],
        "chosen_words": facts["chosen_words"],
        "rejected_words": facts["rejected_words"],
        "length_ratio": nan if ratio is None else ratio,
        "style_pairs": style.get("pairs", 0),
        "style_auroc": style.get("auroc", nan),
        "style_auroc_low": style.get("low", nan),
        "style_auroc_high": style.get("high", nan),
    }
