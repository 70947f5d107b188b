"""Rules for reports."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

from harness.components import Report
from harness.errors import MissingDependency
from harness.identity import file_digest
from harness.testing import fresh, trial
from harness.testing.contract import broken, skip, told
from harness.view import RunView

MARKUP = frozenset({".html", ".htm", ".xhtml", ".svg", ".md"})
"""Endings of files that a browser or a Markdown reader takes for markup."""

LOADS = frozenset({"src", "srcset", "poster", "data", "background", "xlink:href", "action", "formaction"})
"""Attributes whose address is fetched when the page is opened, or when a form is sent."""


def check_renders_a_finished_run(report: Report) -> None:
    """render() turns the tables of a view into files; unknown numbers are NaN, unknown texts empty."""
    with _rendered(report, trial.finished(), of_this_rule=True):
        pass


def check_renders_a_run_that_is_not_done(report: Report) -> None:
    """Expect tables without rows, cells that are pending or failed, and NaN: reports are written in the middle of a
    run, too."""
    for seen in (trial.begun(), trial.half(), trial.empty()):
        try:
            with _rendered(report, seen, of_this_rule=True):
                pass
        finally:
            _needs(report)


def check_returns_the_files_that_it_wrote(report: Report) -> None:
    """Write into the folder `out` only, and return the files, the one to open first at the front."""
    with _rendered(report, trial.finished()) as (files, out):
        if not files:
            broken("render() returned no file")
        for file in files:
            if not isinstance(file, Path) or not file.is_file():
                broken(f"render() returned {file!s:.80}, which is no file")
            if not file.resolve().is_relative_to(out.resolve()):
                broken(f"{file.name} was written outside of the folder that was given")
        if left := [path.name for path in out.rglob("*") if path.is_file() and path not in files]:
            broken(f"{left[0]} was written and not returned")


def check_the_same_view_gives_the_same_bytes(report: Report) -> None:
    """Write no time, no random id and nothing in the order of a set: reports are compared byte for byte."""
    _needs(report)
    if rendered_digest(report, trial.finished()) != rendered_digest(report, trial.finished()):
        broken("rendered again, the files differ")
    fresh.expect_sendable(report)
    if fresh.call(rendered_digest, report, trial.finished()) != rendered_digest(report, trial.finished()):
        broken("rendered in another process, the files differ")


def check_escapes_what_comes_from_outside(report: Report) -> None:
    """Escape every text of the view (jinja2 with autoescape): captions, reasons, names and notes come from models,
    data sets and plugins. Never build a template from them."""
    with _rendered(report, trial.finished()):
        pass
    with _rendered(report, trial.hostile(), of_this_rule=True) as (files, _):
        for file in files:
            text = _text(file)
            if file.suffix.lower() in MARKUP and "hostile-element" in _elements(text):
                broken(f"markup in a text of the view becomes an element of {file.name}")
            if "hostile()>42" in unescape(text):
                broken(f"a template in a text of the view is carried out in {file.name}")


def check_needs_no_network(report: Report) -> None:
    """Put styles, scripts, fonts and pictures into the file itself; a link that a reader may follow is fine."""
    with _rendered(report, trial.finished()) as (files, _):
        for file in files:
            if file.suffix.lower() in MARKUP and (address := _fetched(_text(file))):
                broken(f"{file.name} fetches {address}")


def check_leaves_the_view_as_it_was(report: Report) -> None:
    """Copy a table before you change it; the next report reads the same view."""
    seen = trial.finished()
    before = {name: table.copy(deep=True) for name, table in trial.tables(seen).items()}
    with _rendered(report, seen):
        pass
    for name, table in trial.tables(seen).items():
        if not table.equals(before[name]):
            broken(f"render() changed the table {name}")


def rendered_digest(report: Report, seen: RunView) -> str:
    """Digest of all files that a report writes."""
    with tempfile.TemporaryDirectory(prefix="harness-report-") as folder:
        out = Path(folder) / "out"
        out.mkdir()
        report.render(seen, out)
        return file_digest(out)


def _needs(report: Report) -> None:
    """A report that cannot even render a finished run is looked at by another rule."""
    with _rendered(report, trial.finished()):
        pass


@contextmanager
def _rendered(report: Report, seen: RunView, *, of_this_rule: bool = False) -> Iterator[tuple[list[Path], Path]]:
    """The files and their folder; where rendering fails, this rule is broken or another one says so."""
    with tempfile.TemporaryDirectory(prefix="harness-report-") as folder:
        out = Path(folder)
        try:
            files = list(report.render(seen, out))
        except MissingDependency:
            raise
        except Exception as error:
            say: Callable[[str], None] = partial(broken if of_this_rule else skip)
            say(f"render() raised {told(error)}")
            raise
        yield files, out


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


class _Page(HTMLParser):
    """Which elements a page has, and what it fetches."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.addresses: list[str] = []
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self._style = tag == "style"
        for name, value in attrs:
            if value and (name in LOADS or (tag in ("link", "use", "image") and name in ("href", "xlink:href"))):
                self.addresses.append(value.strip())
            elif value and name == "style":
                self.addresses += _in_css(value)

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if self._style:
            self.addresses += _in_css(data)


def _in_css(text: str) -> list[str]:
    pieces = text.replace("@import", "url(").split("url(")[1:]
    return [piece.lstrip(" \"'").partition(")")[0].rstrip(" \"';") for piece in pieces]


def _elements(text: str) -> set[str]:
    page = _Page()
    page.feed(text)
    return page.elements


def _fetched(text: str) -> str:
    page = _Page()
    page.feed(text)
    return next((address for address in page.addresses if address.startswith(("http:", "https:", "//", "ftp:"))), "")


CHECKS = (
    check_renders_a_finished_run,
    check_renders_a_run_that_is_not_done,
    check_returns_the_files_that_it_wrote,
    check_the_same_view_gives_the_same_bytes,
    check_escapes_what_comes_from_outside,
    check_needs_no_network,
    check_leaves_the_view_as_it_was,
)
