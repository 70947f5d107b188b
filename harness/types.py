"""The values that flow between steps."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from harness.errors import UnreadableImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture

    from harness.imaging import ImageFacts

Verdict = Literal["pristine", "falsified"]
"""NewsCLIPpings' words: a caption that belongs to its image, or one that is out of context."""

Outcome = Literal["ok", "refused", "unparsable", "error"]
"""What came of asking a model. Only ``ok`` carries a verdict."""

Split = Literal["train", "validation", "test"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
SPLITS: tuple[Split, ...] = get_args(Split)


class MalformedAnswer(ValueError):
    """An annotation or prediction that cannot be; ``part`` is ``outcome``, ``verdict`` or ``p_falsified``."""

    def __init__(self, item_id: str, part: str, seen: str) -> None:
        super().__init__(item_id, part, seen)
        self.part = part
        self._text = f"item {item_id!r}: {seen}"

    def __str__(self) -> str:
        return self._text


def opposite(verdict: Verdict) -> Verdict:
    """The other verdict."""
    return "pristine" if verdict == "falsified" else "falsified"


def verdict_of(p_falsified: float) -> Verdict:
    """The verdict that a probability of falsified in [0, 1] stands for; a tie at 0.5 is falsified."""
    return "falsified" if p_falsified >= 0.5 else "pristine"


class Image:
    """An image by where its bytes come from; nothing is read before it is asked for.

    ``name`` is what error messages call it.
    """

    __slots__ = ("_read", "_sha256", "name")

    def __init__(self, read: Callable[[], bytes], name: str) -> None:
        self._read = read
        self._sha256 = ""
        self.name = name

    @classmethod
    def file(cls, path: Path) -> Image:
        """An image file."""
        return cls(partial(Path.read_bytes, path), str(path))

    def read(self) -> bytes:
        """The encoded bytes; raises `UnreadableImage` where there are none."""
        try:
            return self._read()
        except OSError as error:
            raise UnreadableImage(f"cannot be read: {error.strerror or error}", place=self.name) from None

    def link(self, target: Path) -> None:
        """Make a new file of the bytes: where they lie in a file on the same disk, another name for that one.

        Raises `UnreadableImage`. A path is never told: it may tell the label.
        """
        if isinstance(self._read, partial) and self._read.func is Path.read_bytes:
            # Another disk, or one without such names, takes a copy.
            with suppress(OSError):
                os.link(os.path.realpath(self._read.args[0]), target)
                return
        target.write_bytes(self.read())

    def sha256(self) -> str:
        """Hex digest of the encoded bytes."""
        if not self._sha256:
            self._sha256 = sha256(self.read()).hexdigest()
        return self._sha256

    def open(self) -> Picture:
        """The decoded image, RGB, first frame, upright; raises `UnreadableImage`."""
        from harness.imaging import decode

        return decode(self.read(), self.name)

    def facts(self) -> ImageFacts:
        """What its header says: format, size, mode, frames; raises `UnreadableImage`."""
        from harness.imaging import facts

        return facts(self.read(), self.name)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What searching the web with the image found; no part of it may depend on the label."""

    entities: tuple[str, ...] = ()
    """Visual entities that were recognised in the image."""
    captions: tuple[str, ...] = ()
    """Captions or titles of pages on which the image was found."""
    sources: tuple[str, ...] = field(default=(), compare=False)
    """Address of each caption's page, empty where it is not known; none, or as many as captions.

    For people and filters alone: the name of a fact-checker's site tells the verdict, so no model is shown it.
    """

    def __post_init__(self) -> None:
        if len(self.sources) not in (0, len(self.captions)):
            raise ValueError(f"{len(self.sources)} sources of {len(self.captions)} captions")


@dataclass(frozen=True, slots=True)
class Item:
    """A news image with a caption. There is no label here, so nothing that reads items can see one."""

    id: str
    caption: str
    image: Image | None = None
    evidence: Evidence = Evidence()
    features: Mapping[str, NDArray[np.float32]] = field(default_factory=dict, compare=False)
    """Vectors that came with the data set, by name, each of shape (D,)."""
    group: str = ""
    """Items of one group are not independent (same image, same story); empty: a group of its own."""

    @property
    def cluster(self) -> str:
        """The group, or the item's own id where it has none."""
        return self.group or self.id


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry of a data set that is no item."""

    what: str
    """The entry, by its id or its place in the file."""
    reason: str
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a data set, or a folder of many that are counted."""

    name: str
    """As the publisher calls it."""
    path: str
    """Where it is looked for."""
    found: int
    """How many of ``wanted`` are there."""
    wanted: int = 1
    needed: bool = True
    """Whether nothing can be read without it; otherwise items or evidence are fewer."""
    origin: str = ""
    """From where it is to be had, for people."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost, tries that failed included; ``usd`` is 0 where it costs nothing."""

    calls: int = 1
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one teacher said of one item. ``p_falsified`` is in [0, 1] where the teacher gives it."""

    item_id: str
    outcome: Outcome
    verdict: Verdict | None = None
    p_falsified: float | None = None
    rationale: str = ""
    """The reason for the verdict; of an ``error`` what went wrong."""
    usage: Usage = Usage()
    again: bool = field(default=False, compare=False)
    """Whether another try may mend an ``error``: the step ends incomplete, and the next run asks again."""
    audit: Mapping[str, str | float] = field(default_factory=dict, compare=False, repr=False)
    """What the server said of it (why it ended, model as served, seconds): kept beside the answer, never compared."""

    def __post_init__(self) -> None:
        _check_answer(self.item_id, self.outcome, self.verdict, self.p_falsified)

    @property
    def probability(self) -> float:
        """``p_falsified``, or 0 or 1 by the verdict where the teacher gave no probability."""
        if self.p_falsified is not None:
            return self.p_falsified
        return 1.0 if self.verdict == "falsified" else 0.0


@dataclass(frozen=True, slots=True)
class Preview:
    """What a teacher would send about an item: its words, and the bytes of the picture as it is shown."""

    prompt: str
    image: bytes | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a student (or a teacher that stands as an arm) said of one item."""

    item_id: str
    outcome: Outcome
    verdict: Verdict | None = None
    p_falsified: float | None = None
    text: str = ""

    def __post_init__(self) -> None:
        _check_answer(self.item_id, self.outcome, self.verdict, self.p_falsified)


def _check_answer(item_id: str, outcome: str, verdict: str | None, p_falsified: float | None) -> None:
    if outcome not in OUTCOMES:
        raise MalformedAnswer(item_id, "outcome", f"outcome {outcome!r} is none of {', '.join(OUTCOMES)}")
    if (verdict is not None) != (outcome == "ok"):
        raise MalformedAnswer(item_id, "verdict", f"outcome {outcome!r} with verdict {verdict!r}")
    if verdict is not None and verdict not in VERDICTS:
        raise MalformedAnswer(item_id, "verdict", f"verdict {verdict!r} is none of {', '.join(VERDICTS)}")
    if p_falsified is not None and not 0.0 <= p_falsified <= 1.0:
        raise MalformedAnswer(item_id, "p_falsified", f"p_falsified {p_falsified!r} is not in [0, 1]")


@dataclass(frozen=True, slots=True)
class Target:
    """An answer to be learnt: a hard ``verdict`` or a soft ``p_falsified``, and the words that lead to it."""

    item_id: str
    verdict: Verdict | None = None
    p_falsified: float | None = None
    rationale: str = ""
    weight: float = 1.0
    task: str = "verdict"
    """What is asked for; a student may know other tasks, such as ``label`` and ``rationale``."""
    source: str = field(default="", compare=False)
    """Label of the teacher whose words they are; for what is reported of the examples, never learnt."""


@dataclass(frozen=True, slots=True)
class Preference:
    """``chosen`` is to be preferred to each of ``rejected`` as an answer about the item."""

    item_id: str
    chosen: Target
    rejected: tuple[Target, ...]
    image_of: str | None = None
    """The item whose image is shown with the rejected answers instead of the own one, for image-conditional pairs."""
    weight: float = 1.0


Example = Target | Preference


@dataclass(frozen=True, slots=True)
class Ranked:
    """An item's place in the order in which labels would be bought."""

    item_id: str
    score: float
    conflict: bool
    """Labels are bought for conflicts only."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What a student has written for others to load."""

    usage: str = ""
    """How to load it without the harness, in Markdown; empty where only the harness can."""
    library: str = ""
    """Library that loads it, as model hubs call it."""
    base: str = ""
    """Name of the base that it needs, without a path of this machine; empty where it needs none."""
    whole: str = ""
    """Name of the student's option by which the folder is its base, where the folder needs no base."""
