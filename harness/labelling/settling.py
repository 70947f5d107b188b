"""Several people's judgements → rows for the file of labels; where they conflict, only what was settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.given import Given
from harness.labelling.checking import Judgement
from harness.types import Verdict

Way = Literal["majority", "first"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """An item about which people differ."""

    item_id: str
    sides: Sequence[Given]
    """Every judgement of it, earlier ones first."""

    def votes(self) -> str:
        """Who says what, in words."""
        return "; ".join(f"{one.annotator or 'somebody'}: {one.verdict}" for one in self.sides)


@dataclass(slots=True)
class Settled:
    """What is to be added to the file of labels, and what is not."""

    rows: list[Given] = field(default_factory=list)
    items: int = 0
    """Items that these rows give a label, or another one."""
    known: int = 0
    """Judgements that were there already."""
    decided: list[Conflict] = field(default_factory=list)
    open: list[Conflict] = field(default_factory=list)


def settle(
    before: Sequence[Given],
    judgements: Iterable[Judgement],
    own: Mapping[str, Verdict],
    way: Way | None,
    decisions: Mapping[str, Given],
    now: str,
) -> Settled:
    """Item by item, in the order in which they are first judged.

    ``own`` are labels that the data have themselves; ``decisions`` those of people who looked at conflicts.
    """
    earlier = _by_item(before)
    settled = Settled()
    for item_id, new in _by_item(judgement.given for judgement in judgements).items():
        old = earlier.get(item_id, [])
        fresh = _unknown(old, new)
        settled.known += len(new) - len(fresh)
        if fresh and item_id in own:
            # They say what the data say: there is nothing to add.
            settled.known += len(fresh)
        elif fresh:
            _add(settled, old, fresh, way, decisions.get(item_id), now)
    _overrule(settled, earlier, decisions)
    return settled


def _overrule(settled: Settled, earlier: Mapping[str, Sequence[Given]], decisions: Mapping[str, Given]) -> None:
    """Somebody may decide otherwise than it was settled before, with nothing new being said."""
    judged = {row.item_id for row in settled.rows}
    for item_id, decision in decisions.items():
        if item_id not in judged and _standing(earlier.get(item_id, ())) not in (None, decision.verdict):
            settled.rows.append(decision)
            settled.items += 1


def _add(
    settled: Settled, old: Sequence[Given], fresh: Sequence[Given], way: Way | None, decision: Given | None, now: str
) -> None:
    standing = _standing(old)
    said = {one.verdict for one in fresh} | ({standing} if standing else set())
    if len(said) == 1:
        settled.rows += fresh
        settled.items += standing is None
        return
    conflict = Conflict(fresh[0].item_id, [*(one for one in old if not one.settled), *fresh])
    row = decision or _decided(conflict, way, now)
    if row is None:
        settled.open.append(conflict)
        return
    settled.rows += [*fresh, row]
    settled.items += row.verdict != standing
    settled.decided.append(conflict)


def _decided(conflict: Conflict, way: Way | None, now: str) -> Given | None:
    """The row that settles it; None where the way does not: nobody chose one, or as many say the one as the other."""
    if way is None:
        return None
    verdict: Verdict = conflict.sides[0].verdict
    if way == "majority":
        counts = Counter(one.verdict for one in conflict.sides).most_common()
        if len(counts) > 1 and counts[0][1] == counts[1][1]:
            return None
        verdict = counts[0][0]
    return Given(conflict.item_id, verdict, time=now, settled=way)


def _standing(rows: Iterable[Given]) -> Verdict | None:
    """The label that an item has by earlier rows."""
    found: Verdict | None = None
    for row in rows:
        found = row.verdict if row.settled or found is None else found
    return found


def _unknown(old: Iterable[Given], new: Iterable[Given]) -> list[Given]:
    """Those that say something that the same person has not said of the item before."""
    seen = {(one.annotator, one.verdict) for one in old if not one.settled}
    fresh: list[Given] = []
    for one in new:
        if (one.annotator, one.verdict) not in seen:
            seen.add((one.annotator, one.verdict))
            fresh.append(one)
    return fresh


def decisions_of(judgements: Iterable[Judgement]) -> dict[str, Given]:
    """What people decided about conflicts, as rows that settle them; the last decision about an item counts."""
    return {
        judgement.given.item_id: replace(judgement.given, settled=f"by {judgement.given.annotator}")
        for judgement in judgements
    }


def _by_item(rows: Iterable[Given]) -> dict[str, list[Given]]:
    found: dict[str, list[Given]] = {}
    for row in rows:
        found.setdefault(row.item_id, []).append(row)
    return found
