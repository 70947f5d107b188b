"""The report as one HTML file that needs no network, no script and no other file."""

from __future__ import annotations

import shlex
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.api import Report, RunView, hookimpl, redact
from harness_reports.arms import Panel, arms_of, panels_of
from harness_reports.cells import cells
from harness_reports.charts import Figure, figures
from harness_reports.comparison import comparison, more
from harness_reports.contrasts import contrasts
from harness_reports.costs import costs, steps
from harness_reports.efficiency import areas, curves, names_of, worth
from harness_reports.numerals import count
from harness_reports.operating import operating, prevalence
from harness_reports.provenance import facts
from harness_reports.records import Row, harmless, rows
from harness_reports.sections import conflicts, data, failures, teachers, unread
from harness_reports.story import Sentence, answer
from harness_reports.tables import STATES, Table

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
_LONGEST_MATRIX = 60_000


@hookimpl
def harness_reports() -> tuple[type[Report], ...]:
    return (Html,)


class Html(Report):
    """One page for people: the answer in words, the label-fraction chart, all tables, and where they come from."""

    name = "html"
    templates: ClassVar[tuple[str, ...]] = ("templates",)

    file: str = Field(default="report.html", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,80}\.html$")
    """Name of the file that is written."""
    redact: bool = False
    """Whether to leave out all that people wrote or photographed; names of the matrix and numbers stay."""

    def render(self, view: RunView, out: Path) -> Sequence[Path]:
        out.mkdir(parents=True, exist_ok=True)
        file = out / self.file
        seen = redact(view) if self.redact else view
        file.write_text(page(seen, self.name), encoding="utf-8", newline="\n")
        return (file,)


@dataclass(frozen=True, slots=True)
class Tested:
    """What the page says of one panel."""

    panel: Panel
    answer: tuple[Sentence, ...]
    figures: tuple[Figure, ...]
    arms: Table
    more: Table


def page(view: RunView, name: str = Html.name) -> str:
    """The whole page as text; ``name`` is that of the report."""
    results, benchmarks = rows(view.results), rows(view.benchmarks)
    arms = arms_of(rows(view.arms), results)
    pairs, stored, train_items = rows(view.contrasts), rows(view.steps), _train_items(benchmarks)
    tested = [
        Tested(
            panel,
            answer(panel, pairs, train_items.get(panel.benchmark, 0.0)),
            figures(panel),
            comparison(panel, f"arms-{place}"),
            more(panel, f"more-{place}"),
        )
        for place, panel in enumerate(panels_of(arms), 1)
    ]
    drawn = rows(view.curves)
    return _render(
        seal=_seal(view.seal, name),
        title=harmless(view.title) or "untitled run",
        progress=_progress(results),
        synthetic=_synthetic(benchmarks),
        tested=tested,
        contrasts=contrasts(pairs, arms),
        worth=worth(rows(view.equivalences), arms, names_of(drawn)),
        areas=areas(rows(view.curve_contrasts), names_of(drawn)),
        curves=curves(drawn),
        operating=operating(rows(view.operating), arms),
        prevalence=prevalence(rows(view.prevalence), arms),
        cells=cells(results, arms),
        conflicts=conflicts(rows(view.conflicts)),
        teachers=teachers(rows(view.teachers)),
        data=data(benchmarks),
        failures=failures(rows(view.failures)),
        unread=unread(results, arms),
        costs=costs(stored),
        steps=steps(stored),
        provenance=facts(view.provenance),
        matrix=harmless(view.matrix_text, _LONGEST_MATRIX, lines=True),
        command=f"harness report {shlex.quote(harmless(view.title, 80) + '.yaml')}",
    )


def _render(**values: object) -> str:
    style, script = (_read(name) for name in ("report.css", "report.js"))
    template = _environment().get_template("report.html.j2")
    text = template.render(style=style, script=script, style_hash=_csp(style), script_hash=_csp(script), **values)
    return f"{text.rstrip()}\n"


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # A text of a view is a value and never a template; nothing else may be loaded.
        cache_size=0,
    )


def _seal(seal: Mapping[str, str], name: str) -> Mapping[str, str]:
    """What the page says of its origin: the run's seal, and of all reports this one alone, after its name."""
    own = {key: value for key, value in seal.items() if not key.startswith("report:")}
    return own | {"report": f"{name} {seal.get(f'report:{name}', '')}".rstrip()}


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _csp(text: str) -> str:
    """The source by which a content security policy lets exactly this inline text pass."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@dataclass(frozen=True, slots=True)
class Progress:
    """Cells by state."""

    done: str
    total: str
    complete: bool
    rest: str


def _progress(results: Iterable[Row]) -> Progress:
    """A cell is as far as the least of its rows."""
    states: dict[str, str] = {}
    for row in results:
        cell, state = row.text("cell"), row.text("state")
        before = states.setdefault(cell, state)
        if before == "done":
            states[cell] = state
    numbers = {state: sum(own == state for own in states.values()) for state in STATES}
    numbers["in another state"] = len(states) - sum(numbers.values())
    rest = ", ".join(f"{count(number)} {state}" for state, number in numbers.items() if number and state != "done")
    return Progress(count(numbers["done"]), count(len(states)), bool(states) and numbers["done"] == len(states), rest)


def _synthetic(benchmarks: Iterable[Row]) -> tuple[str, ...]:
    """The benchmarks that call themselves synthetic."""
    texts = ((row.text("benchmark"), row.text("notes", 5000)) for row in benchmarks)
    return tuple(dict.fromkeys(name for name, notes in texts if "synthetic" in f"{name} {notes}".lower()))


def _train_items(benchmarks: Iterable[Row]) -> Mapping[str, float]:
    return {
        row.text("benchmark"): items
        for row in benchmarks
        if row.text("split") == "train" and not isnan(items := row.number("items"))
    }
