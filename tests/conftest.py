import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# Tests run in one process per core: more threads than cores would slow all of them.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from click.testing import CliRunner

from harness import planning, provenance
from harness.cli import main
from harness.mirror import Mirror
from harness.plugins import Registry
from harness.reading import parse
from harness.remote import Remote
from harness.run import run
from harness.steps.bench import StepBench
from harness.store import Store

DATA = Path(__file__).parent / "data"

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


class Watch:
    """Remembers what a run told it."""

    def __init__(self):
        self.lines = []

    def begin(self, total, reused):
        self.lines.append(("begin", total, reused))

    def started(self, step):
        self.lines.append(("started", step.kind, step.what))

    def ended(self, step, report):
        self.lines.append((report.state, step.kind, step.what))


@pytest.fixture(scope="session")
def registry():
    return Registry.installed()


@pytest.fixture
def toy():
    return TOY


@pytest.fixture
def plan_of(registry):
    return lambda text: planning.make(parse(text, registry))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def run_plan(registry, store):
    """Runs a plan and returns what became of its steps, and what was said meanwhile."""

    def go(plan, into=store):
        watch = Watch()
        outcome = run(plan, into, plan.matrix.executor, registry, provenance.collect(registry), watch)
        return outcome, watch.lines

    return go


@pytest.fixture
def mirrored(registry):
    """Runs a plan beside a remote; what became of its steps, and what was said."""

    def go(plan, store, url, watch=None):
        watch, said = watch or Watch(), []
        mirror = Mirror(Remote(url), store, said.append)
        try:
            mirror.begin(plan)
            outcome = run(plan, store, plan.matrix.executor, registry, provenance.collect(registry), watch, mirror)
        finally:
            mirror.close()
        return outcome, said

    return go


@pytest.fixture
def harness(tmp_path, monkeypatch):
    """Runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments, expect=0):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == expect, result.output + result.stderr
        return result

    return call


@pytest.fixture(scope="session")
def family(tmp_path_factory):
    """The folder of a tiny random model of a family, made once."""
    pytest.importorskip("trl")
    from tiny_families import make

    made = {}

    def folder(name):
        if name not in made:
            made[name] = make(name, tmp_path_factory.mktemp("families") / name)
        return made[name]

    return folder


@pytest.fixture
def faulty(monkeypatch):
    """Makes the distribution of broken plugins visible."""
    monkeypatch.syspath_prepend(str(DATA / "faulty"))
    yield
    for name in [name for name in sys.modules if name.startswith("faulty_")]:
        del sys.modules[name]


@pytest.fixture
def data():
    """The folder of real data sets; skips where there is none."""
    root = os.environ.get("HARNESS_REAL_DATA", "")
    if not root:
        pytest.skip("HARNESS_REAL_DATA is not set")
    return Path(root)


@pytest.fixture(scope="module")
def one_thread():
    """torch on one thread, whatever the machine has, so that sums are added in one order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def bench(tmp_path):
    """Makes the workbench of a step, by name and seed, over one store."""

    def make(name, seed=0):
        (tmp_path / name).mkdir()
        return StepBench(Store(tmp_path), name, tmp_path / name, seed)

    return make
