"""Options that are components themselves, such as the teacher that another teacher asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from harness.component import Component

C = TypeVar("C", bound=Component)

Resolve = Callable[[str, str, object], Component]
"""From a kind, the option's name and what a matrix says of it, to the component; the context of a validation."""

TOLD = "told"
SCHEMA_KEY = "x-component"
"""Stands in a JSON schema for the components of a kind, which a registry alone knows."""


def needed(found: Component | None) -> Component:
    """The component, or an error for pydantic where its faults have been told already."""
    if found is None:
        raise PydanticCustomError(TOLD, "it cannot be made")
    return found


class _Named:
    """Turns what a matrix says (a name, or ``uses:`` with options) into a component of the annotated kind."""

    def __get_pydantic_core_schema__(self, source: type[Component], _: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            partial(_component, source),
            serialization=core_schema.plain_serializer_function_ser_schema(_spelled, when_used="json"),
            metadata={SCHEMA_KEY: source.kind},
        )

    def __get_pydantic_json_schema__(self, core: CoreSchema, _: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {SCHEMA_KEY: core["metadata"][SCHEMA_KEY]}


Named = Annotated[C, _Named()]
"""``of: Named[Teacher]`` is an option that names a teacher as the sections of a matrix do."""


def nested(component: Component) -> Iterator[Component]:
    """The components among the options of another one, and among the options of these."""
    for name in type(component).model_fields:
        for value in _values(getattr(component, name)):
            if isinstance(value, Component):
                yield value
                yield from nested(value)


def _values(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        for inner in value:
            yield from _values(inner)
    else:
        yield value


def _component(kind: type[Component], value: object, info: ValidationInfo) -> Component:
    if isinstance(value, kind):
        return value
    if info.context is None:
        raise ValueError(f"a {kind.kind} is needed")
    resolve: Resolve = info.context
    return resolve(kind.kind, info.field_name or "", value)


def _spelled(component: Component) -> dict[str, Any]:
    return {"uses": component.name, **component.model_dump(mode="json")}
