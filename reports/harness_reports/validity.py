"""What threatens the run's conclusions, written from its own facts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, isnan

from harness_reports.numerals import count, percent, share
from harness_reports.pairs import stylish
from harness_reports.records import Row, rows, words
from harness_reports.section import Section
from harness_reports.seen import Seen

FEW_SEEDS, FEW_GROUPS = 5, 30
LEAKY = ("leaky", "leakage", "oracle", "depends on the label", "label-dependent")
"""Words by which a benchmark's notes confess that evidence may know the answer."""
_LOPSIDED = 0.15
_MOST_NAMES = 4


@dataclass(frozen=True, slots=True)
class Threat:
    """One reason to be careful, and the facts behind it."""

    title: str
    text: str


class Validity(Section):
    name = "validity"
    title = "Threats to validity"
    template = "sections/validity.j2"

    def applies(self, seen: Seen) -> bool:
        return bool(seen.results)

    def context(self, seen: Seen) -> Mapping[str, object]:
        return {"threats": list(threats(seen))}


def threats(seen: Seen) -> Iterator[Threat]:
    """In the order in which a reader should worry."""
    for found in (
        _synthetic,
        _leaky,
        _incomplete,
        _seeds,
        _groups,
        _lopsided,
        _stylish,
        _answers,
        _scored,
        _teachers,
        _collapsed,
    ):
        yield from found(seen)
    for found in (_machines, _code, _exploratory, _chosen):
        yield from found(seen)


def _synthetic(seen: Seen) -> Iterator[Threat]:
    if seen.synthetic:
        names = ", ".join(seen.synthetic)
        yield Threat("Synthetic data", f"{names}: what wins here says nothing about real news.")


def _leaky(seen: Seen) -> Iterator[Threat]:
    notes = {row.text("benchmark"): row.text("notes", 1000) for row in seen.benchmarks}
    for name, note in notes.items():
        if any(word in note.lower() for word in LEAKY):
            yield Threat("Evidence that may know the answer", f"{name} says of itself: {note}")


def _incomplete(seen: Seen) -> Iterator[Threat]:
    missing = sum(row.text("state") != "done" for row in seen.results)
    if missing:
        text = f"{count(missing)} of {count(len(seen.results))} results are missing; what is shown may change."
        yield Threat("An incomplete run", text)


def _seeds(seen: Seen) -> Iterator[Threat]:
    numbers = [arm.row.number("seeds") for arm in seen.arms if arm.known and arm.row.number("seeds_planned") > 1]
    if numbers and min(numbers) < FEW_SEEDS:
        few = sum(number < FEW_SEEDS for number in numbers)
        yield Threat(
            "Few seeds",
            f"{count(few)} of {count(len(numbers))} arms with seeds have fewer than {FEW_SEEDS}, the fewest "
            f"{count(min(numbers))}: their spread over trainings is hardly known, intervals are wide, and a small "
            "difference cannot be seen.",
        )


def _groups(seen: Seen) -> Iterator[Threat]:
    for row in seen.benchmarks:
        groups = row.number("groups")
        if row.text("split") == "test" and groups < FEW_GROUPS:
            where = f"The test items of {row.text('benchmark')} form {count(groups)} groups only"
            text = f"{where}; the items of a group are right or wrong together."
            yield Threat("Few independent test items", text)


def _lopsided(seen: Seen) -> Iterator[Threat]:
    for row in seen.conflicts:
        falsified = row.number("falsified_share")
        if abs(falsified - 0.5) > _LOPSIDED and row.number("conflicts") > 0:
            text = (
                f"{share(falsified)} of the {count(row.number('conflicts'))} conflicts that {row.text('rule')} finds "
                f"on {row.text('benchmark')} are falsified: labels bought there are lopsided."
            )
            yield Threat("Imbalanced conflicts", text)


def _stylish(seen: Seen) -> Iterator[Threat]:
    for text in stylish(seen):
        yield Threat("Style in the preferences", text)


def _answers(seen: Seen) -> Iterator[Threat]:
    for on in dict.fromkeys(row.text("evaluated_on") for row in seen.results):
        own = [row for row in seen.results if row.text("evaluated_on") == on and row.text("role") == "student"]
        lost = _sum(own, "unparsable") + _sum(own, "refused") + _sum(own, "errors")
        asked = _sum(own, "n")
        if lost:
            text = (
                f"{count(lost)} of {count(asked)} answers of students on {on} ({percent(lost / asked, 2)} %) carry no "
                "verdict and count as wrong: an arm may be behind for its format, not its judgement."
            )
            yield Threat("Missing answers", text)


def _scored(seen: Seen) -> Iterator[Threat]:
    """Students that score their verdicts ask some items the long way, too."""
    told = same = 0.0
    for row in seen.results:
        found = seen.view.details.proved(row.raw("cell"), row.raw("evaluated_on")).get("verdict_agreement")
        numbers = Row(found) if isinstance(found, Mapping) else Row({})
        if numbers.number("parsable") > 0:
            told += numbers.number("parsable")
            same += numbers.number("parsable") * numbers.number("agree")
    if told:
        text = (
            "Some students' verdicts are scored from log-probabilities, and no answer is written. Where a sample was "
            f"answered in words as well, {percent(same / told)} % of the stated verdicts are the scored ones."
        )
        yield Threat("Verdicts that are scored", text)


def _teachers(seen: Seen) -> Iterator[Threat]:
    found = []
    for row in rows(seen.view.teachers):
        silent = row.number("items") - row.number("ok")
        if silent > 0:
            where = f"{row.text('teacher')} on {row.text('benchmark')} {row.text('split')}"
            found.append(f"{where}: {count(silent)} of {count(row.number('items'))}")
    if found:
        text = f"Items to which a teacher gave no verdict: {_listed(found)}. Rules and majorities see the rest only."
        yield Threat("Silent teachers", text)


def _collapsed(seen: Seen) -> Iterator[Threat]:
    names = [
        arm.name for arm in seen.arms if arm.known and arm.row.text("warnings").startswith(("collapsed", "almost"))
    ]
    if names:
        text = f"{_listed(names)}: nearly always the same verdict, so accuracy says little about them."
        yield Threat("Arms that have collapsed", text)


def _machines(seen: Seen) -> Iterator[Threat]:
    for what, keys in {"machines": ("device", "platform", "processors"), "versions": ("packages", "python")}.items():
        kinds = {json.dumps([part.get(key) for key in keys], sort_keys=True, default=str) for part in _parts(seen)}
        if len(kinds) > 1:
            text = f"The steps were run with {len(kinds)} different {what}: digits and times may differ for that alone."
            yield Threat(f"A mix of {what}", text)


def _code(seen: Seen) -> Iterator[Threat]:
    codes = [part.get("code") for part in _parts(seen)]
    changed = [code for code in codes if isinstance(code, Mapping) and code.get("changed")]
    commits = {words(code.get("commit"), 40) for code in codes if isinstance(code, Mapping) and code.get("commit")}
    if changed:
        text = "Some steps were run from a checkout with uncommitted changes: nobody else can have that code."
        yield Threat("Uncommitted code", text)
    if len(commits) > 1:
        yield Threat("Several versions of the code", f"The steps were run at {len(commits)} commits.")


def _exploratory(seen: Seen) -> Iterator[Threat]:
    loose = sum(row.text("correction") == "uncorrected" for row in seen.contrasts)
    if loose:
        text = (
            f"{count(loose)} of {count(len(seen.contrasts))} contrasts were not declared beforehand and are not "
            "corrected: one of twenty will look like a difference by chance."
        )
        yield Threat("Exploratory comparisons", text)


def _chosen(seen: Seen) -> Iterator[Threat]:
    rivals = max((sum(arm.known for arm in panel.of("free", "bought")) for panel in seen.panels), default=0)
    if rivals > 1:
        text = (
            f"The best of {count(rivals)} trained arms was picked on the test items that it is praised for; on new "
            "items it will be a little worse."
        )
        yield Threat("The winner's curse", text)


def _parts(seen: Seen) -> Sequence[Mapping[str, object]]:
    """The surroundings of the steps."""
    found = seen.view.provenance.get("surroundings", ())
    return [part for part in found if isinstance(part, Mapping)] if isinstance(found, (list, tuple)) else []


def _sum(found: Sequence[Row], column: str) -> float:
    return fsum(value for row in found if not isnan(value := row.number(column)))


def _listed(texts: Sequence[str]) -> str:
    rest = len(texts) - _MOST_NAMES
    return "; ".join(texts[:_MOST_NAMES]) + (f"; and {rest} more" if rest > 0 else "")
