"""Train what must fail, what must win and the method between them, and say what holds: `make claims`.

Ends with status 1 where a claim does not hold.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from claimed import claims

from harness import planning, progress, provenance
from harness.plugins import Registry
from harness.reading import load
from harness.results import arm_results, cell_results
from harness.run import run
from harness.scores import Scorer
from harness.store import Store

MATRIX = Path(__file__).parent / "claims.yaml"


def main(store: Path) -> int:
    """Run what is missing in the store, print a line for each claim, then how many of them hold."""
    from rich.console import Console

    registry, kept = Registry.installed(), Store(store)
    plan = planning.make(load(MATRIX, registry))
    with progress.watching(Console(stderr=True), kept) as watcher:
        outcome = run(plan, kept, plan.matrix.executor, registry, provenance.collect(registry), watcher)
    if outcome.reasons:
        print("\n".join(outcome.reasons.values()), file=sys.stderr)
        return 1
    scorer = Scorer(plan, kept)
    arms = {arm.arm: arm for arm in arm_results(cell_results(scorer))}
    found = list(claims(arms, scorer.truth("world").groups))
    for claim in found:
        print(claim)
    held = sum(claim.held for claim in found)
    print(f"claims={len(found)} held={held}")
    return int(held < len(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("HARNESS_STORE", "runs/store"))))
