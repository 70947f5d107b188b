"""Where a run's numbers come from: a nested mapping as facts to be listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness_reports.numerals import count
from harness_reports.records import words


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of the provenance, or a heading with facts beneath."""

    name: str
    text: str
    parts: tuple[Fact, ...] = ()


def facts(value: object, depth: int = 0) -> tuple[Fact, ...]:
    """A nested mapping as facts, keys in order; at most 200 on a level and five levels."""
    if isinstance(value, Mapping):
        pairs = sorted(((words(key, 120), value[key]) for key in value), key=lambda pair: pair[0])
    else:
        pairs = [_named(place, part) for place, part in enumerate(_listed(value), 1)]
    shown = tuple(_fact(name, part, depth) for name, part in pairs[:200])
    return shown if len(pairs) <= 200 else (*shown, Fact("…", f"{count(len(pairs) - 200)} more are left out"))


def _fact(name: str, value: object, depth: int) -> Fact:
    parts = list(_listed(value))
    if isinstance(value, Mapping) and value and depth < 4:
        return Fact(name, "", facts(value, depth + 1))
    if any(isinstance(part, Mapping) for part in parts) and depth < 4:
        return Fact(name, "", facts(parts, depth + 1))
    text = ", ".join(words(part, 120) for part in parts[:50]) if parts else words(value, 400)
    return Fact(name, text or "–")


def _named(place: int, part: object) -> tuple[str, object]:
    """A part of a list under its own name, where it has one."""
    if isinstance(part, Mapping) and isinstance(name := part.get("name"), str):
        return words(name, 120), {key: part[key] for key in part if key != "name"}
    return str(place), part


def _listed(value: object) -> Iterable[object]:
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return value if isinstance(value, (list, tuple)) else ()
