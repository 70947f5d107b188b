"""Rules that hold for every kind of component."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator

from harness.component import Component
from harness.described import descriptions
from harness.identity import digest, identity
from harness.lookup import installed
from harness.testing import fresh
from harness.testing.contract import broken, skip, told


def check_can_be_imported_by_every_worker(component: Component) -> None:
    """Put the class into a module that can be imported by its name: no notebook, no function, no file that only a path
    leads to. Workers import it anew."""
    error = fresh.imported(type(component).__module__).error
    if error:
        broken(f"import {type(component).__module__} in a fresh interpreter: {error}")
    if "<locals>" in type(component).__qualname__:
        broken(f"{type(component).__qualname__} is made inside a function")


def check_imports_nothing_heavy(component: Component) -> None:
    """Import heavy packages inside the method that needs them, not at the top of the module: every command that looks
    for plugins imports it."""
    if heavy := fresh.imported(type(component).__module__).heavy:
        broken(f"importing {type(component).__module__} imports {', '.join(heavy)}")


def check_reaches_no_network_when_imported(component: Component) -> None:
    """Open connections inside the method that needs them; importing a module must not wait for a server."""
    if calls := fresh.imported(type(component).__module__).calls:
        broken(f"importing {type(component).__module__} calls {calls[0]}")


def check_says_what_it_is(component: Component) -> None:
    """Give the class a docstring of its own; `harness plugins show`, the manual and editors print it."""
    if not (vars(type(component)).get("__doc__") or "").strip():
        broken(f"{type(component).__name__} has no docstring")


def check_describes_its_options(component: Component) -> None:
    """Put a docstring under each option, or Field(description=…): it is what users read of it."""
    if bare := sorted(type(component).model_fields.keys() - descriptions(type(component)).keys()):
        broken(f"without a description: {', '.join(bare)}")


def check_options_survive_json(component: Component) -> None:
    """Use options that JSON can hold and read back: text, numbers, true and false, tuples, mappings, paths, Literals.
    They are part of every step's key."""
    try:
        text = json.dumps(component.model_dump(mode="json"), allow_nan=False)
        again = type(component).model_validate_json(text, strict=True, context=installed)
    except Exception as error:
        broken(told(error))
    if again != component:
        changed = [name for name in type(component).model_fields if getattr(again, name) != getattr(component, name)]
        broken(f"another value after JSON: {', '.join(changed)}")


def check_survives_pickling(component: Component) -> None:
    """Keep nothing in the component but its options, and only options that can be pickled: workers get it so."""
    try:
        again = pickle.loads(pickle.dumps(component))
    except Exception as error:
        broken(told(error))
    if again != component:
        broken("it is another component after pickling")


def check_has_one_identity_in_every_process(component: Component) -> None:
    """Use tuples instead of sets, defaults that are the same each time, and a digest() of file contents only (no time,
    no path, no order of a set): what is stored is found again by the identity."""
    if unordered := [name for name in type(component).model_fields if _holds_set(getattr(component, name))]:
        broken(f"sets have no fixed order: {', '.join(unordered)}")
    try:
        here = _identity_digest(component)
    except Exception as error:
        skip(f"it has no identity: {told(error)}")
    if _identity_digest(component) != here:
        broken("identity() differs from one call to the next")
    fresh.expect_sendable(component)
    if fresh.call(_identity_digest, component) != here:
        broken("another process gives it another identity")
    if _same_options_differ(component):
        broken("made twice with the same options, it is not the same component")


def _identity_digest(component: Component) -> str:
    return digest(identity(component))


def _same_options_differ(component: Component) -> bool:
    """Options that were left to their defaults must come out the same again."""
    given = {name: getattr(component, name) for name in component.model_fields_set}
    return type(component)(**given) != component


def _holds_set(value: object) -> bool:
    return isinstance(value, set | frozenset) or any(map(_holds_set, _parts(value)))


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


CHECKS = (
    check_can_be_imported_by_every_worker,
    check_imports_nothing_heavy,
    check_reaches_no_network_when_imported,
    check_says_what_it_is,
    check_describes_its_options,
    check_options_survive_json,
    check_survives_pickling,
    check_has_one_identity_in_every_process,
)
