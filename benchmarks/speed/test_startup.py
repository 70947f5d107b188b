"""What ``harness --help`` costs beside a bare interpreter, with 50 plugins installed of which one imports torch."""

import os
import subprocess
import sys

import pytest

PLUGIN = """{heavy}
from harness.api import Annotation, Teacher, hookimpl


class Many(Teacher):
    name = "many-{number}"

    def annotate(self, items):
        return [Annotation(item.id, "ok", "falsified") for item in items]


@hookimpl
def harness_teachers():
    return [Many]
"""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Environment of an interpreter that finds 50 more distributions."""
    site = tmp_path_factory.mktemp("site")
    for number in range(50):
        heavy = "import torch  # noqa: F401" if number == 25 else ""
        (site / f"many_{number}.py").write_text(PLUGIN.format(heavy=heavy, number=number))
        metadata = site / f"many_{number}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: many-{number}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[harness]\nmany-{number} = many_{number}\n")
    return {**os.environ, "PYTHONPATH": str(site)}


def start(environment, *arguments):
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True, env=environment)


@pytest.mark.benchmark(group="start")
def test_help_with_50_plugins(benchmark, crowd):
    benchmark.pedantic(start, args=(crowd, "-m", "harness.cli", "--help"), rounds=20, warmup_rounds=2)


@pytest.mark.benchmark(group="start")
def test_baseline_bare_interpreter(benchmark, crowd):
    benchmark.pedantic(start, args=(crowd, "-c", "pass"), rounds=20, warmup_rounds=2)


@pytest.mark.benchmark(group="start")
def test_plugins_list_with_50_plugins_names_the_slow_one(benchmark, crowd):
    listed = benchmark.pedantic(start, args=(crowd, "-m", "harness.cli", "plugins", "list"), rounds=3, warmup_rounds=1)
    [slow] = [line for line in listed.stdout.splitlines() if line.startswith("slow ")]
    assert "many-25" in slow
    assert "it imports torch" in slow
