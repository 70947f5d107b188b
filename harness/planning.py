"""Matrix → plan. A step's key is the digest of all that its output depends on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness import inspections, intake, pairing, placing
from harness.cells import Course, Point, Role, excluded
from harness.chain import Chain
from harness.component import Component
from harness.components import Student
from harness.errors import Fault, MatrixError
from harness.identity import digest, identity, seed_from
from harness.matrix import Matrix
from harness.plan import REVISIONS, Cell, Plan, Step, budget_of
from harness.quorum import shortages
from harness.recipe import Need
from harness.types import Split


def make(matrix: Matrix) -> Plan:
    """Check the matrix against its data and lay out the steps; raises `MatrixError`."""
    facts, faults = intake.inspect(matrix)
    if faults:
        raise MatrixError(matrix.file, faults)
    planner = _Planner(matrix, facts)
    planner.student_cells()
    planner.plan.ablation += placing.place(planner)
    planner.teacher_cells()
    planner.finish()
    if planner.faults:
        raise MatrixError(matrix.file, list(dict.fromkeys(planner.faults)))
    planner.plan.inspections = inspections.of(planner.plan, planner.identity)
    return planner.plan


def annotating(plan: Plan, wanted: Iterable[tuple[str, str, Split]]) -> Plan:
    """What teachers say of splits of benchmarks, and nothing else: the steps of a run, under the same keys."""
    planner = _Planner(plan.matrix, plan.facts)
    for teacher, benchmark, split in wanted:
        planner.check_teacher(teacher, benchmark)
        point = Point(benchmark, teacher, None, None, f"teacher on {split}")
        key = planner.annotate(teacher, benchmark, split)
        planner.plan.cells.append(Cell(point, "teacher", None, None, None, 0, {benchmark: (key,)}))
    if planner.faults:
        raise MatrixError(plan.matrix.file, planner.faults)
    return planner.plan


class _Planner:
    """Adds cell after cell; each step is made once."""

    def __init__(self, matrix: Matrix, facts: Mapping[str, intake.BenchmarkFacts]) -> None:
        self.matrix = matrix
        self.facts = facts
        self.plan = Plan(matrix, facts)
        self.faults: list[Fault] = []
        self.used_exclusions: set[int] = set()
        self._benchmarks = matrix.every_benchmark
        # Data files are read for it, so what intake has made is not made again.
        self._identities: dict[int, tuple[Component, str]] = {
            id(found): (found, facts[label].identity) for label, found in self._benchmarks.items()
        }

    def fault(self, path: tuple[str | int, ...], cause: str, remedy: str = "") -> None:
        self.faults.append(self.matrix.fault(path, cause, remedy))

    def identity(self, component: Component) -> str:
        """Digest of a component's identity, made once per object."""
        if id(component) not in self._identities:
            # The object is kept: the id of one that is gone may be given to another.
            self._identities[id(component)] = (component, digest(identity(component)))
        return self._identities[id(component)][1]

    def student_cells(self) -> None:
        courses = [Course(strategy, label, self.matrix) for label, strategy in self.matrix.strategies.items()]
        for benchmark in self.matrix.benchmarks:
            for student in self.matrix.students:
                self.check_parts(benchmark, student)
                for course in courses:
                    points = list(course.points(benchmark, student))
                    # What is left out need not be possible.
                    if not points or not all(excluded(point, self.matrix.exclude) for point in points):
                        self.check_course(course, student)
                    for point in points:
                        self.add_cell(course, point)

    def check_parts(self, benchmark: str, student: str) -> None:
        """A student needs its parts of an item on every benchmark that it meets."""
        for label in (benchmark, *self.matrix.evaluate_on):
            lacking = self.matrix.students[student].reads() - self.facts[label].gives
            if lacking:
                section = "benchmarks" if label == benchmark else "evaluate_on"
                self.fault(
                    ("students", student),
                    f"needs {_listed(lacking)}, which {section}.{label} does not give"
                    f" (it gives {_listed(self.facts[label].gives)})",
                )

    def check_course(self, course: Course, student: str, fraction: float | None = None) -> None:
        """What the student cannot do, and what the matrix lacks, is refused here; ``fraction`` is one of its own."""
        able = self.matrix.every_student[student]
        where = ("strategies", course.label)
        for recipe in course.recipes:
            if unable := recipe.asks() - able.accepts():
                self.fault(where, f"students.{student} ({able.name}) cannot be trained on {_listed(unable)}")
            if unknown := set(recipe.objective.losses) - able.losses():
                self.fault(
                    where,
                    f"students.{student} ({able.name}) knows no loss {_listed(unknown)}",
                    f"It knows {_listed(able.losses())}.",
                )
        if Need.RANK in course.needs and not course.rules():
            self.fault(where, "needs a conflict rule, and the matrix has no rules")
        if Need.LABELS in course.needs and not self.matrix.label_fractions and fraction is None:
            self.fault(where, "buys labels, and the matrix has no label_fractions")
        if not self.matrix.teacher_sets and any(course.uses_teachers(rule) for rule in course.rules()):
            self.fault(where, "learns from teachers, and the matrix has no teachers")

    def add_cell(self, course: Course, point: Point) -> None:
        if matched := excluded(point, self.matrix.exclude):
            self.used_exclusions.update(matched)
        else:
            self.lay(course, point)

    def lay(self, course: Course, point: Point) -> None:
        """Add the cell of a point and its steps, if it can be."""
        if not self.possible(course, point):
            return
        chain = Chain(self, course, point)
        if chain.cyclic:
            return
        model = chain.train()
        assert point.student is not None
        assert point.benchmark is not None
        answers = {
            label: (self.predict(self.matrix.every_student[point.student], chain.what, model, label, "test"),)
            for label in (point.benchmark, *self.matrix.evaluate_on)
        }
        trained = (model, chain.stage1_model, chain.rank_key, chain.budget)
        self.plan.cells.append(Cell(point, "student", *trained, answers, chain.validation_labels))

    def possible(self, course: Course, point: Point) -> bool:
        """Refuse rules and teachers that lack what they need, and fractions that buy nothing."""
        before = len(self.faults)
        assert point.benchmark is not None
        if point.teachers is not None:
            for teacher in self.matrix.teacher_sets[point.teachers]:
                self.check_teacher(teacher, point.benchmark)
            self.check_quorum(course, point)
        if point.rule is not None:
            self.check_rule(course, point.rule, point.benchmark)
        items = self.facts[point.benchmark].splits["train"].items
        if point.label_fraction is not None and budget_of(point.label_fraction, items) == 0:
            known = point.label_fraction in self.matrix.label_fractions
            self.fault(
                ("label_fractions", self.matrix.label_fractions.index(point.label_fraction))
                if known
                else ("ablate", "label_fraction"),
                f"{point.label_fraction:g} of the {items} training items of {point.benchmark} buys no label",
            )
        return len(self.faults) == before

    def check_quorum(self, course: Course, point: Point) -> None:
        """Rules, recipes, and the label models of both, need their teachers."""
        assert point.teachers is not None
        for short in shortages(course, point, self.matrix.teacher_sets[point.teachers]):
            of_rule = short.of == "rule" and not course.own_rule
            where = ("rules", point.rule or "") if of_rule else ("strategies", course.label)
            self.fault(where, short.cause, short.remedy)

    def check_rule(self, course: Course, label: str, benchmark: str) -> None:
        """A rule needs its parts of an item on every benchmark that it ranks."""
        gives = self.facts[benchmark].gives
        if lacking := course.rule(label).reads() - gives:
            self.fault(
                ("strategies", course.label) if course.own_rule else ("rules", label),
                f"needs {_listed(lacking)}, which benchmarks.{benchmark} does not give (it gives {_listed(gives)})",
            )

    def check_teacher(self, teacher: str, benchmark: str) -> None:
        if lacking := self.matrix.teachers[teacher].reads() - self.facts[benchmark].gives:
            self.fault(("teachers", teacher), f"needs {_listed(lacking)}, which benchmarks.{benchmark} does not give")

    def teacher_cells(self) -> None:
        """Teachers alone and each set's majority, wherever they can read the data."""
        if not self.matrix.teachers_as_arms:
            return
        for benchmark in self._benchmarks:
            able = {
                label
                for label, teacher in self.matrix.teachers.items()
                if teacher.reads() <= self.facts[benchmark].gives
            }
            for label in sorted(able):
                self.teacher_cell("teacher", label, (label,), benchmark)
            for name, members in self.matrix.teacher_sets.items():
                if len(members) > 1 and able.issuperset(members):
                    self.teacher_cell("majority", name, members, benchmark)

    def teacher_cell(self, role: Role, label: str, members: Sequence[str], benchmark: str) -> None:
        strategy = "teacher" if role == "teacher" else "majority of teachers"
        point = Point(benchmark, label, None, None, strategy)
        keys = tuple(self.annotate(teacher, benchmark, "test") for teacher in members)
        self.plan.cells.append(Cell(point, role, None, None, None, 0, {benchmark: keys}))

    def check_prices(self) -> None:
        """A bound in dollars holds nobody who cannot say what a call costs."""
        for label, teacher in self.matrix.teachers.items():
            if self.matrix.budget.usd is not None and not teacher.priced():
                self.fault(
                    ("budget", "usd"),
                    f"cannot hold teachers.{label} ({teacher.name}), which does not know its price",
                    "Give it its price (0 where it is free), or bound the calls.",
                )

    def finish(self) -> None:
        self.check_prices()
        for index, _ in enumerate(self.matrix.exclude):
            if index not in self.used_exclusions:
                self.fault(("exclude", index), "leaves out no cell", "Delete it, or look for a misspelt value.")
        for family in self.matrix.compare:
            for cause, remedy in pairing.faults_of(family, self.plan.arms()):
                self.fault(("compare", family.name), cause, remedy)
        names = Counter(cell.point.cell for cell in self.plan.cells)
        for name in (name for name, count in names.items() if count > 1):
            self.fault((), f"two cells are called {name!r}", "Give a student, strategy or teacher set another label.")
        if not self.plan.cells and not self.faults:
            self.fault((), "there is no cell: name benchmarks, students and strategies, or teachers_as_arms")

    def annotate(self, teacher: str, benchmark: str, split: Split) -> str:
        key = self.add(
            "annotate",
            f"{teacher} on {benchmark} {split}",
            {"teacher": self.matrix.teachers[teacher], "benchmark": self._benchmarks[benchmark]},
            {"split": split},
            {},
        )
        self.plan.annotations[teacher, benchmark, split] = key
        return key

    def predict(self, student: Student, who: str, model: str | None, benchmark: str, split: Split) -> str:
        return self.add(
            "predict",
            f"{who} on {benchmark} {split}",
            {"student": student, "benchmark": self._benchmarks[benchmark]},
            {"split": split, "seed": seed_from("predict")},
            {"model": model} if model else {},
        )

    def add(
        self,
        kind: str,
        what: str,
        components: Mapping[str, Component],
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
    ) -> str:
        """The key of the step; the step itself is new only if no equal one is there."""
        identities = {role: self.identity(component) for role, component in components.items()}
        step = Step.of(kind, REVISIONS[kind], what, components, identities, params, inputs)
        return self.plan.steps.setdefault(step.key, step).key


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, words))) or "nothing"
