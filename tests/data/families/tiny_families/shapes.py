"""Configurations of a few hundred thousand parameters at most, and models with them."""

import torch
import transformers

SIDE = 32
PATCH = 8
POSITIONS = 512

TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": POSITIONS,
    # Wide enough that random weights answer to what they are shown.
    "initializer_range": 0.1,
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": PATCH,
}
WITHOUT_PROCESSOR = 300


def model_of(family, tokenizer):
    """The family's model for the vocabulary of a tokenizer, with new weights."""
    model = MODELS[family](tokenizer)
    model.generation_config.pad_token_id = _pad(tokenizer)
    model.generation_config.eos_token_id = ends(tokenizer)
    return model.eval()


def ends(tokenizer):
    """Token ids at which the family's published models stop."""
    marks = [tokenizer.eos_token, "<end_of_utterance>", "<end_of_turn>"]
    known = tokenizer.get_vocab()
    return [known[mark] for mark in marks if mark in known]


def _pad(tokenizer):
    return tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id


def _text(tokenizer, **more):
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    return {**TEXT, "vocab_size": len(tokenizer), "pad_token_id": _pad(tokenizer), **ids, **more}


def _image(tokenizer, mark="<image>"):
    return tokenizer.convert_tokens_to_ids(mark)


def _llava(tokenizer):
    config = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(**VISION, projection_dim=32),
        text_config=transformers.LlamaConfig(**_text(tokenizer)),
        image_token_index=_image(tokenizer),
        image_seq_length=(SIDE // PATCH) ** 2,
    )
    return transformers.LlavaForConditionalGeneration(config)


def _llava_next(tokenizer):
    config = transformers.LlavaNextConfig(
        vision_config=transformers.CLIPVisionConfig(**VISION, projection_dim=32),
        text_config=transformers.LlamaConfig(**_text(tokenizer)),
        image_token_index=_image(tokenizer),
        image_grid_pinpoints=[[SIDE, 2 * SIDE], [2 * SIDE, SIDE], [2 * SIDE, 2 * SIDE]],
        image_seq_length=(SIDE // PATCH) ** 2,
    )
    return transformers.LlavaNextForConditionalGeneration(config)


def _idefics3(tokenizer):
    config = transformers.Idefics3Config(
        vision_config=VISION,
        text_config=transformers.LlamaConfig(**_text(tokenizer)),
        image_token_id=_image(tokenizer),
        scale_factor=2,
        pad_token_id=_pad(tokenizer),
    )
    return transformers.Idefics3ForConditionalGeneration(config)


def _paligemma(tokenizer):
    config = transformers.PaliGemmaConfig(
        vision_config=transformers.SiglipVisionConfig(**VISION, vision_use_head=False),
        text_config=transformers.GemmaConfig(**_text(tokenizer, head_dim=16)),
        image_token_index=_image(tokenizer),
        projection_dim=32,
        hidden_size=32,
    )
    return transformers.PaliGemmaForConditionalGeneration(config)


def _gemma3(tokenizer):
    config = transformers.Gemma3Config(
        vision_config=transformers.SiglipVisionConfig(**VISION, vision_use_head=False),
        text_config=transformers.Gemma3TextConfig(
            **_text(tokenizer, head_dim=16, query_pre_attn_scalar=16, sliding_window=16),
            layer_types=["sliding_attention", "full_attention"],
        ),
        image_token_index=_image(tokenizer, "<image_soft_token>"),
        boi_token_index=_image(tokenizer, "<start_of_image>"),
        eoi_token_index=_image(tokenizer, "<end_of_image>"),
        mm_tokens_per_image=4,
    )
    model = transformers.Gemma3ForConditionalGeneration(config)
    # transformers makes it of zeros, through which no picture is seen.
    torch.nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight, std=0.1)
    return model


MODELS = {
    "llava": _llava,
    "llava_next": _llava_next,
    "idefics3": _idefics3,
    "paligemma": _paligemma,
    "gemma3": _gemma3,
}


def bare(family):
    """A model without a processor, of a family whose processor needs torchvision."""
    return BARE[family]()


def _bare_text(**more):
    return {**TEXT, "vocab_size": WITHOUT_PROCESSOR, "pad_token_id": 0, **more}


def _qwen2_vl():
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0}
    vision = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2, "patch_size": PATCH}
    config = transformers.Qwen2VLConfig(text_config=_bare_text(rope_parameters=rope), vision_config=vision)
    return transformers.Qwen2VLForConditionalGeneration(config)


def _qwen2_5_vl():
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0}
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32}
    config = transformers.Qwen2_5_VLConfig(text_config=_bare_text(rope_parameters=rope), vision_config=vision)
    return transformers.Qwen2_5_VLForConditionalGeneration(config)


def _qwen3_vl():
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0}
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": 32,
        "deepstack_visual_indexes": [0, 1],
        "num_position_embeddings": 16,
    }
    config = transformers.Qwen3VLConfig(text_config=_bare_text(rope_parameters=rope, head_dim=16), vision_config=vision)
    return transformers.Qwen3VLForConditionalGeneration(config)


def _internvl():
    vision = {**VISION, "image_size": [SIDE, SIDE], "patch_size": [PATCH, PATCH]}
    config = transformers.InternVLConfig(
        text_config=transformers.Qwen2Config(**_bare_text()), vision_config=vision, image_token_id=3
    )
    return transformers.InternVLForConditionalGeneration(config)


def _smolvlm():
    config = transformers.SmolVLMConfig(
        text_config=transformers.LlamaConfig(**_bare_text()), vision_config=VISION, image_token_id=3, pad_token_id=0
    )
    return transformers.SmolVLMForConditionalGeneration(config)


BARE = {
    "qwen2_vl": _qwen2_vl,
    "qwen2_5_vl": _qwen2_5_vl,
    "qwen3_vl": _qwen3_vl,
    "internvl": _internvl,
    "smolvlm": _smolvlm,
}
