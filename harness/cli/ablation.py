"""What an ablation has added to a matrix, in words and as facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.plan import Ablated, Plan


def told(plan: Plan) -> Iterator[str]:
    """A line for each method, and one for each of its arms; nothing where the matrix asks for no ablation."""
    for method in dict.fromkeys(arm.method for arm in plan.ablation):
        arms = [arm for arm in plan.ablation if arm.method == method]
        standings = [arm.standing for arm in arms]
        words = ", ".join(f"{standings.count(standing)} {standing}" for standing in ("added", "there", "left out"))
        yield f"ablation of {method}: {len(arms)} arms ({words})"
        width = max(len(arm.factor) for arm in arms)
        yield from (_line(arm, width) for arm in arms)


def _line(arm: Ablated, width: int) -> str:
    return f"  {arm.standing:<8}  {arm.factor:<{width}}  {arm.arm or arm.reason}"


def facts(plan: Plan) -> list[dict[str, Any]]:
    """Every arm of the ablation as a JSON value."""
    return [asdict(arm) for arm in plan.ablation]
