"""Commands on plugins."""

from __future__ import annotations

import json

import click

from harness.cli.options import json_flag


@click.group()
def plugins() -> None:
    """Plugins that are installed."""


@plugins.command("list")
@json_flag
def list_plugins(as_json: bool) -> None:
    """Every component with its origin, and every broken plugin with its reason."""
    from harness.plugins import Registry, describe

    rows = describe(Registry.installed())
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        if not row["error"]:
            click.echo(f"{row['kind']:<10} {row['name']:<22} {row['distribution']} {row['version']}")
    for row in rows:
        if row["error"]:
            origin = f"{row['distribution']} {row['version']}"
            click.echo(f"{'broken':<10} {row['name']:<22} {origin}: {row['error']}")
