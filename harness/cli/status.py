"""Commands that tell how a matrix stands: status, explain, logs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import json_flag, matrix_command
from harness.cli.plans import cells_of, prepared
from harness.plain import printable

if TYPE_CHECKING:
    from harness.plan import Plan
    from harness.standing import Standing
    from harness.store import Store

WATCH_S = 2.0
"""How often it is told again."""


@click.command()
@matrix_command
@json_flag
@click.option("--watch", is_flag=True, help="Tell again every two seconds until all is done; Ctrl-C ends it.")
def status(matrix: Path, store_path: Path, as_json: bool, watch: bool) -> None:
    """What has become of every cell, who is at which step, and how long the rest may take."""
    from harness.standing import Standing

    plan, store, _ = prepared(matrix, store_path)
    while True:
        if watch:
            click.clear()
        standing = Standing.of(plan, store)
        _tell(plan, store, standing, matrix, as_json)
        if not watch or standing.finished:
            return
        time.sleep(WATCH_S)


def _tell(plan: Plan, store: Store, standing: Standing, matrix: Path, as_json: bool) -> None:
    from harness.cli import ablation
    from harness.cli.money import asked_of, spent_of
    from harness.labelling.wanted import facts, told, wanted
    from harness.results import state_of

    asked, spent = asked_of(plan, store), spent_of(plan, store)
    states = {cell.point.cell: state_of(plan, store, cell) for cell in plan.cells}
    lacking = wanted(plan, store)
    counts: dict[str, int] = {}
    for state, _ in states.values():
        counts[state] = counts.get(state, 0) + 1
    if as_json:
        cells = [{"cell": cell, "state": state, "reason": reason} for cell, (state, reason) in states.items()]
        asking = {step: {"state": state, "told": line} for step, state, line in asked}
        more = {"asking": asking, "spent": spent.facts(), "labels_wanted": facts(lacking), **standing.facts()}
        shown = {"counts": counts, "cells": cells, **more, "ablation": ablation.facts(plan)}
        click.echo(json.dumps(shown, indent=1))
        return
    for line in ablation.told(plan):
        click.echo(line)
    for cell, (state, reason) in states.items():
        click.echo(f"{state:<8} {cell}" + (f"\n         {reason}" if reason else ""))
    for _, state, line in asked:
        click.echo(f"{state:<8} {line}")
    if spent.calls:
        click.echo(spent.line())
    if waiting := told(lacking, str(matrix)):
        click.echo(waiting)
    for line in standing.lines():
        click.echo(line)
    click.echo(", ".join(f"{count} {state}" for state, count in sorted(counts.items())) + f" of {len(states)} cells")


@click.command()
@matrix_command
@click.argument("cell")
def explain(matrix: Path, store_path: Path, cell: str) -> None:
    """Why the steps of CELL ran, will run or are reused (CELL as `harness status` names it)."""
    from harness import explain as explaining

    plan, store, _ = prepared(matrix, store_path)
    for found in cells_of(plan, matrix, cell):
        click.echo(f"cell {found.point.cell}")
        for line in explaining.explain(plan, store, found):
            click.echo(_indented(line))


@click.command()
@matrix_command
@click.argument("cell")
def logs(matrix: Path, store_path: Path, cell: str) -> None:
    """What was printed during the steps of CELL, and the tracebacks of those that failed (a cell or an arm)."""
    plan, store, _ = prepared(matrix, store_path)
    keys = set[str]().union(*(plan.steps_of(found) for found in cells_of(plan, matrix, cell)))
    for key, step in plan.steps.items():
        log, failure = store.log(key), store.failure(key)
        if key not in keys or not (log.exists() or failure):
            continue
        click.echo(f"{step.title}  [{key[:12]}]")
        if log.exists():
            click.echo(_indented(log.read_text(encoding="utf-8", errors="replace")))
        if failure:
            click.echo(_indented(f"{failure['state']}: {failure['reason']}\n{failure.get('log', '')}"))


def _indented(text: str) -> str:
    """What a stranger's code printed: without the characters by which it could act on a terminal."""
    shown = printable(text.replace("\r", "\n"), kept="\n\t", instead="�")
    return "\n".join(f"  {line}" for line in shown.rstrip().splitlines())


COMMANDS = (status, explain, logs)
