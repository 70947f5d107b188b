"""A call on its way to another process, which may know less than this one."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Sent:
    """A call as bytes, with where this process looks for modules: what is called may lie there alone."""

    call: bytes
    folder: str
    path: tuple[str, ...]

    @classmethod
    def of(cls, call: Callable[[], Any]) -> Sent:
        """Raises where the call cannot be pickled."""
        return cls(pickle.dumps(call), os.getcwd(), tuple(sys.path))

    def __call__(self) -> Any:  # noqa: ANN401
        """Make the call, in the folder in which it was made, as far as this machine has that."""
        sys.path += [place for place in self.path if place not in sys.path]
        if Path(self.folder).is_dir():
            os.chdir(self.folder)
        return pickle.loads(self.call)()
