"""A teacher whose module asks a server before anybody asks it."""

import contextlib
import socket
from typing import ClassVar

from mutant_teachers import Sound

from harness.api import hookimpl

with contextlib.suppress(OSError):
    socket.create_connection(("127.0.0.1", 9), timeout=0.2).close()


class Caller(Sound):
    """Asked a server for its models."""

    name = "caller"
    breaks: ClassVar = "reaches no network when imported"
    seen: ClassVar = "importing mutant_caller calls socket."


@hookimpl
def harness_teachers():
    return [Caller]
