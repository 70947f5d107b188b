"""The sections of the HTML report: chosen by name, added by a subclass, none of them known to the page."""

import re
import runpy
from pathlib import Path

import pytest
from pydantic import ValidationError

from harness_reports.html import Html, page
from harness_reports.section import Section
from harness_reports.tables import Cell, Column, Group, Line, table

TESTS = Path(__file__).parent
MANUAL = (TESTS.parent / "docs/how-to/report.md").read_text(encoding="utf-8")
HEADINGS = re.compile(r'<h2 id="([a-z-]+)-title">')


@pytest.fixture(scope="module")
def made():
    return runpy.run_path(str(TESTS / "test_report_html.py"))


class Weather(Section):
    name = "weather"
    title = "Weather & other <causes>"

    def context(self, seen):
        group = Group("", (Line((Cell("<b>rain</b>", heading=True), Cell(str(len(seen.arms))))),))
        rain = table("rain", "Rain", (Column("Sky"), Column("Arms")), [group])
        return {"texts": ["It {{ rained }}."], "tables": [rain]}


class Dry(Weather):
    name = "dry"

    def applies(self, seen):
        return False


class Town(Html):
    name = "town"

    def every_section(self):
        return (*super().every_section()[:2], Weather(), Dry())


def test_all_sections_stand_on_the_page_in_the_order_of_the_report(made):
    names = [section.name for section in Html().every_section()]
    view = made["demo_view"]()
    shown = HEADINGS.findall(page(view))
    assert shown == [name for name in names if name in shown]
    assert page(view) == page(view, Html().chosen())


def test_a_matrix_names_the_sections_that_it_wants_in_its_own_order(made, tmp_path):
    (file,) = Html(sections=("costs", "comparison")).render(made["demo_view"](), tmp_path)
    text = file.read_text(encoding="utf-8")
    assert HEADINGS.findall(text) == ["costs", "comparison"]
    assert re.findall('<a href="#(.*?)">', text.split("<nav")[1].split("</nav>")[0]) == ["costs", "comparison"]
    assert "the best student is" in text


def test_a_page_without_any_section_still_answers(made):
    text = page(made["demo_view"](), Html(sections=()).chosen())
    assert HEADINGS.findall(text) == []
    assert "the best student is" in text


def test_a_section_that_is_not_there_is_an_error_with_the_names_that_are():
    with pytest.raises(ValidationError) as caught:
        Town(sections=("weather", "costs"))
    (fault,) = caught.value.errors()
    assert fault["msg"] == "no section is called 'costs'; known: fractions, comparison, weather, dry"


def test_a_section_that_is_named_twice_is_an_error():
    with pytest.raises(ValidationError, match="section 'costs' is named twice"):
        Html(sections=("costs", "data", "costs"))


def test_two_sections_of_one_name_are_an_error():
    class Twins(Html):
        name = "twins"

        def every_section(self):
            return (Weather(), Weather())

    with pytest.raises(ValidationError, match="two sections of this report are called 'weather'"):
        Twins()


def test_a_section_of_ones_own_stands_on_the_page_and_its_texts_are_escaped(made, tmp_path):
    (file,) = Town().render(made["demo_view"](), tmp_path)
    text = file.read_text(encoding="utf-8")
    assert HEADINGS.findall(text) == ["fractions", "comparison", "weather"]
    assert "Weather &amp; other &lt;causes&gt;</h2>" in text
    assert "<p>It {{ rained }}.</p>" in text
    assert "&lt;b&gt;rain&lt;/b&gt;" in text


def test_a_section_that_returns_plain_text_is_escaped(made):
    class Plain(Section):
        name = "plain"
        title = "Plain"

        def context(self, seen):
            return {}

        def render(self, seen, environment):
            return "<script>1</script>"

    assert "&lt;script&gt;1&lt;/script&gt;" in page(made["demo_view"](), [Plain()])


def test_a_template_beside_the_section_is_found_and_the_pages_own_cannot_be_replaced(made, tmp_path):
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "harbour.j2").write_text("<p>{{ ships }} ships</p>", encoding="utf-8")
    (templates / "macros.j2").write_text("{{ 1 / 0 }}", encoding="utf-8")
    module = tmp_path / "harness_harbour.py"
    module.write_text(
        "from harness_reports.section import Section\n"
        "class Harbour(Section):\n"
        "    name = 'harbour'\n"
        "    title = 'Harbour'\n"
        "    template = 'harbour.j2'\n"
        "    def context(self, seen):\n"
        "        return {'ships': '<3'}\n",
        encoding="utf-8",
    )
    import importlib.util
    import sys

    spec = importlib.util.spec_from_file_location("harness_harbour", module)
    sys.modules["harness_harbour"] = loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    text = page(made["demo_view"](), [loaded.Harbour(), *Html(sections=("costs",)).chosen()])
    del sys.modules["harness_harbour"]
    assert "<p>&lt;3 ships</p>" in text
    assert 'id="costs-table"' in text


def test_the_section_of_the_manual_does_what_it_says(made):
    (source,) = re.findall(r"```python\n(from harness\.api.*?)```", MANUAL, re.DOTALL)
    names = {"__name__": "harness_archive"}
    import sys
    import types

    sys.modules["harness_archive"] = types.ModuleType("harness_archive")
    sys.modules["harness_archive"].__file__ = str(TESTS / "harness_archive.py")
    exec(compile(source, "harness_archive.py", "exec"), names)
    (report,) = names["harness_reports"]()
    text = page(made["demo_view"](), report().chosen())
    del sys.modules["harness_archive"]
    assert "<p>40 cells, 40 of them on newsworld.</p>" in text
