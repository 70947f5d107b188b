"""Model and processor as they are read from a folder or the hub, with what the options say of them."""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from harness.api import MissingDependency, TrainingError
from harness_students.families import Family, family_of, require_torchvision
from harness_students.vlm_prefix import tell_answers_apart
from harness_students.vlm_template import settle_template
from harness_students.vlm_tiles import bound_edge, bound_tiles

Model = Any
Processor = Any

SHIPPED = "tiny_llava"
"""The base that comes with this package, by the name of its folder."""

Device = Literal["auto", "cpu", "cuda"]
Quantize = Literal["none", "8bit", "4bit"]
Attention = Literal["auto", "eager", "sdpa", "flash_attention_2"]


@dataclass(frozen=True, slots=True)
class Loading:
    """How a base is read; see the student's options of these names."""

    quantize: Quantize = "none"
    device: Device = "auto"
    attention: Attention = "auto"
    image_tiles: int | None = None
    longest_edge: int | None = None
    shards: int = 1
    """Ranks over which it is divided; each reads its part."""
    split: bool = False
    """Whether its layers lie on all devices that there are, some on each."""

    @property
    def differs(self) -> str:
        """What makes another model of the same files; empty where nothing does."""
        said = {"quantize": self.quantize, "image_tiles": self.image_tiles, "longest_edge": self.longest_edge}
        return "".join(f" {name}={value}" for name, value in said.items() if value not in (None, "none"))


def located(model: str) -> str:
    """Where a model lies: a folder or hub id as it is, the one that comes with this package beside this file."""
    return str(Path(__file__).with_name(SHIPPED)) if model == SHIPPED else model


def read(model: str, dtype: str, loading: Loading) -> tuple[Model, Processor]:
    """Read both; nothing that comes with the model is executed."""
    # Read when the packages are imported, so it must be said before.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    _refuse_pickles(model)
    try:
        model_type = _model_type(model)
        require_torchvision(model, model_type)
        device = _device(loading)
        loaded = _read_model(model, dtype, device, loading, family_of(model_type))
        processor = _read_processor(model)
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"cannot load {model!r} as an image-text-to-text model: {str(error).splitlines()[0]}",
            remedy="give the folder or the hub id of a transformers model such as LLaVA",
        ) from error
    except ImportError as error:
        raise MissingDependency(f"the processor of {model!r} needs more packages: {error}") from error
    _settle(model, loaded, processor, loading)
    return loaded, processor


def _refuse_pickles(model: str) -> None:
    folder = Path(model)
    if not folder.is_dir() or any(folder.glob("*.safetensors")):
        return
    pickled = sorted(file.name for pattern in ("*.bin", "*.pt", "*.pth") for file in folder.glob(pattern))
    if pickled:
        raise TrainingError(
            f"cannot load {model!r}: its weights are pickled ({pickled[0]}), and a pickle can execute anything",
            remedy="write them as safetensors where you trust them: save_pretrained of transformers does",
        )


def _model_type(model: str) -> str:
    from transformers import AutoConfig

    found: str = AutoConfig.from_pretrained(model, trust_remote_code=False).model_type
    return found


def _device(loading: Loading) -> str:
    import torch

    if loading.quantize != "none" and find_spec("bitsandbytes") is None:
        raise MissingDependency("the option 'quantize' needs bitsandbytes", remedy="pip install 'ooc-harness[quant]'")
    device = loading.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("torch finds no CUDA device", remedy="set the student's option 'device' to cpu or auto")
    if loading.quantize != "none" and device != "cuda":
        raise TrainingError(
            "a quantized base needs a CUDA device", remedy="set the student's option 'quantize' to none"
        )
    return device


def _read_model(model: str, dtype: str, device: str, loading: Loading, family: Family | None) -> Model:
    import torch
    from transformers import AutoModelForImageTextToText

    more: dict[str, object] = {}
    if loading.attention != "auto":
        more["attn_implementation"] = loading.attention
    if loading.quantize != "none":
        more |= {"quantization_config": quantization(loading.quantize, dtype, family), "device_map": {"": device}}
    placed = loading.quantize != "none"
    if loading.shards > 1:
        more["distributed_config"], placed = _sharding(loading.shards, device), True
    elif loading.split and device == "cuda":
        more["device_map"], placed = "auto", True
    # Weights are a stranger's: safetensors cannot execute, and no code comes along with a model.
    loaded = AutoModelForImageTextToText.from_pretrained(
        model, dtype=getattr(torch, dtype), use_safetensors=True, trust_remote_code=False, **more
    )
    return loaded if placed else loaded.to(device)


def _sharding(ranks: int, device: str) -> object:
    import torch

    if device == "cuda" and torch.cuda.device_count() < ranks:
        raise TrainingError(
            f"a base cannot be sharded over {ranks} devices where there are {torch.cuda.device_count()}",
            place="shard",
            remedy="Set the student's option 'gpus' to what a worker is given, or 'shard' to false.",
        )
    # It warns of rules for models without a vision side, and torch of what nobody does to what comes out.
    logging.getLogger("transformers.distributed.mixin").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", "FSDP2-wrapped module", UserWarning)
    try:
        from transformers.distributed import DistributedConfig

        return DistributedConfig(fsdp_size=ranks)
    except (ImportError, TypeError) as error:
        raise MissingDependency(
            "the option 'shard' needs a newer transformers", remedy="pip install 'transformers>=5.23'"
        ) from error


def quantization(bits: Quantize, dtype: str, family: Family | None) -> object:
    """The language model's blocks alone: the vision side is small, and its features are kept in the base's type.

    peft's preparation for such bases is left out: it would hold all that is not quantized, the vision side with it,
    in float32, and send gradients through the vision tower.
    """
    import torch
    from transformers import BitsAndBytesConfig

    if family is None:
        raise TrainingError("only families with a preset can be quantized")
    kept = [*family.outside, "lm_head"]
    if bits == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=kept)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, dtype),
        llm_int8_skip_modules=kept,
    )


def _read_processor(model: str) -> Processor:
    from transformers import AutoProcessor

    # Through AutoProcessor Pillow stands in for torchvision without a notice; naming the class would print one.
    processor = AutoProcessor.from_pretrained(model, trust_remote_code=False)
    if processor.tokenizer.pad_token is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    return processor


def _settle(name: str, model: Model, processor: Processor, loading: Loading) -> None:
    """What the family needs, what the options ask for, and greedy answers that end where answers end."""
    from transformers import GenerationConfig

    family = family_of(model.config.model_type)
    if family and family.answers_apart:
        tell_answers_apart(processor)
    if loading.image_tiles:
        bound_tiles(model, processor, family, loading.image_tiles)
    if loading.longest_edge:
        bound_edge(model, processor, family, loading.longest_edge)
    given = model.generation_config
    ends = given.eos_token_id
    ends = settle_template(name, processor, family, [ends] if isinstance(ends, int) else ends or [])
    # Published settings sample, or punish repetition, and change what a verdict's probability is.
    model.generation_config = GenerationConfig(
        bos_token_id=given.bos_token_id,
        pad_token_id=processor.tokenizer.pad_token_id,
        eos_token_id=ends,
        cache_implementation=given.cache_implementation,
    )
