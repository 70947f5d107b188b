"""Entropy and divergence of a verdict that is falsified with a probability, in bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Vector: TypeAlias = "NDArray[np.float64]"


def entropy(p: Vector) -> Vector:
    """H(p) = −p log₂ p − (1 − p) log₂ (1 − p), in [0, 1]; 0 where p is 0 or 1."""
    return _surprise(p) + _surprise(1 - p)


def divergence(p: Vector, q: Vector) -> Vector:
    """KL(p‖q) = p log₂ (p/q) + (1 − p) log₂ ((1 − p)/(1 − q)), from 0; infinite where q alone rules a verdict out."""
    return np.maximum(_excess(p, q) + _excess(1 - p, 1 - q), 0.0)


def within(p: Vector, clip: float) -> Vector:
    """Probabilities no nearer to 0 and 1 than ``clip``."""
    return np.clip(p, clip, 1 - clip)


def _surprise(p: Vector) -> Vector:
    """−p log₂ p, and 0 where p is 0; what is not known stays NaN."""
    none = p == 0
    return np.where(none, 0.0, -p * np.log2(np.where(none, 1.0, p)))


def _excess(p: Vector, q: Vector) -> Vector:
    """p log₂ (p/q), and 0 where p is 0."""
    none = p == 0
    with np.errstate(divide="ignore"):
        return np.where(none, 0.0, p * np.log2(np.where(none, 1.0, p) / np.where(none, 1.0, q)))
