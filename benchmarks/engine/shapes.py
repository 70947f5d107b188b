"""Students with random weights in the proportions of published ones, small enough for two cores.

What decides where the time goes is how the vision side's work compares with the language model's (V/F, for one
picture and one answer): 8 in SmolVLM-256M with 13 tiles, 0.03 to 0.05 in LLaVA-7B.
"""

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
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

PATCH = 8
TILE = 64
PICTURE = 48


@dataclass(frozen=True, slots=True)
class Shape:
    """A model's name in the tables and how its folder is made."""

    name: str
    like: str
    make: Callable[[Path], Path]


def _text(tokenizer: Any, width: int, layers: int) -> Mapping[str, Any]:  # noqa: ANN401
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "intermediate_size": 3 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // 32,
        "num_key_value_heads": width // 64,
        "max_position_embeddings": 2048,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "initializer_range": 0.05,
    }


def _vision(width: int, layers: int, side: int) -> Mapping[str, Any]:
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // 32,
        "image_size": side,
        "patch_size": PATCH,
    }


def _write(folder: Path, model: Any, processor: Any) -> Path:  # noqa: ANN401
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def tiled(folder: Path) -> Path:
    """Idefics3: four tiles and the whole picture, each 64 patches of which 16 tokens are made."""
    marks = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    special = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>", *marks]
    tokenizer = byte_level(special, "<|begin_of_text|>", "<|end_of_text|>")
    images = Idefics3ImageProcessorPil(size={"longest_edge": 2 * TILE}, max_image_size={"longest_edge": TILE}, **GREY)
    processor = transformers.Idefics3Processor(images, tokenizer, image_seq_len=16, chat_template=IDEFICS3)
    torch.manual_seed(0)
    config = transformers.Idefics3Config(
        vision_config=_vision(160, 4, TILE),
        text_config=transformers.LlamaConfig(**_text(tokenizer, 64, 3)),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
    )
    return _write(folder, transformers.Idefics3ForConditionalGeneration(config), processor)


def llava(folder: Path) -> Path:
    """LLaVA: one picture of 36 patches before a language model that does nearly all the work."""
    tokenizer = llama_like(["<image>", "<pad>"], extra_special_tokens={"image_token": "<image>"})
    square = {"height": PICTURE, "width": PICTURE}
    images = CLIPImageProcessorPil(size={"shortest_edge": PICTURE}, crop_size=square, **GREY)
    processor = transformers.LlavaProcessor(
        images,
        tokenizer,
        chat_template=LLAVA,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    torch.manual_seed(0)
    config = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(**_vision(64, 3, PICTURE), projection_dim=64),
        text_config=transformers.LlamaConfig(**_text(tokenizer, 192, 4)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(PICTURE // PATCH) ** 2,
    )
    return _write(folder, transformers.LlavaForConditionalGeneration(config), processor)


SHAPES = (
    Shape("tiled", "SmolVLM-256M", tiled),
    Shape("llava", "LLaVA-7B", llava),
)


def proportion(model: Path, picture: Any, text: str) -> float:  # noqa: ANN401
    """Floating-point operations of the vision side over those of the language model, for one row."""
    from torch.utils.flop_counter import FlopCounterMode

    loaded = transformers.AutoModelForImageTextToText.from_pretrained(model).eval()
    processor = transformers.AutoProcessor.from_pretrained(model)
    content = [{"type": "image"}, {"type": "text", "text": text}]
    prompt = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    batch = processor(text=[prompt], images=[[picture]], return_tensors="pt", add_special_tokens=False)
    pixels = {key: value for key, value in batch.items() if key.startswith("pixel")}
    with torch.no_grad(), FlopCounterMode(display=False) as seen:
        loaded.get_image_features(**pixels)
    with torch.no_grad(), FlopCounterMode(display=False) as all_of_it:
        loaded(**batch)
    vision = seen.get_total_flops()
    return vision / (all_of_it.get_total_flops() - vision)
