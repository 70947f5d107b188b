"""Kill a run at random moments, again and again: no answer may be lost, and none paid twice but those under way.

Two teachers ask a server, which is a program of its own and counts what it would bill. Each run is `harness run` with
its workers, ended by SIGKILL; the last one may finish. The moments are drawn from a seed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.request import urlopen

from trial import start

SERVER = Path(__file__).parents[2] / "tests" / "servers" / "faultserver.py"
MODELS = ("large", "small")
AT_ONCE = 8

MATRIX = """\
evaluate_on:
  archive: {{uses: table, file: archive.csv, split: split}}
teachers:
  large: {{uses: openai, model: large, base_url: {address}, max_concurrency: {at_once}}}
  small: {{uses: openai, model: small, base_url: {address}, max_concurrency: {at_once}}}
teachers_as_arms: true
executor: {{uses: local, workers: 2, threads: 1}}
reports: {{}}
"""


@contextmanager
def served() -> Iterator[str]:
    """The address of a server that now and then fails for a moment."""
    command = [sys.executable, str(SERVER), "--delay", "0.05", "--most", "12"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def write_archive(folder: Path, items: int, address: str) -> None:
    """A table whose every tenth caption makes the server fail once, with its picture and its matrix."""
    from PIL import Image

    Image.new("RGB", (64, 48), "navy").save(folder / "picture.png")
    faults = ("", "[e500 x1] ", "", "[cut x1] ", "[e429 x1] ")
    rows = []
    for number in range(items):
        fault = faults[number // 10 % 5] if number % 10 == 0 else ""
        rows.append(f"{number},{fault}Caption {number},picture.png,{('real', 'fake')[number % 2]},test")
    (folder / "archive.csv").write_text("\n".join(["id,caption,image,label,split", *rows]) + "\n")
    (folder / "chaos.yaml").write_text(MATRIX.format(address=f"{address}/v1", at_once=AT_ONCE))


def billed(address: str) -> int:
    """Answers that the server gave."""
    with urlopen(f"{address}/counts", timeout=10) as reply:
        return sum(count for *_, count in json.load(reply)["billed"])


def journalled(folder: Path) -> int:
    """Answers that are kept."""
    total = 0
    for path in (folder / "store" / "answers").glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'answers'").fetchone()
            total += connection.execute("SELECT count(*) FROM answers").fetchone()[0] if tables[0] else 0
    return total


def kill_once(folder: Path, address: str, chance: random.Random, span: float) -> None:
    """A run that is killed at a random moment: most often while it asks, now and then before."""
    process, before = start(folder), billed(address)
    if chance.random() < 0.85:
        until = time.monotonic() + 60
        while billed(address) == before and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
    time.sleep(chance.uniform(0, span))
    assert process.poll() is None, f"the run ended by itself\n{(folder / 'log.txt').read_text()}"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def torment(folder: Path, kills: int, items: int, seed: int) -> tuple[int, int, int]:
    """Answers kept in the end, calls that were billed twice, and calls under way at the kills."""
    chance, under_way = random.Random(seed), 0
    with served() as address:
        write_archive(folder, items, address)
        # Half the work at most is done while the runs are killed.
        span = items * len(MODELS) / 2 / kills / (12 / 0.05) * 2
        for number in range(kills):
            lost_before = billed(address) - journalled(folder)
            kill_once(folder, address, chance, span)
            # What was answered to a process that is dead: it is read and written no more.
            time.sleep(0.1)
            lost = billed(address) - journalled(folder) - lost_before
            assert 0 <= lost <= AT_ONCE * len(MODELS), f"kill {number}: {lost} calls were under way"
            under_way += lost
        process = start(folder)
        assert process.wait(300) == 0, (folder / "log.txt").read_text()
        return answers(folder), billed(address) - items * len(MODELS), under_way


def answers(folder: Path) -> int:
    """Verdicts in the artifacts, each item of each teacher once."""
    found = set()
    for path in (folder / "store" / "artifacts" / "annotate").glob("*/annotations.jsonl"):
        for line in path.read_text().splitlines():
            said = json.loads(line)
            assert said["outcome"] == "ok", said
            assert (path.parent.name, said["item_id"]) not in found
            found.add((path.parent.name, said["item_id"]))
    return len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--items", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        found, duplicates, under_way = torment(Path(folder), given.kills, given.items, given.seed)
    expected = given.items * len(MODELS)
    print(f"kills={given.kills} answers={found} expected={expected} duplicates={duplicates} in_flight={under_way}")
    if found != expected or duplicates > under_way:
        sys.exit(1)


if __name__ == "__main__":
    main()
