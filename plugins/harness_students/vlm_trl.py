"""All use of TRL: stock trainers over the rows of `harness_students.vlm_rows`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Objective, TrainingError, Workbench
from harness_students.vlm_base import Model, Processor, quiet_peft
from harness_students.vlm_pictures import Pictures
from harness_students.vlm_rows import Row

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import Trainer, TrainerState

# Rewards of equal policies differ by rounding only; a wrong reference shows rewards of 0.1 and more.
ZERO = 1e-4
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
    checkpointing: bool = False,
) -> None:
    """SFT on prompts and completions; the loss is over the completion's tokens only."""
    from trl import SFTConfig, SFTTrainer

    config = SFTConfig(
        **_arguments(model, len(rows), schedule, objective, bench, checkpointing), completion_only_loss=True
    )
    _run(
        SFTTrainer(model=model, args=config, train_dataset=_dataset(rows, pictures), processing_class=processor), bench
    )


def prefer(
    model: Model,
    processor: Processor,
    rows: Sequence[Row],
    pictures: Pictures,
    schedule: Schedule,
    objective: Objective,
    bench: Workbench,
    reference: Model | None = None,
    at_start: Callable[[], None] = lambda: None,
    checkpointing: bool = False,
) -> None:
    """DPO and its kin. Without a ``reference`` model TRL keeps a frozen copy of the adapter under the name "ref".

    ``at_start`` is called when that copy exists and before the first step.
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
    at_start()
    first = _run(trainer, bench)
    rewards = [first["rewards/chosen"], first["rewards/rejected"]]
    bench.prove(first_step_rewards=rewards)
    if reference is None and any(abs(reward) >= ZERO for reward in rewards):
        raise TrainingError(
            f"the first step's rewards are {rewards[0]:.2g} and {rewards[1]:.2g}, not 0: "
            "the reference is not the start of the training"
        )


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
