"""What people wrote or photographed, left out of what is packed: places in an order stand for the names of items."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Set
from typing import Any

from harness.discretion import HIDDEN, item_digest, numbers
from harness.redaction import IDS, MATRIX, notes, oracles, surroundings

FIXED = frozenset({"outcome", "verdict"})
"""Fields of an answer whose words the harness itself gives."""

OF_DATA = frozenset({"kind", "split", "other_split", "other_benchmark"})
"""The same of a finding and of a skipped entry, and the names that the matrix gives."""

_IDS = IDS | {"other"}

OWN_WORDS = frozenset({"schema", "kind", "key", "what"})
"""Parts of a manifest that stay as they are."""


class Pseudonyms:
    """Each name's place among all of them: whatever goes by the order of names comes out as it did."""

    def __init__(self, names: Iterable[str]) -> None:
        every = sorted(set(names))
        width = len(str(len(every)))
        self._places = {name: f"{place:0{width}}" for place, name in enumerate(every)}

    def of(self, name: str) -> str:
        """What stands for a name; nothing for none."""
        return self._places.get(name, item_digest(name)) if name else ""

    def digests(self) -> dict[str, str]:
        """By what stands for a name, the digest by which reports call it."""
        return {place: item_digest(name) for name, place in self._places.items()}

    def answer(self, text: str) -> str:
        """A line of answers or ranks."""
        return self._line(text, FIXED)

    def finding(self, text: str) -> str:
        """A line of findings or skipped entries."""
        return self._line(text, OF_DATA)

    def _line(self, text: str, fixed: Set[str]) -> str:
        return json.dumps(self._hidden(json.loads(text), "", fixed), sort_keys=True, separators=(",", ":")) + "\n"

    def _hidden(self, value: Any, name: str, fixed: Set[str]) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, Mapping):
            return {key: self._hidden(part, key, fixed) for key, part in value.items()}
        if isinstance(value, list):
            return [self._hidden(part, name, fixed) for part in value]
        if not isinstance(value, str) or name in fixed:
            return value
        return self.of(value) if name in _IDS else hidden(value)


def log_line(text: str) -> str:
    """A line of a training log."""
    found = json.loads(text)
    return json.dumps(numbers(found) if isinstance(found, dict) else {}, sort_keys=True) + "\n"


def manifest(told: Mapping[str, Any]) -> dict[str, Any]:
    """A step's manifest without ingredients and without words, its files still to be told."""
    provenance = told["provenance"]
    kept = {**surroundings(provenance), **numbers(provenance)}
    if "measured" in provenance:
        kept["measured"] = [numbers(line) for line in provenance["measured"] if isinstance(line, dict)]
    if provenance.get("accepted"):
        # That other code made it is a warning; which code says what options were called.
        kept["accepted"] = True
    proofs = {name: numbers(fact) for name, fact in told.get("proofs", {}).items() if isinstance(fact, Mapping)}
    own = {name: part for name, part in told.items() if name in OWN_WORDS}
    return {**own, "facts": _numbers_within(told["facts"]), "proofs": proofs, "provenance": kept}


def _numbers_within(value: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers at whatever depth, by their names; also lists of them, and what is said to be unknown."""
    found = {name: _numbers_within(part) if isinstance(part, Mapping) else part for name, part in value.items()}
    return {name: part for name, part in found.items() if _numeric(part)}


def _numeric(part: object) -> bool:
    if isinstance(part, list):
        return all(isinstance(value, int | float) for value in part)
    return part is None or isinstance(part, Mapping | int | float)


def failure(told: Mapping[str, Any]) -> dict[str, Any]:
    """Why a step did not come to its end, as far as it is a fixed word."""
    return {"state": told.get("state", ""), "reason": hidden(told.get("reason", ""))}


def benchmark(told: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a benchmark without what it says of itself, but for what is never hidden."""
    text = "; ".join(f"{name}: {value}" for name, value in told["notes"].items())
    return {
        **told,
        "notes": {"notes": notes(text)} if text else {},
        "oracles": [oracles(sentence) for sentence in told["oracles"]],
    }


def plan(told: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a plan without the matrix and the words for its options."""
    return {
        **told,
        "matrix": MATRIX,
        "oracles": {label: [oracles(sentence) for sentence in found] for label, found in told["oracles"].items()},
        "ablation": [
            {**arm, "made_of": hidden(arm["made_of"]), "reason": hidden(arm["reason"])} for arm in told["ablation"]
        ],
    }


def hidden(text: str) -> str:
    """What stands for a text; nothing for none."""
    return HIDDEN if text else ""
