"""The site that is built from the manual: whole, without a warning, and sufficient for itself."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import chromium
import click
import pytest

import harness.api
import harness.columns
import harness.errors
from harness.cli import main
from harness.described import descriptions
from harness.testing import CHECKS, rule_of

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = chromium.found()
LOADED_LINKS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "manifest"}
LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
    "use": "href",
    "image": "href",
}

pytestmark = pytest.mark.skipif(
    find_spec("mkdocs") is None, reason="mkdocs is not installed: pip install 'ooc-harness[docs]'"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site, and what MkDocs said meanwhile."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert built.returncode == 0, built.stderr
    return folder, built.stderr


class Page(HTMLParser):
    """What a page loads, the names that links can lead to, and its text."""

    def __init__(self, file):
        super().__init__()
        self.loads, self.ids, self.words = [], set(), []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = {name: value or "" for name, value in attributes}
        self.ids.add(found.get("id", ""))
        if tag in LOADED:
            self.loads.append(found.get(LOADED[tag], ""))
        if tag == "link" and LOADED_LINKS & set(found.get("rel", "").split()):
            self.loads.append(found["href"])
        self.loads += [part.split()[0] for part in found.get("srcset", "").split(",") if part.strip()]
        self.loads += re.findall(r"url\(['\"]?([^'\")]+)", found.get("style", ""))

    def handle_data(self, data):
        self.words.append(data)


def external(address):
    return address.startswith(("http:", "https:", "//"))


def test_the_site_is_built_without_a_warning(site):
    assert not re.search("warning|error", site[1], re.IGNORECASE), site[1]


def test_every_page_of_the_manual_is_in_the_site_and_its_navigation(site):
    import yaml

    def leaves(entry):
        if isinstance(entry, str):
            return [entry]
        return [leaf for part in (entry.values() if isinstance(entry, dict) else entry) for leaf in leaves(part)]

    pages = leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(pages) == sorted(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md"))
    assert [page for page in pages if not (site[0] / page).with_suffix(".html").is_file()] == []


def test_no_page_loads_anything_from_elsewhere(site):
    files = sorted(site[0].rglob("*.html"))
    assert len(files) > 20
    loads = {load for file in files for load in Page(file).loads}
    assert len(loads) > 5
    assert [load for load in loads if external(load)] == []


def test_no_style_sheet_loads_anything_from_elsewhere(site):
    sheets = "".join(file.read_text() for file in site[0].rglob("*.css"))
    assert len(sheets) > 10_000
    loads = re.findall(r"url\(\s*['\"]?([^'\")]+)", sheets) + re.findall(r"@import\s+['\"]([^'\"]+)", sheets)
    assert [load for load in loads if external(load)] == []


def test_nothing_but_pages_and_what_they_show_is_published(site):
    assert [path.name for path in site[0].rglob("*.py")] == []


def test_every_public_name_is_in_the_reference(site):
    anchors = {anchor for file in (site[0] / "reference").glob("*.html") for anchor in Page(file).ids}
    assert [name for name in harness.api.__all__ if f"harness.api.{name}" not in anchors] == []


@pytest.fixture(scope="module")
def reference(site):
    """The text of each page of the reference."""
    return {file.stem: "".join(Page(file).words) for file in (site[0] / "reference").glob("*.html")}


def test_every_command_and_option_is_in_the_reference(reference):
    def check(command, path):
        if isinstance(command, click.Group):
            for name, found in command.commands.items():
                check(found, f"{path} {name}")
        else:
            assert f"{path} [OPTIONS]" in reference["cli"]
            for option in command.params:
                assert option.name.upper() in reference["cli"] or option.opts[0] in reference["cli"], path

    check(main, "harness")


def test_every_built_in_component_and_option_is_in_the_reference(reference, registry):
    for plugin in registry.plugins:
        if plugin.distribution == "ooc-harness":
            for component in plugin.components:
                assert component.name in reference["built-ins"]
                for option, text in descriptions(component).items():
                    assert option in reference["built-ins"], component.name
                    assert text.split()[0].strip("`") in reference["built-ins"], (component.name, option)


def test_every_rule_of_the_contract_is_in_the_reference(reference):
    rules = {rule_of(check) for checks in CHECKS.values() for check in checks}
    assert len(rules) > 50
    assert [rule for rule in rules if rule not in reference["testing"]] == []


def test_every_error_is_in_the_reference(reference):
    kinds = (value for value in vars(harness.errors).values() if isinstance(value, type))
    errors = [kind.__name__ for kind in kinds if issubclass(kind, harness.errors.HarnessError)]
    assert len(errors) > 8
    assert [name for name in errors if name not in reference["errors"]] == []


def test_every_column_of_a_table_is_in_the_reference(reference):
    columns = {name for table, names in vars(harness.columns).items() if table.endswith("_COLUMNS") for name in names}
    written = reference["tables"].replace("_low", "")
    assert [name for name in columns if name not in written and not name.endswith(("_low", "_high"))] == []


def test_nothing_that_was_to_be_generated_is_left(reference):
    assert [name for name, words in reference.items() if "made:" in words] == []


def test_a_part_that_there_is_not_stops_the_build():
    from runpy import run_path

    from mkdocs.exceptions import PluginError

    hooks = run_path(str(ROOT / "docs/hooks.py"))
    with pytest.raises(PluginError) as caught:
        hooks["on_page_markdown"]("text\n\n<!-- made: comands -->\n")
    assert str(caught.value).startswith("no part is called 'comands'; there are commands, ")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on the path")
def test_a_page_that_is_opened_as_a_file_can_be_searched_without_a_network(site, tmp_path):
    result = subprocess.run(
        [
            CHROMIUM,
            *chromium.ALONE,
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=10000",
            "--dump-dom",
            f"{(site[0] / 'reference/errors.html').as_uri()}?q=LabelNotBought",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=tmp_path,
    )
    assert [line for line in result.stderr.splitlines() if "CONSOLE" in line] == []
    assert 'class="md-search-result__item"' in result.stdout
