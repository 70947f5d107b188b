"""The matrices that `harness init` writes."""

import csv
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from harness import starters, yaml
from harness.cli import main
from harness.planning import make
from harness.reading import parse
from harness.schema import schema

MODELINE = "# yaml-language-server: $schema=matrix.schema.json\n"


def write_archive(folder):
    """The table that archive.yaml names, with pictures."""
    from PIL import Image as Pillow

    (folder / "photos").mkdir()
    with (folder / "archive.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "caption", "image", "label", "split", "entities", "titles"])
        for number in range(60):
            Pillow.new("RGB", (8, 8), (4 * number, 0, 0)).save(folder / "photos" / f"{number}.png")
            split = "train" if number < 40 else "test"
            label = "" if split == "train" else "falsified" if number % 2 else "pristine"
            seen = json.dumps(["Oslo", "Tuesday"] if number % 3 else ["Bergen"])
            rows.writerow([f"n{number}", f"Crowds in Oslo, {number}", f"photos/{number}.png", label, split, seen, seen])


def test_every_starter_has_its_file_and_says_what_it_is_for():
    files = {file.stem for file in Path(starters.__file__).parent.glob("*.yaml")}
    assert files == starters.USES.keys()
    told = CliRunner().invoke(main, ["init", "--help"]).stdout
    assert all(f"{use:<9}{purpose[:40]}" in told for use, purpose in starters.USES.items())


@pytest.mark.parametrize("use", starters.USES)
def test_a_starter_is_planned_without_a_fault_and_valid_by_the_schema(harness, tmp_path, registry, use):
    if use == "archive":
        write_archive(tmp_path)
    told = harness("init", use).stdout
    assert told.splitlines() == [
        "matrix: matrix.yaml",
        "  harness schema --out matrix.schema.json    # your editor completes and checks it",
        "  harness plan matrix.yaml",
        "  harness run matrix.yaml",
    ]
    text = (tmp_path / "matrix.yaml").read_text()
    assert text.startswith(MODELINE)
    assert f"{use}.yaml" not in text
    plan = make(parse(text, registry))
    assert {"student", "teacher", "majority"} == {cell.role for cell in plan.cells}
    assert list(Draft202012Validator(schema(registry)).iter_errors(yaml.load(text)[0])) == []
    assert harness("plan", "matrix.yaml").stdout.startswith(f"{len(plan.cells)} cells from ")


@pytest.mark.parametrize(("use", "count"), [("trial", 0), ("archive", 16), ("paper", 4)])
def test_every_entry_that_a_starter_has_as_a_comment_can_be_put_in_place(registry, use, count):
    lines = starters.text(use).splitlines()
    entries = [found for line in lines if (found := re.fullmatch(r"( +)# (([a-z][\w-]*): .*)", line))]
    for entry in entries:
        indent, words, key = entry.groups()
        others = [line for line in lines if not line.startswith(f"{indent}{key}: ")]
        text = "\n".join(f"{indent}{words}" if line == entry[0] else line for line in others)
        assert parse(text, registry), words
    assert len(entries) == count


def test_the_plan_of_the_paper_has_its_two_stages_two_teachers_and_less_than_a_tenth_of_the_labels(registry):
    matrix = parse(starters.text("paper"), registry)
    assert len(matrix.teachers) == 2
    assert (len(matrix.strategies["mmkd"].stage1()), len(matrix.strategies["mmkd"].stage2())) == (1, 1)
    plan = make(matrix)
    budgets = {cell.budget for cell in plan.cells if cell.point.strategy == "mmkd"}
    assert budgets == {12, 24, 36}
    assert max(budgets) < 0.1 * matrix.benchmarks["news"].train


def test_a_trial_runs_to_a_report_with_the_authors_teacher(harness, tmp_path):
    harness("init", "trial", "trial.yaml", "--teacher", "listens")
    assert "  mine: listens\n" in (tmp_path / "trial.yaml").read_text()
    told = harness("run", "trial.yaml").stdout
    assert "report: runs/trial/report.html (6 cells" in told
    with (tmp_path / "runs/trial/results.csv").open() as file:
        states = {row["arm"]: row["state"] for row in csv.DictReader(file)}
    assert set(states.values()) == {"done"}
    assert {"world/teacher/mine", "world/tiny/mmkd/all/disagreement/0.1"} <= states.keys()
    assert "mine" in (tmp_path / "runs/trial/report.html").read_text()


def test_a_file_that_is_there_is_not_written_over_unless_that_is_asked_for(harness, tmp_path):
    (tmp_path / "matrix.yaml").write_text("seeds: [0]\n")
    refused = harness("init", "trial", expect=2)
    assert refused.stderr == (
        "error: matrix.yaml: exists already\n  Name another file, or write over it with --force\n"
    )
    assert (tmp_path / "matrix.yaml").read_text() == "seeds: [0]\n"
    harness("init", "trial", "--force")
    assert (tmp_path / "matrix.yaml").read_text().startswith(MODELINE)


def test_a_teacher_that_is_not_installed_is_refused_with_the_nearest_name(harness, tmp_path):
    refused = harness("init", "trial", "--teacher", "listns", expect=2)
    assert refused.stderr.startswith("error: no teacher is called 'listns'; did you mean 'listens'?")
    assert not (tmp_path / "matrix.yaml").exists()


def test_options_that_a_teacher_must_be_given_are_left_to_fill_in(harness, tmp_path):
    harness("init", "trial", "--teacher", "replay")
    lines = (tmp_path / "matrix.yaml").read_text().splitlines()
    assert lines[lines.index("  mine:") :][:4] == [
        "  mine:",
        "    uses: replay",
        "    # Fill these in:",
        "    path:   # The file, from the folder where the harness is run; $VARIABLES of the environment are filled in."
        " Where ``*`` stands for any text, all files that fit it together.",
    ]
    refused = harness("plan", "matrix.yaml", expect=2)
    assert "teachers.mine.path: Input should be a valid string" in refused.stderr


def test_only_a_trial_is_of_a_teacher(harness):
    refused = harness("init", "paper", "--teacher", "listens", expect=2)
    assert refused.stderr == ("error: --teacher is for a trial, not for paper\n  harness init trial --teacher NAME\n")


def test_a_folder_that_is_not_there_is_named(harness):
    refused = harness("init", "trial", "no/such.yaml", expect=2)
    assert refused.stderr == "error: no/such.yaml: cannot be written: No such file or directory\n"
