"""What must be so if nothing leaks: the claims, and on request (`make claims`) the run that bears them out."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness import planning
from harness.reading import load

CLAIMS = Path(__file__).parent.parent / "benchmarks" / "claims"


@pytest.fixture
def claimed(monkeypatch):
    monkeypatch.syspath_prepend(str(CLAIMS))
    import claimed

    yield claimed
    del sys.modules["claimed"]


def right(share, seeds=5, items=400, seed=0):
    return (np.random.default_rng(seed).random((seeds, items)) < share).astype(float)


def test_the_arms_that_are_claimed_of_are_those_of_the_matrix(registry, claimed):
    plan = planning.make(load(CLAIMS / "claims.yaml", registry))
    named = {claimed.BOUND, claimed.METHOD, claimed.ORACLE, claimed.FLIPPED, *claimed.BLIND.values()}
    assert plan.arms().keys() == named
    test = plan.facts["world"].splits["test"]
    assert test.classes["pristine"] == test.classes["falsified"]


def test_guesses_are_at_chance_and_as_good_as_that_and_a_leak_is_neither(claimed):
    groups = np.arange(400)
    fair = list(claimed.at_chance("fair", right(0.5), groups))
    assert [claim.held for claim in fair] == [True, True]
    assert str(fair[0]).startswith("held    at chance: fair: ")
    leaking = list(claimed.at_chance("leaking", right(0.6), groups))
    assert [claim.held for claim in leaking] == [False, False]
    assert str(leaking[0]).startswith("BROKEN  at chance: leaking: ")


def test_equivalence_is_not_claimed_of_too_few_items(claimed):
    assert len(list(claimed.at_chance("few", right(0.5, items=40), np.arange(40)))) == 1


@pytest.mark.claims
@pytest.mark.timeout(3600)
def test_every_claim_holds(tmp_path):
    done = subprocess.run(
        [sys.executable, CLAIMS, os.environ.get("HARNESS_STORE", str(tmp_path / "store"))],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"claims=(\d+) held=\1", done.stdout.splitlines()[-1])
