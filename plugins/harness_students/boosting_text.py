"""LightGBM's text form of a model, read with care: its own reader ends the process where a number is missing.

Only what was understood here is handed on, written anew. A model is a list of trees on numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LARGEST = 50_000_000
"""Characters; 1,000 trees of 31 leaves have about two million."""

VERSION = "v4"
OBJECTIVE = "cross_entropy"

_END = "\nend of trees\n"
_TREE = re.compile(r"\nTree=(\d{1,6})\n")

# What a tree holds of each of its n leaves and n - 1 splits, and whether as whole numbers.
_OF_SPLITS: Mapping[str, bool] = {
    "split_feature": True,
    "split_gain": False,
    "threshold": False,
    "decision_type": True,
    "left_child": True,
    "right_child": True,
    "internal_value": False,
    "internal_weight": False,
    "internal_count": True,
}
_OF_LEAVES: Mapping[str, bool] = {"leaf_value": False, "leaf_weight": False, "leaf_count": True}
_ORDER = (
    *("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child"),
    *("leaf_value", "leaf_weight", "leaf_count", "internal_value", "internal_weight", "internal_count"),
)

NUMERIC = frozenset({0, 2, 4, 6, 8, 10})
"""Decision types without bit 0, which says that a split is over categories."""


class Malformed(ValueError):
    """The text is no model that this module can vouch for; the message says where."""


@dataclass(frozen=True, slots=True)
class Forest:
    """A model whose every number has been looked at."""

    features: int
    trees: int
    text: str
    """Written anew, for LightGBM to read."""


def read(text: str) -> Forest:
    """The model; raises `Malformed`."""
    if len(text) > LARGEST:
        raise Malformed(f"it has more than {LARGEST:,} characters")
    body, end, _ = text.partition(_END)
    if not end:
        raise Malformed("it has no end of trees")
    head, *blocks = _TREE.split(body)
    head_values = _values(head.removeprefix("tree\n")) if head.startswith("tree\n") else {}
    features = _head(head_values)
    trees = [_tree(number, block, features) for number, block in enumerate(_numbered(blocks))]
    lines = [f"{name}={head_values[name]}" for name in _HEAD]
    return Forest(features, len(trees), "\n".join(["tree", *lines, "", *trees]) + _END)


_HEAD = (
    *("version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective"),
    *("feature_names", "feature_infos"),
)


def _head(values: Mapping[str, str]) -> int:
    """The number of features of a model of ours."""
    wanted = {"version": VERSION, "num_class": "1", "num_tree_per_iteration": "1", "label_index": "0"}
    wanted["objective"] = OBJECTIVE
    for name, value in wanted.items():
        if values.get(name) != value:
            raise Malformed(f"{name} is {values.get(name, 'missing')!r:.40}, not {value!r}")
    features = int(_number(values.get("max_feature_idx", ""), True, "max_feature_idx")) + 1
    for name, pattern in (("feature_names", r"Column_\d{1,6}"), ("feature_infos", r"none|\[[-+.:e\d]{1,80}\]")):
        parts = values.get(name, "").split(" ")
        if len(parts) != features or not all(re.fullmatch(pattern, part) for part in parts):
            raise Malformed(f"{name} are not those of {features} numbers")
    return features


def _numbered(blocks: Sequence[str]) -> Iterator[str]:
    """The trees' texts, which must be numbered from 0."""
    for place, (number, block) in enumerate(zip(blocks[::2], blocks[1::2], strict=True)):
        if int(number) != place:
            raise Malformed(f"tree {place} is called {number}")
        yield block


def _tree(number: int, block: str, features: int) -> str:
    where = f"tree {number}"
    values = _values(block)
    leaves = int(_number(values.get("num_leaves", ""), True, where))
    if not 1 <= leaves <= 1_000_000 or values.get("num_cat") != "0" or values.get("is_linear", "0") != "0":
        raise Malformed(f"{where} is not one of numbers alone")
    found = {
        **{name: _numbers(values, name, whole, leaves - 1, where) for name, whole in _OF_SPLITS.items()},
        **{name: _numbers(values, name, whole, leaves, where) for name, whole in _leaf_fields(leaves)},
    }
    _check_splits(found, leaves, features, where)
    shrinkage = _number(values.get("shrinkage", ""), False, where)
    lines = [f"Tree={number}", f"num_leaves={leaves}", "num_cat=0"]
    lines += [f"{name}={values[name]}" for name in _ORDER if name in values]
    return "\n".join([*lines, "is_linear=0", f"shrinkage={shrinkage!r}", "", ""])


def _leaf_fields(leaves: int) -> Iterator[tuple[str, bool]]:
    """A tree of one leaf has its value alone."""
    yield from _OF_LEAVES.items() if leaves > 1 else [("leaf_value", False)]


def _check_splits(found: Mapping[str, Sequence[float]], leaves: int, features: int, where: str) -> None:
    """Features that are there, splits over numbers, and children each once and below their parent."""
    if any(not 0 <= feature < features for feature in found["split_feature"]):
        raise Malformed(f"{where} splits a feature that is not among the {features}")
    if any(kind not in NUMERIC for kind in found["decision_type"]):
        raise Malformed(f"{where} splits over categories")
    children = [*enumerate(found["left_child"]), *enumerate(found["right_child"])]
    if any(0 <= child <= parent for parent, child in children):
        raise Malformed(f"{where} goes round in a circle")
    # Leaf l is written as -l - 1; every split but the first and every leaf is a child.
    expected = [*range(-leaves, 0), *range(1, leaves - 1)] if leaves > 1 else []
    if sorted(int(child) for _, child in children) != expected:
        raise Malformed(f"{where} has splits or leaves that hang nowhere or twice")


def _values(block: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for line in filter(None, block.split("\n")):
        name, equals, value = line.partition("=")
        if not equals or name in values:
            raise Malformed(f"{line!r:.60} is no value, or a second one")
        values[name] = value
    return values


def _numbers(values: Mapping[str, str], name: str, whole: bool, count: int, where: str) -> list[float]:
    parts = values.get(name, "").split(" ") if values.get(name) else []
    if len(parts) != count:
        raise Malformed(f"{where} has {len(parts)} numbers as {name}, not {count}")
    return [_number(part, whole, f"{where}: {name}") for part in parts]


def _number(text: str, whole: bool, where: str) -> float:
    if not re.fullmatch(r"-?\d{1,15}" if whole else r"-?\d{1,20}(\.\d{1,40})?(e[-+]?\d{1,3})?", text):
        raise Malformed(f"{where}: {text!r:.40} is no number")
    value = float(text)
    if not math.isfinite(value):
        raise Malformed(f"{where}: {text!r:.40} is not finite")
    return value
