"""Log-probabilities of answers under the reference, computed once and kept on a shelf."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from harness.api import Shelf, digest, sha256_of
from harness_students.engine.shares import ALL, Share
from harness_students.engine.tokens import Encoded

if TYPE_CHECKING:
    from torch import Tensor

SHELF = "reference-logprobs"

NUMBER = struct.Struct("<f")

Answers = Callable[[int], Sequence[Encoded]]
"""A row's answers by its index."""


class References:
    """For every row the summed log-probability of its chosen and of its rejected answers."""

    def __init__(self, reference: str, shelf: Shelf, image: Callable[[str], str]) -> None:
        """``reference`` names the model that answers, with the numbers it works in; ``image`` digests an item's."""
        self._reference, self._shelf, self._image = reference, shelf, image
        self._rows: dict[int, Sequence[float]] = {}
        self.computed = 0
        """Answers that went through the reference."""

    def of(self, index: int) -> Sequence[float]:
        """The row's log-probabilities, of the chosen answer first."""
        return self._rows[index]

    def fill(
        self,
        rows: int,
        answers: Answers,
        score: Callable[[Sequence[int]], Tensor],
        at_once: int,
        share: Share = ALL,
    ) -> None:
        """Look up every row; ``score`` (rows' indexes → one number for each of their answers) where one is missing.

        Of several ranks each scores its share, and takes from the shelf what the others have put there.
        """
        keys = {index: self._keys(answers(index)) for index in range(rows)}
        found = self._shelf.get(key for row in keys.values() for key in row)
        numbers = {key: NUMBER.unpack(value)[0] for key, value in found.items()}
        missing = [index for index, row in keys.items() if any(key not in numbers for key in row)]
        own = share.of(missing)
        for start in range(0, len(own), at_once):
            some = own[start : start + at_once]
            made = self._score(some, [keys[index] for index in some], score)
            self._shelf.put({key: NUMBER.pack(number) for key, number in made.items() if key not in numbers})
            numbers = made | numbers
        self.computed = share.settled(self.computed)
        others = (key for index in missing for key in keys[index] if key not in numbers)
        numbers |= {key: NUMBER.unpack(value)[0] for key, value in self._shelf.get(others).items()}
        self._rows = {index: [numbers[key] for key in row] for index, row in keys.items()}

    def fill_with_zeros(self, rows: int, answers: Answers) -> None:
        """No reference: every answer's log-probability counts as 0."""
        self._rows = {index: [0.0] * len(answers(index)) for index in range(rows)}

    def _score(
        self, some: Sequence[int], keys: Sequence[Sequence[str]], score: Callable[[Sequence[int]], Tensor]
    ) -> dict[str, float]:
        """Scores come in the order of a batch: all first answers, then all second ones."""
        longest = max(map(len, keys))
        ordered = [row[place] for place in range(longest) for row in keys if place < len(row)]
        self.computed += len(ordered)
        return dict(zip(ordered, score(some).tolist(), strict=True))

    def _keys(self, answers: Sequence[Encoded]) -> list[str]:
        """An answer's number depends, by rounding, on what it is packed with: each key says all of the row."""
        own = [self._digest(answer) for answer in answers]
        return [digest({"row": own, "place": place}) for place in range(len(own))]

    def _digest(self, answer: Encoded) -> str:
        tokens = {name: sha256_of(values.numpy().tobytes()) for name, values in sorted(answer.tokens.items())}
        about = {"reference": self._reference, "image": self._image(answer.item), "prompt": answer.prompt}
        return digest({**about, **tokens})
