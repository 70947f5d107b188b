"""What a capsule says of a plan, and the plan that is made of it where neither data nor plugins are at hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args

from harness import families, newsroom, record, yaml
from harness.component import Component
from harness.components import Benchmark, ConflictRule, Executor, Report
from harness.errors import PluginError, StoreError, UnreadableImage
from harness.handed import Panel
from harness.intake import BenchmarkFacts, SplitFacts
from harness.lookup import made_of
from harness.matrix import Matrix
from harness.parcel import KEY
from harness.plan import REVISIONS, Cell, Inspection, Plan, Step
from harness.plugins import Registry
from harness.recipe import Need
from harness.types import VERDICTS, Evidence, Image, Item, Ranked, Split, Verdict

FILE = "capsule.json"
SCHEMA_VERSION = 1
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
REMEDY = "Only archives that `harness export --capsule` wrote can be run again."


class Packed(Benchmark):
    """The part of a benchmark that tables and reports read, from the files of a capsule."""

    name = "packed"
    folder: str
    """Folder of the capsule's files."""
    label: str
    """What the matrix calls the benchmark."""

    def items(self, split: Split) -> Sequence[Item]:
        return [self._item(row) for row in self._rows(split)]

    def labels(self, split: Split) -> Mapping[str, Verdict]:
        return {str(row["id"]): _verdict(row["label"]) for row in self._rows(f"{split}.labels")}

    def references(self, split: Split) -> Mapping[str, str]:
        return {str(row["id"]): str(row["reference"]) for row in self._rows(split) if row.get("reference")}

    def _rows(self, part: str) -> Iterator[Mapping[str, Any]]:
        file = Path(self.folder) / "benchmarks" / self.label / f"{part}.jsonl"
        if not file.exists():
            return
        try:
            with file.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)
        except (ValueError, RecursionError) as error:
            raise StoreError(f"cannot be read: {error}", place=f"{part} of {self.label}", remedy=REMEDY) from None

    def _item(self, row: Mapping[str, Any]) -> Item:
        evidence = {part: tuple(map(str, texts)) for part, texts in row.get("evidence", {}).items()}
        return Item(
            str(row["id"]),
            str(row.get("caption", "")),
            self._image(str(row["image"])) if "image" in row else None,
            Evidence(**evidence),
            group=str(row.get("group", "")),
        )

    def _image(self, checksum: str) -> Image:
        def missing() -> bytes:
            raise UnreadableImage("is not in the capsule: no report showed it", place=self.label)

        known = re.fullmatch(r"[0-9a-f]{64}", checksum)
        return Image.file(Path(self.folder) / "images" / checksum) if known else Image(missing, self.label)


def _verdict(text: object) -> Verdict:
    if text not in VERDICTS:
        raise StoreError(f"has a label {text!r:.40}, which is no verdict", remedy=REMEDY)
    return text


class Remembered(ConflictRule):
    """What is to be known of a rule that has ranked: what it read."""

    name = "remembered"
    needed: tuple[Need, ...] = ()
    """What it read."""
    knowing: bool
    """Whether it knew anything of the items."""

    def needs(self) -> frozenset[Need]:
        return frozenset(self.needed)

    def informed(self) -> bool:
        return self.knowing

    def rank(self, panel: Panel, seed: int) -> Sequence[Ranked]:
        raise StoreError("a capsule is read, nothing of it runs")


class Nowhere(Executor):
    """Runs nothing."""

    name = "nowhere"

    def open(self) -> NoReturn:
        raise StoreError("a capsule is read, nothing of it runs")


def facts_of(plan: Plan, registry: Registry) -> dict[str, Any]:
    """What tables and reports need of the plan beside what is stored, as JSON."""
    data, _, _ = yaml.load(plan.matrix.text)
    return {
        "schema": SCHEMA_VERSION,
        "plan": record.facts_of(plan),
        "ranks": [[*at, key] for at, key in plan.ranks.items()],
        "annotations": [[*at, key] for at, key in plan.annotations.items()],
        "teacher_sets": {name: list(members) for name, members in plan.matrix.teacher_sets.items()},
        "inspections": [
            [key, found.step.what, found.benchmark, found.trained, found.teacher]
            for key, found in plan.inspections.items()
        ],
        "rules": {
            name: {"needs": sorted(rule.needs()), "informed": rule.informed()}
            for name, rule in plan.matrix.every_rule.items()
        },
        "compare": data.get("compare"),
        "newsroom": data.get("newsroom"),
        "reports": {label: _report(report, registry) for label, report in reports_of(plan).items()},
        "benchmarks": {label: _benchmark(facts) for label, facts in plan.facts.items()},
    }


def reports_of(plan: Plan) -> dict[str, Report]:
    """The reports that belong into a capsule."""
    return {label: report for label, report in plan.matrix.reports.items() if not report.outside}


def _report(report: Report, registry: Registry) -> dict[str, Any]:
    plugin = registry.origin(type(report))
    return {
        "uses": f"{plugin.distribution}/{report.name}",
        "version": plugin.version,
        "options": report.model_dump(mode="json"),
    }


def _benchmark(facts: BenchmarkFacts) -> dict[str, Any]:
    splits = {
        split: {"items": found.items, "classes": dict(found.classes), "groups": found.groups}
        for split, found in facts.splits.items()
    }
    return {"notes": dict(facts.notes), "oracles": list(facts.oracles), "splits": splits}


def plan_of(facts: Mapping[str, Any], folder: Path, registry: Registry) -> tuple[Plan, dict[str, str]]:
    """The plan, and why a report of it cannot be made; raises `StoreError` where the facts are none."""
    try:
        if facts["schema"] != SCHEMA_VERSION:
            raise ValueError(f"schema {facts['schema']!r:.20}")
        reports, missing = _reports(facts["reports"], registry)
        return _plan(facts, folder, reports), missing
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StoreError(f"{FILE} cannot be read: {error!r:.300}", remedy=REMEDY) from None


def _reports(told: Mapping[str, Any], registry: Registry) -> tuple[dict[str, Report], dict[str, str]]:
    found: dict[str, Report] = {}
    missing: dict[str, str] = {}
    for label, said in told.items():
        try:
            made: Component = made_of(registry.find("report", str(said["uses"])), said["options"])
            assert isinstance(made, Report)
            if made.outside:
                raise PluginError(f"{said['uses']} reaches beyond the folder of the reports")
            found[label] = made
        except (PluginError, ValueError) as error:
            cause = error.cause if isinstance(error, PluginError) else f"{said['uses']} does not take its options"
            missing[label] = f"{cause}; it was made by {said['uses']} {said['version']}"
    return found, missing


def _plan(facts: Mapping[str, Any], folder: Path, reports: Mapping[str, Report]) -> Plan:
    told = facts["plan"]
    cells, ablation, steps = record.laid_out(told)
    ranks = {(str(rule), str(panel), str(on), int(seed)): str(key) for rule, panel, on, seed, key in facts["ranks"]}
    said = {(str(who), str(on), _split(split)): str(key) for who, on, split, key in facts["annotations"]}
    inspections = {str(key): _inspection(str(key), *map(str, found)) for key, *found in facts["inspections"]}
    _check_keys(cells, steps, (*ranks.values(), *said.values()), inspections)
    known = {str(label): _facts(said) for label, said in facts["benchmarks"].items()}
    if strange := [label for label in known if not LABEL.fullmatch(label)]:
        raise ValueError(f"a benchmark is called {strange[0]!r:.80}")
    matrix = Matrix(
        file=f"{told['title']}.yaml",
        text=str(told["matrix"]),
        places=yaml.Places(),
        benchmarks={label: Packed(folder=str(folder), label=label) for label in known},
        evaluate_on={},
        teachers={},
        teacher_sets={str(name): tuple(map(str, members)) for name, members in facts["teacher_sets"].items()},
        teachers_as_arms=False,
        students={},
        rules={str(name): _rule(rule) for name, rule in facts["rules"].items()},
        strategies={},
        own_rules={},
        label_fractions=(),
        seeds=(),
        exclude=(),
        executor=Nowhere(),
        reports=reports,
        compare=families.read(facts["compare"], _refuse),
        newsroom=newsroom.read(facts["newsroom"], _refuse),
    )
    return Plan(matrix, known, cells, steps, ranks, said, inspections, ablation)


def _inspection(key: str, what: str, benchmark: str, trained: str, teacher: str) -> Inspection:
    return Inspection(Step("inspect", key, what, {}, {}, {}, {}), benchmark, trained, teacher)


def _rule(told: Mapping[str, Any]) -> Remembered:
    return Remembered(needed=tuple(map(Need, told["needs"])), knowing=told["informed"])


def _check_keys(
    cells: Sequence[Cell], steps: Mapping[str, Step], others: Iterable[str], inspections: Iterable[str]
) -> None:
    """Keys become paths, and all that is read by them must be a step."""
    strange = [key for key, step in steps.items() if step.kind not in REVISIONS or not KEY.fullmatch(key)]
    if strange := [*strange, *(key for key in inspections if not KEY.fullmatch(key))]:
        raise ValueError(f"{strange[0]!r:.80} is no step")
    models = {key for cell in cells for key in (cell.model, cell.stage1) if key}
    if unknown := record.lacking(cells, steps) or min({*others, *models} - steps.keys(), default=""):
        raise ValueError(f"it lacks step {unknown!r:.80}")


def _facts(said: Mapping[str, Any]) -> BenchmarkFacts:
    splits = {
        _split(split): SplitFacts(int(part["items"]), dict(part["classes"]), int(part["groups"]), "")
        for split, part in said["splits"].items()
    }
    return BenchmarkFacts("", frozenset(), splits, dict(said["notes"]), tuple(map(str, said["oracles"])))


def _split(text: object) -> Split:
    if text not in get_args(Split):
        raise ValueError(f"{text!r:.40} is no split")
    return text  # type: ignore[return-value]


def _refuse(path: yaml.Path, cause: str, *, remedy: str = "", key: bool = False) -> None:
    raise ValueError(f"{'.'.join(map(str, path))}: {cause}")
