import re
import shlex
from pathlib import Path

import click
import pytest

from harness.cli import main
from harness.planning import make
from harness.reading import SECTIONS, load, parse

ROOT = Path(__file__).parent.parent
FRONT = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
PAGES = sorted([*FRONT, *(ROOT / "docs").rglob("*.md")])


def blocks(pages, kind):
    """Blocks without a title: one with a title is a file of its page, or says why it is not run."""
    return [
        pytest.param(found[1], id=f"{page.relative_to(ROOT)}:{page.read_text().count(chr(10), 0, found.start()) + 1}")
        for page in pages
        for found in re.finditer(rf"^```{kind}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    ]


@pytest.mark.parametrize("text", blocks(PAGES, "yaml"))
def test_every_matrix_in_the_manual_can_be_planned(registry, text):
    assert make(parse(text, registry)).cells


@pytest.mark.parametrize("text", blocks(FRONT, "console"))
def test_every_command_of_the_front_page_exists(text):
    for line in text.splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if line.startswith("$ harness") and words[1:]:
            command = main
            for word in words[1:]:
                if not isinstance(command, click.Group):
                    break
                assert word in command.commands, line
                command = command.commands[word]
            options = {name for parameter in command.params for name in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= options, line
        elif line.startswith("$ make"):
            assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(), line


@pytest.mark.parametrize("name", ["quickstart.yaml", "worlds.yaml"])
def test_every_example_that_needs_no_download_can_be_planned(registry, name):
    plan = make(load(ROOT / "examples" / name, registry))
    assert len(plan.cells) >= 24


def test_the_example_on_real_data_can_be_planned(registry, data):
    plan = make(load(ROOT / "examples" / "verite.yaml", registry))
    assert len(plan.cells) > 50


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), target


def test_the_teacher_of_the_readme_works(tmp_path, monkeypatch):
    from importlib import import_module

    from harness.plugins import Registry
    from harness.types import Item

    source = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "harness_hedge.py").write_text(source[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry.of(import_module("harness_hedge"))
    assert registry.plugins[0].error == ""
    teacher = registry.find("teacher", "hedge")(confidence=0.8)
    said = list(teacher.annotate([Item("1", "Did this happen?"), Item("2", "It did.")]))
    assert [annotation.verdict for annotation in said] == ["falsified", "pristine"]
    assert said[0].p_falsified == 0.8


def test_every_section_of_a_matrix_is_on_its_page():
    page = (ROOT / "docs/reference/matrix.md").read_text()
    assert [section for section in SECTIONS if not re.search(rf"`?{section}`?:", page)] == []
