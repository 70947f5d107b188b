"""Each probe before a training by a mutant that it alone catches: real trainings with one thing wrong in them."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest

from harness.api import Objective, Preference, Target, TrainingError, opposite
from harness_benchmarks.newsworld import NewsWorld
from harness_students.preflight import PROBES
from harness_students.preflight_rig import Rig
from harness_students.tiny import TinyLlava
from harness_students.vlm import Vlm
from harness_students.vlm_trl import Schedule

torch = pytest.importorskip("torch")
pytest.importorskip("trl")
tiny_families = pytest.importorskip("tiny_families")

pytestmark = pytest.mark.usefixtures("one_thread")

WORLD = NewsWorld(train=6, validation=0, test=2)
ITEMS = {item.id: item for item in WORLD.items("train")}
TARGETS = [
    # Of different lengths, so that a batch of them is padded.
    Target(item_id, label, rationale="Word found. " * (1 + place % 3))
    for place, (item_id, label) in enumerate(WORLD.labels("train").items())
]
PAIRS = [Preference(target.item_id, target, (Target(target.item_id, opposite(target.verdict)),)) for target in TARGETS]
JOINT = Objective(losses={"sigmoid": 1.0, "sft": 1.0})
FAST = Schedule(lr=1e-2, epochs=1, batch_size=3)


@pytest.fixture(scope="module")
def kept():
    return {}


@pytest.fixture(scope="module")
def stage1(tmp_path_factory, kept):
    bench = tiny_families.Bench(tmp_path_factory.mktemp("stage1") / "out", kept=kept)
    TinyLlava(sft=FAST).train(ITEMS, TARGETS, Objective(), None, bench)
    return bench.out


@pytest.fixture
def caught(tmp_path, kept, stage1):
    """Trains with a trainer that was spoiled before the probes, and returns what they said of it."""

    def go(spoil, folder=None, stage=1, engine="off"):
        rigs = []

        class Mutant(Vlm if folder else TinyLlava):
            def _rig(self, trainer, *rest):
                spoil(trainer)
                rigs.append(super()._rig(trainer, *rest))
                return rigs[0]

        where = {"model": str(folder), "dtype": "float32"} if folder else {}
        mutant = Mutant(sft=FAST, dpo=FAST, engine=engine, **where)
        bench = tiny_families.Bench(tmp_path / "out", kept=kept)
        examples, objective, start = (TARGETS, Objective(), None) if stage == 1 else (PAIRS, JOINT, stage1)
        with pytest.raises(TrainingError) as raised:
            mutant.train(ITEMS, examples, objective, start, bench)
        return raised.value, rigs[0]

    return go


class Spoiled:
    """A collator that changes every batch that another one makes."""

    def __init__(self, collate, change):
        self.collate, self.change = collate, change

    def __call__(self, rows):
        return self.change(self.collate(rows))


class SpoiledEngine(Spoiled):
    """The same of the engine's, which is made anew for the rows that are looked at."""

    def over(self, rows):
        return SpoiledEngine(self.collate.over(rows), self.change)


def collating(change):
    """A spoiler of what the trainer collates."""

    def spoil(trainer):
        kind = SpoiledEngine if hasattr(trainer.data_collator, "over") else Spoiled
        trainer.data_collator = kind(trainer.data_collator, change)

    return spoil


def alone(probe, rig):
    """Whether every probe but this one finds nothing wrong."""
    for name, other in PROBES.items():
        if name != probe:
            other(rig)
    return True


def grey(batch):
    batch["pixel_values"] = torch.zeros_like(batch["pixel_values"])
    return batch


def featureless(batch):
    batch["engine"]["features"] = torch.zeros_like(batch["engine"]["features"])
    return batch


def shifted(batch):
    mask = (batch["labels"] != -100).roll(-1, dims=1)
    batch["labels"] = batch["input_ids"].masked_fill(~mask, -100)
    return batch


def mixed(batch):
    batch["pixel_values"] = batch["pixel_values"].flip(0)
    return batch


def misplaced(batch):
    features = batch["engine"]["features"]
    batch["engine"]["features"] = features.unflatten(0, (-1, 25)).flip(0).flatten(0, 1)
    return batch


def stretched(batch):
    width = batch["input_ids"].shape[1]
    lengths = batch["attention_mask"].sum(dim=1, keepdim=True)
    batch["position_ids"] = torch.arange(width)[None] * width // lengths
    return batch


def leaky(batch):
    batch["token_type_ids"] = torch.zeros_like(batch["token_type_ids"])
    return batch


def unsized(batch):
    del batch["image_sizes"]
    return batch


def cut(batch):
    # As a trainer does that shortens rows to a length, which is where the image is in a long prompt.
    return {**batch, **{name: batch[name][:, 8:] for name in ("input_ids", "attention_mask", "labels")}}


@pytest.mark.parametrize(("change", "engine"), [(grey, "off"), (featureless, "on")])
def test_a_picture_that_does_not_reach_the_model_is_noticed(change, engine, caught):
    error, rig = caught(collating(change), engine=engine)
    assert str(error) == (
        "image_matters: another picture changes no log-probability (by 0 at most): the image does not reach the model\n"
        "  use versions of trl and transformers that the constraints file names"
    )
    assert alone("image_matters", rig)


@pytest.mark.parametrize("engine", ["off", "on"])
def test_a_mask_that_is_shifted_by_one_token_is_noticed(engine, caught):
    error, rig = caught(collating(shifted), engine=engine)
    assert error.place == "mask_is_completion"
    assert "read '<assistant> Word found." in error.cause
    assert error.cause.endswith("</s>'")
    assert alone("mask_is_completion", rig)


@pytest.mark.parametrize(("change", "engine"), [(mixed, "off"), (stretched, "off"), (misplaced, "on")])
def test_a_row_that_fares_otherwise_in_a_batch_is_noticed(change, engine, caught):
    error, rig = caught(collating(change), engine=engine)
    assert error.place == "batched_equals_single"
    assert error.cause.startswith("a row's log-probabilities differ by ")
    assert alone("batched_equals_single", rig)


def test_an_answer_that_its_prompt_can_see_is_noticed(caught, family):
    error, rig = caught(collating(leaky), family("paligemma"))
    assert error.place == "answers_are_unseen"
    assert error.cause.endswith("with those after it: it is told to the prompt")
    assert alone("answers_are_unseen", rig)


def test_a_key_that_the_collator_loses_is_noticed(caught, family):
    error, _ = caught(collating(unsized), family("llava_next"))
    assert str(error) == (
        "collator_keeps_keys: the collator loses image_sizes, which the processor makes and the model reads\n"
        "  use versions of trl and transformers that the constraints file names"
    )


def test_an_image_that_is_cut_is_noticed(caught):
    error, _ = caught(collating(cut))
    assert error.place == "nothing_truncated"
    # The mark before the image and seven of its 25 tokens are gone.
    assert "tokens of which 18 are of the image, where " in error.cause
    assert error.cause.endswith(" and 25 are needed")


def test_items_that_are_too_long_are_refused_by_name(tmp_path, family):
    folder = shutil.copytree(family("llava"), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["max_position_embeddings"] = 190
    (folder / "config.json").write_text(json.dumps(config))
    short = Vlm(model=str(folder), dtype="float32", sft=FAST, prompt="{caption}")
    long = [Target(target.item_id, target.verdict, rationale="Word found. " * 30) for target in TARGETS[:1]]
    with pytest.raises(TrainingError) as raised:
        short.train(ITEMS, [*long, *TARGETS[1:]], Objective(), None, tiny_families.Bench(tmp_path / "out"))
    assert str(raised.value) == (
        f"nothing_truncated: 1 items are longer than the model's 190 positions: {long[0].item_id}\n"
        "  leave them out, shorten the rationales, or bound the pictures with 'image_tiles'"
    )


def test_lora_on_the_tower_is_noticed(tmp_path, kept):
    everywhere = TinyLlava(sft=FAST, lora_targets=r".*\.(q_proj|v_proj)")
    with pytest.raises(TrainingError) as raised:
        everywhere.train(ITEMS, TARGETS, Objective(), None, tiny_families.Bench(tmp_path / "out", kept=kept))
    assert raised.value.place == "adapter_off_vision"
    assert "model.vision_tower.encoder.layers.0.self_attn.q_proj and 3 more" in raised.value.cause


def test_a_reference_of_another_training_is_noticed(caught):
    def spoil(trainer):
        # As if the shelf held the log-probabilities of another adapter under this one's name.
        known = trainer.data_collator.references.of
        trainer.data_collator.references.of = lambda row: [number - 0.5 for number in known(row)]

    error, rig = caught(spoil, stage=2, engine="on")
    assert error.place == "rewards_start_at_zero"
    assert alone("rewards_start_at_zero", rig)


def test_a_reference_that_is_another_adapter_is_noticed(caught):
    def spoil(trainer):
        for name, weight in trainer.model.named_parameters():
            if ".lora_B.ref." in name:
                weight.data += 0.01

    error, _ = caught(spoil, stage=2)
    assert str(error) == (
        "reference_is_start: the reference adapter is not the adapter that training starts from\n"
        "  use versions of trl and peft that the constraints file names"
    )


def test_a_reference_that_is_not_the_one_that_is_kept_is_noticed(caught):
    def spoil(trainer):
        # As if the base were named as the reference: the copy of the start is there and goes unused.
        trainer.ref_model = Unadapted(trainer.model)

    error, rig = caught(spoil, stage=2)
    assert error.place == "rewards_start_at_zero"
    assert error.cause.endswith(", not 0: the reference is not the start of the training")
    assert alone("rewards_start_at_zero", rig)


class Unadapted:
    def __init__(self, model):
        self.model = model

    def __call__(self, **batch):
        with self.model.disable_adapter():
            return self.model(**batch)


def test_an_adapter_that_does_nothing_is_noticed(caught):
    from transformers import TrainerCallback

    class Muting(TrainerCallback):
        def on_train_end(self, *_, model, **__):
            for module in model.modules():
                if isinstance(getattr(module, "scaling", None), dict):
                    module.scaling["default"] = 0.0

    error, rig = caught(lambda trainer: trainer.add_callback(Muting()))
    assert str(error) == (
        "adapter_changes_output: the trained adapter changes no log-probability\n"
        "  use versions of peft and transformers that the constraints file names"
    )
    assert alone("adapter_changes_output", rig)


def test_probes_leave_no_trace_in_what_is_trained(tmp_path, kept, monkeypatch):
    weights = []
    for probes in (PROBES, {}):
        monkeypatch.setattr("harness_students.preflight.PROBES", probes)
        bench = tiny_families.Bench(tmp_path / str(len(probes)), kept=kept)
        TinyLlava(sft=FAST, dropout=0.1).train(ITEMS, TARGETS, Objective(), None, bench)
        weights.append((bench.out / "adapter_model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_where_all_pictures_are_the_same_there_is_nothing_to_swap(tmp_path, kept):
    first = next(iter(ITEMS.values()))
    alike = {item_id: type(item)(item_id, item.caption, image=first.image) for item_id, item in ITEMS.items()}
    bench = tiny_families.Bench(tmp_path / "out", kept=kept)
    TinyLlava(sft=FAST).train(alike, TARGETS, Objective(), None, bench)
    assert bench.facts["preflight"]["image_matters"] is None


def test_a_batch_of_the_probes_lies_on_the_models_device_with_all_that_is_within_it():
    made = {"input_ids": torch.zeros(1, 2), "engine": {"packed": {"place": torch.zeros(2)}, "count": 1}}
    pictures = SimpleNamespace(open=lambda _: None)
    rig = Rig(SimpleNamespace(device=torch.device("meta")), None, [], pictures, lambda _: made)
    batch = rig.batch([{"item": "one"}])
    assert batch["input_ids"].device.type == batch["engine"]["packed"]["place"].device.type == "meta"
    assert batch["engine"]["count"] == 1
