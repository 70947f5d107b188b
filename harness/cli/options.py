"""Options and exit statuses that commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

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
