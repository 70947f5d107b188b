"""A new plugin's files, from the templates beside this module.

``templates/shared`` and the folder of the kind hold a template for each file, by its name: ``MODULE`` stands for the
module's name, ``dot`` for a leading dot that would hide the template, and what begins with ``_`` is part of another.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness import __version__
from harness.hookspec import HOOKS
from harness.scaffold.names import Names

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
_SUFFIX = ".jinja"


def render(names: Names) -> dict[str, str]:
    """Texts by file name."""
    environment, templates = _environment(), dict(_templates(names))
    values = {
        "kind": names.kind,
        "name": names.name,
        "distribution": names.distribution,
        "module": names.module,
        "cls": names.cls,
        "hook": HOOKS[names.kind],
        "series": ".".join(__version__.split(".")[:2]),
        # What the wheel holds: the module and the data that it reads, no test.
        "packed": [file for file in templates if file.startswith(names.module)],
    }
    return {file: environment.get_template(template).render(values) for file, template in templates.items()}


def _templates(names: Names) -> Iterator[tuple[str, str]]:
    """File names with the template of each."""
    for folder in ("shared", names.kind):
        for path in sorted((_TEMPLATES / folder).glob(f"[!_]*{_SUFFIX}")):
            file = path.name.removesuffix(_SUFFIX).removeprefix("dot").replace("MODULE", names.module)
            yield file, f"{folder}/{path.name}"


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        # Jinja's own braces would make dictionaries and f-strings unreadable.
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
