"""Devices of this machine, and which of them a step may have."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.api import Resources

SEEN = "CUDA_VISIBLE_DEVICES"

# A driver that answers later than this is not well.
_PATIENCE_S = 20


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU by what ``CUDA_VISIBLE_DEVICES`` calls it, with its memory in GB; 0 where that is not known."""

    name: str
    gb: float = 0.0


def found() -> tuple[Device, ...]:
    """What the driver knows, as far as ``CUDA_VISIBLE_DEVICES`` lets it be seen; nothing where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    asked = [tool, "--query-gpu=index,uuid,memory.total", "--format=csv,noheader,nounits"]
    try:
        lines = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=_PATIENCE_S).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    visible = os.environ.get(SEEN)
    names = None if visible is None else [name.strip() for name in visible.split(",") if name.strip()]
    return devices_of(lines, names)


def devices_of(lines: str, visible: Sequence[str] | None) -> tuple[Device, ...]:
    """From what ``nvidia-smi`` writes (index, UUID, MiB); ``visible`` are indices or UUIDs, None means all."""
    devices = {}
    for line in lines.splitlines():
        index, uuid, mib = (part.strip() for part in line.split(","))
        device = Device(index, float(mib) * 2**20 / 1e9 if mib.replace(".", "").isdigit() else 0.0)
        devices[index] = devices[uuid] = device
    if visible is None:
        return tuple(dict.fromkeys(devices.values()))
    return tuple(devices[name] for name in visible if name in devices)


@dataclass(slots=True)
class Ledger:
    """What of the devices is taken, in GB; a step without a number takes all of a device."""

    devices: Sequence[Device]
    taken: dict[Device, float] = field(default_factory=dict)
    whole: set[Device] = field(default_factory=set)

    def pick(self, wanted: Resources) -> tuple[Device, ...] | None:
        """Devices that have room now, those fullest first that still do; None where there are too few.

        A machine without any gives none, and one with fewer than are wanted all that it has.
        """
        count = min(wanted.gpus, len(self.devices))
        fitting = [device for device in self.devices if self._fits(device, wanted.gpu_gb)]
        if len(fitting) < count:
            return None
        # Steps that share are kept on few devices, so that a whole one stays free for those that do not.
        order = sorted(fitting, key=lambda device: -self.taken.get(device, 0.0))
        return tuple(sorted(order[:count], key=self.devices.index))

    def _fits(self, device: Device, gb: float) -> bool:
        taken = self.taken.get(device, 0.0)
        if device in self.whole:
            return False
        if not gb or not device.gb:
            return not taken
        # What would not fit even alone is tried alone.
        return taken + gb <= device.gb or not taken

    def take(self, devices: Sequence[Device], gb: float) -> None:
        """Write down what a step takes of each."""
        for device in devices:
            if gb and device.gb:
                self.taken[device] = self.taken.get(device, 0.0) + gb
            else:
                self.whole.add(device)

    def give_back(self, devices: Sequence[Device], gb: float) -> None:
        """What `take` wrote down is free again."""
        for device in devices:
            if gb and device.gb:
                left = self.taken.pop(device) - gb
                self.taken |= {device: left} if left > 1e-6 else {}
            else:
                self.whole.discard(device)


def environment(devices: Sequence[Device], all_devices: Sequence[Device]) -> Mapping[str, str]:
    """What makes a process see these devices and no other; nothing to be said where the machine has none."""
    return {SEEN: ",".join(device.name for device in devices)} if all_devices else {}


def visible(variables: Mapping[str, str]) -> set[str]:
    """Names of the devices that a process with this `environment` sees."""
    return {name for name in variables.get(SEEN, "").split(",") if name}
