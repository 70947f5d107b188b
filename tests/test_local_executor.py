import gc
import json
import os
import time
import weakref
from functools import partial
from types import SimpleNamespace

import pytest

from harness import events
from harness.api import Resources
from harness.diagnosis import view
from harness.steps import attempt
from harness_executors.devices import Device, Ledger, devices_of, environment
from harness_executors.local import Local


def several(tmp_path, count, options, executor, seconds=0.2):
    """A matrix in which so many teachers are asked at the same time."""
    teachers = "".join(
        f"  t{index}: {{uses: occupying, words: [omega, w{index}], seconds: {seconds + 0.03 * index:g},"
        f" diary: {tmp_path}/diary, {options}}}\n"
        for index in range(count)
    )
    return f"evaluate_on: {{words: words}}\nteachers:\n{teachers}teachers_as_arms: true\nexecutor: {executor}\n"


def diary(tmp_path):
    """Begin, end, process and devices of each step, in the order of their ends."""
    lines = [line.split() for line in (tmp_path / "diary").read_text().splitlines()]
    return [(float(begun), float(ended), process, devices) for begun, ended, process, devices in lines]


def most_at_once(spans):
    return max(sum(other[0] <= begun < other[1] for other in spans) for begun, *_ in spans)


def never_idle(store, slots):
    """Whether a step was begun after each end as long as steps were left, before another step ended."""
    (path,) = (store.root / "events").glob("*.jsonl")
    names = [line["event"] for line in events.read(path) if line["event"] in ("started", "ended")]
    running, begun, total = 0, 0, names.count("started")
    for name, after in zip(names, [*names[1:], ""], strict=True):
        running += 1 if name == "started" else -1
        begun += name == "started"
        if running < slots and begun < total and after == "ended":
            return False
    return True


def test_steps_that_take_a_device_get_one_each_and_no_slot_is_idle(plan_of, run_plan, store, tmp_path):
    executor = '{uses: local, workers: 4, threads: 1, gpus: ["5", "7"]}'
    outcome, _ = run_plan(plan_of(several(tmp_path, 8, "gpus: 1", executor)))
    spans = diary(tmp_path)
    assert outcome.count("done") == len(spans) == 8
    assert {devices for _, _, _, devices in spans} == {"5", "7"}
    for device in ("5", "7"):
        assert most_at_once([span for span in spans if span[3] == device]) == 1
    assert never_idle(store, 2)


def test_workers_stay_warm_on_their_device(plan_of, run_plan, tmp_path):
    executor = '{uses: local, workers: 2, threads: 1, gpus: ["0", "1"]}'
    run_plan(plan_of(several(tmp_path, 6, "gpus: 1", executor, seconds=0.05)))
    assert len({process for _, _, process, _ in diary(tmp_path)}) == 2


def test_a_step_with_several_devices_finds_them_free_of_what_idle_workers_hold():
    def at(devices):
        asked = partial(os.getpid)
        asked.resources = Resources(gpus=devices)
        return asked

    with Local(workers=4, threads=1, gpus=("0", "1")).open() as workers:
        small = workers.submit(at(1)).result()
        assert workers.submit(at(1)).result() == small
        large = workers.submit(at(2)).result()
        with pytest.raises(ProcessLookupError):
            os.kill(small, 0)
        assert workers.submit(at(2)).result() == large


def test_steps_share_a_device_as_far_as_their_memory_fits(plan_of, run_plan, tmp_path):
    executor = '{uses: local, workers: 4, threads: 1, gpus: ["0"], gpu_gb: 24}'
    run_plan(plan_of(several(tmp_path, 6, "gpus: 1, gpu_gb: 10", executor)))
    assert most_at_once(diary(tmp_path)) == 2


def test_main_memory_is_shared_out(plan_of, run_plan, tmp_path):
    executor = "{uses: local, workers: 4, threads: 1, ram_gb: 8}"
    run_plan(plan_of(several(tmp_path, 5, "ram_gb: 5", executor)))
    assert most_at_once(diary(tmp_path)) == 1


def test_a_step_may_count_for_several_slots(plan_of, run_plan, tmp_path):
    executor = "{uses: local, workers: 3, threads: 1}"
    run_plan(plan_of(several(tmp_path, 4, "taken_slots: 2", executor)))
    assert most_at_once(diary(tmp_path)) == 1


def test_what_a_machine_does_not_have_is_not_waited_for(plan_of, run_plan, tmp_path):
    outcome, _ = run_plan(plan_of(several(tmp_path, 2, "gpus: 4", "{uses: local, workers: 2, threads: 1, gpus: 0}")))
    assert outcome.count("done") == 2
    assert {devices for _, _, _, devices in diary(tmp_path)} == {os.environ.get("CUDA_VISIBLE_DEVICES", "-")}


def test_what_would_not_fit_even_alone_is_tried_alone(plan_of, run_plan, tmp_path):
    executor = '{uses: local, workers: 2, threads: 1, gpus: ["0"], gpu_gb: 8, ram_gb: 1}'
    outcome, _ = run_plan(plan_of(several(tmp_path, 3, "gpus: 1, gpu_gb: 80, ram_gb: 50", executor)))
    assert outcome.count("done") == 3
    assert most_at_once(diary(tmp_path)) == 1


def test_devices_are_read_from_the_driver_as_far_as_they_are_visible():
    lines = "0, GPU-aa, 24576\n1, GPU-bb, 81559\n2, GPU-cc, [N/A]\n"
    assert [device.name for device in devices_of(lines, None)] == ["0", "1", "2"]
    assert devices_of(lines, ["GPU-bb", "0", "9"]) == (devices_of(lines, None)[1], devices_of(lines, None)[0])
    assert devices_of(lines, []) == ()
    assert devices_of(lines, None)[1].gb == pytest.approx(85.5, abs=0.1)
    assert devices_of(lines, None)[2].gb == 0


def test_steps_that_share_leave_a_whole_device_free():
    one, other = Device("0", 24), Device("1", 24)
    ledger = Ledger((one, other))
    ledger.take([one], 10)
    assert ledger.pick(Resources(gpus=1, gpu_gb=10)) == (one,)
    assert ledger.pick(Resources(gpus=1)) == (other,)
    assert ledger.pick(Resources(gpus=2)) is None
    ledger.give_back([one], 10)
    assert ledger.pick(Resources(gpus=2)) == (one, other)
    assert environment((one,), (one, other)) == {"CUDA_VISIBLE_DEVICES": "0"}
    assert environment((), (one, other)) == {"CUDA_VISIBLE_DEVICES": ""}
    assert environment((), ()) == {}


TROUBLE = """\
benchmarks: {{words: words}}
teachers: {{a: {{uses: listens, words: [omega]}}, b: {{uses: listens, words: [omega, kappa]}}}}
students: {{counter: counter, troubled: {{uses: troubled, trouble: {trouble}}}}}
strategies: {{stage1-only: stage1-only}}
executor: {{uses: local, workers: 1, threads: 1{more}}}
reports: {{}}
"""


@pytest.mark.parametrize("trouble", ["memory", "device", "killed"])
def test_a_training_that_ran_out_of_memory_is_tried_once_more_with_less_at_once(trouble, plan_of, run_plan, store):
    plan = plan_of(TROUBLE.format(trouble=trouble, more=""))
    outcome, _ = run_plan(plan)
    assert set(outcome.states.values()) == {"done"}
    halved = [store.manifest("train", key)["provenance"] for key, step in plan.steps.items() if step.kind == "train"]
    assert sorted(provenance.get("halvings", 0) for provenance in halved) == [0, 1]
    assert [bool(provenance.get("tried_after")) for provenance in halved].count(True) == 1
    arms = view(plan, store).arms.set_index("arm")["warnings"]
    assert "1 of 4 steps ran out of memory once" in arms["words/troubled/stage1-only/all"]
    assert "ran out of memory" not in arms["words/counter/stage1-only/all"]


def test_what_a_step_held_that_ran_out_of_memory_is_free_before_the_next():
    class Activations:
        def __init__(self):
            self.itself = self

    held = []

    def act(_):
        activations = Activations()
        held.append(weakref.ref(activations))
        raise MemoryError("no room")

    gc.disable()
    try:
        report = attempt(SimpleNamespace(key="key"), act)
        assert report.memory
        assert held[0]() is None
    finally:
        gc.enable()


def test_a_training_for_which_memory_never_does_fails_once_and_for_all(plan_of, run_plan, store):
    outcome, lines = run_plan(plan_of(TROUBLE.format(trouble="always", more="")))
    assert list(outcome.reasons.values()) == ["MemoryError: no room for anything"]
    assert outcome.count("failed") == outcome.count("blocked") == 1
    assert outcome.count("done") == 4
    assert [line[0] for line in lines].count("failed") == 1


def test_a_step_that_hangs_is_ended_and_fails_alone(plan_of, run_plan, store):
    start = time.monotonic()
    outcome, _ = run_plan(plan_of(TROUBLE.format(trouble="hangs", more=", timeouts: {train: 4s}")))
    assert time.monotonic() - start < 120
    assert list(outcome.reasons.values()) == ["it was ended after 4 s, the limit for steps of its kind"]
    assert outcome.count("done") == 4


@pytest.mark.parametrize(
    ("span", "seconds"), [("90s", 90), ("30m", 1800), ("6h", 21600), ("2d", 172800), (5, 5), ("1.5h", 5400)]
)
def test_spans_are_spelled_with_their_unit(span, seconds):
    assert Local(timeouts={"train": span}).timeouts == {"train": seconds}


def test_a_span_that_is_none_is_a_fault_of_the_matrix(plan_of):
    from harness.errors import MatrixError

    with pytest.raises(MatrixError, match=r"executor\.timeouts\.train: "):
        plan_of(TROUBLE.format(trouble="x", more=", timeouts: {train: soon}"))


def test_what_a_worker_prints_is_kept_with_its_step(plan_of, run_plan, store, tmp_path):
    plan = plan_of(several(tmp_path, 1, "gpus: 0", "{uses: local, workers: 1, threads: 1}", seconds=0.01))
    run_plan(plan)
    (key,) = plan.steps
    assert store.log(key).read_text() == "--- annotate t0 on words test\nat work for 0.01 s\n"


def test_the_events_of_a_run_tell_all_that_it_did(plan_of, toy, run_plan, store):
    plan = plan_of(toy)
    run_plan(plan)
    (path,) = (store.root / "events").glob("*.jsonl")
    told = list(events.read(path))
    assert told[0]["event"] == "begun"
    assert (told[0]["steps"], told[0]["to_run"]) == (len(plan.steps), len(plan.steps))
    assert told[-1] == {**told[-1], "event": "finished", "states": {"done": len(plan.steps)}}
    ended = {line["step"]: line["state"] for line in told if line["event"] == "ended"}
    assert ended == dict.fromkeys((*plan.steps, *plan.inspections), "done")
    assert [line["event"] for line in told].count("started") == len(ended)
    path.write_text(path.read_text() + '{"time": 1, "event": "cu')
    assert len(list(events.read(path))) == len(told)
    json.dumps(told)
