"""Commands on benchmarks: list, show, check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from harness.cli.benchmarks_check import check
from harness.cli.options import json_flag

if TYPE_CHECKING:
    from harness.components import Benchmark
    from harness.loading import Plugin
    from harness.types import Split


@click.group()
def benchmarks() -> None:
    """Benchmarks: which there are, what their items look like, and what is wrong with them."""


benchmarks.add_command(check)


@benchmarks.command("list")
@json_flag
def list_benchmarks(as_json: bool) -> None:
    """Every installed benchmark with what its items have; which parts may depend on its options."""
    from textwrap import fill

    from harness.plugins import Registry

    registry = Registry.installed()
    found = sorted(registry.components("benchmark").items())
    rows = [_row(plugin, cls) for _, known in found for plugin, cls in known]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        gives = "given by its options" if row["gives"] is None else ", ".join(row["gives"]) or "captions alone"
        click.echo(f"{row['name']:<16} {row['distribution']} {row['version']:<10} {gives}")
        click.echo(fill(row["text"], 108, initial_indent="  ", subsequent_indent="  "))
    click.echo("`harness benchmarks show NAME` shows items, `harness plugins show NAME` the options")


def _row(plugin: Plugin, cls: type[Any]) -> dict[str, Any]:
    from inspect import cleandoc

    first = cleandoc(cls.__doc__ or "").split("\n\n")[0]
    return {
        "name": cls.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "gives": _gives(cls),
        "text": " ".join(first.split()),
    }


def _gives(cls: type[Any]) -> list[str] | None:
    """Parts of its items with the default options; None where that cannot be said without options or files."""
    from harness.errors import HarnessError

    try:
        return sorted(cls().gives())
    except (ValueError, HarnessError):
        return None


@benchmarks.command()
@click.argument("name")
@click.argument("label", required=False)
@click.option("-o", "--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of NAME, in YAML.")
@click.option(
    "--split",
    type=click.Choice(("train", "validation", "test")),
    help="Which split.  [default: the first that has items]",
)
@click.option("--items", "number", type=click.IntRange(1, 500), default=5, show_default=True, help="How many items.")
@click.option("--id", "item_id", metavar="ID", help="One item, by its id.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which items are drawn.")
@click.option("--labels", is_flag=True, help="Show labels, too.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page with pictures instead.",
)
def show(
    name: str,
    label: str | None,
    options: tuple[str, ...],
    split: Split | None,
    number: int,
    item_id: str | None,
    seed: int,
    labels: bool,
    html: Path | None,
) -> None:
    """Show items of NAME, a benchmark or a matrix, with their evidence: look at the data before anything is trained.

    Of a matrix with several benchmarks LABEL says which. Labels are hidden without --labels.
    """
    from harness.showing import sample
    from harness.showing.heading import heading

    who, benchmark = _benchmark(name, label, options)
    shown = sample.one(benchmark, item_id) if item_id is not None else sample.draw(benchmark, split, number, seed)
    above = heading(who, shown, seed, labels=labels)
    if html is None:
        from rich.console import Console

        from harness.showing.terminal import show as tell

        tell(Console(), above, shown, labels=labels)
    else:
        from harness.showing.page import page

        _write(html, page(above, shown, labels=labels))
        click.echo(f"page: {html} ({len(shown.items)} items)")


def _benchmark(name: str, label: str | None, options: tuple[str, ...]) -> tuple[str, Benchmark]:
    """What to call it, and the benchmark: of a matrix, or installed under that name."""
    from harness.errors import HarnessError
    from harness.lookup import make
    from harness.plugins import Registry

    registry = Registry.installed()
    if Path(name).suffix in (".yaml", ".yml"):
        if options:
            raise HarnessError("-o is for a benchmark by its name; a matrix says the options itself", place=name)
        return _of_matrix(Path(name), label, registry)
    if label is not None:
        raise HarnessError(
            f"{label!r} is a label in a matrix, and {name!r} is none", remedy="Name a matrix.yaml first."
        )
    return name, cast("Benchmark", make(registry.find("benchmark", name), options))


def _of_matrix(file: Path, label: str | None, registry: Any) -> tuple[str, Benchmark]:  # noqa: ANN401
    from harness.errors import HarnessError
    from harness.loading import did_you_mean
    from harness.reading import load

    known = load(file, registry).every_benchmark
    if label is None and len(known) == 1:
        label = next(iter(known))
    if label is None or label not in known:
        cause = f"has {len(known)} benchmarks" if label is None else f"no benchmark is called {label!r}"
        hint = "" if label is None else did_you_mean(label, known)
        raise HarnessError(cause + hint, place=str(file), remedy=f"Say which one: {', '.join(known)}.")
    found = known[label]
    return f"{label} ({found.name})", found


def _write(file: Path, text: str) -> None:
    from harness.errors import HarnessError

    try:
        file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise HarnessError(f"cannot be written: {error.strerror}", place=str(file)) from None
