"""Adapters from their first weights to the files that are kept."""

from __future__ import annotations

from pathlib import Path

from harness.api import TrainingError
from harness_students.families import lora_targets
from harness_students.vlm_base import Base, Model, adapter_sha256, quiet_peft


def new_adapter(base: Base, targets: str | None, rank: int, alpha: float, dropout: float, seed: int) -> Model:
    """LoRA with weights drawn from the seed; its update is zero. Without ``targets`` the family's preset is taken."""
    import torch
    from peft import LoraConfig, get_peft_model

    pattern = lora_targets(base.model.config.model_type, targets)
    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=pattern, task_type="CAUSAL_LM")
    try:
        with quiet_peft():
            return get_peft_model(base.branch(), config)
    except ValueError as error:
        raise TrainingError(
            f"LoRA finds no module for {pattern!r}",
            remedy="give the student's option 'lora_targets' a pattern of the language model's linear layers",
        ) from error


def changed(model: Model, before: str) -> str:
    """Digest of an adapter that is not what it was before."""
    after = adapter_sha256(model)
    if after == before:
        raise TrainingError("training left the adapter as it was", remedy="raise the learning rate or the epochs")
    return after


def save(model: Model, folder: str) -> None:
    """The adapter that is trained, handed to peft, which would put a whole sharded base together to look for it."""
    own = {name: weight for name, weight in model.state_dict().items() if ".default." in name}
    with quiet_peft():
        model.save_pretrained(folder, state_dict=own, selected_adapters=["default"], save_embedding_layers=False)


def write(model: Model, base_name: str, folder: Path) -> None:
    """The adapter alone, with nothing in it that depends on this machine."""
    model.peft_config["default"].base_model_name_or_path = base_name
    save(model, str(folder))
    # peft's model card names paths of this machine.
    (folder / "README.md").unlink(missing_ok=True)
