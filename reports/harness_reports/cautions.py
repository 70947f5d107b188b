"""What a run's numbers cannot say, in sentences that are derived from the run."""

from __future__ import annotations

from collections.abc import Iterator

from harness_reports.arms import Arm
from harness_reports.numerals import count
from harness_reports.pairs import stylish
from harness_reports.sections import unread
from harness_reports.seen import Seen

MOST_TOLD = 20
"""Arms with a warning that are told one by one."""


def cautions(seen: Seen) -> tuple[str, ...]:
    """Every threat that the view shows, the gravest first; texts are harmless, not escaped."""
    told = (
        synthetic(seen),
        _unfinished(seen),
        _single(seen),
        *_warned(seen.arms),
        *stylish(seen),
        _open(seen),
        _uncorrected(seen),
        unread(seen.results, seen.arms),
    )
    return tuple(sentence for sentence in told if sentence)


def synthetic(seen: Seen) -> str:
    """That the data are invented; empty where no benchmark says so."""
    names = ", ".join(seen.synthetic)
    return f"Synthetic data ({names}): nothing here is evidence about real news." if names else ""


def _unfinished(seen: Seen) -> str:
    states: dict[str, bool] = {}
    for row in seen.results:
        states[row.text("cell")] = states.get(row.text("cell"), True) and row.text("state") == "done"
    done = sum(states.values())
    if done == len(states):
        return "" if states else "The matrix has no cells yet."
    return f"{count(done)} of {count(len(states))} cells are done; what is said here may change."


def _single(seen: Seen) -> str:
    """A trained arm with one seed says nothing of the next training."""
    names = [arm.name for arm in seen.arms if arm.kind in ("free", "bought", "bound") and arm.row.number("seeds") == 1]
    if not names:
        return ""
    return f"With one seed nothing is known of other trainings: {_some(list(dict.fromkeys(names)))}."


def _some(names: list[str]) -> str:
    more = f" and {count(len(names) - MOST_TOLD)} more" if len(names) > MOST_TOLD else ""
    return "; ".join(names[:MOST_TOLD]) + more


def _warned(arms: tuple[Arm, ...]) -> Iterator[str]:
    warned = [arm for arm in arms if arm.row.text("warnings")]
    for arm in warned[:MOST_TOLD]:
        yield f"{arm.name}, tested on {arm.row.text('evaluated_on')}: {arm.row.text('warnings').rstrip('.')}."
    if len(warned) > MOST_TOLD:
        yield f"{count(len(warned) - MOST_TOLD)} more arms carry a warning."


def _open(seen: Seen) -> str:
    if not any(row.text("verdict") == "inconclusive" for row in seen.contrasts):
        return ""
    return "“Inconclusive” says that this run cannot tell, not that there is no difference."


def _uncorrected(seen: Seen) -> str:
    number = sum(row.text("correction") == "uncorrected" for row in seen.contrasts)
    if not number:
        return ""
    return f"{count(number)} contrasts are exploratory: they were not declared beforehand, and are not corrected."
