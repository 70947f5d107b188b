"""What commands on a matrix begin with: its plan, the store, and the cells that a name stands for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.plan import Cell, Plan
    from harness.plugins import Registry
    from harness.store import Store


def prepared(matrix: Path, store_path: Path) -> tuple[Plan, Store, Registry]:
    """The plan of a matrix by all that is installed."""
    from harness import planning
    from harness.plugins import Registry
    from harness.reading import load
    from harness.store import Store

    registry = Registry.installed()
    return planning.make(load(matrix, registry)), Store(store_path), registry


def cells_of(plan: Plan, matrix: Path, name: str) -> list[Cell]:
    """The cell of that name, or all cells of an arm; raises `HarnessError` where there is neither."""
    from harness import explain
    from harness.errors import HarnessError
    from harness.loading import did_you_mean

    cells = explain.find(plan, name)
    if not cells:
        names = [found.point.cell for found in plan.cells]
        raise HarnessError(
            f"no cell is called {name!r}{did_you_mean(name, names)}", remedy=f"`harness status {matrix}` lists them."
        )
    return cells
