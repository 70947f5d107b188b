import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from harness import leases
from harness.leases import Leases, running
from harness.store import Store

KEY = "a" * 64


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A lease is stale after a moment."""
    monkeypatch.setattr(leases, "BEAT_S", 0.05)
    monkeypatch.setattr(leases, "STALE_S", 0.4)


def left_behind(root, host, process):
    """A lease as a run that is no more has left it."""
    (root / "leases").mkdir(exist_ok=True, parents=True)
    lease = {"steps": {KEY: "x"}, "run": "other", "host": host, "process": process, "since": time.time()}
    (root / "leases" / KEY).write_text(json.dumps(lease))


def ended_process():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_of_two_runs_one_has_the_step_until_it_gives_it_back(tmp_path):
    with Leases(tmp_path, "one") as one, Leases(tmp_path, "two") as two:
        assert one.take(KEY, "train x")
        assert not two.take(KEY, "train x")
        assert [(lease.run, lease.what, lease.host) for lease in running(tmp_path)] == [
            ("one", "train x", socket.gethostname())
        ]
        one.release(KEY)
        assert two.take(KEY, "train x")
    assert running(tmp_path) == []
    assert not any((tmp_path / "leases").glob("[0-9a-f]*"))


def test_a_run_that_ends_gives_back_what_it_holds(tmp_path):
    with Leases(tmp_path, "one") as one:
        one.take(KEY, "x")
    with Leases(tmp_path, "two") as two:
        assert two.take(KEY, "x")


def test_the_lease_of_a_dead_process_of_this_machine_is_taken_over_at_once(tmp_path):
    left_behind(tmp_path, socket.gethostname(), ended_process())
    assert running(tmp_path) == []
    with Leases(tmp_path, "two") as two:
        assert two.take(KEY, "x")


def test_the_lease_of_another_machine_is_taken_over_when_it_was_not_seen_to_live_for_long(tmp_path):
    left_behind(tmp_path, "elsewhere", 1)
    with Leases(tmp_path, "two") as two:
        assert not two.take(KEY, "x")
        until = time.monotonic() + 20
        while not two.take(KEY, "x"):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_run_of_another_machine_that_shows_that_it_lives_keeps_its_lease(tmp_path):
    left_behind(tmp_path, "elsewhere", 1)
    end = threading.Event()

    def beat():
        while not end.wait(0.05):
            os.utime(tmp_path / "leases" / KEY)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with Leases(tmp_path, "two") as two:
            for _ in range(20):
                assert not two.take(KEY, "x")
                time.sleep(0.05)
    finally:
        end.set()
        thread.join()


@pytest.mark.parametrize("jump", [-86400, 86400])
def test_a_clock_that_jumps_kills_nobody(tmp_path, jump, monkeypatch):
    now = time.time
    left_behind(tmp_path, "elsewhere", 1)
    monkeypatch.setattr(time, "time", lambda: now() + jump)
    os.utime(tmp_path / "leases" / KEY, (now() + jump, now() + jump))
    with Leases(tmp_path, "two") as two:
        assert not two.take(KEY, "x")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"step": 1}'])
def test_a_lease_that_cannot_be_read_is_not_for_ever(tmp_path, content):
    (tmp_path / "leases").mkdir()
    (tmp_path / "leases" / KEY).write_text(content)
    with Leases(tmp_path, "two") as two:
        until = time.monotonic() + 20
        while not two.take(KEY, "x"):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_of_many_that_take_over_a_dead_lease_one_has_it(tmp_path):
    left_behind(tmp_path, socket.gethostname(), ended_process())
    runs = [Leases(tmp_path, str(number)) for number in range(8)]
    won = []
    barrier = threading.Barrier(len(runs))

    def go(run):
        barrier.wait()
        if run.take(KEY, "x"):
            won.append(run)

    threads = [threading.Thread(target=go, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert leases.read(tmp_path / "leases" / KEY).run == str(runs.index(won[0]))


def test_of_many_steps_those_are_taken_that_nobody_is_at(tmp_path):
    keys = [letter * 64 for letter in "abc"]
    with Leases(tmp_path, "one") as one, Leases(tmp_path, "two") as two:
        assert two.take(keys[1], "rank b")
        assert one.take_all({key: f"rank {key[0]}" for key in keys}) == {keys[0], keys[2]}
        assert sorted((lease.step, lease.what, lease.run) for lease in running(tmp_path)) == [
            (keys[0], "rank a", "one"),
            (keys[1], "rank b", "two"),
            (keys[2], "rank c", "one"),
        ]
        one.release(keys[0])
        assert two.take(keys[0], "rank a")
        assert not two.take(keys[2], "rank c")


def test_a_run_that_only_waits_for_another_one_leaves_the_processor_alone(plan_of, toy, run_plan, store):
    plan, used = plan_of(toy), []
    with Leases(store.root, "other") as other:
        other.take_all(dict.fromkeys(plan.steps, "x"))

        def let_go():
            used.append(time.process_time())
            for key in plan.steps:
                other.release(key)

        threading.Timer(3.0, let_go).start()
        used.append(time.process_time())
        outcome, _ = run_plan(plan)
    assert outcome.count("done") == len(plan.steps)
    assert used[1] - used[0] < 0.5


def test_two_runs_of_overlapping_matrices_do_no_step_twice(plan_of, toy, run_plan, tmp_path):
    """Each run in a thread with workers of its own; what the events say was begun, was begun once."""
    store = Store(tmp_path / "shared")
    text = toy.replace("executor: inline", "executor: {uses: local, workers: 2, threads: 1}")
    plans = [plan_of(text), plan_of(text.replace("[0.1, 0.25]", "[0.1]").replace("seeds: [0, 1]", "seeds: [1]"))]
    outcomes = []
    threads = [threading.Thread(target=lambda plan=plan: outcomes.append(run_plan(plan, store)[0])) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [set(outcome.states.values()) <= {"done", "stored"} for outcome in outcomes] == [True, True]
    from harness import events

    begun = [
        line["step"]
        for path in (store.root / "events").glob("*.jsonl")
        for line in events.read(path)
        if line["event"] == "started" and line["kind"] != "inspect"
    ]
    assert len(begun) == len(set(begun)) == len(plans[0].steps)
