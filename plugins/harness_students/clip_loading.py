"""A CLIP or SigLIP and its processor, as they are read from a folder or the hub."""

from __future__ import annotations

import os
from typing import Any

Model = Any
Processor = Any


def read(checkpoint: str, dtype: str) -> tuple[Model, Processor]:
    """Read both; nothing that comes with the model is executed. What transformers raises is the caller's to tell."""
    # Read when the packages are imported, so it must be said before.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import torch
    from transformers import AutoModel, AutoProcessor
    from transformers.utils import logging

    logging.disable_progress_bar()
    # Weights are a stranger's: safetensors cannot execute, and no code comes along with a model.
    model = AutoModel.from_pretrained(
        checkpoint, dtype=getattr(torch, dtype), use_safetensors=True, trust_remote_code=False
    )
    return model, AutoProcessor.from_pretrained(checkpoint, trust_remote_code=False)
