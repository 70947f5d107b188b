"""A trained model judges new items: every row answered once, kept over a kill, and refused where it would be wrong."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.errors import HarnessError
from harness.judgements import Judgement, Sheet
from harness.judging import check_parts
from harness.trained import Trained
from harness_benchmarks.table import Table
from harness_students.probe import Probe

ARM = "words/patient/stage1-only/all"
MATRIX = """\
benchmarks: {words: words}
teachers:
  a: {uses: listens, words: [omega]}
  b: {uses: listens, words: [omega, kappa]}
teachers_as_arms: true
students: {patient: patient}
strategies: {zero-shot: zero-shot, stage1-only: stage1-only}
seeds: [0]
executor: inline
reports: {}
"""
POSTS = "id,caption\na,alpha beta omega\nb,kappa gamma delta\nc,omega kappa alpha\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a matrix that has been run, and an exported arm."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "toy.yaml").write_text(MATRIX)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for words in (["run", "toy.yaml"], ["export", ARM, "--matrix", "toy.yaml", "-o", "model"]):
            result = CliRunner().invoke(main, words)
            assert result.exit_code == 0, result.output
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    Path("posts.csv").write_text(POSTS)
    return tmp_path / "here"


def call(*words, expect=0):
    result = CliRunner().invoke(main, ["predict", *words, "--read", "image=null"])
    assert result.exit_code == expect, result.output
    return result


def rows(path="posts-judged.csv"):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_gets_a_verdict_in_the_order_of_the_table(folder):
    result = call(ARM, "posts.csv", "--matrix", "toy.yaml")
    assert "3 items to judge, 0 judged before" in result.stderr
    assert result.stdout.startswith("judged: posts-judged.csv (3 rows: ")
    found = rows()
    assert list(found[0]) == ["id", "verdict", "p_falsified", "outcome", "text", "key"]
    assert [row["id"] for row in found] == ["a", "b", "c"]
    assert {row["outcome"] for row in found} == {"ok"}
    assert float(found[0]["p_falsified"]) > float(found[1]["p_falsified"])


def test_an_arm_its_artifact_and_its_export_say_the_same(folder):
    for model, out in ((ARM, "arm.jsonl"), ("model", "export.jsonl"), (artifact(), "artifact.jsonl")):
        call(model, "posts.csv", "-o", out, *(["--matrix", "toy.yaml"] if model == ARM else []))
    assert Path("arm.jsonl").read_text() == Path("export.jsonl").read_text() == Path("artifact.jsonl").read_text()
    said = [json.loads(line) for line in Path("arm.jsonl").read_text().splitlines()]
    assert [row["id"] for row in said] == ["a", "b", "c"]


def artifact():
    record = json.loads(Path("model/harness.json").read_text())
    return f"runs/store/artifacts/train/{record['step']}"


def test_what_was_said_is_not_asked_again_but_what_has_changed_is(folder):
    asked = ["--with", "asked=asked.txt"]
    call("model", "posts.csv", *asked)
    Path("posts.csv").write_text(POSTS.replace("gamma", "omega") + "d,beta\n")
    assert "2 items to judge, 2 judged before" in call("model", "posts.csv", *asked).stderr
    assert Path("asked.txt").read_text().split() == ["a", "b", "c", "b", "d"]
    assert [row["id"] for row in rows()] == ["a", "b", "c", "d"]


def test_another_model_is_asked_anew(folder):
    call("model", "posts.csv")
    assert "3 items to judge" in call("words/patient/zero-shot", "posts.csv", "--matrix", "toy.yaml").stderr


def test_a_bad_row_is_told_with_its_line_and_the_others_are_judged(folder):
    Path("posts.csv").write_text(POSTS + "d,\na,alpha\ne,beta\n")
    result = call("model", "posts.csv", expect=3)
    assert "error: posts.csv:5: has no caption: caption is empty" in result.stderr
    assert "error: posts.csv:6: the item 'a' stands at 2, too" in result.stderr
    found = rows()
    assert [row["outcome"] for row in found] == ["ok", "ok", "ok", "error", "error", "ok"]
    assert found[3]["text"].startswith("posts.csv:5: has no caption")


def test_a_missing_image_is_a_bad_row(folder):
    Path("posts.csv").write_text("id,caption,image\na,alpha,a.png\n")
    result = CliRunner().invoke(main, ["predict", "model", "posts.csv"])
    assert result.exit_code == 3
    assert "posts.csv:2: there is no image 'a.png' in " in result.stderr


def test_an_answer_that_failed_is_asked_for_again(folder):
    result = call("model", "posts.csv", "--with", "fails=gamma", expect=3)
    assert "error: b: It is out of order." in result.stderr
    assert [row["outcome"] for row in rows()] == ["ok", "error", "ok"]
    assert "1 items to judge, 2 judged before" in call("model", "posts.csv").stderr
    assert [row["outcome"] for row in rows()] == ["ok", "ok", "ok"]


def test_a_killed_prediction_goes_on_where_it_was(folder):
    Path("posts.csv").write_text("id,caption\n" + "".join(f"{i},{'omega ' * (i + 1)}\n" for i in range(40)))
    words = ["predict", "model", "posts.csv", "--read", "image=null", "--with", "asked=asked.txt"]
    code = "import sys; from harness.cli import main; main(sys.argv[1:])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(
        [sys.executable, "-c", code, *words, "--with", "delay=0.05"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    part = Path("posts-judged.csv.part")
    while child.poll() is None and not (part.exists() and part.read_bytes().count(b"\n") >= 5):
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not Path("posts-judged.csv").exists()
    with part.open("a") as file:
        file.write('{"id": "half a li')
    call(*words[1:3], "--with", "asked=asked.txt")
    asked = Path("asked.txt").read_text().split()
    assert len(asked) <= 41, "at most the one in flight is asked twice"
    assert set(asked) == {str(number) for number in range(40)}
    assert [row["id"] for row in rows()] == [str(number) for number in range(40)]
    assert not part.exists()
    before = Path("posts-judged.csv").read_text()
    call("model", "posts.csv", "-o", "fresh.csv")
    assert Path("fresh.csv").read_text() == before


def test_a_student_without_a_base_has_nothing_to_merge(folder):
    result = CliRunner().invoke(main, ["export", ARM, "--matrix", "toy.yaml", "--merged", "-o", "merged"])
    assert result.exit_code == 2
    assert result.stderr == "error: patient: has no base to merge with\n  export it without --merged\n"
    assert not list(Path().glob("*merged*"))


def test_equal_rows_are_asked_about_once(folder):
    Path("posts.csv").write_text("id,caption\na,omega\nb,omega\n")
    assert "1 items to judge" in call("model", "posts.csv").stderr
    first, second = rows()
    assert first["p_falsified"] == second["p_falsified"]
    assert (first["id"], second["id"]) == ("a", "b")


@pytest.mark.parametrize("name", ["mine.csv", "mine.jsonl"])
def test_a_file_that_is_no_such_table_is_left_alone(folder, name):
    Path(name).write_text("name,phone\nA,1\n")
    assert (
        "is there, and is no table that `harness predict` wrote"
        in call("model", "posts.csv", "-o", name, expect=2).stderr
    )
    assert Path(name).read_text() == "name,phone\nA,1\n"
    assert "is neither .csv nor .jsonl" in call("model", "posts.csv", "-o", "mine.txt", expect=2).stderr


def test_a_model_whose_file_was_changed_is_refused(folder):
    Path("model/model.json").write_text("{}")
    assert "model/model.json: is missing, damaged or was changed" in call("model", "posts.csv", expect=2).stderr


def changed(**student):
    path = Path("model/harness.json")
    record = json.loads(path.read_text())
    record["ingredients"]["components"]["student"] |= student
    path.write_text(json.dumps(record))


def test_a_model_of_a_student_that_is_not_installed_is_refused(folder):
    changed(**{"class": "elsewhere:Student"})
    said = call("model", "posts.csv", expect=2).stderr
    assert "is of the student 'elsewhere:Student', which no installed plugin provides\n  Install the plugin" in said


def test_a_model_whose_options_no_longer_fit_is_refused(folder):
    changed(options={"patience": 3})
    said = call("model", "posts.csv", expect=2).stderr
    assert "its options no longer fit the student patient: it has no option 'patience'" in said


def test_a_model_on_another_base_is_refused(folder):
    changed(files="0" * 64)
    assert (
        "its base is not there, or is not the one that it was trained on" in call("model", "posts.csv", expect=2).stderr
    )


def test_a_student_whose_code_has_changed_answers_with_a_note(folder):
    changed(code=0)
    said = call("model", "posts.csv").stderr
    assert "note: the code of the student patient has changed since the training" in said


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 1, "kind": "model"}', "[" * 100_000, '{"schema": 9}'])
def test_a_damaged_record_is_refused(folder, text):
    Path("model/harness.json").write_text(text)
    assert "Traceback" not in call("model", "posts.csv", expect=2).output


@pytest.mark.parametrize("name", ["../toy.yaml", "/etc/hosts", "a\x1b[2J"])
def test_a_record_may_name_files_of_its_folder_only(folder, name):
    path = Path("model/harness.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": {name: "0"}}))
    assert f"lists {name!r}, which is no file of this folder" in call("model", "posts.csv", expect=2).stderr


def test_a_record_of_odd_values_is_refused(folder):
    path = Path("model/harness.json")
    good = json.loads(path.read_text())
    for odd in ({"elsewhere": [[]]}, {"elsewhere": 3}, {"whole": 3}, {"files": [1]}, {"files": {"a": 1}}):
        path.write_text(json.dumps(good | odd))
        assert "harness.json: does not " in call("model", "posts.csv", expect=2).stderr


def test_what_was_trained_cannot_be_changed_by_an_option(folder):
    said = call("model", "posts.csv", "--with", "colour=red", expect=2).stderr
    assert "the option 'colour' is a part of what was trained and cannot be changed" in said
    assert "These can be given by --with: asked, delay, fails." in said


def test_names_are_helped_with(folder):
    arm = ["posts.csv", "--matrix", "toy.yaml"]
    assert "did you mean 'words/patient/stage1-only/all'?" in call(f"{ARM}s", *arm, expect=2).stderr
    assert "words/teacher/a is no student" in call("words/teacher/a", *arm, expect=2).stderr
    assert "there is neither harness.json nor manifest.json" in call("runs", "posts.csv", expect=2).stderr
    shutil.rmtree("runs/store")
    assert f"{ARM}/seed-0 is not trained yet\n  `harness run toy.yaml` trains it." in call(ARM, *arm, expect=2).stderr


def test_an_arm_with_several_seeds_must_be_told_which(folder):
    text = Path("toy.yaml").read_text().replace("seeds: [0]", "seeds: [0, 1]")
    Path("toy.yaml").write_text(text)
    said = call(ARM, "posts.csv", "--matrix", "toy.yaml", expect=2).stderr
    assert f"{ARM} has the seeds 0, 1\n  Say which by  --seed N ." in said
    call(ARM, "posts.csv", "--matrix", "toy.yaml", "--seed", "0")
    call(f"{ARM}/seed-0", "posts.csv", "--matrix", "toy.yaml", "-o", "other.csv")
    assert rows() == rows("other.csv")


def test_a_student_that_needs_what_the_items_lack_is_refused():
    with pytest.raises(HarnessError, match=r"the student probe needs features\.image, features\.text, which the items"):
        check_parts(Trained("an arm", Probe(), None, ""), Table(file="posts.csv"))


HOSTILE = ['=HYPERLINK("http://a")', "+1", "@SUM(A1)", "-2", "a\nb", 'a "quoted", text', "\x1b[2Jgone", "日本", ""]


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_a_table_gives_back_what_was_written(tmp_path, name):
    sheet = Sheet(tmp_path / name)
    written = [
        Judgement(f"item {place}", "falsified", 0.1 + 0.2 * place / 10, "ok", text, f"key {place}")
        for place, text in enumerate(HOSTILE)
    ]
    sheet.finish([*written, Judgement("bad", None, None, "error", "no", "")])
    known = sheet.known()
    assert [known[row.key].p_falsified for row in written] == [row.p_falsified for row in written]
    sheet.finish(known.values())
    assert Sheet(tmp_path / name).known() == known
    if name.endswith("jsonl"):
        assert [known[row.key].text for row in written] == HOSTILE
    else:
        # A spreadsheet takes none of them for a formula, and a terminal is not moved.
        assert not any(row.text[:1] in "=+-@" for row in known.values() if row.text)
        assert "\x1b" not in (tmp_path / name).read_text()
