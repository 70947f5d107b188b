"""Vision-language students of every family, by tiny models with random weights."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.api import MissingDependency, Objective, Preference, Target, TrainingError, opposite
from harness_benchmarks.newsworld import NewsWorld
from harness_students.families import FAMILIES
from harness_students.vlm import Vlm
from harness_students.vlm_base import adapted_modules, load_base, quiet_peft
from harness_students.vlm_loading import SHIPPED, Loading
from harness_students.vlm_text import asked_with_image
from harness_students.vlm_tiles import bound_edge, bound_tiles
from harness_students.vlm_trl import Schedule

torch = pytest.importorskip("torch")
pytest.importorskip("trl")
tiny_families = pytest.importorskip("tiny_families")

pytestmark = pytest.mark.usefixtures("one_thread")

LOADS_HERE = sorted(tiny_families.FAMILIES)
WORLD = NewsWorld(train=6, validation=0, test=4)
ITEMS = {item.id: item for item in WORLD.items("train")}
TARGETS = [Target(item_id, label, rationale="Word found.") for item_id, label in WORLD.labels("train").items()]
PAIRS = [Preference(target.item_id, target, (Target(target.item_id, opposite(target.verdict)),)) for target in TARGETS]
JOINT = Objective(losses={"sigmoid": 1.0, "sft": 1.0})
FAST = Schedule(lr=1e-2, epochs=1, batch_size=3)


def student(folder, **options):
    return Vlm(
        model=str(folder), **{"dtype": "float32", "rank": 4, "sft": FAST, "dpo": FAST, "max_new_tokens": 8} | options
    )


def changed(folder, to, file, **values):
    """A copy of a model's folder with other values in one of its JSON files."""
    copied = shutil.copytree(folder, to)
    told = json.loads((copied / file).read_text())
    (copied / file).write_text(json.dumps(told | values))
    return copied


@pytest.mark.parametrize("name", LOADS_HERE)
def test_a_family_goes_through_both_stages_and_all_probes(name, family, tmp_path):
    vlm, kept = student(family(name)), {}
    one, two = (tiny_families.Bench(tmp_path / stage, kept=kept) for stage in ("one", "two"))
    vlm.train(ITEMS, TARGETS, Objective(), None, one)
    vlm.train(ITEMS, PAIRS, JOINT, one.out, two)
    probes = {
        "adapter_off_vision",
        "adapter_changes_output",
        "answers_are_unseen",
        "batched_equals_single",
        "collator_keeps_keys",
        "image_matters",
        "mask_is_completion",
        "nothing_truncated",
    }
    assert set(one.facts["preflight"]) == probes
    assert set(two.facts["preflight"]) == probes | {"reference_is_start", "rewards_start_at_zero"}
    for bench in (one, two):
        found = bench.facts["preflight"]
        assert found["adapter_off_vision"] == 14
        assert found["image_matters"] > 1e-3 > 1e-5 > found["batched_equals_single"]
        assert found["answers_are_unseen"] < 1e-5
        assert found["adapter_changes_output"] > 1e-3
    assert max(map(abs, two.facts["preflight"]["rewards_start_at_zero"])) < 1e-5
    warm = list(vlm.predict(WORLD.items("test"), two.out, two))
    assert list(vlm.predict(WORLD.items("test"), two.out, tiny_families.Bench(tmp_path / "fresh"))) == warm
    assert {file.name for file in two.out.iterdir()} == {"adapter_model.safetensors", "adapter_config.json"}


@pytest.mark.slow
@pytest.mark.parametrize("name", LOADS_HERE)
def test_a_family_learns_groups_of_answers_with_the_engine_as_without(name, family, tmp_path):
    several, shown, weighted = PAIRS[:3]
    groups = [
        replace(several, rejected=(*several.rejected, Target(several.item_id, "pristine"))),
        replace(shown, rejected=(shown.chosen,), image_of=several.item_id),
        replace(weighted, weight=0.5),
        *TARGETS[3:5],
        Target(TARGETS[5].item_id, p_falsified=0.3),
    ]
    objective = Objective(losses={"plackett_luce": 1.0, "anchor": 0.5, "sft": 1.0}, beta=0.5)
    kept, lines = {}, []
    for engine in (True, False):
        bench = tiny_families.Bench(tmp_path / f"engine-{engine}", kept=kept)
        student(family(name), engine=engine).train(ITEMS, groups, objective, None, bench)
        assert max(map(abs, bench.facts["first_step_rewards"])) < 1e-4
        lines.append([line["loss"] for line in bench.lines if "loss" in line])
    assert len(lines[0]) > 1
    assert lines[0] == pytest.approx(lines[1], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOADS_HERE)
def test_a_family_learns_to_answer_and_to_stop(name, family, tmp_path):
    long = Schedule(lr=2e-2, epochs=100, batch_size=6)
    vlm, bench = student(family(name), sft=long, rank=16, max_new_tokens=40), tiny_families.Bench(tmp_path / "out")
    same = [Target(item_id, "pristine", rationale="Word found.") for item_id in ITEMS]
    vlm.train(ITEMS, same, Objective(), None, bench)
    for prediction in vlm.predict(WORLD.items("test"), bench.out, bench):
        assert prediction.text == "Word found. Verdict: pristine"


@pytest.mark.parametrize("name", [*LOADS_HERE, *tiny_families.BARE])
def test_lora_is_put_on_every_linear_layer_of_the_language_model_and_nowhere_else(name, family):
    from peft import LoraConfig, get_peft_model

    model = tiny_families.bare(name) if name in tiny_families.BARE else load_base(str(family(name)), "float32").model
    blocks = {name for name, module in model.get_decoder().layers.named_modules() if type(module).__name__ == "Linear"}
    preset = FAMILIES[name]
    with quiet_peft():
        adapted = adapted_modules(get_peft_model(model, LoraConfig(r=2, target_modules=preset.lora_targets)))
    assert {re.split(r"\.layers\.", name)[1] for name in adapted} == blocks
    assert len(adapted) == len(blocks) > 0
    assert not [name for name in adapted if any(part in name.split(".") for part in preset.outside)]
    for part in preset.outside:
        assert [name for name, _ in model.named_modules() if part in name.split(".")]


def test_a_family_without_a_preset_asks_for_its_targets(family, tmp_path):
    from transformers import CLIPVisionConfig, LlamaConfig, VipLlavaConfig, VipLlavaForConditionalGeneration

    llava = load_base(str(family("llava")), "float32")
    config = VipLlavaConfig(
        vision_config=CLIPVisionConfig(**llava.model.config.vision_config.to_dict()),
        text_config=LlamaConfig(**llava.model.config.text_config.to_dict()),
        image_token_index=llava.model.config.image_token_id,
        image_seq_length=16,
        vision_feature_layers=[-2, -1],
    )
    VipLlavaForConditionalGeneration(config).save_pretrained(tmp_path / "model")
    llava.processor.save_pretrained(tmp_path / "model")
    with pytest.raises(TrainingError) as caught:
        student(tmp_path / "model").train(ITEMS, TARGETS, Objective(), None, tiny_families.Bench(tmp_path / "out"))
    assert str(caught.value) == (
        "there is no preset for models of the type 'vipllava'\n"
        "  give the student's option 'lora_targets' a pattern of the language model's linear layers, or use one of "
        "gemma3, idefics3, internvl, llava, llava_next, paligemma, qwen2_5_vl, qwen2_vl, qwen3_vl, smolvlm"
    )
    named, bench = (
        student(tmp_path / "model", lora_targets=r".*language_model.*\.v_proj"),
        tiny_families.Bench(tmp_path / "named"),
    )
    named.train(ITEMS, TARGETS, Objective(), None, bench)
    assert bench.facts["adapted_modules"] == 2


@pytest.mark.parametrize("name", sorted(name for name, preset in FAMILIES.items() if preset.torchvision))
def test_a_family_whose_processor_needs_torchvision_says_so(name, tmp_path):
    if _installed("torchvision"):
        pytest.skip("torchvision is installed")
    folder = tmp_path / "model"
    tiny_families.bare(name).save_pretrained(folder)
    with pytest.raises(MissingDependency) as caught:
        list(student(folder).predict(WORLD.items("test"), None, tiny_families.Bench(tmp_path / "out")))
    assert str(caught.value) == (
        f"{folder}: the processor of a {name} needs torchvision\n  pip install 'ooc-harness[qwen]'"
    )


def test_a_prompt_begins_with_bos_and_an_answer_ends_where_the_tokenizer_or_the_template_would_not_see_to_it(family):
    asked = asked_with_image("In context?")
    said = [{"role": "assistant", "content": [{"type": "text", "text": "Yes."}]}]

    def texts(folder):
        base = load_base(str(folder), "float32")
        render = base.processor.apply_chat_template
        return render(asked, tokenize=False, add_generation_prompt=True), render(asked + said, tokenize=False)

    assert texts(family("llava")) == (
        "<s>USER: <image>\nIn context? ASSISTANT:",
        "<s>USER: <image>\nIn context? ASSISTANT: Yes. </s>",
    )
    assert texts(family("paligemma")) == ("<image>In context?", "<image>In context?Yes.<eos>")
    assert texts(family("gemma3"))[1].count("<bos>") == 1
    assert texts(family("gemma3"))[1].endswith("Yes.<end_of_turn>\n")
    shipped = Vlm(model=SHIPPED)._location()
    assert texts(shipped) == ("<user><image> In context?<assistant>", "<user><image> In context?<assistant> Yes.</s>")


def test_an_answer_ends_at_the_mark_that_the_template_writes(family, tmp_path):
    # As if a model's settings named the end of a text alone, as published ones do.
    folder = changed(family("gemma3"), tmp_path / "model", "generation_config.json", eos_token_id=1)
    base = load_base(str(folder), "float32")
    turn = base.processor.tokenizer.convert_tokens_to_ids("<end_of_turn>")
    assert base.model.generation_config.eos_token_id == [1, turn]


def test_published_settings_of_generation_change_no_answer(family, tmp_path):
    settings = {"do_sample": True, "temperature": 0.1, "top_p": 0.5, "repetition_penalty": 5.0}
    folder = changed(family("llava"), tmp_path / "model", "generation_config.json", **settings)
    answers = [
        list(student(where).predict(WORLD.items("test"), None, tiny_families.Bench(tmp_path / "out")))
        for where in (folder, family("llava"))
    ]
    assert answers[0] == answers[1]


def test_a_model_without_a_chat_template_is_refused(family, tmp_path):
    folder = shutil.copytree(family("llava"), tmp_path / "model", ignore=shutil.ignore_patterns("*.jinja"))
    with pytest.raises(TrainingError) as caught:
        load_base(str(folder), "float32")
    assert str(caught.value) == f"{folder}: the model comes without a chat template\n  use one that has been tuned"


def test_tiles_are_bounded_where_there_are_tiles(family):
    def tokens(name, **bound):
        """Of a question about a picture, which the model takes."""
        base = load_base(str(family(name)), "float32", loading=Loading(**bound))
        text = base.processor.apply_chat_template(asked_with_image("?"), tokenize=False, add_generation_prompt=True)
        shown = [[next(iter(ITEMS.values())).image.open()]]
        inputs = base.processor(text=[text], images=shown, add_special_tokens=False, return_tensors="pt")
        with torch.no_grad():
            base.model(**inputs)
        return inputs["input_ids"].shape[1]

    # A tile is 16 tokens of LLaVA-Next, with a mark after each row of patches, and 4 of Idefics3 with two marks.
    assert tokens("llava_next") - tokens("llava_next", image_tiles=1) == 64 + 8 - (16 + 4)
    assert tokens("idefics3") - tokens("idefics3", image_tiles=1) == 4 * 6 + 3
    assert tokens("idefics3", longest_edge=32) == tokens("idefics3", image_tiles=3)
    for option, cause in (("image_tiles", "cuts no picture into tiles"), ("longest_edge", "does not scale pictures")):
        with pytest.raises(TrainingError, match=rf"the processor of a llava {cause}"):
            tokens("llava", **{option: 8})


def test_a_bounded_student_goes_through_a_training(family, tmp_path):
    bench = tiny_families.Bench(tmp_path / "out")
    student(family("llava_next"), image_tiles=1).train(ITEMS, TARGETS, Objective(), None, bench)
    assert bench.facts["preflight"]["nothing_truncated"]["longest"] < 150


def test_the_bounds_of_processors_that_do_not_load_here_hold_for_their_image_processors():
    from PIL.Image import new
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    intern, qwen = GotOcr2ImageProcessorPil(crop_to_patches=True), Qwen2VLImageProcessorPil()
    wide = new("RGB", (900, 300))
    before = (
        len(intern(wide, return_tensors="pt")["pixel_values"]),
        len(qwen(wide, return_tensors="pt")["pixel_values"]),
    )
    bound_tiles(None, SimpleNamespace(image_processor=intern), FAMILIES["internvl"], 2)
    bound_edge(None, SimpleNamespace(image_processor=qwen), FAMILIES["qwen2_vl"], 112)
    after = len(intern(wide, return_tensors="pt")["pixel_values"]), len(qwen(wide, return_tensors="pt")["pixel_values"])
    assert after[0] == 3 < before[0]
    assert after[1] <= (112 // 14) ** 2 < before[1]


@pytest.mark.parametrize("known", [True, False])
def test_code_that_comes_with_a_model_is_not_executed(known, family, tmp_path):
    mark = tmp_path / "executed"
    auto = {"AutoConfig": "code.Config", "AutoModelForImageTextToText": "code.Model", "AutoProcessor": "code.Processor"}
    model_type = {} if known else {"model_type": "unheard-of"}
    folder = changed(family("llava"), tmp_path / "model", "config.json", auto_map=auto, **model_type)
    folder = changed(folder, tmp_path / "both", "processor_config.json", auto_map=auto)
    (folder / "code.py").write_text(f"open({str(mark)!r}, 'w')\n")
    if known:
        assert len(list(student(folder).predict(WORLD.items("test"), None, tiny_families.Bench(tmp_path / "out")))) == 4
    else:
        with pytest.raises(TrainingError, match="cannot load"):
            load_base(str(folder), "float32")
    assert not mark.exists()


def test_pickled_weights_are_refused_by_name(family, tmp_path):
    folder = shutil.copytree(family("llava"), tmp_path / "model", ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch run'\ntR.")
    with pytest.raises(TrainingError) as caught:
        load_base(str(folder), "float32")
    assert str(caught.value) == (
        f"cannot load {str(folder)!r}: its weights are pickled (pytorch_model.bin), and a pickle can execute anything\n"
        "  write them as safetensors where you trust them: save_pretrained of transformers does"
    )


def test_a_quantized_base_needs_its_package_and_a_device(family, monkeypatch):
    if torch.cuda.is_available():
        pytest.skip("there is a device")
    if not _installed("bitsandbytes"):
        with pytest.raises(MissingDependency, match="needs bitsandbytes\n  pip install 'ooc-harness\\[quant\\]'"):
            load_base(str(family("llava")), "float32", loading=Loading(quantize="4bit"))
    monkeypatch.setattr("harness_students.vlm_loading.find_spec", lambda name: name)
    with pytest.raises(TrainingError, match="a quantized base needs a CUDA device"):
        load_base(str(family("llava")), "float32", loading=Loading(quantize="4bit"))
    with pytest.raises(TrainingError, match="torch finds no CUDA device"):
        load_base(str(family("llava")), "float32", loading=Loading(device="cuda"))


def test_the_vision_side_is_not_quantized():
    from harness_students.vlm_loading import quantization

    four, eight = (quantization(bits, "bfloat16", FAMILIES["idefics3"]) for bits in ("4bit", "8bit"))
    assert four.llm_int8_skip_modules == eight.llm_int8_skip_modules == ["vision_model", "connector", "lm_head"]
    assert (four.load_in_4bit, four.bnb_4bit_quant_type, four.bnb_4bit_compute_dtype) == (True, "nf4", torch.bfloat16)
    assert eight.load_in_8bit
    with pytest.raises(TrainingError, match="only families with a preset can be quantized"):
        quantization("4bit", "bfloat16", None)


def test_the_frozen_vision_side_is_run_once_and_never_backwards(family, tmp_path):
    from transformers import TrainerCallback

    runs = []

    class Counter(TrainerCallback):
        """Counts what the first layer of the vision tower is put through."""

        def on_train_begin(self, *_, model, **__):
            layer = model.get_base_model().model.vision_tower.encoder.layers[0].mlp.fc1
            layer.register_forward_hook(lambda *_: runs.append("forward"))
            layer.register_full_backward_hook(lambda *_: runs.append("backward"))

    class Counted(Vlm):
        def _rig(self, trainer, *rest):
            trainer.add_callback(Counter())
            return super()._rig(trainer, *rest)

    weights = []
    for again in (True, False):
        bench = tiny_families.Bench(tmp_path / str(again))
        # The engine would keep what the vision side makes and never run it in training.
        vlm = Counted(**dict(student(family("llava"), gradient_checkpointing=again, engine="off")))
        vlm.train(ITEMS, TARGETS, Objective(), None, bench)
        weights.append((bench.out / "adapter_model.safetensors").read_bytes())
    # Two steps of either training, and one look at either result with and without the adapter.
    assert runs == ["forward"] * 8
    assert weights[0] == weights[1]


def _installed(package):
    from importlib.util import find_spec

    return find_spec(package) is not None
