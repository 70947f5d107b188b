"""Why a step ran or was reused: its ingredients, and how they differ from the nearest that is stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.identity import differences, identity
from harness.plan import Cell, Plan, Step
from harness.store import Store


def find(plan: Plan, name: str) -> list[Cell]:
    """The cell of that name, or all cells of the arm of that name."""
    return [cell for cell in plan.cells if name in (cell.point.cell, cell.point.arm)]


def explain(plan: Plan, store: Store, cell: Cell) -> Iterator[str]:
    """Lines of text, a paragraph per step in the order in which they run."""
    keys, users = plan.steps_of(cell), plan.users()
    for key, step in plan.steps.items():
        if key in keys:
            yield from _explain_step(plan, store, step, users[key])


def _explain_step(plan: Plan, store: Store, step: Step, users: int) -> Iterator[str]:
    """What is stored of a step, or why nothing is."""
    yield f"{step.kind} {step.what}  [{step.key[:12]}], shared by {users} cell{'s' * (users != 1)}"
    if store.has(step.kind, step.key):
        seconds = store.manifest(step.kind, step.key)["provenance"]["seconds"]
        yield f"  stored: it took {seconds:.1f} s and is reused"
    else:
        failure = store.failure(step.key)
        yield f"  {failure['state']}: {failure['reason']}" if failure else "  not stored: it will run"
        yield from _nearest(store, step)
    for role, component in step.components.items():
        yield f"  {role}: {component.name}, code {str(identity(component)['code'])[:12]}"
        for option, value in component.model_dump(mode="json").items():
            yield f"    {option}: {value}"
    for name, value in step.params.items():
        yield f"  {name}: {value}"
    for role, key in step.inputs.items():
        yield f"  reads {role}: {plan.steps[key].kind} {plan.steps[key].what} [{key[:12]}]"


def _nearest(store: Store, step: Step) -> Iterator[str]:
    """The stored step of this kind with the fewest differences, and these differences."""
    described = step.described()
    candidates: list[tuple[int, str, list[str]]] = []
    for manifest in store.manifests(step.kind):
        stored: dict[str, Any] = manifest.get("ingredients", {})
        found = list(differences(stored, described))
        candidates.append((len(found), str(manifest["key"]), found))
    if candidates:
        _, key, found = min(candidates)
        yield f"  nearest stored: [{key[:12]}], which differs in"
        yield from (f"    {line}" for line in found)
