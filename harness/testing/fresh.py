"""A fresh interpreter: what importing a plugin costs there, and whether it works there as it does here."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from harness.component import Component
from harness.loading import HEAVY
from harness.testing.contract import ContractBroken, skip

# Strings are hashed by another seed there, so that an order that hangs on a set shows.
HASH_SEED = "271828"

LIMIT_S = 300

_IMPORT = """
import importlib, json, sys
calls = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request"):
        calls.append(event + " " + str(arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]))
sys.addaudithook(watch)
import harness.api
before, error = set(sys.modules), ""
try:
    importlib.import_module(sys.argv[1])
except BaseException as failure:
    error = type(failure).__name__ + ": " + str(failure)
roots = {name.partition(".")[0] for name in set(sys.modules) - before}
print("\\n" + json.dumps([error, sorted(roots & set(sys.argv[2:])), calls]))
"""

_CALL = """
import json, pickle, sys
function, arguments = pickle.load(sys.stdin.buffer)
print("\\n" + json.dumps(function(*arguments)))
"""


@dataclass(frozen=True, slots=True)
class Import:
    """What importing a module did."""

    error: str
    heavy: tuple[str, ...]
    """Heavy packages that it imported."""
    calls: tuple[str, ...]
    """Attempts to reach a network."""


@cache
def imported(module: str) -> Import:
    """Import a module in a fresh interpreter and watch it."""
    error, heavy, calls = _run(_IMPORT, module, *sorted(HEAVY))
    return Import(error, tuple(heavy), tuple(calls))


def call(function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    """What an importable function gives for picklable arguments in a fresh interpreter; a JSON value."""
    return _run(_CALL, given=pickle.dumps((function, arguments)))


def expect_sendable(component: Component) -> None:
    """Skip where a component cannot be sent to a fresh interpreter; that is looked at by rules of its own."""
    try:
        pickle.dumps(component)
    except Exception:
        skip("it cannot be pickled")
    if imported(type(component).__module__).error:
        skip("it cannot be imported in a fresh interpreter")


def _run(script: str, *arguments: str, given: bytes = b"") -> Any:  # noqa: ANN401 - whatever JSON holds
    path = os.pathsep.join(place or os.getcwd() for place in sys.path)
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": HASH_SEED}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], input=given, capture_output=True, env=environment, timeout=LIMIT_S
    )
    lines = done.stdout.decode(errors="replace").splitlines()
    if done.returncode or not lines:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ContractBroken(f"a fresh interpreter failed: {said[-1] if said else f'exit status {done.returncode}'}")
    return json.loads(lines[-1])
