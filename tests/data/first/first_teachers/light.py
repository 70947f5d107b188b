# Frozen: see the README beside this package. Never edit or reformat a file here.
# ruff: noqa
# fmt: off
"""A teacher that asks whether a picture is as light as its caption says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from first_teachers.judge import Judge
from harness.api import DataError, Evidence, Item, file_digest


class Light(Judge):
    """Night is dark and noon is light: falsified where the picture is neither as the caption nor as the web says."""

    name = "first-light"
    revision = 1
    transport = frozenset({"words", "timeout"})

    words: str | None = None
    """A file with a word and a number from 0 (dark) to 1 (light) on each line; by default night and noon."""
    timeout: float = Field(default=30.0, gt=0)
    """Seconds to wait for an answer."""
    measure: Literal["mean", "darkest"] = "mean"
    """What of the picture is compared."""
    trust: float = Field(default=0.5, ge=0, le=1)
    """How much a word of the evidence counts beside one of the caption."""

    def reads(self) -> frozenset[str]:
        return frozenset({"image", "evidence"})

    def digest(self) -> str:
        return file_digest(Path(self.words)) if self.words else ""

    def score(self, item: Item) -> float | None:
        lights = self._lights()
        said = [light for word, light in lights.items() if word in item.caption.lower()]
        if item.image is None or not said:
            return None
        seen = self._seen(item)
        doubt = abs(seen - said[0]) - 0.5
        return doubt + self.trust * self._doubt_of(item.evidence, lights, seen)

    def _seen(self, item: Item) -> float:
        grey = item.image.open().convert("L").tobytes()
        return (sum(grey) / len(grey) if self.measure == "mean" else min(grey)) / 255

    def _doubt_of(self, evidence: Evidence, lights: Mapping[str, float], seen: float) -> float:
        texts = " ".join((*evidence.entities, *evidence.captions)).lower()
        found = [light for word, light in lights.items() if word in texts]
        return abs(seen - found[0]) - 0.5 if found else 0.0

    def _lights(self) -> dict[str, float]:
        if self.words is None:
            return {"night": 0.0, "noon": 1.0}
        lines = Path(self.words).read_text(encoding="utf-8").splitlines()
        try:
            return {word: float(light) for word, light in (line.split() for line in lines)}
        except ValueError:
            raise DataError("is not a word and a number on each line", place=self.words, remedy="mend it") from None
