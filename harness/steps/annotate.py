"""Teacher, items → annotations. Each answer is journalled as it comes, so that none is asked for twice."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from harness.accounts import Accounts
from harness.asking import Asking, State
from harness.components import Benchmark, Teacher
from harness.errors import Unanswered, UnreadableImage
from harness.identity import digest, identity, sha256_of
from harness.journal import Journal
from harness.plan import Step
from harness.steps import rows
from harness.steps.bench import StepBench
from harness.steps.purse import Purse, asking
from harness.steps.sentry import Sentry
from harness.store import Store
from harness.types import OUTCOMES, Annotation, Item

# In so many runs is an item asked about whose errors another try might mend.
MOST_TRIES = 3

# How often a worker says how far it is.
TELL_S = 1.0

# What a server says of an answer is a stranger's text.
_MOST_SAID, _LONGEST_SAID = 20, 200


def annotate(step: Step, store: Store, bench: StepBench) -> Mapping[str, Any]:
    """Ask only about what the journal does not answer."""
    terms = bench.terms
    items = cast(Benchmark, step.components["benchmark"]).items(step.params["split"])
    teacher = cast(Teacher, step.components["teacher"])
    who = digest(identity(teacher))
    label = terms.teachers.get(step.key, teacher.name)
    with store.journal(who) as journal, store.accounts() as accounts, Purse(accounts, terms, label, step.what) as purse:
        known = answered(journal, teacher, items)
        asked = [item for item in items if item.id not in known]
        sentry = Sentry(store.canaries(who), terms, teacher, label, purse)
        if asked:
            sentry.before([(item, known[item.id]) for item in items if item.id in known])
        progress = Asking.of(step.key, label, step.what, len(items), len(known), time.time())
        new = ask(teacher, asked, journal, purse, accounts, progress)
        sentry.after([(item, new[item.id]) for item in asked])
    found = known | new
    rows.write(bench.out / rows.FILES["annotate"], [found[item.id] for item in items])
    return {"items": len(items), "asked": len(asked), **_totals(found.values()), **sentry.facts}


def answered(journal: Journal, teacher: Teacher, items: Iterable[Item]) -> dict[str, Annotation]:
    """What the journal has of the items, by item id."""
    contents = {item.id: content(item, teacher.reads()) for item in items}
    kept = journal.read(contents.values())
    return {
        item_id: replace(rows.annotation(kept[key]), item_id=item_id)
        for item_id, key in contents.items()
        if key in kept
    }


def ask(
    teacher: Teacher, asked: Sequence[Item], journal: Journal, purse: Purse, accounts: Accounts, progress: Asking
) -> dict[str, Annotation]:
    """New answers by item id, each kept and counted as it comes."""
    if not asked:
        return {}
    contents = {item.id: content(item, teacher.reads()) for item in asked}
    passing: list[Annotation] = []
    told = 0.0

    def keep(said: Annotation) -> None:
        nonlocal told
        now, key = time.time(), contents[said.item_id]
        if said.outcome != "error":
            seconds, audit = now - progress.updated, _bounded(said.audit)
            journal.add(key, rows.said(said), seconds=seconds, audit=audit, paid=said.usage.usd > 0)
        # What failed is no answer: it is asked again when its step runs again.
        elif journal.fail(key, rows.said(said)) < MOST_TRIES and said.again:
            passing.append(said)
        progress.count(said, now)
        if now - told >= TELL_S:
            told = now
            accounts.tell(progress)

    accounts.tell(progress)
    ended: State = "stopped"
    try:
        found = rows.in_order(asking(teacher, asked, purse, "items"), asked, Annotation, teacher.name, keep)
        if passing:
            raise _unanswered(passing, len(asked))
        ended = "done"
    finally:
        progress.state = ended
        accounts.tell(progress)
    return {said.item_id: said for said in found}


def _unanswered(errors: Sequence[Annotation], asked: int) -> Unanswered:
    reason = f": {errors[0].rationale:.200}" if errors[0].rationale else ""
    return Unanswered(
        f"{len(errors)} of {asked} items ended in errors that may pass, first {errors[0].item_id!r}{reason}",
        remedy=f"Run again: only these are asked about again. What fails in {MOST_TRIES} runs is an error for good.",
    )


def _totals(found: Iterable[Annotation]) -> dict[str, Any]:
    annotations = list(found)
    outcomes = [said.outcome for said in annotations]
    return {
        "calls": sum(said.usage.calls for said in annotations),
        "input_tokens": sum(said.usage.input_tokens for said in annotations),
        "output_tokens": sum(said.usage.output_tokens for said in annotations),
        "usd": sum(said.usage.usd for said in annotations),
        "outcomes": {outcome: outcomes.count(outcome) for outcome in OUTCOMES},
    }


def _bounded(audit: Mapping[str, Any]) -> dict[str, str | float]:
    """What of it is text or a number, and not too much of that."""
    found: dict[str, str | float] = {}
    for name, value in list(audit.items())[:_MOST_SAID]:
        plain = isinstance(value, int) or (isinstance(value, float) and abs(value) < float("inf"))
        found[str(name)[:_LONGEST_SAID]] = value if plain else str(value)[:_LONGEST_SAID]
    return found


def content(item: Item, reads: frozenset[str]) -> str:
    """Digest of all of an item that a teacher which reads these parts can see."""
    seen: dict[str, object] = {
        "caption": item.caption,
        "evidence": [item.evidence.entities, item.evidence.captions],
    }
    if "image" in reads and item.image is not None:
        try:
            seen["image"] = item.image.sha256()
        except UnreadableImage:
            seen["image"] = "unreadable"
    for name in sorted(item.features):
        if f"features.{name}" in reads:
            seen[f"features.{name}"] = sha256_of(item.features[name].tobytes())
    return digest(seen)
