"""Names of the array types that statistics are computed on."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Weights = NDArray[np.float32]
"""Counts of a resample; whole numbers that float32 holds exactly."""
