"""The sections of a matrix as JSON schemas, without the components that they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

LABEL = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

COMPONENTS = {
    "benchmarks": ("benchmark", "Data sets that are trained on, and tested on."),
    "evaluate_on": ("benchmark", "Data sets that are tested on besides."),
    "teachers": ("teacher", "Systems that annotate items with a verdict and a rationale."),
    "students": ("student", "Small models that are trained."),
    "rules": ("rule", "Conflict rules: which items are worth a label."),
    "strategies": ("strategy", "What a student learns in each of the two stages."),
    "reports": ("report", "What is written at the end; by default one page of HTML."),
}
"""Sections of ``label: component``, each with its kind and what an editor says of it."""

DEFAULTS = {"executor": ("executor", "local"), "reports": ("report", "html")}
"""What stands in for a section that is missing."""

_FRACTION: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
_SEED: Schema = {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**31}
_LABELS: Schema = {"type": "string"}

_AXES: Mapping[str, Schema] = {
    "benchmark": _LABELS,
    "teachers": _LABELS,
    "student": _LABELS,
    "rule": _LABELS,
    "strategy": _LABELS,
    "label_fraction": _FRACTION,
    "seed": _SEED,
}

OTHERS: Mapping[str, Schema] = {
    "teacher_sets": {
        "description": "Named lists of teachers; by default one set `all`.",
        "type": ["object", "null"],
        "minProperties": 1,
        "additionalProperties": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            # A label may look like a number.
            "items": {"type": ["string", "number", "boolean"]},
        },
    },
    "teachers_as_arms": {
        "description": "Whether teachers alone and the majority of each set are compared, too.",
        "type": "boolean",
        "default": False,
    },
    "label_fractions": {
        "description": "Shares of the training items whose labels may be bought, above 0 and at most 1.",
        "type": ["array", "null"],
        "minItems": 1,
        "uniqueItems": True,
        "items": _FRACTION,
    },
    "seeds": {
        "description": "Whole numbers; each is a run of its own of every cell that is trained.",
        "type": ["array", "null"],
        "minItems": 1,
        "uniqueItems": True,
        "items": _SEED,
        "default": [0],
    },
    "exclude": {
        "description": "Cells that are left out: those that have all the values of an entry.",
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                axis: {"anyOf": [value, {"type": "array", "items": value}]} for axis, value in _AXES.items()
            },
        },
    },
}


def labelled(kind: str, text: str) -> Schema:
    """A section of components of one kind."""
    return {
        "description": text,
        "type": ["object", "null"],
        "propertyNames": {"pattern": LABEL},
        "additionalProperties": {"$ref": f"#/$defs/{kind}"},
    }
