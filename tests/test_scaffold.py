import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import click
import pytest
from packaging.requirements import Requirement

from harness import __version__, planning
from harness.cli import main
from harness.components import KINDS
from harness.diagnosis import view
from harness.errors import HarnessError
from harness.plugins import Registry
from harness.reading import parse
from harness.scaffold import create
from harness.scaffold.names import Names
from harness.steps import rows
from harness.store import Store

NAMES = {kind: f"my-{kind}" for kind in KINDS}
MODULES = {kind: f"harness_my_{kind.replace('-', '_')}" for kind in KINDS}
RULES = "E,F,I,B,UP,ANN,RUF,PT,SIM,C4,RET"
# Shorter and longer than most; lines break elsewhere, and imports sort otherwise.
OTHER_NAMES = ("a", "z-9", "a-name-that-is-rather-long")
SFT = "mmkd: {uses: mmkd, stage2_order: sft}"
# What would be no class, or hide one that the module imports.
ODD_NAMES = ("3d-check", "2024", "none", "true", "class", "import", "item", "teacher")


@pytest.fixture(scope="module")
def made(tmp_path_factory, registry):
    """A folder with one new plugin of each kind."""
    folder = tmp_path_factory.mktemp("plugins")
    for kind, name in NAMES.items():
        create(kind, name, folder, registry)
    return folder


@pytest.fixture
def modules(made, monkeypatch):
    """The new plugins' modules by kind."""
    for name in NAMES.values():
        monkeypatch.syspath_prepend(str(made / f"harness-{name}"))
    yield {kind: import_module(module) for kind, module in MODULES.items()}
    for module in MODULES.values():
        del sys.modules[module]


@pytest.fixture
def trial(made, modules, registry, run_plan, store):
    """Runs the matrix of a new plugin's manual: its plan, and what a report sees of it."""
    with_ours = registry + Registry.of(*modules.values())

    def go(kind, *changes, into=store):
        text = matrix_of(made / f"harness-my-{kind}")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        text += "" if "reports:" in text else "reports: {}\n"
        plan = planning.make(parse(text + ("" if "executor:" in text else "executor: inline\n"), with_ours))
        outcome, _ = run_plan(plan, into)
        assert outcome.reasons == {}
        return plan, view(plan, into)

    return go


@pytest.fixture
def locked():
    """A folder in which nothing may be made, neither by its owner nor by root."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    user = os.geteuid()
    os.seteuid(user or 65534)
    yield folder
    os.seteuid(user)
    folder.rmdir()


def python(*arguments, folder, **environment):
    """What a Python of its own says; whatever it warns of is an error."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def matrix_of(folder):
    return re.search(r"```yaml\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)[1]


def commands_of(folder):
    blocks = re.findall(r"```console\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    return [shlex.split(line.removeprefix("$ ")) for block in blocks for line in block.splitlines()]


def files_of(wheel):
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def lint(folder):
    python("-m", "ruff", "check", "--isolated", "--no-cache", f"--select={RULES}", ".", folder=folder)
    python("-m", "ruff", "format", "--isolated", "--no-cache", "--check", ".", folder=folder)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_made(tmp_path, registry, kind):
    files = create(kind, f"my-{kind}", tmp_path, registry)
    folder = tmp_path / f"harness-my-{kind}"
    data = {f"{MODULES[kind]}_items.csv"} if kind == "benchmark" else set()
    code = {f"{MODULES[kind]}.py", f"test_{MODULES[kind]}.py"}
    assert {path.name for path in folder.iterdir()} == {"pyproject.toml", "README.md", ".gitignore"} | code | data
    assert (set(files), files[0].name) == (set(folder.iterdir()), f"{MODULES[kind]}.py")
    texts = [path.read_text() for path in folder.iterdir()]
    assert all(text.endswith("\n") and "<<" not in text and "<%" not in text for text in texts)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_made_is_linted_and_formatted(made, kind):
    lint(made / f"harness-my-{kind}")


@pytest.mark.parametrize("kind", KINDS)
def test_other_names_are_as_well_formatted(tmp_path, registry, kind):
    for name in OTHER_NAMES:
        lint(create(kind, name, tmp_path, registry)[0].parent)


def test_what_is_made_is_strictly_typed(made, tmp_path):
    files = sorted(made.glob("*/*.py"))
    assert len(files) == 16
    python("-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}", *files, folder=made)


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_pass_at_once(made, kind):
    said = python("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", folder=made / f"harness-my-{kind}")
    assert re.search(r"\n\d+ passed", said)
    assert "failed" not in said


@pytest.mark.parametrize("kind", KINDS)
def test_odd_names_make_plugins_that_can_be_imported(tmp_path, monkeypatch, registry, kind):
    for name in ODD_NAMES:
        module, *others = create(kind, name, tmp_path, registry)
        monkeypatch.syspath_prepend(str(module.parent))
        (plugin,) = Registry.of(import_module(module.stem)).plugins
        del sys.modules[module.stem]
        assert (plugin.error, [component.name for component in plugin.components]) == ("", [name])
        for path in others:
            if path.suffix == ".py":
                compile(path.read_text(), path, "exec")


def test_a_class_is_called_after_its_name_and_kind():
    assert Names("teacher", "when-where").cls == "WhenWhereTeacher"
    assert Names("teacher", "my-teacher").cls == "MyTeacher"
    assert Names("teacher", "teacher").cls == "MyTeacher"
    assert Names("rule", "conflict").cls == "MyConflictRule"
    assert Names("student", "3d").cls == "My3dStudent"
    assert Names("label-model", "mean-field").cls == "MeanFieldLabelModel"
    assert Names("label-model", "my-label-model").cls == "MyLabelModel"


@pytest.mark.parametrize("kind", KINDS)
def test_the_requirements_are_what_the_module_imports_and_this_harness_meets_them(made, kind):
    folder = made / f"harness-my-{kind}"
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    wanted = {Requirement(text).name: Requirement(text) for text in project["dependencies"]}
    tree = ast.parse((folder / f"{MODULES[kind]}.py").read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert wanted.keys() == {
        "ooc-harness" if name == "harness" else name for name in imported - sys.stdlib_module_names
    }
    assert wanted["ooc-harness"].specifier.contains(__version__)
    assert str(wanted["ooc-harness"].specifier) == f">={'.'.join(__version__.split('.')[:2])}"
    assert project["entry-points"]["harness"] == {f"my-{kind}": MODULES[kind]}


@pytest.mark.parametrize("kind", KINDS)
def test_its_manual_names_commands_that_exist(made, kind):
    for words in commands_of(made / f"harness-my-{kind}"):
        if words[0] == "harness":
            command = main
            for word in words[1:]:
                if not isinstance(command, click.Group):
                    break
                command = command.commands[word]
        else:
            assert words in (["pip", "install", "-e", ".[test]"], ["pytest"])


def test_the_teacher_is_better_than_chance_and_says_what_it_saw(trial):
    _, seen = trial("teacher")
    arms = seen.arms.set_index("arm")["accuracy"]
    assert arms["world/teacher/mine"] > 0.75
    assert arms["world/teacher/mine"] != arms["world/teacher/entities"]


def test_the_student_learns_from_teachers_and_goes_on_from_stage_1(trial, store):
    plan, seen = trial("student")
    accuracy = seen.arms.groupby("strategy")["accuracy"].mean()
    assert accuracy["stage1-only"] > accuracy["zero-shot"] + 0.1
    cell = next(cell for cell in plan.cells if cell.point.strategy == "mmkd")
    manifest = store.manifest("train", cell.model)
    assert manifest["ingredients"]["inputs"]["start"] == cell.stage1
    assert manifest["proofs"] == {"examples": sum(manifest["facts"]["examples"].values()), "examples_left_out": 0}


def test_the_student_trained_again_gives_the_same_bytes(trial, store, tmp_path):
    plan, _ = trial("student")
    other = Store(tmp_path / "other")
    trial("student", into=other)
    for cell in plan.cells:
        if cell.model:
            one, two = (where.folder("train", cell.model) / "weights.json" for where in (store, other))
            assert one.read_bytes() == two.read_bytes()


def test_the_student_refuses_what_it_cannot_learn_when_planning(trial):
    with pytest.raises(HarnessError) as caught:
        trial("student", ("stage2_order: sft", "stage2_order: joint"))
    assert "students.mine (my-student) cannot be trained on preferences" in str(caught.value)


def test_the_rule_buys_the_widest_conflicts_first(trial, store):
    plan, seen = trial("rule", ("tiny-llava", "my-student"), ("mmkd: mmkd", SFT))
    order = rows.read_ranks(store, plan.ranks["mine", "all", "world", 0])
    bought = [row for row in order if row.conflict]
    assert order[: len(bought)] == bought
    assert all(one.score >= other.score >= 0.1 for one, other in pairwise(bought))
    assert set(seen.results["state"]) == {"done"}
    assert "against random conflicts" in set(seen.contrasts["question"])


def test_the_strategy_learns_agreement_first_and_bought_labels_then(trial, store):
    plan, seen = trial("strategy", ("tiny-llava", "my-student"), ("mmkd: mmkd", SFT))
    cell = next(cell for cell in plan.cells if cell.point.strategy == "mine")
    stage1, stage2 = (store.manifest("train", key)["facts"] for key in (cell.stage1, cell.model))
    conflicts = sum(row.conflict for row in rows.read_ranks(store, cell.rank))
    assert (stage1["labels_bought"], sum(stage1["examples"].values())) == (0, 300 - conflicts)
    assert (stage2["labels_bought"], sum(stage2["examples"].values())) == (30, 60)
    accuracy = seen.arms.set_index("strategy")["accuracy"]
    assert accuracy["mine"] > accuracy["zero-shot"] + 0.1


def test_the_benchmark_is_fair_and_can_be_told_by_its_evidence(trial, modules):
    _, seen = trial("benchmark")
    arms = seen.arms.set_index("arm")
    assert arms.loc["mine/teacher/pages", "accuracy"] > 0.75
    benchmark = modules["benchmark"].MyBenchmark()
    for split, size in (("train", 30), ("validation", 10), ("test", 20)):
        items, labels = benchmark.items(split), benchmark.labels(split)
        verdicts = [labels[item.id] for item in items]
        assert len(items) == size
        for of in (lambda item: item.caption, lambda item: item.evidence, lambda item: item.group):
            sides = {}
            for item in items:
                sides.setdefault(of(item), []).append(labels[item.id])
            assert all(sorted(side) == ["falsified", "pristine"] for side in sides.values())
        assert 0.2 < verdicts[: size // 2].count("falsified") / (size // 2) < 0.8


def test_the_report_shows_every_arm_and_the_same_bytes_twice(trial, tmp_path):
    plan, seen = trial("report")
    report = plan.matrix.reports["mine"]
    (file,), (again,) = report.render(seen, tmp_path / "one"), report.render(seen, tmp_path / "two")
    assert file.read_bytes() == again.read_bytes()
    lines = file.read_text().splitlines()
    assert "3 cells: 3 done." in lines
    assert [line.split(" | ")[0] for line in lines if line.startswith("| world")] == [
        f"| {arm}" for arm in seen.arms["arm"]
    ]


def test_the_report_is_written_before_anything_ran(trial, tmp_path):
    plan, _ = trial("report")
    (file,) = plan.matrix.reports["mine"].render(view(plan, Store(tmp_path / "empty")), tmp_path)
    assert file.read_text() == "# matrix\n\n3 cells: 3 pending.\n\nNo arm has a result yet.\n"


def test_the_executor_gives_the_numbers_of_an_inline_run(trial, tmp_path):
    executor = "executor: {uses: my-executor, workers: 2, minutes: 30}"
    _, apart = trial("executor")
    _, here = trial("executor", (executor, "executor: inline"), into=Store(tmp_path / "other"))
    assert apart.results.to_csv(index=False) == here.results.to_csv(index=False)
    assert set(apart.results["state"]) == {"done"}


def test_the_wheel_holds_the_module_and_its_data(made, tmp_path):
    folder = made / "harness-my-benchmark"
    python("-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, folder, folder=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    assert files_of(wheel) == {"harness_my_benchmark.py", "harness_my_benchmark_items.csv"}


def test_an_editable_installation_leads_to_the_folder(made, tmp_path):
    folder = made / "harness-my-teacher"
    code = f"import hatchling.build; print(hatchling.build.build_editable({str(tmp_path)!r}))"
    wheel = tmp_path / python("-c", code, folder=folder).strip()
    (path,) = files_of(wheel)
    assert zipfile.ZipFile(wheel).read(path).decode().split() == [str(folder)]


def test_once_installed_it_is_listed_checked_and_run_as_its_manual_says(made, tmp_path):
    site, folder = tmp_path / "site", made / "harness-my-teacher"
    options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--no-index")
    python("-m", "pip", "install", "--quiet", *options, "--target", site, folder, folder=tmp_path)
    (tmp_path / "trial.yaml").write_text(matrix_of(folder))
    said = {}
    for words in commands_of(folder):
        if words[0] == "harness":
            said[" ".join(words)] = python("-m", "harness.cli", *words[1:], folder=tmp_path, PYTHONPATH=str(site))
    listed = next(line for line in said["harness plugins list"].splitlines() if " my-teacher " in line)
    assert listed.split()[:4] == ["teacher", "my-teacher", "harness-my-teacher", "0.1.0"]
    assert ", 0 broken" in said["harness plugins check my-teacher"]
    assert "report: runs/trial/report.html" in said["harness run trial.yaml"]
    found = json.loads(python("-m", "harness.cli", "plugins", "list", "--json", folder=tmp_path, PYTHONPATH=str(site)))
    assert [row["error"] for row in found if row["distribution"] == "harness-my-teacher"] == [""]


def test_the_command_says_what_to_type_next(harness, tmp_path):
    assert harness("plugins", "new", "rule", "far-apart").stdout == (
        "made harness-far-apart: harness_far_apart.py and 4 more files. Next:\n"
        "  pip install -e harness-far-apart\n"
        "  harness plugins check far-apart\n"
        "  $EDITOR harness-far-apart/harness_far_apart.py\n"
    )
    assert (tmp_path / "harness-far-apart/harness_far_apart.py").is_file()
    (tmp_path / "my plugins").mkdir()
    said = harness("plugins", "new", "rule", "far-apart", "--into", "my plugins").stdout
    assert "  pip install -e 'my plugins/harness-far-apart'\n" in said


def test_the_command_names_every_kind(harness):
    words = set(re.findall(r"[\w-]+", harness("plugins", "new", "--help").stdout))
    assert words >= KINDS.keys()


REFUSED = {
    ("techer", "mine"): "KIND: no kind is called 'techer'; did you mean 'teacher'?",
    ("xyz", "mine"): (
        "KIND: no kind is called 'xyz'; known: benchmark, executor, label-model, report, rule, strategy, student,"
        " teacher"
    ),
    ("teacher", "MyTeacher"): (
        "NAME: 'MyTeacher' cannot be the name of a teacher; a name is lower-case words joined by hyphens\n"
        "  'my-teacher' could."
    ),
    ("teacher", "../mine"): (
        "NAME: '../mine' cannot be the name of a teacher; a name is lower-case words joined by hyphens\n  'mine' could."
    ),
    ("rule", "é"): (
        "NAME: 'é' cannot be the name of a rule; a name is lower-case words joined by hyphens\n  Such as 'my-first'."
    ),
    ("teacher", "replay"): (
        f"NAME: ooc-harness {__version__} has a teacher called 'replay' already\n"
        "  Choose another name, or use that one with options of yours: `harness plugins show replay`."
    ),
    ("teacher", "rules"): (
        "NAME: there is a module called 'harness_rules' already, which this teacher would hide\n"
        "  Choose another name, or uninstall the distribution that has the module."
    ),
}


@pytest.mark.parametrize(("asked", "told"), REFUSED.items(), ids=[f"{kind} {name}" for kind, name in REFUSED])
def test_what_cannot_be_made_is_refused_with_a_remedy(harness, tmp_path, asked, told):
    assert harness("plugins", "new", *asked, expect=2).stderr == f"error: {told}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_name_may_be_that_of_a_component_of_another_kind(harness, tmp_path):
    harness("plugins", "new", "rule", "newsworld")
    assert (tmp_path / "harness-newsworld").is_dir()


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_what_is_there_already_is_left_as_it_is(harness, tmp_path, there):
    target = tmp_path / "harness-mine"
    {"folder": target.mkdir, "file": target.touch, "link": lambda: target.symlink_to("nowhere")}[there]()
    said = harness("plugins", "new", "teacher", "mine", expect=2).stderr
    assert said == "error: harness-mine: is there already\n  Choose another name or folder, or move it away.\n"
    assert list(tmp_path.iterdir()) == [target]
    assert not target.is_dir() or list(target.iterdir()) == []


def unwritable(place, cause):
    remedy = "Name by --into a folder that there is and that you may write to."
    return f"error: {place}: cannot be written: {cause}\n  {remedy}\n"


def test_a_folder_that_is_not_there_is_refused(harness, tmp_path):
    said = harness("plugins", "new", "teacher", "mine", "--into", "nowhere", expect=2).stderr
    assert said == unwritable("nowhere/harness-mine", "No such file or directory")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_must_not_be_written_to_is_refused(harness, locked):
    said = harness("plugins", "new", "teacher", "mine", "--into", str(locked), expect=2).stderr
    assert said == unwritable(locked / "harness-mine", "Permission denied")
    assert list(locked.iterdir()) == []


def test_a_name_too_long_for_a_file_is_refused(harness, tmp_path):
    said = harness("plugins", "new", "teacher", "a" * 250, expect=2).stderr
    assert said == unwritable(f"harness-{'a' * 250}", "File name too long")
    assert list(tmp_path.iterdir()) == []


def test_where_a_disk_is_full_nothing_half_written_is_left(tmp_path):
    code = (
        "import resource\nfrom harness.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))\nmain(['plugins', 'new', 'teacher', 'mine'])"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, unwritable("harness-mine", "File too large"))
    assert list(tmp_path.iterdir()) == []
