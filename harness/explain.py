"""Why a step ran, will run or is reused: a sentence, its ingredients, and how they differ from the nearest stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from harness.causes import Past, joined
from harness.errors import StoreError
from harness.identity import differences, identity, sha256_of
from harness.plan import Cell, Plan, Step
from harness.store import Store


def find(plan: Plan, name: str) -> list[Cell]:
    """The cell of that name, or all cells of the arm of that name."""
    return [cell for cell in plan.cells if name in (cell.point.cell, cell.point.arm)]


def explain(plan: Plan, store: Store, cell: Cell) -> Iterator[str]:
    """Lines of text: a sentence about the cell, then a paragraph per step in the order in which they run."""
    keys, users = plan.steps_of(cell), plan.users()
    steps = [step for key, step in plan.steps.items() if key in keys]
    past, states = Past(plan, store), _states(store, steps)
    yield _summary(past, steps, states)
    for step in steps:
        count = users[step.key]
        yield f"{step.kind} {step.what}  [{step.key[:12]}], shared by {count} cell{'s' * (count != 1)}"
        yield f"  {_state(plan, store, past, step, states)}"
        yield from _details(plan, past, step, states)


def _states(store: Store, steps: list[Step]) -> dict[str, str]:
    """By key, in the order in which they run: stored, damaged, to run, failed, waiting, or blocked by such a step."""
    states: dict[str, str] = {}
    for step in steps:
        if store.has(step.kind, step.key):
            states[step.key] = "damaged" if _damage(store, step) else "stored"
        elif failure := store.failure(step.key):
            states[step.key] = str(failure["state"])
        else:
            states[step.key] = "to run" if all(states[key] in _READY for key in step.inputs.values()) else "blocked"
    return states


def _summary(past: Past, steps: list[Step], states: Mapping[str, str]) -> str:
    counts = Counter(states.values())
    one = len(steps) == 1
    if counts["stored"] == len(steps):
        return "nothing runs: it is stored" if one else f"nothing runs: all {len(steps)} steps are stored"
    # Where a cause began is told once, not again in every step that it reaches.
    reasons: dict[str, None] = {}
    for step in steps:
        if states[step.key] == "to run" and (stored := past.nearest(step)) is not None:
            reasons |= dict.fromkeys(cause.text for cause in past.causes(step, stored))
    since = f", since {joined(list(reasons))}" if reasons else ""
    words = {**_WORDS, "to run": f"will run{since}"}
    first, *rest = [(counts[state], word) for state, word in words.items() if counts[state]]
    told = [
        f"{first[0]} of {len(steps)} step{'s' * (not one)} {first[1]}",
        *(f"{count} {word}" for count, word in rest),
    ]
    return "; ".join(told)


_READY = ("stored", "damaged", "to run")
_WORDS = {"to run": "", "damaged": "damaged", "failed": "failed", "waiting": "waiting", "blocked": "blocked by these"}


def _state(plan: Plan, store: Store, past: Past, step: Step, states: Mapping[str, str]) -> str:
    """A sentence on what becomes of a step, and why."""
    match states[step.key]:
        case "stored":
            seconds = store.manifest(step.kind, step.key)["provenance"]["seconds"]
            return f"stored: it took {seconds:.1f} s and is reused"
        case "damaged":
            return f"damaged: {_damage(store, step)}; a run that needs it sets it aside and makes it again"
        case "to run":
            return f"not stored: it will run, since {_since(past, step)}"
        case "blocked":
            before = [plan.steps[key] for key in step.inputs.values() if states[key] not in _READY]
            told = joined([f"{found.kind} {found.what} ({states[found.key]})" for found in before])
            return f"blocked: it reads what {told} would make"
        case state:
            reason = (store.failure(step.key) or {}).get("reason", "")
            return f"{state}: {reason}\n  {_again(state)}"


def _damage(store: Store, step: Step) -> str:
    """What is wrong with a stored step, empty where it is whole."""
    try:
        files = store.manifest(step.kind, step.key)["files"]
    except (StoreError, KeyError):
        return "its manifest cannot be read"
    folder = store.folder(step.kind, step.key)
    for name, checksum in files.items():
        if not (folder / name).is_file():
            return f"{name} is missing"
        if sha256_of((folder / name).read_bytes()) != checksum:
            return f"{name} is not as it was written"
    return ""


def _since(past: Past, step: Step) -> str:
    stored = past.nearest(step)
    if stored is None:
        return f"the store has no {step.kind} step"
    return joined(past.causes(step, stored)) or "it was removed"


def _again(state: str) -> str:
    if state == "waiting":
        return "it runs as soon as what it waits for is there, in the next `harness run`"
    return "the next `harness run` tries it again; `harness logs` has what it printed"


def _details(plan: Plan, past: Past, step: Step, states: Mapping[str, str]) -> Iterator[str]:
    """How it differs from the nearest that is stored, and all its ingredients."""
    stored = None if states[step.key] in ("stored", "damaged") else past.nearest(step)
    if stored is not None:
        what = "" if stored.get("what") == step.what else f" {stored.get('what')}"
        yield f"  nearest stored: [{str(stored['key'])[:12]}]{what}, which differs in"
        yield from (f"    {line}" for line in differences(stored["ingredients"], past.described(step)))
    for role, component in step.components.items():
        yield f"  {role}: {component.name}, code {str(identity(component)['code'])[:12]}"
        for option, value in component.model_dump(mode="json").items():
            yield f"    {option}: {value}"
    for name, value in step.params.items():
        yield f"  {name}: {value}"
    for role, key in step.inputs.items():
        yield f"  reads {role}: {plan.steps[key].kind} {plan.steps[key].what} [{key[:12]}]"
