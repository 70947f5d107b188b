"""The answer, the comparison, the contrasts and what they cannot say, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from harness.api import Report, RunView, hookimpl
from harness_reports.ablation import parts
from harness_reports.cautions import cautions
from harness_reports.comparison import comparison
from harness_reports.contrasts import contrasts
from harness_reports.efficiency import areas, worth
from harness_reports.findings import findings, skipped
from harness_reports.numerals import count
from harness_reports.pairs import pairs
from harness_reports.records import harmless, rows
from harness_reports.sections import data, failures
from harness_reports.seen import Seen
from harness_reports.story import answer
from harness_reports.tables import Cell, Line, Table

_SPECIAL = re.compile(r"[\\`*_\[\]#|~$!]|^[-+=](?=[-+=\s]|$)|(?<=^\d)[.)](?=\s|$)|(?<=^\d\d)[.)](?=\s|$)")
# Entities where a backslash would leave an element, a mention or an address that readers link by themselves.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "\n": " "}
_LINKED = re.compile(r"(?<=www)\.|:(?=//)|(?<=mailto):|(?<=xmpp):", re.IGNORECASE)


@hookimpl
def harness_reports() -> tuple[type[Report], ...]:
    return (Markdown,)


class Markdown(Report):
    """A page for a repository, an issue or a chat: tables with verdicts in words, and what they cannot say."""

    name = "markdown"

    file: str = Field(default="report.md", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,80}\.md$")
    """Name of the file that is written."""

    def render(self, view: RunView, out: Path) -> Sequence[Path]:
        out.mkdir(parents=True, exist_ok=True)
        file = out / self.file
        file.write_text("\n".join(_page(Seen.of(view))) + "\n", encoding="utf-8", newline="\n")
        return (file,)


def _page(seen: Seen) -> Iterator[str]:
    yield f"# {escape(harmless(seen.view.title) or 'untitled run')}"
    yield from _answers(seen)
    yield from ("", "## Comparison of arms")
    yield from ("", "Means over seeds, shares in percent, 95\u202f% intervals in parentheses.")
    for panel in seen.panels:
        yield from ("", f"### {escape(panel.title)}", "", *_table(comparison(panel, "arms")))
    for title, caption, table in _sections(seen):
        yield from ("", f"## {title}", "", escape(caption or table.caption), "", *_table(table))
    yield from ("", "## What this cannot say", "")
    yield from [f"- {escape(sentence)}" for sentence in cautions(seen)] or ["Nothing stands out."]


def _sections(seen: Seen) -> Iterator[tuple[str, str, Table]]:
    """Title, caption where it is another one than the page's, and table."""
    yield "Contrasts", "Differences of accuracy in percentage points.", contrasts(seen.contrasts, seen.arms)
    for part in parts(seen):
        yield f"Ablation of {escape(part.title)}", part.lead, part.table
    yield "Worth in labels", "", worth(rows(seen.view.equivalences), seen.arms, seen.curve_names)
    yield "Areas under the label curves", "", areas(rows(seen.view.curve_contrasts), seen.curve_names)
    if not seen.view.pairs.empty:
        yield "Preference pairs", "", pairs(seen)
    yield "Data", "", data(seen.benchmarks)
    yield "What was found in the data", "", findings(rows(seen.view.findings))
    yield "Skipped entries", "", skipped(rows(seen.view.skipped))
    yield "Failures and gaps", "", failures(rows(seen.view.failures))


def _answers(seen: Seen) -> Iterator[str]:
    for panel in seen.panels:
        told = answer(panel, seen.contrasts, seen.train_items.get(panel.benchmark, 0.0))
        yield from ("", " ".join("".join(_span(span.text, span.manner) for span in sentence) for sentence in told))
    if not seen.panels:
        yield from ("", "Nothing has been measured yet.")


def _span(text: str, manner: str) -> str:
    return f"**{escape(text)}**" if manner and text.strip() else escape(text)


def _table(table: Table) -> Iterator[str]:
    if not table.groups:
        yield escape(table.empty)
        return
    shown = [place for place, column in enumerate(table.columns) if not column.hidden]
    yield _row([escape(table.columns[place].title.replace("-able", "able")) for place in shown])
    yield _row(["--:" if table.columns[place].numeric else ":--" for place in shown])
    for group in table.groups:
        if group.title:
            yield _row([f"**{escape(group.title)}**", *[""] * (len(shown) - 1)])
        yield from (_row(_cells(line, shown)) for line in group.lines)
    if table.left_out:
        yield from ("", f"{escape(count(table.left_out))} more rows are not shown here; the run's store has them.")


def _cells(line: Line, shown: Sequence[int]) -> list[str]:
    """The cells of a line; a reason that spans the page's columns stands in the second one."""
    if line.cells[-1].span > 1:
        told = [_cell(cell) for cell in line.cells]
        return told + [""] * (len(shown) - len(told))
    return [_cell(line.cells[place]) for place in shown]


def _cell(cell: Cell) -> str:
    text = f"**{escape(cell.text)}**" if cell.manner else escape(cell.text)
    note = f" ({escape(cell.note)})" if cell.note else ""
    return text + note + "".join(f" ▲ {escape(alert)}" for alert in cell.alerts)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """The text as a Markdown reader shows it, on one line: no element, no link, no mention, no emphasis."""
    marked = _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
    plain = "".join(_ENTITIES.get(character, character) for character in marked)
    return _LINKED.sub(lambda found: f"&#{ord(found[0])};", plain)
