import json
import re
import threading
import time

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.standing import Standing, spelled


@pytest.fixture
def call(tmp_path, monkeypatch, toy):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.yaml").write_text(toy)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def test_status_counts_steps_by_kind_and_forgets_the_time_left_at_the_end(call):
    before = call("status", "toy.yaml")
    assert "steps: 0 of 41 done (annotate 0/4, " in before.output
    assert " left" not in before.output.splitlines()[-2]
    call("run", "toy.yaml")
    assert "steps: 41 of 41 done (annotate 4/4, " in call("status", "toy.yaml").output
    facts = json.loads(call("status", "toy.yaml", "--json").stdout)
    assert facts["steps"]["annotate"] == {"done": 4, "total": 4}
    assert facts["running"] == []
    assert facts["seconds_left"] == 0


def test_what_is_left_is_estimated_from_what_was_done(plan_of, toy, run_plan, store):
    from harness.store import Store

    plan = plan_of(toy)
    run_plan(plan)
    whole = Standing.of(plan, store)
    assert whole.finished
    cells = [cell for cell in plan.cells if cell.role == "student"]
    for cell in cells[:3]:
        for keys in cell.answers.values():
            Store(store.root).set_aside("predict", keys[0]) if store.has("predict", keys[0]) else None
    some = Standing.of(plan, store)
    assert not some.finished
    assert some.seconds_left is not None
    assert some.seconds_left > 0


def test_steps_that_somebody_is_at_are_told(plan_of, run_plan, store, tmp_path):
    text = (
        "evaluate_on: {words: words}\n"
        f"teachers: {{slow: {{uses: occupying, seconds: 3, diary: {tmp_path}/diary}}}}\n"
        "teachers_as_arms: true\nexecutor: {uses: local, workers: 1, threads: 1}\nreports: {}\n"
    )
    plan = plan_of(text)
    thread = threading.Thread(target=lambda: run_plan(plan))
    thread.start()
    until = time.monotonic() + 30
    while not (standing := Standing.of(plan, store)).running:
        assert time.monotonic() < until
        time.sleep(0.05)
    thread.join()
    (line, _) = standing.lines()
    assert re.fullmatch(r"running  annotate slow on words test for \d+ s, on .+", line)
    assert Standing.of(plan, store).running == ()


def test_watch_ends_when_all_is_done(call):
    call("run", "toy.yaml")
    assert call("status", "toy.yaml", "--watch").exit_code == 0


def test_logs_tell_what_was_printed_and_the_traceback_of_what_failed(call, tmp_path):
    (tmp_path / "loud.yaml").write_text(
        "benchmarks: {words: words}\n"
        f"teachers:\n  a: {{uses: occupying, seconds: 0, diary: {tmp_path}/diary}}\n"
        "  b: {uses: listens, breaks: omega}\n"
        "teachers_as_arms: true\nexecutor: {uses: local, workers: 1, threads: 1}\nreports: {}\n"
    )
    assert call("run", "loud.yaml").exit_code == 3
    told = call("logs", "loud.yaml", "words/teacher/a").output
    assert "annotate a on words test" in told
    assert "  at work for 0.0 s" in told
    failed = call("logs", "loud.yaml", "words/teacher/b").output
    assert "  failed: RuntimeError: the line is dead" in failed
    assert 'raise RuntimeError("the line is dead")' in failed
    refused = call("logs", "loud.yaml", "words/teacher/c")
    assert refused.exit_code == 2
    assert "no cell is called 'words/teacher/c'; did you mean " in refused.stderr


def test_what_was_printed_cannot_act_on_a_terminal(call, tmp_path, store):
    from harness.store import Store

    call("run", "toy.yaml")
    found = Store(tmp_path / "runs/store")
    key = next((found.root / "artifacts/annotate").iterdir()).name
    found.log(key).parent.mkdir(exist_ok=True)
    found.log(key).write_text("\x1b[2Jred\x07 50%\r100%\n")
    told = "".join(call("logs", "toy.yaml", f"words/teacher/{name}").output for name in "ab")
    assert "\x1b" not in told
    assert "\x07" not in told


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3700, "1 h 1 min"),
        (90000, "1 d 1 h"),
        (-3, "0 s"),
    ],
)
def test_spans_are_spelled_in_two_units_at_most(seconds, text):
    assert spelled(seconds) == text
