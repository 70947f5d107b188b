"""Texts as vectors of their letters: light, of any language, and without a model."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")

Matrix = Any
"""A sparse matrix of scipy, a text a row."""

LONGEST = 4_000
"""Characters of a text that are read; it is a stranger's, and an answer says early what it is about."""

COLUMNS = 1 << 20
BLOCK = 2_000
"""Texts that are counted at once."""


class Trigrams:
    """TF-IDF of three letters in a row, hashed into 2²⁰ columns; every row has length 1, or 0 for an empty text.

    tf · (ln ((1 + N)/(1 + df)) + 1) over the N texts it is made with, as in Salton and Buckley 1988; hashing as in
    Weinberger et al. 2009, arXiv 0902.2206. Letter case, width and runs of blanks are levelled before.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        seen = np.zeros(COLUMNS, dtype=np.int64)
        for block in blocks(texts):
            _, columns, _ = _counts(block)
            seen += np.bincount(columns, minlength=COLUMNS)
        self._weights = np.log((1 + len(texts)) / (1 + seen)) + 1

    def sparse(self, texts: Sequence[str]) -> Matrix:
        """(N, 2²⁰)."""
        from scipy.sparse import csr_array

        rows, columns, values = self._values(texts)
        return csr_array((values, (rows, columns)), shape=(len(texts), COLUMNS))

    def dense(self, texts: Sequence[str], bits: int) -> NDArray[np.float32]:
        """(N, 2 ** bits): each column is added to one of the numbers or taken from it, as its hash says."""
        width = 1 << bits
        folded = np.zeros((len(texts), width), np.float32)
        for start in range(0, len(texts), BLOCK):
            rows, columns, values = self._values(texts[start : start + BLOCK])
            signed = np.where(columns & width, values, -values)
            block = folded[start : start + BLOCK]
            sums = np.bincount(rows * width + columns % width, signed, minlength=block.size)
            block[:] = sums.reshape(block.shape)
        return folded

    def _values(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        rows, columns, counts = _counts(texts)
        values = counts * self._weights[columns]
        norms = np.sqrt(np.bincount(rows, values * values, minlength=len(texts)))
        return rows, columns, values / norms[rows]


def blocks(texts: Sequence[T]) -> Iterator[Sequence[T]]:
    """Pieces of a bounded size."""
    return (texts[start : start + BLOCK] for start in range(0, len(texts), BLOCK))


def cosines(some: Matrix, others: Matrix) -> NDArray[np.float64]:
    """Similarity of each row with the same row of the other matrix, both of rows of length 1."""
    return np.asarray((some * others).sum(axis=1), dtype=np.float64).ravel()


def level(text: str) -> str:
    """A text without what tells two writings of the same words apart."""
    return " ".join(unicodedata.normalize("NFKC", text[:LONGEST]).casefold().split())


def _counts(texts: Iterable[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows, columns and how often, by row and column; a text has a blank at either end."""
    levelled = [f" {found} " if (found := level(text)) else "" for text in texts]
    lengths = np.array([len(text) for text in levelled], dtype=np.int64)
    letters = np.frombuffer("".join(levelled).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    rows = np.repeat(np.arange(len(levelled)), lengths)
    if len(letters) < 3:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, nothing
    # Three code points of 21 bits fit into 64; the constant is 2⁶⁴ divided by the golden ratio (Knuth's hashing).
    codes = letters[:-2] | letters[1:-1] << np.uint64(21) | letters[2:] << np.uint64(42)
    columns = (codes * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(44)).astype(np.int64)
    inside = rows[:-2] == rows[2:]
    keys, counts = np.unique(rows[:-2][inside] * COLUMNS + columns[inside], return_counts=True)
    return keys // COLUMNS, keys % COLUMNS, counts
