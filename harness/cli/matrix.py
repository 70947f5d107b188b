"""Commands on a matrix: run, plan, status, explain, report."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import INCOMPLETE, json_flag, matrix_command, out_folder

if TYPE_CHECKING:
    from rich.console import Console

    from harness.plan import Cell, Plan, Step
    from harness.plugins import Registry
    from harness.store import Store


@click.command()
@matrix_command
@out_folder
def run(matrix: Path, store_path: Path, out: Path | None) -> None:
    """Run what is missing, then write tables and reports."""
    from harness import progress, provenance
    from harness.run import run as execute

    plan, store, registry = _prepare(matrix, store_path)
    console = _console()
    with progress.watching(console, store) as watcher:
        outcome = execute(plan, store, plan.matrix.executor, registry, provenance.collect(registry), watcher)
    if outcome.stopped:
        raise KeyboardInterrupt
    files = _write(plan, store, _out_of(matrix, out))
    ran, reused = outcome.count("done"), outcome.count("stored")
    text = f"{ran} steps run, {reused} reused"
    for state in ("failed", "waiting", "blocked"):
        if outcome.count(state):
            text += f", {outcome.count(state)} {state}"
    click.echo(f"{text} in {outcome.seconds:.1f} s")
    for file in files:
        click.echo(f"report: {file} ({len(plan.cells)} cells, {outcome.seconds:.0f} s)")
    if outcome.reasons:
        click.echo(f"incomplete: `harness status {matrix}` says which cells lack what", err=True)
        sys.exit(INCOMPLETE)


@click.command()
@matrix_command
@click.option(
    "--pilot",
    "pilot_items",
    type=click.IntRange(1),
    metavar="N",
    help="Ask each teacher about N items for real and forecast from them; the answers are kept.",
)
@json_flag
def plan(matrix: Path, store_path: Path, pilot_items: int | None, as_json: bool) -> None:
    """Check a matrix and say what running it would take; nothing runs, but for a pilot."""
    from harness.cli.money import Outlay
    from harness.plan import REVISIONS
    from harness.power import ASSUMPTION, outlook
    from harness.run import missing

    plan, store, _ = _prepare(matrix, store_path)
    todo = missing(plan, store, verify=False)
    outlay = Outlay.of(plan, store, todo.values(), pilot_items)
    calls = plan.teacher_calls()
    kinds = {kind: _of_kind(plan.steps.values(), kind) for kind in REVISIONS}
    facts = {
        "cells": len(plan.cells),
        "steps": len(plan.steps),
        "steps_without_sharing": plan.steps_without_sharing(),
        "steps_to_run": len(todo),
        "steps_by_kind": kinds,
        "teacher_calls": sum(calls.values()),
        "teacher_calls_by_teacher": calls,
        **outlay.facts(),
        "labels": {cell.point.cell: cell.budget for cell in plan.cells if cell.budget},
    }
    looked = list(outlook(plan))
    if as_json:
        shown = [{"comparison": str(found), "enough": found.enough, "warning": found.warning} for found in looked]
        click.echo(json.dumps(facts | {"comparisons": shown}, indent=1))
        outlay.end()
        return
    click.echo(f"{facts['cells']} cells from {facts['steps']} steps ({facts['steps_without_sharing']} without sharing)")
    for kind, count in kinds.items():
        click.echo(f"  {kind:<9} {count:>6}   to run {_of_kind(todo.values(), kind):>6}")
    click.echo(f"teacher calls: {facts['teacher_calls']}, if nothing is stored")
    for teacher, count in calls.items():
        click.echo(f"  {teacher}: {count}")
    for line in outlay.lines():
        click.echo(line)
    budgets = sorted({cell.budget for cell in plan.cells if cell.budget})
    if budgets:
        click.echo(f"labels bought per cell: {', '.join(map(str, budgets))} at most")
    if looked:
        click.echo(f"comparisons, assuming {ASSUMPTION}:")
    for found in looked:
        click.echo(f"  {found}" + (f"\n  warning: {found.warning}" if found.warning else ""))
    outlay.end()


def _of_kind(steps: Iterable[Step], kind: str) -> int:
    return sum(step.kind == kind for step in steps)


@click.command()
@matrix_command
@json_flag
@click.option("--watch", is_flag=True, help="Tell again every two seconds until all is done; Ctrl-C ends it.")
def status(matrix: Path, store_path: Path, as_json: bool, watch: bool) -> None:
    """What has become of every cell, who is at which step, and how long the rest may take."""
    from harness.standing import Standing

    plan, store, _ = _prepare(matrix, store_path)
    while True:
        if watch:
            click.clear()
        _tell(plan, store, matrix, as_json)
        if not watch or Standing.of(plan, store).finished:
            return
        time.sleep(WATCH_S)


WATCH_S = 2.0


def _tell(plan: Plan, store: Store, matrix: Path, as_json: bool) -> None:
    from harness.cli.money import asked_of, spent_of
    from harness.results import state_of
    from harness.standing import Standing

    standing = Standing.of(plan, store)
    asked, spent = asked_of(plan, store), spent_of(plan, store)
    states = {cell.point.cell: state_of(plan, store, cell) for cell in plan.cells}
    counts: dict[str, int] = {}
    for state, _ in states.values():
        counts[state] = counts.get(state, 0) + 1
    if as_json:
        cells = [{"cell": cell, "state": state, "reason": reason} for cell, (state, reason) in states.items()]
        asking = {step: {"state": state, "told": told} for step, state, told in asked}
        click.echo(
            json.dumps(
                {"counts": counts, "cells": cells, "asking": asking, "spent": spent.facts(), **standing.facts()},
                indent=1,
            )
        )
        return
    for cell, (state, reason) in states.items():
        click.echo(f"{state:<8} {cell}" + (f"\n         {reason}" if reason else ""))
    for _, state, told in asked:
        click.echo(f"{state:<8} {told}")
    if spent.calls:
        click.echo(spent.line())
    for line in standing.lines():
        click.echo(line)
    click.echo(", ".join(f"{count} {state}" for state, count in sorted(counts.items())) + f" of {len(states)} cells")


@click.command()
@matrix_command
@click.argument("cell")
def explain(matrix: Path, store_path: Path, cell: str) -> None:
    """Why the steps of CELL ran, will run or are reused (CELL as `harness status` names it)."""
    from harness import explain as explaining

    plan, store, _ = _prepare(matrix, store_path)
    for found in _cells(plan, matrix, cell):
        click.echo(f"cell {found.point.cell}")
        for line in explaining.explain(plan, store, found):
            click.echo(_indented(line))


@click.command()
@matrix_command
@click.argument("cell")
def logs(matrix: Path, store_path: Path, cell: str) -> None:
    """What was printed during the steps of CELL, and the tracebacks of those that failed (a cell or an arm)."""
    plan, store, _ = _prepare(matrix, store_path)
    keys = set[str]().union(*(plan.steps_of(found) for found in _cells(plan, matrix, cell)))
    for key, step in plan.steps.items():
        log, failure = store.log(key), store.failure(key)
        if key not in keys or not (log.exists() or failure):
            continue
        click.echo(f"{step.kind} {step.what}  [{key[:12]}]")
        if log.exists():
            click.echo(_indented(log.read_text(encoding="utf-8", errors="replace")))
        if failure:
            click.echo(_indented(f"{failure['state']}: {failure['reason']}\n{failure.get('log', '')}"))


def _indented(text: str) -> str:
    """What a stranger's code printed: without the characters by which it could act on a terminal."""
    plain = "".join(char if char.isprintable() or char in "\n\t" else "�" for char in text.replace("\r", "\n"))
    return "\n".join(f"  {line}" for line in plain.rstrip().splitlines())


def _cells(plan: Plan, matrix: Path, name: str) -> list[Cell]:
    from harness import explain as explaining
    from harness.errors import HarnessError
    from harness.loading import did_you_mean

    cells = explaining.find(plan, name)
    if not cells:
        names = [found.point.cell for found in plan.cells]
        raise HarnessError(
            f"no cell is called {name!r}{did_you_mean(name, names)}", remedy=f"`harness status {matrix}` lists them."
        )
    return cells


@click.command()
@matrix_command
@out_folder
@click.option("--redact", is_flag=True, help="Leave out all that people wrote or photographed; names and numbers stay.")
def report(matrix: Path, store_path: Path, out: Path | None, redact: bool) -> None:
    """Write tables and reports from what is stored, also in the middle of a run."""
    plan, store, _ = _prepare(matrix, store_path)
    # A folder of its own: what an earlier report left in the other one is not redacted.
    folder = out or Path("runs") / f"{matrix.stem}-redacted" if redact else _out_of(matrix, out)
    for file in _write(plan, store, folder, redacted=redact):
        click.echo(f"report: {file}")


def _prepare(matrix: Path, store_path: Path) -> tuple[Plan, Store, Registry]:
    from harness import planning
    from harness.plugins import Registry
    from harness.reading import load
    from harness.store import Store

    registry = Registry.installed()
    return planning.make(load(matrix, registry)), Store(store_path), registry


def _out_of(matrix: Path, out: Path | None) -> Path:
    return out or Path("runs") / matrix.stem


def _write(plan: Plan, store: Store, out: Path, *, redacted: bool = False) -> list[Path]:
    """The record of the run, tables as CSV, then every report; the first file of each report."""
    from harness import record
    from harness.diagnosis import view
    from harness.publication import publish
    from harness.redaction import redact
    from harness.store import write_text

    seen = redact(view(plan, store)) if redacted else view(plan, store)
    out.mkdir(parents=True, exist_ok=True)
    if not redacted:
        write_text(out / record.FILE, record.written(plan))
    return [files[0] for files in publish(seen, plan.matrix.reports, out).values() if files]


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True)


COMMANDS = (run, plan, status, explain, logs, report)
