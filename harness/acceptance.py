"""What is stored, taken for what changed code would make: for edits that change no output, when a person says so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.components import Teacher
from harness.identity import differences, digest, identity
from harness.plan import Plan, Step
from harness.store import Store


@dataclass(frozen=True, slots=True)
class Accepted:
    """A step that is not stored, and the stored one that differs from it in code alone."""

    step: Step
    stored: str
    """Key of the stored one."""
    changes: tuple[str, ...]
    """The code that differs, as ``role: old → new``; empty where only the steps differ that it reads."""
    ingredients: Mapping[str, Any]
    """The step's own in full; files are read for them, so they are made once."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers that a teacher gave before its code changed."""

    label: str
    old: str
    new: str


def acceptable(plan: Plan, store: Store) -> list[Accepted]:
    """Steps that need not run if changes of code are taken for cosmetic, each after those that it reads.

    Options, files, revisions that were raised on purpose, labels and data are no code: what differs in them runs.
    """
    stored = _stored(store, {step.kind for step in plan.steps.values()})
    became: dict[str, str] = {}
    found = []
    for key, step in plan.steps.items():
        if store.has(step.kind, key):
            continue
        ingredients = step.described()
        wanted = _without_code({**ingredients, "inputs": _before(step.inputs, became)})
        manifest = stored.get(digest(wanted))
        if manifest is not None:
            became[key] = str(manifest["key"])
            changes = tuple(_changes(manifest["ingredients"], ingredients))
            found.append(Accepted(step, became[key], changes, ingredients))
    return found


def _stored(store: Store, kinds: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Manifests by their ingredients without code, the latest of each."""
    manifests = [manifest for kind in kinds for manifest in store.manifests(kind)]
    manifests.sort(key=lambda manifest: float(manifest.get("provenance", {}).get("finished", 0)))
    return {digest(_without_code(manifest["ingredients"])): manifest for manifest in manifests}


def _before(inputs: Mapping[str, str], became: Mapping[str, str]) -> dict[str, str]:
    return {role: became.get(key, key) for role, key in inputs.items()}


def _without_code(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The identities in it without the digests of their sources; a declared revision is a number, and stays."""
    if isinstance(value, Mapping):
        hidden = "class" in value and isinstance(value.get("code"), str)
        return {key: _without_code(part) for key, part in value.items() if not (hidden and key == "code")}
    return [_without_code(part) for part in value] if isinstance(value, list | tuple) else value


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[str]:
    parts = (side.get("components", {}) for side in (old, new))
    return differences(*parts)


def accept(accepted: Iterable[Accepted], store: Store) -> int:
    """Store each once more under its new key; how many there are. The files are shared where the disk can do that."""
    count = 0
    for one in accepted:
        manifest = store.manifest(one.step.kind, one.stored)
        provenance = {**manifest["provenance"], "accepted": {"from": one.stored, "changes": list(one.changes)}}
        source = store.folder(one.step.kind, one.stored)
        with store.writing(one.step.kind, one.step.key) as draft:
            for name in manifest["files"]:
                _share(source / name, draft.folder / name)
            kept = {part: said for part, said in manifest.items() if part not in ("schema", "kind", "key", "files")}
            draft.finish({**kept, "ingredients": one.ingredients, "provenance": provenance})
        store.clear_failure(one.step.key)
        count += 1
    return count


def _share(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def answers_before(accepted: Iterable[Accepted], plan: Plan, store: Store) -> list[Answers]:
    """Journals of the teachers whose steps are accepted."""
    found: dict[str, Answers] = {}
    labels = {key: label for (label, _, _), key in plan.annotations.items()}
    for one in accepted:
        teacher = one.step.components.get("teacher")
        if isinstance(teacher, Teacher):
            stored = store.manifest(one.step.kind, one.stored)["ingredients"]["components"]["teacher"]
            old, new = digest(stored), digest(identity(teacher))
            if old != new and store.has_journal(old):
                found[new] = Answers(labels[one.step.key], old, new)
    return list(found.values())


def take_over(answers: Iterable[Answers], store: Store) -> int:
    """Answers that the teachers need not give again; how many are new to them."""
    new = 0
    for one in answers:
        with store.journal(one.old) as old, store.journal(one.new) as mine:
            new += sum(mine.keep(row) for row in old.rows())
    return new
