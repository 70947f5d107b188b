"""How much faster the training engine is than stock TRL with the same losses: `make bench-engine`.

Ends with status 1 where losses differ by more than 1e-5 or an answer differs.
"""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

from matrices import Comparison, compare
from shapes import SHAPES, proportion
from stages import Timing, timings

from harness_benchmarks.newsworld import NewsWorld
from harness_students.vlm_text import PROMPT, prompt_text

MECHANISMS = ("features", "reference", "prefix", "head", "tokens")
CLOSE = 1e-5
SMALL = {"train": 112, "test": 24, "batch": 8}


def main(rounds: int = 1) -> int:
    """Tables of single stages for both shapes and of a whole matrix for the tiled one; the last line sums up."""
    warnings.filterwarnings("ignore")
    item = NewsWorld().items("train")[0]
    with tempfile.TemporaryDirectory(prefix="harness-shapes-") as folder:
        models = {shape.name: shape.make(Path(folder) / shape.name) for shape in SHAPES}
        found = {}
        for shape in SHAPES:
            share = proportion(models[shape.name], item.image.open(), prompt_text(PROMPT, item.caption))
            found[shape.name] = timings(models[shape.name], MECHANISMS, rounds, **SMALL)
            show(f"{shape.name}, like {shape.like}: vision / language = {share:.2g}", found[shape.name])
        whole = compare(models["tiled"], **SMALL, fractions=(0.1, 0.2), seeds=(0, 1))
        show_matrix(whole)
    return summary(found, whole)


def show(title: str, rows: Sequence[Timing]) -> None:
    """Seconds and speed-up of each stage, for each way."""
    stock = rows[0].stages
    print(f"\n{title}\n{'':<12}" + "".join(f"{stage:>22}" for stage in stock) + f"{'loss difference':>18}")
    for row in rows:
        cells = "".join(f"{row.stages[stage]:>12.2f} s {stock[stage] / row.stages[stage]:>6.2f} x" for stage in stock)
        print(f"{row.name:<12}{cells}{row.difference:>18.1e}", flush=True)


def show_matrix(whole: Comparison) -> None:
    """The three ways of running the same cells."""
    print(f"\n{whole.cells} cells of the tiled shape")
    for name, seconds in (("loop, nothing shared", whole.naive), ("stages shared", whole.shared), ("ours", whole.ours)):
        print(f"{name:<24}{seconds:>9.1f} s {seconds / whole.ours:>7.2f} x")
    print(f"answers with the same words: {whole.equal_answers:.1%}", flush=True)


def summary(found: dict[str, list[Timing]], whole: Comparison) -> int:
    """The line that machines read; the tiled shape's stages."""
    stock, best = found["tiled"][0].stages, found["tiled"][-1].stages
    first, second = (stock[stage] / best[stage] for stage in ("stage 1", "stage 2"))
    apart = max(whole.loss_difference, *(row.difference for rows in found.values() for row in rows))
    print(
        f"\nmatrix_vs_naive={whole.naive / whole.ours:.2f} matrix_vs_shared={whole.shared / whole.ours:.2f}"
        f" stage1_vs_trl={first:.2f} stage2_vs_trl={second:.2f} loss_difference={apart:.1e}"
    )
    return int(apart > CLOSE or whole.equal_answers < 1)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
