"""A teacher that is a multimodal model run by vLLM's offline engine on this machine.

It is written against vLLM's documentation, and no test of this distribution runs it: there vLLM is not installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from harness.api import HarnessError, MissingDependency, Resources, Teacher, hookimpl
from harness_teachers.local_model import Held, LocalModel, Question, Reply, Scores, held, shared
from harness_teachers.picture import data_url


class Vllm(LocalModel):
    """Asks a multimodal model by vLLM's offline engine, in this process and without a server.

    Its options are those of ``transformers``; verdicts are scored from the probabilities of the prompt's tokens.
    Chance is vLLM's own, with a seed for each question.
    """

    name = "vllm"
    transport: ClassVar[frozenset[str]] = frozenset({"batch_size", "tensor_parallel", "memory", "longest_context"})

    tensor_parallel: int = Field(default=1, ge=1)
    """GPUs over which the model is spread."""
    memory: float = Field(default=0.9, gt=0, le=1)
    """Share of the GPUs' memory that the engine takes."""
    longest_context: int | None = Field(default=None, ge=256)
    """Most tokens of question and answer together; by default as many as the model knows. A longer question fails."""
    batch_size: int = Field(default=256, ge=1)
    """Items that are handed over at once; the engine makes its own batches of them."""

    @model_validator(mode="after")
    def _four_bits_at_least(self) -> Self:
        if self.quantize == "8bit":
            raise ValueError("vLLM knows no 8 bits by bitsandbytes; use 4bit, or a model that was quantized when saved")
        return self

    def resources(self) -> Resources:
        """Whole devices, as many as the model is spread over."""
        return Resources(gpus=self.tensor_parallel)

    def engine(self) -> Loaded:
        """The model, loaded once for all that use it at one time."""
        if find_spec("vllm") is None:
            raise MissingDependency("needs vllm", place="teacher vllm", remedy="pip install 'ooc-harness[vllm]'")
        key = ("vllm", self.model, self.dtype, self.quantize, self.tensor_parallel, self.memory, self.longest_context)
        return Loaded(held(key, self._load), self)

    def _load(self) -> Held:
        from vllm import LLM

        more: dict[str, Any] = {} if self.quantize == "none" else {"quantization": "bitsandbytes"}
        if self.quantize == "none":
            # Pickled weights can execute anything.
            more["load_format"] = "safetensors"
        try:
            llm = LLM(
                model=self.model,
                dtype=self.dtype,
                trust_remote_code=False,
                tensor_parallel_size=self.tensor_parallel,
                gpu_memory_utilization=self.memory,
                max_model_len=self.longest_context,
                limit_mm_per_prompt={"image": 1},
                # Published settings sample, or punish repetition, and are no options of ours.
                generation_config="vllm",
                **more,
            )
        except (OSError, ValueError) as error:
            raise HarnessError(
                f"vLLM cannot load {self.model!r}: {str(error).splitlines()[0]}",
                place="teacher vllm",
                remedy="give the folder or the hub id of a multimodal model that vLLM knows",
            ) from error
        return Held(llm)


@dataclass(frozen=True)
class Loaded:
    """An engine on vLLM."""

    held: Held
    options: Vllm

    def generate(self, questions: Sequence[Question], begun: Sequence[str]) -> Sequence[Reply]:
        """The rest of each answer."""
        from vllm import SamplingParams

        chances = [
            SamplingParams(
                temperature=self.options.temperature,
                top_p=self.options.top_p,
                seed=question.seed(self.options.seed),
                max_tokens=self.options.max_new_tokens,
            )
            for question in questions
        ]
        outputs = self._chat(questions, begun, chances)
        return [
            Reply(output.outputs[0].text, len(output.prompt_token_ids), len(output.outputs[0].token_ids))
            for output in outputs
        ]

    def score(self, questions: Sequence[Question], begun: Sequence[str], words: Mapping[str, str]) -> Sequence[Scores]:
        """Sums of the log-probabilities of the tokens in which the two answers differ."""
        from vllm import SamplingParams

        told = [start + words[verdict] for verdict in ("pristine", "falsified") for start in begun]
        # A token must be written; what is asked for are the probabilities of those that are read.
        chances = [SamplingParams(temperature=0.0, max_tokens=1, prompt_logprobs=0) for _ in told]
        outputs = self._chat([*questions, *questions], told, chances)
        scores = []
        for one, other in zip(outputs[: len(questions)], outputs[len(questions) :], strict=True):
            both = shared(one.prompt_token_ids, other.prompt_token_ids)
            scores.append(Scores(_sum(one, both), _sum(other, both), len(one.prompt_token_ids)))
        return scores

    def _chat(self, questions: Sequence[Question], begun: Sequence[str], chances: Sequence[Any]) -> Sequence[Any]:
        """The outputs in the order of the questions; whether answers have begun is the same for all of them."""
        (llm,) = self.held.parts
        goes_on = any(begun)
        outputs: Sequence[Any] = llm.chat(
            [_asked(question, start) for question, start in zip(questions, begun, strict=True)],
            sampling_params=list(chances),
            use_tqdm=False,
            add_generation_prompt=not goes_on,
            continue_final_message=goes_on,
        )
        return outputs


def _asked(question: Question, begun: str) -> list[dict[str, Any]]:
    picture = {"type": "image_url", "image_url": {"url": data_url(question.jpeg)}}
    asked: list[dict[str, Any]] = [{"role": "user", "content": [picture, {"type": "text", "text": question.prompt}]}]
    return [*asked, {"role": "assistant", "content": begun}] if begun else asked


def _sum(output: Any, start: int) -> float:  # noqa: ANN401 - vLLM's RequestOutput
    """Log-probability of the prompt's tokens from ``start`` on."""
    places = zip(output.prompt_token_ids[start:], output.prompt_logprobs[start:], strict=True)
    return sum(float(likely[token].logprob) for token, likely in places)


@hookimpl
def harness_teachers() -> list[type[Teacher]]:
    """A model run by vLLM."""
    return [Vllm]
