"""What the environment tells numerical libraries, wherever a step runs."""

from __future__ import annotations


def thread_variables(threads: int) -> dict[str, str]:
    """Variables by which they take so many threads; they are read when a library is imported."""
    return dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
