"""Whether two kinds of texts can be told apart by their words alone: a cross-validated probe.

A logistic regression with an L2 penalty sees a text's length, punctuation, frequent words and frequent runs of three
characters. What it is trained on and what it is tested on have no group in common, so that it gains nothing by
remembering what a text is about.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from harness.stats.arrays import Flags, Floats, Ints
from harness.stats.crossed import Estimate
from harness.stats.metrics import auroc
from harness.stats.ranking import ranked
from harness.stats.resampling import SEED, bounded, resampled, weights

FOLDS = 5
FEWEST_GROUPS = 10
"""With fewer groups of texts nothing is said."""
FREQUENT = 128
"""Words, and runs of characters, that are looked at: those that most texts have."""
PENALTY = 1.0
WIDER = (1 + FOLDS / (FOLDS - 1)) ** 0.5
"""By how much a standard error grows, as the folds' models share what they were trained on (Nadeau & Bengio 2003)."""
_LONGEST = 4_000
_STEPS = 25

_WORD = re.compile(r"\w+")


def told_apart(texts: Sequence[str], first: Flags, groups: Ints) -> Estimate | None:
    """AUROC of telling the ``first`` kind from the other with an interval over groups; None for too few groups.

    Half of what is told by chance is right: 0.5 is no style at all.
    """
    count = int(groups.max(initial=-1)) + 1
    if count < FEWEST_GROUPS:
        return None
    kinds = first.astype(np.int64)
    scores = _tested(features(texts), kinds, np.random.default_rng(SEED).permutation(count)[groups] % FOLDS)
    drawn = ranked(kinds, scores, groups, weights(groups)).auroc()
    spread = drawn.mean() + WIDER * (drawn - drawn.mean())
    return bounded(resampled(np.array([auroc(kinds, scores)]), spread[None], count), count)


def _tested(x: Floats, kinds: Ints, folds: Ints) -> Floats:
    """The score of each text by the model of the other folds (N,)."""
    scores = np.zeros(len(x))
    for fold in range(FOLDS):
        tested = folds == fold
        scores[tested] = x[tested] @ logistic(x[~tested], kinds[~tested])
    # What differs by rounding only is a tie.
    rounded: Floats = scores.round(9)
    return rounded


def features(texts: Sequence[str]) -> Floats:
    """(N, F), standardised, the last column 1; frequent words and runs together weigh as much as one column of form."""
    read = [text[:_LONGEST] for text in texts]
    form = _standardised(np.array([_form(text) for text in read]))
    words = _counted(read, lambda text: _WORD.findall(text.lower()))
    runs = _counted(read, lambda text: (text.lower()[at : at + 3] for at in range(len(text) - 2)))
    frequent = _standardised(np.log1p(np.concatenate([words, runs], axis=1)))
    scaled = frequent / np.sqrt(max(frequent.shape[1], 1))
    return np.concatenate([form, scaled, np.ones((len(read), 1))], axis=1)


def _form(text: str) -> list[float]:
    characters = max(len(text), 1)
    kinds = (str.isupper, str.isdigit, lambda character: not (character.isalnum() or character.isspace()))
    shares = [sum(map(kind, text)) / characters for kind in kinds]
    sentences = sum(text.count(end) for end in ".!?")
    return [float(np.log1p(len(text.split()))), float(np.log1p(sentences)), *shares]


def _counted(texts: Sequence[str], parts: Callable[[str], Iterable[str]]) -> Floats:
    """How often each text has each of the parts that most texts have (N, at most `FREQUENT`)."""
    found = [Counter(parts(text)) for text in texts]
    spread = Counter(part for counts in found for part in counts)
    # What every text has may still be had more often by some.
    kept = sorted((part for part in spread if spread[part] > 1), key=lambda part: (-spread[part], part))[:FREQUENT]
    return np.array([[counts[part] for part in kept] for counts in found], np.float64).reshape(len(texts), len(kept))


def _standardised(x: Floats) -> Floats:
    spread = x.std(axis=0)
    standard: Floats = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return standard


def logistic(x: Floats, kinds: Ints, penalty: float = PENALTY) -> Floats:
    """Weights (F,) that minimise the summed log-loss and half the penalty times their squares, by Newton's method.

    The last column of ``x`` is the intercept's, which is not penalised.
    """
    found = np.zeros(x.shape[1])
    ridge = np.full(x.shape[1], penalty)
    ridge[-1] = 1e-9
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ found, -30, 30)))
        gradient = x.T @ (p - kinds) + ridge * found
        step = np.linalg.solve((x.T * (p * (1 - p))) @ x + np.diag(ridge), gradient)
        found -= step
        if np.abs(step).max() < 1e-8:
            break
    return found
