"""Vision-language students, by the tiny LLaVA that comes with the package."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from harness.api import (
    Accepts,
    Image,
    Item,
    MissingDependency,
    Objective,
    Preference,
    Target,
    TrainingError,
    opposite,
)
from harness.reading import parse
from harness_benchmarks.newsworld import NewsWorld
from harness_students import vlm
from harness_students.tiny import TinyLlava
from harness_students.vlm import Vlm
from harness_students.vlm_base import load_base
from harness_students.vlm_predict import verdict_place, verdict_tokens
from harness_students.vlm_schedule import Schedule
from harness_students.vlm_text import answer_text, asked_with_image, prompt_text, read_verdict

torch = pytest.importorskip("torch")
pytest.importorskip("trl")
Bench = pytest.importorskip("tiny_families").Bench

pytestmark = pytest.mark.usefixtures("one_thread")

FOLDER = Path(vlm.__file__).with_name("tiny_llava")
FAST = Schedule(lr=2e-3, epochs=1, batch_size=8)
TINY = TinyLlava(sft=FAST, dpo=FAST)
WORLD = NewsWorld(train=16, validation=0, test=8)
ITEMS = {item.id: item for item in WORLD.items("train")}
LABELS = WORLD.labels("train")
TEST = WORLD.items("test")
TARGETS = [Target(item_id, label, rationale="Word found.") for item_id, label in LABELS.items()]
PAIRS = [Preference(target.item_id, target, (Target(target.item_id, opposite(target.verdict)),)) for target in TARGETS]
JOINT = Objective(losses={"sigmoid": 1.0, "sft": 1.0})


@pytest.fixture(scope="module")
def kept():
    return {}


@pytest.fixture
def bench(tmp_path, kept):
    return Bench(tmp_path / "out", kept=kept)


@pytest.fixture(scope="module")
def stage1(tmp_path_factory, kept):
    bench = Bench(tmp_path_factory.mktemp("stage1") / "out", kept=kept)
    TINY.train(ITEMS, TARGETS, Objective(), None, bench)
    return bench


@pytest.fixture(scope="module")
def base():
    return load_base(str(FOLDER), "float32")


def test_the_shipped_base_is_small_and_parsable_without_training(bench):
    assert (FOLDER / "model.safetensors").stat().st_size < 4_000_000
    predictions = list(TINY.predict(TEST, None, bench))
    assert [prediction.item_id for prediction in predictions] == [item.id for item in TEST]
    assert {prediction.outcome for prediction in predictions} == {"ok"}


def test_an_adapter_is_written_without_paths_and_without_anything_else(stage1):
    assert {file.name for file in stage1.out.iterdir()} == {"adapter_model.safetensors", "adapter_config.json"}
    config = json.loads((stage1.out / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny_llava"
    assert "/" not in (stage1.out / "adapter_config.json").read_text().replace("\\/", "")


def test_training_is_proved_and_logged_without_a_clock(stage1):
    facts = stage1.facts
    assert facts["examples"] == 16
    assert facts["adapted_outside_language_model"] == 0
    assert facts["adapted_modules"] > 0
    assert facts["start_adapter_sha256"] != facts["adapter_sha256"]
    assert stage1.lines[0]["step"] == 1
    assert stage1.lines[0]["loss"] > 0
    assert not [name for line in stage1.lines for name in line if "runtime" in name or "per_second" in name]


def test_the_same_seed_gives_the_same_adapter_and_another_seed_another(stage1, tmp_path, kept):
    again, other = Bench(tmp_path / "again", kept=kept), Bench(tmp_path / "other", seed=1, kept=kept)
    for bench in (again, other):
        TINY.train(ITEMS, TARGETS, Objective(), None, bench)
    weights = [(bench.out / "adapter_model.safetensors").read_bytes() for bench in (stage1, again, other)]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]
    assert again.facts["start_adapter_sha256"] != other.facts["start_adapter_sha256"]


def test_a_saved_adapter_predicts_the_same_in_a_fresh_worker(stage1, tmp_path):
    warm = list(TINY.predict(TEST, stage1.out, stage1))
    copied = shutil.copytree(stage1.out, tmp_path / "copied")
    assert list(TINY.predict(TEST, copied, Bench(tmp_path / "fresh"))) == warm


def test_training_leaves_no_trace_in_the_warm_base(stage1, tmp_path):
    assert list(TINY.predict(TEST, None, stage1)) == list(TINY.predict(TEST, None, Bench(tmp_path / "fresh")))


def test_training_changes_what_is_predicted(stage1):
    before, after = TINY.predict(TEST, None, stage1), TINY.predict(TEST, stage1.out, stage1)
    assert [prediction.p_falsified for prediction in before] != [prediction.p_falsified for prediction in after]


def test_stage_2_starts_from_stage_1_which_is_its_reference(stage1, bench):
    TINY.train(ITEMS, PAIRS, JOINT, stage1.out, bench)
    assert bench.facts["start_adapter_sha256"] == stage1.facts["adapter_sha256"]
    assert bench.facts["reference_adapter_sha256"] == stage1.facts["adapter_sha256"]
    assert bench.facts["adapter_sha256"] != stage1.facts["adapter_sha256"]
    assert max(map(abs, bench.facts["first_step_rewards"])) < 1e-4
    assert {file.name for file in bench.out.iterdir()} == {"adapter_model.safetensors", "adapter_config.json"}


def test_the_base_as_reference_shows_in_the_first_rewards(stage1, bench):
    TINY.train(ITEMS, PAIRS, JOINT.model_copy(update={"reference": "base"}), stage1.out, bench)
    assert max(map(abs, bench.facts["first_step_rewards"])) > 1e-4
    assert "reference_adapter_sha256" not in bench.facts


def test_a_target_among_preferences_has_no_margin_and_no_gradient_of_it(stage1, tmp_path, kept):
    same = [Preference(target.item_id, target, (target,)) for target in TARGETS]
    margins, pairs, mixed = (Bench(tmp_path / name, kept=kept) for name in ("margins", "pairs", "mixed"))
    TINY.train(ITEMS, same, Objective(losses={"sigmoid": 1.0}), stage1.out, margins)
    TINY.train(ITEMS, PAIRS, Objective(losses={"sigmoid": 1.0}), stage1.out, pairs)
    assert margins.lines[0]["loss"] == pytest.approx(math.log(2))
    # Chosen and rejected cancel out but for rounding.
    assert margins.lines[0]["grad_norm"] < 1e-5 < 1e-2 < pairs.lines[0]["grad_norm"]
    TINY.train(ITEMS, [PAIRS[0], *TARGETS[1:]], JOINT, stage1.out, mixed)
    assert mixed.facts["examples"] == 16


def test_without_examples_the_start_is_written_again(stage1, bench):
    TINY.train(ITEMS, [], JOINT, stage1.out, bench)
    name = "adapter_model.safetensors"
    assert (bench.out / name).read_bytes() == (stage1.out / name).read_bytes()


def test_an_unreadable_image_is_an_error_of_that_item_alone(stage1):
    broken = Item("broken", "The Rovers.", image=Image(read=lambda: b"no image", name="broken.png"))
    none = Item("none", "The Rovers.")
    predictions = list(TINY.predict([TEST[0], broken, none, TEST[1]], stage1.out, stage1))
    assert [prediction.outcome for prediction in predictions] == ["ok", "error", "error", "ok"]
    assert predictions[1].text.startswith("broken.png: is not an image that can be decoded")
    assert predictions[2].text == "It has no image."


def test_examples_without_a_readable_image_are_left_out_of_training(bench):
    items = {**ITEMS, "none": Item("none", "The Rovers.")}
    TINY.train(items, [*TARGETS, Target("none", "pristine")], Objective(), None, bench)
    assert (bench.facts["examples"], bench.facts["examples_without_image"]) == (16, 1)
    with pytest.raises(TrainingError, match="none of the examples has an image that can be read"):
        TINY.train(items, [Target("none", "pristine")], Objective(), None, bench)


def test_another_image_changes_the_probability_of_the_verdict(stage1):
    swapped = [Item(one.id, one.caption, image=other.image) for one, other in zip(TEST, reversed(TEST), strict=True)]
    own = [prediction.p_falsified for prediction in TINY.predict(TEST, stage1.out, stage1)]
    others = [prediction.p_falsified for prediction in TINY.predict(swapped, stage1.out, stage1)]
    assert all(one != other for one, other in zip(own, others, strict=True))


def test_the_probability_agrees_with_the_greedy_verdict(stage1):
    for prediction in TINY.predict(TEST, stage1.out, stage1):
        assert (prediction.p_falsified >= 0.5) == (prediction.verdict == "falsified")


def test_the_trainer_and_the_predictor_ask_in_the_same_words(base):
    from trl.data_utils import apply_chat_template, prepare_multimodal_messages

    text = prompt_text(TINY.prompt, "The {Rovers} in Arden.")
    picture = TEST[0].image.open()
    example = {
        "prompt": prepare_multimodal_messages([{"role": "user", "content": text}], images=[picture]),
        "completion": prepare_multimodal_messages([{"role": "assistant", "content": "Verdict: pristine"}]),
    }
    trained = apply_chat_template(example, base.processor)
    asked = base.processor.apply_chat_template(asked_with_image(text), add_generation_prompt=True, tokenize=False)
    assert trained["prompt"] == asked
    assert trained["completion"] == " Verdict: pristine</s>"


@pytest.mark.parametrize("text", ["Zoë's café – 北京", "{caption} {0}", "🙂 <b>"])
def test_any_text_survives_the_tokenizer(base, text):
    tokenizer = base.processor.tokenizer
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_the_verdict_is_looked_for_where_it_stands(base):
    tokenizer, words = base.processor.tokenizer, verdict_tokens(base.processor)
    for order in ("rationale-first", "verdict-first"):
        for verdict in ("pristine", "falsified"):
            text = " " + answer_text(verdict, "It is said that the opposite of falsified is pristine.", order)
            tokens = tokenizer.encode(text, add_special_tokens=False)
            place = verdict_place(base.processor, tokens, words, order)
            assert tokens[place] == words[verdict == "falsified"]
            assert tokenizer.decode(tokens[:place]).endswith("Verdict:")
    assert verdict_place(base.processor, tokenizer.encode(" pristine", add_special_tokens=False), words, order) is None


@pytest.mark.parametrize(
    ("text", "order", "verdict"),
    [
        ("Rovers found. Verdict: pristine", "rationale-first", "pristine"),
        ("Verdict: falsified. Rovers not found.", "verdict-first", "falsified"),
        ("**VERDICT** is: *Falsified*", "rationale-first", "falsified"),
        ("Verdict: pristine. No, verdict: falsified", "rationale-first", "falsified"),
        ("Verdict: pristine. No, verdict: falsified", "verdict-first", "pristine"),
        ("It is falsified.", "rationale-first", "falsified"),
        ("Neither pristine nor falsified.", "rationale-first", None),
        ("Rovers found", "rationale-first", None),
        ("unfalsified", "rationale-first", None),
        ("", "rationale-first", None),
    ],
)
def test_an_answer_is_read(text, order, verdict):
    assert read_verdict(text, order) == verdict


def test_reading_an_answer_of_any_length_takes_no_time():
    assert read_verdict("verdict " * 1_000_000, "rationale-first") is None


def test_a_cut_off_answer_is_unparsable(stage1):
    short = TINY.model_copy(update={"max_new_tokens": 4, "prompt": "{caption}\nCheck."})
    predictions = list(short.predict(TEST[:2], None, stage1))
    assert {(prediction.outcome, prediction.p_falsified) for prediction in predictions} == {("unparsable", None)}


def test_a_verdict_first_student_learns_and_is_read(bench):
    student = TINY.model_copy(update={"order": "verdict-first", "sft": Schedule(lr=1e-2, epochs=12, batch_size=8)})
    student.train(ITEMS, TARGETS, Objective(), None, bench)
    for prediction in student.predict(TEST[:3], bench.out, bench):
        assert prediction.text.startswith("Verdict:")


def test_lora_on_the_vision_side_is_refused(bench):
    with pytest.raises(TrainingError, match="LoRA would touch the vision side"):
        TINY.model_copy(update={"lora_targets": r".*\.q_proj"}).train(ITEMS, TARGETS, Objective(), None, bench)
    with pytest.raises(TrainingError, match="LoRA finds no module for 'nowhere'"):
        TINY.model_copy(update={"lora_targets": "nowhere"}).train(ITEMS, TARGETS, Objective(), None, bench)


ONE = TARGETS[0]


@pytest.mark.parametrize(
    ("examples", "objective", "cause"),
    [
        (PAIRS, Objective(), "the recipe yields preferences but its objective has no losses"),
        (PAIRS, Objective(losses={"kto": 1.0}), "'kto' is no preference loss of this student"),
        ([PAIRS[0], ONE], Objective(losses={"sigmoid": 1.0}), "plain targets among preferences would teach nothing"),
        (
            PAIRS,
            JOINT.model_copy(update={"reference": "none"}),
            "the preference loss 'sigmoid' cannot do without a reference",
        ),
        (
            [PAIRS[0], ONE],
            Objective(losses={"aot": 1.0, "sft": 1.0}),
            "'aot' compares sorted batches and cannot be learnt with plain targets",
        ),
        (
            [replace(PAIRS[0], weight=2.0)],
            Objective(losses={"aot_unpaired": 1.0}),
            "'aot_unpaired' compares sorted batches and cannot be learnt with weights",
        ),
        ([Target(ONE.item_id)], Objective(), "a target needs a verdict or a p_falsified"),
        ([Target(ONE.item_id, p_falsified=1.5)], Objective(), r"a p_falsified in \[0, 1\]"),
        ([Target(ONE.item_id, "pristine", weight=-1.0)], Objective(), "a weight of -1.0 is none"),
        ([Target(ONE.item_id, "pristine", weight=math.inf)], Objective(), "a weight of inf is none"),
        ([Target(ONE.item_id, "pristine", task="rationale")], Objective(), "the task 'rationale' without a rationale"),
        (
            [Target(ONE.item_id, "pristine", task="poem")],
            Objective(),
            "the task 'poem' is unknown\n  one of verdict, label, rationale",
        ),
        ([Preference(ONE.item_id, ONE, ())], JOINT, "a preference without a rejected answer"),
        (
            [Preference(ONE.item_id, ONE, (Target(ONE.item_id, p_falsified=0.2),))],
            JOINT,
            "an answer in a preference has a hard verdict and no weight of its own",
        ),
        (
            [Preference(ONE.item_id, ONE, (replace(ONE, task="label"),))],
            JOINT,
            "the answers of a preference are to different tasks",
        ),
    ],
)
def test_what_cannot_be_learnt_is_refused(examples, objective, cause, bench):
    with pytest.raises(TrainingError, match=cause):
        TINY.train(ITEMS, examples, objective, None, bench)


def test_it_says_what_it_accepts():
    assert TINY.accepts() == set(Accepts)
    assert TINY.losses() >= {"sigmoid", "sft", "ipo", "simpo", "cpo", "orpo", "plackett_luce", "anchor", "dpop"}
    assert TINY.reads() == {"image"}


def test_every_loss_that_it_claims_can_be_trained(stage1, tmp_path, kept):
    for loss in sorted(TINY.losses()):
        bench = Bench(tmp_path / loss, kept=kept)
        TINY.train(ITEMS, PAIRS[:2], Objective(losses={loss: 1.0}), stage1.out, bench)
        assert bench.facts["adapter_sha256"] != stage1.facts["adapter_sha256"]


def test_the_digest_is_of_the_folder_that_is_loaded(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "base")
    local = TINY.model_copy(update={"model": str(folder)})
    assert local.digest() == TINY.digest() != ""
    (folder / "pretrain.py").write_text("")
    assert local.digest() == TINY.digest()
    (folder / "config.json").write_text("{}")
    assert local.digest() != TINY.digest()
    assert Vlm().digest() == ""


def test_a_base_that_is_none_is_refused(bench, tmp_path):
    with pytest.raises(TrainingError, match=r"cannot load .* as an image-text-to-text model"):
        list(TINY.model_copy(update={"model": str(tmp_path)}).predict(TEST, None, bench))


def test_a_base_whose_weights_are_pickled_is_refused_unread(bench, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "*.safetensors", "__pycache__"))
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch run'\ntR.")
    with pytest.raises(TrainingError, match="cannot load"):
        list(TinyLlava(model=str(folder)).predict(TEST, None, bench))


def test_a_missing_package_is_named_with_its_remedy(monkeypatch, bench):
    import harness_students.vlm_base as vlm_base

    monkeypatch.setattr(vlm_base, "find_spec", partial(dict.get, {"torch": 1, "transformers": 1, "peft": 1}))
    with pytest.raises(MissingDependency) as caught:
        TINY.train(ITEMS, TARGETS, Objective(), None, bench)
    assert str(caught.value) == (
        "student tiny-llava: needs trl, datasets, accelerate, safetensors\n  pip install 'ooc-harness[train]'"
    )


def test_a_schedule_that_is_given_in_part_keeps_the_rest_of_the_students_own(registry):
    text = "students: {tiny: {uses: tiny-llava, sft: {epochs: 9}}}"
    student = parse(text, registry).students["tiny"]
    assert (student.sft.epochs, student.sft.lr, student.sft.batch_size) == (9, 5e-3, 32)
    assert student.dpo == type(student)().dpo


@pytest.mark.parametrize(("examples", "objective"), [(TARGETS, Objective()), (PAIRS, JOINT)], ids=["targets", "pairs"])
@pytest.mark.parametrize("batches", ["random", "items"])
def test_with_half_as_much_at_once_the_same_is_learnt(examples, objective, batches, stage1, tmp_path, kept):
    from safetensors.torch import load_file

    student = TINY.model_copy(update={"batches": batches})
    adapters = []
    for halvings in (0, 1):
        bench = Bench(tmp_path / str(halvings), kept=kept)
        bench.halvings = halvings
        student.train(ITEMS, examples, objective, stage1.out, bench)
        adapters.append(
            (
                load_file(bench.out / "adapter_model.safetensors"),
                [line["loss"] for line in bench.lines if "loss" in line],
            )
        )
    (whole, losses), (halved, halved_losses) = adapters
    assert len(losses) == len(halved_losses)
    assert halved_losses == pytest.approx(losses, rel=2e-2)
    assert max(float((whole[name] - halved[name]).abs().max()) for name in whole) < 2e-4
