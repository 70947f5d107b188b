"""A run beside a remote store: what is there is not done again, and what is done here goes there meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from harness.errors import StoreError
from harness.identity import digest, identity
from harness.plan import Plan, Step
from harness.remote import Away, Remote, name_of
from harness.run import missing
from harness.store import Store

AWAY_S = 60.0
"""A remote that does not answer is left alone for so long."""


class Mirror:
    """What goes wrong while a run goes on is said and ends no run. What could not be pushed is pushed the next time."""

    def __init__(self, remote: Remote, store: Store, say: Callable[[str], None]) -> None:
        self.whole = True
        """Whether all was fetched and pushed that was to be."""
        self._remote = remote
        self._store = store
        self._tell = say
        self._sending = ThreadPoolExecutor(1)
        self._asking = ThreadPoolExecutor(4)
        self._fetching = ThreadPoolExecutor(2)
        self._asked: set[str] = set()
        self._left: list[Callable[[], None]] = []
        self._pushed = 0
        self._fetched: list[str] = []
        self._reason = ""
        self._until = 0.0

    def begin(self, plan: Plan) -> None:
        """Fetch and push before a run, which goes on in any case."""
        try:
            self.fetch(plan)
            self.push(plan)
        except Away as error:
            self._away()
            self._say(f"the run begins without what else is there: {error}")

    def fetch(self, plan: Plan) -> None:
        """Take steps and answers of the plan that are there and not here; what is damaged here is taken anew.

        Raises `Away`.
        """
        missing(plan, self._store, verify=True)
        lacking = {(one.kind, one.key) for one in plan.steps.values() if not self._store.has(one.kind, one.key)}
        teachers, own = teachers_of(plan), name_of(self._store)
        steps = answers = 0
        try:
            for kind, key in sorted(self._remote.steps() & lacking):
                steps += self._taken(partial(self._remote.pull, self._store, kind, key))
            for teacher, source in sorted(self._remote.answers()):
                if teacher in teachers and source != own:
                    answers += self._taken(partial(self._remote.pull_answers, self._store, teacher, source))
        finally:
            self._tell(f"{steps} steps and {answers} answers fetched from {self._remote.name}")

    def _taken(self, take: Callable[[], int]) -> int:
        try:
            return take()
        except Away:
            raise
        except StoreError as error:
            self._say(f"not fetched: {error}")
            return 0

    def push(self, plan: Plan) -> None:
        """Begin to push what is here and not there. Raises `Away`."""
        steps, answers = self._remote.steps(), self._remote.answers()
        for step in plan.steps.values():
            if (step.kind, step.key) not in steps and self._store.has(step.kind, step.key):
                self._send(partial(self._remote.push, self._store, step.kind, step.key))
        known = {teacher for teacher, source in answers if source == name_of(self._store)}
        self._asked |= {teacher for teacher in teachers_of(plan) - known if self._store.has_journal(teacher)}

    def there(self, steps: Sequence[Step]) -> Future[frozenset[str]]:
        """Keys of those of the steps that others have pushed by now; none while the remote is left alone."""
        return self._asking.submit(self._there, steps)

    def _there(self, steps: Sequence[Step]) -> frozenset[str]:
        if self._resting():
            return frozenset()
        try:
            return frozenset(step.key for step in steps if self._remote.has(step.kind, step.key))
        except Away as error:
            self._away()
            self._say(f"not asked for what others have done: {error}")
            return frozenset()

    def take(self, step: Step) -> Future[bool]:
        """Fetch the step; whether it is here then."""
        return self._fetching.submit(self._take, step)

    def _take(self, step: Step) -> bool:
        try:
            if self._taken(partial(self._remote.pull, self._store, step.kind, step.key)):
                self._fetched.append(step.key)
        except Away as error:
            self._away()
            self._say(f"not fetched: {error}")
        # A disk that is full, say, is told of by the step when it is done here.
        except Exception as error:
            self._say(f"not fetched: {error}")
        return self._store.has(step.kind, step.key)

    def done(self, step: Step) -> None:
        """A step was done here."""
        self._send(partial(self._remote.push, self._store, step.kind, step.key))
        if step.kind == "annotate":
            self._asked.add(digest(identity(step.components["teacher"])))

    def _send(self, act: Callable[[], None]) -> None:
        self._sending.submit(self._try, act)

    def _try(self, act: Callable[[], None]) -> None:
        if self._resting():
            self._left.append(act)
            return
        try:
            act()
            self._pushed += 1
        except Away as error:
            self._left.append(act)
            self._reason = str(error)
            self._away()
        # A thread that ends would be silent, and the run goes on in any case.
        except Exception as error:
            self._say(f"not pushed: {error}")

    def _say(self, fault: str) -> None:
        self.whole = False
        self._tell(fault)

    def _away(self) -> None:
        self._until = time.monotonic() + AWAY_S

    def _resting(self) -> bool:
        return time.monotonic() < self._until

    def close(self) -> None:
        """Wait until all is pushed; try once more what was not."""
        for pool in (self._asking, self._fetching):
            pool.shutdown(wait=False, cancel_futures=True)
        for teacher in sorted(self._asked):
            self._send(partial(self._remote.push_answers, self._store, teacher))
        self._sending.shutdown()
        left, self._left, self._until = self._left, [], 0.0
        for act in left:
            self._try(act)
        if self._fetched:
            self._tell(f"{len(self._fetched)} steps fetched meanwhile from {self._remote.name}")
        if self._pushed:
            self._tell(f"{self._pushed} steps and files of answers pushed to {self._remote.name}")
        if self._left:
            self._say(f"{len(self._left)} could not be pushed, and the next run will push them: {self._reason}")


def teachers_of(plan: Plan) -> set[str]:
    """By the digest of their identities, as journals are named."""
    return {digest(identity(teacher)) for teacher in plan.matrix.teachers.values()}
