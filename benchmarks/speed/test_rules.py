"""How long each rule takes to rank NewsCLIPpings' 71,072 training items with three teachers, beside plain disagreement.

Seconds are those of the processor, so that what else runs on the machine does not count.
"""

import random
import time

import pytest

from harness.api import Annotation, Item, Panel, Prediction, verdict_of
from harness_rules.balanced import Balanced
from harness_rules.committee import JensenShannon, KlToConsensus, ProbabilityGap
from harness_rules.disagreement import ConsensusOnly, HardDisagreement, VoteEntropy
from harness_rules.diversity import KCenter, MarginDiversity
from harness_rules.mixed import Mixed
from harness_rules.random import Random
from harness_rules.rationales import RationaleDisagreement
from harness_rules.samples import SelfInconsistency
from harness_rules.student import StudentTeacher, StudentUncertainty
from harness_rules.uncertainty import ConsensusMargin, Entropy

ITEMS = 71_072
CAPTION, RATIONALE = 15, 40
"""Words, of seven letters."""

RULES = [Random, HardDisagreement, VoteEntropy, ConsensusOnly, KlToConsensus, JensenShannon, ProbabilityGap]
RULES += [ConsensusMargin, Entropy, SelfInconsistency, StudentTeacher, StudentUncertainty, Balanced, Mixed]
RULES += [RationaleDisagreement, KCenter, MarginDiversity]


@pytest.fixture(scope="module")
def panel():
    rng = random.Random(0)
    words = [f"{rng.randrange(10**7):07}" for _ in range(20_000)]

    def said(item):
        p = rng.random()
        return Annotation(item, "ok", verdict_of(p), p, " ".join(rng.choices(words, k=RATIONALE)))

    items = {f"item-{n}": Item(f"item-{n}", " ".join(rng.choices(words, k=CAPTION))) for n in range(ITEMS)}
    by = {teacher: {item: said(item) for item in items} for teacher in ("first", "second", "third")}
    student = {item: Prediction(item, "ok", one.verdict, one.p_falsified) for item, one in by["first"].items()}
    return Panel(items, by, student)


@pytest.fixture(scope="module")
def baseline(panel):
    started = time.process_time()
    HardDisagreement().rank(panel, 0)
    return time.process_time() - started


@pytest.mark.benchmark(group=f"rank {ITEMS:,} items of three teachers", timer=time.process_time)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rank(benchmark, panel, baseline, rule):
    order = benchmark.pedantic(lambda: rule().rank(panel, 0), rounds=1)
    assert len(order) == ITEMS
    benchmark.extra_info["times_hard_disagreement"] = round(benchmark.stats.stats.mean / baseline, 2)
