"""What a vision-language student can be trained on: weights, soft labels, tasks and every preference loss."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.api import Job, Objective, Preference, Target, opposite
from harness.steps.bench import StepBench
from harness.store import Store
from harness_benchmarks.newsworld import NewsWorld
from harness_students import vlm
from harness_students.tiny import TinyLlava
from harness_students.vlm_base import load_base, open_adapter, quiet_peft
from harness_students.vlm_groups import grouped, weighted
from harness_students.vlm_objective import SORTED, STOCK
from harness_students.vlm_pictures import Pictures
from harness_students.vlm_preferences import preference_trainer
from harness_students.vlm_rows import make_rows
from harness_students.vlm_text import TASKS, answers
from harness_students.vlm_trl import Schedule
from harness_students.vlm_weights import weighted_trainer

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

pytestmark = pytest.mark.usefixtures("one_thread")

FOLDER = Path(vlm.__file__).with_name("tiny_llava")
FAST = Schedule(lr=2e-3, epochs=1, batch_size=8)
TINY = TinyLlava(sft=FAST, dpo=FAST)
WORLD = NewsWorld(train=12, validation=0, test=4)
ITEMS = {item.id: item for item in WORLD.items("train")}
LABELS = WORLD.labels("train")
TARGETS = [Target(item_id, label, rationale="Word found.") for item_id, label in LABELS.items()]
PICTURES = Pictures(ITEMS)
JOINT = Objective(losses={"sigmoid": 1.0, "sft": 0.5})


def flipped(target, rationale=""):
    return Target(target.item_id, opposite(target.verdict), rationale=rationale)


PAIRS = [Preference(target.item_id, target, (flipped(target),)) for target in TARGETS]
SEVERAL = [replace(pair, rejected=(*pair.rejected, flipped(pair.chosen, "Not found."))) for pair in PAIRS]
OTHER_IMAGE = [
    replace(pair, rejected=(pair.chosen,), image_of=other.item_id)
    for pair, other in zip(PAIRS, PAIRS[1:] + PAIRS[:1], strict=True)
]


@pytest.fixture(autouse=True)
def quiet():
    with quiet_peft():
        yield


@pytest.fixture
def bench(tmp_path):
    def make(name):
        (tmp_path / name).mkdir()
        return StepBench(Store(tmp_path / "store"), name, tmp_path / name, 0)

    return make


@pytest.fixture(scope="module")
def base():
    return load_base(str(FOLDER), "float32")


@pytest.fixture(scope="module")
def stage1(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stage1")
    TINY.train(ITEMS, TARGETS, Objective(), None, StepBench(Store(folder / "store"), "stage1", folder, 0))
    return folder


@pytest.fixture
def policy(base, stage1):
    return open_adapter(base, stage1, trainable=True)


def log(bench):
    """What was logged step by step, without the last line's summary."""
    lines = [json.loads(line) for line in (bench.out / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if "loss" in line]


def rows_of(examples, objective, order="rationale-first"):
    return list(make_rows(ITEMS, examples, PICTURES, objective, TINY.prompt, order).rows)


def shown(rows):
    return [{**row, "images": [PICTURES.open(row["item"])]} for row in rows]


def preferring(trainer, model, base, objective, rows, folder, reference=None, collator=None, **config):
    """A trainer of preferences over these rows, and its first batch, which holds them all."""
    from datasets import Dataset
    from trl import DPOConfig

    made = trainer(
        model=model,
        ref_model=reference,
        args=DPOConfig(
            output_dir=str(folder),
            beta=objective.beta,
            use_cpu=True,
            bf16=False,
            activation_checkpointing=False,
            max_length=None,
            report_to="none",
            remove_unused_columns=False,
            **config,
        ),
        train_dataset=Dataset.from_list([{"images": []}]),
        processing_class=base.processor,
        data_collator=collator,
    )
    made.objective = objective
    return made, made.data_collator(shown(rows))


def ours(model, base, objective, examples, folder, reference=None):
    rows = [_grouped(row) for row in rows_of(examples, objective)]
    return grouping(model, base, objective, rows, folder, reference)


def grouping(model, base, objective, rows, folder, reference=None):
    collator = grouped(base.processor, PICTURES)
    return preferring(preference_trainer(), model, base, objective, rows, folder, reference, collator)


def _grouped(row):
    """A stock row as a group of one rejected answer."""
    if "weight" in row:
        return row
    return {**row, "rejected": [row["rejected"]], "weight": 1.0, "image_of": None}


def loss_of(made, batch):
    return made.compute_loss(made.model, dict(batch))


def gradients(made, batch):
    made.model.zero_grad()
    loss_of(made, batch).backward()
    return {name: weight.grad.clone() for name, weight in made.model.named_parameters() if weight.grad is not None}


def test_every_loss_that_trl_knows_is_computed_as_trl_does(base, policy, tmp_path):
    from trl import DPOTrainer

    stock, batch = preferring(DPOTrainer, policy, base, JOINT, rows_of(PAIRS, JOINT), tmp_path, base.branch())
    for name in sorted(STOCK - SORTED):
        objective = Objective(losses={name: 0.7, "sft": 0.3}, beta=0.2)
        mine, groups = ours(policy, base, objective, PAIRS, tmp_path, stock.ref_model)
        stock.beta, stock.loss_types, stock.loss_weights = 0.2, list(objective.losses), list(objective.losses.values())
        torch.testing.assert_close(loss_of(mine, groups), loss_of(stock, batch), rtol=1e-6, atol=1e-6, msg=name)
        for measured in ("rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "logps/chosen"):
            assert mine._metrics["train"][measured][-1] == pytest.approx(
                stock._metrics["train"][measured][-1], abs=1e-5
            )


def test_gradients_are_trls_and_the_start_is_the_reference(base, policy, stage1, tmp_path):
    from trl import DPOTrainer

    named = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.5]}
    stock, batch = preferring(DPOTrainer, policy, base, JOINT, rows_of(PAIRS, JOINT), tmp_path, **named)
    wanted = gradients(stock, batch)
    mine, groups = ours(open_adapter(base, stage1, trainable=True), base, JOINT, PAIRS, tmp_path)
    found = gradients(mine, groups)
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=0, atol=1e-6)
    assert abs(mine._metrics["train"]["rewards/chosen"][-1]) < 1e-6


def test_cpo_with_the_likelihood_is_dpo_with_a_reference_of_zero(base, policy, stage1, tmp_path):
    from trl import DPOTrainer

    named = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 1.0]}
    stock, batch = preferring(DPOTrainer, policy, base, JOINT, rows_of(PAIRS, JOINT), tmp_path, **named)
    stock.precompute_ref_logps = True
    zeros = torch.zeros(len(PAIRS))
    wanted = loss_of(stock, {**batch, "ref_chosen_logps": zeros, "ref_rejected_logps": zeros})
    objective = Objective(losses={"cpo": 1.0, "sft": 1.0}, beta=JOINT.beta, reference="none")
    mine = ours(open_adapter(base, stage1, trainable=True), base, objective, PAIRS, tmp_path)
    torch.testing.assert_close(loss_of(*mine), wanted, rtol=0, atol=1e-6)


def test_a_plain_target_among_preferences_has_the_gradient_of_a_pair_with_itself(base, stage1, tmp_path):
    objective = Objective(losses={"plackett_luce": 1.0, "sft": 0.5})
    alone = rows_of([*PAIRS[:4], *TARGETS[4:8]], objective)
    assert [len(row["rejected"]) for row in alone] == [1] * 4 + [0] * 4
    paired = [{**row, "rejected": row["rejected"] or [row["chosen"]]} for row in alone]
    found, wanted = (
        gradients(*grouping(open_adapter(base, stage1, trainable=True), base, objective, rows, tmp_path))
        for rows in (alone, paired)
    )
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("examples", "objective", "stock"),
    [
        (PAIRS, JOINT, True),
        ([*PAIRS, TARGETS[0]], JOINT, True),
        (PAIRS, Objective(losses={"aot": 1.0, "nca_pair": 1.0}), True),
        (PAIRS, Objective(losses={"simpo": 1.0}), False),
        (PAIRS, Objective(losses={"sft": 1.0}, reference="none"), False),
        ([*PAIRS, TARGETS[0]], Objective(losses={"nca_pair": 1.0, "sft": 1.0}), False),
        ([*PAIRS, Target(TARGETS[0].item_id, p_falsified=0.3)], JOINT, False),
        ([replace(PAIRS[0], weight=0.5)], JOINT, False),
        (SEVERAL, JOINT, False),
        (OTHER_IMAGE, JOINT, False),
        (TARGETS, Objective(), True),
        ([replace(TARGETS[0], weight=0.5)], Objective(), False),
        ([replace(TARGETS[0], task="rationale")], Objective(), True),
    ],
)
def test_trls_own_trainer_learns_what_it_can_express(examples, objective, stock):
    assert make_rows(ITEMS, examples, PICTURES, objective, TINY.prompt, "rationale-first").stock == stock


def nll(base, model, rows):
    """Negative log-likelihood and number of tokens of each row, one at a time, by the model's own logits."""
    found = []
    for row in shown(rows):
        batch = weighted(base.processor)([row])
        labels = batch["labels"][:, 1:]
        given = {name: value for name, value in batch.items() if name not in ("labels", "weight")}
        with torch.no_grad():
            logps = model(**given).logits[:, :-1].log_softmax(-1)
        picked = logps.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
        found.append((-float(picked[labels != -100].sum()), int((labels != -100).sum())))
    return found


def tuning(trainer, model, base, folder):
    from datasets import Dataset
    from trl import SFTConfig

    args = SFTConfig(
        output_dir=str(folder),
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        max_length=None,
        report_to="none",
        completion_only_loss=True,
    )
    data = Dataset.from_list([{"images": [], "prompt": "", "completion": ""}])
    return trainer(model=model, args=args, train_dataset=data, processing_class=base.processor)


def test_weights_of_one_give_the_stock_loss_bit_by_bit(base, policy, tmp_path):
    from trl import SFTTrainer

    rows = shown(rows_of(TARGETS, Objective()))
    stock, mine = (tuning(trainer, policy, base, tmp_path) for trainer in (SFTTrainer, weighted_trainer()))
    wanted = loss_of(stock, stock.data_collator([dict(row) for row in rows]))
    assert torch.equal(loss_of(mine, weighted(base.processor)(rows)), wanted)


def test_the_loss_of_weighted_answers_is_the_weighted_sum_over_all_tokens(base, policy, tmp_path):
    examples = [replace(target, weight=0.25 * place) for place, target in enumerate(TARGETS[:4])]
    rows = rows_of(examples, Objective())
    said = nll(base, policy, rows)
    wanted = sum(0.25 * place * loss for place, (loss, _) in enumerate(said)) / sum(tokens for _, tokens in said)
    mine = tuning(weighted_trainer(), policy, base, tmp_path)
    assert float(loss_of(mine, weighted(base.processor)(shown(rows))).detach()) == pytest.approx(wanted, abs=1e-5)


def test_a_soft_label_is_the_cross_entropy_of_both_answers(base, policy, tmp_path):
    soft = replace(TARGETS[0], verdict=None, p_falsified=0.3, rationale="", weight=2.0)
    rows = rows_of([soft], Objective())
    hard = rows_of([replace(soft, verdict=word) for word in ("falsified", "pristine")], Objective())
    (falsified, long), (pristine, wide) = nll(base, policy, hard)
    wanted = 2.0 * (0.3 * falsified + 0.7 * pristine) / (long + wide)
    mine = tuning(weighted_trainer(), policy, base, tmp_path)
    assert float(loss_of(mine, weighted(base.processor)(shown(rows))).detach()) == pytest.approx(wanted, abs=1e-5)


def test_soft_labels_draw_the_probability_to_where_they_are(bench):
    student = TinyLlava(sft=Schedule(lr=5e-3, epochs=25, batch_size=24, decay="constant_with_warmup"))
    made = bench("soft")
    soft = [Target(item_id, p_falsified=0.8, rationale="Word found.") for item_id in ITEMS]
    student.train(ITEMS, soft, Objective(), None, made)
    said = [prediction.p_falsified for prediction in student.predict(list(ITEMS.values()), made.out, made)]
    assert sum(said) / len(said) == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("rationale-first", [("So. Verdict: falsified", 0.8), ("So. Verdict: pristine", 0.2)]),
        ("verdict-first", [("Verdict: falsified. So.", 0.8), ("Verdict: pristine", 0.2)]),
    ],
)
def test_the_rationale_of_a_soft_label_argues_for_the_likelier_verdict(order, said):
    found = answers(Target("a", p_falsified=0.8, rationale="So."), order)
    assert [text for text, _ in found] == [text for text, _ in said]
    assert [share for _, share in found] == pytest.approx([share for _, share in said])


@pytest.mark.parametrize(("p", "verdict"), [(1.0, "falsified"), (0.0, "pristine")])
def test_a_soft_label_without_doubt_is_a_hard_one(p, verdict):
    for order in ("rationale-first", "verdict-first"):
        soft, hard = Target("a", p_falsified=p, rationale="So."), Target("a", verdict, rationale="So.")
        assert answers(soft, order) == answers(hard, order)


def test_each_task_has_its_question_and_its_answer():
    asked = {}
    for task in TASKS:
        [row] = rows_of([replace(TARGETS[0], task=task)], Objective())
        asked[task] = (row["prompt"][0]["content"], row["completion"][0]["content"])
    caption = ITEMS[TARGETS[0].item_id].caption
    verdict = f"Verdict: {TARGETS[0].verdict}"
    assert asked == {
        "verdict": (f"{caption}\nIn context?", f"Word found. {verdict}"),
        "label": (f"{caption}\nIn context?", verdict),
        "rationale": (f"[rationale] {caption}\nIn context?", "Word found."),
    }


def test_a_student_learns_two_tasks_at_once(bench):
    made = bench("tasks")
    both = [replace(target, task=task) for target in TARGETS for task in ("label", "rationale")]
    TINY.train(ITEMS, both, Objective(), None, made)
    assert made.proofs["examples"] == 24


def test_the_rejected_answer_is_shown_with_the_other_items_image(base):
    rows = rows_of(OTHER_IMAGE[:2], JOINT)
    batch = grouped(base.processor, PICTURES)(shown(rows))
    pixels = batch["pixel_values"]  # chosen, chosen, rejected, rejected
    own = [base.processor.image_processor(PICTURES.open(row["item"]), return_tensors="pt") for row in rows]
    other = [base.processor.image_processor(PICTURES.open(row["image_of"]), return_tensors="pt") for row in rows]
    for place, made in enumerate([*own, *other]):
        assert torch.equal(pixels[place], made["pixel_values"][0])
    assert torch.equal(batch["input_ids"][:2], batch["input_ids"][2:])
    assert not torch.equal(pixels[0], pixels[2])


def test_a_pair_of_images_is_told_apart_by_the_image_alone(base, policy, tmp_path):
    objective = Objective(losses={"sigmoid": 1.0}, beta=1.0, reference="base")
    made, batch = ours(policy, base, objective, OTHER_IMAGE, tmp_path, base.branch())
    assert float(loss_of(made, batch).detach()) != pytest.approx(math.log(2), abs=1e-3)
    same = [replace(pair, image_of=pair.item_id) for pair in OTHER_IMAGE]
    made, batch = ours(policy, base, objective, same, tmp_path, base.branch())
    assert float(loss_of(made, batch).detach()) == pytest.approx(math.log(2), abs=1e-6)


def test_several_rejected_answers_weigh_as_much_as_one_and_their_order_is_nothing(base, policy, tmp_path):
    objective = Objective(losses={"sigmoid": 1.0}, reference="base")
    parts = [[replace(pair, rejected=(pair.rejected[place],), weight=2.0) for pair in SEVERAL[:4]] for place in (0, 1)]
    whole = [replace(pair, weight=2.0) for pair in SEVERAL[:4]]
    turned = [replace(pair, rejected=pair.rejected[::-1]) for pair in whole]
    reference = base.branch()
    losses = [
        float(loss_of(*ours(policy, base, objective, examples, tmp_path, reference)).detach())
        for examples in (*parts, whole, turned)
    ]
    assert losses[0] != pytest.approx(losses[1], abs=1e-4)
    assert losses[2:] == pytest.approx([(losses[0] + losses[1]) / 2] * 2, abs=1e-6)


def test_a_reference_that_comes_with_the_batch_is_not_computed(base, policy, tmp_path):
    objective = Objective(losses={"plackett_luce": 1.0}, reference="base")
    made, batch = ours(policy, base, objective, SEVERAL[:3], tmp_path, base.branch())
    wanted = loss_of(made, batch)
    logps = torch.cat(
        made.compute_ref_log_probs(
            made.ref_model, {k: v for k, v in batch.items() if k not in ("weight", "rejected_of")}
        )
    )
    made.ref_model = None
    known = {**batch, "ref_chosen_logps": logps[:3], "ref_rejected_logps": logps[3:]}
    torch.testing.assert_close(loss_of(made, known), wanted)


@pytest.mark.parametrize(
    ("examples", "losses", "reference"),
    [
        (SEVERAL, {"plackett_luce": 1.0, "sft": 1.0}, "start"),
        (OTHER_IMAGE, {"sigmoid": 1.0, "anchor": 1.0, "sft": 1.0}, "start"),
        ([*PAIRS[:6], *TARGETS[6:]], {"apo_zero": 1.0, "sft": 1.0}, "start"),
        ([replace(pair, weight=0.5) for pair in PAIRS], {"dpop": 1.0}, "base"),
        ([*SEVERAL[:6], Target(PAIRS[7].item_id, p_falsified=0.4)], {"orpo": 1.0, "sft": 1.0}, "none"),
    ],
)
def test_what_no_stock_trainer_can_express_is_trained(examples, losses, reference, stage1, bench):
    made = bench("model")
    TINY.train(ITEMS, examples, Objective(losses=losses, reference=reference), stage1, made)
    assert made.proofs["examples"] == len(examples)
    assert made.proofs["adapter_sha256"] != made.proofs["start_adapter_sha256"]
    is_start = max(map(abs, made.proofs["first_step_rewards"])) < 1e-4
    assert is_start == (reference == "start") == ("reference_adapter_sha256" in made.proofs)
    assert all(line["tokens_per_second"] > 0 for line in made.measured if "step" in line)
    told = {
        "loss",
        "grad_norm",
        "num_tokens",
        "learning_rate",
        "logps/chosen",
        "logps/rejected",
        "drift/chosen",
        "drift/rejected",
    }
    rewards = {"rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies"}
    assert told | rewards <= log(made)[0].keys()


def test_fine_tuning_then_dpo_then_simpo_each_go_on_from_the_one_before(bench):
    course = [
        (TARGETS, Objective()),
        (PAIRS, Objective(losses={"sigmoid": 1.0, "sft": 1.0})),
        (PAIRS, Objective(losses={"simpo": 1.0}, beta=2.5, gamma=1.0, reference="none")),
    ]
    student = TinyLlava(sft=FAST, dpo=Schedule(lr=2e-3, epochs=4, batch_size=12))
    start, adapters = None, []
    for place, (examples, objective) in enumerate(course):
        made = bench(f"recipe-{place}")
        student.train(ITEMS, examples, objective, start, made)
        start = made.out
        adapters.append((made.proofs["start_adapter_sha256"], made.proofs["adapter_sha256"]))
    assert [after for _, after in adapters[:2]] == [before for before, _ in adapters[1:]]
    assert "reference_adapter_sha256" not in made.proofs
    assert log(made)[-1]["rewards/margins"] > log(made)[0]["rewards/margins"]


def test_likelihood_displacement_shows_in_the_drift(stage1, bench):
    alone, held = bench("alone"), bench("held")
    student = TinyLlava(dpo=Schedule(lr=1e-2, epochs=8, batch_size=12, decay="constant_with_warmup"))
    student.train(ITEMS, PAIRS, Objective(losses={"sigmoid": 1.0}, beta=1.0), stage1, alone)
    student.train(ITEMS, PAIRS, Objective(losses={"sigmoid": 1.0, "sft": 5.0}, beta=1.0), stage1, held)
    first, *_, last = log(alone)
    assert (abs(first["drift/chosen"]), abs(first["drift/rejected"])) < (1e-4, 1e-4)
    assert last["drift/rejected"] < last["drift/chosen"]
    assert last["drift/chosen"] < log(held)[-1]["drift/chosen"]
    assert last["drift/chosen"] == pytest.approx(last["logps/chosen"] - first["logps/chosen"], abs=1e-3)


SOFT = [Target(target.item_id, p_falsified=0.3, rationale="Word found.") for target in TARGETS[:4]]


@pytest.mark.parametrize(
    ("examples", "losses", "reference"),
    [
        (SEVERAL, {"simpo": 1.0, "sft": 0.5}, "none"),
        (SEVERAL, {"orpo": 1.0, "sft": 1.0}, "none"),
        ([*SEVERAL[:8], *TARGETS[8:]], {"plackett_luce": 1.0, "sft": 1.0}, "start"),
        ([*PAIRS[:4], *OTHER_IMAGE[:4], *SOFT], {"sigmoid": 1.0, "anchor": 1.0, "sft": 1.0}, "base"),
        ([replace(pair, weight=2.0) for pair in PAIRS], {"sigmoid": 1.0}, "start"),
        ([*SOFT, *(replace(target, weight=0.4) for target in TARGETS[2:])], {}, "start"),
    ],
    ids=["simpo", "orpo", "plackett-luce", "other-image", "weights", "soft-labels"],
)
def test_the_engine_leaves_every_objective_as_it_is(examples, losses, reference, stage1, bench):
    objective = Objective(losses=losses, beta=0.5, reference=reference)
    on, off = bench("on"), bench("off")
    for made, engine in ((on, True), (off, False)):
        TinyLlava(sft=FAST, dpo=FAST, engine=engine).train(ITEMS, examples, objective, stage1, made)
    mechanisms = {"tokens": "on", "features": "on", "head": "on", "prefix": "on"}
    known = {"reference": "none" if reference == "none" else "on"} if losses else {}
    assert on.proofs["engine"] == mechanisms | known
    assert "engine" not in off.proofs
    assert len(log(on)) == len(log(off)) > 1
    for one, other in zip(log(on), log(off), strict=True):
        assert one["num_tokens"] == other["num_tokens"]
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-3)


def test_trainings_with_weights_and_losses_of_our_own_end_together_as_if_each_were_alone(stage1, bench):
    simpo = Objective(losses={"simpo": 1.0, "sft": 1.0}, beta=2.0, reference="none")
    ranked = Objective(losses={"plackett_luce": 1.0, "sft": 1.0})
    weighted = [replace(target, weight=0.5) for target in TARGETS]
    wanted = [(SEVERAL, ranked, stage1), (PAIRS, simpo, stage1), (weighted, Objective(), None)]
    alone, together = [bench(f"alone-{name}") for name in range(3)], [bench(f"together-{name}") for name in range(3)]
    for (examples, objective, start), made in zip(wanted, alone, strict=True):
        TINY.train(ITEMS, examples, objective, start, made)
    student = TinyLlava(sft=FAST, dpo=FAST, together=3)
    student.train_many([Job(ITEMS, *given, made) for given, made in zip(wanted, together, strict=True)])
    for one, other in zip(alone, together, strict=True):
        assert [line["loss"] for line in log(other)] == pytest.approx([line["loss"] for line in log(one)], abs=1e-5)
