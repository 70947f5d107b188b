"""What a trained model says of new items: predict."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from harness.cli.options import INCOMPLETE, store_option
from harness.plain import printable

if TYPE_CHECKING:
    from harness.components import Benchmark
    from harness.judgements import Judgement
    from harness.plugins import Registry
    from harness.store import Store
    from harness.trained import Trained
    from harness.types import Prediction

EVERY_S = 10.0
"""Seconds between two lines of progress where there is no terminal."""

MOST_FAULTS = 10


@click.command()
@store_option
@click.option("--matrix", type=click.Path(path_type=Path, dir_okay=False), help="Matrix of which MODEL is an arm.")
@click.option("--seed", type=int, help="Which of the arm's seeds, where it has several.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Table that is written, CSV or JSONL.  [default: beside ITEMS]",
)
@click.option("--reader", default="table", show_default=True, help="Benchmark whose option `file` ITEMS is.")
@click.option("--read", multiple=True, metavar="NAME=VALUE", help="Option of the reader, such as caption=text.")
@click.option("--with", "given", multiple=True, metavar="NAME=VALUE", help="Option of the student on this machine.")
@click.argument("model")
@click.argument("items", type=click.Path(path_type=Path, dir_okay=False))
def predict(
    model: str,
    items: Path,
    store_path: Path,
    matrix: Path | None,
    seed: int | None,
    out: Path | None,
    reader: str,
    read: tuple[str, ...],
    given: tuple[str, ...],
) -> None:
    """Let MODEL judge ITEMS, a table of captions with their images: verdict, probability of falsified, and reasons.

    MODEL is a folder that `harness export` wrote, one of the store, or with --matrix the name of an arm.

    What was answered is kept: called again, it goes on where it was stopped, and asks about new and changed rows
    only. A row that cannot be used is told with its line, and stands in the table as an error.

    Ends with 3 where there are errors.
    """
    from harness.judgements import Sheet
    from harness.judging import check_parts, judge
    from harness.plugins import Registry
    from harness.store import Store

    registry, store = Registry.installed(), Store(store_path)
    sheet = Sheet(out or items.with_name(f"{items.stem}-judged.csv"))
    benchmark = _reader(registry, reader, items, read)
    trained = _trained(model, matrix, seed, given, registry, store)
    check_parts(trained, benchmark)
    for note in trained.notes:
        click.echo(f"note: {note}", err=True)
    watch = Watch()
    found = judge(trained, benchmark.posts(), sheet, store, watch.begin, watch.said)
    _tell(found, sheet.path)


def _reader(registry: Registry, name: str, items: Path, read: Sequence[str]) -> Benchmark:
    import json

    from harness import lookup
    from harness.components import Benchmark

    return cast(
        Benchmark, lookup.make(registry.find("benchmark", name), [f"file={json.dumps(str(items))}", *read], "--read")
    )


def _trained(
    model: str, matrix: Path | None, seed: int | None, given: Sequence[str], registry: Registry, store: Store
) -> Trained:
    from harness import lookup, planning, reading, trained
    from harness.errors import HarnessError

    if matrix is None:
        if seed is not None:
            raise HarnessError("--seed is for an arm", remedy="Name its matrix by  --matrix matrix.yaml .")
        return trained.of_folder(Path(model), registry, lookup.values_of(given, "--with"))
    if given:
        raise HarnessError("--with is for a folder", remedy=f"Options of an arm's student stand in {matrix}.")
    plan = planning.make(reading.load(matrix, registry))
    return trained.of_cell(plan, store, trained.cell_of(plan, model, seed))


class Watch:
    """Says on one line how far it is: again and again on a terminal, now and then elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._total = self._done = 0
        self._start = self._last = time.monotonic()

    def begin(self, asked: int, known: int) -> None:
        self._total, self._start = asked, time.monotonic()
        click.echo(f"{asked} items to judge, {known} judged before", err=True)

    def said(self, _: Prediction) -> None:
        self._done += 1
        now, last = time.monotonic(), self._done == self._total
        if last or now - self._last >= (0.2 if self._live else EVERY_S):
            self._last = now
            rate = self._done / max(now - self._start, 1e-9)
            left = (self._total - self._done) / rate
            line = f"[{self._done}/{self._total}] {rate:.1f} a second" + ("" if last else f", about {left:.0f} s left")
            click.echo(f"\r\x1b[K{line}" if self._live else line, nl=last or not self._live, err=True)


def _tell(found: Sequence[Judgement], path: Path) -> None:
    """Counts, the first faults, and where the table is."""
    faults = [row for row in found if row.outcome == "error"]
    for row in faults[:MOST_FAULTS]:
        told = f"{row.id}: {row.text}" if row.id else row.text
        click.echo("error: " + printable(told, kept="\n"), err=True)
    if len(faults) > MOST_FAULTS:
        click.echo(f"and {len(faults) - MOST_FAULTS} more errors, which stand in the table", err=True)
    counts = Counter(row.verdict or row.outcome for row in found)
    said = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    click.echo(f"judged: {path} ({len(found)} rows: {said})")
    if faults:
        sys.exit(INCOMPLETE)


COMMANDS = (predict,)
