"""Every strategy trains the tiny student through its stages."""

import pytest

from harness.planning import make
from harness.plugins import Registry
from harness.reading import parse
from harness.store import Store
from harness_strategies import one_teacher, presets, rationales, self_training, soft_labels, verdict_kd

MATRIX = """\
benchmarks: {world: {uses: newsworld, seed: 2, train: 24, validation: 8, test: 4}}
teachers:
  entities: {uses: evidence-overlap, sources: [entities], checks: names, threshold: 0.75}
  titles: {uses: evidence-overlap, sources: [captions], checks: all, threshold: 0.6}
  lenient: {uses: evidence-overlap, sources: [captions], checks: names, threshold: 0.3}
students:
  tiny: {uses: tiny-llava, sft: {epochs: 0.25, batch_size: 16}, dpo: {epochs: 0.25, batch_size: 8}, max_new_tokens: 4}
rules: {random: random}
label_fractions: [0.25]
executor: inline
reports: {}
strategies:
  zero-shot: zero-shot
  stage1-only: stage1-only
  consensus-sft: consensus-sft
  majority-vote: majority-vote
  supervised: supervised
  single-teacher: {uses: single-teacher, teacher: titles}
  best-teacher: best-teacher
  verdict-kd: verdict-kd
  label-model-soft: {uses: label-model-soft, model: dawid-skene, gold: true}
  distilling-step-by-step: distilling-step-by-step
  multi-rationale: multi-rationale
  self-training: {uses: self-training, threshold: 0.5}
  mmkd: mmkd
  flip: {uses: mmkd, pairs: verdict-flip}
  outvoted: {uses: mmkd, pairs: majority-over-minority}
  stage2-only: stage2-only
  dpo-only: dpo-only
  simpo: simpo
  orpo: orpo
  mdpo: mdpo
  multi-negative: multi-negative
  on-policy-pairs: on-policy-pairs
"""


@pytest.fixture(scope="module")
def once():
    return {}


@pytest.fixture
def trained(once, run_plan, tmp_path_factory, one_thread):
    """Plan, store and the cells by their strategy."""
    pytest.importorskip("trl")
    if not once:
        modules = (one_teacher, presets, rationales, self_training, soft_labels, verdict_kd)
        plan = make(parse(MATRIX, Registry.installed() + Registry.of(*modules)))
        store = Store(tmp_path_factory.mktemp("store"))
        once["lines"] = run_plan(plan, store)[1]
        once.update(plan=plan, store=store, cells={cell.point.strategy: cell for cell in plan.cells})
    return once


def test_every_strategy_ends_with_an_answer_about_every_test_item(trained):
    assert [line for line in trained["lines"] if line[0] == "failed"] == []
    for cell in trained["cells"].values():
        for key in cell.ends:
            step = trained["plan"].steps[key]
            assert trained["store"].has(step.kind, key)


def test_every_training_was_given_what_its_strategy_is_about(trained):
    def facts(strategy):
        return trained["store"].manifest("train", trained["cells"][strategy].model)["facts"]

    assert facts("mdpo")["pairs"]["other_image"] > 0
    assert facts("flip")["pairs"]["same_words"] == facts("flip")["pairs"]["pairs"]
    assert facts("outvoted")["labels_bought"] == 0
    assert facts("outvoted")["pairs"]["pairs"] > 0
    assert facts("verdict-kd")["examples"].keys() == {"targets.soft"}
    assert facts("label-model-soft")["labels_bought"] == facts("mmkd")["labels_bought"] == 6
    assert set(facts("single-teacher")["examples"]) <= {"targets.falsified", "targets.pristine"}
    assert facts("dpo-only")["objective"]["losses"] == {"sigmoid": 1.0}


def test_stage_1_is_trained_once_for_all_that_share_it(trained):
    shared = {"stage1-only", "mmkd", "flip", "simpo", "orpo", "mdpo", "multi-negative", "self-training"}
    assert len({trained["cells"][strategy].stage1 for strategy in shared}) == 1
    assert trained["cells"]["stage2-only"].stage1 is None
