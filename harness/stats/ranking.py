"""What an order of the items by their probability finds: AUROC and operating points, in one sample or in many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.stats.arrays import Flags, Floats, Ints, Weights


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares of the falsified and of the pristine items from the highest probability down to each (U + 1, B).

    Items of equal probability stand and fall together, and nothing comes first; B are resamples.
    """

    found: Weights
    alarms: Weights

    def auroc(self) -> Floats:
        """Area under the curve (B,), ties counting half; NaN where a class is missing."""
        steps = np.diff(self.alarms, axis=0)
        steps *= self.found[1:] + self.found[:-1]
        area: Floats = steps.sum(axis=0, dtype=np.float64) / 2
        return area

    def alarms_at(self, recall: float) -> Floats:
        """Share of the pristine items that must be looked at to find that share of the falsified ones (B,)."""
        # Shares are quotients in float32: what is short of the recall by rounding only has reached it.
        place = self._first(1.0, 0.0, recall * (1 - 1e-6))
        return np.where(self._known, self._at(self.alarms, place), np.nan)

    def recall_at(self, looked_at: float, prevalence: float) -> Floats:
        """Share of the falsified items among the first ``looked_at`` of a stream with that prevalence (B,).

        Among items of equal probability any is as likely to be looked at.
        """
        last = np.maximum(self._first(prevalence, 1 - prevalence, looked_at), 1)
        least, most = (self._at(self.found, place) for place in (last - 1, last))
        low, high = (
            prevalence * found + (1 - prevalence) * self._at(self.alarms, place)
            for found, place in ((least, last - 1), (most, last))
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            part = np.where(high > low, (looked_at - low) / (high - low), 1.0)
        return np.where(self._known, least + np.clip(part, 0.0, 1.0) * (most - least), np.nan)

    @property
    def _known(self) -> Flags:
        known: Flags = ~np.isnan(self.found[-1] + self.alarms[-1])
        return known

    def _first(self, found: float, alarms: float, least: float) -> Ints:
        """The first place where so much of both shares together is ``least`` (B,), by halving: shares only rise."""
        low = np.zeros(self.found.shape[1], np.int64)
        high = np.full_like(low, len(self.found) - 1)
        while (low < high).any():
            middle = (low + high) // 2
            mixed = found * self._at(self.found, middle) + alarms * self._at(self.alarms, middle)
            short = mixed < least
            low, high = np.where(short, np.minimum(middle + 1, high), low), np.where(short, high, middle)
        return low

    @staticmethod
    def _at(curve: Weights, place: Ints) -> Floats:
        heights: Floats = np.take_along_axis(curve, place[None], axis=0)[0].astype(np.float64)
        return heights


def ranked(falsified: Ints, p: Floats, groups: Ints, weights: Weights) -> Curve:
    """The curve in every resample of ``weights`` (G, B).

    An item without a probability comes after all others, so a falsified one among them is found last.
    """
    scores = np.where(np.isnan(p), -1.0, p)
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]), 1.0))
    falsified, groups = falsified[order], groups[order]
    return Curve(
        _shares(falsified == 1, groups, weights, ends),
        _shares(falsified == 0, groups, weights, ends),
    )


def _shares(chosen: Flags, groups: Ints, weights: Weights, ends: Ints) -> Weights:
    """Cumulated weight of the chosen items up to each of the ``ends``, as a share (U + 1, B)."""
    places = np.flatnonzero(chosen)
    total = np.zeros((len(places) + 1, weights.shape[1]), np.float32)
    # Row by row it is five times as fast as `cumsum`, which adds number by number.
    for place, group in enumerate(groups[places]):
        np.add(total[place], weights[group], out=total[place + 1])
    upto = np.concatenate([[0], np.searchsorted(places, ends, side="right")])
    with np.errstate(invalid="ignore"):
        shares: Weights = total[upto] / total[-1]
    return shares
