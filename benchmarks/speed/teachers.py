"""Answers per second of the teacher `openai` against what a server allows, and against plainer clients, in one run.

The server is a program of its own on this machine. It answers after half a second, and refuses what is beyond its
limit: so many calls at once, or so many per second. Every client sends the same prompts and pictures. The plain client
is told the limit where it is "set well"; the teacher never is. Each is measured once it has settled, after 5 seconds.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from harness.api import Item
from harness.testing import material
from harness_teachers.openai import OpenAI

SERVER = Path(__file__).parents[2] / "tests" / "servers" / "faultserver.py"
DELAY = 0.5
SETTLED_S = 5.0
SECONDS = 40.0

LIMITS = {
    "24 calls at once": (["--most", "24"], 24 / DELAY),
    "48 calls a second": (["--rate", "48", "--burst", "48"], 48.0),
    "48 calls a second, Retry-After in whole seconds": (["--rate", "48", "--burst", "48", "--whole-seconds"], 48.0),
}
"""Options of the server, and the answers per second that they allow; 24 calls at once are as many as each allows."""
SIZES = {"set well": 24, "set too large": 192, "set too small": 6}

Done = Callable[[bool], None]
"""Is told of every item that was answered, or was not."""
Client = Callable[[OpenAI, Sequence[Item], Done], None]


@contextmanager
def served(options: Sequence[str]) -> Iterator[str]:
    """The address of a server with these limits."""
    command = [sys.executable, str(SERVER), "--delay", str(DELAY), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        finally:
            server.kill()


def harness(teacher: OpenAI, items: Sequence[Item], done: Done) -> None:
    """The teacher, which is told nothing of the limit."""
    for said in teacher.annotate(items):
        done(said.outcome == "ok")


def sequential(teacher: OpenAI, items: Sequence[Item], done: Done) -> None:
    """One call after the other, with the official client as it comes."""
    from openai import OpenAI as Client

    with Client(base_url=teacher.base_url, api_key="none") as client:
        for item in items:
            client.chat.completions.create(**teacher.question(item))
            done(True)


def semaphore(size: int) -> Client:
    """All calls at once behind a semaphore, with the official client, which retries ten times."""

    async def gathered(teacher: OpenAI, items: Sequence[Item], done: Done) -> None:
        from openai import APIError, AsyncOpenAI

        free = asyncio.Semaphore(size)
        async with AsyncOpenAI(base_url=teacher.base_url, api_key="none", max_retries=10) as client:

            async def one(item: Item) -> None:
                async with free:
                    try:
                        await client.chat.completions.create(**teacher.question(item))
                    except APIError:
                        done(False)
                    else:
                        done(True)

            await asyncio.gather(*map(one, items))

    return lambda teacher, items, done: asyncio.run(gathered(teacher, items, done))


def rate(client: Client, options: Sequence[str], limit: float) -> tuple[float, int]:
    """Answers per second from when it has settled until its time is over, and items without an answer so far."""
    base = material.items(1)[0]
    items = [replace(base, id=str(number), caption=f"Caption {number}") for number in range(int(limit * SECONDS * 2))]
    answered: list[float] = []
    lost = 0

    def done(ok: bool) -> None:
        nonlocal lost
        now = time.perf_counter() - start
        if now > SECONDS:
            raise TimeoutError
        lost += not ok
        if ok and now > SETTLED_S:
            answered.append(now)

    with served(options) as address:
        teacher = OpenAI(base_url=address, prompt="caption-verdict-first", logprobs="off")
        start = time.perf_counter()
        with suppress(TimeoutError):
            client(teacher, items, done)
    return len(answered) / (SECONDS - SETTLED_S), lost


def main() -> None:
    import openai  # noqa: F401 - what it takes to import it is no client's throughput

    clients: dict[str, Client] = {
        "harness": harness,
        **{f"semaphore, {how}": semaphore(size) for how, size in SIZES.items()},
        "sequential": sequential,
    }
    worst = []
    for name, (options, limit) in LIMITS.items():
        print(f"limit: {name}, {limit:g} answers per second")
        rates = {}
        for client, run in clients.items():
            rates[client], lost = rate(run, options, limit)
            share = rates[client] / limit
            print(f"  {client:24} {rates[client]:6.1f} per second, {share:4.0%} of it, {lost} lost", flush=True)
        ours = rates["harness"]
        worst.append((ours / limit, ours / rates["semaphore, set well"], ours / rates["sequential"]))
    vs_limit, vs_semaphore, vs_sequential = (min(column) for column in zip(*worst, strict=True))
    print(f"vs_limit={vs_limit:.2f} vs_semaphore={vs_semaphore:.2f} vs_sequential={vs_sequential:.1f}")


if __name__ == "__main__":
    main()
