"""A trained arm for others: export."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import store_option


@click.command()
@store_option
@click.option(
    "--matrix", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Matrix of which ARM is an arm."
)
@click.option("--seed", type=int, help="Which of the arm's seeds, where it has several.")
@click.option("--merged", is_flag=True, help="One model that needs no base, instead of an adapter.")
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="New folder that is written."
)
@click.argument("arm")
def export(arm: str, matrix: Path, seed: int | None, merged: bool, out: Path, store_path: Path) -> None:
    """Write the model of ARM with a card that tells what it is, what it learnt from and how good it is.

    ARM is a name as the report has it, or a cell as `harness status` names it. The folder holds what others load,
    README.md and harness.json, by which `harness predict` knows what it is. No path of this machine is in it.
    """
    from harness import exporting, planning, reading, trained
    from harness.plugins import Registry
    from harness.store import Store

    plan = planning.make(reading.load(matrix, Registry.installed()))
    cell = trained.cell_of(plan, arm, seed)
    files = exporting.export(plan, Store(store_path), cell, out, merged=merged)
    size = sum(path.stat().st_size for path in files)
    click.echo(f"exported: {out} ({len(files)} files, {size / 1e6:.1f} MB)")


COMMANDS = (export,)
