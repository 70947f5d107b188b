"""A student that is a small classifier on given features: the whole method in seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from harness.api import (
    Accepts,
    Example,
    Item,
    Objective,
    Prediction,
    Student,
    Target,
    TrainingError,
    Workbench,
    hookimpl,
    sha256_of,
)
from harness_students.featured import UNTRAINED, Featured
from harness_students.probe_losses import LOSSES, Batch, batch_of, loss_of
from harness_students.probe_model import FILE, Model, fresh, load, one_thread, save

if TYPE_CHECKING:
    from torch import Tensor

# More than rounding, which is zero here as both are computed alike; less than any step of training.
SAME = 1e-6


class Probe(Featured):
    """A linear or one-hidden-layer classifier on features of image and caption, and on similarities to the evidence.

    It goes through both stages as a large student does: targets by their likelihood, hard or soft, and
    preferences by DPO on the verdict's log-odds, with the start of the training as the reference.

    Its base has seen nothing and says 0.5 for every item (falsified, as ties are), so zero-shot is the floor
    of a constant answer. That base is the reference ``base``; for a probe it is the same as ``none``.
    """

    name = "probe"

    hidden: int = Field(default=32, ge=0, le=4096)
    """Units of the hidden layer; 0 for a linear probe."""
    epochs: float = Field(default=30, gt=0)
    """Passes over the examples, where the recipe does not say."""
    lr: float = Field(default=0.01, gt=0)
    """Adam's learning rate, where the recipe does not say."""
    batch_size: int = Field(default=64, ge=1)
    """Examples in a step."""
    weight_decay: float = Field(default=0.1, ge=0)
    """AdamW's decay of weights towards zero."""

    def accepts(self) -> frozenset[Accepts]:
        """Targets, hard or soft, and pairs; weights with either."""
        return frozenset({Accepts.TARGETS, Accepts.SOFT_TARGETS, Accepts.WEIGHTS, Accepts.PREFERENCES})

    def losses(self) -> frozenset[str]:
        """The preference losses of `loss_of`."""
        return frozenset(LOSSES)

    def train(
        self,
        items: Mapping[str, Item],
        examples: Sequence[Example],
        objective: Objective,
        start: Path | None,
        bench: Workbench,
    ) -> None:
        """Train on the examples whose items have the features; without any, the start is written again.

        Inputs are standardised by the training items that the first training was given, labelled or not.
        """
        with one_thread():
            ordered = [items[key] for key in sorted(items)]
            rows = {item.id: row for item, row in self._rows(ordered, bench)}
            usable = self._usable(list(rows.values()))
            model = load(self._inputs, start) if start else fresh(usable, self.hidden, bench.seed)
            learnt = [
                example for example in examples if model.fits(rows[example.item_id]) and _asks_for_verdict(example)
            ]
            bench.prove(
                examples=len(learnt),
                examples_left_out=len(examples) - len(learnt),
                start_sha256=_sha256(start) if start else UNTRAINED,
            )
            if learnt:
                inputs = model.inputs([rows[example.item_id] for example in learnt])
                model = self._fit(model, inputs, batch_of(learnt), objective, start, bench)
            save(model, self._inputs, bench.out)

    def predict(self, items: Sequence[Item], model: Path | None, bench: Workbench) -> Iterator[Prediction]:
        """Probabilities from the log-odds; an item without the features is an ``error``."""
        import torch

        trained = load(self._inputs, model) if model else None
        for item, row in self._rows(items, bench):
            if not (trained.fits(row) if trained else row):
                yield self._said(item, None)
                continue
            with one_thread(), torch.no_grad():
                yield self._said(item, float(trained.logits(trained.inputs([row])).sigmoid()) if trained else 0.5)

    def _fit(
        self, model: Model, inputs: Tensor, batch: Batch, objective: Objective, start: Path | None, bench: Workbench
    ) -> Model:
        """AdamW with a learning rate that falls to zero over the steps; the order of examples is the seed's."""
        import torch

        _check(objective, batch)
        reference = self._reference(model, inputs, batch, objective, start, bench)
        policy = model.trainable()
        optimizer = torch.optim.AdamW(list(policy.weights.values()), weight_decay=self.weight_decay, fused=True)
        order = torch.Generator().manual_seed(bench.seed)
        size = min(self.batch_size, len(inputs))
        steps = math.ceil((objective.epochs or self.epochs) * math.ceil(len(inputs) / size))
        queue: list[Tensor] = []
        for step in range(steps):
            queue = queue or _chunks(torch.randperm(len(inputs), generator=order), size)
            rows = queue.pop(0)
            optimizer.param_groups[0]["lr"] = (objective.lr or self.lr) * (1 - step / steps)
            loss = loss_of(
                policy.logits(inputs[rows]),
                reference[rows],
                batch[rows],
                objective.losses,
                objective.beta,
                objective.gamma,
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            if not queue or step == steps - 1:
                bench.log(step=step + 1, loss=float(loss.detach()))
        return policy

    def _reference(
        self, model: Model, inputs: Tensor, batch: Batch, objective: Objective, start: Path | None, bench: Workbench
    ) -> Tensor:
        """The reference's log-odds (N,); where it is the start, it is read anew and proved to be the policy.

        Raises `TrainingError` where the rewards before the first step are not zero.
        """
        import torch

        origin = start if objective.reference == "start" else None
        with torch.no_grad():
            reference = load(self._inputs, origin).logits(inputs) if origin else torch.zeros(len(inputs))
            rewards = objective.beta * (model.logits(inputs) - reference)[batch.preference > 0].abs()
        if not len(rewards):
            return reference
        first = float(rewards.max())
        bench.prove(
            reference=objective.reference,
            reference_sha256=_sha256(origin) if origin else UNTRAINED,
            first_step_reward=first,
        )
        if objective.reference == "start" and not first <= SAME:
            raise TrainingError(
                f"the first step's rewards are up to {first:.3g} where start and reference must be one", place="probe"
            )
        return reference


def _check(objective: Objective, batch: Batch) -> None:
    if unknown := sorted(set(objective.losses) - set(LOSSES)):
        raise TrainingError(
            f"no preference loss is called {', '.join(unknown)}", place="probe", remedy=f"it knows {', '.join(LOSSES)}"
        )
    if bool(batch.preference.any()) and not objective.losses:
        raise TrainingError(
            "there are preferences, and the objective names no loss for them",
            place="probe",
            remedy="name one in losses, such as sigmoid: 1.0",
        )


def _chunks(order: Tensor, size: int) -> list[Tensor]:
    return [order[first : first + size] for first in range(0, len(order), size)]


def _asks_for_verdict(example: Example) -> bool:
    return not isinstance(example, Target) or example.task == "verdict"


def _sha256(folder: Path) -> str:
    return sha256_of((folder / FILE).read_bytes())


@hookimpl
def harness_students() -> list[type[Student]]:
    """The probe."""
    return [Probe]
