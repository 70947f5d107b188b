"""The example of a stranger's distribution, installed and used as a stranger's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent.parent / "examples" / "plugins" / "harness-when-where"

MATRIX = """\
evaluate_on:
  world: {uses: newsworld, test: 40}
teachers:
  when-where: {uses: when-where, undecided: refuse, places: %s}
teachers_as_arms: true
reports: {}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder into which the example was installed from its source, without a network."""
    target = tmp_path_factory.mktemp("site")
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([sys.executable, "-m", "pip", *install, str(EXAMPLE)], check=True, env=environment)
    return target


@pytest.fixture
def stranger(site, tmp_path):
    """Runs Python where the example is installed."""

    def call(*arguments, cwd=tmp_path, **variables):
        private = {"PYTHONPATH": str(site), "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path), **variables}
        command = [sys.executable, "-B", *arguments]
        done = subprocess.run(command, cwd=cwd, env={**os.environ, **private}, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


def test_the_example_passes_its_own_tests_from_its_own_folder_as_it_is_installed(stranger, site):
    where = "import harness_when_where.teacher as it; print(it.__file__)"
    assert stranger("-c", where, PYTHONSAFEPATH="1").startswith(str(site))
    told = stranger(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:benchmark", cwd=EXAMPLE, PYTHONSAFEPATH="1"
    )
    assert " passed" in told
    assert "skipped" not in told


def test_the_example_is_listed_with_its_origin(stranger):
    rows = json.loads(stranger("-m", "harness.cli", "plugins", "list", "--json"))
    (row,) = [row for row in rows if row["name"] == "when-where"]
    assert (row["kind"], row["distribution"], row["version"]) == ("teacher", "harness-when-where", "0.1.0")
    assert row["error"] == ""


def test_a_matrix_runs_with_the_example(stranger, tmp_path):
    (tmp_path / "small.yaml").write_text(MATRIX % (EXAMPLE / "newsworld.csv"))
    told = stranger("-m", "harness.cli", "run", "small.yaml")
    assert "1 steps run, 0 reused in" in told
    (arm,) = (tmp_path / "runs" / "small" / "results.csv").read_text().splitlines()[1:]
    assert arm.startswith("world/teacher/when-where,")
    assert ",done," in arm


@pytest.mark.parametrize("matrix", sorted(EXAMPLE.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_matrix_of_the_example_can_be_planned(stranger, matrix, request):
    if matrix.stem != "newsworld":
        request.getfixturevalue("data")
    assert json.loads(stranger("-m", "harness.cli", "plan", str(matrix), "--json", cwd=EXAMPLE))["cells"] >= 2


def test_the_matrix_of_the_examples_readme_can_be_planned(stranger, tmp_path):
    text = (EXAMPLE / "README.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "readme.yaml").write_text(text)
    assert json.loads(stranger("-m", "harness.cli", "plan", "readme.yaml", "--json"))["cells"] >= 3


def test_the_example_knows_the_authors_world_and_nothing_else_of_the_core():
    modules = [*EXAMPLE.glob("harness_when_where/*.py"), *EXAMPLE.glob("tests/*.py")]
    imports = [
        line.split()[1]
        for module in modules
        for line in module.read_text().splitlines()
        if line.startswith(("import harness.", "import harness ", "from harness."))
    ]
    assert len(modules) > 8
    assert set(imports) == {"harness.api", "harness.testing"}
