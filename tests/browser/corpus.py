"""The pages that are looked at: a run that is done, half done or empty, and the same with strangers' worst texts."""

import dataclasses
import re
import runpy
from pathlib import Path

from harness_reports.html import page

TESTS = Path(__file__).parent.parent
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')

TAGS = (
    "</script><script>window.owned=1</script><img src=https://example.org/x.png onerror='window.owned=1'>"
    "<svg onload=window.owned=1><iframe src=https://example.org></iframe></title></style></textarea></template>-->"
    "<a href='javascript:window.owned=1' autofocus onfocus=window.owned=1>x</a><base href=https://example.org>"
    "<meta http-equiv=refresh content='0;url=https://example.org'><link rel=stylesheet href=https://example.org/x.css>"
)
TEMPLATES = "{{ 7 * 7 }} {% for x in () %} {{ ''.__class__ }} ${7*7} #{7*7} <%= 7 %> {{constructor.constructor('x')()}}"
ATTRIBUTES = (
    '" onmouseover="window.owned=1" style="background:url(https://example.org/y.png)" \' onfocus=\'window.owned=1'
)
CONTROLS = "\u202egnp.exe\u2066\u2067\u200b\u200e \x00\x1b[2J\ud800\ufeff\u2028\u0301\u0301\u0301\u0301\u0301"
SCRIPTS = "خبر عاجل من المدينة — צילום חדש 速報 新聞 👩\u200d🚒🏳️\u200d🌈 " * 6
LONG = "rationale-without-a-break" * 40_000
"""A megabyte in one word."""

TEXTS = {
    "tags": TAGS,
    "templates": TEMPLATES,
    "attributes": ATTRIBUTES,
    "controls": CONTROLS,
    "scripts": SCRIPTS,
    "long": LONG,
}


def pages(folder):
    """Name and file of every page; ``open-`` ones have lost their policy and must be safe without it."""
    made = runpy.run_path(str(TESTS / "test_report_html.py"))
    details = runpy.run_path(str(TESTS / "data" / "report_details.py"))["DemoDetails"]
    views = {
        "done": made["demo_view"](details=details()),
        "half": made["midrun_view"](),
        "empty": made["empty_view"](),
    }
    for name, text in TEXTS.items():
        views[name] = dataclasses.replace(made["poisoned"](text), details=details(text, size=9))
    for name, view in views.items():
        text = page(view)
        yield name, _written(folder / f"{name}.html", text)
        if name in TEXTS:
            yield f"open-{name}", _written(folder / f"open-{name}.html", POLICY.sub("", text))


def _written(file, text):
    file.write_text(text, encoding="utf-8")
    return file
