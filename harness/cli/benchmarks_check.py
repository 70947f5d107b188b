"""The command ``harness benchmarks check``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, cast

import click

from harness.cli.options import YOURS, json_flag, store_option
from harness.findings import KINDS, SEVERITIES
from harness.plain import plain

if TYPE_CHECKING:
    from harness.checking import Checked, Subject
    from harness.components import Benchmark
    from harness.findings import Example, Finding
    from harness.types import DataFile

MOST_REASONS, MOST_SHOWN = 10, 3
_TOLD_ABOVE = frozenset({"missing file", "missing part", "skipped entries"})


@click.command()
@click.argument("name")
@click.option("-o", "--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of NAME, in YAML.")
@click.option("--root", metavar="FOLDER", help="The same as  -o root=FOLDER .")
@click.option("--full", is_flag=True, help="Look at every image, as a run does, and not at 2,000 of a split.")
@click.option("--strict", is_flag=True, help="Fail for warnings, too.")
@store_option
@json_flag
def check(
    name: str, options: tuple[str, ...], root: str | None, full: bool, strict: bool, store_path: Path, as_json: bool
) -> None:
    """Look at the data of NAME, a benchmark or a matrix, before anything runs.

    Says file by file what is missing and from where it is to be had, what remains of each split, what was skipped, and
    what is wrong with the data or gives their labels away. Exit status: 0 no errors, 2 errors.
    """
    from harness.checking import SAMPLE
    from harness.checking import check as look
    from harness.guard.sights import SHELF
    from harness.store import Store

    found = look(_subject(name, options, root), Store(store_path).shelf(SHELF), None if full else SAMPLE)
    if as_json:
        click.echo(json.dumps([_facts(one) for one in found], indent=1))
    else:
        click.echo("\n\n".join("\n".join(_told(one)) for one in found))
    if any(one.of("error") or (strict and one.of("warning")) for one in found):
        sys.exit(YOURS)


def _subject(name: str, options: tuple[str, ...], root: str | None) -> Subject:
    from harness.checking import Subject
    from harness.errors import HarnessError
    from harness.lookup import make
    from harness.plugins import Registry
    from harness.reading import load

    registry = Registry.installed()
    if Path(name).suffix in (".yaml", ".yml"):
        if options or root is not None:
            raise HarnessError("options are for a benchmark by its name; a matrix says them itself", place=name)
        matrix = load(Path(name), registry)
        return Subject(matrix.every_benchmark, frozenset(matrix.benchmarks), matrix.teachers)
    cls = registry.find("benchmark", name)
    if root is not None and "root" not in cls.model_fields:
        raise HarnessError(f"{name} has no option root", remedy=f"`harness plugins show {name}` lists its options.")
    given = (*options, f"root={json.dumps(root)}") if root is not None else options
    return Subject({name: cast("Benchmark", make(cls, given))}, frozenset({name}), {})


def _facts(one: Checked) -> dict[str, Any]:
    findings = [{**asdict(finding), **asdict(KINDS[finding.kind])} for finding in one.findings]
    splits = [{**asdict(split), "unlabelled": split.unlabelled} for split in one.splits]
    return {**asdict(one), "splits": splits, "findings": findings}


def _told(one: Checked) -> Iterator[str]:
    yield one.label if one.label == one.name else f"{one.label} ({one.name})"
    if one.files:
        yield "files:"
    for file in one.files:
        yield from _file(file)
    if one.splits:
        yield "items:"
    for split in one.splits:
        classes = f"{split.pristine:,} pristine, {split.falsified:,} falsified"
        rest = f", {split.unlabelled:,} without a label" if split.unlabelled else ""
        yield f"  {split.split:<11}{split.items:>8,}   {classes}{rest}; {split.groups:,} groups"
    yield from _skipped(one)
    shown = [finding for finding in one.findings if finding.kind not in _TOLD_ABOVE]
    counts = {severity: sum(finding.severity == severity for finding in shown) for severity in SEVERITIES}
    yield "findings: " + ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items())
    for kind, own in groupby(shown, lambda finding: finding.kind):
        for finding in own:
            yield from _finding(finding)
        yield fill(f"{KINDS[kind].means} {KINDS[kind].remedy}", 112, initial_indent="    ", subsequent_indent="    ")


def _file(file: DataFile) -> Iterator[str]:
    there = "ok" if file.found >= file.wanted else "missing" if not file.found else "partial"
    count = f" {file.found:,} of {file.wanted:,}" if file.wanted != 1 else ""
    need = "" if file.needed or there == "ok" else " (can be done without)"
    yield f"  {there:<9}{plain(file.name)}{count} at {plain(file.path)}{need}"
    if there != "ok" and file.origin:
        yield f"           from {plain(file.origin)}"


def _skipped(one: Checked) -> Iterator[str]:
    if not one.skipped:
        return
    yield f"skipped: {len(one.skipped):,} entries"
    reasons = Counter(entry.reason for entry in one.skipped)
    for reason, count in reasons.most_common(MOST_REASONS):
        first = next(entry for entry in one.skipped if entry.reason == reason)
        yield f"  {count:>8,}   {plain(reason)}; first {plain(first.what)}"
    if len(reasons) > MOST_REASONS:
        yield f"  and {len(reasons) - MOST_REASONS} further reasons, which --json lists"


def _finding(finding: Finding) -> Iterator[str]:
    beside = f" beside {finding.other_benchmark}" if finding.other_benchmark else ""
    where = f" ({finding.split}{beside})" if finding.split or beside else ""
    yield f"  {finding.severity}: {finding.kind}{where}: {plain(finding.found)}"
    for example in finding.examples[:MOST_SHOWN]:
        yield f"    {_example(example)}"


def _example(example: Example) -> str:
    like = f" and {example.other} ({example.other_split})" if example.other else ""
    note = f": {example.note}" if example.note else ""
    return plain(f"{example.item} ({example.split}){like}{note}")
