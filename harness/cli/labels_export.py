"""The command that writes the items whose labels cells wait for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from harness.cli.options import benchmark_option, matrix_command, which_benchmark
from harness.cli.plans import prepared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.labelling.exporting import Order, Written
    from harness.labelling.pictures import Manner
    from harness.labelling.wanted import Wanted
    from harness.matrix import Matrix


@click.command("export")
@matrix_command
@benchmark_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="New folder for the files.  [default: to-label, and the benchmark's label]",
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(("csv", "label-studio")),
    multiple=True,
    help="Only this format; may be given twice.  [default: both]",
)
@click.option(
    "--images",
    type=click.Choice(("copy", "link", "none")),
    default="copy",
    show_default=True,
    help="Put images beside the files, under names that tell nothing: copies, or further names of the same files.",
)
@click.option(
    "--image-url",
    metavar="PREFIX",
    default="",
    help="Where a server will find the images, for Label Studio.  [default: pictures of 1,024 pixels in the file]",
)
@click.option("--blind", is_flag=True, help="Leave out what the teachers said.")
@click.option(
    "--order",
    type=click.Choice(("random", "rank")),
    default="random",
    show_default=True,
    help="In an order that tells nothing, or that of buying.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N in the order of buying.")
@click.option("--annotator", "annotators", multiple=True, metavar="NAME", help="A file for each; may be repeated.")
@click.option(
    "--overlap", type=click.IntRange(1), default=1, show_default=True, help="How many annotators get each item."
)
def export_labels(
    matrix: Path,
    store_path: Path,
    benchmark: str | None,
    out: Path | None,
    formats: tuple[str, ...],
    images: str,
    image_url: str,
    blind: bool,
    order: str,
    limit: int | None,
    annotators: tuple[str, ...],
    overlap: int,
) -> None:
    """Write the items whose labels the cells of MATRIX wait for, and no others.

    These are the items that the ranks of waiting cells would buy and that nobody has labelled, each with its image,
    caption, evidence, and what the teachers said. `harness run` comes before, since it makes the ranks.
    """
    from harness.labelling.exporting import Wishes, chosen, export
    from harness.labelling.tasks import tasks_of
    from harness.labelling.wanted import wanted

    _check_annotators(annotators, overlap)
    plan, store, _ = prepared(matrix, store_path)
    every = wanted(plan, store)
    label = _waiting(plan.matrix, benchmark, every)
    found = every[label]
    if not found.items:
        _tell_nothing(matrix, label, found)
        return
    ids = chosen(found.items, cast("Order", order), limit)
    tasks = tasks_of(plan, store, label, ids, blind=blind)
    teachers = [name for name in plan.matrix.teachers if any(name in task.says for task in tasks)]
    folder = out or Path(f"to-label-{label}")
    wishes = Wishes(
        frozenset(formats) or Wishes().formats, cast("Manner", images), image_url, blind, annotators, overlap
    )
    written = export(tasks, teachers, folder, wishes)
    _tell_export(matrix, label, found, len(ids), written, named=len(plan.matrix.benchmarks) > 1)


def _check_annotators(names: Sequence[str], overlap: int) -> None:
    import re

    from harness.errors import HarnessError

    for name in names:
        if not re.fullmatch(r"\w[\w.@+-]{0,63}", name) or names.count(name) > 1:
            remedy = "Give each annotator a name of letters, digits and . @ + - _ ; files are called by it."
            raise HarnessError(
                f"{name!r} names no annotator of a file of their own", place="--annotator", remedy=remedy
            )
    if overlap > max(1, len(names)):
        raise HarnessError(
            f"{overlap} annotators are to get each item, and {len(names)} are named",
            place="--overlap",
            remedy="Name each by  --annotator NAME .",
        )


def _waiting(matrix: Matrix, label: str | None, found: Mapping[str, Wanted]) -> str:
    """The benchmark that is meant: the one that is named, or the only one of which something is wanted."""
    lacking = [name for name, one in found.items() if one.items] if label is None else []
    return which_benchmark(matrix, label, lacking or list(found))


def _tell_nothing(matrix: Path, label: str, found: Wanted) -> None:
    from harness.errors import HarnessError

    if found.unranked:
        several = found.unranked > 1
        raise HarnessError(
            f"{found.unranked} cell{'s' if several else ''} buy{'' if several else 's'} labels of {label}, and its"
            " items are not ranked yet",
            place=str(matrix),
            remedy=f"Run first, which asks the teachers and ranks:  harness run {matrix}",
        )
    click.echo(f"no cell waits for a label of {label}")


def _tell_export(matrix: Path, label: str, found: Wanted, count: int, written: Written, *, named: bool) -> None:
    from shlex import join

    wanted = len(found.items)
    cells = f"{found.cells} cells wait" if found.cells > 1 else "1 cell waits"
    click.echo(f"{count} of the {wanted} items whose labels {cells} for:")
    for file in written.files:
        click.echo(f"  {file}")
    if written.unseen:
        click.echo(f"  without a picture, since the image cannot be read: {written.unseen}")
    if found.unranked:
        click.echo(
            f"  of cells that buy labels and are not ranked yet: {found.unranked}; run again for what these want"
        )
    filled = [str(file) for file in written.files if file.suffix == ".csv"] or ["EXPORTED.json"]
    back = join(["harness", "labels", "import", str(matrix), *(["--benchmark", label] if named else []), *filled])
    click.echo(f"fill in the column verdict (pristine or falsified), then:  {back}")
