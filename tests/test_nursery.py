"""Workers are forked from a process that has imported what they need; nothing else of it may show."""

import os
import signal
import subprocess
import sys
import time

import pytest

import harness
from harness.leases import alive
from harness_executors.local import Local

RUNNER = """\
import os, time
from harness_executors.local import Local

if __name__ == "__main__":
    with Local(gpus=0).open() as workers:
        print(workers.submit(eval, "__import__('harness').__file__").result(), flush=True)
        print(workers.submit(os.getpid).result(), flush=True)
        workers.submit(time.sleep, 60).result()
"""


@pytest.fixture
def runner(tmp_path):
    """A process whose worker is busy, in a folder where something else is called ``harness``; and what it said."""
    (tmp_path / "here/harness").mkdir(parents=True)
    (tmp_path / "here/harness/__init__.py").touch()
    (tmp_path / "runner.py").write_text(RUNNER)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "runner.py")],
        cwd=tmp_path / "here",
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process, process.stdout.readline().strip(), int(process.stdout.readline())
        process.kill()


def test_workers_have_the_modules_of_the_runner_and_do_not_outlive_it(runner):
    process, module, worker = runner
    assert module == harness.__file__
    assert alive(worker)
    process.send_signal(signal.SIGKILL)
    assert gone(worker)


def test_workers_that_have_nothing_to_do_are_gone_soon_after_the_last_step():
    with Local(gpus=0).open() as workers:
        worker = workers.submit(os.getpid).result(60)
    assert gone(worker)


def gone(process):
    until = time.monotonic() + 10
    while alive(process) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(process)


def test_workers_that_begin_at_once_begin_alike():
    begin = (
        "import os, threading; from harness.api import worker_context; before = dict(os.environ);"
        " threads = [threading.Thread(target=worker_context) for _ in range(8)];"
        " [thread.start() for thread in threads]; [thread.join() for thread in threads];"
        " print(os.environ == before)"
    )
    for _ in range(5):
        found = subprocess.run([sys.executable, "-c", begin], capture_output=True, text=True, check=True)
        assert (found.stdout, found.stderr) == ("True\n", "")


def test_each_worker_sees_the_environment_of_its_beginning(monkeypatch):
    seen = "[__import__('os').environ.get(name) for name in ('WORD', 'OMP_NUM_THREADS', 'PYTHONSAFEPATH')]"
    for word, threads in (("omega", 3), ("kappa", 1)):
        monkeypatch.setenv("WORD", word)
        with Local(gpus=0, threads=threads).open() as workers:
            found = workers.submit(eval, seen).result(60)
        assert found == [word, str(threads), None]


def test_nothing_that_settles_its_number_of_threads_is_imported_before_a_worker_is_told_it():
    imported = "import sys, threading; import harness.work; print('numpy' in sys.modules, threading.active_count())"
    found = subprocess.run([sys.executable, "-c", imported], capture_output=True, text=True, check=True)
    assert found.stdout == "False 1\n"
