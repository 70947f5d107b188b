"""The command accept: what is stored stands for what edited code would make."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import matrix_command
from harness.cli.plans import prepared

if TYPE_CHECKING:
    from harness.acceptance import Accepted


@click.command()
@matrix_command
@click.option("--yes", is_flag=True, help="Do it; otherwise it is only said what would be accepted.")
def accept(matrix: Path, store_path: Path, yes: bool) -> None:
    """Keep results after an edit of code that changes no output, such as a comment.

    Only steps are taken whose options, files, labels and data are the same: what differs is the source of their
    components, and nobody but you can say that it makes no difference. Their manifests and reports tell of it.
    """
    from harness.acceptance import accept as take
    from harness.acceptance import acceptable, answers_before, take_over

    plan, store, _ = prepared(matrix, store_path)
    found = acceptable(plan, store)
    if not found:
        click.echo("nothing to accept: no step that is missing differs from a stored one in code alone")
        return
    for change, count in _changes(found).items():
        click.echo(f"{change}  ({count} step{'s' * (count != 1)})")
    kinds = Counter(one.step.kind for one in found)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    if not yes:
        click.echo(f"{len(found)} steps could be taken as they are stored ({told}); --yes does it")
        return
    answers = take_over(answers_before(found, plan, store), store)
    click.echo(f"{take(found, store)} steps taken as they are stored ({told}), and {answers} answers of teachers")


def _changes(found: list[Accepted]) -> Counter[str]:
    return Counter(change for one in found for change in one.changes)


COMMANDS = (accept,)
