"""The report as one HTML file that needs no network, no script and no other file."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, LiteralString

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from harness.api import Report, RunView, hookimpl, redact
from harness_reports import contents
from harness_reports.ablation import Ablation
from harness_reports.atlas import Atlas
from harness_reports.gallery import Gallery
from harness_reports.heatmap import Heatmap
from harness_reports.numerals import count
from harness_reports.pairs import Pairs
from harness_reports.pareto import Pareto
from harness_reports.published import Published
from harness_reports.records import Row, harmless
from harness_reports.section import TEMPLATES, Section, environment_for
from harness_reports.seen import Seen
from harness_reports.story import answer
from harness_reports.tables import STATES
from harness_reports.training import Training
from harness_reports.validity import Validity


@hookimpl
def harness_reports() -> tuple[type[Report], ...]:
    return (Html,)


class Html(Report):
    """One page for people: the answer in words, the label-fraction chart, all tables, and where they come from.

    A report of one's own is a subclass with a name of its own, whose `every_section` adds sections or leaves some out.
    """

    name = "html"
    templates: ClassVar[tuple[str, ...]] = ("templates",)

    file: str = Field(default="report.html", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,80}\.html$")
    """Name of the file that is written."""
    sections: tuple[str, ...] | None = None
    """Names of the sections beneath the answer, in their order; all where none are named."""
    examples: int = Field(default=6, ge=0, le=50)
    """Items that are shown of each rule's conflicts, of each arm's errors, and of what was found in each benchmark."""
    pictures: bool = True
    """Whether items are shown with small pictures of their images."""
    redact: bool = False
    """Whether to leave out all that people wrote or photographed; names of the matrix and numbers stay."""

    @model_validator(mode="after")
    def _sections_are_known(self) -> Html:
        known = [section.name for section in self.every_section()]
        _once(known, "two sections of this report are called '{name}'")
        _once(self.sections or (), "section '{name}' is named twice")
        for name in self.sections or ():
            if name not in known:
                facts = {"name": name, "known": ", ".join(known)}
                raise PydanticCustomError("section", "no section is called '{name}'; known: {known}", facts)
        return self

    def every_section(self) -> Sequence[Section]:
        """The sections that ``sections`` chooses from, in the order of the page."""
        return (
            contents.Fractions(),
            contents.Comparison(),
            Published(),
            Heatmap(),
            Pareto(),
            contents.Contrasts(),
            Ablation(),
            contents.Efficiency(),
            contents.Operating(),
            contents.Conflicts(),
            Pairs(),
            Atlas(self.examples, self.pictures),
            Gallery(self.examples, pictures=self.pictures),
            Training(),
            contents.Data(self.examples, self.pictures),
            Validity(),
            contents.Gaps(),
            contents.Costs(),
            contents.Provenance(),
            contents.Glossary(),
        )

    def chosen(self) -> tuple[Section, ...]:
        """The sections of the page in their order."""
        every = {section.name: section for section in self.every_section()}
        return tuple(every[name] for name in (every if self.sections is None else self.sections))

    def render(self, view: RunView, out: Path) -> Sequence[Path]:
        out.mkdir(parents=True, exist_ok=True)
        file = out / self.file
        seen = redact(view) if self.redact else view
        file.write_text(page(seen, self.chosen(), self.name), encoding="utf-8", newline="\n")
        return (file,)


def _once(names: Iterable[str], fault: LiteralString) -> None:
    if repeated := [name for name, number in Counter(names).items() if number > 1]:
        raise PydanticCustomError("section", fault, {"name": repeated[0]})


def page(view: RunView, sections: Sequence[Section] | None = None, name: str = Html.name) -> str:
    """The whole page as text; with all of the report's sections where none are given. ``name`` is the report's."""
    seen = Seen.of(view)
    shown = [section for section in (Html().chosen() if sections is None else sections) if section.applies(seen)]
    environment = environment_for(shown)
    style, script = (_read(name) for name in ("report.css", "report.js"))
    items = seen.train_items
    text = environment.get_template("report.html.j2").render(
        style=style,
        script=script,
        style_hash=_csp(style),
        script_hash=_csp(script),
        seal=_seal(view.seal, name),
        title=harmless(view.title) or "untitled run",
        progress=_progress(seen.results),
        synthetic=seen.synthetic,
        oracles=seen.oracles,
        answers=[answer(panel, seen.contrasts, items.get(panel.benchmark, 0.0)) for panel in seen.panels],
        sections=[(section, section.render(seen, environment)) for section in shown],
    )
    return f"{text.rstrip()}\n"


def _seal(seal: Mapping[str, str], name: str) -> Mapping[str, str]:
    """What the page says of its origin: the run's seal, and of all reports this one alone, after its name."""
    own = {key: value for key, value in seal.items() if not key.startswith("report:")}
    return own | {"report": f"{name} {seal.get(f'report:{name}', '')}".rstrip()}


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


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
