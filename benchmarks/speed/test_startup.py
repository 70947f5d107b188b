"""What ``harness --help`` costs beside a bare interpreter."""

import subprocess
import sys

import pytest


def start(*arguments):
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


@pytest.mark.benchmark(group="start")
def test_help(benchmark):
    benchmark.pedantic(start, args=("-m", "harness.cli", "--help"), rounds=10, warmup_rounds=2)


@pytest.mark.benchmark(group="start")
def test_baseline_bare_interpreter(benchmark):
    benchmark.pedantic(start, args=("-c", "pass"), rounds=10, warmup_rounds=2)
