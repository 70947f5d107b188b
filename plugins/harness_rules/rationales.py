"""How differently the teachers say why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from pydantic import Field

from harness.api import Annotation, ConflictRule, Panel, folder_digest, hookimpl
from harness_rules.encoding import LOADED, Device, Encoder
from harness_rules.information import Vector
from harness_rules.opinions import mean
from harness_rules.ordering import Graded, Scores
from harness_rules.text import LONGEST, Trigrams, blocks, cosines


class RationaleDisagreement(Graded):
    """How little the teachers' rationales resemble each other, in [0, 1] by letters and [0, 2] by an encoder.

    s = 1 − mean of cos(e(r_t), e(r_u)) over the pairs of teachers that gave a rationale. By default e is the TF-IDF of
    three letters in a row: it sees which words are shared, not what they mean, so that "names Oslo" and "does not name
    Oslo" are alike; an encoder sees a little more. Two teachers that say the same for the same reason score 0, two that
    agree for different reasons do not. An answer without a rationale counts as missing. Reads no label.
    """

    name = "rationale-disagreement"
    transport = frozenset({"device", "batch_size"})

    encoder: str = ""
    """Folder or hub id of a text encoder of transformers, with weights as safetensors; by default letters count.
    Every rank, and so every seed, encodes all rationales."""
    device: Device = "auto"
    """Where the encoder runs; auto takes a CUDA device where there is one."""
    batch_size: int = Field(default=64, ge=1)
    """Texts that are encoded at once."""

    def digest(self) -> str:
        """Digest of the encoder's files where it is a folder on this machine."""
        return folder_digest(self.encoder, LOADED) if self.encoder else ""

    def scores(self, panel: Panel) -> Scores:
        texts = [[_reason(said) for said in panel.of(item)] for item in panel.items]
        vectors = self._vectors([text for row in texts for text in row if text])
        pairs = [_similar(block, vectors) for block in blocks(texts)]
        similar = np.sort(np.concatenate(pairs), axis=1) if pairs else np.zeros((0, 1))
        gaps = np.array([not all(row) for row in texts], dtype=bool)
        return Scores(np.maximum(1 - mean(similar), 0.0), gaps)

    def _vectors(self, texts: Sequence[str]) -> Callable[[Sequence[str]], Any]:
        if not self.encoder:
            return Trigrams(texts).sparse
        encoder = Encoder(self.encoder, self.device, f"rule {self.name}")
        return lambda some: encoder.encode(some, self.batch_size)


def _reason(said: Annotation) -> str:
    """Why a teacher says so; empty where it does not tell, or has no answer."""
    return said.rationale[:LONGEST].strip() if said.outcome == "ok" else ""


def _similar(rows: Sequence[Sequence[str]], vectors: Callable[[Sequence[str]], Any]) -> Vector:
    """(N, pairs of teachers), cosines; NaN where one has no rationale."""
    teachers = [vectors([row[place] for row in rows]) for place in range(len(rows[0]))]
    blank = np.array([[not text for text in row] for row in rows])
    return np.stack(
        [
            np.where(blank[:, one] | blank[:, two], np.nan, cosines(teachers[one], teachers[two]))
            for one, two in combinations(range(len(teachers)), 2)
        ],
        axis=1,
    )


@hookimpl
def harness_rules() -> Iterable[type[ConflictRule]]:
    return [RationaleDisagreement]
