"""Which steps are ready, in the order of the cells that need them, and which can be done as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from math import ceil
from typing import NamedTuple

from harness.pace import Pace, sort_of
from harness.plan import Step
from harness.resources import Resources
from harness.work import at_once, resources_of

Group = tuple[str, ...]
"""What steps must have in common to be sent to a worker together."""


class Queue(NamedTuple):
    """Steps that are ready, take the same of a machine, and can be sent together."""

    group: Group
    resources: Resources


class Agenda:
    """Steps that are still to be done. An input that is none of them is there."""

    def __init__(self, steps: Mapping[str, Step]) -> None:
        """``steps`` in the order in which they are wanted, each after its inputs."""
        self.pace = Pace()
        self._steps = dict(steps)
        self._places = {key: place for place, key in enumerate(steps)}
        self._lacks = {key: steps.keys() & set(step.inputs.values()) for key, step in steps.items()}
        self._users: defaultdict[str, list[str]] = defaultdict(list)
        for key, inputs in self._lacks.items():
            for upstream in inputs:
                self._users[upstream].append(key)
        self._queues: dict[Queue, list[tuple[int, str]]] = {}
        for key, inputs in self._lacks.items():
            if not inputs:
                self._put(key, _group(steps[key]))

    def _put(self, key: str, group: Group) -> None:
        queue = Queue(group, resources_of(self._steps[key]))
        heappush(self._queues.setdefault(queue, []), (self._places[key], key))

    def take(self, free: int, room: Callable[[Resources], bool]) -> list[Step]:
        """The first step that is ready and has room, with others to be sent with it; empty where there is none.

        A step for which there is no room is not overtaken by one that takes devices as it does, so that a large one
        gets its turn. No more is taken than a worker's share, so that ``free`` workers all get something to do.
        """
        blocked = False
        for queue in sorted(self._queues, key=lambda found: self._queues[found][0]):
            wanted = queue.resources
            if wanted.gpus and blocked:
                continue
            if room(wanted):
                return self._off(queue, free)
            if not wanted.gpus:
                return []
            blocked = True
        return []

    def _off(self, queue: Queue, free: int) -> list[Step]:
        waiting = self._queues[queue]
        share = ceil(len(waiting) / free)
        taken = [self._steps[heappop(waiting)[1]]]
        joint = at_once(taken[0])
        most = min(joint if joint > 1 else self.pace.worth(taken[0]), share)
        while len(taken) < most and (joint > 1 or sort_of(self._steps[waiting[0][1]]) == sort_of(taken[0])):
            taken.append(self._steps[heappop(waiting)[1]])
        if not waiting:
            del self._queues[queue]
        return taken

    @property
    def ready(self) -> bool:
        """Whether a step only lacks room."""
        return bool(self._queues)

    def again(self, step: Step) -> None:
        """Take it once more, and alone."""
        self._put(step.key, (step.key,))

    def back(self, step: Step) -> None:
        """It was not begun."""
        self._put(step.key, _group(step))

    def done(self, key: str) -> None:
        """Its output is there."""
        for user in self._users[key]:
            self._lacks[user].discard(key)
            if not self._lacks[user]:
                self._put(user, _group(self._steps[user]))

    def drop(self, key: str) -> list[str]:
        """Its output will not be there: the steps that can no longer be done, each said once."""
        lost: list[str] = []
        for user in self._users.pop(key, ()):
            if self._steps.pop(user, None) is not None:
                lost += [user, *self.drop(user)]
        return lost


def _group(step: Step) -> Group:
    """Trainings of one student on one benchmark, whose items are shared; of other kinds, steps of one sort."""
    if step.kind != "train":
        return sort_of(step)
    components = step.ingredients["components"]
    return (components["student"], components["benchmark"])
