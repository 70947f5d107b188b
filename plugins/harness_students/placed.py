"""What a student with a model takes of the machine."""

from __future__ import annotations

from pydantic import Field, model_validator

from harness.api import Resources, Student
from harness_students.vlm_loading import Device


class Placed(Student):
    """Options that say where it works, and change nothing that is learnt but for rounding."""

    device: Device = "auto"
    """Where it is trained and asked; ``auto`` is CUDA where there is such a device."""
    threads: int | None = Field(default=None, ge=1)
    """Processor threads; by default what torch finds."""
    together: int = Field(default=1, ge=1, le=64)
    """Trainings that are done at once where so many are ready; their batches must fit into memory together."""
    gpus: int = Field(default=1, ge=0, le=64)
    """Devices that a training takes of a machine that has some. With several each holds the base and does its part of
    every batch; on the processor, or where there are fewer devices, as many processes share what there is."""
    shard: bool = False
    """Whether the frozen base is divided over the devices of a training (FSDP) and of a prediction, for one that does
    not fit into one device's memory. Every layer is put together when it is worked, which takes time."""
    gpu_gb: float = Field(default=0.0, ge=0)
    """Memory in GB that a step takes of each of its devices, so that others may share them; 0 takes whole devices."""
    ram_gb: float = Field(default=0.0, ge=0)
    """Main memory in GB that a step takes, where the executor counts it."""

    @model_validator(mode="after")
    def _alone_on_several(self) -> Placed:
        if self.gpus > 1 and self.together > 1:
            raise ValueError("trainings are done together on one device: set 'together' or 'gpus' to 1")
        if self.shard and self.gpus < 2:
            raise ValueError("a base is divided over several devices: set 'gpus' to how many, or 'shard' to false")
        return self

    @property
    def ranks(self) -> int:
        """Processes that share a training."""
        return max(1, self.gpus)

    def resources(self) -> Resources:
        """Devices, or on the processor a slot for every process."""
        if self.device == "cpu":
            return Resources(0, 0.0, self.ram_gb, slots=self.ranks)
        return Resources(self.gpus, self.gpu_gb, self.ram_gb)

    def resources_to_predict(self) -> Resources:
        """One device at most, but those that the base is divided over."""
        if self.device == "cpu":
            return Resources(ram_gb=self.ram_gb)
        return Resources(self.gpus if self.shard else min(self.gpus, 1), self.gpu_gb, self.ram_gb)

    def at_once(self) -> int:
        """As many as the option says."""
        return self.together
