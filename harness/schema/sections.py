"""The sections of a matrix as JSON schemas, without the components that they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.families import RESERVED
from harness.newsroom import Newsroom
from harness.sentinel import Sentinel

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

_NOTHING: Schema = {"not": {}}

_ARM: Schema = {"type": "string"}
_PATTERN: Schema = {"type": "string", "pattern": r"\*"}
_PAIR: Schema = {"type": "array", "minItems": 2, "maxItems": 2, "items": _ARM}
_LIST: Schema = {
    "minItems": 1,
    "items": {"description": "An arm, or a pair [arm, against].", "anyOf": [_ARM, _PAIR]},
    # One arm alone, without a pattern in it, is compared with nothing.
    "if": {"contains": _ARM, "maxContains": 1, "items": {"anyOf": [_ARM, _PAIR]}},
    "then": {"contains": _PATTERN},
}

_ARMS: Schema = {"anyOf": [_ARM, {"type": "array", "minItems": 1, "items": _ARM}]}
_DIFFERENCE: Schema = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
_MAPPING: Schema = {
    "required": ["arms"],
    "additionalProperties": False,
    "properties": {
        "arms": {**_ARMS, "description": "Arms, or patterns of their names in which * stands for any text."},
        "against": {
            "anyOf": [*_ARMS["anyOf"], {"type": "null"}],
            "description": "What they are held against; by default each other.",
        },
        "margin": {**_DIFFERENCE, "description": "Asks whether they are worse by less than this; 0.02 are two points."},
        "within": {**_DIFFERENCE, "description": "Asks whether they differ by less than this; 0.02 are two points."},
        "detect": {**_DIFFERENCE, "description": "The smallest difference that would matter; the plan is held to it."},
    },
    "if": {"required": ["margin", "within"]},
    "then": {"properties": {"within": _NOTHING}},
}

_NAMES: Schema = {"type": ["string", "array", "null"], "minItems": 1, "items": {"type": "string"}}
_PLACE: Schema = {"type": ["string", "null"]}
_ABLATE: Mapping[str, Schema] = {
    "strategy": {
        **_NAMES,
        "description": "Strategies that are ablated; by default all that say what their factors are.",
    },
    **{
        axis: {
            **_PLACE,
            "description": f"Where on this axis; by default the first of `{section}` that is not excluded.",
        }
        for axis, section in (
            ("benchmark", "benchmarks"),
            ("student", "students"),
            ("teachers", "teacher_sets"),
            ("rule", "rules"),
        )
    },
    "label_fraction": {
        **_FRACTION,
        "type": ["number", "null"],
        "description": "Share of the labels that may be bought; by default the first of `label_fractions`.",
    },
    "arms": {**_NAMES, "description": "Names of arms, or patterns in which * stands for any text; by default all."},
}

_COUNT: Schema = {"type": "integer", "minimum": 1}


def _reviews(count: Schema) -> Schema:
    return {"anyOf": [count, {"type": "array", "minItems": 1, "items": count}, {"type": "null"}]}


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
    "compare": {
        "description": "Families of comparisons, declared before results are seen; each is adjusted together.",
        "type": ["object", "null"],
        "minProperties": 1,
        # Every report asks these by itself, or `ablate:` does. A pattern, since an editor would offer what is listed.
        "patternProperties": {f"^({'|'.join(RESERVED)})$": _NOTHING},
        "additionalProperties": {
            "description": "Patterns of arms' names, or a list of arms and of pairs [arm, against].",
            "type": ["array", "object"],
            "if": {"type": "array"},
            "then": _LIST,
            "else": _MAPPING,
        },
    },
    "ablate": {
        "description": "Adds arms with one factor off, floors, controls and bounds, each at one place of the matrix.",
        "type": ["string", "object", "null"],
        "minProperties": 1,
        "additionalProperties": False,
        "properties": dict(_ABLATE),
        "if": {"type": "string"},
        "then": {"const": "auto"},
    },
    "newsroom": {
        "description": "A day's work, for which reports say what an arm finds; the default describes no real desk.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "items_per_day": {
                **_COUNT,
                "description": "How many items come in.",
                "default": Newsroom().items_per_day,
            },
            "prevalence": {
                "description": "Share of the items that are falsified.",
                "type": "number",
                "exclusiveMinimum": 0,
                "exclusiveMaximum": 1,
                "default": Newsroom().prevalence,
            },
            "reviews_per_day": {
                **_reviews(_COUNT),
                "description": "How many items people look at, a number or several; at most those of the day.",
                "default": list(Newsroom().reviews_per_day),
            },
        },
        "if": {"required": ["items_per_day"], "properties": {"items_per_day": _COUNT}},
        # Where the day has its items by default. Any other day's number a schema cannot see.
        "else": {"properties": {"reviews_per_day": _reviews({**_COUNT, "maximum": Newsroom().items_per_day})}},
    },
    "budget": {
        "description": "What the teachers may cost, over all runs of this matrix; no bound where a key is missing.",
        "type": ["object", "null"],
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {
            "usd": {"description": "US dollars.", "type": ["number", "null"], "exclusiveMinimum": 0},
            "calls": {"description": "Calls.", "type": ["integer", "null"], "minimum": 1},
        },
    },
    "sentinel": {
        "description": "Asks about some items again in every run and stops a teacher that has changed; off by default.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "items": {
                "description": "How many items.",
                "type": "integer",
                "minimum": 10,
                "maximum": 1000,
                "default": Sentinel().items,
            },
            "confidence": {
                "description": "With which probability a steady teacher passes, at least.",
                "type": "number",
                "minimum": 0.5,
                "exclusiveMaximum": 1,
                "default": Sentinel().confidence,
            },
            "accept": {
                "description": "Teachers whose change is told and does not stop them.",
                "type": ["array", "null"],
                "items": {"type": ["string", "number", "boolean"]},
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
