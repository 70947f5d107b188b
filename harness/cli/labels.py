"""Commands on labels that cells wait for: export, import."""

from __future__ import annotations

import click

from harness.cli.labels_export import export_labels
from harness.cli.labels_import import import_labels


@click.group()
def labels() -> None:
    """Labels: write the items that cells wait for, and take back what people said of them."""


labels.add_command(export_labels)
labels.add_command(import_labels)
