"""The training engine, against TRL's own path on the tiny LLaVA."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from harness.api import Objective, Preference, Target, opposite
from harness.testing import workbench
from harness_benchmarks.newsworld import NewsWorld
from harness_students.engine import features
from harness_students.engine.switches import MECHANISMS, Engine
from harness_students.tiny import TinyLlava
from harness_students.vlm_trl import Schedule

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

WORLD = NewsWorld(train=12, validation=0, test=4)
ITEMS = {item.id: item for item in WORLD.items("train")}
LABELS = WORLD.labels("train")
IMAGES = len({item.image.sha256() for item in ITEMS.values()})
WORDS = ("Word found.", "The word is found in the picture.")
# Two teachers' answers to each item: 24 rows in 6 batches.
TARGETS = [Target(key, label, rationale=words) for key, label in LABELS.items() for words in WORDS]
PAIRS = [
    Preference(key, Target(key, label, rationale=words), (Target(key, opposite(label), rationale="No."),))
    for key, label in LABELS.items()
    for words in WORDS
]
JOINT = Objective(losses={"sigmoid": 1.0, "sft": 1.0})
SHORT = Schedule(lr=2e-3, epochs=2, batch_size=4, accumulate=2)
ALONE = [Engine(**{other: other == name for other in MECHANISMS}) for name in MECHANISMS]
EACH = [*ALONE, Engine()]
NAMES = [*MECHANISMS, "all"]
OFF = Engine.model_validate("off")


def student(engine=OFF, **options):
    return TinyLlava(sft=SHORT, dpo=SHORT, threads=1, checkpoint_minutes=None, engine=engine, **options)


def bench_in(folder, name="model"):
    """A workbench whose worker has the base loaded and has seen no image."""
    bench = workbench(folder, name=name)
    warm = bench.warm
    bench.warm = lambda key, make: make() if key == "image features" else warm(key, make)
    return bench


def learn(folder, engine, examples, objective, start=None, name="model", **options):
    """The workbench of a training, with its log's lines as ``lines``."""
    bench = bench_in(folder, name)
    bench.lines, write = [], bench.log
    bench.log = lambda **values: (bench.lines.append(values), write(**values))
    student(engine, **options).train(ITEMS, examples, objective, start, bench)
    return bench


@pytest.fixture(scope="module")
def stage1(tmp_path_factory):
    return learn(tmp_path_factory.mktemp("stage1"), OFF, TARGETS, Objective())


@pytest.fixture(scope="module")
def stage2(tmp_path_factory, stage1):
    return learn(tmp_path_factory.mktemp("stage2"), OFF, PAIRS, JOINT, stage1.out)


@contextmanager
def counted(module_class, name):
    """How often a method of real modules is called, and with what."""
    calls, original = [], getattr(module_class, name)

    def count(self, *args, **given):
        calls.append(given)
        return original(self, *args, **given)

    setattr(module_class, name, count)
    try:
        yield calls
    finally:
        setattr(module_class, name, original)


def assert_equal(lines, stock):
    assert len(lines) == len(stock) >= 6
    for line, other in zip(lines, stock, strict=True):
        assert line.keys() == other.keys()
        # Before the first step both answers have the reward 0, and rounding says which one wins.
        for name in other.keys() - ({"rewards/accuracies"} if other["step"] == 1 else set()):
            assert line[name] == pytest.approx(other[name], rel=1e-4, abs=1e-5), name
        if "loss" in other:
            assert abs(line["loss"] - other["loss"]) < 1e-5


@pytest.mark.parametrize("engine", EACH, ids=NAMES)
def test_fine_tuning_with_each_mechanism_has_the_losses_of_trl(engine, tmp_path, stage1):
    bench = learn(tmp_path, engine, TARGETS, Objective())
    assert_equal(bench.lines, stage1.lines)
    said = bench.proofs["engine"]
    assert {name for name, state in said.items() if state == "on"} == {name for name in said if getattr(engine, name)}


@pytest.mark.parametrize("engine", EACH, ids=NAMES)
def test_preferences_with_each_mechanism_have_the_losses_of_trl(engine, tmp_path, stage1, stage2):
    bench = learn(tmp_path, engine, PAIRS, JOINT, stage1.out)
    assert_equal(bench.lines, stage2.lines)
    assert bench.proofs["reference_adapter_sha256"] == stage1.proofs["adapter_sha256"]
    said = bench.proofs["engine"]
    assert {name for name, state in said.items() if state == "on"} == {name for name in said if getattr(engine, name)}


def test_off_is_the_stock_path(tmp_path, stage1):
    assert "engine" not in stage1.proofs
    assert Engine.model_validate(False) == OFF != Engine.model_validate(True) == Engine()


@pytest.mark.parametrize("examples", [TARGETS, PAIRS], ids=["targets", "pairs"])
def test_what_is_cached_is_computed_once_over_all_trainings(examples, tmp_path, stage1):
    from transformers import CLIPVisionModel, LlamaModel

    with counted(CLIPVisionModel, "forward") as seen, counted(LlamaModel, "forward") as read:
        learn(tmp_path, Engine(), examples, JOINT if examples is PAIRS else Objective(), stage1.out, name="first")
        assert len(seen) == IMAGES
        first = len(read)
        other = Objective(losses={"ipo": 1.0}, beta=0.3) if examples is PAIRS else Objective(lr=1e-3)
        bench = learn(tmp_path, Engine(), examples, other, stage1.out, name="second")
        assert len(seen) == IMAGES
    # Twelve batches and, before them, three small ones on which the engine is compared with TRL; the probes' own.
    assert len(read) - first == 12 + 3 + (10 if examples is PAIRS else 9)
    if examples is PAIRS:
        assert first - (len(read) - first) == len(PAIRS)
        assert {"reference_answers_computed": 0} in bench.measured


def test_rows_are_encoded_once_over_all_trainings_and_their_images_opened_no_more(tmp_path, stage1):
    from transformers import LlavaProcessor

    changed = [Preference(PAIRS[0].item_id, PAIRS[0].chosen, (Target(PAIRS[0].item_id, "pristine"),)), *PAIRS[1:]]
    calls = []
    for name, examples in (("first", PAIRS), ("second", PAIRS), ("third", changed)):
        with counted(LlavaProcessor, "__call__") as called:
            learn(tmp_path, Engine(), examples, JOINT, stage1.out, name=name)
        calls.append(len(called))
    # What is called each time are the probes; a row is encoded by three calls.
    assert [calls[0] - calls[1], calls[2] - calls[1]] == [3 * len(PAIRS), 3]


def test_a_prediction_uses_the_features_of_every_earlier_one(tmp_path, stage1):
    from transformers import CLIPVisionModel

    test = WORLD.items("test")
    images = len({item.image.sha256() for item in test})
    bench = bench_in(tmp_path)
    with counted(CLIPVisionModel, "forward") as seen:
        plain = list(student().predict(test, stage1.out, bench))
        assert len(seen) == 1
        said = list(student(Engine()).predict(test, stage1.out, bench))
        assert len(seen) == 1 + images
        assert list(student(Engine()).predict(test, stage1.out, bench)) == said
        base = list(student(Engine()).predict(test, None, bench))
        assert len(seen) == 1 + images
    assert [one.text for one in said] == [one.text for one in plain]
    assert [one.p_falsified for one in said] == pytest.approx([one.p_falsified for one in plain], abs=1e-5)
    assert base != said


def test_a_worker_holds_the_features_that_were_used_last_while_there_is_room(monkeypatch):
    monkeypatch.setattr(features, "KEPT_BYTES", 3 * 400)
    kept = features.Kept()
    tensors = {name: torch.full((100,), float(number)) for number, name in enumerate("abcd")}
    kept.put({name: tensors[name] for name in "abc"})
    kept.put({"a": tensors["a"]})
    kept.put({"d": tensors["d"]})
    assert kept.get("abcd").keys() == {"a", "c", "d"}
    assert torch.equal(kept.get("d")["d"], tensors["d"])


def test_features_that_weigh_too_much_are_computed_in_the_batch(tmp_path, stage1):
    bench = learn(tmp_path, Engine(features_gb=0), TARGETS, Objective())
    assert_equal(bench.lines, stage1.lines)
    assert bench.proofs["engine"]["features"].startswith(f"off: {IMAGES} images' features weigh ")


def test_the_reference_may_be_the_base_with_and_without_the_engine(tmp_path, stage1):
    base = JOINT.model_copy(update={"reference": "base"})
    stock = learn(tmp_path / "stock", OFF, PAIRS, base, stage1.out)
    assert_equal(learn(tmp_path / "engine", Engine(), PAIRS, base, stage1.out).lines, stock.lines)
    assert max(map(abs, stock.proofs["first_step_rewards"])) > 1e-3


def test_the_same_seed_gives_the_same_bytes_whatever_is_on_the_shelves(tmp_path, stage1):
    file = "adapter_model.safetensors"
    first = learn(tmp_path, Engine(), PAIRS, JOINT, stage1.out, name="first")
    shelved = learn(tmp_path, Engine(), PAIRS, JOINT, stage1.out, name="shelved")
    part = tmp_path / "part"
    learn(part, Engine(), PAIRS[3:9], JOINT, stage1.out, name="few")
    partly = learn(part, Engine(), PAIRS, JOINT, stage1.out, name="partly")
    assert (first.out / file).read_bytes() == (shelved.out / file).read_bytes() == (partly.out / file).read_bytes()


def test_clock_and_memory_are_measured_and_not_logged(stage1):
    steps = [line for line in stage1.measured if "step" in line]
    assert [line["step"] for line in steps] == [1, 2, 3, 4, 5, 6]
    assert all(line["tokens_per_second"] > 0 and line["peak_bytes"] > 0 for line in steps)
    assert not any("memory" in name or "second" in name for line in stage1.lines for name in line)


def test_a_reference_that_is_not_the_start_is_found_out(tmp_path, stage1, monkeypatch):
    from harness.api import TrainingError
    from harness_students.engine import references

    wrong = references.References.of
    monkeypatch.setattr(references.References, "of", lambda self, row: [number - 3 for number in wrong(self, row)])
    with pytest.raises(TrainingError, match="the reference is not the start of the training"):
        learn(tmp_path, Engine(), PAIRS, JOINT, stage1.out)
