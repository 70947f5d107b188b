"""All use of TRL: stock trainers over the rows of `harness_students.vlm_rows`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Objective, Workbench
from harness_students.vlm_base import Model, Processor, quiet_peft
from harness_students.vlm_pictures import Pictures
from harness_students.vlm_rows import Row

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import Trainer, TrainerState

CLOCK = ("train_runtime", "train_samples_per_second", "train_steps_per_second", "total_flos")


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


def fine_tune(
    model: Model,
    processor: Processor,
    rows: Sequence[Row],
    pictures: Pictures,
    schedule: Schedule,
    objective: Objective,
    bench: Workbench,
    at_start: Callable[[Trainer], None] = lambda trainer: None,
    checkpointing: bool = False,
) -> None:
    """SFT on prompts and completions; the loss is over the completion's tokens only."""
    from trl import SFTConfig, SFTTrainer

    config = SFTConfig(
        **_arguments(model, len(rows), schedule, objective, bench, checkpointing), completion_only_loss=True
    )
    trainer = SFTTrainer(model=model, args=config, train_dataset=_dataset(rows, pictures), processing_class=processor)
    at_start(trainer)
    _run(trainer, bench)


def prefer(
    model: Model,
    processor: Processor,
    rows: Sequence[Row],
    pictures: Pictures,
    schedule: Schedule,
    objective: Objective,
    bench: Workbench,
    reference: Model | None = None,
    at_start: Callable[[Trainer], None] = lambda trainer: None,
    checkpointing: bool = False,
) -> None:
    """DPO and its kin. Without a ``reference`` model TRL keeps a frozen copy of the adapter under the name "ref".

    ``at_start`` is called with the trainer when that copy exists and before the first step.
    """
    from trl import DPOConfig, DPOTrainer

    config = DPOConfig(
        **_arguments(model, len(rows), schedule, objective, bench, checkpointing),
        beta=objective.beta,
        loss_type=list(objective.losses),
        loss_weights=list(objective.losses.values()),
    )
    with quiet_peft():
        trainer = DPOTrainer(
            model=model,
            ref_model=reference,
            args=config,
            train_dataset=_dataset(rows, pictures),
            processing_class=processor,
        )
    at_start(trainer)
    first = _run(trainer, bench)
    bench.prove(first_step_rewards=[first["rewards/chosen"], first["rewards/rejected"]])


def rewards_of(trainer: Trainer, batch: Mapping[str, Any]) -> list[float]:
    """Mean implicit rewards of a batch's chosen and rejected answers as the trainer itself computes them."""
    import torch

    model = trainer.model
    training = model.training
    model.eval()
    with torch.no_grad(), quiet_peft():
        trainer.compute_loss(model, dict(batch))
    model.train(training)
    told = trainer._metrics["eval"]
    rewards = [told["rewards/chosen"][-1], told["rewards/rejected"][-1]]
    told.clear()
    return rewards


def _arguments(
    model: Model, rows: int, schedule: Schedule, objective: Objective, bench: Workbench, checkpointing: bool
) -> dict[str, Any]:
    import torch
    from transformers import TrainingArguments

    # transformers renamed the option in 5.2x and warns of the old name.
    recompute = "activation_checkpointing"
    if recompute not in TrainingArguments.__dataclass_fields__:
        recompute = "gradient_checkpointing"
    epochs = objective.epochs or schedule.epochs
    return {
        # Nothing is written there, but the trainers insist on a folder.
        "output_dir": str(bench.checkpoints),
        "save_strategy": "no",
        "learning_rate": objective.lr or schedule.lr,
        "num_train_epochs": epochs,
        "per_device_train_batch_size": schedule.batch_size,
        "gradient_accumulation_steps": schedule.accumulate,
        # In whole steps, rounded down: the first step of a warm-up has a rate of 0.
        "warmup_steps": int(schedule.warmup * epochs * ceil(rows / (schedule.batch_size * schedule.accumulate))),
        "lr_scheduler_type": schedule.decay,
        "weight_decay": schedule.weight_decay,
        "max_length": None,
        "seed": bench.seed,
        "bf16": model.dtype == torch.bfloat16 and model.device.type == "cuda",
        recompute: checkpointing,
        "use_cpu": model.device.type == "cpu",
        "remove_unused_columns": False,
        "logging_first_step": True,
        "logging_steps": 10,
        "report_to": "none",
        "disable_tqdm": True,
    }


def _dataset(rows: Sequence[Row], pictures: Pictures) -> Dataset:
    """The rows with ``images``, which are opened when a batch asks for them."""
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()

    def show(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return {**batch, "images": [[pictures.open(item_id)] for item_id in batch["item"]]}

    return Dataset.from_list(list(rows)).with_transform(show)


def _run(trainer: Trainer, bench: Workbench) -> dict[str, float]:
    """Train, pass the log on, and return its first line."""
    from transformers import PrinterCallback, TrainerCallback

    lines: list[dict[str, float]] = []

    class Passer(TrainerCallback):  # type: ignore[misc]
        """Hands the trainer's log to the workbench, less what a clock says."""

        def on_log(self, args: object, state: TrainerState, control: object, **given: dict[str, float]) -> None:
            line = {name: value for name, value in given["logs"].items() if name not in CLOCK}
            lines.append(line)
            bench.log(step=state.global_step, **line)

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Passer())
    with quiet_peft():
        trainer.train()
    return lines[0]


def remove_leftovers(folder: Path) -> None:
    """Delete what peft writes beside an adapter: its model card names paths of this machine."""
    (folder / "README.md").unlink(missing_ok=True)
