"""Commands on conflict rules: which there are, and what those of a matrix would buy."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import INCOMPLETE, json_flag, matrix_command
from harness.cli.plans import prepared

if TYPE_CHECKING:
    from harness.plan import Plan
    from harness.plugins import Registry
    from harness.store import Store

WIDTH = 100

Row = Mapping[str, Any]


@click.group()
def rules() -> None:
    """Conflict rules: which there are, and what those of a matrix would buy."""


@rules.command("list")
@json_flag
def list_rules(as_json: bool) -> None:
    """Every installed rule with what it reads, and how many teachers it needs."""
    from harness.plugins import Registry
    from harness.portrait import portrait

    registry = Registry.installed()
    found = [portrait(plugin, rule) for pairs in registry.components("rule").values() for plugin, rule in pairs]
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for facts in sorted(found, key=lambda facts: str(facts["name"])):
        needs = ", ".join(facts["declares"].get("needs", ["what its options name"])) or "nothing"
        said = " ".join(facts["text"].partition("\n\n")[0].split())
        click.echo(f"{facts['name']:<24} reads {needs}")
        click.echo(f"{'':<24} {_cut(said, WIDTH - 25)}")


@rules.command()
@matrix_command
@json_flag
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to which rules.json and rules.csv are written, too.",
)
@click.option(
    "--pilot",
    "pilot_items",
    type=click.IntRange(1),
    metavar="N",
    help="Ask each teacher about N items only, say what the others would cost, and stop.",
)
def compare(matrix: Path, store_path: Path, as_json: bool, out: Path | None, pilot_items: int | None) -> None:
    """What each rule of MATRIX would buy with each label fraction, on the validation split; nothing is trained.

    Teachers are asked about the validation items that the store has no answer about, within the matrix's budget; how
    many these are is said first. Labels of the validation split are read for the diagnosis alone, by no rule.
    """
    from harness.rehearsal import asking, rehearse

    plan, store, registry = prepared(matrix, store_path)
    asked = asking(plan)
    if pilot_items:
        _pilot(asked, store, pilot_items)
        return
    _ask(asked, store, registry)
    found = list(rehearse(plan, asked, store))
    if out is not None:
        _write(found, out)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for index, (_, rows) in enumerate(groupby(found, key=lambda row: (row["benchmark"], row["teachers"]))):
        click.echo("\n" * (index > 0) + "\n".join(_told(list(rows))))


def _pilot(asked: Plan, store: Store, items: int) -> None:
    from harness.cli.money import Outlay
    from harness.run import missing

    todo = missing(asked, store, verify=False)
    if not todo:
        click.echo("every answer is stored")
        return
    outlay = Outlay.of(asked, store, todo.values(), items)
    click.echo("\n".join(outlay.lines()))
    outlay.end()


def _ask(asked: Plan, store: Store, registry: Registry) -> None:
    """Let teachers answer what is not stored; says before what that is, and leaves where it is not done."""
    from rich.console import Console

    from harness import progress, provenance
    from harness.cli.money import Outlay
    from harness.run import missing
    from harness.run import run as execute

    todo = missing(asked, store, verify=False)
    if not todo:
        return
    for line in ("teachers are asked first:", *Outlay.of(asked, store, todo.values(), None).lines()):
        click.echo(line, err=True)
    with progress.watching(Console(stderr=True), store) as watcher:
        outcome = execute(asked, store, asked.matrix.executor, registry, provenance.collect(registry), watcher)
    if outcome.reasons:
        for key, reason in outcome.reasons.items():
            click.echo(f"{asked.steps[key].what}: {reason}", err=True)
        click.echo("incomplete: what was answered is kept, and running again goes on from there", err=True)
        sys.exit(INCOMPLETE)
    if outcome.stopped:
        raise KeyboardInterrupt


def _write(found: Sequence[Row], out: Path) -> None:
    import pandas as pd

    from harness.store import write_text

    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "rules.json", json.dumps(found, indent=1) + "\n")
    flat = [{name: value for name, value in row.items() if not isinstance(value, Mapping)} for row in found]
    write_text(out / "rules.csv", pd.DataFrame(flat).to_csv(index=False))


COLUMNS = (
    f"{'rule':<20} {'bought':>8} {'con-':>5} {'falsi-':>9} {'teachers right':>20} {'majority':>13}  closest",
    f"{'':<20} {'':>8} {'flict':>5} {'fied':>9} {'in':>6} {'out':>6} {'bought':>6} {'wrong':>6} {'none':>6}  rule",
)


def _told(rows: Sequence[Row]) -> Iterator[str]:
    """A table for one benchmark and teacher set: a line for each rule under each fraction."""
    first = rows[0]
    split = "validation" if first["split"] == "validation" else "training"
    seeds = f"{first['seeds']} seed{'s' * (first['seeds'] != 1)}"
    counts = f"{first['items']} {split} items, {first['labelled']} labels, {seeds}"
    yield f"{first['benchmark']}, teachers {first['teachers']}: {counts}"
    if first["alpha"] is not None:
        ends = "" if first["alpha_low"] is None else f" [{first['alpha_low']:.2f}, {first['alpha_high']:.2f}]"
        yield f"Krippendorff's α over the teachers {first['alpha']:.2f}{ends}"
    if first["without_labels"]:
        yield f"what labels would tell is not known: {first['without_labels']}"
    yield from ("", *COLUMNS)
    compared = [row for row in rows if not row["left_out"]]
    for (fraction, budget), group in groupby(compared, key=lambda row: (row["label_fraction"], row["budget"])):
        yield f"fraction {fraction:g}: {budget} label{'s' * (budget != 1)}"
        yield from map(_line, group)
    for rule, reason in dict.fromkeys((row["rule"], row["left_out"]) for row in rows if row["left_out"]):
        yield f"left out: {rule}: {reason}"
    if any(row["saturated"] for row in compared):
        yield "* fewer conflicts than the budget"


def _line(row: Row) -> str:
    mark = "*" if row["saturated"] else " "
    cells = (
        f"{_cut(row['rule'], 20):<20} {row['bought']:>7.4g}{mark} {_percent(row['conflict_rate']):>5}"
        f" {_spread(row['falsified'], row['falsified_sd']):>9} {_number(row['accuracy_inside']):>6}"
        f" {_number(row['accuracy_outside']):>6} {_number(row['accuracy_bought']):>6}"
        f" {_number(row['changed'], '.1f'):>6} {_number(row['settled'], '.1f'):>6}"
    )
    near = max(row["overlap"].items(), key=lambda pair: pair[1], default=None)
    return cells + (f"  {_cut(near[0], 16)} {near[1]:.2f}" if near else "")


def _number(value: float | None, form: str = ".2f") -> str:
    return "–" if value is None else format(value, form)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def _spread(value: float | None, spread: float | None) -> str:
    return _number(value) + (f"±{spread:.2f}" if value is not None and spread else "")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
