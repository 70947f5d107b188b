"""A student that is a forest of boosted trees on features and similarities: the strong cheap baseline."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from harness.api import (
    Accepts,
    Example,
    Item,
    MissingDependency,
    Objective,
    Prediction,
    Student,
    Target,
    TrainingError,
    Workbench,
    hookimpl,
    sha256_of,
)
from harness_students import boosting_text
from harness_students.featured import UNTRAINED, Featured
from harness_students.inputs import Part

if TYPE_CHECKING:
    from harness_students.inputs import Vector

FILE = "boosting.txt"
"""LightGBM's own text form."""

INPUTS = "boosting.json"
"""What the trees look at."""


class Boosting(Featured):
    """Gradient-boosted trees (LightGBM) on the similarities of image, caption and evidence, and on further features.

    It learns targets, hard or soft, and no preferences; with weights. A training that has a start adds its trees to
    those of the start. Its base has seen nothing and says 0.5 for every item (falsified, as ties are).
    """

    name = "boosting"

    parts: tuple[Part, ...] = Field(default=("similarities",), min_length=1)
    trees: int = Field(default=100, ge=1, le=10_000)
    """Trees of a training, where the recipe names no epochs: each looks at every example once."""
    leaves: int = Field(default=8, ge=2, le=1024)
    """Leaves of a tree at most."""
    lr: float = Field(default=0.05, gt=0)
    """How much of each tree is added, where the recipe does not say."""
    least: int = Field(default=5, ge=1)
    """Examples in a leaf at least; a fourth of the examples where that is fewer."""
    columns: float = Field(default=0.3, gt=0, le=1)
    """Share of the numbers that a tree may look at, drawn by the seed."""
    l2: float = Field(default=1.0, ge=0)
    """How strongly the leaves' values are held to zero."""

    def accepts(self) -> frozenset[Accepts]:
        """Targets, hard or soft, with weights."""
        return frozenset({Accepts.TARGETS, Accepts.SOFT_TARGETS, Accepts.WEIGHTS})

    def train(
        self,
        items: Mapping[str, Item],
        examples: Sequence[Example],
        objective: Objective,
        start: Path | None,
        bench: Workbench,
    ) -> None:
        """Train on the examples whose items have the features; without any, the start is written again."""
        _require()
        ordered = [items[key] for key in sorted(items)]
        rows = {item.id: row for item, row in self._rows(ordered, bench)}
        length = sum(map(len, self._usable(list(rows.values()))[0]))
        forest = self._load(start) if start else None
        if forest and forest.features != length:
            raise TrainingError(
                f"looks at {forest.features} numbers, and the training items have {length}", place=str(start)
            )
        learnt = [target for target in _targets(examples) if rows[target.item_id]]
        text = forest.text if forest else ""
        if learnt:
            text = self._fit([rows[example.item_id] for example in learnt], learnt, objective, text, bench)
        bench.prove(
            examples=len(learnt),
            examples_left_out=len(examples) - len(learnt),
            start_sha256=sha256_of((start / FILE).read_bytes()) if start else UNTRAINED,
            trees=boosting_text.read(text).trees if text else 0,
        )
        if not text:
            raise TrainingError("none of the examples has usable features", place=self.name)
        (bench.out / FILE).write_text(text, encoding="utf-8")
        (bench.out / INPUTS).write_text(json.dumps({"inputs": repr(self._inputs)}) + "\n", encoding="utf-8")

    def predict(self, items: Sequence[Item], model: Path | None, bench: Workbench) -> Iterator[Prediction]:
        """Probabilities of the trees; an item without the features is an ``error``."""
        forest = self._load(model) if model else None
        booster = _booster(forest.text) if forest else None
        for item, row in self._rows(items, bench):
            fits = sum(map(len, row)) == forest.features if forest else bool(row)
            yield self._said(item, (_probability(booster, row) if booster else 0.5) if fits else None)

    def _fit(
        self,
        rows: Sequence[Sequence[Vector]],
        examples: Sequence[Target],
        objective: Objective,
        start: str,
        bench: Workbench,
    ) -> str:
        """The trees of the start and the new ones, as text."""
        import lightgbm
        import numpy as np

        settings = self._settings(len(rows), objective, bench.seed)
        data = lightgbm.Dataset(
            np.stack([np.concatenate(row) for row in rows]),
            label=np.array([_probability_of(example) for example in examples]),
            weight=np.array([example.weight for example in examples]),
            params=settings,
            free_raw_data=False,
        )
        losses: dict[str, dict[str, list[float]]] = {}
        try:
            made = lightgbm.train(
                settings,
                data,
                num_boost_round=math.ceil(objective.epochs or self.trees),
                init_model=_booster(start) if start else None,
                valid_sets=[data],
                valid_names=["training"],
                callbacks=[lightgbm.record_evaluation(losses)],
            )
        except lightgbm.basic.LightGBMError as error:
            raise TrainingError(f"LightGBM gives up: {error}", place=self.name) from error
        found = losses.get("training", {}).get(boosting_text.OBJECTIVE, [])
        for step, loss in enumerate(found, 1):
            if step % 10 == 0 or step == len(found):
                bench.log(step=step, loss=loss)
        text: str = made.model_to_string()
        return text

    def _settings(self, examples: int, objective: Objective, seed: int) -> dict[str, Any]:
        return {
            "objective": boosting_text.OBJECTIVE,
            "metric": boosting_text.OBJECTIVE,
            "learning_rate": objective.lr or self.lr,
            "num_leaves": self.leaves,
            "min_data_in_leaf": max(1, min(self.least, examples // 4)),
            "min_data_in_bin": 1,
            "feature_fraction": self.columns,
            "lambda_l2": self.l2,
            "seed": seed,
            # One thread and rows one after the other: sums are the same on every machine.
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }

    def _load(self, folder: Path) -> boosting_text.Forest:
        """The forest of a folder; raises `TrainingError` where it is damaged or looks at other things."""
        path = folder / FILE
        try:
            with path.open(encoding="utf-8") as file:
                forest = boosting_text.read(file.read(boosting_text.LARGEST + 1))
            with (folder / INPUTS).open("rb") as inputs:
                looked_at = json.loads(inputs.read(100_000))["inputs"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise TrainingError(f"cannot be read: {error}", place=str(path)) from None
        if looked_at != repr(self._inputs):
            raise TrainingError(
                f"was trained on {looked_at!s:.500}, not on {self._inputs}",
                place=str(path),
                remedy="train and predict with the same options of boosting",
            )
        return forest


def _require() -> None:
    if find_spec("lightgbm") is None:
        raise MissingDependency(
            "needs lightgbm", place="student boosting", remedy="pip install 'ooc-harness[boosting]'"
        )


def _booster(text: str) -> Any:  # noqa: ANN401 - LightGBM's, without types
    _require()
    import lightgbm

    return lightgbm.Booster(model_str=text)


def _probability(booster: Any, row: Sequence[Vector]) -> float:  # noqa: ANN401 - LightGBM's, without types
    import numpy as np

    found = float(booster.predict(np.concatenate(row)[None], num_threads=1)[0])
    return min(max(found, 0.0), 1.0)


def _probability_of(target: Target) -> float:
    if target.p_falsified is not None:
        return target.p_falsified
    if target.verdict is None:
        raise TrainingError(f"item {target.item_id}: a target has neither verdict nor p_falsified", place="boosting")
    return float(target.verdict == "falsified")


def _targets(examples: Sequence[Example]) -> Iterator[Target]:
    """Those that ask for a verdict."""
    for example in examples:
        if not isinstance(example, Target):
            raise TrainingError(f"item {example.item_id}: boosting learns no preferences", place="boosting")
        if example.task == "verdict":
            yield example


@hookimpl
def harness_students() -> list[type[Student]]:
    """Boosted trees."""
    return [Boosting]
