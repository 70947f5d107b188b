"""The command that takes back what people said of items."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import INCOMPLETE, benchmark_option, which_benchmark
from harness.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.components import Benchmark
    from harness.labelling.importing import Imported
    from harness.labelling.settling import Conflict
    from harness.types import Verdict

MOST_CONFLICTS = 20
"""Conflicts that are told one by one."""


@click.command("import")
@click.argument("matrix", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE...")
@benchmark_option
@click.option(
    "--settle",
    metavar="WAY",
    help="Settle conflicts: majority, first, or a file of conflicts in which somebody has decided.",
)
@click.option("--word", "words", multiple=True, metavar="WORD=VERDICT", help="What a word of yours means.")
@click.option("--annotator", default="", metavar="NAME", help="Whose a file is that does not say.  [default: its name]")
@click.option(
    "--to",
    "into",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of labels to add to.  [default: the benchmark's label_file]",
)
@click.option(
    "--conflicts",
    "conflicts_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where conflicts are written for somebody to decide.  [default: the benchmark's label, -conflicts.csv]",
)
def import_labels(
    matrix: Path,
    files: tuple[Path, ...],
    benchmark: str | None,
    settle: str | None,
    words: tuple[str, ...],
    annotator: str,
    into: Path | None,
    conflicts_file: Path | None,
) -> None:
    """Take back the FILEs that people filled in: the CSV of an export, or a JSON or JSON-MIN export of Label Studio.

    A row that cannot be a label is refused with the whole import, and named. An item about which people differ is not
    imported until that is settled. Ends with 0 where everything was imported, else with 3.
    """
    from harness import reading
    from harness.labelling.importing import Incoming, take
    from harness.plugins import Registry

    loaded = reading.load(matrix, Registry.installed())
    label = which_benchmark(loaded, benchmark, list(loaded.benchmarks))
    target = loaded.benchmarks[label]
    file = into or target.given() or _proposed(label, target)
    done = take(label, target, Incoming(files, annotator, _words(words), settle), file)
    _tell_import(done, _near(file))
    open_conflicts = done.settled.open
    if open_conflicts:
        given = {"--benchmark": benchmark, "--annotator": annotator, "--to": into}
        again = [matrix, *files, *_options(given), *(part for word in words for part in ("--word", word))]
        _list_conflicts(label, target, open_conflicts, again, conflicts_file)
    if target.given() is None and into is None and done.settled.rows:
        click.echo(f"add to {matrix}, so that {label} reads it:\n  benchmarks:\n    {label}:\n      label_file: {file}")
    if open_conflicts:
        sys.exit(INCOMPLETE)
    click.echo(f"next:  harness run {matrix}")


def _near(file: Path) -> Path:
    """The path from here, where it leads no way up."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def _proposed(label: str, benchmark: Benchmark) -> Path:
    from harness.errors import HarnessError

    if "label_file" in type(benchmark).model_fields:
        return Path(f"{label}-labels.csv")
    raise HarnessError(
        f"the benchmark {benchmark.name} reads no file of labels that people gave",
        place=label,
        remedy="Put the labels where its own are, or keep them in a file by  --to FILE .",
    )


def _words(given: Sequence[str]) -> Mapping[str, Verdict]:
    from harness.errors import HarnessError
    from harness.types import VERDICTS

    found: dict[str, Verdict] = {}
    for text in given:
        word, equals, meaning = text.rpartition("=")
        verdict = next((known for known in VERDICTS if known == meaning.strip()), None)
        if not equals or not word.strip() or verdict is None:
            raise HarnessError(
                f"{text!r} says of no word what it means", place="--word", remedy="As in  --word true=pristine ."
            )
        found[word] = verdict
    return found


def _tell_import(done: Imported, file: Path) -> None:
    settled = done.settled
    people = len({row.annotator for row in settled.rows if not row.settled})
    said = sum(not row.settled for row in settled.rows)
    added = f"{_counted(settled.items, 'item')} labelled by {_counted(said, 'judgement')}"
    added += f" of {_counted(people, 'annotator')}"
    if not said:
        added = f"{_counted(settled.items, 'item')} decided otherwise" if settled.rows else "nothing new"
    click.echo(f"{file}: {added}")
    for count, what, rest in (
        (settled.known, "judgement", "there already"),
        (done.empty, "row", "not filled in, or skipped"),
        (len(settled.decided), "conflict", "settled"),
    ):
        if count:
            click.echo(f"  {_counted(count, what)} {rest}")
    if done.agreement:
        click.echo(f"  {plain(done.agreement.told())}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _options(given: Mapping[str, object]) -> list[str]:
    return [str(part) for name, value in given.items() if value for part in (name, value)]


def _list_conflicts(
    label: str, benchmark: Benchmark, conflicts: Sequence[Conflict], again: Sequence[object], given: Path | None
) -> None:
    """Tell them, and write the file in which somebody decides; ``again`` is what this import was called with."""
    from shlex import join

    from harness.errors import HarnessError
    from harness.labelling.importing import conflicts_text
    from harness.store import write_text

    click.echo(f"{_counted(len(conflicts), 'conflict')} not imported:")
    for conflict in conflicts[:MOST_CONFLICTS]:
        click.echo(f"  {plain(conflict.item_id)}  {plain(conflict.votes())}")
    if len(conflicts) > MOST_CONFLICTS:
        click.echo(f"  and {len(conflicts) - MOST_CONFLICTS} more")
    file = given or _free(f"{label}-conflicts")
    items = {item.id: item for item in benchmark.items("train")}
    try:
        write_text(file, conflicts_text(label, conflicts, items))
    except OSError as error:
        raise HarnessError(f"cannot be written: {error.strerror}", place=str(file)) from None
    back = join(["harness", "labels", "import", *map(str, again), "--settle", str(file)])
    click.echo(f"decide in the column verdict of {file}, then:  {back}")
    click.echo("or settle them by  --settle majority  (a tie stays open)  or  --settle first")


def _free(stem: str) -> Path:
    """A name that no file has: somebody may have begun to decide in an earlier one."""
    from itertools import count

    names = (Path(f"{stem}{'' if number == 1 else f'-{number}'}.csv") for number in count(1))
    return next(name for name in names if not name.exists())
