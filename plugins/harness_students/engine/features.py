"""Image features: what the frozen vision side makes of an image, computed once and kept on a shelf."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from harness.api import Shelf, digest
from harness_students.engine.collate import join_images
from harness_students.engine.families import FAMILIES, family_of
from harness_students.engine.tokens import Images
from harness_students.vlm_base import Model, Processor, evaluating

if TYPE_CHECKING:
    from torch import Tensor

SHELF = "image-features"

KEPT_BYTES = 1 << 30
"""Features that a worker holds in memory; the others are read from the shelf again."""

AT_ONCE = 8
"""Images that a GPU encodes together. A processor encodes one at a time, so that rounding depends on nothing else."""

PACKAGES = ("torch", "torchvision", "transformers", "pillow")


class Kept:
    """The features that were used last, as many as there is room for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Tensor] = OrderedDict()
        self._room = KEPT_BYTES

    def get(self, keys: Iterable[str]) -> dict[str, Tensor]:
        """What there is of the keys."""
        return {key: self._kept[key] for key in keys if key in self._kept}

    def put(self, entries: Mapping[str, Tensor]) -> None:
        """Hold these, and let go of those that were used longest ago."""
        for key, tensor in entries.items():
            if key in self._kept:
                self._kept.move_to_end(key)
                continue
            self._kept[key] = tensor
            self._room -= tensor.nbytes
        while self._room < 0 and len(self._kept) > 1:
            self._room += self._kept.popitem(last=False)[1].nbytes


class Features:
    """Features by the digest of an image's bytes."""

    def __init__(self, model: Model, processor: Processor, base: str, shelf: Shelf, kept: Kept | None = None) -> None:
        self._model, self._shelf, self._kept = model, shelf, kept or Kept()
        self.device, self.family = model.device, FAMILIES[model.config.model_type]
        self._about = digest(
            {
                "base": base,
                "processor": processor.image_processor.to_json_string(),
                "backend": type(processor.image_processor).__name__,
                "packages": {name: _version(name) for name in PACKAGES},
                "numbers": f"{model.dtype} on {model.device.type}",
            }
        )
        self.computed = 0
        """Images that went through the vision side."""

    def of(self, images: Mapping[str, Callable[[], Images]]) -> dict[str, Tensor]:
        """Features of images by their digest, on the processor; pixels are asked for only where they are needed."""
        keys = {image: self._key(image) for image in images}
        found = self._kept.get(keys.values())
        found |= self._read([key for key in keys.values() if key not in found])
        missing = [image for image, key in keys.items() if key not in found]
        step = AT_ONCE if self.device.type != "cpu" else 1
        for start in range(0, len(missing), step):
            some = missing[start : start + step]
            made = zip((keys[image] for image in some), self._compute([images[image]() for image in some]), strict=True)
            found |= self._shelve(dict(made))
        self._kept.put(found)
        return {image: found[key] for image, key in keys.items()}

    def _key(self, image: str) -> str:
        return f"{self._about}-{image}"

    def _read(self, keys: Sequence[str]) -> dict[str, Tensor]:
        return {key: _unpack(value) for key, value in self._shelf.get(keys).items()} if keys else {}

    def _shelve(self, made: dict[str, Tensor]) -> dict[str, Tensor]:
        self._shelf.put({key: _pack(tensor) for key, tensor in made.items()})
        return made

    def _compute(self, images: Sequence[Images]) -> Iterator[Tensor]:
        """One tensor per image: (tokens, width), or (tiles, tokens, width) where the family stacks."""
        import torch

        inputs = accepted(self._model, join_images(images))
        with torch.no_grad(), evaluating(self._model):
            moved = {name: value.to(self._model.device) for name, value in inputs.items()}
            pooled = self._model.base_model.get_image_features(**moved, return_dict=True).pooler_output
        self.computed += len(images)
        start = 0
        for image in images:
            own = pooled[start : start + len(image["pixel_values"])]
            start += len(own)
            yield (own if self.family.stacked else torch.cat(list(own))).cpu()


def accepted(model: Model, images: Images) -> dict[str, Tensor]:
    """Of a processor's image inputs those that the model's vision side takes."""
    known = inspect.signature(model.base_model.get_image_features).parameters
    return {name: value for name, value in images.items() if name in known}


def vision_obstacle(model: Model) -> str:
    """Why image features cannot be kept apart from the model; empty where they can."""
    if family_of(model) is None:
        return f"the family {model.config.model_type} is not known to the engine"
    if "mm_encoder_outputs" not in inspect.signature(type(model).forward).parameters:
        return "this version of transformers takes no image features for the model"
    return ""


def _pack(tensor: Tensor) -> bytes:
    from safetensors.torch import save

    packed: bytes = save({"features": tensor.contiguous()})
    return packed


def _unpack(data: bytes) -> Tensor:
    from safetensors.torch import load

    features: Tensor = load(data)["features"]
    return features


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
