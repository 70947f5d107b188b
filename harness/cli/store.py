"""Commands on the store: what is in it, whether it is whole, what could go, and moving it."""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.distance import pull, push
from harness.cli.options import INCOMPLETE, json_flag, store_option

if TYPE_CHECKING:
    from harness.record import Run
    from harness.store import Store

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@click.group()
def store() -> None:
    """Look at the store, check it, tidy it up, and take steps from one to another."""


store.add_command(push)
store.add_command(pull)


@store.command("ls")
@store_option
@click.argument("kind", required=False)
@json_flag
def ls(store_path: Path, kind: str | None, as_json: bool) -> None:
    """How much of what is stored; every artifact of KIND (annotate, rank, train, predict …) where one is named."""
    from harness import inventory

    found = _store(store_path)
    if kind is None:
        _summary(found, as_json)
        return
    entries = inventory.entries(found, kind)
    if as_json:
        click.echo(json.dumps([asdict(entry) for entry in entries], indent=1))
        return
    for entry in entries:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.finished)) if entry.finished else "?"
        click.echo(f"{entry.key[:12]}  {when:<16}  {_human(entry.bytes):>9}  {entry.what}")


def _summary(found: Store, as_json: bool) -> None:
    from harness import inventory

    parts = [*(f"artifacts/{kind}" for kind in inventory.kinds(found)), "answers", "canaries", "shelves"]
    parts += ["checkpoints", "failures", *inventory.LEFTOVERS]
    rows = {
        part: {"entries": _entries(found.root / part), "bytes": inventory.size(found.root / part)}
        for part in parts
        if (found.root / part).is_dir()
    }
    total = inventory.size(found.root)
    if as_json:
        click.echo(json.dumps({"root": str(found.root), "bytes": total, "parts": rows}, indent=1))
        return
    for part, row in rows.items():
        click.echo(f"{part:<20} {row['entries']:>8}  {_human(row['bytes']):>9}")
    click.echo(f"{'all':<20} {'':>8}  {_human(total):>9}")


def _entries(folder: Path) -> int:
    return sum(1 for path in folder.iterdir() if not path.name.endswith(("-wal", "-shm", ".lock")))


@store.command("verify")
@store_option
@click.option("--repair", is_flag=True, help="Set damaged artifacts aside: the next run makes them again.")
def verify(store_path: Path, repair: bool) -> None:
    """Read every byte and compare it with its checksum; exit status 3 where something is damaged."""
    from harness import inventory

    found = _store(store_path)
    damages = list(inventory.damage(found))
    for damage in damages:
        aside = ""
        if repair and damage.path.parent.parent == found.root / "artifacts":
            aside = f"; moved to {found.set_aside(damage.path.parent.name, damage.path.name)}"
        click.echo(f"{damage.path}: {damage.cause}{aside}")
    checked = sum(1 for kind in inventory.kinds(found) for _ in (found.root / "artifacts" / kind).iterdir())
    click.echo(f"{checked} artifacts in {found.root}, {len(damages)} damaged")
    if damages and not repair:
        sys.exit(INCOMPLETE)


class _Span(click.ParamType[float]):
    """A span of time such as 90m, 12h or 7d, in seconds."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"(\d{1,6})([smhd])", str(value))
        if not found:
            self.fail(f"{value!r} is no span of time such as 90m, 12h or 7d", param, ctx)
        return float(int(found[1]) * _UNITS[found[2]])


@store.command("gc")
@store_option
@click.argument("keep", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--older-than", default="1d", show_default=True, type=_Span(), help="What is younger stays.")
@click.option("--caches", is_flag=True, help="Caches, too: what is in them is made again when it is needed.")
@click.option("--delete", is_flag=True, help="Do it; otherwise it is only said what would go.")
@json_flag
def gc(store_path: Path, keep: tuple[Path, ...], older_than: float, caches: bool, delete: bool, as_json: bool) -> None:
    """Remove what nobody needs. KEEP are matrices, or folders, records and reports of runs, whose steps stay.

    The runs whose tables lie beside the store are kept, too, and so are all answers of teachers.
    """
    from harness.sweeping import Broom, sweep

    found = _store(store_path)
    runs = _runs((*keep, *_beside(found)), found)
    kept = {key for run in runs for key in run.plan.steps}
    rubbish = list(Broom(kept, older_than, caches).rubbish(found))
    freed = sum(part.bytes for part in rubbish)
    if as_json:
        parts = [{"path": str(part.path), "why": part.why, "bytes": part.bytes} for part in rubbish]
        facts = {"kept_for": [run.name for run in runs], "rubbish": parts, "bytes": freed, "deleted": delete}
        click.echo(json.dumps(facts, indent=1))
    else:
        for part in rubbish:
            click.echo(f"{_human(part.bytes):>9}  {part.path.relative_to(found.root)}: {part.why}")
        click.echo(f"kept for: {', '.join(run.name for run in runs)}")
    if delete:
        sweep(found, rubbish)
    if not as_json:
        done = "removed" if delete else "could go; --delete removes it"
        click.echo(f"{len(rubbish)} entries, {_human(freed)} {done}")


def _beside(found: Store) -> list[Path]:
    from harness.record import FILE

    return sorted(path.parent for path in found.root.parent.glob(f"*/{FILE}"))


def _runs(paths: tuple[Path, ...], found: Store) -> list[Run]:
    from harness import record
    from harness.errors import HarnessError
    from harness.plugins import Registry

    if not paths:
        raise HarnessError(
            "no matrix is named and no run lies beside the store, so nothing says what is needed",
            place=str(found.root),
            remedy="Name the matrices whose steps are to stay.",
        )
    registry = Registry.installed()
    return [record.find(path, found, registry) for path in dict.fromkeys(paths)]


@store.command("export")
@store_option
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("matrix", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
def export(store_path: Path, archive: Path, matrix: tuple[Path, ...]) -> None:
    """Write ARCHIVE (.tar, .tar.gz) with all that is stored for the matrices, and what their teachers answered."""
    from harness.parcel import pack

    found = _store(store_path)
    moved = pack(_runs(matrix, found), archive)
    click.echo(f"{archive}: {moved.steps} steps, {moved.answers} answers, {_human(archive.stat().st_size)}")


@store.command("import")
@store_option
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_(store_path: Path, archive: Path) -> None:
    """Put the steps and answers of an ARCHIVE into the store; what is there stays.

    Checksums tell damage, not intent: import what people gave you whom you would believe their results.
    """
    from harness.parcel import unpack
    from harness.store import Store

    moved = unpack(archive, Store(store_path))
    click.echo(
        f"{moved.steps} steps, {moved.new_steps} of them new; {moved.answers} answers, {moved.new_answers} of them new"
    )


def _store(path: Path) -> Store:
    from harness.errors import StoreError
    from harness.store import Store

    if not path.is_dir():
        raise StoreError("there is no store", place=str(path), remedy="Name it by --store or HARNESS_STORE.")
    return Store(path)


def _human(count: int) -> str:
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
