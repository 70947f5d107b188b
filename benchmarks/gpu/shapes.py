"""Published students' configurations with random weights: as large as the real ones, and nothing to download."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from tiny_families.build import GREY
from tiny_families.templates import IDEFICS3, LLAVA
from tiny_families.tokenizers_of import byte_level, llama_like
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil


@dataclass(frozen=True, slots=True)
class Shape:
    """A student by its published name, and how its folder is made."""

    name: str
    make: Callable[[Path, bool], Path]


def llava_next_7b(folder: Path, small: bool) -> Path:
    """LLaVA-v1.6-Vicuna-7B: CLIP ViT-L/14 at 336 pixels, Llama with 32 layers of width 4,096."""
    side, patch = (28, 14) if small else (336, 14)
    tokenizer = llama_like(["<image>", "<pad>"], extra_special_tokens={"image_token": "<image>"})
    grid = [[side, 2 * side], [2 * side, side], [2 * side, 2 * side]]
    square = {"height": side, "width": side}
    images = LlavaNextImageProcessorPil(
        size={"shortest_edge": side}, crop_size=square, image_grid_pinpoints=grid, **GREY
    )
    processor = transformers.LlavaNextProcessor(
        images,
        tokenizer,
        chat_template=LLAVA,
        patch_size=patch,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    vision = _sizes(small, hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16)
    text = _sizes(small, hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32)
    config = transformers.LlavaNextConfig(
        vision_config=transformers.CLIPVisionConfig(**vision, image_size=side, patch_size=patch, projection_dim=768),
        text_config=transformers.LlamaConfig(**text, **_words(tokenizer, 0 if small else 32_064)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=grid,
        image_seq_length=(side // patch) ** 2,
    )
    return _write(folder, config, processor)


def tiled_2b(folder: Path, small: bool) -> Path:
    """SmolVLM2-2.2B: SigLIP-so400m on tiles of 384 pixels (Idefics3's way of tiling), Llama with 24 layers of 2,048."""
    side, scale = (28, 1) if small else (378, 3)
    marks = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    special = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>", *marks]
    tokenizer = byte_level(special, "<|begin_of_text|>", "<|end_of_text|>")
    images = Idefics3ImageProcessorPil(size={"longest_edge": 2 * side}, max_image_size={"longest_edge": side}, **GREY)
    processor = transformers.Idefics3Processor(
        images, tokenizer, image_seq_len=(side // 14 // scale) ** 2, chat_template=IDEFICS3
    )
    vision = _sizes(small, hidden_size=1152, intermediate_size=4304, num_hidden_layers=27, num_attention_heads=16)
    text = _sizes(small, hidden_size=2048, intermediate_size=8192, num_hidden_layers=24, num_attention_heads=32)
    config = transformers.Idefics3Config(
        vision_config={**vision, "image_size": side, "patch_size": 14},
        text_config=transformers.LlamaConfig(**text, **_words(tokenizer, 0 if small else 49_280)),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=scale,
        pad_token_id=tokenizer.pad_token_id,
    )
    return _write(folder, config, processor)


def _sizes(small: bool, **sizes: int) -> Mapping[str, int]:
    """The published sizes, or a few thousand parameters to try the script with."""
    tiny = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return tiny if small else sizes


def _words(tokenizer: Any, vocabulary: int) -> Mapping[str, Any]:
    return {
        "vocab_size": max(vocabulary, len(tokenizer)),
        "max_position_embeddings": 4096,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }


def _write(folder: Path, config: Any, processor: Any) -> Path:
    with torch.device("meta"):
        model = transformers.AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.save_pretrained(folder, state_dict=_drawn(model))
    processor.save_pretrained(folder)
    return folder


def _drawn(model: Any) -> Mapping[str, torch.Tensor]:
    """Weights drawn on the device: a processor needs minutes for billions of them."""
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"

    def drawn(name: str, shape: torch.Size) -> torch.Tensor:
        if len(shape) == 1 and name.endswith((".weight", ".bias")):
            return torch.full(shape, float(name.endswith(".weight")), dtype=torch.bfloat16)
        return (0.02 * torch.randn(shape, device=device)).to("cpu", torch.bfloat16)

    return {name: drawn(name, weight.shape) for name, weight in model.state_dict().items()}


SHAPES = (Shape("LLaVA-v1.6-7B", llava_next_7b), Shape("SmolVLM2-2.2B", tiled_2b))
