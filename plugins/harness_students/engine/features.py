"""Image features: what the frozen vision side makes of an image, computed once and kept on a shelf."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from harness.api import Shelf, digest
from harness_students.engine.collate import join_images
from harness_students.engine.families import family_of
from harness_students.engine.tokens import Images
from harness_students.vlm_base import Model, Processor

if TYPE_CHECKING:
    from torch import Tensor

SHELF = "image-features"

KEPT_BYTES = 2 << 30
"""Features that are held in memory; the others are read from the shelf again."""

AT_ONCE = 8
"""Images that a GPU encodes together. A processor encodes one at a time, so that rounding depends on nothing else."""

PACKAGES = ("torch", "torchvision", "transformers", "pillow")


class Features:
    """Features by the digest of an image's bytes."""

    def __init__(self, model: Model, processor: Processor, base: str, shelf: Shelf) -> None:
        self._model, self._shelf = model, shelf
        self._about = digest(
            {
                "base": base,
                "processor": processor.image_processor.to_json_string(),
                "backend": type(processor.image_processor).__name__,
                "packages": {name: _version(name) for name in PACKAGES},
                "numbers": f"{model.dtype} on {model.device.type}",
            }
        )
        self._kept: OrderedDict[str, Tensor] = OrderedDict()
        self._room = KEPT_BYTES
        self.computed = 0
        """Images that went through the vision side."""

    def of(self, images: Mapping[str, Callable[[], Images]]) -> dict[str, Tensor]:
        """Features of images by their digest, on the processor; pixels are asked for only where they are needed."""
        found = {image: self._kept[image] for image in images if image in self._kept}
        found |= self._read([image for image in images if image not in found])
        missing = [image for image in images if image not in found]
        step = AT_ONCE if self._model.device.type != "cpu" else 1
        for start in range(0, len(missing), step):
            some = missing[start : start + step]
            made = dict(zip(some, self._compute([images[image]() for image in some]), strict=True))
            self._shelf.put({self._key(image): _pack(tensor) for image, tensor in made.items()})
            found |= made
        for image in images:
            self._keep(image, found[image])
        return {image: found[image] for image in images}

    def _key(self, image: str) -> str:
        return f"{self._about}-{image}"

    def _read(self, images: Sequence[str]) -> dict[str, Tensor]:
        there = self._shelf.get(map(self._key, images))
        return {image: _unpack(there[self._key(image)]) for image in images if self._key(image) in there}

    def _compute(self, images: Sequence[Images]) -> Iterator[Tensor]:
        """One tensor per image: (tokens, width), or (tiles, tokens, width) where the family stacks."""
        import torch

        inputs = accepted(self._model, join_images(images))
        with torch.no_grad(), _evaluating(self._model):
            moved = {name: value.to(self._model.device) for name, value in inputs.items()}
            pooled = self._model.base_model.get_image_features(**moved, return_dict=True).pooler_output
        self.computed += len(images)
        family, start = family_of(self._model), 0
        for image in images:
            own = pooled[start : start + len(image["pixel_values"])]
            start += len(own)
            stacked = family is not None and family.stacked
            yield (own if stacked else torch.cat(list(own))).cpu()

    def _keep(self, image: str, tensor: Tensor) -> None:
        if image in self._kept:
            self._kept.move_to_end(image)
            return
        self._kept[image] = tensor
        self._room -= tensor.nbytes
        while self._room < 0 and len(self._kept) > 1:
            self._room += self._kept.popitem(last=False)[1].nbytes


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


@contextmanager
def _evaluating(model: Model) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _pack(tensor: Tensor) -> bytes:
    from safetensors.torch import save

    packed: bytes = save({"features": tensor.contiguous()})
    return packed


def _unpack(data: bytes) -> Tensor:
    from safetensors.torch import load

    return load(data)["features"]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
