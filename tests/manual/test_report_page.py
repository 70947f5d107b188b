"""The page about the report explains all that the report shows."""

import re
import runpy
from html import unescape
from pathlib import Path

import pytest

from harness_reports.html import page

TESTS = Path(__file__).parent.parent
MANUAL = (TESTS.parent / "docs/how-to/report.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report():
    made = runpy.run_path(str(TESTS / "test_report_html.py"))
    details = runpy.run_path(str(TESTS / "data" / "report_details.py"))["DemoDetails"]
    return unescape(page(made["demo_view"](details=details()))).replace("\u00ad", "")


def test_every_section_of_the_report_has_a_section_on_the_page(report):
    shown = re.findall(r"<h2[^>]*>(.*?)</h2>", report)
    assert len(shown) == 19
    commands = ("Verify a report", "Share a report without its texts", "Compare two runs")
    elsewhere = ("Sections of your own", "Published results", *commands)
    own = [title for title in re.findall(r"^## (.*)", MANUAL, re.MULTILINE) if title not in elsewhere]
    assert own == ["The answer", *shown]


def test_every_column_of_the_report_is_on_the_page(report):
    heads = re.findall(r"<thead>(.*?)</thead>", report, re.DOTALL)
    columns = {
        re.sub("<[^>]+>", "", cell).strip() for head in heads for cell in re.findall(r"<th.*?</th>", head, re.DOTALL)
    }
    assert len(columns) > 50
    columns = {column for column in columns if not re.fullmatch("[0-9.]+\u202f%", column)}
    assert sorted(column for column in columns if not re.search(rf"\b{re.escape(column)}(?!\w)", MANUAL)) == []
