"""What the options of a component mean: a field's description, or the docstring below it.

It is read from the source when somebody asks. Pydantic would read it whenever a class is made, which took two fifths of
the time in which plugins are imported, in every command and every worker.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise

from pydantic import BaseModel

from harness.component import Component


@cache
def descriptions(component: type[Component]) -> dict[str, str]:
    """Text by option; one that a subclass only gives another default keeps its parent's."""
    texts: dict[str, str] = {}
    for base in component.__mro__:
        if issubclass(base, BaseModel) and base is not BaseModel:
            fields = {name: field.description for name, field in base.model_fields.items() if field.description}
            texts = _docstrings(base) | fields | texts
    return {name: texts[name] for name in component.model_fields if name in texts}


@cache
def _docstrings(cls: type) -> dict[str, str]:
    """What stands below the annotated names of a class; nothing where there is no source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):
        return {}
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef))
    return {
        option.target.id: inspect.cleandoc(below.value.value)
        for option, below in pairwise(body)
        if isinstance(option, ast.AnnAssign)
        and isinstance(option.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
