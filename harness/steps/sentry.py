"""Stops a teacher that no longer answers as it did, before its answers are mixed with those of another model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.canaries import Canaries, Canary, Check
from harness.components import Teacher
from harness.errors import TeacherChanged
from harness.identity import digest, identity, seed_from
from harness.sentinel import Sentinel
from harness.steps import rows
from harness.steps.purse import Purse, asking
from harness.terms import Terms
from harness.types import Annotation, Item

Answers = Sequence[tuple[Item, Annotation]]


class Sentry:
    """Asks one teacher about its canaries, once a run. Does nothing where the matrix has no sentinel."""

    def __init__(self, path: Path, terms: Terms, teacher: Teacher, label: str, purse: Purse) -> None:
        self._path = path
        self._terms = terms
        self._teacher = teacher
        self._label = label
        self._purse = purse
        self.facts: dict[str, Any] = {}

    def before(self, known: Answers) -> None:
        """Raises `TeacherChanged` before anything new is asked. Without canaries these are taken from what is known."""
        if (sentinel := self._terms.sentinel) is None:
            return
        canaries = Canaries(self._path)
        try:
            with canaries.alone():
                check = canaries.check(self._terms.run) or self._check(canaries, sentinel, known)
        finally:
            canaries.close()
        if check:
            self._judge(check, sentinel)

    def after(self, new: Answers) -> None:
        """Adopt canaries from new answers where there are too few, and see how steady they are when asked again."""
        if (sentinel := self._terms.sentinel) is None:
            return
        canaries = Canaries(self._path)
        try:
            with canaries.alone():
                lacking = sentinel.items - len(canaries.read())
                if lacking > 0:
                    self._adopt(canaries, self._sample(new, lacking))
        finally:
            canaries.close()

    def _adopt(self, canaries: Canaries, chosen: Answers) -> None:
        if not chosen:
            return
        again = self._ask(canaries, [item for item, _ in chosen])
        adopted = [
            Canary(item, word_of(said), word_of(said) == again[item.id]) for item, said in chosen if item.id in again
        ]
        canaries.adopt(adopted)
        if canaries.check(self._terms.run) is None:
            # The other steps of this run need not ask again.
            own, n = sum(not canary.steady for canary in adopted), len(adopted)
            canaries.checked(self._terms.run, _check(own, n, own, n))

    def _check(self, canaries: Canaries, sentinel: Sentinel, known: Answers) -> Check | None:
        adopted = canaries.read()
        chosen = adopted or [Canary(item, word_of(said), True) for item, said in self._sample(known, sentinel.items)]
        if not chosen:
            return None
        items = [canary.item for canary in chosen]
        now = self._ask(canaries, items)
        if not adopted:
            # Nobody has seen yet how steady the teacher is: today's two answers say so.
            again = self._ask(canaries, items)
            chosen = [
                Canary(canary.item, canary.answer, now[canary.item.id] == again[canary.item.id])
                for canary in chosen
                if canary.item.id in now.keys() & again.keys()
            ]
        answered = [canary for canary in chosen if canary.item.id in now]
        changed = sum(now[canary.item.id] != canary.answer for canary in answered)
        own = sum(not canary.steady for canary in chosen)
        check = _check(changed, len(answered), own, len(chosen))
        canaries.checked(self._terms.run, check)
        if not adopted and not self._beyond(check, sentinel):
            canaries.adopt(chosen)
        return check

    def _ask(self, canaries: Canaries, items: Sequence[Item]) -> dict[str, str]:
        """What is said of them now, in a word each; an error says nothing of a teacher."""

        def keep(said: Annotation) -> None:
            canaries.heard(self._terms.run, said.item_id, rows.said(said))

        answers = asking(self._teacher, items, self._purse, "canaries")
        found = rows.in_order(answers, items, Annotation, self._teacher.name, keep)
        return {said.item_id: word_of(said) for said in found if said.outcome != "error"}

    def _sample(self, answers: Answers, number: int) -> Answers:
        """The same ones of the same answers, whatever their order."""
        usable = sorted(
            ((item, said) for item, said in answers if said.outcome != "error"), key=lambda pair: pair[0].id
        )
        draw = random.Random(seed_from("canaries", digest(identity(self._teacher))))
        return draw.sample(usable, min(number, len(usable)))

    def _beyond(self, check: Check, sentinel: Sentinel) -> bool:
        return check.p < 1 - sentinel.confidence

    def _judge(self, check: Check, sentinel: Sentinel) -> None:
        beyond = self._beyond(check, sentinel)
        if beyond and self._label not in sentinel.accept:
            raise TeacherChanged(
                f"teachers.{self._label} no longer answers as it did: {check.changed} of {check.asked} canaries have"
                f" another answer, and asked twice at once it changes {check.own_changed} of {check.own_asked}"
                f" (Fisher's exact p = {check.p:.2g}, below {1 - sentinel.confidence:.2g})",
                remedy="Nothing new was asked. Give the teacher an option that says which model it is now, so that its"
                f" answers are kept apart, or accept the change:  sentinel: {{accept: [{self._label}]}}",
            )
        self.facts["sentinel"] = {**asdict(check), "beyond": beyond}


def word_of(said: Annotation) -> str:
    """The answer as canaries are compared: its verdict, or the outcome where it has none."""
    return said.verdict or said.outcome


def _check(changed: int, asked: int, own: int, own_asked: int) -> Check:
    from harness.stats import larger

    return Check(changed, asked, own, own_asked, larger(changed, asked, own, own_asked))
