"""How far training has moved the likelihood of what is chosen and of what is rejected."""

from __future__ import annotations

from collections.abc import Mapping

from harness.api import Objective

SIDES = ("chosen", "rejected")


def drift(line: Mapping[str, float], first: Mapping[str, float], objective: Objective) -> dict[str, float]:
    """``drift/chosen`` and ``drift/rejected``: mean log-probability now, less that at the start, in nats.

    A preference loss may raise a margin by making both answers unlikelier (likelihood displacement): then the
    first of these falls below zero. Where the reference is the start, it is exact for the items of the line;
    else the first line stands for the start, and other items may be in it.
    """
    found = {}
    for side in SIDES:
        reward, logps = f"rewards/{side}", f"logps/{side}"
        if objective.reference == "start" and reward in line:
            found[f"drift/{side}"] = line[reward] / objective.beta
        elif logps in line and logps in first:
            found[f"drift/{side}"] = line[logps] - first[logps]
    return found
