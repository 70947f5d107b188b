"""How long a large matrix takes to plan, beside merely hashing as many small JSON objects as it has steps."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "data" / "toys"))

from harness.identity import digest
from harness.planning import make
from harness.plugins import Registry
from harness.reading import parse

MATRIX = """\
benchmarks: {words: words}
teachers: {a: listens, b: {uses: listens, words: [kappa]}, c: {uses: listens, words: [beta]}}
teacher_sets: {ab: [a, b], bc: [b, c]}
students: {counter: counter}
rules: {hard: hard-disagreement, random: random}
strategies: {mmkd: mmkd}
label_fractions: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
seeds: [SEEDS]
executor: inline
reports: {}
""".replace("SEEDS", ", ".join(map(str, range(250))))


@pytest.fixture(scope="module")
def registry():
    return Registry.installed()


@pytest.mark.benchmark(group="plan 10,000 cells")
def test_plan(benchmark, registry):
    plan = benchmark.pedantic(lambda: make(parse(MATRIX, registry)), rounds=3, warmup_rounds=1)
    assert len(plan.cells) == 10_000
    benchmark.extra_info["steps"] = len(plan.steps)


@pytest.mark.benchmark(group="plan 10,000 cells")
def test_baseline_hash_as_many_objects(benchmark, registry):
    ingredients = [step.ingredients for step in make(parse(MATRIX, registry)).steps.values()]
    benchmark.pedantic(lambda: [digest(found) for found in ingredients], rounds=3, warmup_rounds=1)
