"""The charts of a run as files of their own, for papers and slides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from harness.api import MissingDependency, Report, RunView, hookimpl
from harness_reports.ablation import parts
from harness_reports.arm_lines import arm_lines
from harness_reports.arms import Panel
from harness_reports.cautions import disclaimers, mark
from harness_reports.charts import Figure, figures
from harness_reports.contrasts import contrasts
from harness_reports.efficiency import curves
from harness_reports.forest import Forest, Measured, forest
from harness_reports.records import Row, rows
from harness_reports.seen import Seen
from harness_reports.tables import Cell, Line
from harness_reports.waterfall import Waterfall

_NAMED = re.compile(rb"(/[A-Za-z]+ <<\n)((?: */[A-Za-z0-9]+ [0-9]+ 0 R\n)+)")
_TEMPLATES = Path(__file__).parent / "templates"


@hookimpl
def harness_reports() -> tuple[type[Report], ...]:
    return (Figures,)


class Figures(Report):
    """The page's label curves and ablations, and the intervals of arms, contrasts and areas, each as an SVG of its own.

    A figure of synthetic data says so. What is not known yet is not drawn.
    """

    name = "figures"
    templates: ClassVar[tuple[str, ...]] = ("templates",)

    folder: str = Field(default="figures", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,80}$")
    """Folder for the files, beside the other reports."""
    pdf: bool = False
    """Whether each is written as PDF as well; needs vl-convert-python. With letters that no one font has, two PDFs of
    the same run may differ in the order of their fonts."""

    def render(self, view: RunView, out: Path) -> Sequence[Path]:
        folder = out / self.folder
        folder.mkdir(parents=True, exist_ok=True)
        files: list[Path] = []
        for name, picture in _pictures(Seen.of(view)):
            file = folder / f"{name}.svg"
            file.write_text(picture, encoding="utf-8", newline="\n")
            files.append(file)
            if self.pdf:
                files.append(_as_pdf(file, picture))
        return files


def _as_pdf(file: Path, picture: str) -> Path:
    try:
        import vl_convert
    except ImportError:
        raise MissingDependency(
            "needs vl-convert-python to write PDF",
            place="report figures",
            remedy="pip install 'ooc-harness[figures]', or say pdf: false",
        ) from None
    made = file.with_suffix(".pdf")
    # The converter lists what a page uses in the order of a hash that is another one each time.
    made.write_bytes(_NAMED.sub(_in_order, vl_convert.svg_to_pdf(picture)))
    return made


def _in_order(found: re.Match[bytes]) -> bytes:
    """The lines of a dictionary of a PDF by name; no byte moves outside of it, so all places in the file stay."""
    return found[1] + b"".join(sorted(found[2].splitlines(keepends=True)))


def _pictures(seen: Seen) -> Iterator[tuple[str, str]]:
    """Names and SVG texts."""
    told, notice = disclaimers(seen), mark(seen)
    for name, template, picture in _drawn(seen):
        if picture is not None:
            description = f"{picture.description} {told}".strip()
            yield name, _render(template, picture=picture, description=description, notice=notice)


def _drawn(seen: Seen) -> Iterator[tuple[str, str, Figure | Waterfall | Forest | None]]:
    """Names, templates and pictures; None where nothing is known yet."""
    for place, figure in enumerate((figure for panel in seen.panels for figure in figures(panel)), 1):
        yield f"labels-{place}", "figure.svg.j2", figure
    for place, part in enumerate(parts(seen), 1):
        yield f"ablation-{place}", "waterfall.svg.j2", part.chart
    for place, panel in enumerate(seen.panels, 1):
        yield f"comparison-{place}", "forest.svg.j2", _comparison(panel)
    yield "contrasts", "forest.svg.j2", _contrasts(seen)
    yield "areas", "forest.svg.j2", _areas(seen)


def _comparison(panel: Panel) -> Forest | None:
    arms = {(arm.row.text("arm"), arm.row.text("evaluated_on")): arm for arm in panel.arms}
    measured = [
        _measured(line.group, line.name, arms[line.key].row, "accuracy", line.cells["accuracy"], arms[line.key].kind)
        for line in arm_lines(panel)
        if line.cells
    ]
    return forest(f"Accuracy of arms, tested on {panel.title}", "Accuracy in percent", measured)


def _measured(group: str, name: str, row: Row, column: str, cell: Cell, manner: str = "") -> Measured:
    low, high = row.number(f"{column}_low"), row.number(f"{column}_high")
    return Measured(group, name, row.number(column), low, high, _with(cell.text, cell.note), manner)


def _with(number: str, reach: str) -> str:
    return f"{number} ({reach})" if reach else number


def _contrasts(seen: Seen) -> Forest | None:
    """The page's pairs; a heading is the question without what it means."""
    keys = ("arm", "against", "evaluated_on", "question")
    asked = {tuple(row.text(key) for key in keys): row for row in seen.contrasts}
    measured = [
        _contrast(line, asked[tuple(text for _, text in line.about)], group.title.partition(". ")[0])
        for group in contrasts(seen.contrasts, seen.arms).groups
        for line in group.lines
    ]
    return forest("Differences of accuracy", "Difference of accuracy in percentage points", measured, signed=True)


def _contrast(line: Line, row: Row, question: str) -> Measured:
    first, other, verdict, difference = line.cells[:4]
    mid, low, high = (row.number(end) for end in ("difference", "low", "high"))
    text = f"{_with(difference.text, difference.note)} {verdict.text}"
    return Measured(question, f"{first.text} against {other.text}", mid, low, high, text, verdict.manner)


def _areas(seen: Seen) -> Forest | None:
    found = rows(seen.view.curves)
    lines = [line for group in curves(found).groups for line in group.lines]
    measured = [
        _measured("", line.cells[0].text, row, "aulc", line.cells[3])
        for line, row in zip(lines, found[: len(lines)], strict=True)
    ]
    return forest("Area under each label curve", "Mean accuracy over log2 labels, in percent", measured)


def _render(template: str, **values: object) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        # A text of a view is a value and never a template; nothing else may be loaded.
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (_TEMPLATES / "figure.css").read_text(encoding="utf-8")
    return f"{environment.get_template(template).render(style=style, **values).strip()}\n"
