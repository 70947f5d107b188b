"""The command that makes a new plugin."""

from __future__ import annotations

import shlex
from pathlib import Path

import click


@click.command()
@click.argument("kind")
@click.argument("name")
@click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path),
    default=".",
    help="Folder in which harness-NAME/ is made.  [default: this one]",
)
def new(kind: str, name: str, folder: Path) -> None:
    """Make harness-NAME/: a small KIND that works, with its test and its manual, for you to change.

    KIND is benchmark, teacher, student, rule, label-model, strategy, report or executor; NAME is what a matrix
    will call it: lower-case words joined by hyphens.
    """
    from harness.plugins import Registry
    from harness.scaffold import create

    module, *others = create(kind, name, folder, Registry.installed())
    made, edited = (shlex.quote(str(path)) for path in (module.parent, module))
    click.echo(f"made {module.parent}: {module.name} and {len(others)} more files. Next:")
    click.echo(f"  pip install -e {made}")
    click.echo(f"  harness plugins check {name}")
    click.echo(f"  $EDITOR {edited}")
