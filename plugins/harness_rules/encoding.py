"""Texts as vectors of a text encoder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from harness.api import HarnessError, MissingDependency

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGES = ("torch", "transformers", "safetensors")

LOADED = frozenset({".json", ".safetensors", ".model", ".txt"})
"""Suffixes of the files in an encoder's folder that are read when it is loaded."""

Device = Literal["auto", "cpu", "cuda"]


class Encoder:
    """A text encoder of transformers, from a folder or the hub: the mean of its last layer over a text's tokens."""

    def __init__(self, name: str, device: Device, place: str) -> None:
        if missing := [package for package in PACKAGES if find_spec(package) is None]:
            raise MissingDependency(
                f"needs {', '.join(missing)}", place=place, remedy="pip install 'ooc-harness[train]'"
            )
        # Read when the packages are imported, so it must be said before.
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        import torch

        if device == "cuda" and not torch.cuda.is_available():
            raise HarnessError("torch finds no CUDA device", place=place, remedy="set device to cpu or auto")
        self._device = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        try:
            self._model, self._tokenizer = _read(name)
        except (OSError, ValueError) as error:
            raise _no_encoder(name, str(error).splitlines()[0], place) from error
        except ImportError as error:
            raise MissingDependency(f"the tokenizer of {name!r} needs more packages: {error}", place=place) from error
        kind = self._model.config.model_type
        if self._model.config.is_encoder_decoder or not hasattr(self._model.config, "hidden_size"):
            raise _no_encoder(name, f"a {kind} has no one layer over a text's tokens", place)
        if self._tokenizer.pad_token is None:
            raise _no_encoder(name, "its tokenizer has no token to fill up texts with", place)
        self._model.eval().to(self._device)
        limit = getattr(self._model.config, "max_position_embeddings", None) or self._tokenizer.model_max_length
        self._tokens = min(int(limit), 512)

    def encode(self, texts: Sequence[str], batch_size: int) -> NDArray[np.float32]:
        """(N, width), rows of length 1, or 0 for a text without a token; a long text is cut off at 512 tokens, or
        where the encoder ends before."""
        rows = np.zeros((len(texts), int(self._model.config.hidden_size)), np.float32)
        for start in range(0, len(texts), batch_size):
            batch = list(texts[start : start + batch_size])
            given = self._tokenizer(batch, truncation=True, max_length=self._tokens)["input_ids"]
            filled = [place for place, tokens in enumerate(given) if tokens]
            if filled:
                rows[[start + place for place in filled]] = self._means([batch[place] for place in filled])
        return rows

    def _means(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import torch

        given = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=self._tokens, return_tensors="pt"
        ).to(self._device)
        with torch.inference_mode():
            states = self._model(**given).last_hidden_state  # (B, L, width)
        real = given["attention_mask"].unsqueeze(-1)
        means = torch.nn.functional.normalize((states * real).sum(1) / real.sum(1), dim=-1)
        found: NDArray[np.float32] = means.float().cpu().numpy()
        return found


def _no_encoder(name: str, seen: str, place: str) -> HarnessError:
    return HarnessError(
        f"cannot load {name!r} as a text encoder: {seen}",
        place=place,
        remedy="give the folder or the hub id of an encoder of transformers with weights as safetensors",
    )


def _read(name: str) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    # Weights are a stranger's: safetensors cannot execute, and no code comes along with a model.
    model = AutoModel.from_pretrained(name, use_safetensors=True, trust_remote_code=False)
    return model, AutoTokenizer.from_pretrained(name, trust_remote_code=False)
