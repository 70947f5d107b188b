"""Commands on results that there are already: compare, verify."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import INCOMPLETE, YOURS, json_flag, store_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.verification import Difference, Finding

MOST_LINES = 100
"""Differences that are told as text; --json has all."""


@click.command()
@store_option
@click.option(
    "--matrix",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Matrix that the report was made from.  [default: the one that it shows]",
)
@json_flag
@click.argument("report", type=click.Path(path_type=Path, dir_okay=False))
def verify(report: Path, matrix: Path | None, store_path: Path, as_json: bool) -> None:
    """Whether REPORT says what the stored answers say: all its numbers are made anew, and each that differs is named.

    Ends with 0 where nothing differs, with 2 where something does, and with 3 where other code made the report, so that
    only the numbers in its tables could be compared.
    """
    from harness import planning, reading, sealed, verification
    from harness.plugins import Registry
    from harness.store import Store

    found_report = sealed.opened(report)
    registry = Registry.installed()
    if matrix is None:
        name, text = found_report.matrix()
        read = reading.parse(text, registry, f"{name}.yaml")
    else:
        read = reading.load(matrix, registry)
    found = verification.verify(found_report, planning.make(read), Store(store_path))
    if as_json:
        click.echo(json.dumps(_facts(found), indent=1, ensure_ascii=False))
    else:
        _tell(report, found)
    sys.exit(YOURS if not found.sound else INCOMPLETE if found.other_code else 0)


def _facts(found: Finding) -> dict[str, object]:
    from dataclasses import asdict

    return {"sound": found.sound, **asdict(found)}


def _tell(report: Path, found: Finding) -> None:
    _list(found.differences)
    for step in found.damaged:
        click.echo(f"stored answers are damaged: {step}")
    if found.moved_on:
        click.echo("other answers are stored now than the report was made from, or its digest of them was changed")
    if found.other_code:
        said = ", ".join(f"meta harness:{name}" for name in found.other_code)
        click.echo(f"other code made this report, as it says itself ({said}), so only numbers in tables count here;")
        click.echo(
            f"{found.missing} numbers stand in one of the pages alone, and this code would also write otherwise:"
        )
        _list(found.unexplained, "  ")
    count, of = len(found.differences), "numbers in tables" if found.other_code else "texts and attributes"
    what = f"{found.texts} {of}" + ("" if found.other_code else f", {found.numbers} of them with numbers")
    click.echo(f"{report}: {what}, made anew from the store; {count or 'none'} differ{'s' * (count == 1)}")


def _list(differences: Sequence[Difference], indent: str = "") -> None:
    for difference in differences[:MOST_LINES]:
        click.echo(f"{indent}{difference}")
    if len(differences) > MOST_LINES:
        click.echo(f"{indent}and {len(differences) - MOST_LINES} more, which --json lists")


@click.command()
@store_option
@click.option("--store-a", type=click.Path(path_type=Path, file_okay=False), help="Store of A, if it is another one.")
@click.option("--store-b", type=click.Path(path_type=Path, file_okay=False), help="Store of B, if it is another one.")
@json_flag
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
def compare(a: Path, b: Path, store_path: Path, store_a: Path | None, store_b: Path | None, as_json: bool) -> None:
    """What differs between two runs: identities of their steps, cells, and the accuracy of every arm that both have.

    A and B are matrices, or folders that `harness run` wrote its tables to. A matrix stands for what today's code has
    made of it; a folder stands for the steps that its tables were read from, whatever the code is now.
    """
    from harness import comparison, record
    from harness.plugins import Registry
    from harness.store import Store

    registry = Registry.installed()
    mine, theirs = (
        record.find(path, Store(store or store_path), registry) for path, store in ((a, store_a), (b, store_b))
    )
    found = comparison.compared(mine, theirs)
    click.echo(json.dumps(found.facts(), indent=1, ensure_ascii=False) if as_json else "\n".join(found.told()))


COMMANDS = (compare, verify)
