"""How long a run of trivial steps takes, beside a plain loop that submits the same calls to a pool of processes.

The loop knows no leases, events or failures; it waits for all steps of a kind before it begins the next kind.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scheduling import Quiet, trivial_plan

from harness import provenance
from harness.run import run
from harness.store import Store
from harness.terms import terms_of
from harness.work import StepWork

STEPS = 1500
FRESH = count()

pytestmark = pytest.mark.benchmark(group=f"{STEPS} trivial steps on two workers")


@pytest.fixture(scope="module")
def planned():
    return trivial_plan(STEPS)


@pytest.fixture
def fresh(tmp_path):
    """A store that is empty, for each round."""
    return lambda: ((Store(tmp_path / f"store-{next(FRESH)}"),), {})


def test_run(benchmark, planned, fresh):
    plan, registry = planned
    told = provenance.collect(registry)

    def go(store):
        assert run(plan, store, plan.matrix.executor, registry, told, Quiet()).count("done") == len(plan.steps)

    benchmark.pedantic(go, setup=fresh, rounds=3)


def test_baseline_plain_loop(benchmark, planned, fresh):
    plan, registry = planned
    told, terms = provenance.collect(registry), terms_of(plan)

    def go(store):
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            for kind in ("annotate", "rank", "train", "predict"):
                steps = [step for step in plan.steps.values() if step.kind == kind]
                calls = [pool.submit(StepWork((step,), store.root, told, terms, logged=True)) for step in steps]
                assert all(report.state == "done" for call in calls for report in call.result())

    benchmark.pedantic(go, setup=fresh, rounds=3)
