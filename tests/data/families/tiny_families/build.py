"""Folders with configuration, weights and processor, as `from_pretrained` reads them."""

import torch
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from tiny_families import templates
from tiny_families.shapes import PATCH, SIDE, model_of
from tiny_families.tokenizers_of import byte_level, gemma_like, llama_like

SQUARE = {"height": SIDE, "width": SIDE}
GREY = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def make(family, folder, seed=0):
    """Write the family's folder and return it."""
    processor = FAMILIES[family]()
    torch.manual_seed(seed)
    model = model_of(family, processor.tokenizer)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def llava():
    from transformers import LlavaProcessor

    tokenizer = llama_like(["<image>", "<pad>"], extra_special_tokens={"image_token": "<image>"})
    images = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=SQUARE, **GREY)
    return LlavaProcessor(images, tokenizer, chat_template=templates.LLAVA, **_clip())


def llava_next():
    from transformers import LlavaNextProcessor

    tokenizer = llama_like(["<image>", "<pad>"], extra_special_tokens={"image_token": "<image>"})
    grid = [[SIDE, 2 * SIDE], [2 * SIDE, SIDE], [2 * SIDE, 2 * SIDE]]
    images = LlavaNextImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size=SQUARE, image_grid_pinpoints=grid, **GREY
    )
    return LlavaNextProcessor(images, tokenizer, chat_template=templates.LLAVA, **_clip())


def idefics3():
    from transformers import Idefics3Processor

    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    special = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>", *tiles]
    tokenizer = byte_level(special, "<|begin_of_text|>", "<|end_of_text|>")
    images = Idefics3ImageProcessorPil(size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE}, **GREY)
    return Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=templates.IDEFICS3)


def paligemma():
    from transformers import PaliGemmaProcessor

    tokenizer = gemma_like(["<image>"], extra_special_tokens={"image_token": "<image>"})
    images = SiglipImageProcessorPil(size=SQUARE, **GREY)
    images.image_seq_length = (SIDE // PATCH) ** 2
    return PaliGemmaProcessor(images, tokenizer)


def gemma3():
    from transformers import Gemma3Processor

    marks = ["<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"]
    named = {"boi_token": marks[2], "eoi_token": marks[3], "image_token": marks[4]}
    tokenizer = gemma_like(marks, extra_special_tokens=named)
    images = Gemma3ImageProcessorPil(size=SQUARE, **GREY)
    return Gemma3Processor(images, tokenizer, chat_template=templates.GEMMA3, image_seq_length=4)


def _clip():
    return {"patch_size": PATCH, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}


FAMILIES = {
    "llava": llava,
    "llava_next": llava_next,
    "idefics3": idefics3,
    "paligemma": paligemma,
    "gemma3": gemma3,
}
