"""Checkpoints of a training: written through the trainer, sealed, and taken up again only where they are whole."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import Workbench, digest, file_digest

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import TrainerCallback

SEAL = "seal.json"


class Checkpoints:
    """The checkpoints in a training's folder, of which the newest one that is whole counts."""

    def __init__(self, bench: Workbench, training: Mapping[str, Any], minutes: float | None) -> None:
        """``training`` says what is trained on what; a checkpoint of another training is a stranger's."""
        self._bench, self._minutes = bench, minutes
        self._training = digest({**training, "versions": _versions()})

    def newest(self) -> Path | None:
        """The folder to go on from. What cannot be used is deleted, and the manifest says so."""
        found = None
        for folder in sorted(self._folders(), key=_step, reverse=True):
            fault = "" if found is None else "older"
            fault = fault or self._fault(folder)
            if not fault:
                found = folder
                continue
            shutil.rmtree(folder)
            if fault != "older":
                self._bench.prove(checkpoint_ignored=f"{folder.name} {fault}")
        if found is not None:
            self._bench.prove(resumed_at_step=_step(found))
        return found

    def seal(self, folder: Path) -> None:
        """Say that a checkpoint is complete, and delete the older ones."""
        files = {path.relative_to(folder).as_posix(): file_digest(path) for path in _files(folder)}
        beside = folder / f".{SEAL}"
        beside.write_text(json.dumps({"training": self._training, "files": files}))
        beside.replace(folder / SEAL)
        for other in self._folders():
            if other != folder:
                shutil.rmtree(other)

    def callback(self, accelerator: Accelerator) -> TrainerCallback:
        """Asks the trainer to save when it is time; of several ranks the first one says when."""
        from accelerate.utils import broadcast_object_list
        from transformers import TrainerCallback

        minutes = self._minutes

        class Timer(TrainerCallback):  # type: ignore[misc]
            """Counts the minutes since the last checkpoint."""

            since = time.monotonic()

            def on_train_begin(self, args: object, state: object, control: object, **_: object) -> None:
                self.since = time.monotonic()

            def on_step_end(self, args: object, state: Any, control: Any, **_: object) -> None:  # noqa: ANN401
                late = minutes is not None and time.monotonic() - self.since >= 60 * minutes
                if accelerator.num_processes > 1 and minutes is not None:
                    (late,) = broadcast_object_list([late])
                if late and state.global_step < state.max_steps:
                    control.should_save = True
                    self.since = time.monotonic()

        return Timer()

    def _folders(self) -> Iterator[Path]:
        return (path for path in self._bench.checkpoints.glob("checkpoint-*") if path.is_dir())

    def _fault(self, folder: Path) -> str:
        try:
            seal = json.loads((folder / SEAL).read_bytes())
            files = {folder / name: digest for name, digest in seal["files"].items()}
            same = seal["training"] == self._training
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return "is not complete"
        if not same:
            return "is of another training"
        whole = set(files) == set(_files(folder)) and all(file_digest(path) == files[path] for path in files)
        return "" if whole else "is damaged"


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SEAL)


def _step(folder: Path) -> int:
    number = folder.name.partition("-")[2]
    return int(number) if number.isdigit() else -1


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {package: version(package) for package in ("torch", "transformers", "trl", "peft")}
