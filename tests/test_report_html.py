"""The HTML report says what a view holds, whatever is in it."""

import dataclasses
import os
import random
import re
import runpy
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from math import nan, sqrt
from pathlib import Path
from statistics import fmean, stdev

import pandas as pd
import pytest

from harness.api import RunView
from harness.columns import (
    ABLATION_COLUMNS,
    ARM_COLUMNS,
    AXES,
    BENCHMARK_COLUMNS,
    CONFLICT_COLUMNS,
    CONTRAST_COLUMNS,
    FAILURE_COLUMNS,
    METRICS,
    PAIR_COLUMNS,
    RESULT_COLUMNS,
    STEP_COLUMNS,
    TEACHER_COLUMNS,
    VOICE_COLUMNS,
)
from harness.identity import source_digest
from harness.plugins import Registry
from harness_reports import html
from harness_reports.html import Html, page
from harness_reports.numerals import count, decimal, duration, fraction, money, percent, points, probability
from harness_reports.records import harmless

ablation_rows = runpy.run_path(str(Path(__file__).parent / "data" / "report_ablation.py"))["ablation_rows"]

TRAIN, TEST, SEEDS = 400, 200, (0, 1, 2)
FRACTIONS = (0.03, 0.06, 0.1)
TEACHERS = ("entity-checker", "title-reader")
MATRIX = """benchmarks:
  newsworld: {}
label_fractions: [0.03, 0.06, 0.1, 1.0]
seeds: [0, 1, 2]
"""
LEVELS = {
    "zero-shot": 0.525,
    "stage1-only": 0.742,
    "majority-vote": 0.728,
    ("mmkd", "disagreement"): 0.80,
    ("mmkd", "random"): 0.765,
    ("supervised", "random"): 0.62,
}


def arm_axes():
    """Role, axes and expected accuracy of every arm: with three seeds where it is trained, 31 and more cells."""
    axes = dict.fromkeys(AXES, "") | {"label_fraction": nan}
    student = axes | {"role": "student", "student": "probe"}
    trained = student | {"benchmark": "newsworld"}
    yield student | {"strategy": "zero-shot"}, LEVELS["zero-shot"]
    for strategy in ("stage1-only", "majority-vote"):
        yield trained | {"strategy": strategy, "teachers": "both"}, LEVELS[strategy]
    for rule in ("disagreement", "random"):
        for place, share in enumerate(FRACTIONS):
            bought = {"strategy": "mmkd", "teachers": "both", "rule": rule, "label_fraction": share}
            yield trained | bought, LEVELS["mmkd", rule] + 0.018 * place
    for share, level in zip((*FRACTIONS, 1.0), (0.62, 0.665, 0.715, 0.868), strict=True):
        yield trained | {"strategy": "supervised", "rule": "random", "label_fraction": share}, level
    for teacher, level in zip(TEACHERS, (0.781, 0.69), strict=True):
        yield axes | {"role": "teacher", "teachers": teacher}, level
    yield axes | {"role": "majority", "teachers": "both"}, 0.752


def arm_id(axes):
    share = axes["label_fraction"]
    return "/".join(str(part) for part in (axes["role"], *(axes[axis] for axis in AXES[:5]), share) if part != "")


def labels_of(share, trained):
    return round(share * TRAIN) if share == share else 0 if trained else nan


def cell_rows():
    chance = random.Random(7)
    for axes, level in arm_axes():
        seeds = SEEDS if axes["role"] == "student" and axes["strategy"] != "zero-shot" else (nan,)
        for seed in seeds:
            falsified, pristine = (min(level + chance.gauss(gap, 0.02), 0.99) for gap in (0.04, -0.04))
            accuracy = round((falsified + pristine) / 2 * TEST) / TEST
            unparsable = chance.randrange(3) if axes["role"] == "student" else 0
            trained = axes["role"] == "student"
            share = axes["label_fraction"]
            saturated = axes["rule"] == "disagreement" and share > 0.08
            yield axes | {
                "cell": f"{arm_id(axes)}/{seed}",
                "arm": arm_id(axes),
                "seed": seed,
                "evaluated_on": "newsworld",
                "split": "test",
                "state": "done",
                "reason": "",
                "labels_bought": 33 if saturated else labels_of(share, trained),
                "saturated": saturated,
                "n": TEST,
                "accuracy": accuracy,
                "accuracy_falsified": falsified,
                "accuracy_pristine": pristine,
                "macro_f1": accuracy - 0.004,
                "auroc": accuracy + 0.061 if trained else nan,
                "brier": 0.31 - accuracy / 5 if trained else nan,
                "ece": 0.043 + chance.random() / 20 if trained else nan,
                "accuracy_parsed": accuracy * TEST / (TEST - unparsable),
                "unparsable": unparsable,
                "refused": 0,
                "errors": 0,
                "share_falsified": 0.5 + falsified / 2 - pristine / 2,
            }


def arm_row(cells):
    first, done = cells[0], [cell for cell in cells if cell["state"] == "done"]
    row = {name: first[name] for name in ("arm", "role", *AXES, "evaluated_on")}
    row |= {"seeds": len(done), "seeds_planned": len(cells), "n": TEST, "groups": 67, "prediction_seconds": 4.2}
    row |= {name: done[0][name] for name in ("labels_bought", "saturated")}
    for metric in METRICS:
        values = [cell[metric] for cell in done]
        mean = fmean(values)
        half = 4.303 * stdev(values) / sqrt(len(values)) + 0.01 if len(values) > 1 else nan
        row |= {metric: mean, f"{metric}_low": mean - half, f"{metric}_high": mean + half}
    for metric in ("unparsable", "refused", "errors"):
        row[metric] = sum(cell[metric] for cell in done)
    row |= {"rouge_l": 0.412, "rouge_l_low": 0.377, "rouge_l_high": 0.447}
    for metric in ("accuracy_parsed", "share_falsified"):
        row[metric] = fmean(cell[metric] for cell in done)
    trained = first["role"] == "student" and first["strategy"] != "zero-shot"
    row["training_seconds"] = 312.5 + 1000 * row["accuracy"] if trained else nan
    if trained:
        row["teacher_calls"] = 2 * TRAIN if first["teachers"] else 0
    else:
        row["teacher_calls"] = nan if first["role"] == "student" else TEST
    row["teacher_usd"] = row["teacher_calls"] * 0.0021
    collapsed = first["strategy"] == "zero-shot"
    row["warnings"] = "almost always the same verdict: 94 % of the answers are falsified" if collapsed else ""
    return row


def contrast_rows(arms):
    of = {(arm["strategy"], arm["rule"], arm["label_fraction"]): arm for arm in arms if arm["role"] == "student"}
    plain = {arm["strategy"]: arm for arm in of.values() if arm["label_fraction"] != arm["label_fraction"]}
    for (strategy, rule, share), arm in of.items():
        if share != share or share == 1:
            continue
        yield contrast("above the floor", arm, plain["zero-shot"])
        if strategy == "mmkd":
            yield contrast("stage 2 adds", arm, plain["stage1-only"])
            yield contrast("against labels alone", arm, of["supervised", "random", share])
            if rule == "disagreement":
                yield contrast("against random conflicts", arm, of["mmkd", "random", share])


def contrast(question, arm, against):
    difference = arm["accuracy"] - against["accuracy"]
    p = min(1.0, 0.9 * 2 ** (-abs(difference) * 110))
    verdict = "inconclusive" if 4 * p > 0.05 else "better" if difference > 0 else "worse"
    return {
        "question": question,
        "arm": arm["arm"],
        "against": against["arm"],
        "evaluated_on": arm["evaluated_on"],
        "difference": difference,
        "low": difference - 0.041,
        "high": difference + 0.041,
        "p": p,
        "p_holm": min(1.0, 4 * p),
        "verdict": verdict,
        "seeds": 3,
        "items": TEST,
        "groups": 67,
        "detectable": 0.062,
    }


def step_rows():
    kinds = {"annotate": (4, 61.0), "rank": (6, 0.21), "train": (32, 412.0), "predict": (31, 8.6)}
    for kind, (number, seconds) in kinds.items():
        for place in range(number):
            asks = kind == "annotate"
            yield {
                "key": f"{kind}{place:04d}" + "9f3b" * 12,
                "kind": kind,
                "what": f"{kind} {TEACHERS[place % 2]} newsworld" if asks else f"{kind} probe newsworld",
                "seconds": seconds * (1 + place / 50),
                "calls": TRAIN if asks else nan,
                "usd": TRAIN * 0.0021 if asks else nan,
                "cells": 18 if asks else 1,
                "finished": f"2026-11-23T04:{place:02d}:00Z",
            }


def teacher_rows():
    for teacher, level in zip(TEACHERS, (0.781, 0.69), strict=True):
        for split, items in (("train", TRAIN), ("test", TEST)):
            yield {
                "teacher": teacher,
                "benchmark": "newsworld",
                "split": split,
                "items": items,
                "ok": items - 6,
                "refused": 4,
                "unparsable": 2,
                "errors": 0,
                "accuracy": level,
                "accuracy_falsified": level + 0.08,
                "accuracy_pristine": level - 0.08,
                "share_falsified": 0.58,
                "calls": items + 2,
                "usd": items * 0.0021,
                "seconds": items * 0.151,
            }


def conflict_rows():
    for rule in ("disagreement", "random"):
        for seed in SEEDS:
            yield {
                "rule": rule,
                "teachers": "both",
                "benchmark": "newsworld",
                "seed": seed,
                "items": TRAIN,
                "conflicts": 33 if rule == "disagreement" else TRAIN,
                "conflict_rate": 33 / TRAIN if rule == "disagreement" else 1.0,
                "falsified_share": 0.576 if rule == "disagreement" else 0.5,
                "agreement_accuracy": 0.812 if rule == "disagreement" else nan,
                "majority_accuracy": 0.752,
                "best_teacher_on_conflicts": 0.605,
            }


def pair_rows(cells):
    for cell in cells:
        if cell["strategy"] == "mmkd":
            yield {
                "arm": cell["arm"],
                "seed": cell["seed"],
                "training": 2,
                "preferences": 30,
                "other_image": 0,
                "pairs": 30,
                "same_words": 3,
                "falsified_share": 0.5,
                "chosen_words": 24.5,
                "rejected_words": 21.25,
                "length_ratio": 24.5 / 21.25,
                "style_pairs": 27,
                "style_auroc": 0.81 if cell["rule"] == "random" else 0.55,
                "style_auroc_low": 0.72 if cell["rule"] == "random" else 0.41,
                "style_auroc_high": 0.9 if cell["rule"] == "random" else 0.69,
            }


def voice_rows(cells):
    for cell in cells:
        for teacher, chosen in (("entity-checker", 18), ("title-reader", 11), ("", 1)):
            if cell["strategy"] == "mmkd":
                rejected = {"entity-checker": 12, "title-reader": 18, "": 0}[teacher]
                where = {"arm": cell["arm"], "seed": cell["seed"], "training": 2, "teacher": teacher}
                yield where | {"chosen": chosen, "rejected": rejected}


def benchmark_rows():
    notes = "synthetic news of a made-up world; captions swapped within a topic; 3 items without image left out"
    for split, items, groups in (("train", TRAIN, 133), ("test", TEST, 67)):
        half = items // 2
        counts = {"items": items, "pristine": half, "falsified": half, "unlabelled": 0, "groups": groups}
        yield {"benchmark": "newsworld", "split": split, "notes": notes, **counts}


def frame(rows, columns):
    return pd.DataFrame(list(rows), columns=list(columns))


def demo_view(**changes):
    """A run of all arms, done but for what ``changes`` replaces."""
    cells = list(cell_rows())
    by_arm = {}
    for cell in cells:
        by_arm.setdefault(cell["arm"], []).append(cell)
    arms = [arm_row(own) for own in by_arm.values()]
    view = RunView(
        title="fractions",
        matrix_text=MATRIX,
        results=frame(cells, RESULT_COLUMNS),
        arms=frame(arms, ARM_COLUMNS),
        contrasts=frame(contrast_rows(arms), CONTRAST_COLUMNS),
        steps=frame(step_rows(), STEP_COLUMNS),
        teachers=frame(teacher_rows(), TEACHER_COLUMNS),
        conflicts=frame(conflict_rows(), CONFLICT_COLUMNS),
        benchmarks=frame(benchmark_rows(), BENCHMARK_COLUMNS),
        failures=frame([], FAILURE_COLUMNS),
        ablation=frame(ablation_rows(), ABLATION_COLUMNS),
        pairs=frame(pair_rows(cells), PAIR_COLUMNS),
        voices=frame(voice_rows(cells), VOICE_COLUMNS),
        provenance={
            "versions": {"python": "3.11.9", "torch": "2.9.1", "transformers": "5.10.2", "trl": "1.14.0"},
            "device": {"name": "NVIDIA H100 80GB HBM3", "driver": "580.65.06", "count": 1, "steps": 66},
            "plugins": [
                {"name": "mmkd", "distribution": "ooc-harness", "version": "0.1.0"},
                {"name": "newsworld", "distribution": "ooc-harness", "version": "0.1.0"},
            ],
            "git": {"commit": "4c1f0a9d22", "dirty": False},
        },
    )
    return dataclasses.replace(view, **changes)


def midrun_view():
    """Half of the cells are not done, for four different reasons."""
    cells = list(cell_rows())
    why = {
        "pending": "",
        "failed": "train: CUDA out of memory after 3 tries",
        "waiting": "waiting for 24 labels of newsworld",
        "blocked": "the step before it failed",
    }
    for place, cell in enumerate(cells):
        if place % 2 or "random/mmkd" in cell["arm"]:
            cell["state"] = list(why)[place % 4]
            cell["reason"] = why[cell["state"]]
            cell |= dict.fromkeys([*METRICS, "accuracy_parsed", "share_falsified", "n", "unparsable"], nan)
            cell |= {"labels_bought": nan, "saturated": None}
    by_arm = {}
    for cell in cells:
        by_arm.setdefault(cell["arm"], []).append(cell)
    arms = [arm_row(own) for own in by_arm.values() if any(cell["state"] == "done" for cell in own)]
    failures = [
        {"step": "train:91ab", "what": "train mmkd stage 2", "state": "failed", "reason": why["failed"], "cells": 3},
        {
            "step": "labels:77cd",
            "what": "labels",
            "state": "waiting",
            "reason": why["waiting"],
            "cells": 4,
        },
    ]
    return demo_view(
        results=frame(cells, RESULT_COLUMNS),
        arms=frame(arms, ARM_COLUMNS),
        contrasts=frame([], CONTRAST_COLUMNS),
        failures=frame(failures, FAILURE_COLUMNS),
    )


def empty_view():
    """A matrix of which nothing is stored."""
    return demo_view(
        results=frame([], RESULT_COLUMNS),
        arms=frame([], ARM_COLUMNS),
        contrasts=frame([], CONTRAST_COLUMNS),
        steps=frame([], STEP_COLUMNS),
        teachers=frame([], TEACHER_COLUMNS),
        conflicts=frame([], CONFLICT_COLUMNS),
        benchmarks=frame([], BENCHMARK_COLUMNS),
        provenance={},
    )


FRAMES = [field.name for field in dataclasses.fields(RunView) if field.type == "DataFrame"]
VOID = {"meta", "link", "input", "path", "circle", "polyline", "img"}
HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "</title></style></svg></textarea>--> ]]> {{ 7 * 7 }} {% for %} ' onmouseover='alert(1)' \" style=\"top:0\""
    " \u202egnp.exe\u2066 \u200b \x00 \x1b[2J \ud800 \ufeff &lt; <bdo dir=rtl>"
)


class Page(HTMLParser):
    """Tags in their order, rows by what they are about, and all text that is shown."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.attributes, self.rows, self.shown = [], [], [], [], []
        self.cell = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append({"about": dict(attrs), "cells": {}})
        if tag in ("td", "th") and self.rows:
            self.cell = dict(attrs).get("data-metric")
            self.rows[-1]["cells"].setdefault(self.cell, {"value": dict(attrs).get("data-value"), "text": ""})

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag
        if tag in ("td", "th"):
            self.cell = None

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            return
        self.shown.append(data)
        if self.rows and self.cell and "tr" in self.open:
            self.rows[-1]["cells"][self.cell]["text"] += data

    def about(self, key):
        return [row for row in self.rows if f"data-{key}" in row["about"]]


def poisoned(text, columns=None, **view):
    """The demo view with hostile text behind every text of every table, and in everything that is no table."""
    base = demo_view(**view)
    changes = {}
    for name in FRAMES:
        table = getattr(base, name).astype(object)
        for column in table.columns:
            if columns is None or column in columns:
                values = [value + text if isinstance(value, str) and value else value for value in table[column]]
                table[column] = pd.Series(values, index=table.index, dtype=object)
        changes[name] = table
    nested = {text: {text: [text, {text: text}]}, "set": {text, "b", "a"}, "deep": [[[[[[text]]]]]]}
    return dataclasses.replace(base, title=text, matrix_text=text, provenance=nested, **changes)


@pytest.mark.parametrize("view", [demo_view, midrun_view, empty_view])
def test_a_page_is_well_formed_whether_the_run_is_done_or_half_done_or_empty(view):
    shown = Page(page(view()))
    assert not shown.open
    assert shown.tags.count("h1") == 1
    ids = [value for _, name, value in shown.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_file_is_the_one_that_render_returns(tmp_path):
    (file,) = Html().render(demo_view(), tmp_path / "new" / "folder")
    assert file == tmp_path / "new" / "folder" / "report.html"
    assert file.read_bytes().startswith(b"<!doctype html>")


def test_the_same_view_gives_the_same_bytes_in_every_process(tmp_path):
    code = (
        "import runpy, sys, hashlib; from harness_reports.html import page;"
        "made = runpy.run_path(sys.argv[1]);"
        "print(hashlib.sha256(page(made['poisoned'](made['HOSTILE'])).encode()).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code, __file__],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert page(demo_view()) == page(demo_view())


def test_rendering_leaves_the_view_as_it_was():
    view, before = demo_view(), demo_view()
    page(view)
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(view, name), getattr(before, name))


def test_every_number_of_the_results_is_in_the_row_of_its_cell():
    view = demo_view()
    rows = {row["about"]["data-cell"]: row["cells"] for row in Page(page(view)).about("cell")}
    shares = {"accuracy", "accuracy_falsified", "accuracy_pristine", "macro_f1", "auroc"}
    shares |= {"accuracy_parsed", "share_falsified"}
    numbers = ("labels_bought", "n", *METRICS, "accuracy_parsed", "unparsable", "refused", "errors", "share_falsified")
    assert len(rows) == len(view.results) == 40
    for result in view.results.to_dict("records"):
        for column in numbers:
            cell, value = rows[result["cell"]][column], result[column]
            show = percent if column in shares else decimal if column in ("brier", "ece") else count
            assert cell["text"].startswith(show(value))
            assert cell["value"] == "" if value != value else float(cell["value"]) == value


def test_every_number_of_the_arms_is_in_one_of_the_rows_of_its_arm():
    view = demo_view()
    rows = Page(page(view)).about("arm")
    numbers = [*METRICS, "labels_bought", "seeds", "n", "groups", "accuracy_parsed", "unparsable", "refused", "errors"]
    numbers += ["share_falsified", "rouge_l", "training_seconds", "prediction_seconds", "teacher_calls", "teacher_usd"]
    for arm in view.arms.to_dict("records"):
        mine = [row["cells"] for row in rows if row["about"]["data-arm"] == arm["arm"]]
        for column in numbers:
            found = {cells[column]["value"] for cells in mine if column in cells}
            assert {float(value) if value else None for value in found} == {
                None if arm[column] != arm[column] else arm[column]
            }
        for metric in ("accuracy", "accuracy_falsified", "accuracy_pristine", "macro_f1", "auroc"):
            low, high = arm[f"{metric}_low"], arm[f"{metric}_high"]
            if low == low:
                assert any(
                    f"{percent(low)}–{percent(high)}" in cells[metric]["text"] for cells in mine if metric in cells
                )


def test_every_number_of_the_contrasts_is_in_its_row():
    view = demo_view()
    rows = Page(page(view)).about("against")
    assert len(rows) == len(view.contrasts)
    key = {(row["about"]["data-question"], row["about"]["data-arm"]): row["cells"] for row in rows}
    for contrast in view.contrasts.to_dict("records"):
        cells = key[contrast["question"], contrast["arm"]]
        for column in ("difference", "p", "p_holm", "detectable", "seeds", "items"):
            assert float(cells[column]["value"]) == contrast[column]
        assert points(contrast["low"]) in cells["difference"]["text"]
        assert points(contrast["high"]) in cells["difference"]["text"]
        assert cells["items"]["text"] == "20067 groups"


def test_text_of_a_view_becomes_no_tag_and_no_attribute():
    clean, hostile = Page(page(demo_view())), Page(page(poisoned(HOSTILE)))
    assert not hostile.open
    assert set(hostile.tags) <= set(clean.tags)
    names = {(tag, name) for tag, name, _ in hostile.attributes}
    assert names <= {(tag, name) for tag, name, _ in clean.attributes} | {("td", "colspan")}
    assert not any(name.startswith("on") or name == "style" for _, name in names)
    assert hostile.tags.count("script") == hostile.tags.count("style") == 1
    assert not any(value.startswith("javascript") for _, name, value in hostile.attributes if name == "href")


def test_hostile_text_keeps_the_order_of_tags_where_it_changes_no_meaning():
    free = {"arm", "against", "cell", "reason", "teacher", "benchmark", "split", "notes", "evaluated_on", "teachers"}
    kept = {"arms", "results", "contrasts", "benchmarks"}
    view = poisoned(HOSTILE, free)
    mixed = dataclasses.replace(demo_view(), **{name: getattr(view, name) for name in kept})
    assert Page(page(mixed)).tags == Page(page(demo_view())).tags


def test_a_template_in_a_text_is_shown_and_not_filled_in():
    shown = "".join(Page(page(poisoned(HOSTILE))).shown)
    assert "{{ 7 * 7 }}" in shown


def test_characters_that_turn_or_hide_text_are_shown_by_their_number():
    text = page(poisoned(HOSTILE))
    for character in "\u202e\u2066\u200b\x00\x1b\ufeff":
        assert character not in text
        assert f"⟨U+{ord(character):04X}⟩" in text
    assert "⟨U+D800⟩" in text
    text.encode()


def test_a_megabyte_of_text_in_every_column_is_cut():
    text = page(poisoned("<b>" * 350_000))
    assert len(text) < 3_000_000
    assert "… (cut; 1\u202f050\u202f000 characters)" in text


def test_harmless_text_keeps_letters_of_all_scripts_and_bounds_stacked_marks():
    assert harmless("Zürich 新闻 أخبار 👩\u200d🚒") == "Zürich 新闻 أخبار 👩\u200d🚒"
    assert harmless("a" + "\u0301" * 200) == "a" + "\u0301" * 3
    assert harmless("a\r\n\tb", lines=True) == "a\n    b"
    assert harmless("a\nb\u2028c") == "a b⟨U+2028⟩c"
    assert harmless("abcdef", 3) == "abc… (cut; 6 characters)"


def test_a_policy_in_the_page_forbids_every_request():
    shown = Page(page(demo_view()))
    (policy,) = [value for _, name, value in shown.attributes if name == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not any(scheme in page(demo_view()) for scheme in ("http:", "https:", "url(", "@import"))
    links = [value for _, name, value in shown.attributes if name in ("href", "src")]
    assert all(link.startswith("#") or link == "data:," for link in links)


def test_the_answer_names_the_best_arm_and_says_inconclusive_plainly():
    shown = "".join(Page(page(demo_view())).shown)
    answer = re.sub(r"[ \n]+", " ", shown.split("What labels buy")[0])
    assert "the best student is mmkd · disagreement · 10\u202f% with 85.0\u202f%" in answer
    assert "for 33 bought labels, 8.3\u202f% of the training items." in answer
    assert (
        "Against stage 1 alone (stage1-only, 74.5\u202f%) the difference is +10.5 points (+6.4 to +14.6): better"
        in answer
    )
    assert "inconclusive once adjusted for several comparisons" in answer
    assert "above the strongest teacher, entity-checker (79.0\u202f%); this pair was not tested." in answer
    assert "The label-rich bound, supervised · random · 100\u202f% with 400 labels, is at 87.5\u202f%" in answer


def test_the_answer_says_which_arms_beat_the_floor_and_what_stage_2_adds_at_each_number_of_labels():
    view = demo_view()
    answer = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", page(view).split("What labels buy")[0])))
    asked = view.contrasts[view.contrasts["question"] == "above the floor"]
    better = (asked["verdict"] == "better").sum()
    assert f"Of {len(asked)} trained arms {better} are above the floor." in answer
    added = view.contrasts[view.contrasts["question"] == "stage 2 adds"]
    first = added.iloc[0]
    assert "To stage 1 alone, stage 2 adds: mmkd · disagreement · 3 % " in answer
    assert f"{100 * first['difference']:+.1f} points with 12 labels ({first['verdict']})" in answer.replace("−", "-")
    assert f"; {len(added) - 4} more below." in answer


def test_the_answer_admits_that_labels_did_not_help():
    view = demo_view()
    arms = view.arms.copy()
    arms.loc[arms["strategy"] == "stage1-only", "accuracy"] = 0.95
    shown = "".join(Page(page(dataclasses.replace(view, arms=arms))).shown)
    assert "the best student is stage1-only with 95.0\u202f%" in shown
    assert "without one bought label" in shown
    assert "No arm with bought labels is above it" in shown


def test_the_answer_admits_that_labels_alone_are_in_front():
    view = demo_view()
    arms = view.arms.copy()
    arms.loc[(arms["strategy"] == "supervised") & (arms["label_fraction"] == 0.1), "accuracy"] = 0.95
    shown = "".join(Page(page(dataclasses.replace(view, arms=arms))).shown)
    assert "the best student is supervised · random · 10\u202f% with 95.0\u202f%" in shown
    assert "No arm that learns from the teachers is above it; the best of them, mmkd · disagreement · 10" in shown


def test_answers_without_a_verdict_are_counted_and_named():
    assert "Of 8\u202f000 test answers, 39 were unparsable, 0 refused and 0 errors" in page(demo_view())
    clean = demo_view().results.assign(unparsable=0)
    assert "Of 8\u202f000 test answers none was unparsable" in page(demo_view(results=clean))


def test_a_cell_that_is_not_done_shows_its_reason_and_no_number():
    rows = Page(page(midrun_view())).about("cell")
    unfinished = [row["cells"] for row in rows if "accuracy" not in row["cells"]]
    assert len(rows) == 40
    assert len(unfinished) == 25
    assert "n" not in {metric for cells in unfinished for metric in cells}


def test_a_synthetic_benchmark_is_marked_in_the_header():
    assert "Synthetic data" in page(demo_view())
    real = demo_view().benchmarks.assign(notes="web news")
    assert "Synthetic data" not in page(demo_view(benchmarks=real))


def test_notes_may_be_a_mapping():
    notes = demo_view().benchmarks.astype(object)
    notes["notes"] = [{"world": "Synthetic", "filtered": 3}] * len(notes)
    text = page(demo_view(benchmarks=notes))
    assert "filtered: 3; world: Synthetic" in text
    assert "Synthetic data" in text


def test_an_arm_without_a_result_says_why():
    text = page(midrun_view())
    assert "15</b> of <b>40</b> cells done" in text
    assert "10 failed, 10 blocked, 2 waiting, 3 pending" in text
    assert "no result yet; cells: 1 failed, 1 pending, 1 waiting (train: CUDA out of memory after 3 tries;" in text
    assert "1 of 3" in text
    assert "waiting for 24 labels of newsworld" in text


def test_an_unknown_number_is_a_dash_that_says_why():
    cells = Page(page(demo_view())).attributes
    whys = {value for tag, name, value in cells if tag == "span" and name == "title"}
    assert "not defined: the answers carry no probabilities, or all items are of one class" in whys
    assert not re.search(r"\bnan\b", "".join(Page(page(demo_view())).shown), re.IGNORECASE)


def test_the_chart_draws_every_bought_point_and_every_reference():
    text = page(demo_view())
    wide = text[text.index('<svg class="chart wide"') : text.index('<svg class="chart narrow"')]
    assert wide.count('class="full"') == 8
    assert wide.count('class="hollow"') == 1
    for name in (
        "label-rich bound",
        "zero-shot (floor)",
        "stage1-only",
        "entity-checker (teacher)",
        "majority of both",
    ):
        assert f">{name}<" in wide
    assert "saturated: fewer conflicts than the budget" in wide


def test_labels_of_a_chart_stand_apart():
    from harness_reports.arms import arms_of, panels_of
    from harness_reports.charts import WIDE, figures
    from harness_reports.geometry import spread
    from harness_reports.records import rows

    view = demo_view()
    (panel,) = panels_of(arms_of(rows(view.arms), rows(view.results)))
    chart = figures(panel)[0].charts[0]
    places = sorted(line.label_y for line in (*chart.series, *chart.references))
    assert all(second - first >= 16.9 for first, second in pairwise(places))
    assert places[-1] <= WIDE.y_end + 8
    assert spread([5, 5, 5], 0, 100, 10) == [5, 15, 25]
    assert spread([99, 100], 0, 100, 10) == [90, 100]


def test_students_and_teacher_sets_get_their_own_charts_and_names():
    view = demo_view()
    other = {"probe": "vlm"}
    arms = pd.concat([view.arms, view.arms.assign(arm=view.arms["arm"] + "/2").replace({"student": other})])
    wild = arms.assign(evaluated_on="verite")
    both = dataclasses.replace(view, arms=pd.concat([arms, wild], ignore_index=True))
    text = page(both)
    assert "Accuracy against labels bought, newsworld, vlm, both" in text
    assert "Accuracy against labels bought, verite, trained on newsworld, probe, both" in text
    assert "mmkd · disagreement · 6\u202f% · vlm" in text


def test_what_is_too_much_for_a_table_is_counted():
    failures = [{"step": f"s{place}", "what": "", "state": "failed", "reason": "", "cells": 1} for place in range(700)]
    text = page(demo_view(failures=frame(failures, FAILURE_COLUMNS)))
    assert "100 more rows are not shown here" in text


def test_a_page_of_two_hundred_cells_is_smaller_than_three_megabytes():
    view = demo_view()
    results = pd.concat([view.results.assign(seed=seed, cell=view.results["cell"] + str(seed)) for seed in range(5)])
    assert len(results) == 200
    assert len(page(demo_view(results=results)).encode()) < 1_500_000


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (percent(0.7834), "78.3"),
        (percent(-0.0001), "0.0"),
        (percent(nan), "–"),
        (points(-0.0525), "−5.2"),
        (points(0.0), "0.0"),
        (count(12345.0), "12\u202f345"),
        (count(33.5), "33.5"),
        (decimal(0.04321), "0.043"),
        (fraction(0.06), "6\u202f%"),
        (fraction(0.005), "0.5\u202f%"),
        (probability(0.0001), "<\u202f0.001"),
        (probability(0.0321), "0.032"),
        (duration(0.04), "0.0\u202fs"),
        (duration(125.0), "2.1\u202fmin"),
        (duration(7500.0), "2.1\u202fh"),
        (money(0.004), "<\u202f0.01"),
        (money(1234.5), "1\u202f234.50"),
    ],
)
def test_numbers_are_written_for_people(shown, text):
    assert shown == text


def colours(css, dark):
    """The last value of each variable, as a browser of that scheme reads them."""
    screen = css.split("@media print")[0]
    parts = screen.split("@media (prefers-color-scheme: dark)")
    text = screen if dark else parts[0]
    found = {}
    for piece in text.replace("{", ";").replace("}", ";").split(";"):
        name, _, value = piece.strip().partition(": ")
        if name.startswith("--") and value.startswith("#"):
            found[name[2:]] = value
    return found


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_colour_has_contrast_enough(dark):
    css = (Path(html.__file__).parent / "templates" / "report.css").read_text()
    palette = colours(css, dark)
    texts = ["ink", "muted", "link", "good", "bad", "open", *(f"s{place}" for place in range(8))]
    pairs = [(text, paper) for text in texts for paper in ("paper", "wash")] + [("open", "open-wash")]
    for text, paper in pairs:
        light, deep = sorted((luminance(palette[text]), luminance(palette[paper])), reverse=True)
        assert (light + 0.05) / (deep + 0.05) >= 4.5, (text, paper)


def test_the_plugin_provides_one_report_and_is_cheap_to_import():
    registry = Registry.of(html)
    assert [plugin.error for plugin in registry.plugins] == [""]
    assert registry.find("report", "html") is Html
    code = "import sys, harness_reports.html; print(*{'pandas', 'jinja2', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_templates_are_part_of_the_identity():
    assert Html.templates == ("templates",)
    assert len(source_digest(Html)) == 64
    assert (Path(html.__file__).parent / Html.templates[0] / "report.html.j2").is_file()
