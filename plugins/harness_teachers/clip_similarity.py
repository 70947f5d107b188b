"""A teacher that compares an image with its caption by a CLIP or SigLIP model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from harness.api import (
    Annotation,
    HarnessError,
    Item,
    MissingDependency,
    Resources,
    Teacher,
    UnreadableImage,
    Usage,
    folder_digest,
    hookimpl,
)
from harness_students import clip_loading
from harness_teachers.local_model import LOADED, Held, held
from harness_teachers.prompt import one_line
from harness_teachers.similarity import judged

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

PACKAGES = ("torch", "transformers", "safetensors")

# No text encoder of these families reads more than 77 tokens, or a few hundred where it was made for long captions.
LONGEST = 2_000


class Clip(Teacher):
    """Calls a caption falsified where it is less similar to the image than a threshold, by any CLIP or SigLIP model.

    Similarity is the cosine of the two embeddings; the log-odds of falsified fall by one with every ``scale`` of it.
    Cosines of one model mean nothing for another: set threshold and scale by a validation split. A caption is cut off
    where the model's text encoder ends. An image that cannot be decoded is an ``error``.
    """

    name = "clip"
    transport = frozenset({"batch_size", "device"})
    libraries: ClassVar[tuple[str, ...]] = ("harness_students",)

    model: str = "openai/clip-vit-large-patch14"
    """Folder or hub id of a CLIP or SigLIP model of transformers, with weights as safetensors."""
    threshold: float = Field(default=0.2, ge=-1, le=1)
    """Cosine at which both verdicts are equally likely; CLIP gives 0.1 to 0.4, SigLIP -0.1 to 0.2."""
    scale: float = Field(default=0.02, gt=0)
    """Cosine below the threshold by which the log-odds of falsified grow by one."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Type in which the weights are held."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; auto takes a CUDA device where there is one."""
    batch_size: int = Field(default=32, ge=1)
    """Items that are compared at once."""

    def resources(self) -> Resources:
        """A device, unless it works on the processor; its models are small."""
        return Resources(gpus=int(self.device != "cpu"), gpu_gb=4.0)

    def reads(self) -> frozenset[str]:
        """The image."""
        return frozenset({"image"})

    def digest(self) -> str:
        """Digest of the model's files where it is a folder on this machine."""
        return folder_digest(self.model, LOADED)

    def annotate(self, items: Sequence[Item]) -> Iterator[Annotation]:
        """A verdict, its probability and a sentence with both numbers."""
        waiting = iter(items)
        loaded: Held | None = None
        while batch := list(islice(waiting, self.batch_size)):
            shown: list[tuple[Item, Picture]] = []
            for item in batch:
                try:
                    if item.image is None:
                        raise UnreadableImage("There is no image.")
                    shown.append((item, item.image.open()))
                except UnreadableImage as error:
                    yield Annotation(item.id, "error", rationale=error.cause, usage=Usage(calls=0))
            if shown:
                loaded = loaded or held(("clip", self.model, self.dtype, self.device), self._load)
                for (item, _), cosine in zip(shown, self._cosines(loaded, shown), strict=True):
                    yield judged(item.id, cosine, self.threshold, self.scale, Usage())

    def _load(self) -> Held:
        if missing := [package for package in PACKAGES if find_spec(package) is None]:
            raise MissingDependency(
                f"needs {', '.join(missing)}", place="teacher clip", remedy="pip install 'ooc-harness[train]'"
            )
        import torch

        if self.device == "cuda" and not torch.cuda.is_available():
            raise HarnessError("torch finds no CUDA device", place="teacher clip", remedy="set device to cpu or auto")
        device = "cuda" if self.device != "cpu" and torch.cuda.is_available() else "cpu"
        try:
            model, processor = clip_loading.read(self.model, self.dtype)
        except (OSError, ValueError) as error:
            raise _no_model(self.model, str(error).splitlines()[0]) from error
        except ImportError as error:
            raise MissingDependency(f"the processor of {self.model!r} needs more packages: {error}") from error
        if not hasattr(model, "get_text_features") or not hasattr(model.config, "text_config"):
            raise _no_model(self.model, f"a {model.config.model_type} has no embeddings of image and text to compare")
        return Held(model.eval().to(device), processor)

    def _cosines(self, loaded: Held, shown: Sequence[tuple[Item, Picture]]) -> Sequence[float]:
        """The similarity of each pair, in [-1, 1]."""
        import torch

        model, processor = loaded.parts
        inputs: Any = processor(
            text=[one_line(item.caption, LONGEST) for item, _ in shown],
            images=[picture for _, picture in shown],
            # SigLIP was trained on texts that are filled up; CLIP reads no further than a text's end.
            padding="max_length",
            max_length=model.config.text_config.max_position_embeddings,
            truncation=True,
            return_tensors="pt",
        )
        inputs = inputs.to(model.device)
        inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
        with torch.inference_mode():
            outputs = model(**inputs)
        cosines = torch.nn.functional.cosine_similarity(outputs.image_embeds.float(), outputs.text_embeds.float())
        return [float(cosine) for cosine in cosines.clamp(-1, 1).tolist()]


def _no_model(model: str, seen: str) -> HarnessError:
    return HarnessError(
        f"cannot load {model!r} as a CLIP or SigLIP model: {seen}",
        place="teacher clip",
        remedy="give the folder or the hub id of such a model of transformers",
    )


@hookimpl
def harness_teachers() -> list[type[Teacher]]:
    """Similarity by CLIP and its kin."""
    return [Clip]
