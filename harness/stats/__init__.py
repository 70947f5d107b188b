"""Metrics, intervals, verdicts and label efficiency: the only place where a ± is computed.

Method and evidence: docs/explanation/statistics.md. Arrays of answers are (S, N) for S seeds and N items, 1.0 where
right, and ``groups`` (N,) holds the group of each item as a whole number from 0.
"""

from harness.stats.agreement import cohen, krippendorff
from harness.stats.arrays import Flags, Floats, Ints, Weights
from harness.stats.change import larger
from harness.stats.crossed import Components, Estimate, Joint, crossed, estimate, joint
from harness.stats.curves import Equivalent, area, equivalent
from harness.stats.margins import Margin, against_margin
from harness.stats.mcnemar import mcnemar
from harness.stats.metrics import auroc, ece, metrics
from harness.stats.multiplicity import holm
from harness.stats.power import Spread, seeds_needed, spread_of
from harness.stats.proportions import share, wilson
from harness.stats.ranking import Curve, ranked
from harness.stats.recovery import Recovered, recovered
from harness.stats.resampling import bounded, resampled, weights
from harness.stats.rouge import rouge_l
from harness.stats.style import told_apart
from harness.stats.tallies import tallied
from harness.stats.totals import Total, total

__all__ = [
    "Components",
    "Curve",
    "Equivalent",
    "Estimate",
    "Flags",
    "Floats",
    "Ints",
    "Joint",
    "Margin",
    "Recovered",
    "Spread",
    "Total",
    "Weights",
    "against_margin",
    "area",
    "auroc",
    "bounded",
    "cohen",
    "crossed",
    "ece",
    "equivalent",
    "estimate",
    "holm",
    "joint",
    "krippendorff",
    "larger",
    "mcnemar",
    "metrics",
    "ranked",
    "recovered",
    "resampled",
    "rouge_l",
    "seeds_needed",
    "share",
    "spread_of",
    "tallied",
    "told_apart",
    "total",
    "weights",
    "wilson",
]
