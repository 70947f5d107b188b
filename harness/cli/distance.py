"""Stores at a distance: a run beside one, and commands that push to it and pull from it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import INCOMPLETE, matrix_command, remote_option
from harness.cli.plans import prepared

if TYPE_CHECKING:
    from harness.mirror import Mirror
    from harness.plan import Plan
    from harness.store import Store


@contextmanager
def mirrored(url: str | None, plan: Plan, store: Store) -> Iterator[Mirror | None]:
    """Fetch before a run, push during it and wait for that after it; what is yielded is the run's source."""
    if url is None:
        yield None
        return
    with _mirror(url, store) as mirror:
        mirror.begin(plan)
        yield mirror


@contextmanager
def _mirror(url: str, store: Store) -> Iterator[Mirror]:
    from harness.mirror import Mirror
    from harness.remote import Remote

    mirror = Mirror(Remote(url), store, lambda text: click.echo(text, err=True))
    try:
        yield mirror
    finally:
        mirror.close()


@click.command()
@matrix_command
@remote_option
def push(matrix: Path, store_path: Path, remote: str | None) -> None:
    """Push what is stored for MATRIX, and what its teachers answered, to a remote store."""
    plan, store, _ = prepared(matrix, store_path)
    with _mirror(_given(remote), store) as mirror:
        mirror.push(plan)
    _end(mirror)


@click.command()
@matrix_command
@remote_option
def pull(matrix: Path, store_path: Path, remote: str | None) -> None:
    """Fetch what a remote store has for MATRIX, and what its teachers answered.

    Checksums tell damage, not intent: use a remote to which only people write whose results you would believe.
    """
    plan, store, _ = prepared(matrix, store_path)
    with _mirror(_given(remote), store) as mirror:
        mirror.fetch(plan)
    _end(mirror)


def _end(mirror: Mirror) -> None:
    if not mirror.whole:
        sys.exit(INCOMPLETE)


def _given(remote: str | None) -> str:
    if remote is None:
        raise click.UsageError("name the remote store by --remote or HARNESS_REMOTE")
    return remote
