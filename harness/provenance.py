"""What the environment was: versions, machine, code state. Recorded beside results, never part of a key."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from harness import __version__
from harness.plugins import Registry

PACKAGES = ("torch", "transformers", "peft", "trl", "accelerate", "datasets", "numpy", "pandas", "pydantic", "pillow")


def collect(registry: Registry) -> dict[str, Any]:
    """Facts about this process's surroundings, without importing anything heavy."""
    return {
        "harness": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count() or 0,
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "plugins": {
            f"{plugin.distribution}/{plugin.name}": plugin.version for plugin in registry.plugins if not plugin.error
        },
        "code": _code_state(),
    }


def _version(name: str) -> str:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return ""


def _code_state() -> Mapping[str, Any]:
    """Commit of the checkout that is installed, and whether it has uncommitted changes; empty for a release."""
    try:
        if not _editable(distribution("ooc-harness")):
            return {}
        root = Path(__file__).parent.parent
        git = ["git", "-C", str(root)]
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10)
        status = subprocess.run(
            [*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True, timeout=10
        )
    except (PackageNotFoundError, OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit.stdout.strip(), "changed": bool(status.stdout.strip())}


def _editable(found: Distribution) -> bool:
    return '"editable": true' in (found.read_text("direct_url.json") or "")
