"""Students that look at numbers: features that came with the data set, or that CLIP makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from pydantic import Field

from harness.api import Item, Prediction, Student, TrainingError, Workbench, folder_digest, verdict_of
from harness_students.clip_features import EVIDENCE, IMAGE, TEXT, Clip
from harness_students.inputs import Inputs, Part

if TYPE_CHECKING:
    from harness_students.inputs import Vector

LOADED = frozenset({".json", ".safetensors", ".model", ".txt"})
"""Suffixes of the files of a checkpoint that are read when it is loaded."""

UNTRAINED = "untrained"
"""What stands for the digest of a base that has no file."""

AT_ONCE = 256
"""Items whose vectors are looked up or made at once."""


class Featured(Student):
    """What all of them can be told to look at."""

    image: str = "image"
    """Name of the items' feature for the image."""
    text: str = "text"
    """Name of the items' feature for the caption."""
    parts: tuple[Part, ...] = Field(default=("image", "text", "product", "difference", "cosine"), min_length=1)
    """What is made of the two features, each scaled to length 1; all but image and text need equal lengths.

    ``similarities`` are those of image, caption and evidence: the cosine of the two features; of the pages and of
    the entities the largest and the mean similarity to the caption, and their number; with ``clip`` those to the
    image, too.
    """
    extra: tuple[str, ...] = ()
    """Names of further features that are looked at as they are."""
    clip: str | None = None
    """Folder or hub id of a CLIP or SigLIP of transformers, whose vectors stand in the place of ``image`` and ``text``.

    They are computed once for an image or a text, and kept. Without it, evidence is compared with the caption by
    the words that they share.
    """

    def reads(self) -> frozenset[str]:
        """The features that are looked at, or what they are made of."""
        given = {self.image, self.text} if self.clip is None else set[str]()
        parts = {f"features.{name}" for name in (*given, *self.extra)}
        if self.clip is not None:
            parts.add("image")
        return frozenset(parts | ({"evidence"} if "similarities" in self.parts else set()))

    def digest(self) -> str:
        """Digest of CLIP's files where it is a folder on this machine."""
        return "" if self.clip is None else folder_digest(self.clip, LOADED)

    @property
    def _inputs(self) -> Inputs:
        if self.clip is None:
            return Inputs(self.image, self.text, self.parts, self.extra)
        return Inputs(IMAGE, TEXT, self.parts, self.extra, EVIDENCE)

    def _rows(self, items: Sequence[Item], bench: Workbench) -> Iterator[tuple[Item, list[Vector]]]:
        """Every item with its vectors, or without any where it lacks a usable feature."""
        clip = Clip(self.clip, self.digest()) if self.clip is not None else None
        waiting = iter(items)
        while some := list(islice(waiting, AT_ONCE)):
            for item in clip.looked_at(some, bench) if clip else some:
                yield item, self._inputs.of(item)

    def _usable(self, rows: Sequence[Sequence[Vector]]) -> list[Sequence[Vector]]:
        """The vectors of items that have the features; raises `TrainingError` where none has, or lengths differ."""
        usable = [row for row in rows if row]
        if not usable:
            raise TrainingError(
                f"no training item has usable {self._wanted}",
                place=self.name,
                remedy="name by image and text two features that the benchmark gives",
            )
        if len({sum(map(len, row)) for row in usable}) > 1:
            raise TrainingError("the features of the training items differ in length", place=self.name)
        return usable

    def _said(self, item: Item, p_falsified: float | None) -> Prediction:
        """The prediction; an item without the features is an ``error``."""
        if p_falsified is None:
            return Prediction(item.id, "error", text=f"It has no usable {self._wanted}.")
        return Prediction(item.id, "ok", verdict_of(p_falsified), p_falsified)

    @property
    def _wanted(self) -> str:
        return " and ".join(sorted(self.reads() - {"evidence"}))
