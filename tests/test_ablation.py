"""`ablate:` of a matrix: read with all faults, expanded to arms that stand once each, and held against the method."""

import json
from math import isnan
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from harness import planning, record
from harness.ablate import Ablate
from harness.api import Need
from harness.cli import main
from harness.diagnosis import view
from harness.errors import MatrixError
from harness.identity import digest, identity
from harness.plugins import Registry
from harness.reading import load, parse
from harness.redaction import redact
from harness.stats import holm, joint, recovered
from harness_strategies.mmkd import Mmkd


def faults(action, *arguments):
    with pytest.raises(MatrixError) as caught:
        action(*arguments)
    return str(caught.value).splitlines()


@pytest.fixture
def ablated(toy, plan_of):
    """The plan of the toy matrix with a section `ablate:`."""
    return lambda section="auto", text=toy: plan_of(f"{text}ablate: {section}\n")


def standing(plan):
    return {arm.factor: arm.standing for arm in plan.ablation}


WRONG = """\
benchmarks: {words: words}
students: {counter: counter}
teachers: {a: listens}
rules: {hard: hard-disagreement}
strategies: {mmkd: mmkd}
label_fractions: [0.1]
compare: {ablation: ['*']}
ablate:
  strategy: [mkd, mmkd]
  benchmark: wrds
  student: 3
  rule: random
  label_fraction: 1.5
  arms: []
  factor: no replay
"""


def test_all_faults_of_the_section_come_at_once_each_with_its_place(registry):
    assert faults(parse, WRONG, registry, "m.yaml") == [
        "m.yaml:7:11: compare.ablation: this is what `ablate:` compares",
        "  Give the family a name of its own.",
        "m.yaml:9:14: ablate.strategy.0: 'mkd' is not on this axis; did you mean 'mmkd'?",
        "m.yaml:10:14: ablate.benchmark: 'wrds' is not on this axis; did you mean 'words'?",
        "m.yaml:11:12: ablate.student: 3 is not on this axis; known: counter",
        "m.yaml:12:9: ablate.rule: 'random' is not on this axis; known: hard",
        "m.yaml:13:19: ablate.label_fraction: 1.5 is not above 0 and at most 1",
        "m.yaml:14:9: ablate.arms: a name, or a list of names, is needed",
        "m.yaml:15:3: ablate.factor: no such key; known: arms, benchmark, label_fraction, rule, strategy, student,"
        " teachers",
    ]


@pytest.mark.parametrize("section", ["yes", "{}", "[mmkd]", "true"])
def test_what_is_neither_auto_nor_a_mapping_is_refused(registry, toy, section):
    (fault,) = faults(parse, f"{toy}ablate: {section}\n", registry, "m.yaml")
    assert fault.endswith("ablate: auto, or a mapping as in  {strategy: mmkd, label_fraction: 0.1}, is needed")


def test_an_arm_that_nobody_knows_and_one_that_means_nothing_here_are_faults(registry, toy):
    text = f"{toy}ablate:\n  rule: random\n  arms: ['no *', no-replay, random conflicts, majority vot]\n"
    assert faults(parse, text, registry, "m.yaml") == [
        "m.yaml:24:18: ablate.arms.1: no arm is called 'no-replay'; did you mean 'no replay'?",
        "m.yaml:24:29: ablate.arms.2: 'random conflicts' means nothing here: it buys at random itself",
        "m.yaml:24:47: ablate.arms.3: no arm is called 'majority vot'; did you mean 'majority vote'?",
    ]


def test_a_matrix_without_factors_says_how_to_go_on(registry, toy):
    text = toy.replace("  mmkd: mmkd\n", "")
    assert faults(parse, f"{text}ablate: auto\n", registry, "m.yaml")[0].endswith(
        "ablate: no strategy of the matrix says what its factors are"
    )
    assert parse(f"{text}ablate: {{strategy: supervised}}\n", registry).extras


def test_a_method_without_a_cell_is_refused(registry, toy):
    text = f"{toy}exclude:\n  - {{strategy: mmkd}}\nablate: auto\n"
    assert faults(parse, text, registry, "m.yaml") == [
        "m.yaml:24:1: ablate: strategies.mmkd has no cell there: benchmark or student are missing, or all are excluded"
    ]


def test_by_default_nothing_is_ablated(registry, toy):
    matrix = parse(toy, registry)
    assert (matrix.ablate, matrix.extras) == (None, ())
    assert parse(f"{toy}ablate:\n", registry).ablate is None
    assert parse(f"{toy}ablate: auto\n", registry).ablate == Ablate()


def test_auto_adds_floors_controls_variants_and_bounds_and_none_that_is_there(toy, plan_of, ablated):
    before, plan = plan_of(toy), ablated()
    found = standing(plan)
    there = {factor for factor, how in found.items() if how == "there"}
    assert there == {
        "zero-shot",
        "majority vote",
        "labels alone",
        "random conflicts",
        "stage 1 only",
        "full method",
    }
    assert {"no replay", "no balance", "sft only", "dpo only", "stage 2 only", "sequential stage 2"} <= found.keys()
    added = {arm.arm for arm in plan.ablation if arm.standing == "added"}
    assert plan.arms().keys() == before.arms().keys() | added
    names = [cell.point.cell for cell in plan.cells]
    assert len(set(names)) == len(names)
    assert plan.steps.keys() >= before.steps.keys()


def test_a_variant_shares_every_step_that_its_factor_leaves_alone(ablated):
    plan = ablated()
    cells = {cell.point.arm: cell for cell in plan.cells if cell.point.seed in (0, None)}
    arms = {arm.factor: cells.get(arm.arm) for arm in plan.ablation}
    method = arms["full method"]
    for factor in ("no replay", "no balance", "shuffled purchase", "flipped pairs", "compute-matched stage 1"):
        assert arms[factor].stage1 == method.stage1
        assert arms[factor].model != method.model
    assert arms["stage 1 on consensus"].stage1 != method.stage1
    assert arms["stage 2 only"].stage1 is None


def test_every_step_of_an_ablation_is_known_by_its_own_components(ablated):
    for step in ablated().steps.values():
        mine = {role: digest(identity(component)) for role, component in step.components.items()}
        assert step.ingredients["components"] == mine, step.what


def test_an_ablation_stands_at_one_place_the_first_that_is_not_left_out(ablated, toy):
    plan = ablated()
    mine = {arm.arm: plan.arms()[arm.arm] for arm in plan.ablation if arm.factor.startswith(("no ", "dpo"))}
    assert {(point.rule, point.label_fraction, point.student) for point in mine.values()} == {("hard", 0.1, "counter")}
    moved = ablated("{rule: random, label_fraction: 0.2}")
    names = {arm.factor: arm.arm for arm in moved.ablation}
    assert names["full method"] == "words/counter/mmkd/all/random/0.2"
    assert next(arm for arm in moved.ablation if arm.factor == "random conflicts").reason == "it buys at random itself"
    excluding = f"{toy}exclude:\n  - {{strategy: mmkd, rule: hard}}\n"
    names = {arm.factor: arm.arm for arm in ablated(text=excluding).ablation}
    assert names["full method"] == "words/counter/mmkd/all/random/0.1"


def test_a_fraction_that_is_on_no_axis_is_the_ablations_own(ablated):
    plan = ablated("{label_fraction: 0.2, arms: no replay}")
    assert standing(plan) == {"no replay": "added", "full method": "added"}
    assert {cell.budget for cell in plan.cells if cell.point.label_fraction == 0.2} == {8}
    with pytest.raises(
        MatrixError, match=r"ablate\.label_fraction: 0\.01 of the 40 training items of words buys no label"
    ):
        ablated("{label_fraction: 0.01}")


def test_what_is_impossible_is_left_out_with_its_reason_and_leaves_no_trace(ablated):
    with pytest.raises(MatrixError, match=r"reads a labelled validation split, and benchmarks\.words has none"):
        ablated("{arms: best single teacher}")
    plan = ablated()
    left = {arm.factor: arm.reason for arm in plan.ablation if arm.standing == "left out"}
    assert left["best single teacher"] == "reads a labelled validation split, and benchmarks.words has none"
    assert not any("best-teacher" in cell.point.cell for cell in plan.cells)
    assert not any("best-teacher" in step.what for step in plan.steps.values())
    assert ("a", "words", "validation") not in plan.annotations


def test_a_built_in_that_is_not_installed_is_named(toy):
    lacking = {"harness_strategies.controls", "harness_students.masked"}
    fewer = Registry([plugin for plugin in Registry.installed().plugins if plugin.module not in lacking])
    plan = planning.make(parse(f"{toy}ablate: auto\n", fewer))
    left = {arm.factor: arm.reason for arm in plan.ablation if arm.standing == "left out"}
    assert left["flipped pairs"].startswith("no strategy is called 'flipped-pairs'")
    assert left["caption-only"].startswith("no student is called 'masked'")
    with pytest.raises(MatrixError, match="'caption-only' means nothing here: no student is called 'masked'"):
        parse(f"{toy}ablate: {{arms: [caption-only]}}\n", fewer)


def test_a_control_is_what_the_matrix_has_made_of_it(plan_of, toy):
    text = toy.replace("supervised: supervised", "mine: {uses: supervised, epochs: 7}")
    plan = plan_of(f"{text}ablate: auto\n")
    arms = {arm.factor: arm for arm in plan.ablation}
    assert arms["labels alone"].arm == "words/counter/mine/random/0.1"
    assert arms["all labels"].made_of == "counter by supervised"
    plan = plan_of(f"{text.replace('[0.1, 0.25]', '[0.1, 1.0]')}ablate: auto\n")
    bound = next(arm for arm in plan.ablation if arm.factor == "all labels")
    assert (bound.standing, bound.made_of) == ("there", "counter by supervised (epochs: 7.0)")


def test_plan_and_status_tell_what_was_added(tmp_path, toy):
    matrix = tmp_path / "m.yaml"
    matrix.write_text(f"{toy}ablate: {{arms: [no replay, zero-shot, '*teacher', flipped pairs]}}\n")
    for command in ("plan", "status"):
        told = CliRunner().invoke(main, [command, str(matrix), "--store", str(tmp_path / "store")])
        assert told.exit_code == 0, told.output
        lines = told.output.splitlines()
        assert lines[0] == "ablation of mmkd: 5 arms (2 added, 2 there, 1 left out)"
        assert lines[1].split() == ["there", "zero-shot", "words/counter/zero-shot"]
        assert "left out  best single teacher  reads a labelled validation split" in told.output
        asked = CliRunner().invoke(main, [command, str(matrix), "--store", str(tmp_path / "store"), "--json"])
        facts = json.loads(asked.output)["ablation"]
        assert [(fact["factor"], fact["standing"]) for fact in facts][-1] == ("full method", "there")


def test_a_run_prints_its_ablation_and_writes_the_table_and_the_record(tmp_path, toy):
    matrix = tmp_path / "m.yaml"
    matrix.write_text(f"{toy}ablate: {{arms: [no replay]}}\n")
    out = tmp_path / "out"
    told = CliRunner().invoke(main, ["run", str(matrix), "--store", str(tmp_path / "store"), "--out", str(out)])
    assert told.exit_code == 0, told.output
    assert "  added     no replay    words/counter/mmkd.no-replay/all/hard/0.1" in told.output
    assert (out / "ablation.csv").read_text().startswith("method,factor,kind,arm,evaluated_on,state")
    facts = json.loads((out / record.FILE).read_text())
    assert [arm["factor"] for arm in facts["ablation"]] == ["no replay", "full method"]
    again = record.find(out, None, Registry.installed()).plan
    assert [arm.factor for arm in again.ablation] == ["no replay", "full method"]


def test_the_table_holds_each_arm_against_its_method_adjusted_together(ablated, run_plan, store):
    plan = ablated()
    outcome, _ = run_plan(plan)
    assert not outcome.reasons
    seen = view(plan, store)
    table = seen.ablation.set_index("factor")
    assert set(table.index) == {arm.factor for arm in plan.ablation}
    assert set(table["state"]) == {"done", "left out"}
    tested = seen.contrasts[seen.contrasts["question"] == "ablation"].set_index("arm")
    assert holm(list(tested["p"])) == pytest.approx(list(tested["p_holm"]))
    accuracies = seen.arms.set_index("arm")["accuracy"]
    for factor, row in table[table["state"] == "done"].iterrows():
        assert row["accuracy"] == pytest.approx(accuracies[row["arm"]])
        if factor != "full method":
            assert row["difference"] == pytest.approx(row["accuracy"] - table.loc["full method", "accuracy"])
            assert row["p_holm"] == pytest.approx(tested.loc[row["arm"], "p_holm"])
    assert isnan(table.loc["full method", "difference"])


def test_what_every_arm_is_asked_is_not_asked_of_what_is_for_the_ablation_alone(ablated, plan_of, toy, run_plan, store):
    plan = ablated()
    assert "words/counter/mmkd.no-replay/all/hard/0.1" in plan.apart
    assert not plan.apart & plan_of(toy).arms().keys()
    run_plan(plan)
    seen = view(plan, store)
    asked = seen.contrasts[seen.contrasts["question"] != "ablation"]
    assert len(asked)
    assert not {*asked["arm"], *asked["against"], *seen.operating["arm"], *seen.equivalences["arm"]} & plan.apart
    assert plan.apart <= {*seen.arms["arm"]}


def test_a_redacted_ablation_keeps_its_numbers_and_names_and_hides_options(ablated, run_plan, store):
    plan = ablated("{arms: [no replay, '*teacher']}")
    run_plan(plan)
    seen = redact(view(plan, store)).ablation.set_index("factor")
    assert "full method" in seen.index
    assert seen.loc["no replay", "accuracy"] > 0
    assert not any("mmkd" in text for text in seen["made_of"])
    assert not any("validation" in text for text in seen["reason"])


def test_the_example_asks_for_everything_that_its_student_can_do(registry):
    plan = planning.make(load(Path(__file__).parent.parent / "examples" / "ablation.yaml", registry))
    left = {arm.factor: arm.reason for arm in plan.ablation if arm.standing == "left out"}
    assert left == {"evidence-only": "students.tiny-llava (tiny-llava) reads no evidence"}
    assert len(plan.matrix.seeds) == 5
    assert len(plan.matrix.rules) > 1
    assert plan.facts["world"].splits["validation"].items == 100
    assert set(plan.matrix.reports) == {"html", "figures"}


def test_each_variant_of_mmkd_differs_from_it_in_one_option_or_is_one_of_its_stages():
    for method in (Mmkd(), Mmkd(stage2_order="sequential", conflicts="skip", replay=0, balance="none"), Mmkd(anchor=1)):
        for name, variant in method.ablations().items():
            if type(variant) is Mmkd:
                changed = {field for field in Mmkd.model_fields if getattr(variant, field) != getattr(method, field)}
                assert len(changed) == 1, name
            else:
                assert name in ("stage 1 only", "stage 2 only")
    assert Mmkd().ablations()["stage 1 only"].stage1() == Mmkd().stage1()
    assert Mmkd().ablations()["stage 2 only"].stage2() == Mmkd().stage2()
    assert "stage 2 only" not in Mmkd(pairs="verdict-flip").ablations()
    assert Need.LABELS in Mmkd().ablations()["stage 2 only"].stage2()[0].needs()


def panel(shares, seeds=5, items=400, seed=0):
    rng = np.random.default_rng(seed)
    right = np.stack([(rng.random((seeds, items)) < share).astype(float) for share in shares])
    return joint(right, np.arange(items))


def test_the_gap_that_is_recovered_is_the_share_of_the_way_from_the_floor_to_the_bound():
    found = recovered(panel((0.8, 0.5, 0.9)))
    assert found.low < 0.75 < found.high
    means = panel((0.8, 0.5, 0.9)).means
    assert found.share == pytest.approx((means[0] - means[1]) / (means[2] - means[1]))
    assert 0.1 < found.high - found.low < 0.5


def test_the_interval_of_the_gap_covers_the_truth():
    covered = [
        found.low <= 0.75 <= found.high
        for found in (recovered(panel((0.8, 0.5, 0.9), seed=seed)) for seed in range(60))
    ]
    assert sum(covered) >= 54


@pytest.mark.parametrize("bound", [0.5, 0.49, 0.2])
def test_without_a_gap_nothing_is_a_share_of_it(bound):
    assert isnan(recovered(panel((0.8, 0.5, bound))).share)


def test_a_gap_that_is_barely_there_gives_an_interval_that_says_so():
    narrow, wide = recovered(panel((0.8, 0.5, 0.9))), recovered(panel((0.56, 0.5, 0.56)))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
