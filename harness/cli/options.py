"""Options and exit statuses that commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.matrix import Matrix

DONE, OURS, YOURS, INCOMPLETE = 0, 1, 2, 3


store_option = click.option(
    "--store",
    "store_path",
    envvar="HARNESS_STORE",
    default="runs/store",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of stored steps, shared by matrices.",
)


remote_option = click.option(
    "--remote",
    envvar="HARNESS_REMOTE",
    metavar="URL",
    help="A store elsewhere, such as s3://bucket/folder: what is there is fetched, what is done is pushed.",
)


def matrix_command(function: Callable[..., None]) -> Callable[..., None]:
    for decorate in (
        store_option,
        click.argument("matrix", type=click.Path(path_type=Path, dir_okay=False)),
    ):
        function = decorate(function)
    return function


json_flag = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")

out_folder = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of tables and reports.  [default: runs/ and the matrix's name]",
)

benchmark_option = click.option("--benchmark", metavar="LABEL", help="Which benchmark, where several are trained on.")


def which_benchmark(matrix: Matrix, label: str | None, known: Sequence[str]) -> str:
    """The benchmark of that label, or the only one; raises `HarnessError`."""
    from harness.errors import HarnessError
    from harness.loading import did_you_mean

    if label is None and len(known) == 1:
        return known[0]
    if label is None or label not in known:
        cause = f"no benchmark that is trained on is called {label!r}{did_you_mean(label or '', known)}"
        if label is None:
            cause = (
                "several benchmarks are trained on" if known else "no benchmark is trained on, so no label is bought"
            )
        remedy = f"Say which one:  --benchmark {' or '.join(known)} ." if known else ""
        raise HarnessError(cause, place=matrix.file, remedy=remedy)
    return label
