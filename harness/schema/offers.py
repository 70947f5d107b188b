"""What a registry offers to a matrix: each component with its spellings and the schema of its options."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import PydanticUserError

from harness.component import Component
from harness.described import descriptions
from harness.errors import PluginError
from harness.nesting import SCHEMA_KEY, spelled
from harness.plugins import Registry

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """A component that a matrix can name."""

    component: type[Component]
    distribution: str
    spellings: Sequence[str]
    """Names that lead to it, the usual one first."""
    options: Schema
    nested: Mapping[str, Schema]
    """Models within the options, by definition."""

    @property
    def key(self) -> str:
        """The name of its definition."""
        return _key(self.component, self.distribution)

    @property
    def named(self) -> Schema:
        """Fits every spelling. A pattern, since an editor would offer what is listed."""
        spellings = "|".join(re.sub(r"[^\w/-]", r"\\\g<0>", spelling) for spelling in self.spellings)
        return {"type": "string", "pattern": f"^({spellings})$"}

    @property
    def text(self) -> str:
        """What an editor says of it: the docstring's first paragraph and where it comes from."""
        paragraph = (vars(self.component).get("__doc__") or "").strip().partition("\n\n")[0]
        return " ".join([*paragraph.split(), f"({self.component.name} of {self.distribution})"])

    @property
    def definitions(self) -> Schema:
        """The long form, and the models within it."""
        known = {"uses": {"description": self.text}, **self.options.get("properties", {})}
        whole = {**self.options, "title": self.component.name, "description": self.text, "properties": known}
        return {self.key: whole, **self.nested}


def offers(registry: Registry, kind: str) -> Iterator[Offer]:
    """Every component of a kind that a matrix can name, by name and distribution."""
    for name, found in sorted(registry.components(kind).items()):
        for distribution, component in sorted(
            ((plugin.distribution, component) for plugin, component in found), key=lambda pair: pair[0]
        ):
            spellings = [
                spelling for spelling in (name, f"{distribution}/{name}") if findable(registry, kind, spelling)
            ]
            if spellings:
                options, nested = _options(component, _key(component, distribution))
                if kind == "strategy" and "properties" in options:
                    options = _with_rule(options, component.model_fields["rule"].default, registry)
                yield Offer(component, distribution, spellings, options, nested)


def findable(registry: Registry, kind: str, name: str) -> bool:
    """Whether a matrix that says ``name`` gets a component."""
    try:
        registry.find(kind, name)
    except PluginError:
        return False
    return True


def _key(component: type[Component], distribution: str) -> str:
    return f"{component.kind}.{distribution}.{component.name}"


def _options(component: type[Component], key: str) -> tuple[Schema, Mapping[str, Schema]]:
    """The schema of a component's options, and those of the models within it by definition."""
    try:
        with warnings.catch_warnings():
            # A default that has no JSON is left out; nobody can mend that in a matrix.
            warnings.simplefilter("ignore")
            made = component.model_json_schema(ref_template=f"#/$defs/{key}.{{model}}")
    except PydanticUserError:
        # A stranger's type that JSON schema cannot express: only running the component's own checks will tell.
        return {"type": "object"}, {}
    for name, field in component.model_fields.items():
        if isinstance(field.default, Component):
            made["properties"][name]["default"] = spelled(field.default)
        if text := descriptions(component).get(name):
            made["properties"][name]["description"] = text
    nested = {f"{key}.{name}": _tidy(inner) for name, inner in made.pop("$defs", {}).items()}
    return (_tidy(made), nested) if "properties" in made else ({"type": "object"}, {})


def _with_rule(options: Schema, own: object, registry: Registry) -> Schema:
    """A strategy's options, where ``rule`` is the name of a rule; it must be given where the default is none."""
    kept = {word: value for word, value in options["properties"]["rule"].items() if word in ("description", "default")}
    rule = {**kept, "anyOf": [{"$ref": "#/$defs/rule.name"}, {"type": "null"}]}
    lacking = ["rule"] if isinstance(own, str) and not findable(registry, "rule", own) else []
    return {
        **options,
        "properties": {**options["properties"], "rule": rule},
        "required": [*options.get("required", ()), *lacking],
    }


_NAMED = frozenset({"properties", "patternProperties"})
_KEPT = frozenset({"default", "const", "enum", "examples", "required"})
# Titles repeat the options' names, and pydantic reads a list with repetitions into a set without complaint.
_DROPPED = frozenset({"title", "uniqueItems", SCHEMA_KEY})


def _tidy(node: Any) -> Any:  # noqa: ANN401 - any part of a JSON schema
    if isinstance(node, list):
        return [_tidy(part) for part in node]
    if not isinstance(node, dict):
        return node
    if SCHEMA_KEY in node:
        node = {**node, "$ref": f"#/$defs/{node[SCHEMA_KEY]}"}
    tidied: Schema = {}
    for key, value in node.items():
        if key == "description":
            tidied[key] = " ".join(value.split())
        elif key in _NAMED:
            tidied[key] = {name: _tidy(inner) for name, inner in value.items()}
        elif key not in _DROPPED:
            tidied[key] = value if key in _KEPT else _tidy(value)
    return _or_null(tidied)


def _or_null(node: Schema) -> Schema:
    """An optional value without alternatives, whose faults would stand at the whole value instead of inside it."""
    alternatives: Sequence[Schema] = node.get("anyOf", ())
    if len(alternatives) != 2 or alternatives[1] != {"type": "null"}:
        return node
    value = alternatives[0]
    around = {word: said for word, said in node.items() if word != "anyOf"}
    if "$ref" in value:
        return {**around, "if": {"not": {"type": "null"}}, "then": value}
    if isinstance(value.get("type"), str) and not value.keys() & {"enum", "const"}:
        return {**around, **value, "type": [value["type"], "null"]}
    return node
