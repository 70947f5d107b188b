"""Two runs beside each other: everything that differs, as facts and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

from harness.changes import Change, changes, remade
from harness.moves import SAME, Move, Side, moves, scored
from harness.plan import REVISIONS
from harness.record import Run

MOST_LINES = 30
"""Lines of one paragraph of the text; the facts have all."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is the same in two runs, and what is not."""

    a: Side
    b: Side
    changes: Sequence[Change]
    remade: Sequence[str]
    """Steps of the same key whose stored files differ."""
    moves: Sequence[Move]

    def only(self, side: Side, other: Side) -> list[str]:
        """Cells of one side that the other does not have."""
        theirs = {cell.point.cell for cell in other.run.plan.cells}
        return [cell.point.cell for cell in side.run.plan.cells if cell.point.cell not in theirs]

    def steps(self) -> dict[str, dict[str, int]]:
        """Per kind of step: how many both have, and how many one has alone."""
        mine, theirs = self.a.run.plan.steps, self.b.run.plan.steps
        every = {**mine, **theirs}
        return {
            kind: {
                "both": sum(every[key].kind == kind for key in mine.keys() & theirs.keys()),
                "a_only": sum(every[key].kind == kind for key in mine.keys() - theirs.keys()),
                "b_only": sum(every[key].kind == kind for key in theirs.keys() - mine.keys()),
            }
            for kind in REVISIONS
        }

    def facts(self) -> dict[str, Any]:
        """All of it as a JSON value; unknown numbers are null."""
        return {
            **{
                name: {"run": side.run.name, "store": str(side.run.store.root), "cells": side.states}
                for name, side in (("a", self.a), ("b", self.b))
            },
            "steps": self.steps(),
            "changes": [asdict(change) for change in self.changes],
            "remade": list(self.remade),
            "cells_in_a_only": self.only(self.a, self.b),
            "cells_in_b_only": self.only(self.b, self.a),
            "arms": [{name: _known(value) for name, value in asdict(move).items()} for move in self.moves],
        }

    def told(self) -> Iterator[str]:
        """All of it as lines of text, without the arms that cannot have moved."""
        for name, side in (("A", self.a), ("B", self.b)):
            states = ", ".join(f"{count} {state}" for state, count in side.states.items()) or "no"
            yield f"{name}  {side.run.name} in {side.run.store.root}: {states} cells"
            if "done" not in side.states:
                yield "   Nothing of it is stored. Where the code changed since it ran, name the folder of its tables."
        yield ""
        yield from self._identities()
        for name, one, other in (("A", self.a, self.b), ("B", self.b, self.a)):
            if cells := self.only(one, other):
                yield f"cells in {name} only: {len(cells)}"
                arms = Counter(cell.point.arm for cell in one.run.plan.cells if cell.point.cell in set(cells))
                yield from _most([f"  {arm}" + (f", {seeds} seeds" * (seeds > 1)) for arm, seeds in arms.items()])
                yield ""
        yield from self._arms()

    def _identities(self) -> Iterator[str]:
        steps = self.steps()
        if not any(counts["a_only"] or counts["b_only"] for counts in steps.values()):
            yield "identity: all steps are the same"
        else:
            yield f"{'identity':<11}in both  in A only  in B only"
            for kind, counts in steps.items():
                yield f"  {kind:<9}{counts['both']:>7}{counts['a_only']:>11}{counts['b_only']:>11}"
                yield from _most([f"    {change}" for change in self.changes if change.kind == kind])
        if self.remade:
            yield f"the same steps with other output in the two stores: {len(self.remade)}, not reproduced"
            yield from _most([f"  {what}" for what in self.remade])
        yield ""

    def _arms(self) -> Iterator[str]:
        tested = [move for move in self.moves if move.tested]
        if tested:
            yield f"accuracy, B minus A in points with 95 % intervals; Holm over {len(tested)}"
            width = max(len(_name(move)) for move in tested)
            for move in sorted(tested, key=lambda move: move.p_holm if move.p_holm == move.p_holm else 2.0):
                yield f"  {_name(move):<{width}}  {_difference(move)}"
        missing = [move for move in self.moves if not move.tested and move.verdict != SAME]
        if missing:
            yield f"not compared: {len(missing)} arms"
            yield from _most([f"  {_name(move)}: {move.verdict}" for move in missing])
        same = sum(move.verdict == SAME for move in self.moves)
        moved = sum(move.verdict in ("better", "worse") for move in tested)
        yield (
            f"{len(self.moves)} arms in both: {same} with the very same answers, "
            f"{moved} moved beyond chance, {len(tested) - moved} inconclusive"
            + (f", {len(missing)} without a result" if missing else "")
        )


def compared(a: Run, b: Run) -> Comparison:
    """Both runs, scored by what is stored of them now."""
    mine, theirs = scored(a), scored(b)
    return Comparison(mine, theirs, changes(a, b), remade(a, b), moves(mine, theirs))


def _name(move: Move) -> str:
    return f"{move.arm} on {move.evaluated_on}"


def _difference(move: Move) -> str:
    """``70.0 → 75.0  +5.0 [+1.2, +8.8]  better, adjusted p 0.012; 3 seeds, paired``."""
    reach = "" if isnan(move.low) else f" [{100 * move.low:+.1f}, {100 * move.high:+.1f}]"
    p = "" if isnan(move.p_holm) else f", adjusted p {'< 0.001' if move.p_holm < 0.001 else f'{move.p_holm:.3f}'}"
    seeds = f"{move.seeds} seed{'s' * (move.seeds != 1)}, {'paired' if move.paired else 'not paired'}"
    least = (
        f"; could show {100 * move.detectable:.1f}" if move.verdict == "inconclusive" and move.detectable > 0 else ""
    )
    levels = f"{100 * move.accuracy_a:.1f} → {100 * move.accuracy_b:.1f}"
    return f"{levels:<15}{100 * move.difference:+.1f}{reach}  {move.verdict}{p}; {seeds}{least}"


def _most(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"  and {len(lines) - MOST_LINES} more, which --json lists"


def _known(value: object) -> object:
    return None if isinstance(value, float) and isnan(value) else value
