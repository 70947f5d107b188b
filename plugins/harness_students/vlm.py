"""Students that are vision-language models of transformers, trained by TRL with LoRA."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from harness.api import (
    Accepts,
    Example,
    Exported,
    Item,
    Job,
    Objective,
    Prediction,
    Student,
    TrainingError,
    Workbench,
    folder_digest,
    hookimpl,
)
from harness_students.engine.batches import Batches
from harness_students.engine.engage import features_of
from harness_students.engine.switches import Engine
from harness_students.placed import Placed
from harness_students.preflight import Preflight
from harness_students.preflight_rig import Rig, rig_of
from harness_students.ranks import train_on_ranks
from harness_students.vlm_adapter import changed, new_adapter, write
from harness_students.vlm_base import (
    Base,
    Model,
    adapted_modules,
    adapter_sha256,
    load_base,
    open_adapter,
    require_packages,
)
from harness_students.vlm_export import base_name, described, merge, name_base
from harness_students.vlm_loading import Attention, Loading, Quantize, located
from harness_students.vlm_many import Enter, train_together
from harness_students.vlm_objective import LOSSES
from harness_students.vlm_pictures import Pictures
from harness_students.vlm_predict import checked, predict, predict_scored
from harness_students.vlm_rows import Rows, make_rows
from harness_students.vlm_schedule import Schedule
from harness_students.vlm_scoring import Verdicts
from harness_students.vlm_text import PROMPT, Order
from harness_students.vlm_trl import Drive, build_trainer, first_rewards, run

if TYPE_CHECKING:
    from transformers import Trainer

LOADED = frozenset({".json", ".jinja", ".safetensors", ".model", ".txt"})
"""Suffixes of the files in a model's folder that are read when it is loaded."""


class Vlm(Placed):
    """An image-text-to-text model that learns teachers' verdicts and rationales with LoRA.

    Targets are learnt by supervised fine-tuning and preferences by DPO or its kin: by stock TRL trainers where these
    can express the objective, else by the same trainers with our losses. What a training will use is probed before
    its first step, and what the probes found is in its manifest. Tested with tiny models of LLaVA, LLaVA-Next,
    Idefics3, PaliGemma and Gemma 3.
    """

    name = "vlm"
    transport: ClassVar[frozenset[str]] = frozenset(
        {
            "device",
            "attention",
            "gradient_checkpointing",
            "threads",
            "together",
            "engine",
            "checkpoint_minutes",
            "agreement_sample",
            "gpus",
            "shard",
            "gpu_gb",
            "ram_gb",
        }
    )

    model: str = "llava-hf/llava-v1.6-vicuna-7b-hf"
    """Folder or hub id of the base; ``tiny_llava`` is the one that comes with this package."""
    prompt: str = Field(default=PROMPT, pattern=r"\{caption\}")
    """The question; ``{caption}`` stands for the caption."""
    order: Order = "rationale-first"
    """Whether an answer gives its reasons before its verdict or after it."""
    rank: int = Field(default=16, ge=1, le=1024)
    """Rank r of the LoRA matrices."""
    alpha: float = Field(default=32.0, gt=0)
    """LoRA's scale: the update is multiplied by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout before the LoRA matrices, in fine-tuning."""
    lora_targets: str | None = None
    """Regular expression over the names of modules that get LoRA, never of the vision side; by default the family's."""
    quantize: Quantize = "none"
    """Whether the frozen language model is held in 4 or 8 bits (QLoRA), for which bitsandbytes and CUDA are needed."""
    image_tiles: int | None = Field(default=None, ge=1)
    """Most tiles that a picture is cut into, beside its overview, where the processor cuts pictures."""
    longest_edge: int | None = Field(default=None, ge=1)
    """Pixels of the edge that pictures are scaled to, where the processor scales by the longest."""
    sft: Schedule = Schedule(lr=2e-4, epochs=2)
    """Schedule of trainings on targets alone."""
    dpo: Schedule = Schedule(lr=2e-5, epochs=1)
    """Schedule of trainings with preferences."""
    verdicts: Verdicts = "auto"
    """Whether a verdict is read from a ``generated`` answer or ``scored``; ``auto`` scores where it comes first."""
    agreement_sample: int = Field(default=16, ge=0)
    """Items of which an answer is generated too where verdicts are scored, to record how often both agree."""
    max_new_tokens: int = Field(default=256, ge=4)
    """Longest answer; one that is cut off before its verdict is ``unparsable``."""
    predict_batch_size: int = Field(default=8, ge=1)
    """Items that are answered at once."""
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """Type in which the base's weights are held."""
    batches: Batches = "items"
    """Which rows make a batch: ``random`` ones, all rows of an ``item``, or such of like ``lengths``."""
    engine: Engine = Engine()
    """What makes a training cheaper and leaves its losses as they are; ``off`` turns all of it off."""
    checkpoint_minutes: float | None = Field(default=10, ge=0)
    """How often a training can be taken up again after a kill; 0 is after every step, none is never."""
    attention: Attention = "auto"
    """Implementation of attention; ``auto`` is what transformers takes for the family."""
    gradient_checkpointing: bool | Literal["auto"] = "auto"
    """Whether activations are computed again in the backward pass, to save memory; ``auto`` does so on CUDA."""

    @model_validator(mode="after")
    def _scored_first(self) -> Vlm:
        if self.verdicts == "scored" and self.order != "verdict-first":
            raise ValueError("a verdict can be scored only where it comes first: set 'order' to verdict-first")
        return self

    @model_validator(mode="after")
    def _divisible(self) -> Vlm:
        if self.shard and (self.quantize != "none" or not self.engine.reference):
            raise ValueError("'shard' needs quantize: none and the engine's mechanism reference")
        for name, schedule in (("sft", self.sft), ("dpo", self.dpo)):
            try:
                schedule.spread(self.ranks)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return self

    @field_validator("sft", "dpo", mode="before")
    @classmethod
    def _rest_by_default(cls, given: object, info: ValidationInfo) -> object:
        """What a schedule leaves out is this student's own, not every student's."""
        own = cls.model_fields[info.field_name or ""].default
        return {**own.model_dump(mode="json"), **given} if isinstance(given, Mapping) else given

    def digest(self) -> str:
        """Digest of the base's files where it is a folder on this machine."""
        return folder_digest(self._location(), LOADED)

    def accepts(self) -> frozenset[Accepts]:
        """Everything that an example can say."""
        return frozenset(Accepts)

    def losses(self) -> frozenset[str]:
        """TRL's preference losses, less those that need label smoothing, and ours (`vlm_losses`)."""
        return LOSSES

    def train(
        self,
        items: Mapping[str, Item],
        examples: Sequence[Example],
        objective: Objective,
        start: Path | None,
        bench: Workbench,
    ) -> None:
        """Train a LoRA adapter and write it; without examples it is written as it was at the start."""
        job = Job(items, examples, objective, start, bench)
        if self.ranks > 1 and examples:
            train_on_ranks(self._train, job, self.ranks, self.device)
        else:
            self._train(job)

    def train_many(self, jobs: Sequence[Job]) -> None:
        """Train the adapters on one base, their batches together. With dropout, which is random, each is done alone."""
        if self.dropout or len(jobs) < 2:
            super().train_many(jobs)
        else:
            train_together(self._base(jobs[0].bench), [partial(self._train, job) for job in jobs])

    def _train(self, job: Job, enter: Enter = lambda _: None) -> None:
        items, examples, objective, start, bench = job.items, job.examples, job.objective, job.start, job.bench
        base = self._base(bench, shards=self.ranks if self.shard else 1)
        pictures = Pictures(items)
        rows = make_rows(items, examples, pictures, objective, self.prompt, self.order)
        if examples and not rows.rows:
            raise TrainingError("none of the examples has an image that can be read")
        fresh = partial(new_adapter, base, self.lora_targets, self.rank, self.alpha, self.dropout, bench.seed)
        model = open_adapter(base, start, trainable=True) if start else fresh()
        before = adapter_sha256(model)
        bench.prove(
            examples=rows.examples,
            examples_without_image=rows.left_out,
            adapted_modules=len(adapted_modules(model)),
            adapted_outside_language_model=0,
            start_adapter_sha256=before,
        )
        if rows.rows:
            self._fit(base, model, rows, pictures, objective, bench, before, enter)
            bench.prove(adapter_sha256=changed(model, before))
        write(model, Path(self.model).name, bench.out)

    def predict(self, items: Sequence[Item], model: Path | None, bench: Workbench) -> Iterable[Prediction]:
        """Verdicts scored, or greedy answers; of these p_falsified is read where the verdict stands, if it does."""
        base = self._base(bench, split=self.shard)
        adapted = open_adapter(base, model).eval() if model else base.model
        features = features_of(base, bench) if self.engine.features else None
        size = max(1, self.predict_batch_size >> bench.halvings)
        ask = partial(predict, base, adapted, prompt=self.prompt, batch_size=size, features=features)
        ask = partial(ask, order=self.order, max_new_tokens=self.max_new_tokens)
        if self.verdicts == "generated" or self.order == "rationale-first":
            return ask(items)
        scored = predict_scored(base, adapted, items, self.prompt, size, features)
        return checked(scored, items, ask, self.agreement_sample, bench)

    def export(self, model: Path, merged: bool, bench: Workbench) -> Exported:
        """The adapter as peft loads it, or a model of transformers whose log-probabilities are proved to agree.

        The processor stands beside either, as it was in training.
        """
        base = base_name(self.model)
        if merged:
            bench.prove(merged_log_prob_difference=merge(self._base(bench), model, bench.out, self.prompt))
        else:
            super().export(model, merged, bench)
            name_base(bench.out, base)
            self._base(bench).processor.save_pretrained(str(bench.out))
        return described(base, self.prompt, self.rank, self.dtype, self.max_new_tokens, merged=merged)

    def _location(self) -> str:
        return located(self.model)

    def _base(self, bench: Workbench, shards: int = 1, split: bool = False) -> Base:
        require_packages(self.name)
        import torch

        if self.threads:
            torch.set_num_threads(self.threads)
        digest = self.digest()
        bounds = self.image_tiles, self.longest_edge
        loading = Loading(self.quantize, self.device, self.attention, *bounds, shards, split)
        return bench.warm(
            f"vlm {self.model} {self.dtype} {loading} {digest}",
            lambda: load_base(self._location(), self.dtype, digest, loading),
        )

    def _fit(
        self,
        base: Base,
        model: Model,
        rows: Rows,
        pictures: Pictures,
        objective: Objective,
        bench: Workbench,
        before: str,
        enter: Enter,
    ) -> None:
        spare = self.gradient_checkpointing
        recompute = model.device.type == "cuda" if spare == "auto" else spare
        own = self.dpo if rows.pairs else self.sft
        schedule = own.halved(bench.halvings).spread(self.ranks)
        pieces = own.batch_size // schedule.batch_size
        # The vision side of a sharded base works within the whole model alone.
        engine = self.engine.model_copy(update={"features": False}) if self.shard else self.engine
        drive = Drive(engine, self.batches, self.checkpoint_minutes, base.digest, recompute, pieces, self.ranks)
        apart = rows.pairs and objective.reference == "base" and not self.engine.reference
        build = partial(build_trainer, model, base.processor, rows.rows, pictures, schedule, objective, bench, drive)
        trainer = build(base.branch() if apart else None)
        start = before if rows.pairs and objective.reference == "start" else None
        flight = Preflight(self._rig(trainer, base, rows, pictures), bench, start)
        flight.take_off(partial(first_rewards, trainer, schedule.batch_size))
        run(trainer, objective, bench, enter)
        flight.land()

    def _rig(self, trainer: Trainer, base: Base, rows: Rows, pictures: Pictures) -> Rig:
        """What the trainer is about to use, for the probes."""
        return rig_of(trainer, base.processor, rows.rows, pictures)


@hookimpl
def harness_students() -> Iterable[type[Student]]:
    """The general student."""
    return [Vlm]
