"""A trained vision-language student for others: its adapter as peft loads it, or one model merged with its base."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import Exported, TrainingError
from harness_students.vlm_base import Base, Model, Processor, open_adapter, quiet_peft
from harness_students.vlm_text import answer_text, asked_with_image, prompt_text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from torch import Tensor

CONFIG = "adapter_config.json"

# Merging rounds weights to their type. Log-probabilities may differ by that, and by no more.
LIMITS = {"float32": 1e-3, "bfloat16": 0.2, "float16": 0.05}

LIKELY = 0.01
"""Tokens with a smaller probability are not compared: their log-probabilities are noise."""

CAPTIONS = ("A crowd in Oslo", "Rescuers search a river after the storm of 2019", "{caption} in context?")
PLACES = 8
"""Places at the end of the text at which next tokens are compared."""


def base_name(model: str) -> str:
    """The base's hub id, or the name of its folder."""
    return Path(model).name if Path(model).is_absolute() or Path(model).exists() else model


def name_base(folder: Path, base: str) -> None:
    """Say in the adapter's settings what its base is called."""
    path = folder / CONFIG
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings["base_model_name_or_path"] = base
    path.write_text(json.dumps(settings, indent=2, sort_keys=True), encoding="utf-8")


def merge(base: Base, adapter: Path, out: Path, prompt: str) -> float:
    """Write one model without adapter, with its processor; the largest difference in log-probability of the two.

    The file that was written is what is compared. Raises `TrainingError` where the difference is too large.
    """
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    if getattr(base.model, "hf_quantizer", None) is not None:
        raise TrainingError(
            "the base is held quantised, and what is merged with it would be rounded once more",
            remedy="export the adapter, or name the base without quantisation",
        )
    before = log_probs(base.processor, open_adapter(base, adapter).eval(), prompt)
    with quiet_peft():
        # Merging writes into weights, and the base's are shared.
        merged = PeftModel.from_pretrained(copy.deepcopy(base.model), str(adapter)).merge_and_unload(safe_merge=True)
    merged.save_pretrained(str(out), safe_serialization=True)
    base.processor.save_pretrained(str(out))
    del merged
    written = AutoModelForImageTextToText.from_pretrained(
        str(out), dtype=base.model.dtype, use_safetensors=True, trust_remote_code=False
    ).to(base.model.device)
    return _agreed(
        before, log_probs(base.processor, written.eval(), prompt), str(base.model.dtype).removeprefix("torch.")
    )


def _agreed(before: Tensor, after: Tensor, dtype: str) -> float:
    difference = float((before - after)[before.exp() >= LIKELY].abs().max())
    if not difference <= LIMITS[dtype]:
        raise TrainingError(
            f"the merged model's log-probabilities differ by up to {difference:.3g} from the adapter's,"
            f" more than the {LIMITS[dtype]:g} that rounding to {dtype} explains",
            remedy="export the adapter without --merged",
        )
    return difference


def log_probs(processor: Processor, model: Model, prompt: str) -> Tensor:
    """Log-probabilities (C, `PLACES`, V) of the next token at the end of answers to some captions, in float32."""
    import torch

    picture = _picture()
    found = []
    for caption in CAPTIONS:
        question = processor.apply_chat_template(
            asked_with_image(prompt_text(prompt, caption)), add_generation_prompt=True, tokenize=False
        )
        inputs = processor(
            text=[f"{question} {answer_text('falsified', 'So it is said.', 'rationale-first')}"],
            images=[[picture]],
            add_special_tokens=False,
            return_tensors="pt",
        ).to(model.device)
        with torch.inference_mode():
            found.append(model(**inputs).logits[0, -PLACES:].float().log_softmax(-1).cpu())
    return torch.stack(found)


def _picture() -> Picture:
    """Something with edges and colours."""
    from PIL import Image

    picture = Image.linear_gradient("L").resize((224, 224))
    return Image.merge("RGB", (picture, picture.rotate(90), picture.rotate(180)))


def described(base: str, prompt: str, rank: int, dtype: str, max_new_tokens: int, *, merged: bool) -> Exported:
    """What is said of the folder on its card."""
    usage = "\n".join(_usage(base, prompt, rank, dtype, max_new_tokens, merged))
    return Exported(usage, "transformers" if merged else "peft", base, "model" if merged else "")


def _usage(base: str, prompt: str, rank: int, dtype: str, max_new_tokens: int, merged: bool) -> Iterator[str]:
    yield f"With transformers{'' if merged else ' and peft'} alone:"
    yield from ("", "```python", "import torch")
    if not merged:
        yield "from peft import PeftModel"
    yield "from PIL import Image"
    yield "from transformers import AutoModelForImageTextToText, AutoProcessor"
    yield ""
    yield 'FOLDER = "THIS_FOLDER"'
    if not merged:
        yield f"BASE = {json.dumps(base)}"
    yield f"PROMPT = {json.dumps(prompt)}"
    yield "processor = AutoProcessor.from_pretrained(FOLDER)"
    whole = "FOLDER" if merged else "BASE"
    yield f"model = AutoModelForImageTextToText.from_pretrained({whole}, dtype=torch.{dtype})"
    if not merged:
        yield "model = PeftModel.from_pretrained(model, FOLDER)"
    yield from (
        "model.eval()",
        "",
        "",
        "def judge(image, caption):",
        '    text = {"type": "text", "text": PROMPT.replace("{caption}", caption)}',
        '    question = [{"role": "user", "content": [{"type": "image"}, text]}]',
        "    asked = processor.apply_chat_template(question, add_generation_prompt=True, tokenize=False)",
        '    pictures = [[Image.open(image).convert("RGB")]]',
        '    inputs = processor(text=[asked], images=pictures, add_special_tokens=False, return_tensors="pt")',
        f"    answer = model.generate(**inputs, do_sample=False, max_new_tokens={max_new_tokens})[0]",
        '    said = answer[inputs["input_ids"].shape[1] :]',
        "    return processor.tokenizer.decode(said, skip_special_tokens=True).strip()",
        "```",
        "",
        "With vLLM, to be asked with the same prompt after the image; this was not tried when it was written:",
        "",
        "```bash",
        "vllm serve THIS_FOLDER"
        if merged
        else f"vllm serve BASE --enable-lora --lora-modules detector=THIS_FOLDER --max-lora-rank {rank}",
        "```",
    )
