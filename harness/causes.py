"""Why a step is not the one that is stored: what differs, followed through what it reads to where it began."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.component import Component
from harness.identity import unlike
from harness.plain import printable
from harness.plan import Plan, Step
from harness.store import Store

Manifest = Mapping[str, Any]

LONGEST_VALUE = 48


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason in words, and through which steps it came: where it lies first, none where it is the step's own."""

    text: str
    through: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text + (f" (by {' → '.join(self.through)})" if self.through else "")


class Past:
    """The stored steps, each read once, and which of them steps of a plan are compared with."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self._plan = plan
        self._store = store
        self._kinds: dict[str, dict[str, Manifest]] = {}
        self._described: dict[str, dict[str, Any]] = {}
        self._causes: dict[tuple[str, str], dict[str, Cause]] = {}

    def _stored(self, kind: str) -> Mapping[str, Manifest]:
        """The stored steps of a kind by their keys, read when the kind is first asked for."""
        if kind not in self._kinds:
            found = self._store.manifests(kind)
            self._kinds[kind] = {str(told["key"]): told for told in found if "ingredients" in told}
        return self._kinds[kind]

    def described(self, step: Step) -> Mapping[str, Any]:
        """The step's ingredients in full; files are read for it, so it is made once."""
        if step.key not in self._described:
            self._described[step.key] = step.described()
        return self._described[step.key]

    def nearest(self, step: Step) -> Manifest | None:
        """The step of this kind that differs for the fewest reasons, its name being one; the latest of several."""
        return min(self._stored(step.kind).values(), key=lambda manifest: self._order(step, manifest), default=None)

    def _order(self, step: Step, manifest: Manifest) -> tuple[int, float, str]:
        other = manifest.get("what") != step.what
        finished = float(manifest.get("provenance", {}).get("finished", 0))
        return len(self._found(step, manifest)) + other, -finished, str(manifest["key"])

    def _below(self, step: Step, manifest: Manifest) -> Iterator[tuple[str, Step, Manifest | None]]:
        """What both read as the same, and is another: its role, the step, and what is stored of the other."""
        read = manifest["ingredients"].get("inputs", {})
        for role, key in step.inputs.items():
            if role in read and read[role] != key:
                now = self._plan.steps[key]
                yield role, now, self._stored(now.kind).get(read[role])

    def causes(self, step: Step, stored: Manifest) -> list[Cause]:
        """What makes the step another than a stored one, each reason once, where it lies and the shortest way."""
        return list(self._found(step, stored).values())

    def _found(self, step: Step, stored: Manifest) -> dict[str, Cause]:
        at = step.key, str(stored["key"])
        if at not in self._causes:
            found: dict[str, Cause] = {}
            for cause in (*self._own(step, stored), *self._reached(step, stored)):
                if cause.text not in found or len(cause.through) < len(found[cause.text].through):
                    found[cause.text] = cause
            self._causes[at] = found
        return self._causes[at]

    def _own(self, step: Step, stored: Manifest) -> Iterator[Cause]:
        old = stored["ingredients"]
        yield from map(Cause, _own(self._plan, step, old, self.described(step)))
        yield from map(Cause, _read(old.get("inputs", {}), step.inputs))

    def _reached(self, step: Step, stored: Manifest) -> Iterator[Cause]:
        for role, now, was in self._below(step, stored):
            if was is None:
                yield Cause(f"what it read as {role} is no longer stored")
                continue
            for reason in self._found(now, was).values():
                yield Cause(reason.text, (*reason.through, f"{now.kind} {now.what}"))


def _own(plan: Plan, step: Step, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What differs in the step itself."""
    others = set[str]()
    for role, component in step.components.items():
        before, after = old.get("components", {}).get(role), new["components"][role]
        who = _who(plan, role, component)
        if not isinstance(before, Mapping) or before.get("class") != after["class"]:
            others.add(role)
            yield f"{who} is a {_class(after)}, and was {_class(before)}"
    for path, before, after in unlike({**old, "inputs": {}}, {**new, "inputs": {}}):
        section, _, rest = path.partition(".")
        role, _, part = rest.partition(".")
        if section == "components" and role in step.components:
            if role not in others:
                component = step.components[role]
                yield _component(_who(plan, role, component), component, part, before, after)
        elif section == "components":
            yield f"it had a {role}"
        elif section == "params":
            yield _param(rest, before, after)
        elif section == "revision":
            yield f"the harness does {step.kind} steps otherwise: their revision is {after}, and was {before}"
        else:
            yield f"the harness makes keys otherwise: {path} is {_shown(after)}, and was {_shown(before)}"


def _component(who: str, component: Component, part: str, before: object, after: object) -> str:
    path = part.replace(".options.", ".").removeprefix("options.")
    if part == "code":
        return _code(who, component, before, after)
    if part == "files":
        return f"the files that {who} reads have changed"
    for ending, said in ((".code", "the source of"), (".files", "the files of")):
        if path.endswith(ending):
            return f"{said} `{path.removesuffix(ending)}` of {who} differ{'s' * (ending == '.code')}"
    if part.startswith("options."):
        return f"option `{path}` of {who} is {_shown(after)}, and was {_shown(before)}"
    return f"the {part} of {who} is {_shown(after)}, and was {_shown(before)}"


def _code(who: str, component: Component, before: object, after: object) -> str:
    if isinstance(after, int):
        was = f"was {before}" if isinstance(before, int) else "it had none"
        return f"the revision of {who} is {after}, and {was}"
    if isinstance(before, int):
        return f"{who} declares no revision, and had {before}"
    templates = " or a template beside it" * bool(type(component).templates)
    return f"the source of {who}{templates} has changed"


def _param(name: str, before: object, after: object) -> str:
    match name:
        case "seed":
            return "its seed is another"
        case "budget":
            return f"it buys {after} labels at most, and bought {before}" if before is not None else "it buys labels"
        case "labels":
            return "labels of the training items have changed" if before else "it depends on labels"
    return f"its {name} is {_shown(after)}, and was {_shown(before)}"


def _read(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """What it reads now and did not, and the other way round."""
    for role in sorted(before.keys() ^ after.keys()):
        kind, _, label = role.partition(".")
        if kind == "annotations":
            yield (
                f"teacher {label} is among its teachers, and was not"
                if role in after
                else (f"teacher {label} was among its teachers, and is not")
            )
        else:
            yield f"it reads a {role}, and did not" if role in after else f"it read a {role}, and does not"


def _who(plan: Plan, role: str, component: Component) -> str:
    """A component by its role and, where the matrix has it, its label."""
    matrix = plan.matrix
    sections: dict[str, Mapping[str, Component]] = {
        "teacher": matrix.teachers,
        "student": matrix.students,
        "benchmark": matrix.every_benchmark,
        "rule": matrix.every_rule,
    }
    label = next((label for label, known in sections.get(role, {}).items() if known is component), component.name)
    return f"{role} {label}"


def _class(identity: object) -> str:
    return str(identity["class"]).partition(":")[2] if isinstance(identity, Mapping) else "nothing"


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    # JSON has no characters by which a stored text could act on a terminal.
    text = printable(json.dumps(value, ensure_ascii=False, default=str), instead="�")
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def joined(found: Sequence[object], most: int = 4) -> str:
    """Reasons in a sentence."""
    told = [str(one) for one in found[:most]] or [""]
    if len(found) > most:
        told.append(f"{len(found) - most} more")
    return told[0] if len(told) == 1 else f"{'; '.join(told[:-1])}; and {told[-1]}"
