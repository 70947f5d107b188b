"""Spans of time as people write them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

SPELLED = r"^([0-9]*[1-9][0-9]*(?:[.][0-9]+)?|0[.][0-9]*[1-9][0-9]*) ?([smhd])$"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(span: object) -> object:
    """Seconds of ``90s``, ``30m``, ``6h``, ``2d``; a number is seconds already, anything else is left to be refused."""
    spelled = re.match(SPELLED, span) if isinstance(span, str) else None
    return float(spelled[1]) * _UNITS[spelled[2]] if spelled else span


Span = Annotated[
    float,
    BeforeValidator(seconds_of),
    Field(gt=0),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": SPELLED}]}),
]
"""Seconds, more than 0."""
