"""The simulation that proves the statistics runs, ends with its line, and fails where a bound is missed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "calibration"


def calibrate(*arguments):
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
    )


def test_a_short_calibration_runs_through_and_ends_with_its_line():
    done = calibrate("20")
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == ""
    line = r"false_positives=\[\d\.\d{3}, \d\.\d{3}\] family_wise=\d\.\d{3} coverage=\d\.\d{3} designs=8"
    assert re.fullmatch(line, done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_the_whole_calibration_keeps_its_bounds():
    done = calibrate()
    assert done.returncode == 0, done.stdout
