"""The comparison as a LaTeX table for booktabs, and every number of the page as a macro."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from pydantic import Field

from harness.api import Report, RunView, hookimpl
from harness_reports.arm_lines import LOWER_IS_BETTER, TITLES, ArmLine, Metric, arm_lines, left_out
from harness_reports.arms import Panel
from harness_reports.cautions import cautions, disclaimers
from harness_reports.macros import macros
from harness_reports.numerals import NONE, count
from harness_reports.records import harmless
from harness_reports.seen import Seen
from harness_reports.story import FLOOR
from harness_reports.tables import Cell
from harness_reports.tex import tex

_MARKS = {"better": "†", "worse": "‡"}
_TRAINED = ("Trained without labels", "With bought labels")


@hookimpl
def harness_reports() -> tuple[type[Report], ...]:
    return (Latex,)


class Latex(Report):
    r"""A table for ``\usepackage{booktabs}``, one for each benchmark, and macros with the numbers of the page.

    Both are to be read by ``\input``: a text that cites ``\oocMmkdFivePercentAccuracy`` cannot fall behind its run.
    """

    name = "latex"

    file: str = Field(default="table.tex", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,80}\.tex$")
    """Name of the file with the table."""
    macros: str = Field(default="macros.tex", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,80}\.tex$")
    """Name of the file with the macros."""
    columns: tuple[Metric, ...] = Field(
        default=("accuracy", "accuracy_falsified", "accuracy_pristine", "labels_bought", "teacher_calls"), min_length=1
    )
    """Columns after the arm's name."""
    metric: Metric | None = None
    """Column in which the best trained student is set in bold, and all that are level with it as printed."""
    intervals: bool = True
    """Whether 95 % intervals stand beside the numbers."""
    caption: str = ""
    """Text of the caption, escaped; without it, the caption says what the table shows."""
    label: str = Field(default="tab:arms", pattern=r"^[A-Za-z0-9:._-]+$")
    r"""For ``\ref``; the second table's ends in ``-2``."""
    prefix: str = Field(default="ooc", pattern=r"^[A-Za-z]+$")
    """What the name of every macro begins with."""
    letters: bool = False
    """Whether letters of all scripts stay as they are, for XeLaTeX and LuaLaTeX; pdfLaTeX stops at most of them."""

    def render(self, view: RunView, out: Path) -> Sequence[Path]:
        out.mkdir(parents=True, exist_ok=True)
        seen = Seen.of(view)
        head = list(self._head(seen))
        files = {
            self.file: [*head, *self._tables(seen)],
            self.macros: [*head, *macros(seen, self.prefix, self.letters)],
        }
        for name, lines in files.items():
            (out / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        return [out / name for name in files]

    def _tex(self, text: str) -> str:
        return tex(text, self.letters)

    def _head(self, seen: Seen) -> Iterator[str]:
        yield f"% {self._tex(harmless(seen.view.title))}: made by harness; an edit is lost with the next report."
        yield from (f"% {self._tex(sentence)}" for sentence in cautions(seen))

    def _tables(self, seen: Seen) -> Iterator[str]:
        if not seen.panels:
            yield "% Nothing has been measured yet."
        for place, panel in enumerate(seen.panels, 1):
            yield from self._table(seen, panel, self.label if place == 1 else f"{self.label}-{place}")

    def _table(self, seen: Seen, panel: Panel, label: str) -> Iterator[str]:
        lines = list(arm_lines(panel))
        marks = _marks(seen, panel)
        yield r"\begin{table}"
        yield r"\centering"
        yield rf"\caption{{{self._caption(seen, panel, marks)}}}"
        yield rf"\label{{{label}}}"
        yield rf"\begin{{tabular}}{{@{{}}l{'r' * len(self.columns)}@{{}}}}"
        yield r"\toprule"
        yield " & ".join(["Arm", *(self._tex(TITLES[column]) for column in self.columns)]) + r" \\"
        best = _best(lines, self.metric)
        for group, own in groupby(lines, lambda line: line.group):
            yield r"\midrule"
            yield rf"\multicolumn{{{len(self.columns) + 1}}}{{@{{}}l@{{}}}}{{\emph{{{self._tex(group)}}}}} \\"
            yield from (self._line(line, marks.get(line.key, ""), best) for line in own)
        yield r"\bottomrule"
        yield r"\end{tabular}"
        yield r"\end{table}"

    def _line(self, line: ArmLine, mark: str, best: str) -> str:
        name = self._tex(line.name)
        if line.blank:
            reason = rf"\multicolumn{{{len(self.columns)}}}{{l@{{}}}}{{\emph{{{self._tex(line.blank)}}}}}"
            return rf"{name} & {reason} \\"
        cells = []
        for column in self.columns:
            bold = column == self.metric and line.group.startswith(_TRAINED) and line.cells[column].text == best
            cells.append(self._cell(line.cells[column], mark if column == "accuracy" else "", bold))
        return " & ".join([name, *cells]) + r" \\"

    def _cell(self, cell: Cell, mark: str, bold: bool) -> str:
        number = self._tex(cell.text)
        number = (rf"\textbf{{{number}}}" if bold else number) + self._tex(mark)
        note = cell.note if cell.note == "saturated" or (self.intervals and cell.note != "no interval") else ""
        return rf"{number} {{\scriptsize ({self._tex(note)})}}" if note else number

    def _caption(self, seen: Seen, panel: Panel, marks: Mapping[tuple[str, str], str]) -> str:
        told = [self.caption or _shown(panel), _explained(seen, marks)]
        if missing := left_out(panel):
            told.append(f"{count(missing)} more arms are left out.")
        return " ".join(self._tex(text) for text in (*told, disclaimers(seen)) if text)


def _shown(panel: Panel) -> str:
    return (
        f"Tested on {panel.title}. Means over seeds, shares in percent; in parentheses 95\u202f% intervals over seeds "
        "and groups of test items."
    )


def _explained(seen: Seen, marks: Mapping[tuple[str, str], str]) -> str:
    """What the marks say, where there are any."""
    if not marks:
        return ""
    asked = [row for row in seen.contrasts if row.text("question") == FLOOR]
    plain = any(row.text("correction") == "uncorrected" for row in asked)
    how = "uncorrected" if plain else "adjusted by Holm"
    return f"†/‡: better/worse than the floor at 5\u202f%, {how}."


def _marks(seen: Seen, panel: Panel) -> dict[tuple[str, str], str]:
    """By arm; the verdict and not the interval says whether a difference is beyond chance."""
    asked = [row for row in seen.contrasts if row.text("question") == FLOOR and row.raw("evaluated_on") == panel.on]
    return {
        (row.text("arm"), row.text("evaluated_on")): _MARKS[row.text("verdict")]
        for row in asked
        if row.text("verdict") in _MARKS
    }


def _best(lines: Sequence[ArmLine], metric: Metric | None) -> str:
    """The best number of a trained student as it is printed; empty where there is none."""
    if metric is None:
        return ""
    own = [line.cells[metric] for line in lines if line.cells and line.group.startswith(_TRAINED)]
    known = [cell for cell in own if cell.text != NONE]
    choose = min if metric in LOWER_IS_BETTER else max
    return choose(known, key=lambda cell: float(cell.value)).text if known else ""
