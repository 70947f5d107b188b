"""Several trainings of the tiny LLaVA at once, against the same ones alone."""

from __future__ import annotations

import json
import random
import warnings
from functools import partial
from pathlib import Path

import pytest

from harness.api import Job, Objective, Preference, Target, TrainingError, opposite
from harness.testing import checks_for, rule_of, workbench
from harness_benchmarks.newsworld import NewsWorld
from harness_students.engine.switches import Engine
from harness_students.tiny import TinyLlava
from harness_students.vlm import Vlm
from harness_students.vlm_base import quiet_peft
from harness_students.vlm_joint import Call, join, joinable, split
from harness_students.vlm_many import train_together
from harness_students.vlm_trl import Schedule
from harness_students.vlm_turns import Turn

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

pytestmark = pytest.mark.usefixtures("one_thread")

FAST = Schedule(lr=2e-3, epochs=2, batch_size=4, warmup=0.1)
TINY = TinyLlava(sft=FAST, dpo=FAST, together=3)
WORLD = NewsWorld(train=12, validation=0, test=8)
ITEMS = {item.id: item for item in WORLD.items("train")}
TARGETS = [Target(item_id, label, rationale="Word found.") for item_id, label in WORLD.labels("train").items()]
PAIRS = [Preference(target.item_id, target, (Target(target.item_id, opposite(target.verdict)),)) for target in TARGETS]
PLAIN, JOINT = Objective(), Objective(losses={"sigmoid": 1.0, "sft": 1.0})


@pytest.fixture
def job(tmp_path):
    def make(name, examples=TARGETS, objective=PLAIN, start=None, seed=0):
        return Job(ITEMS, examples, objective, start, workbench(tmp_path, seed, name))

    return make


@pytest.fixture(scope="module")
def starts(tmp_path_factory):
    """Two stage-1 adapters."""
    root, folders = tmp_path_factory.mktemp("starts"), []
    for seed in (0, 1):
        bench = workbench(root, seed, str(seed))
        TINY.train(ITEMS, TARGETS, PLAIN, None, bench)
        folders.append(bench.out)
    return folders


def alone(job, student=TINY):
    student.train(job.items, job.examples, job.objective, job.start, job.bench)


def lines(job):
    return [json.loads(line) for line in (job.bench.out / "log.jsonl").read_text().splitlines()]


def weights(job):
    from safetensors.torch import load_file

    return load_file(job.bench.out / "adapter_model.safetensors")


def assert_equal(one, many):
    assert len(lines(one)) == len(lines(many)) > 1
    for line, other in zip(lines(one), lines(many), strict=True):
        # Where policy and reference are one, rounding says which of two answers is ahead.
        line.pop("rewards/accuracies", None)
        other.pop("rewards/accuracies", None)
        assert other == pytest.approx(line, abs=1e-5)
    for name, weight in weights(one).items():
        assert torch.allclose(weights(many)[name], weight, atol=1e-5), name
    hashes = [name for name in one.bench.proofs if name == "adapter_sha256"]
    rewards = one.bench.proofs.get("first_step_rewards", [])
    assert many.bench.proofs.get("first_step_rewards", []) == pytest.approx(rewards, abs=1e-5)
    known = {*hashes, "first_step_rewards"}
    assert {name: fact for name, fact in one.bench.proofs.items() if name not in known} == {
        name: fact for name, fact in many.bench.proofs.items() if name not in known
    }
    assert one.bench.proofs.keys() == many.bench.proofs.keys()


class Rows:
    """Counts the rows of each call of the language model's layers."""

    def __init__(self):
        self.found = []

    def __enter__(self):
        self.hook = torch.nn.modules.module.register_module_forward_pre_hook(self.see)
        return self

    def see(self, module, inputs):
        if type(module).__name__.endswith("DecoderLayer") and module.self_attn.layer_idx == 0:
            self.found.append(len(inputs[0]))

    def __exit__(self, *_):
        self.hook.remove()


class Interruption(Rows):
    """Breaks off at the fourth common call of the language model."""

    def see(self, module, inputs):
        super().see(module, inputs)
        if [count > 4 for count in self.found].count(True) == 4:
            raise InterruptedError


def test_fine_tunings_with_other_seeds_and_lengths_end_as_if_each_were_alone(job):
    wanted = [
        (TARGETS, PLAIN, None, 0),
        (TARGETS, PLAIN, None, 1),
        (TARGETS[:6], Objective(epochs=3, lr=1e-3), None, 2),
    ]
    ones = [job(f"one-{index}", *given) for index, given in enumerate(wanted)]
    many = [job(f"many-{index}", *given) for index, given in enumerate(wanted)]
    for one in ones:
        alone(one)
    with Rows() as rows:
        TINY.train_many(many)
    # Six steps each: 3 batches of 4 twice, and a batch of 4 and one of 2 three times.
    assert [count for count in rows.found if count > 4][:6] == [12, 10, 12, 10, 12, 10]
    for one, other in zip(ones, many, strict=True):
        assert_equal(one, other)


def test_preference_trainings_with_other_starts_betas_and_references_end_as_if_each_were_alone(job, starts):
    harder = JOINT.model_copy(update={"beta": 0.5})
    based = JOINT.model_copy(update={"reference": "base", "losses": {"ipo": 1.0}})
    wanted = [(PAIRS, JOINT, starts[0], 0), (PAIRS[:6], harder, starts[1], 1), (PAIRS, based, starts[1], 0)]
    ones = [job(f"one-{index}", *given) for index, given in enumerate(wanted)]
    many = [job(f"many-{index}", *given) for index, given in enumerate(wanted)]
    for one in ones:
        alone(one)
    with Rows() as rows:
        TINY.train_many(many)
    # A question with its two answers is one row: 4 pairs of each of three, or 2 of the second.
    assert [count for count in rows.found if count > 8][:4] == [12, 10, 12, 10]
    for one, other in zip(ones, many, strict=True):
        assert_equal(one, other)
    for other in many[:2]:
        assert max(map(abs, other.bench.proofs["first_step_rewards"])) < 1e-4
        assert other.bench.proofs["reference_adapter_sha256"] == other.bench.proofs["start_adapter_sha256"]


def test_in_stock_trainers_a_fine_tuning_and_a_preference_training_can_be_done_at_once(job, starts):
    stock = TINY.model_copy(update={"engine": Engine.model_validate("off")})
    wanted = [(TARGETS, PLAIN, None, 3), (PAIRS, JOINT, starts[0], 0)]
    ones = [job(f"one-{index}", *given) for index, given in enumerate(wanted)]
    many = [job(f"many-{index}", *given) for index, given in enumerate(wanted)]
    for one in ones:
        alone(one, stock)
    with Rows() as rows:
        stock.train_many(many)
    assert 4 + 8 in rows.found
    for one, other in zip(ones, many, strict=True):
        assert_equal(one, other)


def test_a_training_that_fails_stops_the_others_and_says_why(job):
    jobs = [job("good"), job("bad", PAIRS, Objective(losses={"nonsense": 1.0}))]
    with pytest.raises(TrainingError, match="'nonsense' is no preference loss"):
        TINY.train_many(jobs)
    assert not list(jobs[0].bench.out.glob("*.safetensors"))
    TINY.train_many([job("good"), job("better", seed=1)])


def test_trainings_that_broke_off_together_go_on_from_their_checkpoints(job):
    student = TINY.model_copy(update={"checkpoint_minutes": 0.0})
    whole = [job("whole-0"), job("whole-1", seed=1)]
    student.train_many(whole)
    cut = [job("cut-0"), job("cut-1", seed=1)]
    with pytest.raises(InterruptedError), Interruption():
        student.train_many(cut)
    cut = [job("cut-0"), job("cut-1", seed=1)]
    student.train_many(cut)
    for one, other in zip(whole, cut, strict=True):
        assert other.bench.proofs["resumed_at_step"] == 3
        assert all(torch.equal(weights(other)[name], weight) for name, weight in weights(one).items())


def test_with_dropout_each_is_done_alone(job):
    student = TINY.model_copy(update={"dropout": 0.1})
    one, many = job("one"), [job("many-0"), job("many-1", seed=1)]
    alone(one, student)
    with Rows() as rows:
        student.train_many(many)
    assert max(rows.found) == 4
    assert weights(many[0]).keys() == weights(one).keys()
    assert all(torch.equal(weights(many[0])[name], weight) for name, weight in weights(one).items())


def test_the_option_says_how_many_and_is_no_part_of_the_identity():
    from harness.identity import identity

    assert (TINY.at_once(), TinyLlava().at_once()) == (3, 1)
    assert identity(TINY) == identity(TINY.model_copy(update={"together": 1}))


@pytest.mark.slow
@pytest.mark.parametrize("family", ["llava_next", "idefics3", "gemma3"])
def test_in_every_family_trainings_go_through_the_language_model_together(job, tmp_path, family):
    from tiny_families import make

    student = Vlm(
        model=str(make(family, tmp_path / "model")),
        dtype="float32",
        lora_targets=r".*(language_model|text_model).*\.(q_proj|v_proj|down_proj)",
        sft=FAST,
        dpo=FAST,
        together=2,
    )
    for stage, (examples, objective) in {"sft": (TARGETS, PLAIN), "dpo": (PAIRS, JOINT)}.items():
        ones = [job(f"{stage}-one-{seed}", examples, objective, seed=seed) for seed in (0, 1)]
        many = [job(f"{stage}-many-{seed}", examples, objective, seed=seed) for seed in (0, 1)]
        for one in ones:
            alone(one, student)
        with Rows() as rows:
            student.train_many(many)
        assert max(rows.found) == 2 * 4
        for one, other in zip(ones, many, strict=True):
            assert_equal(one, other)


@pytest.mark.slow
def test_it_keeps_the_contract_of_students_that_train_many():
    check = next(check for check in checks_for(TinyLlava) if rule_of(check) == "trains many as it trains each")
    check(TinyLlava(together=3))


@pytest.mark.parametrize("options", [{"activation_checkpointing": True}, {"bf16": True}])
def test_activations_computed_again_and_lower_precision_give_what_they_give_alone(tmp_path, starts, options):
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from harness_students import vlm
    from harness_students.vlm_base import load_base, open_adapter

    base = load_base(str(Path(vlm.__file__).with_name("tiny_llava")), "float32")
    rows = [
        {
            "prompt": [{"role": "user", "content": item.caption}],
            "completion": [{"role": "assistant", "content": "Verdict: pristine"}],
            "images": [item.image.open()],
        }
        for item in list(ITEMS.values())[:4]
    ]

    def train(start, enter=lambda _: None):
        trainer = SFTTrainer(
            model=open_adapter(base, start, trainable=True),
            args=SFTConfig(
                **{"bf16": False, "activation_checkpointing": False, **options},
                output_dir=str(tmp_path),
                save_strategy="no",
                per_device_train_batch_size=2,
                max_steps=3,
                max_length=None,
                logging_steps=1,
                use_cpu=True,
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=base.processor,
        )
        enter(trainer)
        trainer.train()
        logged = [(line["loss"], line["grad_norm"]) for line in trainer.state.log_history if "loss" in line]
        found.append((start, logged))

    found = []
    with quiet_peft():
        for start in starts:
            train(start)
        with Rows() as seen:
            train_together(base, [partial(train, start) for start in starts])
    assert max(seen.found) == 4
    alone, many = dict(found[:2]), dict(found[2:])
    tolerance = 2e-2 if "bf16" in options else 1e-5
    for start in starts:
        assert [number for line in many[start] for number in line] == pytest.approx(
            [number for line in alone[start] for number in line], rel=tolerance, abs=tolerance
        )


def call(rows, length, mask, **others):
    embeds = torch.arange(rows * length * 2.0).reshape(rows, length, 2) + 1
    inputs = {"inputs_embeds": embeds, "attention_mask": mask, **others}
    return Call("name", inputs, grad=True, autocast=None)


def test_calls_are_put_below_each_other_and_taken_apart_again():
    one = call(1, 3, torch.tensor([[1, 1, 0]]), use_cache=False)
    other = call(2, 2, None, use_cache=False)
    assert one.kind == other.kind
    joined = join([one, other])
    assert joined["inputs_embeds"].shape == (3, 3, 2)
    assert joined["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 0], [1, 1, 0]]
    assert joined["use_cache"] is False
    parts = split(joined["inputs_embeds"], [one, other])
    for part, given in zip(parts, (one, other), strict=True):
        assert torch.equal(part, given.inputs["inputs_embeds"])


@pytest.mark.parametrize(("kind", "shown", "hidden"), [(torch.bool, True, False), (torch.float32, 0.0, -3.4e38)])
def test_what_fills_up_a_mask_of_pairs_of_tokens_looks_at_itself_alone(kind, shown, hidden):
    wide = torch.full((1, 1, 3, 3), shown, dtype=kind)
    narrow = torch.full((1, 1, 1, 1), shown, dtype=kind)
    calls = [call(1, 3, {"full": wide}), call(1, 1, {"full": narrow})]
    assert calls[0].kind == calls[1].kind != call(1, 3, wide).kind
    mask = join(calls)["attention_mask"]["full"]
    assert torch.equal(mask[0], wide[0])
    assert (mask[1, 0] == shown).tolist() == torch.eye(3, dtype=torch.bool).tolist()
    assert (mask[1, 0][~torch.eye(3, dtype=torch.bool)] <= hidden).all()


def test_positions_are_put_together_whatever_stands_before_them():
    three = torch.arange(2).expand(3, 1, 2)
    joined = join(
        [call(2, 2, torch.ones(2, 2), position_ids=three), call(1, 1, torch.ones(1, 1), position_ids=three[..., :1])]
    )
    assert joined["position_ids"].shape == (3, 3, 2)
    assert joined["position_ids"][0].tolist() == [[0, 1], [0, 1], [0, 0]]


@pytest.mark.parametrize(
    "others",
    [
        {"use_cache": True},
        {"return_dict": False},
        {"output_hidden_states": True},
        {"visual_pos_masks": torch.ones(1, 2)},
        {"attention_mask": torch.ones(1, 2, 2)},
        {"attention_mask": None, "position_ids": torch.zeros(1, 2)},
        {"inputs_embeds": None},
    ],
)
def test_a_call_that_is_not_understood_is_left_to_its_own_model(others):
    usual = {"inputs_embeds": torch.ones(1, 2, 2), "attention_mask": torch.ones(1, 2), "use_cache": False}
    assert joinable(usual)
    assert not joinable({**usual, **others})


def test_turns_never_run_at_the_same_time_and_each_has_its_own_random_numbers():
    def roll(turn, seed, rolls):
        torch.manual_seed(seed)
        random.seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(3):
                warnings.warn(f"of {seed}", stacklevel=1)
                rolls.append((float(torch.rand(())), random.random(), turn and turn.ask("next")))

    found, wanted = ([], []), ([], [])
    before, filters = torch.get_rng_state(), list(warnings.filters)
    turns = [Turn(lambda turn, seed=seed: roll(turn, seed, found[seed])) for seed in (0, 1)]
    for answer in (None, "a", "b", "c"):
        for turn in turns:
            asked = turn.go_on(answer)
    assert asked is None
    assert torch.equal(torch.get_rng_state(), before)
    assert warnings.filters == filters
    for seed in (0, 1):
        roll(None, seed, wanted[seed])
        assert [rolled[:2] for rolled in found[seed]] == [rolled[:2] for rolled in wanted[seed]]
        assert [rolled[2] for rolled in found[seed]] == ["a", "b", "c"]


def test_a_turn_that_is_stopped_ends_where_it_waits():
    ended = []

    def wait(turn):
        try:
            turn.ask("anything")
        finally:
            ended.append(True)

    turn = Turn(wait)
    assert turn.go_on() == "anything"
    turn.stop()
    turn.stop()
    assert ended == [True]
