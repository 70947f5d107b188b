"""Published results beside one's own, where benchmark and split are the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import nan

from harness_reports.arms import Arm
from harness_reports.gallery import best_of
from harness_reports.numerals import count, percent
from harness_reports.records import Row
from harness_reports.section import Section
from harness_reports.seen import Seen
from harness_reports.tables import Cell, Column, Group, Line, Table, label, plain, prose, table

DATA_SET = "NewsCLIPpings merged_balanced"
TEST_ITEMS = 7264
"""Items of its test split."""
_OWN = 5

_FROM_SNIFFER = "SNIFFER's table (model card MischaQI/SNIFFER)"
_FROM_CCN = "CCN, Table 2"
_LEAKY_FILTER = (
    "leaky: evidence that matches an item exactly was dropped for pristine items only, so its collection depends on "
    "the label (read in the code of CCN)"
)
_LEAKY_ORDER = (
    "leaky: evidence is ranked against the true caption of the image, which is not known at test (read in the code of "
    "{})"
)


@dataclass(frozen=True, slots=True)
class Result:
    """A row of somebody else's table, accuracies in [0, 1]."""

    method: str
    all: float
    falsified: float
    pristine: float
    source: str
    protocol: str
    note: str = ""


RESULTS = (
    Result("SAFE", 0.528, 0.548, 0.520, _FROM_SNIFFER, "no web evidence"),
    Result("EANN", 0.581, 0.618, 0.562, _FROM_SNIFFER, "no web evidence"),
    Result("VisualBERT", 0.586, 0.389, 0.784, _FROM_SNIFFER, "no web evidence"),
    Result("CLIP", 0.660, 0.643, 0.677, _FROM_SNIFFER, "no web evidence", "CCN, Table 2: 66.1, 68.1, 64.2"),
    Result("Neu-Sym", 0.682, nan, nan, _FROM_SNIFFER, "no web evidence"),
    Result("DT-Transformer", 0.771, 0.786, 0.756, _FROM_SNIFFER, "no web evidence"),
    Result("averaged evidence (ablation of CCN)", 0.706, 0.724, 0.689, _FROM_CCN, _LEAKY_FILTER),
    Result("CCN", 0.847, 0.848, 0.845, f"{_FROM_CCN}; {_FROM_SNIFFER}", _LEAKY_FILTER),
    Result(
        "SNIFFER",
        0.884,
        0.869,
        0.918,
        _FROM_SNIFFER,
        "not checked",
        "inconsistent in the source: on a balanced set All is the mean of the other two",
    ),
    Result("RED-DOT", 0.903, nan, nan, "abstracts of RED-DOT and AITR", _LEAKY_ORDER.format("RED-DOT")),
    Result("MUSE", 0.900, nan, nan, "abstract, WACV 2025: about 90", _LEAKY_ORDER.format("MUSE")),
    Result("AITR", 0.933, nan, nan, "abstract, WACV 2025", _LEAKY_ORDER.format("MUSE"), "the COVE paper lists 93.5"),
    Result("people without evidence", 0.656, nan, nan, "CCN, human study", "no web evidence, a sample of the items"),
    Result("people with evidence", 0.810, nan, nan, "CCN, human study", "a sample of the items", "± 4.7; best 89.0"),
)

_COLUMNS = (
    Column("Method", numeric=False, wide=True),
    Column("All", help="accuracy in percent"),
    Column("Falsified", help="recall in percent"),
    Column("Pristine", help="recall in percent"),
    Column("Evidence protocol", numeric=False),
    Column("Source", numeric=False),
)


class Published(Section):
    """Stands on the page where a benchmark's label or notes name the data set and its test split is whole."""

    name = "published"
    title = "Published results"
    link = "Published"
    template = "sections/published.j2"

    def applies(self, seen: Seen) -> bool:
        return any(_benchmarks(seen))

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {"tables": [published(seen, on, f"published-{place}") for place, on in enumerate(_benchmarks(seen), 1)]}


def _benchmarks(seen: Seen) -> Iterator[str]:
    """Benchmarks that call themselves by that data set, and whose test split has as many items."""
    for row in seen.benchmarks:
        if row.text("split") == "test" and row.number("items") == TEST_ITEMS and _named(row):
            yield row.raw("benchmark")


def _named(row: Row) -> bool:
    return DATA_SET.split()[0].lower() in f"{row.text('benchmark')} {row.text('notes', 2000)}".lower()


def published(seen: Seen, on: str, id: str) -> Table:
    """The best arms of this run, then everybody else's numbers."""
    own = tuple(map(_own, best_of(seen, on, _OWN)))
    groups = [Group("This run", own), Group("Published", tuple(map(_theirs, RESULTS)))]
    caption = (
        f"Accuracy on the {count(TEST_ITEMS)} test items of {DATA_SET}. Other people's numbers are theirs, nothing was "
        "run again; across evidence protocols they cannot be compared."
    )
    return table(id, caption, _COLUMNS, groups)


def _own(arm: Arm) -> Line:
    columns = ("accuracy", "accuracy_falsified", "accuracy_pristine")
    cells = (
        label(arm.name),
        *(plain(arm.row.number(column), percent) for column in columns),
        prose("", "see the notes under Data"),
        prose("this run"),
    )
    return Line(cells)


def _theirs(result: Result) -> Line:
    leaky = ("evidence may know the answer",) if result.protocol.startswith("leaky") else ()
    cells = (
        label(result.method, result.note, leaky),
        *(plain(value, percent, "not given") for value in (result.all, result.falsified, result.pristine)),
        Cell(result.protocol, result.protocol),
        prose(result.source),
    )
    return Line(cells)
