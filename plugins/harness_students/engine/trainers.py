"""TRL's trainers, with batches in our order and checkpoints that hold the adapter alone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from harness_students.engine.batches import BatchOrder
from harness_students.engine.checkpoints import Checkpoints
from harness_students.vlm_base import quiet_peft


@cache
def steered(kind: type) -> type:
    """A trainer's class, TRL's or one made of it, whose instances can be given an order and checkpoints."""
    from torch.utils.data import DataLoader
    from transformers import Trainer

    class Steered(kind):  # type: ignore[misc]
        """Without an order and checkpoints it is what it is made of."""

        order: BatchOrder | None = None
        checkpoints: Checkpoints | None = None

        def get_train_dataloader(self) -> Any:  # noqa: ANN401
            """Batches in the given order, else in the trainer's own."""
            if self.order is None:
                return super().get_train_dataloader()
            loader = DataLoader(
                self.train_dataset,
                batch_sampler=self.order,
                collate_fn=self.data_collator,
                num_workers=self.args.dataloader_num_workers,
                pin_memory=self.args.dataloader_pin_memory,
            )
            return self.accelerator.prepare(loader)

        def _save_checkpoint(self, model: Any, trial: Any) -> None:  # noqa: ANN401
            """Without TRL's model card, which names paths of this machine."""
            Trainer._save_checkpoint(self, model, trial)
            if self.checkpoints is not None:
                self.checkpoints.seal(Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}")

        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ANN401
            """The adapter that is trained; the reference is never read from a checkpoint, so it is not in one."""
            with quiet_peft():
                self.model.save_pretrained(output_dir, selected_adapters=["default"], save_embedding_layers=False)

    Steered.__name__, Steered.__qualname__ = kind.__name__, kind.__qualname__
    return Steered
