"""Commands on plugins: list, show, check, new."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.new import new
from harness.cli.options import YOURS, json_flag

if TYPE_CHECKING:
    from harness.lookup import Found
    from harness.plugins import Registry
    from harness.testing import Finding


@click.group()
def plugins() -> None:
    """Plugins: what is installed, what it can do, whether it keeps its contract, and how to begin one."""


plugins.add_command(new)


@plugins.command("list")
@json_flag
def list_plugins(as_json: bool) -> None:
    """Every component with its origin and import time, and every broken plugin with its reason."""
    from harness.plugins import Registry, describe

    registry = Registry.installed()
    rows = describe(registry)
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        if not row["error"]:
            origin = f"{row['distribution']} {row['version']}"
            click.echo(f"{row['kind']:<11} {row['name']:<22} {origin:<24} {_milliseconds(row['import_seconds'])}")
    for row in rows:
        if row["error"]:
            click.echo(f"{'broken':<11} {row['name']:<22} {row['distribution']} {row['version']}: {row['error']}")
    for line in _remarks(registry):
        click.echo(line)


def _remarks(registry: Registry) -> list[str]:
    """What works and yet should be mended."""
    lines = [f"{'clash':<11} {clash}" for clash in registry.clashes()]
    for plugin in registry.plugins:
        origin = f"{plugin.name:<22} {plugin.distribution} {plugin.version}"
        if plugin.slow:
            why = f", it imports {', '.join(plugin.heavy)}" if plugin.heavy else ""
            remedy = "; heavy packages belong into the method that needs them" if plugin.heavy else ""
            seconds = f"importing {plugin.module} takes {plugin.import_seconds:.1f} s"
            lines.append(f"{'slow':<11} {origin}: {seconds}{why}{remedy}")
        lines += [f"{'deprecated':<11} {origin}: {text}" for text in plugin.deprecated]
    return lines


def _milliseconds(seconds: object) -> str:
    return f"{float(str(seconds)) * 1000:>6.0f} ms"


@plugins.command()
@click.argument("name")
@json_flag
def show(name: str, as_json: bool) -> None:
    """What NAME is: its options with types, defaults and ranges, what it gives and needs, and where its source is.

    NAME is a component, written `name`, `kind:name` or `distribution/name`, or a plugin or distribution for all of its
    components; or the path of a folder or file that is not installed.
    """
    from harness.portrait import portrait, told

    portraits = [portrait(plugin, component) for plugin, component in _found(name)]
    if as_json:
        click.echo(json.dumps(portraits, indent=1))
        return
    click.echo("\n\n".join("\n".join(told(found)) for found in portraits))


@plugins.command()
@click.argument("name")
@click.option(
    "-o", "--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the component, in YAML."
)
@json_flag
def check(name: str, options: tuple[str, ...], as_json: bool) -> None:
    """Whether NAME keeps the contract of its kind: one line a rule, and how to mend what is broken.

    NAME is what `harness plugins show` takes. Ends with 0 where every rule is kept, else with 2.
    """
    from harness.lookup import make
    from harness.testing import checks_for, examine

    kept = True
    reports: list[dict[str, object]] = []
    for plugin, cls in _found(name):
        component = make(cls, options)
        origin = f"{plugin.distribution} {plugin.version}, {cls.__module__}:{cls.__qualname__}"
        if not as_json:
            click.echo(f"{cls.kind} {cls.name} ({origin})")
        findings: list[Finding] = []
        for finding in examine(component, checks_for(cls)):
            findings.append(finding)
            if not as_json:
                _say(finding)
        kept = kept and not any(finding.state == "broken" for finding in findings)
        reports.append(_report(cls.kind, cls.name, origin, findings))
        if not as_json:
            click.echo(_summary(findings))
    if as_json:
        click.echo(json.dumps(reports, indent=1))
    if not kept:
        sys.exit(YOURS)


def _found(name: str) -> Found:
    """Components by name, or by the path of a folder or file; raises `PluginError`."""
    from harness import lookup
    from harness.errors import PluginError
    from harness.plugins import Registry

    path = Path(name)
    at_a_path = path.suffix == ".py" or (path / "pyproject.toml").is_file() or ("/" in name and path.exists())
    if not at_a_path:
        return lookup.find(Registry.installed(), name)
    registry = lookup.at(path)
    for plugin in registry.plugins:
        if plugin.error:
            raise PluginError(plugin.error, place=f"{path}: plugin {plugin.name!r} of {plugin.distribution}")
    return [(plugin, component) for plugin in registry.plugins for component in plugin.components]


def _say(finding: Finding) -> None:
    """One line, and the remedy on another."""
    click.echo(f"  {finding.state:<8}{finding.rule}" + (f": {finding.seen}" if finding.seen else ""))
    if finding.state == "broken" and finding.remedy:
        for line in _wrapped(finding.remedy):
            click.echo(f"          {line}")


def _wrapped(text: str) -> list[str]:
    from textwrap import wrap

    return wrap(text, 108)


def _summary(findings: list[Finding]) -> str:
    counts = {state: sum(finding.state == state for finding in findings) for state in ("kept", "broken", "skipped")}
    return f"{counts['kept']} rules kept, {counts['broken']} broken, {counts['skipped']} skipped"


def _report(kind: str, name: str, origin: str, findings: list[Finding]) -> dict[str, object]:
    rules = [
        {"rule": finding.rule, "state": finding.state, "seen": finding.seen, "remedy": finding.remedy}
        for finding in findings
    ]
    return {"kind": kind, "name": name, "origin": origin, "rules": rules}
