"""Remake the tiny base from nothing: ``python -m harness_students.tiny_llava.pretrain [FOLDER]``."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.api import seed_from
from harness_benchmarks.newsworld_scene import SIDE, draw_scene, pixels
from harness_students.tiny_llava.lessons import both_verdicts, corpus, lesson
from harness_students.vlm_base import Model, Processor

if TYPE_CHECKING:
    import torch

SEED = seed_from("newsworld", "pre-training")
PICTURES = 6_000
STEPS = 1_200
BATCH = 44
TWINS = 2
PEAK_LR = 2e-3
WARMUP = 200
CHAT = (
    "{% for message in messages %}"
    "{{ '<user>' if message['role'] == 'user' else '<assistant>' }}"
    "{% if message['content'] is string %}{{ ' ' + message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else ' ' + part['text'] }}"
    "{% endfor %}{% endif %}"
    "{{ '</s>' if message['role'] == 'assistant' else '' }}"
    "{% endfor %}"
    "{{ '<assistant>' if add_generation_prompt else '' }}"
)


def make_tokenizer() -> Processor:
    """A byte-level BPE: any text can be encoded, and words of the world are one token each."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<pad>", "</s>", "<image>", "<user>", "<assistant>"]
    trainer = trainers.BpeTrainer(
        vocab_size=576,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(corpus(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<pad>", eos_token="</s>", extra_special_tokens={"image_token": "<image>"}
    )


def make_processor() -> Processor:
    """Tokenizer, picture normalisation and chat template together."""
    from transformers import LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    images = CLIPImageProcessorPil(
        size={"height": SIDE, "width": SIDE},
        crop_size={"height": SIDE, "width": SIDE},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=make_tokenizer(),
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT,
    )


def make_model(processor: Processor) -> Model:
    """A real LLaVA of about a million parameters with new weights."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    tokenizer = processor.tokenizer
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=SIDE,
            patch_size=8,
            projection_dim=64,
        ),
        text_config=LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=96,
            intermediate_size=192,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            initializer_range=0.05,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        image_seq_length=(SIDE // 8) ** 2,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlavaForConditionalGeneration(config)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model


def batches(processor: Processor, steps: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Token ids (B, L), labels (B, L) with -100 off the answers, and pictures (B, 3, SIDE, SIDE)."""
    import torch

    tokenizer = processor.tokenizer
    rng = random.Random(SEED)
    scenes = [draw_scene(seed_from(SEED, "scene", index)) for index in range(PICTURES)]
    shown = np.stack([pixels(scene, seed_from(SEED, "picture", index)) for index, scene in enumerate(scenes)])
    image, user, assistant, eos = tokenizer.convert_tokens_to_ids(["<image>", "<user>", "<assistant>", "</s>"])
    encoded: dict[str, list[int]] = {}

    def ids(text: str) -> list[int]:
        if text not in encoded:
            encoded[text] = tokenizer.encode(" " + text, add_special_tokens=False)
        return encoded[text]

    for step in range(steps):
        chosen = [rng.randrange(PICTURES) for _ in range(BATCH)]
        lessons = [lesson(scenes[index], 1 + step % 4, rng) for index in chosen]
        for index in [rng.randrange(PICTURES) for _ in range(TWINS)]:
            lessons += both_verdicts(scenes[index], rng)
            chosen += [index, index]
        rows, labels = [], []
        for turns in lessons:
            row: list[int] = []
            label: list[int] = []
            for number, (question, answer) in enumerate(turns):
                asked = [user, *([image] * 25 if number == 0 else []), *ids(question), assistant]
                said = [*ids(answer), eos]
                row += asked + said
                label += [-100] * len(asked) + said
            rows.append(row)
            labels.append(label)
        width = max(map(len, rows))
        yield (
            torch.tensor([row + [tokenizer.pad_token_id] * (width - len(row)) for row in rows]),
            torch.tensor([label + [-100] * (width - len(label)) for label in labels]),
            torch.from_numpy(shown[chosen]).permute(0, 3, 1, 2).float() / 127.5 - 1,
        )


def main(folder: Path) -> None:
    """Train and write weights (bf16), configuration and processor."""
    import torch

    torch.manual_seed(SEED)
    processor = make_processor()
    model = make_model(processor)
    print(sum(parameter.numel() for parameter in model.parameters()), "parameters", len(processor.tokenizer), "tokens")
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LR, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / WARMUP, max(0.02, 1 - step / STEPS))
    )
    refused = processor.tokenizer.encode(" not", add_special_tokens=False)[0]
    started = time.monotonic()
    model.train()
    for step, (tokens, labels, pictures) in enumerate(batches(processor, STEPS), 1):
        output = model(input_ids=tokens, pixel_values=pictures, labels=labels)
        output.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 100 == 0:
            said, truth = output.logits[:, :-1].argmax(-1), labels[:, 1:]
            no = truth == refused
            recall = (said[no] == refused).float().mean()
            false = ((said == refused) & ~no & (truth != -100)).sum() / no.sum()
            print(
                f"{step} {time.monotonic() - started:.0f} s loss {output.loss:.3f} "
                f"absent words noticed {recall:.3f}, falsely {false:.3f}",
                flush=True,
            )
            if step % 500 == 0:
                save(model, processor, folder)
    save(model, processor, folder)


def save(model: Model, processor: Processor, folder: Path) -> None:
    """Write a copy in bf16, so that training itself stays in float32."""
    import copy

    import torch

    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)
    processor.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
