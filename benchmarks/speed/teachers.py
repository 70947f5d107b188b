"""Answers per second of the teacher `openai` against what a server allows, and against plainer clients, in one run.

The server is a program of its own on this machine. It answers after a tenth of a second, and refuses what is beyond
its limit: so many calls at once, or so many per second. Every client sends the same prompts and pictures.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.api import Item
from harness.testing import material
from harness_teachers.openai import OpenAI

SERVER = Path(__file__).parents[2] / "tests" / "servers" / "faultserver.py"
DELAY = 0.1
ITEMS = 1200
SEQUENTIAL = 60

LIMITS = {
    "8 calls at once": (["--most", "8"], 8 / DELAY),
    "60 calls a second": (["--rate", "60", "--burst", "60"], 60.0),
    "60 calls a second, Retry-After in whole seconds": (["--rate", "60", "--burst", "60", "--whole-seconds"], 60.0),
}

Client = Callable[[OpenAI, Sequence[Item]], int]


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


def harness(teacher: OpenAI, items: Sequence[Item]) -> int:
    """The teacher, which is told nothing of the limit."""
    return sum(said.outcome == "ok" for said in teacher.annotate(items))


def sequential(teacher: OpenAI, items: Sequence[Item]) -> int:
    """One call after the other, with the official client as it comes."""
    from openai import OpenAI as Client

    with Client(base_url=teacher.base_url, api_key="none") as client:
        for item in items:
            client.chat.completions.create(**teacher.question(item))
    return len(items)


def semaphore(size: int) -> Client:
    """All calls at once behind a semaphore, with the official client, which retries ten times."""

    async def gathered(teacher: OpenAI, items: Sequence[Item]) -> int:
        from openai import APIError, AsyncOpenAI

        free = asyncio.Semaphore(size)
        async with AsyncOpenAI(base_url=teacher.base_url, api_key="none", max_retries=10) as client:

            async def one(item: Item) -> bool:
                async with free:
                    try:
                        await client.chat.completions.create(**teacher.question(item))
                    except APIError:
                        return False
                    return True

            return sum(await asyncio.gather(*map(one, items)))

    return lambda teacher, items: asyncio.run(gathered(teacher, items))


def rate(client: Client, options: Sequence[str], items: Sequence[Item]) -> tuple[float, int]:
    """Answers per second, and items without an answer."""
    with served(options) as address:
        teacher = OpenAI(base_url=address, prompt="caption-verdict-first", logprobs="off")
        start = time.perf_counter()
        answered = client(teacher, items)
        return answered / (time.perf_counter() - start), len(items) - answered


def main() -> None:
    import openai  # noqa: F401 - what it takes to import it is no client's throughput

    base = material.items(1)[0]
    items = [replace(base, id=str(number), caption=f"Caption {number}") for number in range(ITEMS)]
    worst = []
    for name, (options, limit) in LIMITS.items():
        well = max(1, round(limit * DELAY))
        clients: dict[str, tuple[Client, Sequence[Item]]] = {
            "harness": (harness, items),
            f"semaphore of {well}": (semaphore(well), items),
            f"semaphore of {8 * well}": (semaphore(8 * well), items),
            f"semaphore of {max(1, well // 4)}": (semaphore(max(1, well // 4)), items[: ITEMS // 3]),
            "sequential": (sequential, items[:SEQUENTIAL]),
        }
        print(f"limit: {name}, {limit:g} answers per second")
        rates = {}
        for client, (run, some) in clients.items():
            rates[client], lost = rate(run, options, some)
            print(f"  {client:16} {rates[client]:6.1f} per second, {rates[client] / limit:4.0%} of it, {lost} lost")
        ours = rates["harness"]
        worst.append((ours / limit, ours / rates[f"semaphore of {well}"], ours / rates["sequential"]))
    vs_limit, vs_semaphore, vs_sequential = (min(column) for column in zip(*worst, strict=True))
    print(f"vs_limit={vs_limit:.2f} vs_semaphore={vs_semaphore:.2f} vs_sequential={vs_sequential:.1f}")


if __name__ == "__main__":
    main()
