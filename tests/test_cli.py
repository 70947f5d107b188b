import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from harness.cli import main


@pytest.fixture
def harness(tmp_path, monkeypatch, toy):
    """Runs a command in a folder that holds toy.yaml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.yaml").write_text(toy)

    def call(*arguments, expect=0):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == expect, result.output + result.stderr
        return result

    return call


def test_run_writes_tables_and_says_what_it_did(harness, tmp_path):
    result = harness("run", "toy.yaml")
    assert "41 steps run, 0 reused in" in result.stdout
    assert {path.name for path in (tmp_path / "runs/toy").iterdir()} >= {"results.csv", "arms.csv", "contrasts.csv"}
    assert "0 steps run, 41 reused in" in harness("run", "toy.yaml").stdout


def test_run_says_each_step_on_a_line_where_there_is_no_terminal(harness):
    lines = harness("run", "toy.yaml").stderr.splitlines()
    assert lines[0] == "41 steps to run, 0 reused"
    assert lines[-1].startswith("[41/41] ")
    assert len(lines) == 42


def test_plan_counts_without_running(harness, tmp_path):
    facts = json.loads(harness("plan", "toy.yaml", "--json").stdout)
    assert (facts["cells"], facts["steps"], facts["steps_without_sharing"]) == (20, 41, 81)
    assert facts["teacher_calls"] == 140
    assert facts["steps_to_run"] == 41
    assert not (tmp_path / "runs").exists()
    text = harness("plan", "toy.yaml").stdout
    assert text.startswith("20 cells from 41 steps (81 without sharing)\n  annotate       4   to run      4\n")


def test_status_counts_cells_by_state(harness):
    assert harness("status", "toy.yaml").stdout.endswith("20 pending of 20 cells\n")
    harness("run", "toy.yaml")
    found = json.loads(harness("status", "toy.yaml", "--json").stdout)
    assert found["counts"] == {"done": 20}
    assert len(found["cells"]) == 20


def test_a_run_with_a_failed_cell_ends_with_3_and_says_why(harness, tmp_path, toy):
    (tmp_path / "toy.yaml").write_text(toy.replace("mmkd: mmkd", "peeking: peeking"))
    result = harness("run", "toy.yaml", expect=3)
    assert "was not bought" in result.stderr
    assert "failed: train counter by peeking, stage 1, seed 0, 4 labels by hard" in result.stderr
    assert "failed" in harness("status", "toy.yaml").stdout


def test_a_faulty_matrix_ends_with_2_and_no_traceback(harness, tmp_path, toy):
    (tmp_path / "toy.yaml").write_text(toy.replace("listens", "listns"))
    result = harness("run", "toy.yaml", expect=2)
    assert result.stderr.startswith(
        "error: toy.yaml:4:13: teachers.a.uses: no teacher is called 'listns'; did you mean"
    )
    assert "Traceback" not in result.output
    assert not (tmp_path / "runs").exists()


def test_explain_names_the_ingredients_and_what_changed(harness, tmp_path, toy):
    harness("run", "toy.yaml")
    cell = "words/counter/mmkd/all/hard/0.1/seed-0"
    told = harness("explain", "toy.yaml", cell).stdout
    assert "stored: it took" in told
    assert "reads start: train counter by stage1-only, stage 1, seed 0" in told
    (tmp_path / "toy.yaml").write_text(toy.replace("mmkd: mmkd", "mmkd: {uses: mmkd, beta: 0.5}"))
    told = harness("explain", "toy.yaml", cell).stdout
    assert "not stored: it will run" in told
    assert "nearest stored:" in told
    assert "components.recipe.options.objective.beta: 0.1 → 0.5" in told


def test_explain_helps_with_a_misspelt_cell(harness):
    result = harness("explain", "toy.yaml", "words/counter/zero-shoot", expect=2)
    assert "no cell is called 'words/counter/zero-shoot'; did you mean 'words/counter/zero-shot'?" in result.stderr


def test_a_report_can_be_written_in_the_middle_of_a_run(harness, tmp_path):
    harness("report", "toy.yaml")
    assert "pending" in (tmp_path / "runs/toy/results.csv").read_text()


def test_plugins_list_has_one_object_per_component(harness, faulty):
    rows = json.loads(harness("plugins", "list", "--json").stdout)
    assert all({"kind", "name", "distribution", "error"} <= row.keys() for row in rows)
    assert {"mmkd", "newsworld", "listens"} <= {row["name"] for row in rows}
    text = harness("plugins", "list").stdout
    assert "broken      misspelt               faulty 0.3: unknown hook 'harness_teacher'; did you mean" in text


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom harness.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'pydantic', 'numpy', 'pandas', 'torch', 'rich', 'jinja2', 'pluggy', 'ruamel'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_planning_imports_neither_torch_nor_pandas(tmp_path, toy):
    (tmp_path / "toy.yaml").write_text(toy)
    code = (
        "import sys\nfrom harness.cli import main\n"
        "try:\n    main(['plan', 'toy.yaml'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'torch', 'transformers', 'scipy', 'jinja2'} & set(sys.modules)\nassert not heavy, heavy"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path, env=environment)
