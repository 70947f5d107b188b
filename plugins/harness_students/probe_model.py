"""The probe's numbers: inputs to log-odds, and a model to and from a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import TrainingError
from harness_students.inputs import Inputs

if TYPE_CHECKING:
    from torch import Tensor

    from harness_students.inputs import Vector

FILE = "probe.safetensors"
FORMAT = "harness probe 1"


@dataclass(frozen=True, slots=True)
class Model:
    """Weights, and the statistics of the training items by which inputs are standardised.

    Each part is divided by the root of its length as well, so that one cosine weighs as much as 768 numbers.
    Without a hidden layer, ``weights`` holds ``output`` (D,) and ``bias`` (1,); with one of H units,
    ``hidden`` (H, D), ``hidden_bias`` (H,), ``output`` (H,) and ``bias`` (1,).
    """

    mean: Tensor  # (D,)
    scale: Tensor  # (D,), what standardised inputs are multiplied by
    weights: Mapping[str, Tensor]

    def fits(self, row: Sequence[Vector]) -> bool:
        """Whether an item's vectors are there and as long as those trained on."""
        return sum(map(len, row)) == len(self.mean)

    def inputs(self, rows: Sequence[Sequence[Vector]]) -> Tensor:
        """Standardised inputs (N, D)."""
        return (_matrix(rows) - self.mean) * self.scale

    def logits(self, inputs: Tensor) -> Tensor:
        """Log-odds of falsified (N,) for standardised inputs (N, D)."""
        if "hidden" in self.weights:
            inputs = (inputs @ self.weights["hidden"].T + self.weights["hidden_bias"]).relu()
        return inputs @ self.weights["output"] + self.weights["bias"]

    def trainable(self) -> Model:
        """A copy whose weights collect gradients."""
        return replace(self, weights={name: value.clone().requires_grad_() for name, value in self.weights.items()})


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread, as long as this lasts.

    Matrices this small gain nothing from a second one, lose a factor of ten where cores are shared, and would
    be summed in another order: the last bits of the weights must not depend on the machine's cores.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _matrix(rows: Sequence[Sequence[Vector]]) -> Tensor:
    """(N, D)"""
    import numpy as np
    import torch

    return torch.from_numpy(np.stack([np.concatenate(row) for row in rows]))


def fresh(rows: Sequence[Sequence[Vector]], hidden: int, seed: int) -> Model:
    """An untrained model: log-odds 0 for everything, as the output layer starts at zero.

    The hidden layer is drawn uniformly from ±1 by the seed; no global random state is read or changed.
    """
    import torch

    matrix = _matrix(rows)  # (N, D)
    lengths = torch.cat([torch.full((len(part),), float(len(part))) for part in rows[0]])  # (D,)
    deviation = matrix.std(0, correction=0)
    scale = torch.where(deviation > 1e-8, deviation, 1.0).reciprocal() / lengths.sqrt()
    width = hidden or len(scale)
    weights = {"output": torch.zeros(width), "bias": torch.zeros(1)}
    if hidden:
        generator = torch.Generator().manual_seed(seed)
        # Each part of the inputs has a length of about 1, so units are of order one whatever D is.
        weights["hidden"] = torch.rand(hidden, len(scale), generator=generator) * 2 - 1
        weights["hidden_bias"] = torch.zeros(hidden)
    return Model(matrix.mean(0), scale, weights)


def save(model: Model, inputs: Inputs, folder: Path) -> None:
    """Write the model, with what it looks at, to `FILE` in the folder."""
    from safetensors.torch import save_file

    tensors = {"mean": model.mean, "scale": model.scale}
    tensors |= {f"weights.{name}": value.detach().contiguous() for name, value in model.weights.items()}
    # One key only: safetensors writes several in an order that differs from run to run.
    save_file(tensors, folder / FILE, metadata={FORMAT: repr(inputs)})


def load(inputs: Inputs, folder: Path) -> Model:
    """The model of a folder; raises `TrainingError` where it is damaged or looks at other things."""
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    try:
        with safe_open(path, framework="pt") as file:
            looked_at = (file.metadata() or {}).get(FORMAT, "something else")
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"cannot be read: {error}", place=str(path)) from None
    if looked_at != repr(inputs):
        raise TrainingError(
            f"was trained on {looked_at}, not on {inputs}",
            place=str(path),
            remedy="train and predict with the same options of probe",
        )
    weights = {name.removeprefix("weights."): value for name, value in tensors.items() if name.startswith("weights.")}
    return Model(tensors["mean"], tensors["scale"], weights)
