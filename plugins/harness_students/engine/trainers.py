"""TRL's trainers, with batches in our order and checkpoints that hold the adapter alone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from harness_students.engine.batches import BatchOrder
from harness_students.engine.checkpoints import Checkpoints
from harness_students.engine.ranked import RankOrder, Shuffled
from harness_students.vlm_adapter import save


@cache
def steered(kind: type) -> type:
    """A trainer's class, TRL's or one made of it, whose instances can be given an order and checkpoints."""
    from accelerate.data_loader import prepare_data_loader
    from torch.utils.data import DataLoader
    from transformers import Trainer

    class Steered(kind):  # type: ignore[misc]
        """Without an order and checkpoints it is what it is made of."""

        order: BatchOrder | None = None
        pieces = 1
        checkpoints: Checkpoints | None = None

        def get_train_dataloader(self) -> Any:  # noqa: ANN401
            """Batches in the given order, else in the trainer's own."""
            ranks = self.accelerator.num_processes
            order: Any = self.order
            if ranks > 1:
                order = order or Shuffled(self.train_dataset, self._train_batch_size * self.pieces, self.pieces)
                order = RankOrder(order, self.accelerator.process_index, ranks)
            if order is None:
                return super().get_train_dataloader()
            loader = DataLoader(
                self.train_dataset,
                batch_sampler=order,
                collate_fn=self.data_collator,
                num_workers=self.args.dataloader_num_workers,
                pin_memory=self.args.dataloader_pin_memory,
            )
            # It is this rank's own already.
            return prepare_data_loader(loader, self.accelerator.device, 1, 0, put_on_device=True)

        def _save_checkpoint(self, model: Any, trial: Any) -> None:  # noqa: ANN401
            """Without TRL's model card, which names paths of this machine."""
            Trainer._save_checkpoint(self, model, trial)
            # Every rank writes the state of its random numbers.
            self.accelerator.wait_for_everyone()
            if self.checkpoints is not None and self.is_world_process_zero():
                self.checkpoints.seal(Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}")

        def _save(self, output_dir: str, state_dict: Any = None) -> None:  # noqa: ANN401
            """The adapter that is trained; the reference is never read from a checkpoint, so it is not in one."""
            if self.args.should_save:
                save(self.model, output_dir)

    Steered.__name__, Steered.__qualname__ = kind.__name__, kind.__qualname__
    return Steered
