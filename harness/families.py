"""The section ``compare:`` of a matrix: which arms are compared, said before results are seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from harness import yaml
from harness.loading import did_you_mean

Test = Literal["difference", "non-inferiority", "equivalence"]

QUESTIONS = (
    "above the floor",
    "stage 2 adds",
    "against labels alone",
    "against random conflicts",
    "other strategy",
    "other rule",
    "other teachers",
)
"""What every report asks; no family may be called so."""

ABLATION = "ablation"
"""The family of ``ablate:``; no other may be called so."""

RESERVED = (*QUESTIONS, ABLATION)

KEYS = ("arms", "against", "margin", "within", "detect")
_NO_ARMS = "an arm, or a list of arms, is needed; * stands for any text"
_FORM = "{arms: '*/mmkd/*', against: '*/supervised/*'}"


@dataclass(frozen=True, slots=True)
class Family:
    """Contrasts that are adjusted together.

    ``arms`` are held against each of ``against``, or against each other where that is empty; ``pairs`` are taken as
    they are written. All are patterns of arms' names, ``*`` standing for any text.
    """

    name: str
    arms: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    test: Test = "difference"
    margin: float | None = None
    """How much worse is not inferior, or how different is equivalent."""
    detect: float | None = None
    """The smallest difference that would matter; the plan warns where it could not be seen."""

    @property
    def wanted(self) -> float | None:
        """The difference that the comparison must be able to see, if it says one."""
        return self.detect if self.detect is not None else self.margin


class Faults(Protocol):
    """Takes a fault at a path of the matrix."""

    def __call__(self, path: yaml.Path, cause: str, *, remedy: str = "", key: bool = False) -> None: ...


def read(section: object, fault: Faults) -> tuple[Family, ...]:
    """The families of ``compare:``, those without a fault."""
    if section is None:
        return ()
    if not isinstance(section, Mapping) or not section:
        fault(("compare",), f"a mapping of names to comparisons is needed, as in  main: {_FORM}")
        return ()
    found = (_family(str(name), entry, fault) for name, entry in section.items())
    return tuple(family for family in found if family is not None)


def _family(name: str, entry: object, fault: Faults) -> Family | None:
    path: yaml.Path = ("compare", name)
    if name in RESERVED:
        cause = "this is what `ablate:` compares" if name == ABLATION else "every report asks this by itself"
        fault(path, cause, remedy="Give the family a name of its own.", key=True)
    elif isinstance(entry, list) and entry:
        return _listed(name, entry, fault)
    elif isinstance(entry, Mapping):
        return _mapped(name, entry, fault)
    else:
        fault(path, f"a list of arms or of pairs is needed, or a mapping as in  {_FORM}")
    return None


def _listed(name: str, entry: list[Any], fault: Faults) -> Family | None:
    """Arms to be held against each other, and pairs ``[arm, against]``."""
    arms: list[str] = []
    pairs: list[tuple[str, str]] = []
    for index, part in enumerate(entry):
        if isinstance(part, str):
            arms.append(part)
        elif isinstance(part, list) and len(part) == 2 and all(isinstance(arm, str) for arm in part):
            pairs.append((part[0], part[1]))
        else:
            fault(("compare", name, index), f"{part!r} is neither an arm nor a pair [arm, against]")
    if len(arms) + len(pairs) < len(entry):
        return None
    if len(arms) == 1 and "*" not in arms[0]:
        fault(("compare", name), "one arm alone is compared with nothing")
        return None
    return Family(name, tuple(arms), (), tuple(pairs))


def refuse_unknown(path: yaml.Path, given: Iterable[object], known: Collection[str], fault: Faults) -> None:
    """A fault at each key of a mapping at ``path`` that is none of the known ones."""
    for key in given:
        if key not in known:
            fault((*path, str(key)), f"no such key{did_you_mean(str(key), known)}", key=True)


def _mapped(name: str, entry: Mapping[Any, Any], fault: Faults) -> Family | None:
    path: yaml.Path = ("compare", name)
    refuse_unknown(path, entry, KEYS, fault)
    arms, against = (_patterns((*path, key), entry.get(key), fault) for key in ("arms", "against"))
    if "arms" not in entry:
        fault(path, f"the key 'arms' is missing, as in  {_FORM}")
    elif entry["arms"] is None:
        fault((*path, "arms"), _NO_ARMS)
    sizes = {key: _size((*path, key), entry[key], fault) for key in ("margin", "within", "detect") if key in entry}
    if {"margin", "within"} <= sizes.keys():
        fault((*path, "within"), "margin asks whether arms are not inferior, within whether they are equivalent: one")
        return None
    if not arms or None in sizes.values():
        return None
    test: Test = "non-inferiority" if "margin" in sizes else "equivalence" if "within" in sizes else "difference"
    return Family(name, arms, against, (), test, sizes.get("margin", sizes.get("within")), sizes.get("detect"))


def _patterns(path: yaml.Path, given: object, fault: Faults) -> tuple[str, ...]:
    if given is None:
        return ()
    found = given if isinstance(given, list) else [given]
    if not found or not all(isinstance(arm, str) for arm in found):
        fault(path, _NO_ARMS)
        return ()
    return tuple(found)


def _size(path: yaml.Path, given: object, fault: Faults) -> float | None:
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < 1:
        return float(given)
    fault(path, f"{given!r} is not a difference in accuracy, above 0 and below 1 (0.02 are two points)")
    return None
