"""The JSON schema of a matrix with the components of a registry, for editors and validators."""

from __future__ import annotations

from collections.abc import Sequence

from harness.components import KINDS
from harness.plugins import Registry
from harness.schema.offers import Offer, Schema, findable, offers
from harness.schema.sections import COMPONENTS, DEFAULTS, OTHERS, labelled

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema(registry: Registry) -> Schema:
    """A schema that finds the faults of one matrix at the places where reading it does.

    What only data or a second place in the file can tell is no part of it. Broken plugins are absent.
    """
    definitions: Schema = {}
    for kind in KINDS:
        found = list(offers(registry, kind))
        definitions |= {kind: _entry(kind, found), f"{kind}.name": _name(found)}
        for offer in found:
            definitions |= offer.definitions
    sections = {section: labelled(kind, text) for section, (kind, text) in COMPONENTS.items()}
    executor = {"$ref": "#/$defs/executor", "description": "Where steps run; by default `local`."}
    return {
        "$schema": DRAFT,
        "title": "harness matrix",
        "description": "What is compared: every combination of the labelled components is a cell.",
        "type": "object",
        "properties": {**sections, **OTHERS, "executor": executor},
        "required": [section for section, default in DEFAULTS.items() if not findable(registry, *default)],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _entry(kind: str, found: Sequence[Offer]) -> Schema:
    """``name`` or ``{uses: name, option: …}``.

    Conditions instead of alternatives: a fault is told of the component that is meant, and not of all.
    """
    alone = [
        # A name that stands alone gives no options; that it must be the long form is said by its type.
        {"if": offer.named, "then": {"type": "object", "required": offer.options["required"]}}
        for offer in found
        if offer.options.get("required")
    ]
    chosen = [
        {
            "if": {"type": "object", "required": ["uses"], "properties": {"uses": offer.named}},
            "then": {"$ref": f"#/$defs/{offer.key}"},
        }
        for offer in found
    ]
    uses = {"$ref": f"#/$defs/{kind}.name", "description": f"Which {kind} this is."}
    return {
        "anyOf": [{"$ref": f"#/$defs/{kind}.name"}, {"type": "object"}],
        "required": ["uses"],
        "properties": {"uses": uses},
        # A schema may not have none of all.
        **({"allOf": [*alone, *chosen]} if found else {}),
    }


def _name(found: Sequence[Offer]) -> Schema:
    """The usual spellings, which an editor offers, and the others, which it only accepts."""
    usual = [{"const": offer.spellings[0], "description": offer.text} for offer in found]
    others = [offer.named for offer in found if len(offer.spellings) > 1]
    return {"anyOf": [*usual, *others]} if found else {"enum": []}
