"""Budgets, pilots and forecasts: what teachers cost, before and after."""

import json
import os
import re
import subprocess
import sys
from io import StringIO
from math import isnan, sqrt

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from harness.asking import Asking, dollars
from harness.budget import Budget
from harness.cli import main
from harness.errors import MatrixError
from harness.identity import digest, identity
from harness.progress import watching
from harness.run import run
from harness.stats import total
from harness.steps.annotate import content
from harness.store import Store

MATRIX = """\
evaluate_on:
  words: {uses: numbered, test: 40}
teachers:
  a: {uses: paid, seen: a.txt}
  b: {uses: paid, seen: b.txt, words: [kappa]}
teachers_as_arms: true
executor: inline
reports: {}
"""

WORKERS = "executor: {uses: local, workers: 2, threads: 1}"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where teachers note whom they were asked about."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def harness(tmp_path):
    """Writes a matrix and runs a command on it."""

    def call(command, text=MATRIX, *options, expect=0):
        (tmp_path / "paid.yaml").write_text(text)
        result = CliRunner().invoke(main, [command, "paid.yaml", *options])
        assert result.exit_code == expect, result.output + result.stderr
        return result

    return call


@pytest.fixture
def seen(tmp_path):
    """The items that a teacher was called about."""

    def read(teacher):
        file = tmp_path / f"{teacher}.txt"
        return file.read_text().split() if file.exists() else []

    return read


def test_two_workers_stop_at_the_budget_and_lose_no_answer(harness, seen):
    text = MATRIX.replace("executor: inline", WORKERS).replace("uses: paid", "uses: paid, ahead: 3")
    result = harness("run", text + "budget: {calls: 30}\n", expect=3)
    called = len(seen("a")) + len(seen("b"))
    # Each worker may have three calls in flight when the last one of the budget is answered.
    assert 30 <= called <= 30 + 2 * 3
    # On a busy machine one of them may have spent it all before the other one began.
    assert f"the budget of paid is spent: {called} of 30 calls (" in result.stderr
    assert (
        "Raise budget:, or ask about fewer items. Every answer is kept, and a run goes on from there." in result.stderr
    )
    spent = json.loads(harness("status", text, "--json").stdout)["spent"]
    assert spent["calls"] == called
    assert spent["usd"] == pytest.approx(called * 0.01)
    harness("run", text + "budget: {calls: 80}\n")
    assert sorted(seen("a")) == sorted(seen("b")) == sorted(f"test-{index}" for index in range(40))


def test_a_step_that_waits_for_money_is_waiting_and_no_failure(harness):
    harness("run", MATRIX + "budget: {usd: 0.5}\n", expect=3)
    table = harness("status", MATRIX).stdout
    assert "done     words/teacher/a" in table
    assert (
        "waiting  words/teacher/b\n         annotate b on words test: the budget of paid is spent: $0.50 of $0.50"
        in table
    )
    assert "30 items of b on words test are left" in table
    assert "stopped  b on words test: 10 of 40 items" in table
    assert "spent by all runs of paid: 50 calls and $0.50" in table


def test_a_budget_counts_what_earlier_runs_have_spent_and_answers_that_are_known_cost_nothing(harness, seen):
    harness("run", MATRIX + "budget: {calls: 50}\n", expect=3)
    harness("run", MATRIX + "budget: {calls: 50}\n", expect=3)
    assert (len(seen("a")), len(seen("b"))) == (40, 10)
    other = MATRIX.replace("test: 40", "test: 10")
    (answered,) = [
        line for line in harness("run", other + "budget: {calls: 50}\n").stdout.splitlines() if "steps run" in line
    ]
    assert answered.startswith("2 steps run")
    assert len(seen("b")) == 10


def test_a_teacher_that_takes_all_items_at_once_is_broken_off(harness, seen):
    harness("run", MATRIX.replace("uses: paid", "uses: paid, eager: true") + "budget: {calls: 12}\n", expect=3)
    assert (len(seen("a")), len(seen("b"))) == (12, 0)


def test_errors_that_may_pass_are_asked_again_by_the_next_run_and_by_no_more_than_three(harness, seen, tmp_path):
    text = MATRIX.replace("seen: b.txt", "seen: b.txt, passing: up")
    result = harness("run", text, expect=3)
    failed = seen("b")
    assert len(failed) == 40
    assert "items ended in errors that may pass, first 'test-" in result.stderr
    assert ": HTTP 503\n  Run again: only these are asked about again. What fails in 3 runs is" in result.stderr
    harness("run", text, expect=3)
    again = seen("b")[40:]
    assert 0 < len(again) < 40
    harness("run", text)
    assert seen("b")[40 + len(again) :] == again
    row = next(line for line in (tmp_path / "runs/paid/teachers.csv").read_text().splitlines() if line.startswith("b,"))
    assert row.split(",")[7] == str(len(again))


def test_errors_that_pass_leave_no_trace_in_the_results(harness, tmp_path):
    text = MATRIX.replace("seen: b.txt", "seen: b.txt, passing: up")
    harness("run", text, expect=3)
    (tmp_path / "up").touch()
    harness("run", text)
    results = (tmp_path / "runs/paid/results.csv").read_bytes()
    harness("run", MATRIX, "--store", "other")
    assert (tmp_path / "runs/paid/results.csv").read_bytes() == results


def test_an_answer_that_costs_less_than_nothing_is_refused(plan_of, run_plan):
    plan = plan_of(MATRIX.replace("seen: a.txt", "price: -1"))
    outcome, _ = run_plan(plan)
    (reason,) = outcome.reasons.values()
    assert reason.startswith("ValueError: a says that an answer cost Usage(calls=1, input_tokens=10")


def test_a_bound_in_dollars_is_refused_where_a_teacher_does_not_know_its_price(plan_of):
    unpriced = MATRIX.replace("seen: a.txt", "price: null")
    plan_of(unpriced + "budget: {calls: 5}\n")
    with pytest.raises(MatrixError) as caught:
        plan_of(unpriced + "budget: {usd: 5}\n")
    assert str(caught.value) == (
        "matrix.yaml:9:10: budget.usd: cannot hold teachers.a (paid), which does not know its price\n"
        "  Give it its price (0 where it is free), or bound the calls."
    )


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ("budget: 20", "budget: a mapping is needed, as in  {usd: 20, calls: 5000}"),
        ("budget: {}", "budget: a mapping is needed, as in  {usd: 20, calls: 5000}"),
        ("budget: {dollars: 1}", "budget.dollars: no such key"),
        ("budget: {usd: 0}", "budget.usd: 0 is not a sum above 0"),
        ("budget: {usd: .inf}", "budget.usd: inf is not a sum above 0"),
        ("budget: {usd: yes}", "budget.usd: 'yes' is not a sum above 0"),
        ("budget: {calls: 1.5}", "budget.calls: 1.5 is not a whole number from 1"),
        ("sentinel: true", "sentinel: a mapping is needed, as in  {items: 50, confidence: 0.99}"),
        ("sentinel: {item: 20}", "sentinel.item: no such key; did you mean 'items'?"),
        ("sentinel: {items: 5}", "sentinel.items: 5 is not a whole number from 10 to 1000"),
        ("sentinel: {confidence: 1}", "sentinel.confidence: 1 is not a share from 0.5 and below 1"),
        ("sentinel: {accept: a}", "sentinel.accept: a list of teachers is needed"),
        ("sentinel: {accept: [c]}", "sentinel.accept.0: no teacher 'c'"),
    ],
)
def test_a_faulty_section_is_told_with_its_place(plan_of, section, fault):
    with pytest.raises(MatrixError) as caught:
        plan_of(f"{MATRIX}{section}\n")
    assert f": {fault}" in str(caught.value)


def test_budget_and_sentinel_change_no_key(plan_of):
    bounded = plan_of(MATRIX + "budget: {usd: 3, calls: 9}\nsentinel: {items: 20}\n")
    assert bounded.steps.keys() == plan_of(MATRIX).steps.keys()


def test_a_budget_covers_what_is_below_it_in_dollars_as_they_are_summed():
    assert Budget(usd=0.3).covers(0, 0.2)
    assert not Budget(usd=0.3).covers(0, 0.1 + 0.1 + 0.1)
    assert not Budget(usd=0.3).covers(0, 0.3 - 1e-12)
    assert Budget(calls=3).covers(2, 1e9)
    assert not Budget(calls=3).covers(3, 0)


def test_the_plan_says_that_nothing_is_known_before_there_is_an_answer(harness, tmp_path):
    lines = harness("plan").stdout.splitlines()
    assert lines[-3:] == [
        "still to be asked about: 80 items at most",
        "  a: 40 items; nothing is known yet of tokens, price and time (--pilot 20 asks about 20 items)",
        "  b: 40 items; nothing is known yet of tokens, price and time (--pilot 20 asks about 20 items)",
    ]
    assert not (tmp_path / "runs").exists()


def test_a_pilot_asks_so_many_items_keeps_the_answers_and_forecasts_the_rest(harness, seen):
    told = harness("plan", MATRIX, "--pilot", "5").stdout
    assert "still to be asked about: 70 items at most" in told
    assert "  a: 35 items; 35 calls (35 to 35), 35," in told
    assert "1,750 output tokens (1,750 to 1,750), $0.35 ($0.35 to $0.35)" in told
    assert "from 5 answers" in told
    assert "spent by all runs of paid: 10 calls and $0.10" in told
    first = seen("a")
    assert len(first) == 5
    harness("plan", MATRIX, "--pilot", "5")
    assert seen("a") == first
    harness("plan", MATRIX, "--pilot", "8")
    assert seen("a")[:5] == first
    assert len(seen("a")) == 8
    harness("run")
    assert sorted(seen("a")) == sorted(f"test-{index}" for index in range(40))


def test_a_forecast_in_json_has_the_ends_of_its_intervals(harness):
    harness("plan", MATRIX, "--pilot", "4")
    facts = json.loads(harness("plan", MATRIX, "--json").stdout)["forecast"]["a"]
    assert (facts["items"], facts["seen"]) == (36, 4)
    found = facts["totals"]["input_tokens"]
    # Tokens are 1000 and a caption of three words, its split and its number.
    assert 36 * 1020 < found["mean"] < 36 * 1030
    assert found["low"] < found["mean"] < found["high"]
    assert found["mean"] - found["low"] == pytest.approx(found["high"] - found["mean"])
    assert facts["totals"]["usd"] == pytest.approx({"mean": 0.36, "low": 0.36, "high": 0.36})


def test_a_pilot_is_held_to_the_budget(harness, seen):
    result = harness("plan", MATRIX + "budget: {calls: 7}\n", "--pilot", "5", expect=3)
    assert (len(seen("a")), len(seen("b"))) == (5, 2)
    assert (
        "the pilot stopped: the budget of paid is spent: 7 of 7 calls (a 5 calls and $0.05, b 2 calls" in result.stderr
    )
    assert "warning: the forecast goes beyond the budget; the run will stop there" in result.stdout
    told = harness("plan", MATRIX + "budget: {calls: 90, usd: 0.9}\n").stdout
    assert "spent by all runs of paid: $0.07 of $0.90 and 7 of 90 calls\n" in told
    assert "warning" not in told


def test_a_pilot_that_fails_names_the_teacher(harness):
    result = harness("plan", MATRIX.replace("seen: b.txt", "seen: b.txt, breaks: a"), "--pilot", "2", expect=2)
    assert "error: teachers.b: RuntimeError: the line is dead" in result.stderr


def test_a_total_is_what_students_prediction_interval_of_a_sum_says():
    found = total([1, 2, 3], 100)
    reach = 4.302652729911275 * sqrt(100**2 / 3 + 100)
    assert found.mean == 200
    assert found.high == pytest.approx(200 + reach)
    assert found.low == max(200 - reach, 0) == 0
    assert total([2, 2], 7).low == total([2, 2], 7).high == 14
    assert isnan(total([5], 3).low)
    assert total([5], 3).mean == 15


def test_the_sum_of_what_comes_lies_in_its_interval_nineteen_times_of_twenty():
    draw = np.random.default_rng(5)
    inside = 0
    for _ in range(2000):
        values = draw.normal(100, 15, 60)
        found = total(values[:20], 40)
        inside += found.low <= values[20:].sum() <= found.high
    assert 0.935 < inside / 2000 < 0.965


def test_audit_is_kept_beside_the_answer_and_stands_in_no_result(plan_of, run_plan, store):
    plan = plan_of(MATRIX)
    run_plan(plan)
    teacher = plan.matrix.teachers["a"]
    step = plan.steps[plan.annotations["a", "words", "test"]]
    key = content(step.components["benchmark"].items("test")[0], teacher.reads())
    with store.journal(digest(identity(teacher))) as journal:
        assert journal.audit(key) == {"model": "toy-1", "seconds": 0.5}
        assert "audit" not in journal.read([key])[key]
    text = (store.folder("annotate", step.key) / "annotations.jsonl").read_text()
    assert "toy-1" not in text
    assert "again" not in text


def test_the_manifest_has_outcomes_and_tokens(plan_of, run_plan, store):
    plan = plan_of(MATRIX.replace("seen: a.txt", "refuses: beta"))
    run_plan(plan)
    facts = store.manifest("annotate", plan.annotations["a", "words", "test"])["facts"]
    assert facts["items"] == facts["asked"] == facts["calls"] == sum(facts["outcomes"].values()) == 40
    assert facts["outcomes"]["refused"] > 0
    assert facts["output_tokens"] == 2000
    assert facts["usd"] == pytest.approx(0.4)


def test_dollars_are_told_to_the_cent_and_less_than_ten_cents_by_their_first_digits():
    assert [dollars(usd) for usd in (0, 0.00123, 0.07, 0.1, 1234.5)] == [
        "$0.00",
        "$0.0012",
        "$0.07",
        "$0.10",
        "$1,234.50",
    ]


def test_progress_says_rate_failures_cost_and_time_left():
    asking = Asking.of("key", "a", "a on words train", 400, 100, 1000.0)
    assert str(asking) == "a on words train: 100 of 400 items"
    asking.outcomes |= {"ok": 48, "refused": 2, "error": 1}
    asking.calls, asking.usd, asking.updated = 51, 0.123, 1010.0
    assert str(asking) == "a on words train: 151 of 400 items, 5.1/s, 2 refused, 1 error, $0.12, about 49 s left"
    assert asking.settled == 150
    assert (asking.word(1020.0), asking.word(1080.0)) == ("asking", "silent")


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_tells_of_a_teacher_while_it_is_asked(plan_of, registry, store, tmp_path, terminal):
    gate = tmp_path / "gate"
    plan = plan_of(MATRIX.replace("seen: a.txt", f"gate: {gate}"))
    told = Telling(gate)
    with watching(Console(file=told, width=200, force_terminal=terminal), store, every=0.02) as watcher:
        outcome = run(plan, store, plan.matrix.executor, registry, {}, watcher)
    assert outcome.reasons == {}
    assert ("  asking: a on words test: 1 of 40 items" in told.getvalue()) != terminal
    assert "a on words test: 1 of 40 items" in told.getvalue()


class Telling(StringIO):
    """Lets the teacher go on as soon as there was a line about it."""

    def __init__(self, gate):
        super().__init__()
        self.gate = gate

    def write(self, text):
        if "a on words test: 1 of 40 items" in text:
            self.gate.touch()
        return super().write(text)


def test_an_answer_that_was_journalled_survives_a_kill_and_none_is_there_by_half(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom harness.store import Store\n"
        "with Store(Path(sys.argv[1])).journal('t') as journal:\n"
        "    for number in range(10**9):\n"
        "        journal.add(str(number), {'text': 'x' * 5000, 'number': number}, seconds=1.0, audit={'n': number})\n"
        "        print(number, flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    kept = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            acknowledged = [int(process.stdout.readline()) for _ in range(40 + kept)][-1]
            process.kill()
            acknowledged = max([acknowledged, *map(int, re.findall(r"^\d+$", process.stdout.read(), re.MULTILINE))])
        with Store(tmp_path).journal("t") as journal:
            found = journal.read(map(str, range(acknowledged + 2)))
            assert all(found[str(number)]["number"] == number for number in range(acknowledged + 1))
            assert {len(answer["text"]) for answer in found.values()} == {5000}
            assert journal.audit(str(acknowledged)) == {"n": acknowledged}
        kept = acknowledged


def test_the_report_has_a_ledger_of_the_teachers(harness, tmp_path):
    harness("run", MATRIX.replace("reports: {}\n", "").replace("a.txt", "a.txt, price: 0.015, refuses: alpha"))
    page = (tmp_path / "runs/paid/report.html").read_text()
    table = re.search(r'<table[^>]*id="paid-table".*?</table>', page, re.DOTALL)[0]
    rows = [
        re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", row)).strip() for row in re.findall("<tr.*?</tr>", table, re.DOTALL)
    ]
    a, b, both = (next(row for row in rows if row.startswith(name)) for name in ("a ", "b ", "all teachers"))
    assert re.match(r"a 40 40 0 \d+ \d+ 0 0 40 4\d.\d+ 2.000 0.60 15.00$", a), a
    assert re.match(r"b 40 40 0 40 0 0 0 40 4\d.\d+ 2.000 0.40 10.00$", b), b
    assert re.match(r"all teachers 80 80 0 .* 1.00 12.50$", both), both
