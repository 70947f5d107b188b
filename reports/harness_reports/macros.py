"""Every number of the comparison and of the contrasts as a LaTeX macro."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

from harness_reports.arm_lines import ArmLine, Metric, arm_lines
from harness_reports.contrasts import contrasts
from harness_reports.numerals import NONE
from harness_reports.seen import Seen
from harness_reports.tables import Cell, Line
from harness_reports.tex import stem, stems, tex

_METRICS: tuple[str, ...] = get_args(Metric)
_CONTRAST = {"difference": "Difference", "p": "P", "p_holm": "AdjustedP", "detectable": "Detectable", "seeds": "Seeds"}
_NO_INTERVALS = ("", "no interval", "saturated")


def macros(seen: Seen, prefix: str, letters: bool) -> Iterator[str]:
    """``\\newcommand`` lines: arm by metric, then contrast by number; a comment says what each block is about.

    What is unknown is a dash, so that a text compiles while a run is unfinished.
    """
    lines = {line.key: line for panel in seen.panels for line in arm_lines(panel)}
    several = len({on for _, on in lines}) > 1
    called = stems({key: f"{line.name} {key[1] if several else ''}" for key, line in lines.items()})
    for key, line in lines.items():
        yield f"% {tex(line.name, letters)}, tested on {tex(key[1], letters)}"
        yield from (_command(f"{prefix}{called[key]}{name}", text, letters) for name, text in _of_arm(line))
    yield from _contrasts(seen, prefix, called, letters)


def _of_arm(line: ArmLine) -> Iterator[tuple[str, str]]:
    for metric in _METRICS:
        cell = line.cells.get(metric, Cell(NONE))
        yield stem(metric), cell.text
        if cell.note not in _NO_INTERVALS:
            yield f"{stem(metric)}Interval", cell.note


def _contrasts(seen: Seen, prefix: str, called: Mapping[tuple[str, str], str], letters: bool) -> Iterator[str]:
    lines = [line for group in contrasts(seen.contrasts, seen.arms).groups for line in group.lines]
    pairs = [dict(line.about) for line in lines]
    names = stems(
        {
            place: f"{pair['question']} {_called(called, pair, 'arm')} against {_called(called, pair, 'against')}"
            for place, pair in enumerate(pairs)
        }
    )
    for place, line in enumerate(lines):
        yield f"% {tex(pairs[place]['question'], letters)}: {tex(_pair(line), letters)}"
        for name, text in _of_contrast(line):
            yield _command(f"{prefix}{names[place]}{name}", text, letters)


def _called(called: Mapping[tuple[str, str], str], pair: Mapping[str, str], side: str) -> str:
    return called.get((pair[side], pair["on"]), pair[side])


def _pair(line: Line) -> str:
    return f"{line.cells[0].text} against {line.cells[1].text}"


def _of_contrast(line: Line) -> Iterator[tuple[str, str]]:
    cells = {cell.metric: cell for cell in line.cells if cell.metric}
    yield "Verdict", line.cells[2].text
    for metric, name in _CONTRAST.items():
        # Where nothing was corrected, the page says so in words in place of an adjusted p.
        yield name, cells[metric].text if metric in cells else "uncorrected"
    if reach := cells["difference"].note:
        yield "Interval", reach


def _command(name: str, text: str, letters: bool) -> str:
    return rf"\newcommand{{\{name}}}{{{tex(text, letters)}}}"
