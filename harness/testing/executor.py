"""Rules for executors."""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import Executor as Workers
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from harness.components import Executor
from harness.errors import MissingDependency
from harness.leases import alive
from harness.testing import trial
from harness.testing.contract import ContractBroken, broken, skip, told

LIMIT_S = 60


def check_runs_what_is_submitted(executor: Executor) -> None:
    """open() gives something with submit(function, *arguments), which returns a concurrent.futures.Future of what the
    function returns; slots() says how many may run at once, 1 or more."""
    if not isinstance(executor.slots(), int) or executor.slots() < 1:
        broken(f"slots() is {executor.slots()!r}")
    try:
        with executor.open() as workers:
            future = workers.submit(_add, 2, 3)
            if not isinstance(future, Future):
                broken(f"submit() gave {future!r:.60}, which is no Future")
            if (found := future.result(LIMIT_S)) != 5:
                broken(f"2 + 3 gave {found!r}")
    except (ContractBroken, MissingDependency):
        raise
    except Exception as error:
        broken(f"a call failed: {told(error)}")


def check_hands_an_exception_back(executor: Executor) -> None:
    """A call that raises sets its Future's exception; the next call runs as if nothing had happened."""
    with _open(executor) as workers:
        try:
            failed = workers.submit(_fail, "as asked").exception(LIMIT_S)
            if not isinstance(failed, KeyError):
                broken(f"a call raised KeyError, and its future says {failed!r:.80}")
            _expect_sum(workers, "after a call that raised")
        except ContractBroken:
            raise
        except TimeoutError:
            broken(f"a call that raises does not end within {LIMIT_S} s")
        except Exception as error:
            broken(f"a call that raises stops the executor: {told(error)}")


def check_a_dead_worker_takes_only_its_own_call_with_it(executor: Executor) -> None:
    """A process that dies (out of memory, a crash in native code) fails its own call; start another for the rest."""
    with _open(executor) as workers:
        if workers.submit(os.getpid).result(LIMIT_S) == os.getpid():
            skip("calls run in this process")
        try:
            died = workers.submit(os._exit, 9).exception(LIMIT_S)
            if died is None:
                broken("a call whose process died counts as done")
            _expect_sum(workers, "after a worker's death")
        except ContractBroken:
            raise
        except TimeoutError:
            broken(f"a call whose process died does not end within {LIMIT_S} s")
        except Exception as error:
            broken(f"a worker's death stops the executor: {told(error)}")


def check_runs_as_many_at_once_as_it_says(executor: Executor) -> None:
    """slots() is how many calls run at the same time; the run submits so many and no more."""
    if executor.slots() < 2:
        skip("it runs one call at a time")
    with _folder("meet") as folder, _open(executor) as workers:
        pair = [workers.submit(_meet, folder, name, other) for name, other in (("a", "b"), ("b", "a"))]
        if not all(future.result(LIMIT_S) for future in pair):
            broken(f"slots() is {executor.slots()}, and two calls do not run at the same time")


def check_gives_the_results_of_an_inline_run(executor: Executor) -> None:
    """Where a step runs must not show: no seed, no order and no state of a worker reaches a result."""
    with _open(executor) as workers:
        _expect_sum(workers, "in a new executor")
    seen, wanted = trial.performed(executor), trial.finished()
    failed = seen.results.loc[seen.results["state"] != "done"]
    if len(failed):
        row = failed.iloc[0]
        broken(f"{len(failed)} of {len(seen.results)} cells are {row['state']}: {row['reason']}")
    if seen.results.to_csv(index=False) != wanted.results.to_csv(index=False):
        broken("the results table is another one than that of a run in one process")


def check_leaves_no_process_behind(executor: Executor) -> None:
    """When what open() gave is closed, end every process that was started, also one that is busy."""
    with _folder("busy") as folder:
        with _open(executor) as workers:
            if workers.submit(os.getpid).result(LIMIT_S) == os.getpid():
                skip("calls run in this process")
            workers.submit(_stay, folder)
            process = _written(Path(folder, "process"))
        until = time.monotonic() + 10
        while alive(process):
            if time.monotonic() > until:
                Path(folder, "end").touch()
                broken("a busy worker still runs 10 s after the executor was closed")
            time.sleep(0.05)


def _folder(name: str) -> tempfile.TemporaryDirectory[str]:
    """A folder for calls to meet in; one that is being ended may still write to it."""
    return tempfile.TemporaryDirectory(prefix=f"harness-{name}-", ignore_cleanup_errors=True)


def _open(executor: Executor) -> Any:  # noqa: ANN401 - a context manager of workers
    """Its workers; where they cannot even add, another rule says so."""
    try:
        with executor.open() as workers:
            workers.submit(_add, 1, 1).result(LIMIT_S)
    except MissingDependency:
        raise
    except Exception as error:
        skip(f"a call failed: {told(error)}")
    return executor.open()


def _expect_sum(workers: Workers, when: str) -> None:
    if (found := workers.submit(_add, 2, 3).result(LIMIT_S)) != 5:
        broken(f"{when}, 2 + 3 gave {found!r}")


def _add(one: int, other: int) -> int:
    return one + other


def _fail(text: str) -> None:
    raise KeyError(text)


def _meet(folder: str, name: str, other: str) -> bool:
    """Whether another call is there at the same time."""
    Path(folder, name).touch()
    until = time.monotonic() + 10
    while not Path(folder, other).exists():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _stay(folder: str) -> None:
    """Keep a process busy until it is told to end, for a minute at the most."""
    Path(folder, "begun").write_text(str(os.getpid()))
    Path(folder, "begun").rename(Path(folder, "process"))
    until = time.monotonic() + LIMIT_S
    while not Path(folder, "end").exists() and Path(folder).exists() and time.monotonic() < until:
        time.sleep(0.02)


def _written(file: Path) -> int:
    until = time.monotonic() + LIMIT_S
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.02)
    return int(file.read_text())


CHECKS = (
    check_runs_what_is_submitted,
    check_hands_an_exception_back,
    check_a_dead_worker_takes_only_its_own_call_with_it,
    check_runs_as_many_at_once_as_it_says,
    check_gives_the_results_of_an_inline_run,
    check_leaves_no_process_behind,
)
