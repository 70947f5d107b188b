"""The HTML report in a browser that has no network."""

import re
import runpy
import subprocess
from html import unescape
from pathlib import Path

import chromium
import pytest

from harness.testing import trial
from harness_reports.html import Html

CHROMIUM = chromium.found()
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on the path"),
]


@pytest.fixture(scope="module")
def made():
    return runpy.run_path(str(Path(__file__).with_name("test_report_html.py")))


def browse(file, folder, *options):
    """What the browser writes out, and the lines that its console got."""
    result = subprocess.run(
        [
            CHROMIUM,
            *chromium.ALONE,
            "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}",
            *options,
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=folder,
    )
    return result.stdout, [line for line in result.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("view", ["demo_view", "midrun_view", "empty_view"])
def test_a_page_opens_without_a_word_on_the_console(made, tmp_path, view):
    (file,) = Html().render(made[view](), tmp_path)
    dom, console = browse(file, tmp_path, "--dump-dom")
    assert console == []
    assert "<h1><bdi>fractions</bdi></h1>" in dom


def test_the_script_runs_under_the_policy_and_makes_headings_sort(made, tmp_path):
    (file,) = Html().render(made["demo_view"](), tmp_path)
    dom, _ = browse(file, tmp_path, "--dump-dom")
    assert dom.count('<button type="button">') > 50
    assert dom.count('<input type="search">') == 5


def test_a_script_that_is_not_the_pages_own_is_refused(made, tmp_path):
    (file,) = Html().render(made["demo_view"](), tmp_path)
    text = file.read_text(encoding="utf-8").replace("</main>", "</main><script>document.title = 'owned'</script>")
    file.write_text(text, encoding="utf-8")
    dom, console = browse(file, tmp_path, "--dump-dom")
    assert "<title>owned</title>" not in dom
    assert any("Content Security Policy" in line for line in console)


def test_hostile_text_does_nothing_even_without_the_policy(made, tmp_path):
    (file,) = Html().render(made["poisoned"](made["HOSTILE"]), tmp_path)
    file.write_text(POLICY.sub("", file.read_text(encoding="utf-8")), encoding="utf-8")
    dom, console = browse(file, tmp_path, "--dump-dom")
    assert console == []
    assert "<title>owned" not in dom
    assert "<img" not in dom
    assert "<bdo" not in dom
    assert dom.count("<script") == 1


CLICKS = """
const table = document.querySelector("#arms-1");
const button = (name) => [...table.tHead.querySelectorAll("button")].find((one) => one.textContent === name);
const names = () => [...table.querySelectorAll("tbody tr")].filter((row) => !row.hidden && !row.matches(".group"))
  .map((row) => row.cells[0].textContent.replace(/▲.*/s, ""));
const seen = { start: names() };
button("All").click(); seen.descending = names();
button("All").click(); seen.ascending = names();
button("AUROC").click(); seen.missing = names();
button("AUROC").click(); button("AUROC").click(); seen.end = names();
const input = document.querySelector(".filter input");
input.value = "MMKD random"; input.dispatchEvent(new Event("input")); seen.filtered = names();
seen.groups = [...table.querySelectorAll("tr.group")].filter((row) => !row.hidden).length;
document.body.innerHTML = "";
document.body.textContent = JSON.stringify(seen);
"""


def test_a_click_on_a_heading_sorts_and_the_third_click_restores(made, tmp_path):
    import json

    view = made["demo_view"]()
    (file,) = Html().render(view, tmp_path)
    text = POLICY.sub("", file.read_text(encoding="utf-8")).replace("</body>", f"<script>{CLICKS}</script></body>")
    file.write_text(text, encoding="utf-8")
    dom, console = browse(file, tmp_path, "--dump-dom")
    assert console == []
    seen = json.loads(unescape(re.search(r"<body>(.*)</body>", dom, re.DOTALL)[1]).strip())
    accuracies = sorted(view.arms["accuracy"])
    assert seen["start"][0] == "zero-shot"
    assert seen["descending"][0] == "supervised · random · 100\u202f%"
    assert seen["ascending"][0] == "zero-shot"
    assert len(seen["descending"]) == len(seen["ascending"]) == len(accuracies)
    assert set(seen["missing"][-3:]) == {"entity-checker", "title-reader", "majority of both"}
    assert seen["end"] == seen["start"]
    assert seen["filtered"] == [f"mmkd · random · {share}\u202f%" for share in (3, 6, 10)]
    assert seen["groups"] == 1


@pytest.mark.parametrize("width", [500, 1280])
def test_the_page_never_scrolls_sideways_as_a_whole(made, tmp_path, width):
    (file,) = Html().render(made["poisoned"]("x" * 5000), tmp_path)
    measure = "document.body.textContent = document.documentElement.scrollWidth - window.innerWidth"
    text = POLICY.sub("", file.read_text(encoding="utf-8")).replace("</body>", f"<script>{measure}</script></body>")
    file.write_text(text, encoding="utf-8")
    dom, _ = browse(file, tmp_path, "--dump-dom", f"--window-size={width},900")
    assert int(re.search(r"<body>(-?\d+)", dom)[1]) <= 0


def test_a_picture_of_the_page_can_be_taken(made, tmp_path):
    (file,) = Html().render(made["demo_view"](), tmp_path)
    picture = tmp_path / "page.png"
    _, console = browse(file, tmp_path, f"--screenshot={picture}", "--window-size=1280,2400")
    assert console == []
    assert picture.stat().st_size > 100_000


def test_a_slider_leaves_one_share_of_falsified_items_in_the_table(tmp_path):
    (file,) = Html().render(trial.finished(), tmp_path)
    move = "const slider = document.querySelector('input[type=range]'); slider.value = 2;"
    script = f"<script>{move} slider.dispatchEvent(new Event('input'))</script></body>"
    moved = tmp_path / "moved.html"
    moved.write_text(POLICY.sub("", file.read_text()).replace("</body>", script))
    dom, console = browse(moved, tmp_path, "--dump-dom")
    assert console == []
    table = re.search(r'<table[^>]*id="prevalence-table".*?</table>', dom, re.DOTALL)[0]
    heads = re.findall(r"<th[^>]*scope=\"col\"[^>]*>", table)
    assert len(heads) > 4
    assert [place for place, head in enumerate(heads) if "hidden" not in head] == [0, 2]
    assert re.search(r"<output>1\s*% of the items</output>", unescape(dom))
