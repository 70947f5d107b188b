"""All use of TRL: stock trainers over the rows of `harness_students.vlm_rows`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Objective, TrainingError, Workbench
from harness_students.engine.batches import Batches, order_of
from harness_students.engine.checkpoints import Checkpoints
from harness_students.engine.engage import Lesson, engage
from harness_students.engine.gauges import gauge, passer
from harness_students.engine.switches import Engine
from harness_students.engine.trainers import steered
from harness_students.vlm_base import Model, Processor, adapter_sha256, quiet_peft
from harness_students.vlm_pictures import Pictures
from harness_students.vlm_rows import Row

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import Trainer

# Rewards of equal policies differ by rounding only; a wrong reference shows rewards of 0.1 and more.
ZERO = 1e-4
ZERO_OF_HALF = 0.05
"""The same where numbers have 16 bits and the reference was computed in other batches."""


class Schedule(BaseModel):
    """How long and how fast one kind of training goes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    lr: float = Field(default=1e-4, gt=0)
    """Peak learning rate, where the recipe does not say."""
    epochs: float = Field(default=2.0, gt=0)
    """Passes over the examples, where the recipe does not say."""
    batch_size: int = Field(default=8, ge=1)
    """Examples that are held in memory at once."""
    accumulate: int = Field(default=1, ge=1)
    """Batches that make one step."""
    warmup: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps in which the rate rises."""
    decay: Literal["linear", "cosine", "constant_with_warmup"] = "cosine"
    """How the rate falls after the warm-up."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's decay of the adapter's weights."""


@dataclass(frozen=True, slots=True)
class Drive:
    """How a training is driven; none of it changes what is learnt but the order of ``batches``."""

    engine: Engine
    batches: Batches
    checkpoint_minutes: float | None
    base: str
    """Digest of the base's weights."""


def build_trainer(
    model: Model,
    processor: Processor,
    rows: Sequence[Row],
    pictures: Pictures,
    schedule: Schedule,
    objective: Objective,
    bench: Workbench,
    drive: Drive,
    reference: Model | None = None,
) -> Trainer:
    """The trainer for rows of one kind, ready to be `run`; the engine's mechanisms are in it, and proved.

    Of preference rows the reference is ``reference`` where the engine does not compute it beforehand; without
    one TRL keeps a frozen copy of the adapter under the name "ref".
    """
    order = order_of(rows, drive.batches, schedule.batch_size, bench.seed)
    batches = ceil(len(rows) / schedule.batch_size) if order is None else len(order)
    arguments = _arguments(model, batches, schedule, objective, bench)
    dataset = _dataset(rows, pictures, opened=drive.engine.off)
    pairs = "completion" not in rows[0]
    make = _preference_trainer if pairs else _fine_tuning_trainer
    start = adapter_sha256(model)
    trainer = make(model, processor, dataset, arguments, objective, reference)
    trainer.order = order
    training: dict[str, Any] = {
        "start": start,
        "rows": list(rows),
        "schedule": schedule.model_dump(mode="json"),
        "base": drive.base,
    }
    training |= {"objective": objective.model_dump(mode="json"), "seed": bench.seed, "batches": drive.batches}
    trainer.checkpoints = Checkpoints(bench, training, drive.checkpoint_minutes)
    trainer.add_callback(trainer.checkpoints.callback())
    if not drive.engine.off:
        lesson = Lesson(rows, pictures, processor, objective, drive.base, drive.engine, schedule.batch_size)
        engage(trainer, lesson, bench)
    return trainer


def _fine_tuning_trainer(
    model: Model,
    processor: Processor,
    dataset: Dataset,
    arguments: dict[str, Any],
    objective: Objective,
    reference: None,
) -> Trainer:
    """SFT on prompts and completions; the loss is over the completion's tokens only."""
    from trl import SFTConfig, SFTTrainer

    config = SFTConfig(**arguments, completion_only_loss=True)
    return steered(SFTTrainer)(model=model, args=config, train_dataset=dataset, processing_class=processor)


def _preference_trainer(
    model: Model,
    processor: Processor,
    dataset: Dataset,
    arguments: dict[str, Any],
    objective: Objective,
    reference: Model | None,
) -> Trainer:
    """DPO and its kin."""
    from trl import DPOConfig, DPOTrainer

    config = DPOConfig(
        **arguments,
        beta=objective.beta,
        loss_type=list(objective.losses),
        loss_weights=list(objective.losses.values()),
    )
    with quiet_peft():
        return steered(DPOTrainer)(
            model=model, ref_model=reference, args=config, train_dataset=dataset, processing_class=processor
        )


def run(trainer: Trainer, bench: Workbench) -> dict[str, float]:
    """Train, from a checkpoint where there is one, pass the log on, and return its first line."""
    from transformers import PrinterCallback

    lines: list[dict[str, float]] = []
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(passer(trainer, bench, lines))
    trainer.add_callback(gauge(trainer, bench))
    checkpoint = trainer.checkpoints.newest()
    with quiet_peft():
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    return lines[0]


def check_first_rewards(trainer: Trainer, first: dict[str, float], objective: Objective, bench: Workbench) -> None:
    """Where the reference is the training's start, the first step's rewards are 0."""
    import torch

    rewards = [first["rewards/chosen"], first["rewards/rejected"]]
    bench.prove(first_step_rewards=rewards)
    exact = trainer.model.dtype == torch.float32 or not trainer.precompute_ref_logps
    allowed = ZERO if exact else ZERO_OF_HALF
    if objective.reference == "start" and any(abs(reward) >= allowed for reward in rewards):
        raise TrainingError(
            f"the first step's rewards are {rewards[0]:.2g} and {rewards[1]:.2g}, not 0: "
            "the reference is not the start of the training"
        )


def _arguments(
    model: Model, batches: int, schedule: Schedule, objective: Objective, bench: Workbench
) -> dict[str, Any]:
    import torch
    from transformers import TrainingArguments

    # transformers renamed the option in 5.2x and warns of the old name.
    checkpointing = "activation_checkpointing"
    if checkpointing not in TrainingArguments.__dataclass_fields__:
        checkpointing = "gradient_checkpointing"
    epochs = objective.epochs or schedule.epochs
    return {
        "output_dir": str(bench.checkpoints),
        # A timer asks for checkpoints.
        "save_strategy": "no",
        "learning_rate": objective.lr or schedule.lr,
        "num_train_epochs": epochs,
        "per_device_train_batch_size": schedule.batch_size,
        "gradient_accumulation_steps": schedule.accumulate,
        # In whole steps, rounded down: the first step of a warm-up has a rate of 0.
        "warmup_steps": int(schedule.warmup * epochs * ceil(batches / schedule.accumulate)),
        "lr_scheduler_type": schedule.decay,
        "weight_decay": schedule.weight_decay,
        "max_length": None,
        "seed": bench.seed,
        "bf16": model.dtype == torch.bfloat16 and torch.cuda.is_available(),
        checkpointing: torch.cuda.is_available(),
        "use_cpu": not torch.cuda.is_available(),
        "remove_unused_columns": False,
        # A line per step, so that a training that goes on from a checkpoint says what it would have said.
        "logging_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
    }


def _dataset(rows: Sequence[Row], pictures: Pictures, *, opened: bool) -> Dataset:
    """The rows with their number and ``images``, which are opened when a batch asks for them, if at all."""
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()

    def show(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        images = [[pictures.open(item_id)] if opened else [] for item_id in batch["item"]]
        return {**batch, "images": images}

    return Dataset.from_list([{**row, "row": index} for index, row in enumerate(rows)]).with_transform(show)


def remove_leftovers(folder: Path) -> None:
    """Delete what peft writes beside an adapter: its model card names paths of this machine."""
    (folder / "README.md").unlink(missing_ok=True)
