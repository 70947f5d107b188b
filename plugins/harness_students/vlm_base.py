"""A vision-language base: loaded once per worker, branched for every training and prediction."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

from harness.api import MissingDependency, TrainingError, sha256_of
from harness_students.vlm_loading import Loading, read

Model = Any
"""A model of transformers or peft; they carry no types that hold for all families."""
Processor = Any
"""A processor or tokenizer of transformers."""

PACKAGES = ("torch", "transformers", "peft", "trl", "datasets", "accelerate", "safetensors")
OUTSIDE = ("vision", "visual", "projector", "connector", "merger")
"""Words in the names of modules that LoRA must leave alone."""


@dataclass(frozen=True)
class Base:
    """A model and its processor. Their weights are shared by all branches and written by none."""

    model: Model
    processor: Processor
    digest: str = ""
    """Of the weights, or of what names them."""
    sharded: bool = False
    """Whether the weights are divided over the ranks of one training, for which alone it was loaded."""

    def branch(self) -> Model:
        """The model with its own modules over the same weights; a sharded one, which cannot be copied, itself.

        Trainers patch forward methods and adapters replace layers; what they do to a branch ends with it.
        """
        if self.sharded:
            _hold_vision_still(self.model)
            return self.model
        shared = {id(tensor): tensor for tensor in chain(self.model.parameters(), self.model.buffers())}
        branched = copy.deepcopy(self.model, shared)
        _hold_vision_still(branched)
        return branched


def _hold_vision_still(model: Model) -> None:
    """Let no gradient into the vision side, where nothing is trained.

    Under gradient checkpointing transformers makes every embedding's output require a gradient, the picture's patches
    too: the frozen tower would be run twice and go through a whole backward pass for nothing.
    """
    import torch

    for module in model.modules():
        if hasattr(module, "get_image_features"):
            module.get_image_features = torch.no_grad()(module.get_image_features)


def require_packages(student: str) -> None:
    """Raise `MissingDependency` unless everything that training needs is installed."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise MissingDependency(
            f"needs {', '.join(missing)}", place=f"student {student}", remedy="pip install 'ooc-harness[train]'"
        )


def load_base(model: str, dtype: str, digest: str = "", loading: Loading | None = None) -> Base:
    """Read model and processor, frozen and in evaluation mode; ``digest`` is of their files, where it is known."""
    how = loading or Loading()
    loaded, processor = read(model, dtype, how)
    told = f"{digest or _weights_sha256(loaded)}{how.differs}"
    return Base(loaded.requires_grad_(False).eval(), processor, told, how.shards > 1)


def _weights_sha256(model: Model) -> str:
    """Of all parameters and buffers, by name and value."""
    import torch

    parts = []
    for name, tensor in chain(model.named_parameters(), model.named_buffers()):
        whole = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
        flat = whole.detach().cpu().contiguous().view(-1).view(torch.uint8)
        parts.append(f"{name} {sha256(flat.numpy()).hexdigest()}")
    return sha256_of("\n".join(parts).encode())


def open_adapter(base: Base, folder: Path, trainable: bool = False) -> Model:
    """A branch of the base with the adapter of an earlier training on it."""
    from peft import PeftModel

    with quiet_peft():
        return PeftModel.from_pretrained(base.branch(), str(folder), is_trainable=trainable)


@contextmanager
def evaluating(model: Model) -> Iterator[None]:
    """The model in evaluation mode, and afterwards in the mode that it was in."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Keep away a notice about a name that peft asks transformers for, which no user can mend."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def adapted_modules(model: Model) -> list[str]:
    """Names of the modules that carry LoRA; raises `TrainingError` where one is no part of the language model."""
    names = sorted({name.partition(".lora_A.")[0] for name, _ in model.named_parameters() if ".lora_A." in name})
    strays = [name for name in names if any(word in name for word in OUTSIDE)]
    if strays:
        raise TrainingError(
            f"LoRA would touch the vision side: {strays[0]} and {len(strays) - 1} more",
            place="adapter_off_vision",
            remedy="narrow the student's option 'lora_targets' to the language model",
        )
    return names


def adapter_sha256(model: Model, adapter: str = "default") -> str:
    """Digest of an adapter's weights, by name and value."""
    import torch

    parts = []
    for name, weight in sorted(model.named_parameters()):
        if f".{adapter}." in name:
            parts.append(name.replace(f".{adapter}.", ".").encode())
            parts.append(weight.detach().to("cpu", torch.float32).numpy().tobytes())
    return sha256_of(b"\0".join(parts))
