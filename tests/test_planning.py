import pytest

from harness.errors import MatrixError
from harness.plan import budget_of


def kinds(plan):
    return {kind: sum(step.kind == kind for step in plan.steps.values()) for kind in ("annotate", "rank", "train")}


def faults(plan_of, text):
    with pytest.raises(MatrixError) as caught:
        plan_of(text)
    return str(caught.value).split("\n")


def test_cells_are_the_product_of_the_axes_that_each_strategy_uses(plan_of, toy):
    plan = plan_of(toy)
    arms = {}
    for cell in plan.cells:
        arms.setdefault(cell.point.strategy, []).append(cell.point)
    assert {strategy: len(points) for strategy, points in arms.items()} == {
        "zero-shot": 1,
        "stage1-only": 2,
        "majority-vote": 2,
        "mmkd": 8,
        "supervised": 4,
        "teacher": 2,
        "majority of teachers": 1,
    }
    assert arms["zero-shot"][0].seed is None
    assert all(point.teachers is None and point.rule == "random" for point in arms["supervised"])


def test_teacher_calls_are_items_times_teachers_exactly(plan_of, toy):
    assert plan_of(toy).teacher_calls() == {"a": 70, "b": 70}
    assert plan_of(toy.replace("teachers_as_arms: true", "teachers_as_arms: false")).teacher_calls() == {
        "a": 40,
        "b": 40,
    }


def test_a_further_label_fraction_adds_no_annotation_and_stage_1_only_where_labels_are_bought_in_it(plan_of, toy):
    before, after = plan_of(toy), plan_of(toy.replace("[0.1, 0.25]", "[0.1, 0.25, 0.5]"))
    new = [step for key, step in after.steps.items() if key not in before.steps]
    assert not any(step.kind in ("annotate", "rank") for step in new)
    stage1 = [step.what for step in new if step.kind == "train" and "stage 1" in step.what]
    assert stage1 == [f"counter by supervised, stage 1, seed {seed}, 20 labels by random" for seed in (0, 1)]


def test_strategies_with_the_same_first_recipe_share_stage_1(plan_of, toy):
    plan = plan_of(toy)
    stage1 = {cell.stage1 for cell in plan.cells if cell.point.strategy in ("mmkd", "stage1-only")}
    assert len(stage1) == 2
    assert kinds(plan) == {"annotate": 4, "rank": 4, "train": 16}
    assert plan.steps_without_sharing() == 81
    assert len(plan.steps) == 41


def test_every_step_comes_after_its_inputs(plan_of, toy):
    seen = set()
    for key, step in plan_of(toy).steps.items():
        assert seen.issuperset(step.inputs.values())
        seen.add(key)


def test_the_same_rule_and_seed_draw_the_same_labels_for_every_strategy(plan_of, toy):
    ranks = {}
    for cell in plan_of(toy).cells:
        if cell.point.rule == "random":
            ranks.setdefault(cell.point.seed, set()).add(cell.rank)
    assert all(len(keys) == 1 for keys in ranks.values())


def test_exclude_leaves_out_the_cells_that_have_all_its_values(plan_of, toy):
    plan = plan_of(toy + "exclude: [{strategy: mmkd, label_fraction: [0.25]}, {rule: random, strategy: mmkd}]\n")
    points = [cell.point for cell in plan.cells if cell.point.strategy == "mmkd"]
    assert {(point.rule, point.label_fraction) for point in points} == {("hard", 0.1)}


def test_an_exclusion_that_leaves_out_nothing_is_a_fault(plan_of, toy):
    text = toy + "exclude:\n  - {strategy: zero-shot, label_fraction: 0.1}\n"
    assert faults(plan_of, text) == [
        "matrix.yaml:23:5: exclude.0: leaves out no cell",
        "  Delete it, or look for a misspelt value.",
    ]


def test_a_student_that_cannot_do_what_a_strategy_needs_is_refused_at_its_line(plan_of, toy):
    found = faults(plan_of, toy.replace("counter: counter", "counter: targets-only"))
    assert found == [
        "matrix.yaml:16:3: strategies.mmkd: students.counter (targets-only) cannot be trained on preferences"
    ]


def test_a_loss_that_the_student_does_not_know_is_refused(plan_of, toy):
    found = faults(plan_of, toy.replace("mmkd: mmkd", "mmkd: {uses: mmkd, preference_loss: hinge}"))
    assert found == [
        "matrix.yaml:16:3: strategies.mmkd: students.counter (counter) knows no loss hinge",
        "  It knows sft, sigmoid.",
    ]


def test_a_conflict_rule_on_one_teacher_is_refused_with_the_way_out(plan_of, toy):
    text = toy.replace("teachers_as_arms: true", "teacher_sets: {both: [a, b], solo: [a]}")
    assert faults(plan_of, text) == [
        "matrix.yaml:10:3: rules.hard: needs 2 teachers, and the teacher set 'solo' has 1",
        "  Leave it out:  exclude: [{rule: hard, teachers: solo}]",
    ]
    assert plan_of(text + "exclude: [{rule: hard, teachers: solo}]\n").cells


def test_parts_that_the_data_do_not_give_are_refused(plan_of, toy):
    text = toy.replace("counter: counter", "counter: counter\n  probe: probe").replace(
        "  b: {uses: listens, words: [omega, kappa]}", "  b: feature-similarity"
    )
    found = faults(plan_of, text)
    assert any("teachers.b: needs features.image, features.text, which benchmarks.words" in line for line in found)
    assert any("students.probe: needs features.image, features.text, which benchmarks.words" in line for line in found)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("{uses: words, train: 0}", "matrix.yaml:2:3: benchmarks.words: the train split is empty"),
        ("{uses: words, test: 0}", "matrix.yaml:2:3: benchmarks.words: the test split is empty"),
        (
            "{uses: words, single_class: true}",
            "matrix.yaml:2:3: benchmarks.words: every item of the train split is pristine",
        ),
        (
            "{uses: words, repeat_id: true}",
            "matrix.yaml:2:3: benchmarks.words: 2 item ids occur more than once, first 'train-0'",
        ),
    ],
)
def test_data_that_cannot_be_compared_on_are_refused_before_anything_runs(plan_of, toy, words, message):
    assert message in faults(plan_of, toy.replace("words: words", f"words: {words}", 1))


def test_a_fraction_that_buys_nothing_is_refused(plan_of, toy):
    found = faults(plan_of, toy.replace("[0.1, 0.25]", "[0.01, 0.25]"))
    assert found == ["matrix.yaml:18:19: label_fractions.0: 0.01 of the 40 training items of words buys no label"]


def test_stage_1_that_waits_for_stage_1_is_refused_with_the_path(plan_of, toy):
    found = faults(plan_of, toy.replace("mmkd: mmkd", "circle: circular"))
    assert found == [
        "matrix.yaml:16:3: strategies.circle: stage 1 waits for itself: stage 1 → stage1_predictions → stage 1"
    ]


def test_a_recipe_that_needs_the_stage_1_students_predictions_gets_the_step(plan_of, toy):
    plan = plan_of(toy.replace("mmkd: mmkd", "again: own-words"))
    cell = next(cell for cell in plan.cells if cell.point.strategy == "again")
    step = plan.steps[cell.model]
    assert plan.steps[step.inputs["predictions"]].inputs == {"model": cell.stage1}
    assert step.inputs["start"] == cell.stage1


def test_labels_that_give_two_cells_one_name_are_refused(plan_of):
    text = "benchmarks: {words: words}\nteachers: {a: listens}\nteachers_as_arms: true\n"
    assert faults(plan_of, text + "students: {teacher: counter}\nstrategies: {a: zero-shot}\n") == [
        "matrix.yaml:1:1: two cells are called 'words/teacher/a'",
        "  Give a student, strategy or teacher set another label.",
    ]


def test_a_student_must_be_able_to_read_what_it_is_only_tested_on(plan_of, toy):
    text = toy.replace("counter: counter", "counter: counter\n  tiny: tiny-llava")
    text = text.replace("  words: words", "  words: {uses: newsworld, train: 40, test: 20}", 1)
    found = faults(plan_of, text + "evaluate_on: {other: words}\n")
    assert (
        "matrix.yaml:9:3: students.tiny: needs image, which evaluate_on.other does not give (it gives evidence)"
        in found
    )


def test_a_matrix_without_a_cell_is_refused(plan_of):
    assert faults(plan_of, "benchmarks: {words: words}\n") == [
        "matrix.yaml:1:1: there is no cell: name benchmarks, students and strategies, or teachers_as_arms"
    ]


@pytest.mark.parametrize(("fraction", "items", "labels"), [(0.29, 100, 29), (0.1, 39, 3), (1.0, 7, 7), (0.07, 100, 7)])
def test_a_fraction_buys_its_floor_in_labels(fraction, items, labels):
    assert budget_of(fraction, items) == labels


GOLDEN_MATRIX = """
benchmarks: {words: words}
teachers: {a: listens, b: {uses: listens, words: [kappa]}}
teachers_as_arms: true
students: {counter: counter}
rules: {by-name: by-name}
strategies: {parrot: parrot}
label_fractions: [0.1]
executor: inline
reports: {}
"""

GOLDEN = {
    "a on words train": "e1b0ac300936f5f6",
    "b on words train": "ecbf4e99499b4bf4",
    "counter by parrot, stage 1, seed 0": "bda2c60e7837ae59",
    "by-name on words, seed 0": "70d63f32681e9a38",
    "counter by parrot, stage 2, seed 0, 4 labels by by-name": "a4318319259fdf3c",
    "counter by parrot, stage 2, seed 0, 4 labels by by-name on words test": "f0e1718e9b9b710e",
    "a on words test": "ad44ebd8d404a13b",
    "b on words test": "4fcbb766d60efc70",
}


def test_step_keys_change_only_on_purpose(plan_of):
    assert {step.what: key[:16] for key, step in plan_of(GOLDEN_MATRIX).steps.items()} == GOLDEN
