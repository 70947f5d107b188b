"""Similarity of image and caption by tiny random CLIP and SigLIP models."""

import json
from functools import cache

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from harness.api import HarnessError, Item, MissingDependency, verdict_of
from harness.identity import identity
from harness.testing import checks_for, material
from harness_teachers.clip_similarity import Clip

SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def tokenizer(**options):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<pad>", "<unk>", "<s>", "</s>", *sorted({w for i in material.items(60) for w in i.caption.split()})]
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    marks = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=made, **marks, **options)


def text(words):
    marks = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    return {**SMALL, **marks, "vocab_size": len(words), "max_position_embeddings": 12}


def clip(folder):
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    words = tokenizer()
    seen = {**SMALL, "image_size": 32, "patch_size": 8}
    torch.manual_seed(0)
    CLIPModel(CLIPConfig(text_config=text(words), vision_config=seen, projection_dim=16)).save_pretrained(folder)
    square = {"height": 32, "width": 32}
    CLIPProcessor(CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=square), words).save_pretrained(folder)


def siglip(folder):
    from transformers import SiglipConfig, SiglipModel, SiglipProcessor
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    words = tokenizer(model_input_names=["input_ids"])
    seen = {**SMALL, "image_size": 32, "patch_size": 8}
    torch.manual_seed(0)
    SiglipModel(SiglipConfig(text_config=text(words), vision_config=seen)).save_pretrained(folder)
    SiglipProcessor(SiglipImageProcessorPil(size={"height": 32, "width": 32}), words).save_pretrained(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folder of a family's model."""

    @cache
    def made(family):
        path = tmp_path_factory.mktemp("model") / family
        {"clip": clip, "siglip": siglip}[family](path)
        return str(path)

    return made


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_the_cosine_of_the_two_embeddings_makes_the_verdict(family, folder):
    from transformers import AutoModel, AutoProcessor

    items = material.items(6)
    teacher = Clip(model=folder(family), threshold=0.1, scale=0.5)
    answers = list(teacher.annotate(items))
    model, processor = AutoModel.from_pretrained(teacher.model), AutoProcessor.from_pretrained(teacher.model)
    for item, answer in zip(items, answers, strict=True):
        picture = processor(images=item.image.open(), return_tensors="pt")
        words = processor(text=item.caption, padding="max_length", max_length=12, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            seen = model.get_image_features(**picture).pooler_output
            read = model.get_text_features(**words).pooler_output
        cosine = float(torch.nn.functional.cosine_similarity(seen, read))
        expected = 1 / (1 + torch.tensor((cosine - 0.1) / 0.5).exp().item())
        assert answer.p_falsified == pytest.approx(expected, abs=1e-5)
        assert answer.verdict == verdict_of(answer.p_falsified)
        assert f"a similarity of {cosine:.2f}"[:-1] in answer.rationale


def test_a_higher_threshold_makes_every_caption_more_suspect(folder):
    low, high = (
        [a.p_falsified for a in Clip(model=folder("clip"), threshold=at, scale=0.2).annotate(material.items(5))]
        for at in (-0.5, 0.5)
    )
    assert all(one < other for one, other in zip(low, high, strict=True))


@pytest.mark.parametrize("check", checks_for(Clip))
def test_it_keeps_the_contract(check, folder):
    check(Clip(model=folder("siglip"), scale=0.5))


def test_a_caption_longer_than_the_text_encoder_is_cut_off(folder):
    item = material.items(1)[0]
    long = Item("long", f"{item.caption} " * 500, item.image)
    assert [a.outcome for a in Clip(model=folder("clip")).annotate([long, item])] == ["ok", "ok"]


def test_the_identity_is_the_model_s_files_and_not_how_it_is_run(folder):
    plain = identity(Clip(model=folder("clip")))
    assert identity(Clip(model=folder("clip"), batch_size=1, device="cpu")) == plain
    assert plain["files"] != identity(Clip(model=folder("siglip")))["files"]
    assert identity(Clip(model=folder("clip"), threshold=0.3)) != plain


def test_a_model_that_has_no_embeddings_of_both_is_refused(tmp_path):
    from transformers import LlamaConfig, LlamaModel

    LlamaModel(LlamaConfig(**{**SMALL, "vocab_size": 99, "num_key_value_heads": 2})).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    with pytest.raises(HarnessError) as caught:
        list(Clip(model=str(tmp_path)).annotate(material.items(1)))
    assert "as a CLIP or SigLIP model: a llama has no embeddings of image and text to compare" in str(caught.value)


def test_pickled_weights_are_not_read(tmp_path, folder):
    from pathlib import Path

    for file in Path(folder("clip")).iterdir():
        if file.suffix == ".json":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(HarnessError, match=r"cannot load '.*' as a CLIP or SigLIP model"):
        list(Clip(model=str(tmp_path)).annotate(material.items(1)))


def test_missing_packages_are_named(monkeypatch):
    from harness_teachers import clip_similarity

    monkeypatch.setattr(clip_similarity, "find_spec", lambda package: None)
    with pytest.raises(MissingDependency) as caught:
        list(Clip().annotate(material.items(1)))
    assert (
        str(caught.value) == "teacher clip: needs torch, transformers, safetensors\n  pip install 'ooc-harness[train]'"
    )


def test_options_survive_json():
    teacher = Clip(threshold=0.3)
    assert Clip.model_validate_json(json.dumps(teacher.model_dump(mode="json")), strict=True) == teacher
