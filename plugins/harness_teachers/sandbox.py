"""Templates of strangers: a small part of Jinja2 in which nothing can be reached, changed or blown up."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, NoReturn

from harness.api import HarnessError

if TYPE_CHECKING:
    from jinja2 import Environment, Template, nodes

NODES = """
Template Output TemplateData If For Name Const List Tuple Getattr Getitem Slice Filter Test Keyword CondExpr Compare
Operand And Or Not Neg Add Sub Concat
"""
"""What a template may be made of. Without assignments, calls and products it cannot grow beyond what it is given."""

FILTERS = """
capitalize default first join last length list lower reverse sort string title tojson trim truncate unique upper
wordcount
"""
TESTS = "defined eq equalto ge gt in le lt ne none odd even number string undefined"

# No filter makes more characters of what a template is given.
_LONGEST_TEXT = 1_000_000


def check(source: str, name: str, known: frozenset[str]) -> None:
    """Raise `HarnessError` with file and line where a template is none, or uses what is not in reach."""
    from jinja2 import nodes

    with _told_with_place(name):
        tree = _environment().parse(source)
        for node in _all(tree):
            if type(node).__name__ not in NODES.split():
                raise _error(name, node.lineno, f"{_told(node)} is not for prompts", "Use output, if and for.")
        unknown = _undeclared(tree) - known
    if unknown:
        line = next((node.lineno for node in tree.find_all(nodes.Name) if node.name in unknown), 1)
        raise _error(
            name, line, f"{' and '.join(sorted(unknown))} is not in reach", f"In reach are {', '.join(sorted(known))}."
        )
    _compiled(source, name)


def names(source: str, name: str) -> frozenset[str]:
    """What a template asks to be given."""
    with _told_with_place(name):
        return _undeclared(_environment().parse(source))


def render(source: str, name: str, known: Mapping[str, object], longest: int) -> str:
    """The template's text without blanks around it; raises `HarnessError` with file and line."""
    from jinja2 import TemplateError

    parts: list[str] = []
    length = 0
    try:
        for part in _compiled(source, name).generate(**known):
            length += len(part)
            if length > longest:
                raise _error(name, 0, f"makes a prompt of more than {longest:,} characters")
            parts.append(part)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise _error(name, _line(error, name), f"{error}") from None
    return "".join(parts).strip()


@contextmanager
def _told_with_place(name: str) -> Iterator[None]:
    """What the parser and the compiler find wrong, as `HarnessError`."""
    from jinja2 import TemplateSyntaxError

    try:
        yield
    except TemplateSyntaxError as error:
        raise _error(name, error.lineno, error.message or "is not a template") from None
    # Python, to which a template is translated, has bounds of its own.
    except (RecursionError, SyntaxError, MemoryError):
        raise _error(name, 0, "is nested too deeply") from None


@cache
def _compiled(source: str, name: str) -> Template:
    from jinja2 import Template

    with _told_with_place(name):
        environment = _environment()
        return Template.from_code(environment, environment.compile(source, name, name), {})


@cache
def _environment() -> Environment:
    """Strict: what is not there is an error, not an empty text."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.clear()
    environment.filters = {
        word: _bounded(filter_) for word, filter_ in environment.filters.items() if word in FILTERS.split()
    } | {"join": _join}
    environment.tests = {word: test for word, test in environment.tests.items() if word in TESTS.split()}
    return environment


def _bounded(filter_: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(filter_)
    def bounded(*given: object, **options: object) -> object:
        made = filter_(*given, **options)
        if isinstance(made, str) and len(made) > _LONGEST_TEXT:
            _too_long()
        return made

    return bounded


def _join(texts: Iterable[object], between: str = "") -> str:
    found = [str(text) for text in texts]
    if sum(map(len, found)) + len(found) * len(between) > _LONGEST_TEXT:
        _too_long()
    return between.join(found)


def _too_long() -> NoReturn:
    raise ValueError(f"a filter makes a text of more than {_LONGEST_TEXT:,} characters")


def _all(node: nodes.Node) -> Iterable[nodes.Node]:
    yield node
    for inner in node.iter_child_nodes():
        yield from _all(inner)


def _told(node: nodes.Node) -> str:
    words = {"Include": "include", "Extends": "extends", "Assign": "set", "AssignBlock": "set", "Macro": "macro"}
    words |= {"Import": "import", "FromImport": "import", "Call": "a call", "CallBlock": "call", "Block": "block"}
    words |= {"Mul": "*", "Pow": "**", "Div": "/", "FloorDiv": "//", "Mod": "%"}
    return words.get(type(node).__name__, type(node).__name__)


def _undeclared(tree: nodes.Template) -> frozenset[str]:
    from jinja2.meta import find_undeclared_variables

    return frozenset(find_undeclared_variables(tree))


def _line(error: BaseException, name: str) -> int:
    """The template's line in a traceback, which Jinja2 has put there."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == name), 0)


def _error(name: str, line: int, cause: str, remedy: str = "") -> HarnessError:
    return HarnessError(cause, place=f"{name}:{line}" if line else name, remedy=remedy or "Mend the prompt's template.")
