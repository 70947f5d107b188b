"""`harness rules`: what rules would buy, without training and without a label that is not a diagnosis."""

import csv
import json
import signal
from dataclasses import replace
from typing import ClassVar

import pytest
from click.testing import CliRunner

from harness import planning
from harness.api import Annotation, Benchmark, ConflictRule, Item, Need, Panel, Ranked, hookimpl
from harness.cli import main
from harness.plugins import Registry
from harness.purchases import BY_LABELS, Ground, averaged, by_teacher, majority, measured, overlaps
from harness.reading import parse
from harness.rehearsal import asking, rehearse
from harness.store import Store
from harness_teachers.evidence_overlap import EvidenceOverlap

WORLD = """\
benchmarks:
  world: {uses: newsworld, train: 40, validation: 60, test: 10}
teachers:
  entities: {uses: evidence-overlap, sources: [entities], checks: names, threshold: 0.75}
  titles: {uses: evidence-overlap, sources: [captions], threshold: 0.6}
students:
  counter: counter
rules:
  hard: hard-disagreement
  random: random
strategies:
  mmkd: mmkd
label_fractions: [0.1, 0.5]
seeds: [0, 1, 2]
executor: inline
reports: {}
"""


@pytest.fixture
def harness(tmp_path, monkeypatch):
    """Writes a matrix and compares its rules."""
    monkeypatch.chdir(tmp_path)

    def call(*options, text=WORLD, expect=0):
        (tmp_path / "world.yaml").write_text(text)
        result = CliRunner().invoke(main, ["rules", "compare", "world.yaml", *options])
        assert result.exit_code == expect, result.output + result.stderr
        return result

    return call


SIGNS = {"f": "falsified", "p": "pristine"}


def ground(*teachers, labels):
    items = {f"{place}": Item(f"{place}", "a caption") for place in range(len(labels))}
    said = {
        f"t{number}": {
            item: Annotation(item, "ok", SIGNS[sign]) if sign in SIGNS else Annotation(item, "refused")
            for item, sign in zip(items, letters, strict=True)
        }
        for number, letters in enumerate(teachers)
    }
    known = {item: SIGNS[sign] for item, sign in zip(items, labels, strict=True) if sign in SIGNS}
    return Ground("words", "all", "validation", Panel(items, said), known)


def order(ids, conflicts):
    return [Ranked(item, 0.0, item in conflicts) for item in ids]


def test_a_purchase_is_measured_by_hand():
    #        item 0 1 2 3 4 5
    found = ground("ffpp.f", "fpfp.p", "ffpf.f", labels="fpffp.")
    rank = order("125340", conflicts="1254")
    assert measured(found, rank, 3) == {
        "conflicts": 4,
        "conflict_rate": 4 / 6,
        "bought": 3,
        "saturated": 0.0,
        # Items 1, 2 and 5: two, one and two of three answers.
        "falsified_said": 5 / 9,
        # Item 5 has no label, of 1 and 2 one is falsified.
        "falsified": 1 / 2,
        # Inside are items 1 and 2, since 4 has no answer and 5 no label; outside 3 and 0.
        "accuracy_inside": 2 / 6,
        "accuracy_outside": 4 / 6,
        "accuracy_bought": 2 / 6,
        # Both majorities are wrong.
        "changed": 2,
        "settled": 0,
    }
    assert measured(found, rank, 5) | {"conflicts": 4} == measured(found, rank, 4) | {"saturated": 1.0}
    # Item 4, which is bought fourth, has no majority.
    assert measured(found, rank, 4)["settled"] == 1
    assert by_teacher(found, rank)["t1"] == {"inside": 1.0, "outside": 0.5}


def test_without_labels_nothing_is_said_of_what_they_would_tell():
    found = ground("ff", "fp", labels="..")
    seen = measured(found, order("01", conflicts="01"), 1)
    assert {name for name, value in seen.items() if value is None} == set(BY_LABELS)
    assert averaged([seen, seen])["changed"] is None
    nothing = measured(found, order("01", conflicts=""), 1)
    assert (nothing["bought"], nothing["saturated"], nothing["falsified_said"]) == (0, 1.0, None)


def test_a_majority_is_more_than_half_of_those_who_answered():
    panel = ground("f.fp", "p.fp", "..pp", labels="....").panel
    assert [majority(panel, item) for item in "0123"] == [None, None, "falsified", "pristine"]


def test_overlap_is_jaccards_index_seed_by_seed():
    bought = {"one": [["a", "b"], ["c", "d"]], "other": [["b", "c"], ["c", "d"]], "none": [[], []], "void": [[], []]}
    found = overlaps(bought)
    assert found["one"]["other"] == found["other"]["one"] == pytest.approx((1 / 3 + 1) / 2)
    assert found["one"]["none"] == 0
    assert "void" not in found["none"]


def test_seeds_are_averaged_with_their_spread():
    found = ground("ffpp", "fpfp", labels="ffpp")
    one, other = measured(found, order("0123", "01"), 1), measured(found, order("3210", "32"), 1)
    both = averaged([one, other])
    assert (both["falsified"], both["falsified_sd"]) == (0.5, 0.5)
    assert (both["bought"], both["bought_sd"]) == (1, 0)


def test_there_is_one_object_for_each_rule_and_budget(harness):
    result = harness("--json")
    rows = json.loads(result.stdout)
    assert [(row["rule"], row["label_fraction"], row["budget"]) for row in rows] == [
        (rule, fraction, budget) for fraction, budget in ((0.1, 6), (0.5, 30)) for rule in ("hard", "random")
    ]
    hard, random = rows[2:]
    assert hard["saturated"] == 1
    assert hard["bought"] == hard["conflicts"] < 30
    assert (hard["accuracy_inside"], random["accuracy_outside"]) == (0.5, None)
    assert hard["accuracy_outside"] > 0.9
    # Two teachers that differ have no majority: each bought label settles an item, and changes none.
    assert (hard["changed"], hard["settled"]) == (0, hard["bought"])
    assert 0 < hard["overlap"]["random"] == random["overlap"]["hard"] < 1
    assert -1 < hard["alpha_low"] < hard["alpha"] < hard["alpha_high"] <= 1
    assert set(hard["by_teacher"]) == {"entities", "titles"}


def test_what_is_asked_is_said_before_and_asked_once(harness, tmp_path):
    said = harness().stderr
    assert said.startswith(
        "teachers are asked first:\nstill to be asked about: 120 items at most\n  entities: 60 items"
    )
    assert harness().stderr == ""
    assert {path.name for path in (tmp_path / "runs/store").iterdir() if path.is_dir()} & {"train", "rank"} == set()


def test_the_table_fits_a_terminal_and_says_what_is_saturated(harness):
    lines = harness().stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0] == "world, teachers all: 60 validation items, 60 labels, 3 seeds"
    assert lines[1].startswith("Krippendorff's α over the teachers 0.")
    assert lines[5] == "fraction 0.1: 6 labels"
    assert lines[6].split()[:2] == ["hard", "6"]
    assert lines[9].split()[1].endswith("*")
    assert lines[-1] == "* fewer conflicts than the budget"


def test_files_have_what_is_shown(harness, tmp_path):
    rows = json.loads(harness("--json", "--out", "found").stdout)
    assert json.loads((tmp_path / "found/rules.json").read_text()) == rows
    table = list(csv.DictReader((tmp_path / "found/rules.csv").read_text().splitlines()))
    assert [float(row["bought"]) for row in table] == [row["bought"] for row in rows]
    assert "overlap" not in table[0]


def test_a_budget_holds_what_a_comparison_asks(harness):
    text = WORLD.replace(
        "titles: {uses: evidence-overlap, sources: [captions], threshold: 0.6}", "paid: {uses: paid, price: 1}"
    )
    told = harness(text=text + "budget: {calls: 80}\n", expect=3).stderr
    assert "warning: the forecast goes beyond the budget" not in told.splitlines()[0]
    assert "the budget of world is spent: 80 of 80 calls" in told
    assert told.endswith("incomplete: what was answered is kept, and running again goes on from there\n")


def test_ctrl_c_between_two_teachers_keeps_what_the_first_one_said(harness, monkeypatch):
    asked = EvidenceOverlap.annotate

    def asked_and_stopped(self, items):
        yield from list(asked(self, items))
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(EvidenceOverlap, "annotate", asked_and_stopped)
        told = harness(expect=3).stderr
    assert told.endswith("stopped: what is done is kept, and running again goes on from there\n")
    assert "still to be asked about: 60 items at most\n  titles: 60 items" in harness().stderr


def test_a_pilot_asks_about_a_few_items_and_stops(harness):
    told = harness("--pilot", "5").stdout
    assert told.startswith("still to be asked about: 110 items at most\n  entities: 55 items; 55 calls")
    assert "rule" not in told
    assert "still to be asked about: 110 items" in harness().stderr
    assert harness("--pilot", "5").stdout == "every answer is stored\n"


def test_without_a_validation_split_the_rules_rank_the_training_items_and_no_label_is_read(harness):
    result = harness(text=WORLD.replace("validation: 60", "validation: 0"))
    lines = result.stdout.splitlines()
    assert lines[0] == "world, teachers all: 40 training items, 0 labels, 3 seeds"
    assert lines[2] == (
        "what labels would tell is not known: there is no validation split, and no label of another one is read"
    )
    assert lines[7].split()[:4] == ["hard", "4", lines[7].split()[2], "%"]
    assert "–" in lines[7]


NOTHING = {
    "teachers": ["teachers:", "  entities:", "  titles:"],
    "rules": ["rules:", "  hard:", "  random:"],
    "label_fractions": ["label_fractions:"],
}


@pytest.mark.parametrize("section", NOTHING)
def test_a_matrix_with_nothing_to_compare_is_refused(harness, section):
    kept = [line for line in WORLD.splitlines() if not line.startswith(tuple(NOTHING[section]))]
    said = harness(text="\n".join(kept).replace("mmkd: mmkd", "none: zero-shot") + "\n", expect=2).stderr
    assert said == f"error: world.yaml: has no {section}, and there is nothing to compare\n"


class Watched(Benchmark):
    """Notes of which split labels are read."""

    name = "watched"
    revision: ClassVar = 1
    read: ClassVar = []

    def items(self, split):
        size = {"train": 8, "validation": 8, "test": 4}[split]
        return [Item(f"{split}-{place}", f"omega {place}" if place % 2 else f"kappa {place}") for place in range(size)]

    def labels(self, split):
        self.read.append(split)
        items = self.items(split)
        return {item.id: "falsified" if place % 4 < 2 else "pristine" for place, item in enumerate(items)}

    def gives(self):
        return frozenset({"evidence"})


class _Ordered(ConflictRule):
    revision: ClassVar = 1

    def rank(self, panel, seed):
        assert panel.validation is None
        return [Ranked(item, 0.0, True) for item in panel.items]


class Student(_Ordered):
    """Asks the student."""

    name = "student"
    revision: ClassVar = 1

    def needs(self):
        return frozenset({Need.ANNOTATIONS, Need.STAGE1_PREDICTIONS})


class Fitted(_Ordered):
    """Is fitted on the validation split."""

    name = "fitted"
    revision: ClassVar = 1

    def needs(self):
        return frozenset({Need.ANNOTATIONS, Need.VALIDATION})


class Trio(_Ordered):
    """Needs three."""

    name = "trio"
    revision: ClassVar = 1
    min_teachers = 3


class Broken(_Ordered):
    """Fails."""

    name = "broken"
    revision: ClassVar = 1

    def rank(self, panel, seed):
        raise ZeroDivisionError("nothing to divide by")


class Short(_Ordered):
    """Leaves items out."""

    name = "short"
    revision: ClassVar = 1

    def rank(self, panel, seed):
        return super().rank(panel, seed)[1:]


class Blind(_Ordered):
    """Reads no annotation, and is given none."""

    name = "blind"
    revision: ClassVar = 1
    min_teachers = 0

    def needs(self):
        return frozenset()

    def rank(self, panel, seed):
        assert panel.teachers == ()
        return super().rank(panel, seed)


class Ours:
    @hookimpl
    def harness_benchmarks(self):
        return [Watched]

    @hookimpl
    def harness_rules(self):
        return [Student, Fitted, Trio, Broken, Short, Blind]


@pytest.fixture
def compared(registry, tmp_path):
    """The rows of a matrix of our own rules, and of which splits labels were read for them."""
    from harness.run import run

    ours = registry + Registry.of(Ours())
    silent = type("Silent", (), {name: lambda *_: None for name in ("begin", "started", "ended")})()
    text = """\
benchmarks:
  watched: watched
teachers:
  a: {uses: listens, words: [omega]}
  b: {uses: listens, words: [kappa]}
students:
  counter: counter
rules: {student: student, fitted: fitted, trio: trio, broken: broken, short: short, blind: blind}
strategies:
  zero-shot: zero-shot
label_fractions: [0.5]
executor: inline
reports: {}
"""
    plan = planning.make(parse(text, ours))
    asked, store = asking(plan), Store(tmp_path / "store")
    Watched.read.clear()
    run(asked, store, plan.matrix.executor, ours, {}, silent)
    return {row["rule"]: row for row in rehearse(plan, asked, store)}, list(Watched.read)


def test_what_cannot_be_compared_is_listed_with_the_reason(compared):
    rows, _ = compared
    assert {rule: row["left_out"] for rule, row in rows.items()} == {
        "student": "needs training: it reads what the stage-1 student predicts",
        "fitted": "is fitted on the validation split itself, so that its order there says too much",
        "trio": "needs 3 teachers",
        "broken": "rank() raised ZeroDivisionError: nothing to divide by",
        "short": "rank() raised ValueError: short left 1 of 8 items unanswered, first 'validation-0'",
        "blind": "",
    }
    assert rows["blind"]["bought"] == 4
    assert rows["student"]["bought"] is None
    assert rows["student"]["overlap"] == {}


def test_labels_of_no_other_split_are_read(compared):
    assert set(compared[1]) == {"validation"}


def test_half_labelled_items_tell_what_they_can():
    whole = ground("ffpp", "fpfp", labels="fpfp")
    half = replace(whole, labels={"0": "falsified", "1": "pristine"})
    seen = measured(half, order("0123", conflicts="12"), 2)
    assert (seen["bought"], seen["falsified"], seen["accuracy_inside"], seen["accuracy_outside"]) == (2, 0.0, 0.5, 1.0)


def test_rules_are_listed_with_what_they_read():
    lines = CliRunner().invoke(main, ["rules", "list"]).stdout.splitlines()
    assert "hard-disagreement        reads annotations" in lines
    assert "random                   reads nothing" in lines
    facts = json.loads(CliRunner().invoke(main, ["rules", "list", "--json"]).stdout)
    assert {"hard-disagreement", "random"} <= {one["name"] for one in facts}
