"""Vectors of images and texts by a CLIP or SigLIP checkpoint, each computed once and kept on a shelf."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from harness.api import Item, MissingDependency, TrainingError, UnreadableImage, Workbench, sha256_of
from harness_students import clip_loading
from harness_students.inputs import ENTITIES, PAGES, texts_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

SHELF = "clip-features"

IMAGE, TEXT, EVIDENCE = "clip.image", "clip.text", "clip"
"""Names of the features that an item is given."""

PACKAGES = ("torch", "transformers", "safetensors")
AT_ONCE = 32
"""Images or texts in a batch on an accelerator; a processor takes them one by one, so that rounding is the same."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A checkpoint: folder or hub id, and the digest of its files where it is a folder."""

    checkpoint: str
    digest: str

    def looked_at(self, items: Sequence[Item], bench: Workbench) -> list[Item]:
        """The items with vectors as features; one whose image cannot be read has none of its image."""
        texts = {text for item in items for text in _texts(item)}
        images = {item.id: sha for item in items if (sha := _sha256(item))}
        words = self._vectors("text", {sha256_of(text.encode()): text for text in sorted(texts)}, bench)
        seen = self._vectors("image", {images[item.id]: item for item in items if item.id in images}, bench)
        return [self._with_vectors(item, seen.get(images.get(item.id, "")), words) for item in items]

    def _with_vectors(self, item: Item, image: Vector | None, words: Mapping[str, Vector]) -> Item:
        import numpy as np

        def of(text: str) -> Vector:
            return words[sha256_of(text.encode())]

        made = {TEXT: of(item.caption)}
        for kind in (PAGES, ENTITIES):
            vectors = [of(text) for text in texts_of(item, kind)]
            made[f"{EVIDENCE}.{kind}"] = np.stack(vectors) if vectors else np.zeros((0, len(made[TEXT])), np.float32)
        if image is not None:
            made[IMAGE] = image
        return replace(item, features={**item.features, **made})

    def _vectors(self, what: str, wanted: Mapping[str, Any], bench: Workbench) -> dict[str, Vector]:
        """Vectors by digest of what they are of; an image that cannot be decoded has none."""
        import numpy as np

        shelf = bench.shelf(SHELF)
        keys = {f"{what} {name} {self.digest or self.checkpoint}": name for name in wanted}
        found = {keys[key]: np.frombuffer(value, np.float32) for key, value in shelf.get(keys).items()}
        missing = [name for name in wanted if name not in found]
        if not missing:
            return found
        tower = bench.warm(f"clip {self.checkpoint} {self.digest}", lambda: load(self.checkpoint))
        for names, vectors in tower.batches(what, missing, wanted):
            made = dict(zip(names, vectors, strict=True))
            places = {name: key for key, name in keys.items() if name in made}
            shelf.put({places[name]: vector.tobytes() for name, vector in made.items()})
            found |= made
        return found


def _texts(item: Item) -> Iterator[str]:
    yield item.caption
    for kind in (PAGES, ENTITIES):
        yield from texts_of(item, kind)


def _sha256(item: Item) -> str:
    try:
        return item.image.sha256() if item.image else ""
    except UnreadableImage:
        return ""


class Tower:
    """A loaded checkpoint."""

    def __init__(self, model: Any, processor: Any) -> None:  # noqa: ANN401 - of transformers, without types
        self.model, self.processor = model, processor

    def batches(
        self, what: str, names: Sequence[str], wanted: Mapping[str, Any]
    ) -> Iterator[tuple[list[str], list[Vector]]]:
        """Names and vectors of a few at a time, those left out that cannot be decoded."""
        size = 1 if self.model.device.type == "cpu" else AT_ONCE
        for first in range(0, len(names), size):
            some = list(names[first : first + size])
            if what == "text":
                yield some, self._vectors("get_text_features", self._words([wanted[name] for name in some]))
                continue
            pictures = {name: picture for name in some if (picture := _opened(wanted[name])) is not None}
            if pictures:
                inputs = self.processor(images=list(pictures.values()), return_tensors="pt")
                yield list(pictures), self._vectors("get_image_features", inputs)

    def _words(self, texts: list[str]) -> Any:  # noqa: ANN401 - of transformers, without types
        # As long as SigLIP was trained with; CLIP pools where the text ends.
        longest = self.model.config.text_config.max_position_embeddings
        return self.processor(
            text=texts, padding="max_length", truncation=True, max_length=longest, return_tensors="pt"
        )

    def _vectors(self, method: str, inputs: Any) -> list[Vector]:  # noqa: ANN401 - of transformers, without types
        import torch

        with torch.inference_mode():
            made = getattr(self.model, method)(**inputs.to(self.model.device))
        pooled = getattr(made, "pooler_output", made)
        return list(pooled.float().cpu().numpy())


def _opened(item: Item) -> Any:  # noqa: ANN401 - Pillow's image
    try:
        return item.image.open() if item.image else None
    except UnreadableImage:
        return None


def load(checkpoint: str) -> Tower:
    """Read model and processor; raises `TrainingError` for what is no CLIP or SigLIP."""
    _require(PACKAGES)
    try:
        model, processor = clip_loading.read(checkpoint, "float32")
    except (OSError, ValueError) as error:
        raise _unfit(checkpoint, str(error).splitlines()[0]) from error
    if not hasattr(model, "get_text_features") or not hasattr(model, "get_image_features"):
        raise _unfit(checkpoint, f"{type(model).__name__} has not both image and text features")
    import torch

    return Tower(model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), processor)


def _require(packages: Iterable[str]) -> None:
    if missing := [package for package in packages if find_spec(package) is None]:
        raise MissingDependency(f"needs {', '.join(missing)}", place="clip", remedy="pip install 'ooc-harness[train]'")


def _unfit(checkpoint: str, cause: str) -> TrainingError:
    return TrainingError(
        f"cannot load {checkpoint!r} as CLIP or SigLIP: {cause}",
        remedy="give the student's option 'clip' the folder or the hub id of such a model of transformers",
    )
