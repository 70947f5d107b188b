"""A teacher that asks a multimodal model behind an OpenAI-compatible server."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic import Field, JsonValue, field_validator

from harness.api import Annotation, HarnessError, Item, Preview, Teacher, UnreadableImage, Usage, canonical, hookimpl
from harness_teachers import openai_reply as reply
from harness_teachers.drawing import Give, draw
from harness_teachers.openai_calls import Calls, Patience
from harness_teachers.openai_endpoint import Endpoint, Trouble
from harness_teachers.openai_limits import Limits
from harness_teachers.openai_question import Abilities, Logprobs, Structured, messages, secret_names
from harness_teachers.picture import data_url, encode
from harness_teachers.prompt import Prompt

OWN = frozenset(
    {"model", "messages", "stream", "n", "temperature", "top_p", "max_tokens", "max_completion_tokens", "seed"}
    | {"response_format", "logprobs", "top_logprobs"}
)
"""What a question holds by options of its own."""

TYPICAL_TOKENS = 1_500
"""What a call is taken to cost until one was answered: a picture and a prompt."""


class OpenAI(Teacher):
    """Asks a model behind an OpenAI-compatible server (vLLM, SGLang, Ollama, `transformers serve`, a provider).

    As many questions are open at once as the server carries: it begins with two, goes on to more with every answer,
    and back where the server refuses. A model that declines has ``refused``; an answer that states no verdict, or
    both, is ``unparsable``; an item whose image cannot be read, or that was asked about in vain, is an ``error``.
    Where the server answers nobody, the step fails at once, and another run goes on from there.

    The key comes from the environment and goes to the server; it is in no file and in no message.
    """

    name = "openai"
    revision = 1
    transport = frozenset(
        {"base_url", "api_key_env", "timeout_s", "retries", "backoff_s", "longest_wait_s", "outage_after"}
        | {"max_concurrency", "requests_per_minute", "tokens_per_minute"}
        | {"usd_per_million_input", "usd_per_million_output", "usd_per_image"}
    )

    model: str = Field(default="Qwen/Qwen2.5-VL-7B-Instruct", min_length=1)
    """What the server calls the model."""
    prompt: Prompt = Prompt()
    """What it is asked: a built-in template's name, or the path of a template."""
    send_image: bool = True
    """Whether the model is shown the image."""
    max_side: int = Field(default=1024, ge=32, le=4096)
    """Pixels of the image's longer side; larger images are scaled down before they are sent."""
    quality: int = Field(default=90, ge=30, le=100)
    """JPEG quality of the image that is sent."""
    temperature: float | None = Field(default=0.0, ge=0, le=2)
    """Randomness of the answer; none leaves it to the server, as some models demand."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Share of the likeliest tokens from which is drawn; none leaves it to the server."""
    max_tokens: int = Field(default=512, ge=1, le=131_072)
    """Longest answer, in tokens."""
    seed: int | None = None
    """The server's seed; none sends none."""
    extra_body: Mapping[str, JsonValue] = Field(default_factory=dict)
    """Further parameters that the server knows, sent as they are; part of the identity, and no place for keys."""
    structured: Structured = "auto"
    """How the server is asked to hold the model to the form of an answer; auto takes what it has."""
    logprobs: Logprobs = "auto"
    """Whether P(falsified) is read from the probabilities of the verdict's tokens; auto where the server gives them."""

    base_url: str = Field(default="http://localhost:8000/v1", pattern=r"^https?://[^\s@?#]+$")
    """The server's address, up to and without ``/chat/completions``."""
    api_key_env: str = Field(default="OPENAI_API_KEY", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of the environment variable with the key; where it is not set, none is sent."""
    timeout_s: float = Field(default=120, gt=0)
    """Seconds to wait for one answer."""
    retries: int = Field(default=5, ge=0, le=20)
    """How often an item is asked about again where there was no answer."""
    backoff_s: float = Field(default=0.5, gt=0, le=60)
    """Seconds before the first of these attempts; doubled from one to the next."""
    longest_wait_s: float = Field(default=300, gt=0)
    """Longest wait that the server may ask for; where it asks for more, the step fails."""
    outage_after: int = Field(default=10, ge=1)
    """Items in a row that come to nothing, while nobody is answered, after which the step fails; they may be at fault
    themselves where this is all that is left to ask about."""
    max_concurrency: int = Field(default=64, ge=1, le=1024)
    """Most questions that are open at once."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """Most questions in a minute; none is no limit."""
    tokens_per_minute: float | None = Field(default=None, gt=0)
    """Most tokens in a minute, read and written; none is no limit."""
    usd_per_million_input: float | None = Field(default=None, ge=0)
    """Price of a million tokens read, in US dollars; none where it is not known, 0 where it is free."""
    usd_per_million_output: float | None = Field(default=None, ge=0)
    """Price of a million tokens written, in US dollars; none where it is not known, 0 where it is free."""
    usd_per_image: float = Field(default=0.0, ge=0)
    """Price of an image, in US dollars, where it is not counted in tokens."""

    @field_validator("extra_body")
    @classmethod
    def _no_keys(cls, body: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        """The value is part of the identity, which is stored."""
        if secrets := sorted(secret_names(body)):
            raise ValueError(f"{', '.join(secrets)} looks like a key: put it into the environment, see api_key_env")
        if own := sorted(OWN & body.keys()):
            raise ValueError(f"{', '.join(own)} is an option of its own, or fixed")
        canonical(body)
        return body

    def digest(self) -> str:
        """Digest of the prompt's template."""
        return self.prompt.digest()

    def reads(self) -> frozenset[str]:
        """The image, and the evidence where the prompt speaks of it."""
        return self.prompt.reads() | ({"image"} if self.send_image else set())

    def preview(self, item: Item) -> Preview:
        """The prompt and the picture as they are sent."""
        if self.send_image and item.image is None:
            raise UnreadableImage("There is no image.", place=item.id)
        shown = encode(item.image, self.max_side, self.quality) if self.send_image and item.image else None
        return Preview(self.prompt.render(item), shown)

    def annotate(self, items: Sequence[Item]) -> Iterator[Annotation]:
        """Answers as they come; calls that are under way when the iterator is closed are cancelled."""
        return draw(partial(self._annotate, items)) if items else iter(())

    async def _annotate(self, items: Sequence[Item], give: Give) -> None:
        key = os.environ.get(self.api_key_env, "").strip()
        endpoint = Endpoint(self.base_url, key, self.api_key_env, self.timeout_s)
        talk = _Talk(self, endpoint)
        limits = Limits(self.max_concurrency, self.requests_per_minute, self.tokens_per_minute, TYPICAL_TOKENS)
        patience = Patience(self.retries, self.backoff_s, self.longest_wait_s, self.outage_after)
        try:
            calls = Calls(self.question, talk.ask, limits, patience, partial(self._no_answer, has_key=bool(key)))
            await calls.run(items, self.max_concurrency, give)
        finally:
            await endpoint.close()

    def question(self, item: Item) -> dict[str, Any] | Annotation:
        """What is sent about an item, less what servers differ in; an ``error`` where its image cannot be read."""
        picture = ""
        if self.send_image:
            try:
                if item.image is None:
                    raise UnreadableImage("There is no image.")
                picture = data_url(encode(item.image, self.max_side, self.quality))
            except UnreadableImage as error:
                return Annotation(item.id, "error", rationale=error.cause, usage=Usage(calls=0))
        chosen = {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        return {
            "model": self.model,
            "messages": messages(self.prompt.render(item), picture),
            "max_tokens": self.max_tokens,
            **{name: value for name, value in chosen.items() if value is not None},
            **({"extra_body": dict(self.extra_body)} if self.extra_body else {}),
        }

    def priced(self) -> bool:
        """Whether both prices are given."""
        return self.usd_per_million_input is not None and self.usd_per_million_output is not None

    def price(self) -> reply.Price:
        """What an answer costs."""
        return reply.Price(self.usd_per_million_input or 0.0, self.usd_per_million_output or 0.0, self.usd_per_image)

    def _no_answer(self, seen: str, *, has_key: bool) -> HarnessError:
        key = f"the key in {self.api_key_env}" if has_key else f"the key ({self.api_key_env} is not set)"
        return HarnessError(
            f"{self.model} does not answer: {seen}",
            place=f"{self.base_url.rstrip('/')}/chat/completions",
            remedy=f"check the server, base_url, model and {key}; then run again: answers so far are kept",
        )


class _Talk:
    """One run's talk with a server, which may turn out not to understand parts of a question."""

    def __init__(self, teacher: OpenAI, endpoint: Endpoint) -> None:
        self._teacher, self._endpoint = teacher, endpoint
        self._abilities = Abilities(teacher.structured, teacher.logprobs, teacher.prompt.answer_order)

    async def ask(self, item: Item, plain: Mapping[str, Any]) -> Annotation | Trouble:
        """An annotation, or what went wrong; a question that is not understood is put more simply at once."""
        abilities, learnt = self._abilities, False
        while True:
            sent = abilities.question(plain)
            body = await self._endpoint.ask(sent)
            if not isinstance(body, Trouble):
                # Learnt from an answer alone: what was rejected may have been the item.
                if learnt:
                    self._abilities = abilities
                return self._read(item, body)
            if body.kind == "filtered":
                return Annotation(item.id, "refused", rationale=body.seen, usage=Usage(calls=1))
            simpler = abilities.without(body.seen, sent) if body.kind == "rejected" else None
            if simpler is None:
                return body
            abilities, learnt = simpler, True

    def _read(self, item: Item, body: Mapping[str, Any]) -> Annotation | Trouble:
        if not reply.is_answer(body):
            return Trouble("broken", "the server's answer holds no message")
        usage = self._teacher.price().usage(body, images=int(self._teacher.send_image))
        said = reply.read(item.id, body, self._teacher.prompt.answer_order, usage)
        # A server that says the key must not bring it into the store.
        scrub = self._endpoint.scrub
        audit = {name: scrub(text) for name, text in reply.audit(body).items()}
        return replace(said, rationale=scrub(said.rationale), audit=audit)


@hookimpl
def harness_teachers() -> list[type[Teacher]]:
    """Models behind OpenAI-compatible servers."""
    return [OpenAI]
