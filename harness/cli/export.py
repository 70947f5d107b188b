"""What is made for others: a trained arm, and a whole run as a capsule, which can be run again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import INCOMPLETE, json_flag, store_option
from harness.cli.plans import prepared

if TYPE_CHECKING:
    from harness.rerun import Rerun


@click.command()
@store_option
@click.option("--matrix", type=click.Path(path_type=Path, dir_okay=False), help="Matrix of which ARM is an arm.")
@click.option("--seed", type=int, help="Which of the arm's seeds, where it has several.")
@click.option("--merged", is_flag=True, help="One model that needs no base, instead of an adapter.")
@click.option(
    "--capsule",
    metavar="MATRIX",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Instead of an arm: all from which the tables and reports of MATRIX are made again by `harness rerun`.",
)
@click.option("--redact", is_flag=True, help="A capsule without what people wrote or photographed.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="New folder of the model, or file of the capsule.  [default: MATRIX.capsule.tar.gz]",
)
@click.argument("arm", required=False)
def export(
    arm: str | None,
    matrix: Path | None,
    seed: int | None,
    merged: bool,
    capsule: Path | None,
    redact: bool,
    out: Path | None,
    store_path: Path,
) -> None:
    """Write the model of ARM with a card that tells what it is, what it learnt from and how good it is.

    ARM is a name as the report has it, or a cell as `harness status` names it. The folder holds what others load,
    README.md and harness.json, by which `harness predict` knows what it is. No path of this machine is in it.

    With --capsule, write one archive of a run: matrix, versions, answers of teachers and students, and the labels and
    items of the data sets as far as tables and reports read them. It publishes the labels of the test split.
    """
    if capsule is not None:
        if arm or matrix or merged or seed is not None:
            raise click.UsageError("--capsule takes a whole matrix: ARM, --matrix, --seed and --merged are of models.")
        if out is not None and out.is_dir():
            raise click.UsageError(f"{out} is a folder, and a capsule is a file.")
        _capsule(capsule, store_path, out, redact)
        return
    if arm is None or matrix is None or out is None:
        raise click.UsageError("Name an ARM, its --matrix and a folder by -o; or a matrix by --capsule.")
    if redact:
        raise click.UsageError("--redact is of capsules.")
    _model(arm, matrix, seed, out, store_path, merged=merged)


def _model(arm: str, matrix: Path, seed: int | None, out: Path, store_path: Path, *, merged: bool) -> None:
    from harness import exporting, trained

    plan, store, _ = prepared(matrix, store_path)
    cell = trained.cell_of(plan, arm, seed)
    files = exporting.export(plan, store, cell, out, merged=merged)
    size = sum(path.stat().st_size for path in files)
    click.echo(f"exported: {out} ({len(files)} files, {size / 1e6:.1f} MB)")


def _capsule(matrix: Path, store_path: Path, out: Path | None, redacted: bool) -> None:
    from harness import packing

    plan, store, registry = prepared(matrix, store_path)
    target = out or Path(f"{matrix.stem}.capsule.tar.gz")
    found = packing.pack(plan, store, registry, target, redacted=redacted)
    click.echo(
        f"capsule: {target} ({found.steps} steps, {found.labels} labels, {len(found.pictures)} pictures,"
        f" {target.stat().st_size / 1e6:.1f} MB)" + (f"; {found.lacking} steps are not done" if found.lacking else "")
    )


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of tables and reports.  [default: runs/, the capsule's name and -rerun]",
)
@json_flag
@click.argument("capsule", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def rerun(capsule: Path, out: Path | None, as_json: bool) -> None:
    """Score and render a CAPSULE again, and say of every table and report whether it has the bytes that it had.

    Nothing but the capsule and the reports' plugins is needed: no data set, key, network or model. Ends with 0 where
    all files are the same, and with 3 where one is not.
    """
    from harness.plugins import Registry
    from harness.rerun import rerun as again

    folder = out or Path("runs") / f"{capsule.name.partition('.')[0]}-rerun"
    found = again(capsule, folder, Registry.installed())
    if as_json:
        click.echo(json.dumps(_facts(found, folder), indent=1, ensure_ascii=False))
    else:
        _tell(found, folder)
    if not found.same:
        sys.exit(INCOMPLETE)


def _facts(found: Rerun, folder: Path) -> dict[str, object]:
    from dataclasses import asdict

    return {"same": found.same, "out": str(folder), **asdict(found)}


def _tell(found: Rerun, folder: Path) -> None:
    for output in found.outputs:
        click.echo(f"{output.state:<8} {output.what} {output.name}" + (f": {output.cause}" if output.cause else ""))
    if not found.same:
        for line in found.surroundings:
            click.echo(f"  {line}")
    count = sum(output.state == "same" for output in found.outputs)
    redacted = ", redacted" if found.redacted else ""
    click.echo(f"{folder}: {count} of {len(found.outputs)} files have the bytes that they had{redacted}")


COMMANDS = (export, rerun)
