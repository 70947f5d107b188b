"""Every error that a user can cause or mend.

HarnessError
├── MatrixError          faults of a matrix, all at once, each with its place
├── PluginError          a component that is unknown, ambiguous or broken
│   └── MissingDependency    a package that a component needs is not installed
├── DataError            a data set's files or items are not as they must be
│   └── UnreadableImage      one image cannot be decoded
├── LedgerError          ground truth was asked for against the rules
│   ├── LabelNotBought       a strategy asked for a label that its cell did not buy
│   └── LabelsWanted         nobody has the labels that a cell would buy: the cell waits
├── TeacherError         a teacher may not, or cannot, go on
│   ├── BudgetSpent          the matrix's budget is spent: what is left waits for more
│   ├── Stopped              the run was stopped: what is left waits for the next one
│   ├── TeacherChanged       a teacher no longer answers as it did
│   └── Unanswered           items ended in errors that another try may mend
├── TrainingError        a student cannot be trained as asked, or a proof about its training failed
└── StoreError           an artifact is missing or damaged
"""

from collections.abc import Sequence
from dataclasses import dataclass


class HarnessError(Exception):
    """An error with its place, cause and remedy; shown without a traceback."""

    def __init__(self, cause: str, *, place: str = "", remedy: str = "") -> None:
        super().__init__(cause, place, remedy)
        self.cause = cause
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.place}: {self.cause}" if self.place else self.cause
        return f"{text}\n  {self.remedy}" if self.remedy else text

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross from worker processes; keyword-only arguments would be lost by the default.
        return _rebuild, (type(self), self.cause, self.place, self.remedy)


def _rebuild(kind: type[HarnessError], cause: str, place: str, remedy: str) -> HarnessError:
    return kind(cause, place=place, remedy=remedy)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in a file: line and column count from 1; 0 where there is no such place."""

    line: int
    column: int
    where: str
    cause: str
    remedy: str = ""

    def render(self, file: str) -> str:
        """``file:line:column: where: cause`` with the remedy on a line of its own."""
        place = f"{file}:{self.line}:{self.column}" if self.line else file
        text = f"{place}: {self.where}: {self.cause}" if self.where else f"{place}: {self.cause}"
        return f"{text}\n  {self.remedy}" if self.remedy else text


class MatrixError(HarnessError):
    """All faults of one matrix."""

    def __init__(self, file: str, faults: Sequence[Fault]) -> None:
        self.file = file
        self.faults = sorted(faults)
        super().__init__("\n".join(fault.render(file) for fault in self.faults))


class PluginError(HarnessError):
    """A component that is unknown, ambiguous or broken."""


class MissingDependency(PluginError):
    """A package that a component needs is not installed."""


class DataError(HarnessError):
    """A data set's files or items are not as they must be."""


class UnreadableImage(DataError):
    """One image cannot be decoded."""


class LedgerError(HarnessError):
    """Ground truth was asked for against the rules."""


class LabelNotBought(LedgerError, KeyError):
    """A strategy asked for a label that its cell did not buy."""

    __str__ = HarnessError.__str__


class LabelsWanted(LedgerError):
    """Nobody has the labels that a cell would buy: the cell waits for them."""


class TeacherError(HarnessError):
    """A teacher may not, or cannot, go on."""


class BudgetSpent(TeacherError):
    """The matrix's budget is spent: what is left waits for more."""


class Stopped(TeacherError):
    """The run was stopped: what is left waits for the next one."""


class TeacherChanged(TeacherError):
    """A teacher no longer answers as it did."""


class Unanswered(TeacherError):
    """Items ended in errors that another try may mend."""


class TrainingError(HarnessError):
    """A student cannot be trained as asked, or a proof about its training failed."""


class StoreError(HarnessError):
    """An artifact is missing or damaged."""
