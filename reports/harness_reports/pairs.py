"""What was preferred to what: classes, lengths, voices and style of each arm's preference pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import fsum, isnan, nan

from harness_reports.numerals import NONE, count, decimal, percent
from harness_reports.records import Row, mean_of, rows
from harness_reports.section import Section
from harness_reports.seen import Seen
from harness_reports.tables import Cell, Column, Group, Line, Table, exact, label, plain, table

TOLD_APART = 0.7
"""An area whose interval lies above this is warned of."""

Key = tuple[str, float]
"""The arm's name and the place of its training."""

_PAIRS = (
    Column("Arm", numeric=False, wide=True),
    Column("Pairs", help="of a chosen and a rejected answer, mean over seeds"),
    Column("Other image", help="preferences that differ by the image that is shown, mean over seeds"),
    Column("Falsified", help="share of the chosen answers that say falsified, in percent"),
    Column("Words chosen", help="mean words of a chosen rationale"),
    Column("Words rejected", help="mean words of a rejected rationale"),
    Column("Length ratio", help="words of the chosen rationales over those of the rejected ones"),
    Column("Same words", help="share of the pairs that differ by the verdict alone, in percent"),
    Column(
        "Style probe", help="area under the ROC curve of telling chosen from rejected by the words alone; 0.5 is chance"
    ),
    Column("Seeds"),
)
_VOICES = (
    Column("Arm", numeric=False, wide=True),
    Column("Whose words", numeric=False),
    Column("Chosen", help="pairs, mean over seeds"),
    Column("Rejected", help="pairs, mean over seeds"),
    Column("Share chosen", help="of the pairs with these words, in percent; far from 50 a pair is told by its voice"),
)
_EMPTY = "No arm was trained on preferences."


class Pairs(Section):
    name = "pairs"
    title = "Preference pairs"
    link = "Pairs"
    template = "sections/pairs.j2"

    def applies(self, seen: Seen) -> bool:
        return not seen.view.pairs.empty

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {"pairs": pairs(seen), "voices": voices(seen)}


def pairs(seen: Seen) -> Table:
    """A line for each training with preferences, means over seeds."""
    groups = _by_training(rows(seen.view.pairs), seen)
    lines = [_pairs(key, own) for key, own in groups.items()]
    caption = "What the arms prefer to what. The style probe never sees the item nor the verdict."
    return table("pairs-table", caption, _PAIRS, [Group("", tuple(lines))], _EMPTY, tall=len(lines) > 12)


def voices(seen: Seen) -> Table:
    """A line for each teacher whose words are in such pairs."""
    lines = [
        _voice(key, teacher, [row for row in own if row.text("teacher") == teacher])
        for key, own in _by_training(rows(seen.view.voices), seen).items()
        for teacher in dict.fromkeys(row.text("teacher") for row in own)
    ]
    caption = "Whose words are chosen and rejected."
    return table("voices-table", caption, _VOICES, [Group("", tuple(lines))], _EMPTY, tall=len(lines) > 12)


def stylish(seen: Seen) -> Iterator[str]:
    """A sentence for each training whose chosen answers can be told by their words alone."""
    for (name, _), own in _by_training(rows(seen.view.pairs), seen).items():
        low, high = _ends(own)
        if low >= TOLD_APART:
            area = f"area {decimal(mean_of(own, 'style_auroc'), 2)}, {decimal(low, 2)} to {decimal(high, 2)}"
            yield (
                f"{name}: chosen answers can be told from rejected ones by their words alone ({area}),"
                " so that a preference loss may learn a teacher's style and not what is right."
            )


def _by_training(found: Sequence[Row], seen: Seen) -> dict[Key, list[Row]]:
    names = {arm.row.raw("arm"): arm.name for arm in seen.arms}
    groups: dict[Key, list[Row]] = {}
    for row in found:
        groups.setdefault((names.get(row.raw("arm"), row.text("arm")), row.number("training")), []).append(row)
    return groups


def _pairs(key: Key, own: Sequence[Row]) -> Line:
    cells = (
        label(key[0]),
        *(plain(mean_of(own, column), count) for column in ("pairs", "other_image")),
        plain(mean_of(own, "falsified_share"), percent),
        *(plain(mean_of(own, column), _tenth) for column in ("chosen_words", "rejected_words")),
        plain(
            mean_of(own, "length_ratio"), lambda ratio: decimal(ratio, 2), "nothing that is rejected has a rationale"
        ),
        plain(_same(own), percent, "there are no pairs of words"),
        _style(own),
        plain(len({row.raw("seed") for row in own}), count),
    )
    return Line(cells, (("pairs", key[0]), ("training", count(key[1]))))


def _voice(key: Key, teacher: str, own: Sequence[Row]) -> Line:
    chosen, rejected = mean_of(own, "chosen"), mean_of(own, "rejected")
    cells = (
        label(key[0]),
        Cell(teacher or "nobody: a bare verdict", teacher),
        plain(chosen, count),
        plain(rejected, count),
        plain(chosen / (chosen + rejected) if chosen + rejected else nan, percent),
    )
    return Line(cells, (("voice", teacher), ("pairs", key[0]), ("training", count(key[1]))))


def _style(own: Sequence[Row]) -> Cell:
    mean = mean_of(own, "style_auroc")
    if isnan(mean):
        return Cell(NONE, why="not tried: fewer than ten groups of items have pairs whose words differ")
    low, high = _ends(own)
    alerts = ("a teacher's style may be learnt",) if low >= TOLD_APART else ()
    return Cell(decimal(mean, 2), exact(mean), f"{decimal(low, 2)}–{decimal(high, 2)}", alerts=alerts)


def _ends(own: Sequence[Row]) -> tuple[float, float]:
    """The mean interval over seeds: each has pairs of its own."""
    return mean_of(own, "style_auroc_low"), mean_of(own, "style_auroc_high")


def _same(own: Sequence[Row]) -> float:
    pairs = fsum(row.number("pairs") for row in own)
    return fsum(row.number("same_words") for row in own) / pairs if pairs else nan


def _tenth(number: float) -> str:
    return decimal(number, 1)
