"""What the teachers of a panel voted, as a table that neither names nor order change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.api import Confusion, DataError, Estimate, LabelModel, Panel, Verdict

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CODES: Mapping[Verdict | None, int] = {"pristine": 0, "falsified": 1, None: -1}


@dataclass(frozen=True, slots=True)
class Votes:
    """Items that a teacher answered or whose true verdict is given; 1 is falsified, 0 pristine, -1 no answer."""

    teachers: tuple[str, ...]
    items: tuple[str, ...]
    said: Ints
    """(N, T)"""
    known: Ints
    """The true verdicts (N,)."""

    @classmethod
    def of(cls, panel: Panel, gold: Mapping[str, Verdict]) -> Votes:
        """``gold`` counts as far as it is about the panel's items."""
        items = tuple(item_id for item_id in panel.items if item_id in gold or panel.answers(item_id))
        said = [[CODES[panel.by(teacher, item_id).verdict] for teacher in panel.teachers] for item_id in items]
        known = [CODES[gold.get(item_id)] for item_id in items]
        table = np.array(said, dtype=np.int64).reshape(len(items), len(panel.teachers))
        return cls(panel.teachers, items, table, np.array(known, dtype=np.int64))

    def estimate(self, p: Floats, right: Floats | None = None) -> Estimate:
        """From p_falsified (N,) and how often each teacher is right (T, 2) on pristine and on falsified items."""
        truth = np.where(self.known < 0, p, self.known)
        confusion = {} if right is None else dict(zip(self.teachers, map(_confusion, right), strict=True))
        return Estimate(dict(zip(self.items, map(float, truth), strict=True)), confusion)


def _confusion(right: Floats) -> Confusion:
    return Confusion(pristine=float(right[0]), falsified=float(right[1]))


def refuse_too_few(model: LabelModel, votes: Votes) -> None:
    """Raises `DataError` where there is nothing to go by, or too few teachers and no true verdict of either kind."""
    if not (votes.said >= 0).any():
        raise DataError("no teacher answered about any item", place=model.name)
    anchored = {0, 1} <= set(votes.known.tolist())
    least = model.min_teachers_with_gold if anchored else model.min_teachers
    if (count := len(votes.teachers)) < least:
        raise DataError(
            f"needs {least} teachers{'' if anchored else ' where true verdicts of both kinds are not given'}, and there"
            f" {'is 1' if count == 1 else f'are {count}'}: where they differ it could only guess who is right",
            place=model.name,
            remedy="Add teachers, or take  majority  and say what becomes of ties.",
        )
