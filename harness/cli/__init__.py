"""The command ``harness``. Bodies import what they need, so that ``--help`` is instant."""

from __future__ import annotations

from typing import Any

import click

from harness import __version__
from harness.cli import accept, compare, export, matrix, predict, start, status
from harness.cli.benchmarks import benchmarks
from harness.cli.labels import labels
from harness.cli.options import INCOMPLETE, YOURS
from harness.cli.plugins import plugins
from harness.cli.rules import rules
from harness.cli.store import store
from harness.cli.teachers import teachers


class _Commands(click.Group):
    """Turns user errors into text and exit status 2."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        from harness.errors import HarnessError

        try:
            return super().invoke(ctx)
        except HarnessError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(YOURS)
        except KeyboardInterrupt:
            click.echo("stopped: what is done is kept, and running again goes on from there", err=True)
            ctx.exit(INCOMPLETE)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harness")
def main() -> None:
    """Compare teachers, students, conflict rules and distillation strategies for out-of-context news detection.

    A matrix.yaml says what is to be compared; see examples/.

    Exit status: 0 done, 1 our fault, 2 yours, 3 incomplete.
    """
    import gc

    # What is built up until a command begins stays: to look for garbage in it took a seventh of that time.
    gc.set_threshold(50_000)


for module in (matrix, status, predict, accept, export, compare, start):
    for command in module.COMMANDS:
        main.add_command(command)
main.add_command(benchmarks)
main.add_command(labels)
main.add_command(teachers)
main.add_command(rules)
main.add_command(plugins)
main.add_command(store)
