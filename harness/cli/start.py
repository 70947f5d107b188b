"""Commands to start from: the schema for editors, and a first matrix."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.starters import USES


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write.  [default: standard output]"
)
def schema(out: Path | None) -> None:
    """The JSON schema of a matrix with all installed plugins, with which editors complete and check."""
    from harness.plugins import Registry
    from harness.schema import schema as schema_of

    written = json.dumps(schema_of(Registry.installed()), indent=1) + "\n"
    if out is None:
        click.echo(written, nl=False)
    else:
        _write(out, written)
        click.echo(f"schema: {out}")


_HELP = "\n".join(
    [
        "Write a commented matrix for USE into FILE.",
        "",
        "\b",
        *(f"{use:<9}{purpose}" for use, purpose in USES.items()),
    ]
)


@click.command(help=_HELP)
@click.argument("use", type=click.Choice(list(USES)))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default="matrix.yaml")
@click.option("--teacher", metavar="NAME", help="The installed teacher that a trial is of.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(use: str, file: Path, teacher: str | None, force: bool) -> None:
    from harness import starters
    from harness.errors import HarnessError

    if teacher is not None and use != "trial":
        raise HarnessError(f"--teacher is for a trial, not for {use}", remedy="harness init trial --teacher NAME")
    written = starters.text(use) if teacher is None else _trial_of(teacher)
    if file.exists() and not force:
        raise HarnessError("exists already", place=str(file), remedy="Name another file, or write over it with --force")
    # Its comments speak of it by its name.
    _write(file, written.replace(f"{use}.yaml", str(file)))
    click.echo(f"matrix: {file}")
    click.echo(f"  harness schema --out {file.parent / 'matrix.schema.json'}    # your editor completes and checks it")
    click.echo(f"  harness plan {file}")
    click.echo(f"  harness run {file}")


def _trial_of(teacher: str) -> str:
    from harness import starters
    from harness.described import descriptions
    from harness.plugins import Registry

    component = Registry.installed().find("teacher", teacher)
    texts = descriptions(component)
    wanted = {name: texts.get(name, "") for name, field in component.model_fields.items() if field.is_required()}
    return starters.trial_of(teacher, wanted)


def _write(file: Path, text: str) -> None:
    from harness.errors import HarnessError

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"cannot be written: {error.strerror}", place=str(file)) from None


COMMANDS = (schema, init)
