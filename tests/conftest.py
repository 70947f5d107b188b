import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

from pathlib import Path

import pytest
import toys

from harness.plugins import Registry

TOY = """\
benchmarks:
  words: words
teachers:
  a: {uses: listens, words: [omega]}
  b: {uses: listens, words: [omega, kappa]}
teachers_as_arms: true
students:
  counter: counter
rules:
  hard: hard-disagreement
  random: random
strategies:
  zero-shot: zero-shot
  stage1-only: stage1-only
  majority-vote: majority-vote
  mmkd: mmkd
  supervised: supervised
label_fractions: [0.1, 0.25]
seeds: [0, 1]
executor: inline
reports: {}
"""


@pytest.fixture(scope="session")
def registry():
    return Registry.installed() + Registry.of(toys)


@pytest.fixture
def toy():
    return TOY


@pytest.fixture
def data():
    """The folder of real data sets; skips where there is none."""
    root = os.environ.get("HARNESS_REAL_DATA", "")
    if not root:
        pytest.skip("HARNESS_REAL_DATA is not set")
    return Path(root)
