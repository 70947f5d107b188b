"""What a component is as far as its output is concerned, and the digests and seeds made from that."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from functools import cache, lru_cache
from hashlib import sha256
from importlib.machinery import PathFinder
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

from harness.component import Component

# Raised when the form of identities themselves changes: everything stored is then a miss.
IDENTITY_VERSION = 1

LARGE_BYTES = 64 << 20
"""A file as large is read once in a process, as long as its size and times stay what they were."""

SETTLED_NS = 2 * 10**9
"""So long after its last change a file's times tell a further change, on file systems with coarse clocks too."""


def canonical(value: object) -> str:
    """JSON with sorted keys, no blanks and no NaN: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def sha256_of(data: bytes) -> str:
    """Hex digest of bytes."""
    return sha256(data).hexdigest()


def digest(value: object) -> str:
    """Hex digest of a JSON value."""
    return sha256_of(canonical(value).encode())


def file_digest(*paths: Path) -> str:
    """Hex digest of files and of all files under folders, by relative name and content."""
    entries = [
        [file.relative_to(path.parent).as_posix(), _sha256_of_file(file)]
        for path in paths
        for file in ([path] if path.is_file() else sorted(path.rglob("*")))
        if file.is_file()
    ]
    return digest(entries)


def _sha256_of_file(file: Path) -> str:
    """Weights are asked for at every step, and 14 GB of them take ten seconds and more."""
    known = file.stat()
    if known.st_size < LARGE_BYTES:
        return sha256_of(file.read_bytes())
    if time.time_ns() - known.st_mtime_ns < SETTLED_NS:
        return _streamed(file)
    return _remembered(file.absolute(), known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns)


@lru_cache(maxsize=256)
def _remembered(file: Path, *_: int) -> str:
    return _streamed(file)


def _streamed(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def folder_digest(folder: str | Path, suffixes: Collection[str]) -> str:
    """Hex digest of a folder's own files with one of the suffixes; empty where there is no such folder."""
    place = Path(folder)
    if not place.is_dir():
        return ""
    return file_digest(*sorted(file for file in place.iterdir() if file.suffix in suffixes))


def seed_from(*axes: object) -> int:
    """A seed in [0, 2**31) that depends on exactly the given axes."""
    return int(digest(list(axes))[:8], 16) & 0x7FFFFFFF


def identity(component: Component) -> dict[str, Any]:
    """Kind, class, options with defaults, revision or source digest, and digest of the files it reads."""
    cls = type(component)
    options = {field: value for field, value in component.model_dump(mode="json").items() if field not in cls.transport}
    # How a component within it fetches its answers is no more a part of the identity than how it does itself.
    options |= {
        field: identity(inner) for field in options if isinstance(inner := getattr(component, field), Component)
    }
    return {
        "kind": cls.kind,
        "class": f"{cls.__module__}:{cls.__qualname__}",
        "options": options,
        # Read from the class itself: a subclass must not inherit its parent's promise.
        "code": vars(cls)["revision"] if "revision" in vars(cls) else source_digest(cls),
        "files": component.digest(),
    }


@cache
def source_digest(cls: type[Component]) -> str:
    """Digest of every source file that says what the class does.

    Its module and those of its plugin base classes, the modules of the same packages and of their libraries that
    they import, however indirectly, and the templates that they name. The core is left out: its steps carry revisions.
    """
    plugin_classes = [base for base in cls.__mro__ if _package(base.__module__) not in _FOREIGN]
    packages = {_package(base.__module__) for base in plugin_classes}
    packages |= {package for base in plugin_classes for package in vars(base).get("libraries", ())}
    seen: dict[str, str] = {}
    waiting = [base.__module__ for base in plugin_classes]
    while waiting:
        module = waiting.pop()
        if module in seen or (path := _source(module)) is None:
            continue
        text = path.read_bytes()
        seen[module] = sha256_of(text)
        waiting += [name for name in _imports(text, module, path) if _package(name) in packages]
    templates = {
        f"{base.__module__}/{name}": file_digest(Path(str(_source(base.__module__))).parent / name)
        for base in plugin_classes
        for name in vars(base).get("templates", ())
    }
    return digest({"modules": seen, "templates": templates})


_FOREIGN = frozenset({"harness", "pydantic", "abc", "builtins", "typing"})


def _package(module: str) -> str:
    return module.partition(".")[0]


@cache
def _source(module: str) -> Path | None:
    """The file of a module, found without importing it."""
    if module in sys.modules:
        file = getattr(sys.modules[module], "__file__", None)
        return Path(file) if file else None
    path: Any = None
    name = ""
    for part in module.split("."):
        if name and path is None:
            # A module that is no package holds none; a folder of that name anywhere on the path is not meant.
            return None
        name = f"{name}.{part}" if name else part
        spec = PathFinder.find_spec(name, path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _imports(text: bytes, module: str, path: Path) -> Iterator[str]:
    """Dotted names that may be modules: ``from a import b`` gives ``a`` and ``a.b``."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in _statements(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module
            if base:
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements, without a look into expressions: these hold no imports, and nine tenths of the nodes."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(node, field, ()):
            yield inner
            yield from _statements(inner)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Paths at which two JSON objects differ, as ``path: old → new``."""
    for where, before, after in unlike(old, new):
        yield f"{where}: {_short(before)} → {_short(after)}"


def unlike(old: Mapping[str, Any], new: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Paths at which two JSON objects differ, and both values, None where there is none."""
    for key in sorted(old.keys() | new.keys()):
        where = f"{at}.{key}" if at else key
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from unlike(before, after, where)
        elif before != after:
            yield where, before, after


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:12] + "…" if len(text) == 64 else text
