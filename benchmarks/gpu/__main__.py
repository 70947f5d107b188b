"""Stock TRL against the training engine on one GPU, with random weights in bfloat16: `make gpu-check`.

Prints tokens/s, share of the GPU's peak and memory of both stages, and the largest difference between losses.
With ``--small`` it tries itself out on any machine with models of a few thousand parameters. A word takes the shapes
that have it in their name.
"""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import sys
import tempfile
import warnings
from importlib import import_module
from pathlib import Path

import shapes
import torch
from trials import Outcome, fresh, largest_difference, perform, plan_of

PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40": 181e12, "4090": 165e12}
"""Dense bfloat16 operations per second, by the makers' data sheets."""

SIZE = {"train": 16, "test": 8, "batch": 8}


def main(small: bool, *words: str) -> int:
    """Ends with status 1 where there is no GPU, or losses of the two ways differ by more than bfloat16 explains."""
    if not small and not torch.cuda.is_available():
        print("There is no CUDA device: nothing was measured. `--small` tries the script out without one.")
        return 1
    warnings.filterwarnings("ignore")
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    print(f"{name}, torch {torch.__version__}")
    chosen = [shape for shape in shapes.SHAPES if all(word in shape.name for word in words)]
    if not small:
        _warm_up()
    worst = 0.0
    for shape in chosen:
        with tempfile.TemporaryDirectory(prefix="harness-gpu-") as folder:
            model = shape.make(Path(folder) / "model", small)
            worst = max(worst, _compare(shape.name, model, name))
    print(f"loss_difference={worst:.1e}")
    return int(worst > 0.05)


def _warm_up() -> None:
    """What a process pays once, imports and the device's context, is paid before anything is timed."""
    for module in ("peft", "trl.trainer.dpo_trainer", "trl.trainer.sft_trainer"):
        import_module(module)
    one = torch.ones(64, 64, device="cuda")
    torch.mm(one, one).sum().item()


def _compare(shape: str, model: Path, device: str) -> float:
    print(f"\n{shape}\n{'':<8}{'stage 1':>10}{'stage 2':>10}{'predict':>10}{'tokens/s':>20}{'peak GB':>16}{'MFU':>14}")
    operations = _operations(model)
    peak = next((value for key, value in PEAK.items() if key in device), None)
    outcomes = []
    for name, engine in (("stock", "off"), ("ours", "on")):
        outcomes.append(outcome := _run(model, engine))
        seconds = "".join(f"{outcome.stages[stage]:>8.1f} s" for stage in ("stage 1", "stage 2", "predict"))
        rates = [sum(rate) / len(rate) for rate in _measured(outcome, "tokens_per_second")]
        memory = [max(peaks) / 1e9 for peaks in _measured(outcome, "peak_bytes")]
        shares = [f"{rate * operations / peak:.1%}" if peak else "-" for rate in rates]
        print(
            f"{name:<8}{seconds}{_pair(rates, '.0f'):>20}{_pair(memory, '.1f'):>16}{' / '.join(shares):>14}", flush=True
        )
    stock, ours = outcomes
    ratios = "  ".join(f"{stage} {stock.stages[stage] / ours.stages[stage]:.2f} x" for stage in stock.stages)
    print(f"stock / ours: {ratios}", flush=True)
    return largest_difference(stock, ours)


def _run(model: Path, engine: str) -> Outcome:
    strategies = {"mmkd": "mmkd"}
    plan = plan_of(
        model=str(model), engine=engine, strategies=strategies, fractions=[0.25], seeds=[0], dtype="bfloat16", **SIZE
    )
    with fresh() as store:
        return perform(plan, store)


def _measured(outcome: Outcome, name: str) -> list[list[float]]:
    """One list for each training; the first step, in which kernels are made ready, is left out."""
    return [[line[name] for line in lines if name in line][1:] or [0.0] for lines in outcome.measured]


def _pair(values: list[float], form: str) -> str:
    return " / ".join(format(value, form) for value in values)


def _operations(model: Path) -> float:
    """Of one trained token: forward and the backward of activations, 2 + 2 per weight of the language model.

    Weights are frozen, so their own gradients are not computed; what is computed twice (checkpoints) counts once.
    """
    from transformers import AutoConfig

    text = AutoConfig.from_pretrained(model).get_text_config()
    width, inner = text.hidden_size, text.intermediate_size
    return 4.0 * (text.num_hidden_layers * (4 * width**2 + 3 * width * inner) + text.vocab_size * width)


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main("--small" in given, *(word for word in given if word != "--small")))
