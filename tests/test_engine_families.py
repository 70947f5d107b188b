"""The engine's batches and forwards against TRL's, in every family that it knows."""

from __future__ import annotations

import copy
from functools import partial
from io import BytesIO

import pytest

from harness.api import Image, Item
from harness.store import Store
from harness_students.engine.assembly import Assembly
from harness_students.engine.collate import Part, join_images, lay_out, pad_tokens
from harness_students.engine.families import family_of, prefix_obstacle
from harness_students.engine.features import Features
from harness_students.engine.forward import install
from harness_students.engine.prefix import gather, pack
from harness_students.engine.tokens import Encoded, Encoder
from harness_students.vlm_base import load_base
from harness_students.vlm_pictures import Pictures

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

FAMILIES = ("llava", "llava_next", "idefics3", "gemma3")
SIZES = [(40, 30), (30, 70), (64, 64)]
ANSWERS = ["Verdict: pristine", "The place is another one. Verdict: falsified", "So it is."]


def said(role, text):
    return [{"role": role, "content": text}]


def png(size, seed):
    from PIL import Image as Pillow

    pixels = torch.randint(
        0, 256, (size[1], size[0], 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )
    out = BytesIO()
    Pillow.fromarray(pixels.numpy()).save(out, "PNG")
    return out.getvalue()


ITEMS = {
    f"item-{n}": Item(f"item-{n}", "", image=Image(partial(png, size, n), f"{n}.png")) for n, size in enumerate(SIZES)
}
PROMPTS = ["Is this it?", "Does this caption belong to this image?", "Well?"]
TARGETS = [
    {"prompt": said("user", PROMPTS[n]), "completion": said("assistant", answer), "item": f"item-{n}"}
    for n in range(3)
    for answer in ANSWERS
]
PAIRS = [
    {
        "prompt": said("user", PROMPTS[n]),
        "chosen": said("assistant", ANSWERS[n]),
        "rejected": said("assistant", ANSWERS[n - 1]),
        "item": f"item-{n}",
    }
    for n in range(3)
]


def load(family, folder):
    from tiny_families import make

    return load_base(str(make(family, folder / "model")), "float32")


@pytest.fixture(scope="module", params=FAMILIES)
def base(request, tmp_path_factory):
    return load(request.param, tmp_path_factory.mktemp(request.param))


def stock_of(processor, pairs):
    from trl.trainer.dpo_trainer import DataCollatorForVisionPreference
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    if pairs:
        return DataCollatorForVisionPreference(processor=processor, max_length=None)
    return DataCollatorForVisionLanguageModeling(processor=processor, max_length=None, completion_only_loss=True)


def assembly_of(base, rows, model=None, **options):
    stock, pictures = stock_of(base.processor, "chosen" in rows[0]), Pictures(ITEMS)
    return Assembly(
        encoder=Encoder(stock, rows, pictures, keep=True),
        model=base.model if model is None else model,
        pad_token=base.processor.tokenizer.pad_token_id,
        labels="completion" in rows[0],
        image_digest=pictures.sha256,
        family=family_of(base.model),
        **options,
    )


def fused(base):
    """A branch of the base with TRL's head and the engine's forward, whose parameters want gradients."""
    from trl.trainer.utils import add_fused_lm_head

    model = copy.deepcopy(base.model).requires_grad_(True)
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    return model, install(model)


def run(model, batch):
    """What TRL's losses are made of, and the gradients of a loss that weighs every answer differently."""
    model.zero_grad()
    inputs = {name: value for name, value in batch.items() if name not in ("labels", "completion_mask")}
    labels = (
        batch["labels"] if "labels" in batch else batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    )
    out = model(**inputs, labels=labels, fused_lm_head=True)
    weights = torch.arange(1.0, len(labels) + 1)
    (out.log_probs.sum(1) * weights / out.label_mask.sum()).sum().backward()
    grads = {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}
    return out, grads


def assert_close(found, expected):
    (out, grads), (other, others) = found, expected
    for name in ("loss", "log_probs", "entropy"):
        torch.testing.assert_close(out[name], other[name], rtol=1e-5, atol=1e-5)
    assert torch.equal(out.label_mask, other.label_mask)
    assert torch.equal(out.is_top1, other.is_top1)
    language = {name for name in others if "vision" not in name and "projector" not in name and "connector" not in name}
    language -= {name for name in language if "image_newline" in name}
    assert len(language) > 10
    for name in language:
        scale = others[name].abs().max().item()
        torch.testing.assert_close(grads[name], others[name], rtol=1e-4, atol=1e-5 * max(1.0, scale))


@pytest.mark.parametrize("rows", [TARGETS, PAIRS], ids=["targets", "pairs"])
@pytest.mark.parametrize("picked", [[0], [2, 0], [1, 2, 0, 1]], ids=str)
def test_a_batch_is_the_one_that_trl_makes(base, rows, picked):
    examples = [{**copy.deepcopy(rows[n]), "images": [ITEMS[rows[n]["item"]].image.open()]} for n in picked]
    stock = stock_of(base.processor, rows is PAIRS)(examples)
    batch = assembly_of(base, rows).batch(picked)
    assert batch.keys() == dict(stock).keys()
    # TRL pads a batch of pairs with two different tokens where one has the id 0; none of them is attended to.
    there = stock["attention_mask"] == 1
    for name, value in stock.items():
        assert batch[name].dtype == value.dtype, name
        assert batch[name].shape == value.shape, name
        mask = there if name == "input_ids" else torch.ones_like(value, dtype=torch.bool)
        assert torch.equal(batch[name][mask], value[mask]), name


@pytest.mark.parametrize("rows", [TARGETS, PAIRS], ids=["targets", "pairs"])
def test_features_shared_prefixes_and_labels_alone_change_no_number_and_no_gradient(base, rows, tmp_path):
    picked = [0, 3, 1, 7, 2] if rows is TARGETS else [0, 1, 2]
    model, switch = fused(base)
    stock = run(model, assembly_of(base, rows).batch(picked))
    switch.head = True
    assert_close(run(model, assembly_of(base, rows).batch(picked)), stock)
    packing = assembly_of(base, rows, model, prefix=True)
    batch = packing.batch(picked)
    assert batch["engine"]["packed"]["input_ids"].shape[0] == 3
    assert_close(run(model, batch), stock)
    packing.features = Features(base.model, base.processor, "base", Store(tmp_path).shelf("features"))
    batch = packing.batch(picked)
    assert "images" not in batch["engine"]
    assert_close(run(model, batch), stock)
    packing.encode_in_batch = True
    assert_close(run(model, packing.batch(picked)), stock)


def test_gradient_checkpointing_changes_no_gradient(base):
    model, switch = fused(base)
    switch.head = True
    model.train()
    batch = assembly_of(base, TARGETS, model, prefix=True).batch([0, 1, 2, 3])
    expected = run(model, batch)
    getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()
    model.enable_input_require_grads()
    assert_close(run(model, batch), expected)


def test_an_answer_sees_no_other_answer(base):
    model, _ = fused(base)
    batch = assembly_of(base, TARGETS, model, prefix=True).batch([0, 1, 2])
    packed = batch["engine"]["packed"]
    before = run(model, batch)[0].log_probs
    ids = packed["input_ids"].clone()
    ids[packed["segment"] == 1] = ids[packed["segment"] == 2][0]
    batch["engine"]["packed"] = {**packed, "input_ids": ids}
    after = run(model, batch)[0].log_probs
    torch.testing.assert_close(after[1:], before[1:])
    assert not torch.equal(after[0], before[0])


def test_several_rejected_answers_and_another_image_make_one_batch(base, tmp_path):
    row = {
        "prompt": PAIRS[0]["prompt"],
        "chosen": PAIRS[0]["chosen"],
        "rejected": [said("assistant", ANSWERS[1]), said("assistant", ANSWERS[2]), PAIRS[0]["chosen"]],
        "image_of": [None, None, "item-1"],
        "item": "item-0",
        "weight": 2.0,
    }
    alone = {**PAIRS[2], "rejected": [], "weight": 0.5}
    rows = [row, {**PAIRS[1], "image_of": "item-2", "weight": 1.0}, alone]
    model, switch = fused(base)
    plain = assembly_of(base, rows, weights=[2.0, 1.0, 0.5])
    batch = plain.batch([0, 1, 2])
    parts = lay_out([plain.encoder.answers(n) for n in range(3)])
    assert [(part.group, part.place) for part in parts] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (0, 2), (0, 3)]
    shown = [part.answer.item for part in parts]
    assert shown == ["item-0", "item-1", "item-2", "item-0", "item-2", "item-0", "item-1"]
    assert batch["weight"].tolist() == [2.0, 1.0, 0.5]
    assert batch["rejected_of"].tolist() == [0, 1, 0, 0]
    stock = run(model, batch)
    switch.head = True
    packing = assembly_of(base, rows, model, prefix=True, weights=[2.0, 1.0, 0.5])
    batch = packing.batch([0, 1, 2])
    assert batch["engine"]["packed"]["input_ids"].shape[0] == 5
    assert_close(run(model, batch), stock)


def test_a_prefix_that_is_read_in_both_directions_is_shared_where_it_does_not_see_the_answer(tmp_path):
    base = load("paligemma", tmp_path)
    family, image = family_of(base.model), base.model.config.image_token_id
    model, switch = fused(base)

    def encoded(answer, types):
        ids = torch.tensor([image] * 16 + [5, 6, 7, *answer])
        marks = torch.tensor([0] * 19 + [types] * len(answer))
        return Encoded({"input_ids": ids, "token_type_ids": marks}, 19, "item")

    answers = [encoded([8, 9, 2], 1), encoded([9, 2], 1), encoded([8, 2], 1)]
    parts = [Part(0, n, answer) for n, answer in enumerate(answers)]
    features = torch.randn(1, 16, 32, generator=torch.Generator().manual_seed(0))
    plain = {**pad_tokens(parts, 0, labels=True), "engine": {"features": features.repeat(3, 1, 1)}}
    stock = run(model, plain)
    groups = gather(parts, family)
    assert groups == [[0, 1, 2]]
    switch.head = True
    assert_close(
        run(model, {**plain, "engine": {"features": features, "packed": pack(parts, groups, family, 0)}}), stock
    )
    assert gather([Part(0, n, encoded([8, 9], 0)) for n in (0, 1)], family) is None


def test_a_family_that_is_not_known_is_left_as_it_is():
    from tiny_families import bare

    assert prefix_obstacle(bare("qwen2_vl")) == "the family qwen2_vl is not known to the engine"


def test_images_with_fewer_tiles_are_filled_up_with_zeros():
    joined = join_images([{"pixels": torch.ones(1, 2, 3)}, {"pixels": torch.ones(1, 1, 2)}])["pixels"]
    assert joined.tolist() == [[[1, 1, 1], [1, 1, 1]], [[1, 1, 0], [0, 0, 0]]]
