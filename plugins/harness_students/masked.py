"""Students that cannot see: another one from which parts of every item are hidden, and one that looks at nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from harness.api import (
    VERDICTS,
    Accepts,
    Evidence,
    Example,
    Exported,
    Image,
    Item,
    Job,
    Named,
    Objective,
    Prediction,
    Student,
    Target,
    Workbench,
    hookimpl,
    verdict_of,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

Part = Literal["caption", "image", "evidence"]

GREY = (128, 128, 128)
"""The colour of a hidden picture."""
SIZE = (224, 224)
"""Pixels of a hidden picture where there was none."""


class Masked(Student):
    """Another student from which all but some parts of every item are hidden, in training and in prediction.

    A hidden image is a grey picture of the same size, a hidden caption is empty, and hidden evidence is none. Features
    of a hidden part are zeros, as many as given, or as a seen one has. What such a student achieves above chance is in
    the parts that it sees, or leaks.
    """

    name = "masked"

    of: Named[Student]
    """The student, as in the section ``students``."""
    sees: tuple[Part, ...] = Field(min_length=1)
    """The parts that are not hidden."""
    image_features: tuple[str, ...] = ("image",)
    """Names of the given features that are the image's alone."""
    caption_features: tuple[str, ...] = ("text",)
    """Names of those that are the caption's alone; any other one is of several parts and is seen only with all."""

    def digest(self) -> str:
        """Digest of the files that the other student depends on."""
        return self.of.digest()

    def reads(self) -> frozenset[str]:
        """What the other student reads of the parts that are not hidden."""
        return frozenset(part for part in self.of.reads() if part in self.sees or self._shows_feature_of(part))

    def accepts(self) -> frozenset[Accepts]:
        return self.of.accepts()

    def losses(self) -> frozenset[str]:
        return self.of.losses()

    def train(
        self,
        items: Mapping[str, Item],
        examples: Sequence[Example],
        objective: Objective,
        start: Path | None,
        bench: Workbench,
    ) -> None:
        """Train the other student on what is left of the items."""
        self.of.train(self._masked(items), examples, objective, start, bench)

    def at_once(self) -> int:
        return self.of.at_once()

    def train_many(self, jobs: Sequence[Job]) -> None:
        """Together where the other student can."""
        self.of.train_many([replace(job, items=self._masked(job.items)) for job in jobs])

    def predict(self, items: Sequence[Item], model: Path | None, bench: Workbench) -> Iterable[Prediction]:
        """What the other student says of what is left of the items."""
        return self.of.predict([self.mask(item) for item in items], model, bench)

    def export(self, model: Path, merged: bool, bench: Workbench) -> Exported:
        """The other student's, with a word on what it must not be shown."""
        exported = self.of.export(model, merged, bench)
        seen = f"It was trained on items of which it saw the {' and the '.join(self.sees)} only."
        return replace(exported, usage=f"{exported.usage}\n{seen}\n" if exported.usage else "")

    def mask(self, item: Item) -> Item:
        """The item without its hidden parts."""
        return replace(
            item,
            caption=item.caption if "caption" in self.sees else "",
            image=item.image if "image" in self.sees else _grey(item.image),
            evidence=item.evidence if "evidence" in self.sees else Evidence(),
            features=self._features(item.features),
        )

    def _features(self, given: Mapping[str, Vector]) -> dict[str, Vector]:
        """What is seen as it is, and zeros for the rest; as long as another one where a hidden one is not given."""
        import numpy as np

        length = max((vector.size for vector in given.values()), default=1)
        wanted = {part.removeprefix("features.") for part in self.of.reads() if part.startswith("features.")}
        hidden = {name for name in {*given, *wanted} if not self._shows(name)}
        seen = {name: vector for name, vector in given.items() if name not in hidden}
        return seen | {
            name: np.zeros_like(given[name]) if name in given else np.zeros(length, np.float32) for name in hidden
        }

    def _masked(self, items: Mapping[str, Item]) -> Mapping[str, Item]:
        return {item_id: self.mask(item) for item_id, item in items.items()}

    def _shows_feature_of(self, part: str) -> bool:
        return part.startswith("features.") and self._shows(part.removeprefix("features."))

    def _shows(self, feature: str) -> bool:
        if feature in self.image_features:
            return "image" in self.sees
        if feature in self.caption_features:
            return "caption" in self.sees
        return set(self.sees) == {"caption", "image", "evidence"}


def _grey(image: Image | None) -> Image:
    name = f"{image.name}, hidden" if image else "no image, hidden"
    return Image(read=partial(_grey_bytes, image), name=name)


def _grey_bytes(image: Image | None) -> bytes:
    """A PNG of one colour; an unreadable image stays unreadable, since its size is not known."""
    from PIL import Image as Pillow

    out = BytesIO()
    Pillow.new("RGB", image.open().size if image else SIZE, GREY).save(out, format="PNG")
    return out.getvalue()


class MajorityClass(Student):
    """Says of every item the verdict that is the most frequent among its targets, with its share as the probability.

    It looks at nothing. A tie is falsified, as everywhere; untrained, it has a tie. Preferences count by the chosen
    answer. It goes on from the counts that it started from.
    """

    name = "majority-class"

    def reads(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def accepts(self) -> frozenset[Accepts]:
        return frozenset({Accepts.TARGETS, Accepts.SOFT_TARGETS, Accepts.WEIGHTS})

    def train(
        self,
        items: Mapping[str, Item],
        examples: Sequence[Example],
        objective: Objective,
        start: Path | None,
        bench: Workbench,
    ) -> None:
        counts = Counter(_read(start))
        for example in examples:
            counts.update(_shares(example))
        (bench.out / FILE).write_text(json.dumps({verdict: counts[verdict] for verdict in VERDICTS}), encoding="utf-8")
        bench.log(examples=len(examples))

    def predict(self, items: Sequence[Item], model: Path | None, bench: Workbench) -> Iterable[Prediction]:
        counts = _read(model)
        total = sum(counts.values())
        p_falsified = counts["falsified"] / total if total else 0.5
        return [Prediction(item.id, "ok", verdict_of(p_falsified), p_falsified) for item in items]


FILE = "counts.json"


def _read(folder: Path | None) -> dict[str, float]:
    if folder is None:
        return dict.fromkeys(VERDICTS, 0.0)
    found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return {verdict: float(found[verdict]) for verdict in VERDICTS}


def _shares(example: Example) -> dict[str, float]:
    """How much of the example's weight is for either verdict."""
    target = example if isinstance(example, Target) else example.chosen
    if target.p_falsified is not None:
        p_falsified = target.p_falsified
    elif target.verdict is not None:
        p_falsified = float(target.verdict == "falsified")
    else:
        return {}
    return {"falsified": p_falsified * target.weight, "pristine": (1 - p_falsified) * target.weight}


@hookimpl
def harness_students() -> list[type[Student]]:
    """The masked one and the blind one."""
    return [Masked, MajorityClass]
