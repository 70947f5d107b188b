"""Expectation-maximisation over what teachers voted: how often each is right, and what the items are.

Items with the same votes are one row with a count, so that a step takes as long for 70,000 items as for 70.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness_label_models.votes import Floats, Ints, Votes

CLOSE = 1e-6
"""Change of every item's probability at which it has converged."""

_LEAST = 1e-10


@dataclass(frozen=True, slots=True)
class Settings:
    """How the parameters are estimated."""

    shared: bool
    """Whether a teacher is as often right on either verdict."""
    smoothing: float
    """Right, and as many wrong, answers that are added to what each teacher gave; for the prior, items of each kind."""
    prior: float | None
    """The share of falsified items, where it is known."""
    iterations: int


@dataclass(frozen=True, slots=True)
class Fit:
    """What was estimated."""

    p: Floats
    """Probability of falsified (N,)."""
    right: Floats
    """How often each teacher is right (T, 2) on pristine and on falsified items."""
    prior: float
    converged: bool


@dataclass(frozen=True, slots=True)
class _Rows:
    """Different rows of votes (R, T) with the true verdict (R,), or -1, and how many items have them (R,)."""

    said: Ints
    known: Ints
    counts: Floats

    def fixed(self, p: Floats) -> Floats:
        return np.where(self.known < 0, p, self.known)


def fit(votes: Votes, settings: Settings) -> Fit:
    """Starts from the share of votes for falsified. Without a true verdict, teachers are better than chance on average:
    of the two solutions that mirror each other it is the one that is meant."""
    table = np.column_stack([votes.known, votes.said])
    unique, where, counts = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    rows = _Rows(unique[:, 1:], unique[:, 0], counts.astype(float))
    found = _iterate(rows, settings)
    if (votes.known < 0).all() and found.right.mean() < 0.5:
        found = replace(found, p=1 - found.p, right=1 - found.right[:, ::-1], prior=1 - found.prior)
    return replace(found, p=found.p[where.ravel()])


def _iterate(rows: _Rows, settings: Settings) -> Fit:
    p = rows.fixed(_shares(rows.said))
    for _ in range(settings.iterations):
        right, prior = _parameters(rows, p, settings)
        before, p = p, rows.fixed(_posterior(rows.said, right, prior))
        if np.abs(p - before).max() < CLOSE:
            return Fit(p, right, prior, True)
    return Fit(p, right, prior, False)


def _shares(said: Ints) -> Floats:
    answers = (said >= 0).sum(axis=1)
    return np.where(answers > 0, (said == 1).sum(axis=1) / np.maximum(answers, 1), 0.5)


def _parameters(rows: _Rows, p: Floats, settings: Settings) -> tuple[Floats, float]:
    """The maximisation step."""
    weights = np.column_stack([rows.counts * (1 - p), rows.counts * p])
    hits = np.column_stack([(rows.said == side).T @ weights[:, side] for side in (0, 1)])
    answers = (rows.said >= 0).T @ weights
    if settings.shared:
        hits, answers = (np.repeat(part.sum(axis=1, keepdims=True), 2, axis=1) for part in (hits, answers))
    right = _ratio(hits + settings.smoothing, answers + 2 * settings.smoothing)
    if settings.prior is not None:
        return right, settings.prior
    falsified, total = weights[:, 1].sum() + settings.smoothing, rows.counts.sum() + 2 * settings.smoothing
    return right, float(np.clip(falsified / total, _LEAST, 1 - _LEAST))


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Inside (0, 1), and a half where nothing is known."""
    shares = np.divide(part, whole, out=np.full(part.shape, 0.5), where=whole > 0)
    return np.asarray(np.clip(shares, _LEAST, 1 - _LEAST))


def _posterior(said: Ints, right: Floats, prior: float) -> Floats:
    """The expectation step: probability of falsified by Bayes' rule; a missing answer tells nothing."""
    pristine, falsified = right[:, 0], right[:, 1]
    for_falsified = np.log(falsified / (1 - pristine))
    for_pristine = np.log((1 - falsified) / pristine)
    odds = (said == 1) @ for_falsified + (said == 0) @ for_pristine + np.log(prior / (1 - prior))
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -700, 700))))
