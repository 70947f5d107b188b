"""All use of TRL: stock trainers over the rows of `harness_students.vlm_rows`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from harness.api import Objective, Workbench
from harness_students.engine.batches import Batches, order_of
from harness_students.engine.checkpoints import Checkpoints
from harness_students.engine.engage import Lesson, engage
from harness_students.engine.gauges import gauge, passer
from harness_students.engine.ranked import gathering
from harness_students.engine.switches import Engine
from harness_students.engine.trainers import steered
from harness_students.vlm_base import Model, Processor, adapter_sha256, evaluating, quiet_peft
from harness_students.vlm_groups import Collator, grouped, weighted
from harness_students.vlm_many import Enter
from harness_students.vlm_pictures import Pictures
from harness_students.vlm_preferences import preference_trainer
from harness_students.vlm_rows import Row
from harness_students.vlm_schedule import Schedule
from harness_students.vlm_weights import weighted_trainer

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import Trainer


@dataclass(frozen=True, slots=True)
class Drive:
    """How a training is driven; none of it changes what is learnt but the order of ``batches``."""

    engine: Engine
    batches: Batches
    checkpoint_minutes: float | None
    base: str
    """Digest of the base's weights."""
    recompute: bool = False
    """Whether activations are computed again in the backward pass."""
    pieces: int = 1
    """In how many parts a batch of the student's own schedule is given, for want of memory or to several ranks."""
    ranks: int = 1
    """Processes that share this training (`harness_students.ranks`)."""


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
    order = order_of(rows, drive.batches, schedule.batch_size * drive.pieces, bench.seed, drive.pieces)
    batches = ceil(len(rows) / schedule.batch_size) if order is None else len(order)
    arguments = _arguments(model, ceil(batches / drive.ranks), schedule, objective, bench, drive.recompute)
    if drive.ranks > 1:
        arguments |= _of_ranks()
    dataset = _dataset(rows, pictures, opened=drive.engine.off)
    start = adapter_sha256(model)
    if "completion" in rows[0]:
        collator = weighted(processor) if any(row["weight"] != 1.0 for row in rows) else None
        trainer = _fine_tuning_trainer(model, processor, dataset, arguments, collator)
    else:
        collator = grouped(processor, pictures) if "weight" in rows[0] else None
        trainer = _preference_trainer(model, processor, dataset, arguments, objective, reference, collator)
    trainer.order, trainer.pieces = order, drive.pieces
    if drive.ranks > 1:
        trainer.accelerator.gather = gathering(trainer.accelerator.gather)
    training: dict[str, Any] = {
        "start": start,
        "rows": list(rows),
        "schedule": schedule.model_dump(mode="json"),
        "base": drive.base,
    }
    training |= {"objective": objective.model_dump(mode="json"), "seed": bench.seed, "batches": drive.batches}
    trainer.checkpoints = Checkpoints(bench, training, drive.checkpoint_minutes)
    trainer.add_callback(trainer.checkpoints.callback(trainer.accelerator))
    if not drive.engine.off:
        lesson = Lesson(rows, pictures, processor, objective, drive.base, drive.engine, schedule.batch_size)
        engage(trainer, lesson, bench)
    return trainer


def _fine_tuning_trainer(
    model: Model,
    processor: Processor,
    dataset: Dataset,
    arguments: dict[str, Any],
    collator: Collator | None,
) -> Trainer:
    """SFT on prompts and completions; the loss is over the completion's tokens only. A ``collator`` gives weights."""
    from trl import SFTConfig, SFTTrainer

    config = _on_one_device(SFTConfig(**arguments, completion_only_loss=True))
    kind: type = weighted_trainer() if collator else SFTTrainer
    return steered(kind)(
        model=model, args=config, train_dataset=dataset, processing_class=processor, data_collator=collator
    )


def _preference_trainer(
    model: Model,
    processor: Processor,
    dataset: Dataset,
    arguments: dict[str, Any],
    objective: Objective,
    reference: Model | None,
    collator: Collator | None,
) -> Trainer:
    """DPO and its kin; where a ``collator`` gives groups, the losses are ours."""
    from trl import DPOConfig, DPOTrainer

    named = {"loss_type": list(objective.losses), "loss_weights": list(objective.losses.values())}
    config = _on_one_device(DPOConfig(**arguments, beta=objective.beta, **({} if collator else named)))
    kind: type = preference_trainer() if collator else DPOTrainer
    with quiet_peft():
        trainer = steered(kind)(
            model=model,
            ref_model=reference,
            args=config,
            train_dataset=dataset,
            processing_class=processor,
            data_collator=collator,
        )
    trainer.objective = objective
    return trainer


def run(trainer: Trainer, objective: Objective, bench: Workbench, enter: Enter) -> None:
    """Train, from a checkpoint where there is one, and pass the log on."""
    from transformers import PrinterCallback

    lines: list[dict[str, float]] = []
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(passer(trainer, objective, bench, lines))
    trainer.add_callback(gauge(trainer, bench))
    # The first rank takes away what cannot be used before the others look.
    with trainer.accelerator.main_process_first():
        checkpoint = trainer.checkpoints.newest()
    enter(trainer)
    with quiet_peft():
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if "rewards/chosen" in lines[0]:
        # A batch of plain targets has no rejected answer.
        bench.prove(first_step_rewards=[lines[0]["rewards/chosen"], lines[0].get("rewards/rejected", 0.0)])


def first_rewards(trainer: Trainer, rows: int) -> list[float]:
    """Mean implicit rewards of the first rows' chosen and rejected answers, as the trainer itself computes them."""
    import torch

    examples = [trainer.train_dataset[row] for row in range(min(rows, len(trainer.train_dataset)))]
    model, metrics = trainer.model, trainer._metrics
    told: dict[str, list[float]] = defaultdict(list)
    trainer._metrics = {"train": told, "eval": told}
    try:
        with evaluating(model), torch.no_grad(), trainer.accelerator.autocast(), quiet_peft():
            trainer.compute_loss(model, trainer._prepare_inputs(trainer.data_collator(examples)))
    finally:
        trainer._metrics = metrics
    return [told[f"rewards/{side}"][-1] if told[f"rewards/{side}"] else 0.0 for side in ("chosen", "rejected")]


def _arguments(
    model: Model, batches: int, schedule: Schedule, objective: Objective, bench: Workbench, recompute: bool
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
        "bf16": model.dtype == torch.bfloat16 and model.device.type == "cuda",
        checkpointing: recompute,
        "use_cpu": model.device.type == "cpu",
        "remove_unused_columns": False,
        # A line per step, so that a training that goes on from a checkpoint says what it would have said.
        "logging_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
    }


def _on_one_device(config: Any) -> Any:  # noqa: ANN401
    """The arguments of a trainer that takes one of the devices it sees; it would put a copy of the model on each."""
    config._n_gpu = min(1, config.n_gpu)
    return config


def _of_ranks() -> dict[str, Any]:
    from torch import distributed

    # Every LoRA weight has a gradient in every batch.
    return {"ddp_backend": distributed.get_backend(), "ddp_find_unused_parameters": False}


def _dataset(rows: Sequence[Row], pictures: Pictures, *, opened: bool) -> Dataset:
    """The rows with their number and ``images``, which are opened when a batch asks for them, if at all."""
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()

    def show(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        images = [[pictures.open(item_id)] if opened else [] for item_id in batch["item"]]
        return {**batch, "images": images}

    return Dataset.from_list([{**row, "row": index} for index, row in enumerate(rows)]).with_transform(show)
