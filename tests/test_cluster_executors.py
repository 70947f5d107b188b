"""Executors beyond one machine: a real Ray that is started here, and submitit's jobs as processes of this machine."""

import os
import signal
import threading
import time

import pytest

from harness.api import Resources
from harness.diagnosis import view
from harness.store import Store
from harness_executors.limit import within


@pytest.fixture(scope="module")
def ray_cluster():
    """A Ray with two processors, as a cluster that runs already."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error", address="local")
    yield ray
    ray.shutdown()


SMALL = """\
benchmarks: {words: words}
teachers: {a: {uses: listens, words: [omega]}, b: {uses: listens, words: [omega, kappa]}}
teachers_as_arms: true
students: {counter: counter}
rules: {hard: hard-disagreement}
strategies: {stage1-only: stage1-only, mmkd: mmkd}
label_fractions: [0.25]
seeds: [0, 1]
executor: EXECUTOR
reports: {}
"""


def table(plan, store):
    return view(plan, store).results.to_csv(index=False)


@pytest.fixture
def inline(plan_of, run_plan, tmp_path):
    plan, store = plan_of(SMALL.replace("EXECUTOR", "inline")), Store(tmp_path / "inline")
    run_plan(plan, store)
    return table(plan, store)


def test_ray_gives_the_results_of_an_inline_run(ray_cluster, plan_of, run_plan, store, inline):
    plan = plan_of(SMALL.replace("EXECUTOR", "{uses: ray, at_once: 4, threads: 1}"))
    outcome, _ = run_plan(plan)
    assert outcome.count("done") == len(plan.steps), outcome.reasons
    assert table(plan, store) == inline


def test_a_ray_worker_that_is_killed_in_the_middle_changes_nothing(
    ray_cluster, plan_of, run_plan, store, inline, tmp_path
):
    slow = SMALL.replace("students:", "# slow\nstudents:").replace(
        "b: {uses: listens, words: [omega, kappa]}",
        f"b: {{uses: listens, words: [omega, kappa]}}, c: {{uses: occupying, seconds: 2, diary: {tmp_path}/diary}}",
    )
    slow = slow.replace("teachers_as_arms", "teacher_sets: {all: [a, b]}\nteachers_as_arms")
    plan = plan_of(slow.replace("EXECUTOR", "{uses: ray, at_once: 4, threads: 1}"))
    killed = []

    def kill():
        """The worker that is at the slow step, once."""
        until = time.monotonic() + 60
        while not killed and time.monotonic() < until:
            for log in (store.root / "logs").glob("*.log"):
                if "at work for" in log.read_text() and not killed:
                    killed.append(_worker_of(log))
                    os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.05)

    thread = threading.Thread(target=kill)
    thread.start()
    outcome, _ = run_plan(plan)
    thread.join()
    assert killed
    assert outcome.count("done") == len(plan.steps), outcome.reasons
    rows = view(plan, store).results
    assert rows.loc[rows["teachers"] != "c"].to_csv(index=False) == inline


def _worker_of(log):
    """The process that has the log open."""
    for process in os.listdir("/proc"):
        if process.isdigit():
            try:
                links = [os.readlink(f"/proc/{process}/fd/{number}") for number in ("1", "2")]
            except OSError:
                continue
            if str(log.resolve()) in links:
                return int(process)
    raise AssertionError("nobody has the log open")


def test_ray_ends_a_step_at_its_limit(ray_cluster, plan_of, run_plan, tmp_path):
    text = (
        "evaluate_on: {words: words}\n"
        f"teachers: {{slow: {{uses: occupying, seconds: 60, diary: {tmp_path}/diary}}, quick: listens}}\n"
        "teachers_as_arms: true\nexecutor: {uses: ray, threads: 1, timeouts: {annotate: 10s}}\nreports: {}\n"
    )
    outcome, _ = run_plan(plan_of(text))
    assert list(outcome.reasons.values()) == ["it was ended after 10 s, the limit for steps of its kind"]
    assert outcome.count("done") == 1


def test_a_call_is_ended_at_its_limit_and_one_that_is_quick_is_not():
    assert within(5, lambda: 3) == 3
    with pytest.raises(TimeoutError, match=r"it was ended after 0\.1 s"):
        within(0.1, lambda: time.sleep(5))


def test_slurm_by_its_local_stand_in_gives_the_results_of_an_inline_run(plan_of, run_plan, store, inline, tmp_path):
    pytest.importorskip("submitit")
    executor = f"{{uses: slurm, cluster: local, at_once: 2, threads: 1, look_s: 0.1, folder: {tmp_path}/jobs}}"
    plan = plan_of(SMALL.replace("EXECUTOR", executor).replace("seeds: [0, 1]", "seeds: [0]"))
    outcome, _ = run_plan(plan)
    assert outcome.count("done") == len(plan.steps), outcome.reasons
    rows = view(plan, store).results.to_csv(index=False).splitlines()
    assert set(rows) <= set(inline.splitlines())


def test_a_job_that_dies_fails_its_step_only(plan_of, run_plan, tmp_path):
    pytest.importorskip("submitit")
    executor = f"{{uses: slurm, cluster: local, at_once: 4, threads: 1, look_s: 0.1, folder: {tmp_path}/jobs}}"
    text = (
        "benchmarks: {words: words}\nteachers: {a: listens}\nstudents: {counter: counter}\n"
        "strategies: {zero-shot: zero-shot, dying: dying}\n"
        f"executor: {executor}\nreports: {{}}\n"
    )
    outcome, _ = run_plan(plan_of(text))
    (reason,) = outcome.reasons.values()
    assert reason.startswith("the worker died: BrokenExecutor: its job ended in state ")
    assert outcome.count("done") >= 1


def test_what_a_step_takes_is_what_a_job_asks_for():
    from harness_executors.slurm import Slurm, _Jobs

    jobs = _Jobs.__new__(_Jobs)
    jobs._slurm = Slurm(threads=4, timeouts={"train": "6h"}, parameters={"slurm_partition": "gpu"})

    class Asked:
        kind = "train"
        resources = Resources(gpus=2, ram_gb=64, slots=2)

    assert jobs._parameters(Asked()) == {
        "name": "harness",
        "timeout_min": 360,
        "cpus_per_task": 8,
        "gpus_per_node": 2,
        "mem_gb": 64,
        "slurm_partition": "gpu",
    }


@pytest.mark.parametrize(
    "check",
    ["runs_what_is_submitted", "hands_an_exception_back", "a_dead_worker_takes_only_its_own_call_with_it"],
)
def test_jobs_keep_the_contract_of_executors(check, tmp_path):
    pytest.importorskip("submitit")
    from harness.testing import executor
    from harness_executors.slurm import Slurm

    jobs = Slurm(cluster="local", at_once=2, threads=1, look_s=0.1, folder=str(tmp_path / "jobs"))
    getattr(executor, f"check_{check}")(jobs)
