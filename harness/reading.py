"""matrix.yaml → `Matrix`, or `MatrixError` with every fault and its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from harness import ablate, budget, exclusions, extending, families, newsroom, sentinel, yaml
from harness.component import Component
from harness.components import Benchmark, ConflictRule, Executor, Report, Strategy, Teacher
from harness.errors import Fault, MatrixError, PluginError
from harness.loading import did_you_mean
from harness.lookup import made_of, said_of
from harness.matrix import Matrix
from harness.nesting import TOLD, needed
from harness.plugins import Registry

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")

SECTIONS = (
    "benchmarks",
    "evaluate_on",
    "teachers",
    "teacher_sets",
    "teachers_as_arms",
    "students",
    "rules",
    "strategies",
    "label_fractions",
    "seeds",
    "exclude",
    "compare",
    "ablate",
    "newsroom",
    "budget",
    "sentinel",
    "executor",
    "reports",
)


def load(file: Path, registry: Registry) -> Matrix:
    """Read and check a matrix; raises `MatrixError`."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise MatrixError(str(file), [Fault(0, 0, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise MatrixError(str(file), [Fault(0, 0, "", "is not UTF-8 text")]) from None
    return parse(text, registry, str(file))


def parse(text: str, registry: Registry, file: str = "matrix.yaml") -> Matrix:
    """Check the text of a matrix; raises `MatrixError`."""
    data, places, faults = yaml.load(text)
    if faults:
        raise MatrixError(file, faults)
    reader = _Reader(data, places, registry, faults)
    matrix = reader.read(file, text)
    if matrix.ablate is not None and not faults:
        matrix = extending.extended(matrix, matrix.ablate, registry, reader.fault)
    if faults:
        raise MatrixError(file, faults)
    return matrix


class _Reader:
    """Reads section after section and collects the faults."""

    def __init__(self, data: object, places: yaml.Places, registry: Registry, faults: list[Fault]) -> None:
        self.places = places
        self.registry = registry
        self.faults = faults
        self.data: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
        if not isinstance(data, Mapping):
            self.fault((), "a matrix is a mapping of sections")
        for key in self.data:
            if key not in SECTIONS:
                self.fault((str(key),), f"unknown section{did_you_mean(str(key), SECTIONS)}", key=True)

    def fault(self, path: yaml.Path, cause: str, *, remedy: str = "", key: bool = False) -> None:
        place = self.places.of(path, key=key)
        self.faults.append(Fault(*place, ".".join(map(str, path)), cause, remedy))

    def read(self, file: str, text: str) -> Matrix:
        teachers = self.components("teachers", "teacher")
        strategies = self.components("strategies", "strategy")
        benchmarks = self.components("benchmarks", "benchmark")
        own_rules = self.own_rules(strategies)
        axes = self.axes(own_rules)
        return Matrix(
            file=file,
            text=text,
            places=self.places,
            benchmarks=benchmarks,
            evaluate_on=self.evaluate_on(benchmarks),
            teachers=teachers,
            teacher_sets=self.teacher_sets(teachers),
            teachers_as_arms=self.flag("teachers_as_arms"),
            students=self.components("students", "student"),
            rules=self.components("rules", "rule"),
            strategies=strategies,
            own_rules=own_rules,
            label_fractions=self.fractions(),
            seeds=self.seeds(),
            exclude=exclusions.read(self.data.get("exclude"), axes, self.fault),
            executor=self.executor(),
            reports=self.components("reports", "report") or self.default_reports(),
            compare=families.read(self.data.get("compare"), self.fault),
            newsroom=newsroom.read(self.data.get("newsroom"), self.fault),
            budget=budget.read(self.data.get("budget"), self.fault),
            sentinel=sentinel.read(self.data.get("sentinel"), self.labels("teachers"), self.fault),
            ablate=ablate.read(self.data.get("ablate"), {**axes, "rule": self.labels("rules")}, self.fault),
        )

    def components(self, section: str, kind: str) -> dict[str, Any]:
        """``label: name`` or ``label: {uses: name, option: …}``."""
        entries = self.data.get(section)
        if entries is None:
            return {}
        if not isinstance(entries, Mapping):
            self.fault((section,), f"a mapping is needed, as in  {kind}-label: {kind}-name")
            return {}
        made = {}
        for label, entry in entries.items():
            path = (section, str(label))
            if not _LABEL.match(str(label)):
                self.fault(path, "a label is up to 64 letters, digits and . _ -, the first a letter or digit", key=True)
            component = self.component(path, kind, entry)
            if component is not None:
                made[str(label)] = component
        return made

    def component(self, path: yaml.Path, kind: str, entry: object) -> Component | None:
        options: Mapping[str, Any] = {}
        name, at = entry, path
        if isinstance(entry, Mapping):
            options = {str(key): value for key, value in entry.items() if key != "uses"}
            name, at = entry.get("uses"), (*path, "uses")
            if "uses" not in entry:
                self.fault(path, f"which {kind} is this? the key 'uses' is missing")
                return None
        if not isinstance(name, str):
            self.fault(at, f"the name of a {kind} is needed")
            return None
        try:
            cls = self.registry.find(kind, name)
        except PluginError as error:
            self.fault(at, error.cause, remedy=error.remedy)
            return None
        try:
            return made_of(cls, options, lambda kind, at, entry: needed(self.component((*path, at), kind, entry)))
        except ValidationError as error:
            self.invalid_options(path, cls, error)
            return None

    def invalid_options(self, path: yaml.Path, cls: type[Component], error: ValidationError) -> None:
        for problem in error.errors(include_url=False, include_context=False, include_input=False):
            where = (*path, *problem["loc"])
            if problem["type"] == TOLD:
                continue
            if problem["type"] == "extra_forbidden":
                name = str(problem["loc"][-1])
                known = cls.model_fields if len(problem["loc"]) == 1 else ()
                self.fault(where, f"{cls.name} has no such option{did_you_mean(name, known)}", key=True)
            else:
                self.fault(where, said_of(problem))

    def labels(self, section: str) -> list[str]:
        """The labels of a section, of faulty entries too: one fault must not cause another."""
        entries = self.data.get(section)
        return list(map(str, entries)) if isinstance(entries, Mapping) else []

    def listed(self, section: str) -> list[Any]:
        """The values of a section that is a list, faulty ones too."""
        values = self.data.get(section)
        return values if isinstance(values, list) else []

    def evaluate_on(self, trained_on: Mapping[str, Benchmark]) -> dict[str, Benchmark]:
        found = self.components("evaluate_on", "benchmark")
        for label in found.keys() & trained_on.keys():
            self.fault(("evaluate_on", label), "benchmarks: has this label too, and is tested on as it is", key=True)
        return found

    def teacher_sets(self, teachers: Mapping[str, Teacher]) -> dict[str, tuple[str, ...]]:
        """Named subsets; all teachers together, under the name ``all``, where none are given."""
        given = self.data.get("teacher_sets")
        if given is None:
            return {"all": tuple(sorted(teachers))} if teachers else {}
        if not isinstance(given, Mapping) or not given:
            self.fault(("teacher_sets",), "a mapping of names to lists of teachers is needed")
            return {}
        declared = self.labels("teachers")
        sets = {}
        for name, members in given.items():
            path = ("teacher_sets", str(name))
            if not isinstance(members, list) or not members:
                self.fault(path, "a list of teachers is needed")
                continue
            for index, member in enumerate(members):
                if str(member) not in declared:
                    self.fault((*path, index), f"no teacher {member!r}{did_you_mean(str(member), declared)}")
                elif member in members[:index]:
                    self.fault((*path, index), f"{member!r} stands here twice")
            sets[str(name)] = tuple(sorted(map(str, members)))
        return sets

    def own_rules(self, strategies: Mapping[str, Strategy]) -> dict[str, ConflictRule]:
        rules: dict[str, ConflictRule] = {}
        for label, strategy in strategies.items():
            if strategy.rule is not None and strategy.rule not in rules:
                found = self.component(("strategies", label, "rule"), "rule", strategy.rule)
                if found is not None:
                    rules[strategy.rule] = cast(ConflictRule, found)
        return rules

    def fractions(self) -> tuple[float, ...]:
        return self.numbers("label_fractions", float, lambda value: 0 < value <= 1, "above 0 and at most 1", ())

    def seeds(self) -> tuple[int, ...]:
        return self.numbers("seeds", int, lambda value: 0 <= value < 2**31, "a whole number from 0", (0,))

    def numbers(
        self, section: str, form: type[Any], fits: Callable[[Any], bool], wanted: str, default: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        values = self.data.get(section)
        if values is None:
            return default
        if not isinstance(values, list) or not values:
            self.fault((section,), "a list of numbers is needed")
            return default
        kept: list[Any] = []
        for index, value in enumerate(values):
            number = isinstance(value, int | float if form is float else int) and not isinstance(value, bool)
            if not number or not fits(value):
                self.fault((section, index), f"{value!r} is not {wanted}")
            elif value in kept:
                self.fault((section, index), f"{value!r} stands here twice")
            else:
                kept.append(form(value))
        return tuple(kept)

    def flag(self, section: str) -> bool:
        value = self.data.get(section, False)
        if not isinstance(value, bool):
            self.fault((section,), f"{value!r} is neither true nor false")
        return bool(value)

    def axes(self, own_rules: Iterable[str]) -> dict[str, Sequence[Any]]:
        """What stands on each axis, faulty entries too."""
        return {
            "benchmark": self.labels("benchmarks"),
            "teachers": self.labels("teacher_sets") or ["all"],
            "student": self.labels("students"),
            "rule": [*self.labels("rules"), *own_rules],
            "strategy": self.labels("strategies"),
            "label_fraction": self.listed("label_fractions") or [],
            "seed": self.listed("seeds") or [0],
        }

    def executor(self) -> Executor:
        entry = self.data.get("executor", "local")
        found = self.component(("executor",), "executor", entry)
        return cast(Executor, found)

    def default_reports(self) -> dict[str, Report]:
        if self.data.get("reports") is not None:
            return {}
        found = self.component(("reports",), "report", "html")
        return {"html": cast(Report, found)} if found else {}
