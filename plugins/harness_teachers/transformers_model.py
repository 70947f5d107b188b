"""A teacher that is an image-text-to-text model of transformers, run on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from harness.api import HarnessError, MissingDependency, Resources, Teacher, TrainingError, hookimpl
from harness_students import vlm_loading
from harness_students.vlm_text import asked_with_image
from harness_teachers.local_model import Held, LocalModel, Question, Reply, Scores, held, shared

if TYPE_CHECKING:
    from torch import Tensor

PACKAGES = ("torch", "transformers", "safetensors")


class Transformers(LocalModel):
    """Asks a multimodal model of transformers, without a server.

    A generated answer is read as JSON or in words. A scored verdict is the more probable of the two words at the
    place of the verdict, its probability that of the whole word among the two. No code that comes with a model is
    run, and no pickled weights are read. The model ``tiny_llava`` comes with the students, to try things out.
    """

    name = "transformers"
    transport: ClassVar[frozenset[str]] = frozenset({"batch_size", "device", "gpu_gb"})
    libraries: ClassVar[tuple[str, ...]] = ("harness_students",)

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; auto takes a CUDA device where there is one."""
    gpu_gb: float = Field(default=0.0, ge=0)
    """Memory in GB that it takes of its device, so that other steps may share it; 0 takes the whole device."""

    def resources(self) -> Resources:
        """A device, unless it works on the processor."""
        return Resources(gpus=int(self.device != "cpu"), gpu_gb=self.gpu_gb)

    def location(self) -> str:
        """Where the model is; ``tiny_llava`` comes with the students."""
        return vlm_loading.located(self.model)

    def engine(self) -> Loaded:
        """The model, loaded once for all that use it at one time."""
        if missing := [package for package in PACKAGES if find_spec(package) is None]:
            raise MissingDependency(
                f"needs {', '.join(missing)}", place="teacher transformers", remedy="pip install 'ooc-harness[train]'"
            )
        key = ("transformers", self.location(), self.dtype, self.quantize, self.device)
        return Loaded(held(key, self._load), self)

    def _load(self) -> Held:
        loading = vlm_loading.Loading(quantize=self.quantize, device=self.device)
        try:
            return Held(*vlm_loading.read(self.location(), self.dtype, loading))
        except TrainingError as error:
            # The student's loader speaks of a student's options; they are called so here, too.
            raise HarnessError(
                error.cause,
                place=error.place or "teacher transformers",
                remedy=error.remedy.replace("the student's option", "the teacher's option"),
            ) from error


@dataclass(frozen=True)
class Loaded:
    """An engine on a model of transformers."""

    held: Held
    options: Transformers

    @property
    def model(self) -> Any:  # noqa: ANN401 - models of transformers have no type that holds for all families
        """The model, in evaluation mode."""
        return self.held.parts[0]

    @property
    def processor(self) -> Any:  # noqa: ANN401 - nor have processors
        """Its processor, with a chat template."""
        return self.held.parts[1]

    def generate(self, questions: Sequence[Question], begun: Sequence[str]) -> Sequence[Reply]:
        """The rest of each answer, batched; with a temperature each answer is drawn by its own seed."""
        import torch
        from transformers import LogitsProcessorList

        inputs = self.inputs(questions, begun)
        drawn = [Draw(questions, self.options)] if self.options.temperature > 0 else []
        model = self.model
        with torch.inference_mode():
            sequences = model.generate(
                **inputs,
                do_sample=False,
                num_beams=1,
                max_new_tokens=self.options.max_new_tokens,
                logits_processor=LogitsProcessorList(drawn),
            )
        new = sequences[:, inputs["input_ids"].shape[1] :].tolist()
        read = inputs["attention_mask"].sum(1).tolist()
        ends = _ends(model.generation_config.eos_token_id)
        return [self._reply(tokens, int(count), ends) for tokens, count in zip(new, read, strict=True)]

    def score(self, questions: Sequence[Question], begun: Sequence[str], words: Mapping[str, str]) -> Sequence[Scores]:
        """Sums of the log-probabilities of the tokens in which the two answers differ."""
        import torch

        pristine, falsified = ([start + words[verdict] for start in begun] for verdict in ("pristine", "falsified"))
        inputs = self.inputs([*questions, *questions], [*pristine, *falsified])
        rows = [
            ids[mask.bool()].tolist() for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"], strict=True)
        ]
        common = [shared(one, other) for one, other in zip(rows[: len(questions)], rows[len(questions) :], strict=True)]
        lengths = [len(row) - both for row, both in zip(rows, common * 2, strict=True)]
        with torch.inference_mode():
            logits = self.model(**inputs, logits_to_keep=max(lengths) + 1).logits[:, -max(lengths) - 1 : -1]
        likelihoods = logits.float().log_softmax(-1)  # (2B, K, V), of the last K tokens
        last = inputs["input_ids"][:, -max(lengths) :, None]
        gathered = likelihoods.gather(-1, last)[..., 0].tolist()  # (2B, K)
        sums = [sum(row[len(row) - length :]) for row, length in zip(gathered, lengths, strict=True)]
        return [
            Scores(one, other, len(row), self._too_long(len(row), 0))
            for one, other, row in zip(sums[: len(questions)], sums[len(questions) :], rows, strict=False)
        ]

    def inputs(self, questions: Sequence[Question], begun: Sequence[str]) -> Any:  # noqa: ANN401 - a BatchFeature
        """The questions in the model's own chat template, each followed by what its answer begins with."""
        texts = [
            self.processor.apply_chat_template(
                asked_with_image(question.prompt), add_generation_prompt=True, tokenize=False
            )
            + start
            for question, start in zip(questions, begun, strict=True)
        ]
        return self.processor(
            text=texts,
            images=[[question.picture()] for question in questions],
            padding=True,
            padding_side="left",
            add_special_tokens=False,
            return_tensors="pt",
        ).to(self.model.device)

    def _reply(self, tokens: list[int], read: int, ends: frozenset[int]) -> Reply:
        written = next((place + 1 for place, token in enumerate(tokens) if token in ends), len(tokens))
        text = self.processor.tokenizer.decode(tokens[:written], skip_special_tokens=True)
        return Reply(text, read, written, self._too_long(read, self.options.max_new_tokens))

    def _too_long(self, read: int, written: int) -> str:
        """What is wrong with so many tokens, if anything: past its positions a model silently writes nonsense."""
        config = getattr(self.model.config, "text_config", self.model.config)
        most = getattr(config, "max_position_embeddings", None)
        if most is None or read + written <= most:
            return ""
        return f"The question has {read:,} tokens and its answer up to {written:,}; the model takes {most:,} together."


class Draw:
    """A logits processor after which the most probable token is one drawn with temperature and top-p.

    Gumbel noise does that, and each row has its own: an answer does not depend on what it is batched with.
    """

    def __init__(self, questions: Sequence[Question], options: LocalModel) -> None:
        import torch
        from transformers import TopPLogitsWarper

        self._sources = [torch.Generator().manual_seed(question.seed(options.seed)) for question in questions]
        self._temperature = options.temperature
        self._top_p = TopPLogitsWarper(options.top_p) if options.top_p < 1 else None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        import torch

        scores = scores.float() / self._temperature  # (B, V)
        if self._top_p:
            scores = self._top_p(input_ids, scores)
        noise = [-torch.empty(scores.shape[1]).exponential_(generator=source).log() for source in self._sources]
        return scores + torch.stack(noise).to(scores.device)


def _ends(tokens: int | list[int] | None) -> frozenset[int]:
    return frozenset([tokens] if isinstance(tokens, int) else tokens or ())


@hookimpl
def harness_teachers() -> list[type[Teacher]]:
    """A model of transformers."""
    return [Transformers]
