"""Students that are vision-language models of transformers, trained by TRL with LoRA."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from harness.api import (
    Accepts,
    Example,
    Item,
    Objective,
    Prediction,
    Student,
    TrainingError,
    Workbench,
    file_digest,
    hookimpl,
)
from harness_students.families import lora_targets
from harness_students.vlm_base import (
    Base,
    Model,
    adapted_modules,
    adapter_sha256,
    load_base,
    open_adapter,
    quiet_peft,
    require_packages,
)
from harness_students.vlm_loading import Attention, Device, Loading, Quantize
from harness_students.vlm_pictures import Pictures
from harness_students.vlm_predict import predict
from harness_students.vlm_rows import LOSSES, Rows, make_rows
from harness_students.vlm_text import PROMPT, TINY_PROMPT, Order
from harness_students.vlm_trl import Schedule, fine_tune, prefer, remove_leftovers

SHIPPED = "tiny_llava"
"""The base that comes with this package, by the name of its folder."""

LOADED = frozenset({".json", ".jinja", ".safetensors", ".model", ".txt"})
"""Suffixes of the files in a model's folder that are read when it is loaded."""


class Vlm(Student):
    """An image-text-to-text model that learns teachers' verdicts and rationales with LoRA.

    Targets are learnt by supervised fine-tuning and preferences by DPO or its kin, with stock TRL trainers.
    LLaVA is what it is tested with.
    """

    name = "vlm"
    transport: ClassVar[frozenset[str]] = frozenset({"device", "attention", "gradient_checkpointing", "threads"})

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
    """Regular expression over names of modules: where LoRA is put; by default every linear layer of the language
    model's blocks, where the family is known. Never the vision side, which is checked."""
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
    max_new_tokens: int = Field(default=256, ge=4)
    """Longest answer; one that is cut off before its verdict is ``unparsable``."""
    predict_batch_size: int = Field(default=8, ge=1)
    """Items that are answered at once."""
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """Type in which the base's weights are held."""
    device: Device = "auto"
    """Where it is trained and asked; ``auto`` is CUDA where there is such a device."""
    attention: Attention = "auto"
    """Implementation of attention; ``auto`` is what transformers takes for the family."""
    gradient_checkpointing: bool | Literal["auto"] = "auto"
    """Whether activations are computed again in the backward pass, to save memory; ``auto`` does so on CUDA."""
    threads: int | None = Field(default=None, ge=1)
    """Processor threads; by default what torch finds."""

    @field_validator("sft", "dpo", mode="before")
    @classmethod
    def _rest_by_default(cls, given: object, info: ValidationInfo) -> object:
        """What a schedule leaves out is this student's own, not every student's."""
        own = cls.model_fields[info.field_name or ""].default
        return {**own.model_dump(mode="json"), **given} if isinstance(given, Mapping) else given

    def digest(self) -> str:
        """Digest of the base's files where it is a folder on this machine."""
        folder = Path(self._location())
        if not folder.is_dir():
            return ""
        return file_digest(*sorted(file for file in folder.iterdir() if file.suffix in LOADED))

    def accepts(self) -> frozenset[Accepts]:
        """Hard targets, and preferences with one rejected answer."""
        return frozenset({Accepts.TARGETS, Accepts.PREFERENCES})

    def losses(self) -> frozenset[str]:
        """TRL's preference losses, less those that need label smoothing."""
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
        base = self._base(bench)
        pictures = Pictures(items)
        rows = make_rows(items, examples, pictures, objective, self.prompt, self.order)
        if examples and not rows.rows:
            raise TrainingError("none of the examples has an image that can be read")
        model = open_adapter(base, start, trainable=True) if start else self._new_adapter(base, bench.seed)
        modules = adapted_modules(model)
        before = adapter_sha256(model)
        bench.prove(
            examples=len(rows.rows),
            examples_without_image=rows.left_out,
            adapted_modules=len(modules),
            adapted_outside_language_model=0,
            start_adapter_sha256=before,
        )
        if rows.rows:
            self._fit(base, model, rows, pictures, objective, bench, before)
            bench.prove(adapter_sha256=_changed(model, before))
        _write(model, Path(self.model).name, bench.out)

    def predict(self, items: Sequence[Item], model: Path | None, bench: Workbench) -> Iterable[Prediction]:
        """Greedy answers; p_falsified is read where the verdict stands, and is missing where it does not."""
        base = self._base(bench)
        adapted = open_adapter(base, model).eval() if model else base.model
        return predict(base, adapted, items, self.prompt, self.order, self.predict_batch_size, self.max_new_tokens)

    def _location(self) -> str:
        return str(Path(__file__).with_name(SHIPPED)) if self.model == SHIPPED else self.model

    def _base(self, bench: Workbench) -> Base:
        require_packages(self.name)
        import torch

        if self.threads:
            torch.set_num_threads(self.threads)
        loading = Loading(self.quantize, self.device, self.attention, self.image_tiles, self.longest_edge)
        key = f"vlm {self.model} {self.dtype} {loading} {self.digest()}"
        return bench.warm(key, lambda: load_base(self._location(), self.dtype, loading))

    def _new_adapter(self, base: Base, seed: int) -> Model:
        """LoRA with weights drawn from the seed; its update is zero."""
        import torch
        from peft import LoraConfig, get_peft_model

        targets = lora_targets(base.model.config.model_type, self.lora_targets)
        torch.manual_seed(seed)
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=targets,
            task_type="CAUSAL_LM",
        )
        try:
            with quiet_peft():
                return get_peft_model(base.branch(), config)
        except ValueError as error:
            raise TrainingError(
                f"LoRA finds no module for {targets!r}",
                remedy="give the student's option 'lora_targets' a pattern of the language model's linear layers",
            ) from error

    def _fit(
        self,
        base: Base,
        model: Model,
        rows: Rows,
        pictures: Pictures,
        objective: Objective,
        bench: Workbench,
        before: str,
    ) -> None:
        again = self._recomputes(model)
        if not rows.pairs:
            fine_tune(model, base.processor, rows.rows, pictures, self.sft, objective, bench, again)
            return
        if objective.reference == "none" and set(objective.losses) != {"sft"}:
            raise TrainingError(
                "TRL's preference losses cannot do without a reference",
                remedy="use the reference 'start' or 'base'",
            )
        if objective.reference == "base":
            prefer(
                model,
                base.processor,
                rows.rows,
                pictures,
                self.dpo,
                objective,
                bench,
                base.branch(),
                checkpointing=again,
            )
            return

        def prove_reference() -> None:
            reference = adapter_sha256(model, "ref")
            bench.prove(reference_adapter_sha256=reference)
            if reference != before:
                raise TrainingError("the reference adapter is not the adapter that training starts from")

        prefer(
            model,
            base.processor,
            rows.rows,
            pictures,
            self.dpo,
            objective,
            bench,
            at_start=prove_reference,
            checkpointing=again,
        )
        if adapter_sha256(model, "ref") != before:
            raise TrainingError("training changed the reference adapter")

    def _recomputes(self, model: Model) -> bool:
        """Whether activations are computed again in the backward pass."""
        if self.gradient_checkpointing == "auto":
            return bool(model.device.type == "cuda")
        return self.gradient_checkpointing


def _changed(model: Model, before: str) -> str:
    after = adapter_sha256(model)
    if after == before:
        raise TrainingError("training left the adapter as it was", remedy="raise the learning rate or the epochs")
    return after


def _write(model: Model, base_name: str, folder: Path) -> None:
    """The adapter alone, with nothing in it that depends on this machine."""
    model.peft_config["default"].base_model_name_or_path = base_name
    model.save_pretrained(str(folder), selected_adapters=["default"], save_embedding_layers=False)
    remove_leftovers(folder)


class TinyLlava(Vlm):
    """A LLaVA of about a million parameters that comes with this package and knows the synthetic news world.

    It can compare a caption with a picture word by word, and has never been told what makes a verdict.
    It is for tests and for trying the harness out; what it achieves says nothing about large models.
    """

    name = "tiny-llava"

    model: str = SHIPPED
    prompt: str = Field(default=TINY_PROMPT, pattern=r"\{caption\}")
    sft: Schedule = Schedule(lr=5e-3, epochs=4, batch_size=32, warmup=0.1, decay="linear")
    dpo: Schedule = Schedule(lr=2e-3, epochs=6, batch_size=8, warmup=0.1, decay="linear")
    max_new_tokens: int = Field(default=32, ge=4)
    predict_batch_size: int = Field(default=128, ge=1)
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"


@hookimpl
def harness_students() -> Iterable[type[Student]]:
    """The general student and the tiny one."""
    return [Vlm, TinyLlava]
