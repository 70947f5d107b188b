"""What there is to say about a component: its options, what it reads, gives and needs, and its source."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args, get_type_hints

from pydantic.fields import FieldInfo

from harness.component import Component
from harness.described import descriptions
from harness.identity import source_digest
from harness.loading import Plugin
from harness.nesting import spelled

METHODS = ("gives", "reads", "needs", "accepts", "losses")
"""Methods without arguments that say what a component takes and gives."""


def portrait(plugin: Plugin, component: type[Component]) -> dict[str, Any]:
    """Facts about a component as a JSON value."""
    return {
        "kind": component.kind,
        "name": component.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "class": f"{component.__module__}:{component.__qualname__}",
        "source": inspect.getsourcefile(component) or "",
        "code": _code(component),
        "text": inspect.cleandoc(component.__doc__ or ""),
        "options": {name: _option(component, name, field) for name, field in component.model_fields.items()},
        "declares": _declared(component),
    }


def _code(component: type[Component]) -> str:
    """What stands for the code in the identity."""
    if "revision" in vars(component):
        return f"revision {vars(component)['revision']}"
    return f"digest {source_digest(component)[:12]} of its source"


def _option(component: type[Component], name: str, field: FieldInfo) -> dict[str, Any]:
    # Without the constraints, which stand for themselves.
    hints = get_type_hints(component)
    default = field.get_default(call_default_factory=True, validated_data={}) if not field.is_required() else None
    return {
        "type": _type_name(hints.get(name, field.annotation)),
        "required": field.is_required(),
        "default": _plain(default),
        "range": ", ".join(_limits(field)),
        "text": descriptions(component).get(name, ""),
        "transport": name in component.transport,
    }


def _type_name(hint: object) -> str:
    """``Literal['a', 'b']`` as ``'a' or 'b'``, a class by its name, anything else as Python writes it."""
    text = str(hint)
    if text.startswith("typing.Literal["):
        return " or ".join(map(repr, get_args(hint)))
    return (
        hint.__name__
        if isinstance(hint, type) and not get_args(hint)
        else re.sub(r"\b(typing|pathlib|collections\.abc)\.", "", text)
    )


def _limits(field: FieldInfo) -> Iterator[str]:
    words = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "pattern": "matches {}"}
    words |= {"min_length": "at least {} long", "max_length": "at most {} long", "multiple_of": "a multiple of {}"}
    for rule in field.metadata:
        for limit, text in words.items():
            if (value := getattr(rule, limit, None)) is not None:
                yield text.format(value)


def _plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    from pydantic_core import to_jsonable_python

    if isinstance(value, Component):
        return spelled(value)
    return to_jsonable_python(value)


def _declared(component: type[Component]) -> dict[str, list[str]]:
    """What it says with its options at their defaults; nothing where it cannot be made so."""
    try:
        made = component()
    except ValueError:
        return {}
    return {name: sorted(map(str, getattr(made, name)())) for name in METHODS if hasattr(made, name)}


def told(facts: Mapping[str, Any]) -> Iterator[str]:
    """A portrait as lines of text."""
    yield f"{facts['kind']} {facts['name']}  ({facts['distribution']} {facts['version']})"
    yield ""
    yield from (f"  {line}".rstrip() for line in facts["text"].splitlines())
    yield ""
    if facts["options"]:
        yield "  options"
        for name, option in facts["options"].items():
            yield from _option_told(name, option)
    for name, words in facts["declares"].items():
        yield f"  {name:<9}{', '.join(words) or 'nothing'}"
    yield f"  source   {facts['source']}"
    yield f"  code     {facts['code']}, class {facts['class']}"


def _option_told(name: str, option: Mapping[str, Any]) -> Iterable[str]:
    default = "must be given" if option["required"] else f"default {json.dumps(option['default'])}"
    parts = [option["type"], option["range"], default, "no part of the identity" if option["transport"] else ""]
    yield f"    {name}: {', '.join(part for part in parts if part)}"
    yield from (f"      {line.strip()}" for line in option["text"].splitlines() if line.strip())
