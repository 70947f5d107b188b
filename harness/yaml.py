"""YAML text to data and the place of every part of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from harness.errors import Fault

Path = tuple[str | int, ...]

# A matrix is written by hand; more than this comes from aliases that multiply.
MAX_NODES = 200_000


@dataclass(slots=True)
class Places:
    """Line and column (from 1) of each value by its path, and of each mapping's keys."""

    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def of(self, path: Path, *, key: bool = False) -> tuple[int, int]:
        """The place of a value (or of its key), or of the nearest part around it that has one."""
        while path:
            if key and path in self.keys:
                return self.keys[path]
            if path in self.values:
                return self.values[path]
            path = path[:-1]
        return self.values.get((), (0, 0))


def load(text: str) -> tuple[Any, Places, list[Fault]]:
    """Data, places and faults; the data are None where there is a fault."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    places = Places()
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        if root is None:
            return None, places, [Fault(0, 0, "", "the file is empty")]
        faults = list(_walk(root, places))
        if faults:
            return None, places, faults
        return YAML(typ="safe", pure=True).load(text), places, []
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return None, places, [Fault(line, column, "", f"not YAML: {error.problem or error.context}")]
    except (YAMLError, RecursionError, ValueError) as error:
        return None, places, [Fault(0, 0, "", f"not YAML: {str(error).splitlines()[0]}")]


def _walk(root: Any, places: Places) -> Iterator[Fault]:
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    waiting: list[tuple[Path, Any]] = [((), root)]
    count = 0
    while waiting:
        path, node = waiting.pop()
        count += 1
        if count > MAX_NODES:
            yield Fault(*_mark(node), "", f"more than {MAX_NODES:,} values; do aliases multiply?")
            return
        places.values[path] = _mark(node)
        if isinstance(node, MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                if name in seen and name != "<<":
                    yield Fault(*_mark(key), _dotted((*path, name)), "this key stands here twice")
                seen.add(name)
                places.keys[(*path, name)] = _mark(key)
                waiting.append(((*path, name), value))
        elif isinstance(node, SequenceNode):
            waiting += [((*path, index), value) for index, value in enumerate(node.value)]


def _mark(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
