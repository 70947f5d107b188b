"""The model card of an exported arm, as Markdown; names and texts from elsewhere stand in it as code, bounded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

from harness import __version__
from harness.cells import Point
from harness.columns import METRICS
from harness.components import Benchmark
from harness.intake import BenchmarkFacts
from harness.types import Exported, Split

LONGEST = 120

# Controls, and what turns the direction of writing or takes no room.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")

NAMES = {
    "accuracy": "accuracy",
    "accuracy_falsified": "accuracy on falsified items",
    "accuracy_pristine": "accuracy on pristine items",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "brier": "Brier score",
    "ece": "expected calibration error",
}

LIMITS = """\
- It was measured on the data named above and nowhere else. Other archives, languages, years and ways of making
  false pairs are other questions.
- Items, not the world, are what the intervals speak of: they cover chance in training and in the choice of test
  items.
- Its probability of *falsified* is as well calibrated as the table says, and that on the shares of falsified items
  of the test data.
- A verdict is a reason to look, not a finding. It checks whether a caption belongs to an image, not whether it is
  true, and the reasons that it gives may be made up.
- What its base and its teachers were trained on is not known here, and may hold the test data.\
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card is made of; rows are those of the run's tables."""

    point: Point
    student: Mapping[str, Any]
    """The student's identity without paths of this machine."""
    exported: Exported
    arms: Sequence[Mapping[Any, Any]]
    results: Sequence[Mapping[Any, Any]]
    benchmarks: Mapping[str, tuple[Benchmark, BenchmarkFacts]]
    teachers: Sequence[tuple[str, str]]
    manifest: Mapping[str, Any]
    proofs: Mapping[str, object]


def code(value: object) -> str:
    """Any text as one line of code that neither ends the code nor a cell of a table."""
    text = " ".join(_UNSEEN.sub(" ", str(value)).split()).replace("`", "'").replace("|", "¦")
    return f"`{text[:LONGEST]}{'…' if len(text) > LONGEST else ''}`" if text else "–"


def card(facts: Facts) -> str:
    """The whole page."""
    return "\n".join(_lines(facts)) + "\n"


def _lines(facts: Facts) -> Iterator[str]:
    yield from _header(facts.exported)
    yield f"# {code(facts.point.arm)}"
    yield ""
    yield "A detector of news images used out of context: it says of an image and a caption whether they belong"
    yield f"together (*pristine*) or not (*falsified*). Trained and measured with harness {__version__}."
    yield from ("", "## What it is", "", "| | |", "|---|---|")
    yield from (f"| {name} | {value} |" for name, value in _what(facts))
    yield from ("", "## Data", "", "| benchmark | component | items | digest |", "|---|---|---|---|")
    yield from _data(facts)
    yield from ("", "## Results", "")
    yield from _results(facts)
    yield from ("", "## Limits", "", LIMITS)
    yield from (f"- The run warns of this arm: {code(warning)}" for warning in _warnings(facts))
    yield from ("", "## How to use it", "")
    yield from _usage(facts.exported)


def _header(exported: Exported) -> Iterator[str]:
    """What model hubs read. JSON strings are YAML strings."""
    yield "---"
    if exported.library:
        yield f"library_name: {json.dumps(exported.library)}"
    if exported.base:
        yield f"base_model: {json.dumps(exported.base)}"
    yield "tags: [out-of-context, misinformation-detection]"
    yield from ("---", "")


def _what(facts: Facts) -> Iterator[tuple[str, str]]:
    point = facts.point
    yield "student", f"{code(point.student)}, {code(facts.student['class'])}"
    if facts.exported.base:
        yield "base", code(facts.exported.base)
    yield "form", "whole model, merged with its base" if facts.exported.whole else "as it was trained"
    yield "strategy", code(point.strategy)
    if point.teachers is not None:
        said = [f"{code(label)} ({code(name)})" for label, name in facts.teachers]
        yield "teachers", f"{code(point.teachers)}: {', '.join(said)}"
    if point.rule is not None:
        yield "conflict rule", code(point.rule)
    bought = next((row["labels_bought"] for row in facts.results), 0)
    share = f", at most {point.label_fraction:g} of the training items" if point.label_fraction is not None else ""
    yield "labels bought", f"{bought}{share}"
    yield "seed", code(point.seed)
    yield "examples of the last training", code(json.dumps(facts.manifest["facts"].get("examples", {}), sort_keys=True))
    yield "step", code(facts.manifest["key"])
    yield from ((code(name), code(json.dumps(value, default=str))) for name, value in facts.proofs.items())
    yield from (
        (f"option {code(name)}", code(json.dumps(value, ensure_ascii=False)))
        for name, value in facts.student["options"].items()
    )


def _data(facts: Facts) -> Iterator[str]:
    for label, (benchmark, found) in facts.benchmarks.items():
        used: tuple[Split, ...] = ("train", "test") if label == facts.point.benchmark else ("test",)
        counts = ", ".join(f"{found.splits[split].items} {split}" for split in used if split in found.splits)
        yield f"| {code(label)} | {code(benchmark.name)} | {counts} | {code(found.identity)} |"


def _results(facts: Facts) -> Iterator[str]:
    """Of every benchmark a table: the arm over its seeds with intervals, and the seed that this model is."""
    if not facts.arms:
        yield "This arm has not been tested."
    for arm in facts.arms:
        mine = next((row for row in facts.results if row["evaluated_on"] == arm["evaluated_on"]), {})
        seeds = f"mean of {arm['seeds']} seed{'s' * (arm['seeds'] != 1)}"
        yield f"On the {arm['n']} test items of {code(arm['evaluated_on'])}, with 95 % intervals:"
        yield from ("", f"| | {seeds} | interval | this model |", "|---|---|---|---|")
        for metric in METRICS:
            interval = f"{_number(arm[f'{metric}_low'])} to {_number(arm[f'{metric}_high'])}"
            yield f"| {NAMES[metric]} | {_number(arm[metric])} | {interval} | {_number(mine.get(metric))} |"
        yield ""


def _number(value: object) -> str:
    return "–" if not isinstance(value, float) or isnan(value) else f"{value:.3f}"


def _warnings(facts: Facts) -> list[str]:
    return [warning for arm in facts.arms for warning in str(arm.get("warnings", "")).split("; ") if warning]


def _usage(exported: Exported) -> Iterator[str]:
    yield "With the harness, `posts.csv` being a table with the columns id, caption and image:"
    given = "" if exported.whole or not exported.base else "  # --with model=FOLDER, where the base lies in a folder"
    yield from ("", "```bash", f"harness predict THIS_FOLDER posts.csv -o judged.csv{given}", "```")
    if exported.usage:
        yield from ("", exported.usage.strip())
