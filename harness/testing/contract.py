"""What a rule of the contract is, and how a component fares under all of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn
from unittest import SkipTest

from harness.component import Component
from harness.errors import HarnessError, MissingDependency

Check = Callable[[Any], None]
"""One rule. Its name says the rule, its docstring the remedy; it takes the component, and raises `ContractBroken`
where the rule is broken and `unittest.SkipTest` where it cannot be looked at."""

State = Literal["kept", "broken", "skipped"]


class ContractBroken(AssertionError):
    """A component breaks a rule of its contract; the text says what was seen."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How a component fares under one rule."""

    rule: str
    state: State
    seen: str = ""
    """What was seen where the rule is broken, or why it was not looked at."""
    remedy: str = ""


def broken(seen: str) -> NoReturn:
    """The rule is broken."""
    raise ContractBroken(seen)


def skip(why: str) -> NoReturn:
    """The rule does not apply, or something else must be mended first."""
    raise SkipTest(why)


def rule_of(check: Check) -> str:
    """``check_says_the_same_twice`` → ``says the same twice``."""
    return check.__name__.removeprefix("check_").replace("_", " ")


def remedy_of(check: Check) -> str:
    """What to do where the rule is broken, on one line."""
    return " ".join(inspect.cleandoc(check.__doc__ or "").split())


def examine(component: Component, checks: Sequence[Check]) -> Iterator[Finding]:
    """Look at one rule after the other."""
    for check in checks:
        yield _finding(component, check)


def _finding(component: Component, check: Check) -> Finding:
    rule, remedy = rule_of(check), remedy_of(check)
    try:
        check(component)
    except ContractBroken as error:
        return Finding(rule, "broken", str(error), remedy)
    except SkipTest as why:
        return Finding(rule, "skipped", str(why))
    except MissingDependency as error:
        return Finding(rule, "skipped", str(error))
    # A stranger's component may fail in any way and in any place; the other rules are looked at all the same.
    except Exception as error:
        return Finding(rule, "broken", told(error), remedy)
    return Finding(rule, "kept")


def told(error: BaseException) -> str:
    """An exception in one line; the remedy that one of ours brings is for those who run it, not for its author."""
    said = str(error)
    if isinstance(error, HarnessError):
        said = f"{error.place}: {error.cause}" if error.place else error.cause
    text = " ".join(said.split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
