"""Commands that carry a matrix out: run, plan, report."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import INCOMPLETE, json_flag, matrix_command, out_folder, remote_option
from harness.cli.plans import prepared

if TYPE_CHECKING:
    from rich.console import Console

    from harness.plan import Plan, Step
    from harness.store import Store


@click.command()
@matrix_command
@out_folder
@remote_option
def run(matrix: Path, store_path: Path, out: Path | None, remote: str | None) -> None:
    """Run what is missing, then write tables and reports."""
    from harness import nursery

    # It imports what workers need while this process does so and plans.
    nursery.warm()

    from harness import progress, provenance
    from harness.cli import ablation
    from harness.cli.distance import mirrored
    from harness.inspected import alarms, found_in
    from harness.labelling.wanted import told, wanted
    from harness.run import run as execute

    plan, store, registry = prepared(matrix, store_path)
    for line in ablation.told(plan):
        click.echo(line)
    console = _console()
    with mirrored(remote, plan, store) as beside, progress.watching(console, store) as shown:
        outcome = execute(plan, store, plan.matrix.executor, registry, provenance.collect(registry), shown, beside)
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
    for line in alarms(found_in(plan, store)):
        click.echo(line, err=True)
    if outcome.reasons:
        # What waits and buys labels waits for these; anything else is told by the status.
        buyers = {key for key in outcome.reasons if "budget" in plan.steps[key].params}
        unlabelled = {key for key in buyers if outcome.states[key] == "waiting"}
        if unlabelled:
            click.echo(told(wanted(plan, store), str(matrix)), err=True)
        if outcome.reasons.keys() - unlabelled:
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
    from harness.cli import ablation
    from harness.cli.money import Outlay
    from harness.plan import REVISIONS
    from harness.power import ASSUMPTION, outlook
    from harness.run import missing

    plan, store, _ = prepared(matrix, store_path)
    todo = missing(plan, store, verify=False)
    outlay = Outlay.of(plan, store, todo.values(), pilot_items)
    calls = plan.teacher_calls()
    kinds = {kind: _of_kind(plan.steps.values(), kind) for kind in REVISIONS}
    facts = {
        "cells": len(plan.cells),
        "ablation": ablation.facts(plan),
        "steps": len(plan.steps),
        "steps_without_sharing": plan.steps_without_sharing(),
        "steps_to_run": len(todo),
        "steps_by_kind": kinds,
        "teacher_calls": sum(calls.values()),
        "teacher_calls_by_teacher": calls,
        **outlay.facts(),
        "labels": {cell.point.cell: cell.budget for cell in plan.cells if cell.budget},
        "oracles": {label: list(found.oracles) for label, found in plan.facts.items() if found.oracles},
        "validation_labels": {cell.point.cell: cell.validation_labels for cell in plan.cells if cell.validation_labels},
    }
    looked = list(outlook(plan))
    if as_json:
        shown = [{"comparison": str(found), "enough": found.enough, "warning": found.warning} for found in looked]
        click.echo(json.dumps(facts | {"comparisons": shown}, indent=1))
        outlay.end()
        return
    for line in ablation.told(plan):
        click.echo(line)
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
    for label, sentences in facts["oracles"].items():
        click.echo(f"oracle: {label}: {' '.join(sentences)}")
    for read in sorted({cell.validation_labels for cell in plan.cells if cell.validation_labels}):
        cells = sum(cell.validation_labels == read for cell in plan.cells)
        click.echo(f"validation labels read: {read}, by {cells} of the cells")
    if looked:
        click.echo(f"comparisons, assuming {ASSUMPTION}:")
    for found in looked:
        click.echo(f"  {found}" + (f"\n  warning: {found.warning}" if found.warning else ""))
    outlay.end()


def _of_kind(steps: Iterable[Step], kind: str) -> int:
    return sum(step.kind == kind for step in steps)


@click.command()
@matrix_command
@out_folder
@click.option("--redact", is_flag=True, help="Leave out all that people wrote or photographed; names and numbers stay.")
def report(matrix: Path, store_path: Path, out: Path | None, redact: bool) -> None:
    """Write tables and reports from what is stored, also in the middle of a run."""
    plan, store, _ = prepared(matrix, store_path)
    # A folder of its own: what an earlier report left in the other one is not redacted.
    folder = out or Path("runs") / f"{matrix.stem}-redacted" if redact else _out_of(matrix, out)
    for file in _write(plan, store, folder, redacted=redact):
        click.echo(f"report: {file}")


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


COMMANDS = (run, plan, report)
