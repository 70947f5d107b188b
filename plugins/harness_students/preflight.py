"""Probes before the first step of every training, of what otherwise goes wrong in silence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.api import TrainingError, Workbench
from harness_students.preflight_rig import Rig, answers, lengthened
from harness_students.preflight_text import collator_keeps_keys, mask_is_completion, nothing_truncated
from harness_students.vlm_base import adapted_modules, adapter_sha256
from harness_students.vlm_rows import Row

if TYPE_CHECKING:
    from torch import Tensor

NOISE = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}
"""Differences of a log-probability that the order of additions explains, by the base's type."""

ZERO = {"float32": 1e-4, "float16": 5e-2, "bfloat16": 5e-2}
"""Rewards of equal policies differ by rounding only, also where the reference was computed in other batches.

A wrong reference shows rewards of 0.1 and more."""

LOOKED_AT = 16
"""Rows among which a second picture is looked for."""


def image_matters(rig: Rig) -> float | None:
    """The largest change of a log-probability when another item's picture is shown; None where all are the same."""
    import torch

    rows = _with_two_pictures(rig)
    if rows is None:
        return None
    own = rig.said(rig.batch(rows))
    others = rig.said(rig.batch([{**row, "item": other["item"]} for row, other in zip(rows, rows[::-1], strict=True)]))
    change = max(_difference(*pair) for pair in zip(own, others, strict=True))
    if not change > torch.finfo(rig.model.dtype).eps:
        raise TrainingError(
            f"another picture changes no log-probability (by {change:.2g} at most): the image does not reach the model",
            place="image_matters",
            remedy="use versions of trl and transformers that the constraints file names",
        )
    return change


def batched_equals_single(rig: Rig) -> float:
    """The mean difference of log-probabilities between rows in one batch and each row alone."""
    import torch

    rows = rig.sample()
    together = rig.said(rig.batch(rows))
    alone = [rig.said(rig.batch([row])) for row in rows]
    seen = [0] * len(rows)
    differences = []
    for (place, _, _), said in zip(answers(rows), together, strict=True):
        differences.append((said - alone[place][seen[place]]).abs())
        seen[place] += 1
    difference = float(torch.cat(differences).mean())
    _within(
        difference,
        rig,
        "batched_equals_single",
        f"a row's log-probabilities differ by {difference:.2g} on average from those it has alone",
        "padding reaches the model: set the batch size to 1, or use versions that the constraints file names",
    )
    return difference


def answers_are_unseen(rig: Rig) -> float:
    """How much the first token of an answer depends on the words after it, which it must not."""
    row = rig.sample()[0]
    own, longer = (rig.said(rig.batch([one])) for one in (row, lengthened(row)))
    difference = max(_difference(one[:1], two[:1]) for one, two in zip(own, longer, strict=True))
    _within(
        difference,
        rig,
        "answers_are_unseen",
        f"the first token of an answer changes by {difference:.2g} with those after it: it is told to the prompt",
        "use a processor that marks answers as such, as the families with a preset have",
    )
    return difference


PROBES: Mapping[str, Callable[[Rig], object]] = {
    "adapter_off_vision": lambda rig: len(adapted_modules(rig.model)),
    "collator_keeps_keys": collator_keeps_keys,
    "nothing_truncated": nothing_truncated,
    "mask_is_completion": mask_is_completion,
    "image_matters": image_matters,
    "batched_equals_single": batched_equals_single,
    "answers_are_unseen": answers_are_unseen,
}
"""What is looked at before every training; each raises `TrainingError` or returns what it found."""


def reference_is_start(rig: Rig, start: str) -> str:
    """The reference adapter's digest, which is that of the adapter that training starts from."""
    found = adapter_sha256(rig.model, "ref")
    if found != start:
        raise TrainingError(
            "the reference adapter is not the adapter that training starts from",
            place="reference_is_start",
            remedy="use versions of trl and peft that the constraints file names",
        )
    return found


def rewards_start_at_zero(rewards: Sequence[float], rig: Rig) -> list[float]:
    """Implicit rewards (chosen, rejected) before a step is taken, where the reference is the start."""
    if any(not abs(reward) < ZERO[_numbers(rig)] for reward in rewards):
        raise TrainingError(
            f"the first rewards are {rewards[0]:.2g} and {rewards[1]:.2g}, not 0: "
            "the reference is not the start of the training",
            place="rewards_start_at_zero",
            remedy="use versions of trl and peft that the constraints file names",
        )
    return list(rewards)


def adapter_changes_output(rig: Rig) -> float:
    """The largest change of a log-probability by the trained adapter."""
    batch = rig.batch(rig.sample())
    own = rig.said(batch)
    with rig.model.disable_adapter():
        without = rig.said(batch)
    change = max(_difference(*pair) for pair in zip(own, without, strict=True))
    if change == 0:
        raise TrainingError(
            "the trained adapter changes no log-probability",
            place="adapter_changes_output",
            remedy="use versions of peft and transformers that the constraints file names",
        )
    return change


class Preflight:
    """The probes of one training and what they found, as it goes into the manifest."""

    def __init__(self, rig: Rig, bench: Workbench, start: str | None) -> None:
        """``start`` is the digest of the adapter that is both start and reference, where one is."""
        self._rig, self._bench, self._start = rig, bench, start
        self._found: dict[str, object] = {}

    def take_off(self, rewards: Callable[[], Sequence[float]]) -> None:
        """Everything that can be known before the first step; ``rewards`` are those of the trainer."""
        if self._start is not None:
            self._prove("reference_is_start", reference_is_start(self._rig, self._start))
            self._bench.prove(reference_adapter_sha256=self._start)
        for name, probe in PROBES.items():
            self._prove(name, probe(self._rig))
        if self._start is not None:
            self._prove("rewards_start_at_zero", rewards_start_at_zero(rewards(), self._rig))

    def land(self) -> None:
        """What is known after the last step."""
        if self._start is not None and adapter_sha256(self._rig.model, "ref") != self._start:
            raise TrainingError("training changed the reference adapter", place="reference_is_start")
        self._prove("adapter_changes_output", adapter_changes_output(self._rig))

    def _prove(self, name: str, value: object) -> None:
        self._found[name] = float(f"{value:.3g}") if isinstance(value, float) else value
        self._bench.prove(preflight=dict(self._found))


def _with_two_pictures(rig: Rig) -> list[Row] | None:
    """The first row and the next whose picture is another."""
    first, *rest = rig.rows[:LOOKED_AT]
    shown = rig.pictures.open(first["item"])
    for row in rest:
        picture = rig.pictures.open(row["item"])
        if (picture.size, picture.tobytes()) != (shown.size, shown.tobytes()):
            return [first, row]
    return None


def _difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max()) if len(one) else 0.0


def _within(difference: float, rig: Rig, place: str, cause: str, remedy: str) -> None:
    # A difference that is no number is no agreement either.
    if not difference <= NOISE[_numbers(rig)]:
        raise TrainingError(cause, place=place, remedy=remedy)


def _numbers(rig: Rig) -> str:
    return str(rig.model.dtype).removeprefix("torch.")
