"""What makes the steps of two runs different: cells are followed from their answers back to where they part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import StoreError
from harness.identity import differences
from harness.plan import REVISIONS, Cell
from harness.record import Run


@dataclass(frozen=True, slots=True)
class Change:
    """One difference of identity, and how many pairs of steps of that kind have it."""

    kind: str
    component: str
    """Role of the component that differs; empty where it is the step itself."""
    text: str
    steps: int

    def __str__(self) -> str:
        of = f"{self.component}: " if self.component else ""
        return f"{of}{self.text}  ({self.steps} step{'s' * (self.steps != 1)})"


def changes(mine: Run, theirs: Run) -> list[Change]:
    """By kind of step, those that most steps have first."""
    counts: dict[tuple[str, str, str], int] = {}
    for one, other in parted(mine, theirs):
        old, new = _described(mine, one), _described(theirs, other)
        for component, text in _told(old, new):
            at = (mine.plan.steps[one].kind, component, text)
            counts[at] = counts.get(at, 0) + 1
    found = [Change(*at, steps) for at, steps in counts.items()]
    return sorted(found, key=lambda change: (list(REVISIONS).index(change.kind), -change.steps, change.text))


def parted(mine: Run, theirs: Run) -> list[tuple[str, str]]:
    """Pairs of steps that stand for each other in both runs and have other keys, each once."""
    seen: dict[tuple[str, str], None] = {}
    waiting = [pair for pair in _ends(mine, theirs) if pair[0] != pair[1]]
    while waiting:
        pair = waiting.pop()
        one, other = mine.plan.steps[pair[0]], theirs.plan.steps[pair[1]]
        if pair in seen or one.kind != other.kind:
            continue
        seen[pair] = None
        below = ((one.inputs[role], other.inputs[role]) for role in one.inputs if role in other.inputs)
        waiting += [inputs for inputs in below if inputs[0] != inputs[1]]
    return list(seen)


def _ends(mine: Run, theirs: Run) -> Iterator[tuple[str, str]]:
    for one, other in shared(mine, theirs):
        for label in one.answers:
            yield from zip(one.answers[label], other.answers.get(label, ()), strict=False)
        if one.rank and other.rank:
            yield one.rank, other.rank


def shared(mine: Run, theirs: Run) -> list[tuple[Cell, Cell]]:
    """Cells of the same name."""
    others = {cell.point.cell: cell for cell in theirs.plan.cells}
    return [(cell, others[cell.point.cell]) for cell in mine.plan.cells if cell.point.cell in others]


def remade(mine: Run, theirs: Run) -> list[str]:
    """What is the same step in both stores and yet has other content: it was not reproduced."""
    both = [step for key, step in mine.plan.steps.items() if key in theirs.plan.steps]
    return [
        f"{step.kind} {step.what}"
        for step in both
        if all(run.store.has(step.kind, step.key) for run in (mine, theirs))
        and files(mine, step.kind, step.key) != files(theirs, step.kind, step.key)
    ]


def files(run: Run, kind: str, key: str) -> Mapping[str, str]:
    """Checksums of a stored step's files."""
    found: Mapping[str, str] = run.store.manifest(kind, key).get("files", {})
    return found


def _described(run: Run, key: str) -> Mapping[str, Any]:
    """The ingredients as they are stored; as they are planned where nothing is stored yet."""
    step = run.plan.steps[key]
    try:
        found: Mapping[str, Any] = run.store.manifest(step.kind, key)["ingredients"]
    except (StoreError, KeyError):
        return step.described()
    return found


def _told(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Component and difference, in words."""
    parts, others = (dict(side.get("components", {})) for side in (old, new))
    for role in sorted(parts.keys() | others.keys()):
        yield from ((role, text) for text in _component(parts.get(role), others.get(role)))
    before_all, after_all = ({**side, "components": {}} for side in (old, new))
    for line in differences(before_all, after_all):
        path, _, change = line.partition(": ")
        section, _, name = path.partition(".")
        if section == "inputs":
            before, after = (side.get("inputs", {}).get(name) for side in (old, new))
            # Where both read such a step, that step tells itself how it differs.
            if before is None or after is None:
                yield "", f"reads {'also' if before is None else 'no longer'} {name}"
        elif section == "params":
            yield "", f"{name}: {change}"
        else:
            yield "", f"{path.replace('_', ' ')} of the core: {change}"


def _component(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[str]:
    if old is None or new is None:
        yield f"{_name(old)} → {_name(new)}"
    elif old.get("class") != new.get("class"):
        yield f"another class: {_name(old)} → {_name(new)}"
    else:
        for line in differences(old, new):
            path, _, change = line.partition(": ")
            yield _words(path, change)


def _name(component: Mapping[str, Any] | None) -> str:
    return str(component.get("class", "")) if component else "none"


def _words(path: str, change: str) -> str:
    match path.partition("."):
        case ("options", ".", option):
            return f"option {option}: {change}"
        case ("code", _, _):
            return f"its code: {change}"
        case ("files", _, _):
            return f"the files that it reads: {change}"
    return f"{path}: {change}"
