"""The probe: both stages, the formulas of its losses, its proofs and its file."""

import json
import math
import os

import numpy as np
import pytest
import torch
from vectors import accuracy, targets, world

from harness.api import Accepts, Item, Objective, Preference, Target, TrainingError, sha256_of
from harness_students.inputs import Inputs
from harness_students.probe import Probe
from harness_students.probe_losses import batch_of, loss_of
from harness_students.probe_model import FILE, load
from harness_students.vlm_losses import Scores, total

needs_real_data = pytest.mark.skipif(
    not os.environ.get("HARNESS_REAL_DATA"), reason="HARNESS_REAL_DATA, the folder of published data, is not set"
)

PAIR = Objective(losses={"sigmoid": 1.0, "sft": 1.0})


def pair(key, chosen, rejected, weight=1.0):
    return Preference(key, Target(key, chosen), (Target(key, rejected),), weight=weight)


def read(folder):
    return (folder / FILE).read_bytes()


@pytest.mark.parametrize("hidden", [0, 16])
def test_it_learns_targets_and_says_so_of_unseen_items(bench, hidden):
    items, labels = world()
    probe = Probe(hidden=hidden, lr=0.02)
    trained = bench("trained")
    probe.train(items, targets(labels), Objective(), None, trained)
    unseen, truth = world(seed=1)
    assert accuracy(probe, trained.out, unseen, truth, trained) > 0.8
    log = [json.loads(line) for line in (trained.out / "log.jsonl").read_text().splitlines()]
    assert log[-1]["loss"] < log[0]["loss"]


def test_the_base_says_a_half_of_everything(bench):
    items, _ = world(4)
    answers = list(Probe().predict(list(items.values()), None, bench("base")))
    assert {(answer.outcome, answer.verdict, answer.p_falsified) for answer in answers} == {("ok", "falsified", 0.5)}


@pytest.mark.parametrize("hidden", [0, 16])
def test_one_seed_gives_one_file_and_another_seed_another(bench, hidden):
    items, labels = world()
    one, same, other = bench("one", 3), bench("same", 3), bench("other", 4)
    for trained in (one, same, other):
        Probe(hidden=hidden).train(items, targets(labels), Objective(), None, trained)
    assert read(one.out) == read(same.out) != read(other.out)


def test_training_leaves_the_global_random_state_alone(bench):
    items, labels = world(20)
    before = torch.random.get_rng_state(), np.random.get_state()[1].tolist()
    Probe().train(items, targets(labels), Objective(), None, bench("trained"))
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()


def test_the_number_of_threads_changes_no_bit_and_stays_as_it_was(bench):
    items, labels = world()
    one, two, threads = bench("one"), bench("two"), torch.get_num_threads()
    try:
        for number, trained in enumerate((one, two), 1):
            torch.set_num_threads(number)
            Probe().train(items, targets(labels), Objective(), None, trained)
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(threads)
    assert read(one.out) == read(two.out)


def test_stage_two_goes_on_from_stage_one_and_proves_its_reference(bench):
    items, labels = world()
    wrong = {key: ("pristine" if index < 20 else verdict) for index, (key, verdict) in enumerate(labels.items())}
    first, second = bench("first"), bench("second")
    probe = Probe(lr=0.02)
    probe.train(items, targets(wrong), Objective(), None, first)
    pairs = [pair(key, labels[key], wrong[key]) for key in list(labels)[:20] if wrong[key] != labels[key]]
    probe.train(items, pairs, PAIR, first.out, second)
    assert second.proofs == {
        "examples": 10,
        "examples_left_out": 0,
        "start_sha256": sha256_of(read(first.out)),
        "reference": "start",
        "reference_sha256": sha256_of(read(first.out)),
        "first_step_reward": 0.0,
    }
    bought = {example.item_id: items[example.item_id] for example in pairs}
    truth = {key: labels[key] for key in bought}
    assert accuracy(probe, second.out, bought, truth, second) > accuracy(probe, first.out, bought, truth, second)


def test_the_untrained_probe_is_the_reference_where_the_objective_names_the_base(bench):
    items, labels = world(20)
    first, second = bench("first"), bench("second")
    Probe().train(items, targets(labels), Objective(), None, first)
    objective = Objective(losses={"sigmoid": 1.0}, reference="base")
    Probe().train(items, [pair("0-000", "pristine", "falsified")], objective, first.out, second)
    assert second.proofs["reference_sha256"] == "untrained"
    assert second.proofs["first_step_reward"] > 0


def test_preferences_alone_can_be_the_first_training(bench):
    items, labels = world()
    trained = bench("trained")
    pairs = [pair(key, label, "pristine" if label == "falsified" else "falsified") for key, label in labels.items()]
    probe = Probe(lr=0.02)
    probe.train(items, pairs, Objective(losses={"sigmoid": 1.0}), None, trained)
    assert trained.proofs["start_sha256"] == trained.proofs["reference_sha256"] == "untrained"
    assert accuracy(probe, trained.out, items, labels, trained) > 0.8


def test_statistics_come_from_training_items_alone_and_stay_in_stage_two(bench):
    items, labels = world()
    first, second = bench("first"), bench("second")
    Probe(parts=("image",)).train(items, targets(labels), Objective(), None, first)
    other, truth = world(seed=5)
    Probe(parts=("image",)).train(other, targets(truth), Objective(), first.out, second)
    images = np.stack([item.features["image"] for item in items.values()])
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    for folder in (first.out, second.out):
        model = load(Inputs("image", "text", ("image",), ()), folder)
        np.testing.assert_allclose(model.mean, images.mean(0), atol=1e-6)
        np.testing.assert_allclose(model.scale, 1 / images.std(0) / math.sqrt(8), rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("sigmoid", lambda delta, logit: math.log1p(math.exp(-0.1 * delta))),
        ("hinge", lambda delta, logit: max(0.0, 1 - 0.1 * delta)),
        ("ipo", lambda delta, logit: (delta - 1 / 0.2) ** 2),
        ("sft", lambda delta, logit: math.log1p(math.exp(-logit))),
    ],
)
@pytest.mark.parametrize(("chosen", "sign"), [("falsified", 1), ("pristine", -1)])
def test_preference_losses_are_trls_on_one_token(name, formula, chosen, sign):
    batch = batch_of([pair("a", chosen, "pristine" if chosen == "falsified" else "falsified", weight=2.0)])
    loss = loss_of(torch.tensor([0.7]), torch.tensor([-0.4]), batch, {name: 0.5}, beta=0.1)
    assert float(loss) == pytest.approx(2.0 * 0.5 * formula(sign * 1.1, sign * 0.7), rel=1e-5)


@pytest.mark.parametrize("name", sorted(Probe().losses()))
@pytest.mark.parametrize(("chosen", "sign"), [("falsified", 1), ("pristine", -1)])
def test_preference_losses_are_the_vision_language_students_on_answers_of_one_token(name, chosen, sign):
    def sides(logit):
        return log_sigmoid(torch.tensor([sign * logit])), log_sigmoid(torch.tensor([[-sign * logit]]))

    log_sigmoid, one = torch.nn.functional.logsigmoid, torch.ones(1, 1)
    (policy, rival), (before, other) = sides(0.7), sides(-0.4)
    scores = Scores(policy, rival, one[0], one, before, other, one > 0)
    wanted = total(scores, {name: 1.0}, one[0], beta=0.3, gamma=0.4)
    batch = batch_of([pair("a", chosen, "pristine" if chosen == "falsified" else "falsified")])
    loss = loss_of(torch.tensor([0.7]), torch.tensor([-0.4]), batch, {name: 1.0}, beta=0.3, gamma=0.4)
    torch.testing.assert_close(loss, wanted)


def test_the_dpo_loss_is_that_of_the_log_probabilities_of_both_answers():
    logit, reference = torch.tensor([1.3]), torch.tensor([0.2])
    log_p, log_q = torch.nn.functional.logsigmoid, lambda z: torch.nn.functional.logsigmoid(-z)
    ratios = (log_p(logit) - log_q(logit)) - (log_p(reference) - log_q(reference))
    loss = loss_of(logit, reference, batch_of([pair("a", "falsified", "pristine")]), {"sigmoid": 1.0}, beta=0.3)
    torch.testing.assert_close(loss, -torch.nn.functional.logsigmoid(0.3 * ratios).squeeze())


def test_targets_and_preferences_are_averaged_over_all_examples_together():
    examples = [Target("a", p_falsified=0.3, weight=3.0), pair("b", "pristine", "falsified")]
    logits, zeros = torch.tensor([0.5, 0.5]), torch.zeros(2)
    nll = 0.3 * math.log1p(math.exp(-0.5)) + 0.7 * math.log1p(math.exp(0.5))
    preferred = math.log1p(math.exp(0.1 * 0.5))
    loss = loss_of(logits, zeros, batch_of(examples), {"sigmoid": 1.0}, beta=0.1)
    assert float(loss) == pytest.approx((3 * nll + preferred) / 2, rel=1e-5)


def test_a_pair_with_one_verdict_has_no_margin_and_only_its_likelihood_counts():
    batch = batch_of([pair("a", "falsified", "falsified")])
    margins = {"sigmoid": 1.0, "hinge": 1.0, "ipo": 1.0}
    assert float(loss_of(torch.tensor([2.0]), torch.zeros(1), batch, margins, beta=0.1)) == 0
    both = loss_of(torch.tensor([2.0]), torch.zeros(1), batch, {**margins, "sft": 1.0}, beta=0.1)
    assert float(both) == pytest.approx(math.log1p(math.exp(-2.0)), rel=1e-5)


def test_a_weight_of_zero_takes_an_example_out(bench):
    items, labels = world(40)
    wrong = [Target(key, "pristine", weight=0.0) for key in labels]
    trained = bench("trained")
    probe = Probe(lr=0.02)
    probe.train(items, [*targets(labels), *wrong], Objective(), None, trained)
    assert accuracy(probe, trained.out, items, labels, trained) > 0.9


def test_a_soft_target_is_approached_and_not_passed(bench):
    items, _ = world(40)
    trained = bench("trained")
    probe = Probe(parts=("cosine",), hidden=0, lr=0.05, epochs=100, weight_decay=0)
    probe.train(items, [Target(key, p_falsified=0.8) for key in items], Objective(), None, trained)
    answers = probe.predict(list(items.values()), trained.out, trained)
    assert {round(answer.p_falsified, 1) for answer in answers} == {0.8}


def test_the_objective_overrules_epochs_and_learning_rate(bench):
    items, labels = world(20)
    short = bench("short")
    Probe(batch_size=5).train(items, targets(labels), Objective(epochs=1.5, lr=1e-12), None, short)
    log = (short.out / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [4, 6]
    answers = Probe().predict(list(items.values()), short.out, short)
    assert all(answer.p_falsified == pytest.approx(0.5, abs=1e-6) for answer in answers)


def test_an_item_without_the_features_is_an_error_and_its_examples_are_left_out(bench):
    items, labels = world(20)
    items["0-000"] = Item("0-000", "A caption", features={"image": np.ones(8, np.float32)})
    items["0-001"] = Item("0-001", "A caption", features={k: np.float32([math.nan] * 8) for k in ("image", "text")})
    trained = bench("trained")
    Probe().train(items, [*targets(labels), Target("0-002", "pristine", task="rationale")], Objective(), None, trained)
    assert (trained.proofs["examples"], trained.proofs["examples_left_out"]) == (18, 3)
    items["0-002"] = Item("0-002", "A caption", features={k: np.ones(5, np.float32) for k in ("image", "text")})
    answers = {answer.item_id: answer for answer in Probe().predict(list(items.values()), trained.out, trained)}
    assert [answers[f"0-00{n}"].outcome for n in range(4)] == ["error", "error", "error", "ok"]
    assert answers["0-000"].text == "It has no usable features.image and features.text."


def test_further_features_are_looked_at_as_they_are(bench):
    items, labels = world(60)
    for key, item in items.items():
        items[key] = Item(key, "A caption", features={**item.features, "hint": np.float32([labels[key] == "pristine"])})
    probe = Probe(parts=("cosine",), extra=("hint",), lr=0.05)
    trained = bench("trained")
    probe.train(items, targets(labels), Objective(), None, trained)
    assert probe.reads() == {"features.image", "features.text", "features.hint"}
    assert accuracy(probe, trained.out, items, labels, trained) == 1


def test_without_examples_the_start_is_written_again(bench):
    items, labels = world(20)
    first, second = bench("first"), bench("second")
    Probe().train(items, targets(labels), Objective(), None, first)
    Probe().train(items, [], PAIR, first.out, second)
    assert read(first.out) == read(second.out)


@pytest.mark.parametrize(
    ("examples", "objective", "message"),
    [
        (
            [pair("0-000", "pristine", "falsified")],
            Objective(),
            "probe: there are preferences, and the objective names no loss for them\n"
            "  name one in losses, such as sigmoid: 1.0",
        ),
        (
            [pair("0-000", "pristine", "falsified")],
            Objective(losses={"nca_pair": 1.0}),
            "probe: no preference loss is called nca_pair\n"
            "  it knows cpo, hinge, ipo, orpo, plackett_luce, sft, sigmoid, simpo",
        ),
        (
            [Preference("0-000", Target("0-000", "pristine"), (Target("0-000", "falsified"),), image_of="0-001")],
            PAIR,
            "probe: item 0-000: a probe learns from pairs of answers to one item, one chosen, one rejected",
        ),
        (
            [Preference("0-000", Target("0-000", "pristine"), (Target("0-000", "falsified"),) * 2)],
            PAIR,
            "probe: item 0-000: a probe learns from pairs of answers to one item, one chosen, one rejected",
        ),
        ([Target("0-000")], PAIR, "probe: item 0-000: a target has neither verdict nor p_falsified"),
    ],
)
def test_what_it_cannot_learn_is_refused(bench, examples, objective, message):
    with pytest.raises(TrainingError) as caught:
        Probe().train(world(4)[0], examples, objective, None, bench("trained"))
    assert str(caught.value) == message


def test_what_it_accepts_is_declared():
    assert Probe().accepts() == {
        Accepts.TARGETS,
        Accepts.SOFT_TARGETS,
        Accepts.WEIGHTS,
        Accepts.PREFERENCES,
    }
    assert Probe().losses() == {"cpo", "hinge", "ipo", "orpo", "plackett_luce", "sft", "sigmoid", "simpo"}


def test_training_items_without_features_are_refused(bench):
    items = {"a": Item("a", "A caption")}
    with pytest.raises(TrainingError) as caught:
        Probe().train(items, [Target("a", "pristine")], Objective(), None, bench("trained"))
    assert str(caught.value) == (
        "probe: no training item has usable features.image and features.text\n"
        "  name by image and text two features that the benchmark gives"
    )


def test_training_items_with_features_of_different_length_are_refused(bench):
    items = {**world(2, dim=4)[0], **world(2, seed=1, dim=5)[0]}
    with pytest.raises(TrainingError, match="probe: the features of the training items differ in length"):
        Probe().train(items, [], Objective(), None, bench("trained"))


def test_a_model_of_other_inputs_is_refused(bench):
    items, labels = world(20)
    trained = bench("trained")
    Probe(parts=("image",)).train(items, targets(labels), Objective(), None, trained)
    with pytest.raises(TrainingError) as caught:
        list(Probe(parts=("text",)).predict(list(items.values()), trained.out, trained))
    assert str(caught.value) == (
        f"{trained.out / FILE}: was trained on Inputs(image='image', text='text', parts=('image',), extra=(), "
        "evidence=''), not on Inputs(image='image', text='text', parts=('text',), extra=(), evidence='')\n"
        "  train and predict with the same options of probe"
    )


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\x80\x04K\x01."])
def test_a_file_that_holds_no_tensors_is_refused_and_not_unpickled(bench, content):
    trained = bench("trained")
    (trained.out / FILE).write_bytes(content)
    with pytest.raises(TrainingError, match=r"probe\.safetensors: cannot be read: "):
        list(Probe().predict(list(world(2)[0].values()), trained.out, trained))


@needs_real_data
def test_on_verite_labels_lift_it_well_above_the_floor(bench):
    from harness_benchmarks.verite import Verite

    benchmark = Verite()
    items, labels = benchmark.items("train"), benchmark.labels("train")
    trained = bench("trained")
    Probe().train({item.id: item for item in items}, targets(labels), Objective(), None, trained)
    tested = {item.id: item for item in benchmark.items("test")}
    assert accuracy(Probe(), None, tested, benchmark.labels("test"), trained) < 0.52
    assert accuracy(Probe(), trained.out, tested, benchmark.labels("test"), trained) > 0.72
