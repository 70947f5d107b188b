"""Boosted trees: what they learn, that a seed fixes every byte, and that LightGBM reads no text of a stranger."""

import json
import math
import os

import numpy as np
import pytest
from vectors import accuracy, targets, world

from harness.api import Accepts, Item, Objective, Preference, Target, TrainingError, opposite
from harness.errors import MatrixError
from harness.planning import make
from harness.plugins import Registry
from harness.reading import parse
from harness_students import boosting, boosting_text
from harness_students.boosting import FILE, INPUTS, Boosting
from harness_students.boosting_text import Malformed
from harness_students.inputs import Inputs

pytest.importorskip("lightgbm")

needs_real_data = pytest.mark.skipif(
    not os.environ.get("HARNESS_REAL_DATA"), reason="HARNESS_REAL_DATA, the folder of published data, is not set"
)


@pytest.fixture
def trained(bench):
    items, labels = world()
    made = bench("trained", 3)
    Boosting().train(items, targets(labels), Objective(), None, made)
    return made


def test_it_learns_targets_and_says_so_of_unseen_items(trained):
    unseen, truth = world(seed=1)
    assert accuracy(Boosting(), trained.out, unseen, truth, trained) > 0.8
    log = [json.loads(line) for line in (trained.out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == list(range(10, 101, 10))
    assert log[-1]["loss"] < log[0]["loss"]
    assert trained.proofs == {"examples": 120, "examples_left_out": 0, "start_sha256": "untrained", "trees": 100}


def test_the_base_says_a_half_of_everything(bench):
    items, _ = world(4)
    answers = list(Boosting().predict(list(items.values()), None, bench("base")))
    assert {(answer.outcome, answer.verdict, answer.p_falsified) for answer in answers} == {("ok", "falsified", 0.5)}


def test_one_seed_gives_one_file_and_another_seed_another(bench, trained):
    items, labels = world()
    same, other = bench("same", 3), bench("other", 4)
    for made in (same, other):
        Boosting().train(items, targets(labels), Objective(), None, made)
    first, second, third = ((made.out / FILE).read_bytes() for made in (trained, same, other))
    assert first == second != third


def test_the_file_is_lightgbms_own_and_says_the_same_there(trained):
    import lightgbm

    items, _ = world(8, seed=2)
    booster = lightgbm.Booster(model_file=str(trained.out / FILE))
    rows = [Inputs("image", "text", ("similarities",), ()).of(item) for item in items.values()]
    expected = booster.predict(np.stack([np.concatenate(row) for row in rows]))
    said = [answer.p_falsified for answer in Boosting().predict(list(items.values()), trained.out, trained)]
    assert said == pytest.approx(list(expected), abs=1e-12)


def test_a_start_keeps_its_trees_and_gets_new_ones(bench, trained):
    items, labels = world()
    wrong = {key: opposite(labels[key]) for key in list(labels)[:40]}
    second = bench("second")
    Boosting(trees=60).train(items, targets(wrong), Objective(), trained.out, second)
    assert second.proofs["trees"] == 160
    before, after = (
        (made.out / FILE).read_text().split("\nTree=")[5].split("leaf_value=")[1][:40] for made in (trained, second)
    )
    assert before == after
    few = {key: items[key] for key in wrong}
    assert accuracy(Boosting(), second.out, few, wrong, second) > accuracy(Boosting(), trained.out, few, wrong, second)


def test_soft_targets_and_weights_count(bench):
    items, labels = world(40)
    soft, weighted = bench("soft"), bench("weighted")
    Boosting().train(items, [Target(key, p_falsified=0.8) for key in items], Objective(), None, soft)
    assert {round(a.p_falsified, 2) for a in Boosting().predict(list(items.values()), soft.out, soft)} == {0.8}
    wrong = [Target(key, "pristine", weight=1e-9) for key in labels]
    Boosting().train(items, [*targets(labels), *wrong], Objective(), None, weighted)
    assert accuracy(Boosting(), weighted.out, items, labels, weighted) > 0.85


def test_a_handful_of_labels_is_enough_for_a_split(bench):
    items, labels = world(8)
    made = bench("made")
    Boosting().train(items, targets(labels), Objective(), None, made)
    assert accuracy(Boosting(), made.out, items, labels, made) > 0.7


def test_the_objective_overrules_trees_and_learning_rate(bench):
    items, labels = world(20)
    short = bench("short")
    Boosting().train(items, targets(labels), Objective(epochs=2.5, lr=1e-9), None, short)
    assert short.proofs["trees"] == 3
    answers = Boosting().predict(list(items.values()), short.out, short)
    assert all(answer.p_falsified == pytest.approx(0.5, abs=1e-6) for answer in answers)


def test_an_item_without_the_features_is_an_error_and_its_examples_are_left_out(bench):
    items, labels = world(20)
    items["0-001"] = Item("0-001", "A caption", features={k: np.float32([math.nan] * 8) for k in ("image", "text")})
    made = bench("made")
    Boosting().train(items, [*targets(labels), Target("0-002", "pristine", task="rationale")], Objective(), None, made)
    assert (made.proofs["examples"], made.proofs["examples_left_out"]) == (19, 2)
    answers = {answer.item_id: answer for answer in Boosting().predict(list(items.values()), made.out, made)}
    assert (answers["0-001"].outcome, answers["0-002"].outcome) == ("error", "ok")


def test_without_examples_the_start_is_written_again(bench, trained):
    items, _ = world(20)
    second = bench("second")
    Boosting().train(items, [], Objective(), trained.out, second)
    said = [list(Boosting().predict(list(items.values()), made.out, made)) for made in (trained, second)]
    assert said[0] == said[1]


def test_preferences_are_not_accepted(bench):
    items, _ = world(4)
    pair = Preference("0-000", Target("0-000", "pristine"), (Target("0-000", "falsified"),))
    assert Boosting().accepts() == {Accepts.TARGETS, Accepts.SOFT_TARGETS, Accepts.WEIGHTS}
    with pytest.raises(TrainingError, match="boosting: item 0-000: boosting learns no preferences"):
        Boosting().train(items, [pair], Objective(), None, bench("made"))


MATRIX = """\
benchmarks: {world: newsworld}
teachers:
  a: {uses: evidence-overlap, sources: [entities]}
  b: {uses: evidence-overlap, sources: [captions]}
students:
  boosted: {uses: boosting, clip: some/clip}
  tiny: tiny-llava
rules: {hard: hard-disagreement}
strategies: {mmkd: mmkd, supervised: supervised}
label_fractions: [0.1]
"""


def test_a_strategy_that_it_cannot_learn_by_is_refused_unless_it_is_left_out(registry):
    known = registry
    if "boosting" not in registry.components("student"):
        known = Registry.of(boosting) + registry
    with pytest.raises(MatrixError, match=r"students\.boosted \(boosting\) cannot be trained on preferences"):
        make(parse(MATRIX, known))
    plan = make(parse(MATRIX + "exclude: [{student: boosted, strategy: mmkd}]\n", known))
    assert {(cell.point.student, cell.point.strategy) for cell in plan.cells} == {
        ("tiny", "mmkd"),
        ("tiny", "supervised"),
        ("boosted", "supervised"),
    }


def test_a_model_of_other_inputs_is_refused(trained):
    items, _ = world(4)
    other = Boosting(parts=("cosine",))
    with pytest.raises(TrainingError, match=r"was trained on Inputs\(.*'similarities'.*, not on Inputs\(.*'cosine'"):
        list(other.predict(list(items.values()), trained.out, trained))


def test_a_text_is_handed_on_as_it_was_understood(trained):
    text = (trained.out / FILE).read_text()
    forest = boosting_text.read(text)
    assert (forest.features, forest.trees) == (7, 100)
    assert "parameters" not in forest.text
    assert boosting_text.read(forest.text) == forest


CHANGES = {
    "empty": ("", "it has no end of trees"),
    "cut": (lambda text: text[: len(text) // 2], "it has no end of trees"),
    "pickle": ("\x80\x04K\x01.", "it has no end of trees"),
    "another kind": (("objective=cross_entropy", "objective=lambdarank"), "objective is 'lambdarank'"),
    "many classes": (("num_class=1", "num_class=1000000"), "num_class is '1000000'"),
    "another version": (("version=v4", "version=v9"), "version is 'v9'"),
    "too many features": (("max_feature_idx=6", "max_feature_idx=99999999"), "feature_names are not those of"),
    "names": (("Column_3", "Column_3;x"), "feature_names are not those of 7 numbers"),
    "leaves": (("\nnum_leaves=", "\nnum_leaves=4"), "tree 0 has "),
    "no number": (("\nthreshold=", "\nthreshold=nan "), "tree 0 has "),
    "not finite": (("\nshrinkage=", "\nshrinkage=1e999\n#="), "is not finite"),
    "categories": (("\nnum_cat=0", "\nnum_cat=3"), "tree 0 is not one of numbers alone"),
    "linear": (("\nis_linear=0", "\nis_linear=1"), "tree 0 is not one of numbers alone"),
    "another feature": (("\nsplit_feature=", "\nsplit_feature=9"), "splits a feature that is not among the 7"),
    "twice": (("\nnum_cat=0", "\nnum_cat=0\nnum_cat=0"), "or a second one"),
    "number": (("\nTree=1\n", "\nTree=7\n"), "tree 1 is called 7"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_damaged_text_is_refused_before_lightgbm_reads_it(trained, name):
    change, message = CHANGES[name]
    path = trained.out / FILE
    text = path.read_text()
    if isinstance(change, tuple):
        assert change[0] in text
        text = text.replace(change[0], change[1], 1)
    else:
        text = change(text) if callable(change) else change
    path.write_text(text)
    with pytest.raises(TrainingError) as caught:
        list(Boosting().predict(list(world(2)[0].values()), trained.out, trained))
    assert str(caught.value).startswith(f"{path}: cannot be read: ")
    assert message in str(caught.value)


def test_children_that_hang_in_a_circle_or_twice_are_refused(trained):
    text = (trained.out / FILE).read_text()
    line = next(line for line in text.splitlines() if line.startswith("left_child=") and line.count(" ") > 1)
    children = line.removeprefix("left_child=").split(" ")
    circle = " ".join(["0", *children[1:]])
    with pytest.raises(Malformed, match="goes round in a circle"):
        boosting_text.read(text.replace(line, f"left_child={circle}"))
    twice = " ".join([children[-1], *children[1:]])
    with pytest.raises(Malformed, match="hang nowhere or twice"):
        boosting_text.read(text.replace(line, f"left_child={twice}"))


def test_a_text_that_is_too_large_is_not_looked_at(monkeypatch, trained):
    text = (trained.out / FILE).read_text()
    monkeypatch.setattr(boosting_text, "LARGEST", 100)
    with pytest.raises(Malformed, match="it has more than 100 characters"):
        boosting_text.read(text)


@pytest.mark.parametrize("content", ["", "[]", "{}", "[" * 50_000])
def test_a_damaged_record_of_the_inputs_is_refused(trained, content):
    (trained.out / INPUTS).write_text(content)
    with pytest.raises(TrainingError, match="cannot be read: "):
        list(Boosting().predict(list(world(2)[0].values()), trained.out, trained))


@needs_real_data
def test_on_verite_it_is_well_above_the_floor(bench):
    from harness_benchmarks.verite import Verite

    benchmark = Verite()
    items, labels = benchmark.items("train"), benchmark.labels("train")
    made = bench("made")
    Boosting().train({item.id: item for item in items}, targets(labels), Objective(), None, made)
    tested = {item.id: item for item in benchmark.items("test")}
    assert accuracy(Boosting(), None, tested, benchmark.labels("test"), made) < 0.52
    assert accuracy(Boosting(), made.out, tested, benchmark.labels("test"), made) > 0.68
