"""Bounds on what a processor makes of one picture."""

from __future__ import annotations

from math import isqrt
from typing import Any

from harness.api import TrainingError
from harness_students.families import Family

Model = Any
Processor = Any


def bound_tiles(model: Model, processor: Processor, family: Family | None, tiles: int) -> None:
    """At most so many tiles of a picture, the overview not counted."""
    images = processor.image_processor
    match family.tiles if family else "none":
        case "grid":
            grids = _grids(images.image_grid_pinpoints, images.size["shortest_edge"], tiles)
            # The processor lays the tiles out and the model puts them together again: both read the list.
            images.image_grid_pinpoints = model.config.image_grid_pinpoints = grids
        case "edge":
            images.size = {"longest_edge": isqrt(tiles) * images.max_image_size["longest_edge"]}
        case "patches":
            images.min_patches, images.max_patches = min(images.min_patches, tiles), tiles
        case _:
            raise _refusal(model, "image_tiles", "cuts no picture into tiles")


def bound_edge(model: Model, processor: Processor, family: Family | None, pixels: int) -> None:
    """Scale pictures to a longest edge, or to an area of its square where the processor counts areas."""
    images = processor.image_processor
    match family.edge if family else "none":
        case "side":
            images.size = {"longest_edge": pixels}
        case "area":
            shortest = min(images.size["shortest_edge"], pixels**2)
            images.size = {"shortest_edge": shortest, "longest_edge": pixels**2}
        case _:
            raise _refusal(model, "longest_edge", "does not scale pictures by their longest edge")


def _grids(grids: list[list[int]], side: int, tiles: int) -> list[list[int]]:
    """Those that are small enough; a single tile where none is."""
    small = [grid for grid in grids if (grid[0] // side) * (grid[1] // side) <= tiles]
    return small or [[side, side]]


def _refusal(model: Model, option: str, why: str) -> TrainingError:
    return TrainingError(
        f"the processor of a {model.config.model_type} {why}", remedy=f"leave the student's option {option!r} out"
    )
