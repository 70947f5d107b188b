"""What a step takes of a machine while it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Resources:
    """An executor gives the step to a worker that has them. What a machine has none of is not asked of it."""

    gpus: int = 0
    """Devices; a worker sees these and no other."""
    gpu_gb: float = 0.0
    """Memory that it takes on each of its devices, in GB; 0: the whole device."""
    ram_gb: float = 0.0
    """Main memory in GB; 0: not known, and not counted."""
    slots: int = 1
    """Worker slots that it counts for, such as more than 1 for a step that starts processes of its own."""
