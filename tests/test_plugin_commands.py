"""`harness plugins list | show | check`, as an author uses them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import __version__
from harness.cli import main

DATA = Path(__file__).parent / "data"

HEDGE = '''\
"""A teacher in a file of its own."""

from typing import Literal

from pydantic import Field

from harness.api import Annotation, Teacher, hookimpl


class {name}(Teacher):
    """Calls every caption with a question mark out of context."""

    name = "{name_lower}"
    transport = frozenset({{"server"}})

    confidence: float = Field(default=0.9, ge=0.5, le=1)
    """Probability of the verdict that it gives."""
    tone: Literal["dry", "warm"] = "dry"
    """How it puts it."""
    server: str = ""
    """Where it is."""

    def annotate(self, items):
        for item in items:
            p = self.confidence if "?" in item.caption else 1 - self.confidence
            yield Annotation(item.id, "ok", "falsified" if "?" in item.caption else "pristine", p)


@hookimpl
def harness_teachers():
    return [{name}]
'''


@pytest.fixture
def harness(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def call(*arguments, expect=0):
        result = CliRunner().invoke(main, ["plugins", *arguments])
        assert result.exit_code == expect, result.output + result.stderr
        return result

    return call


def project(folder, name, module, points=True, requires="ooc-harness>=0.1"):
    """A distribution that is not installed."""
    folder.mkdir()
    table = f'[project.entry-points.harness]\n{name.lower()} = "{module}"\n' if points else ""
    text = f'[project]\nname = "harness-{name.lower()}"\nversion = "0.5"\ndependencies = ["{requires}"]\n{table}'
    (folder / "pyproject.toml").write_text(text)
    (folder / f"{module}.py").write_text(HEDGE.format(name=name, name_lower=name.lower()))
    return folder


def test_show_tells_options_with_types_defaults_and_ranges_and_the_source(harness, tmp_path):
    project(tmp_path / "hedge", "Hedge", "shown_hedge")
    lines = harness("show", "./hedge").stdout.splitlines()
    assert lines[0] == "teacher hedge  (harness-hedge 0.5)"
    assert "  Calls every caption with a question mark out of context." in lines
    assert "    confidence: float, ≥ 0.5, ≤ 1, default 0.9" in lines
    assert "      Probability of the verdict that it gives." in lines
    assert "    tone: 'dry' or 'warm', default \"dry\"" in lines
    assert '    server: str, default "", no part of the identity' in lines
    assert "  reads    nothing" in lines
    assert any(line.startswith("  source   ") and line.endswith("hedge/shown_hedge.py") for line in lines)


def test_show_has_everything_as_json_and_takes_every_spelling(harness):
    for words in ("mmkd", "strategy:mmkd", "ooc-harness/mmkd"):
        [facts] = json.loads(harness("show", words, "--json").stdout)
        assert (facts["kind"], facts["name"], facts["version"]) == ("strategy", "mmkd", __version__)
        assert facts["options"]["beta"]["range"] == "> 0"
    assert len(json.loads(harness("show", "baselines", "--json").stdout)) == 5
    [facts] = json.loads(harness("show", "newsworld", "--json").stdout)
    assert "image" in facts["declares"]["gives"]


def test_every_built_in_can_be_shown(harness):
    facts = json.loads(harness("show", "ooc-harness", "--json").stdout)
    assert len(facts) >= 19
    assert all(one["text"] and one["source"].endswith(".py") for one in facts)


def test_an_unknown_name_is_answered_with_the_nearest(harness):
    said = harness("show", "mmkdd", expect=2).stderr
    assert said == (
        "error: no component, plugin or distribution is called 'mmkdd'; did you mean 'mmkd'?\n"
        "  `harness plugins list` shows what there is; what is not installed is named by its path.\n"
    )


def test_a_broken_plugin_is_explained_where_it_is_asked_for(harness, faulty):
    said = harness("check", "misspelt", expect=2).stderr
    why = "unknown hook 'harness_teacher'; did you mean 'harness_teachers'?"
    assert said == f"error: plugin 'misspelt' of faulty is broken: {why}\n"


def test_check_says_a_line_for_each_rule(harness):
    lines = harness("check", "hard-disagreement").stdout.splitlines()
    assert (
        lines[0] == f"rule hard-disagreement (ooc-harness {__version__}, harness_rules.disagreement:HardDisagreement)"
    )
    assert "  kept    ranks every item exactly once" in lines
    assert lines[-1] == "17 rules kept, 0 broken, 0 skipped"


def test_check_takes_a_folder_that_is_not_installed(harness, tmp_path):
    project(tmp_path / "harness-wary", "Wary", "checked_wary")
    lines = harness("check", "harness-wary").stdout.splitlines()
    assert lines[0] == "teacher wary (harness-wary 0.5, checked_wary:Wary)"
    assert lines[-1] == "25 rules kept, 0 broken, 0 skipped"


def test_check_takes_a_file_and_says_how_to_mend_what_is_broken(harness, tmp_path):
    text = HEDGE.format(name="Percent", name_lower="percent").replace("p = self.confidence if", "p = 90 if")
    (tmp_path / "percent_file.py").write_text(text.replace('"?" in item.caption', '"march" in item.caption'))
    result = harness("check", "percent_file.py", expect=2)
    assert "  broken  keeps probabilities between 0 and 1: item " in result.stdout
    assert ": p_falsified 90 is not in [0, 1]\n          p_falsified is the probability of falsified" in result.stdout
    assert "1 broken" in result.stdout.splitlines()[-1]
    [report] = json.loads(harness("check", "percent_file.py", "--json", expect=2).stdout)
    assert [rule["rule"] for rule in report["rules"] if rule["state"] == "broken"] == [
        "keeps probabilities between 0 and 1"
    ]


def test_a_module_that_only_a_path_leads_to_is_told_what_workers_would_meet(tmp_path, monkeypatch):
    from importlib.util import module_from_spec, spec_from_file_location

    from harness.testing import ContractBroken
    from harness.testing.component import check_can_be_imported_by_every_worker

    file = tmp_path / "hidden_hedge.py"
    file.write_text(HEDGE.format(name="Hedge", name_lower="hedge"))
    spec = spec_from_file_location("hidden_hedge", file)
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "hidden_hedge", module)
    spec.loader.exec_module(module)
    with pytest.raises(ContractBroken) as caught:
        check_can_be_imported_by_every_worker(module.Hedge())
    assert str(caught.value) == (
        "import hidden_hedge in a fresh interpreter: ModuleNotFoundError: No module named 'hidden_hedge'"
    )


def test_options_are_given_in_yaml_and_faults_of_them_are_told(harness, tmp_path):
    project(tmp_path / "meek", "Meek", "checked_meek")
    harness("check", "./meek", "-o", "confidence=0.6", "-o", "tone=warm")
    said = harness("check", "./meek", "-o", "confidence=2", "-o", "tune=warm", expect=2).stderr
    assert said == (
        "error: meek cannot be made: confidence: Input should be less than or equal to 1;"
        " it has no option 'tune'; did you mean 'tone'?\n"
        "  `harness plugins show meek` lists its options; give them with  -o name=value .\n"
    )
    assert harness("check", "replay", expect=2).stderr.startswith(
        "error: replay cannot be made: option 'path' must be given\n"
    )
    assert "'confidence' is no option" in harness("check", "./meek", "-o", "confidence", expect=2).stderr


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[project]\nname = 'x'\n", "declares no plugin"),
        ("[project\n", "is not TOML: Expected ']' at the end of a table declaration (at line 1, column 9)"),
    ],
)
def test_a_folder_without_a_plugin_is_explained(harness, tmp_path, text, cause):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "pyproject.toml").write_text(text)
    assert f"odd/pyproject.toml: {cause}" in harness("check", "./odd", expect=2).stderr


def test_a_folder_that_needs_another_harness_is_not_imported(harness, tmp_path):
    project(tmp_path / "later", "Later", "checked_later", requires="ooc-harness>=99")
    said = harness("check", "./later", expect=2).stderr
    assert f"needs ooc-harness>=99, this is ooc-harness {__version__}" in said
    assert "checked_later" not in sys.modules


def test_list_names_a_slow_plugin_and_what_it_imports():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(DATA / "slow"), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "plugins", "list"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    # On a busy machine another one may take its time, too.
    [slow] = [line for line in done.stdout.splitlines() if line.startswith("slow        weighty ")]
    assert slow.startswith("slow        weighty                slow 1.0: importing slow_torch takes ")
    assert slow.endswith(", it imports torch; heavy packages belong into the method that needs them")


def test_list_names_clashes_and_old_names(harness, faulty):
    lines = harness("list").stdout.splitlines()
    assert "clash       2 teachers are called 'listens': write faulty/listens or toys/listens" in lines
    assert any(
        line.startswith("deprecated  old                    faulty 0.3: faulty_library.Annotator") for line in lines
    )
    assert any("needs ooc-harness<100,>=99" in line for line in lines)
