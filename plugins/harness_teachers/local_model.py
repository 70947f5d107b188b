"""Teachers that are models on this machine: what they are asked, and how their verdicts are taken."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol
from weakref import WeakValueDictionary

from pydantic import Field

from harness.api import (
    VERDICTS,
    Annotation,
    Image,
    Item,
    Preview,
    Teacher,
    UnreadableImage,
    Usage,
    digest,
    file_digest,
    seed_from,
    sha256_of,
    verdict_of,
)
from harness_teachers.answer import READ_CHARACTERS, Answer, read_answer, readable
from harness_teachers.picture import encode
from harness_teachers.prompt import Prompt

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

LOADED = frozenset({".json", ".jinja", ".safetensors", ".model", ".txt"})
"""Suffixes of the files in a model's folder that are read when it is loaded."""

BEGUN = '{"verdict": "'
"""How an answer begins that the built-in prompts ask for."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about an item: words, and the bytes of a JPEG."""

    item_id: str
    prompt: str
    jpeg: bytes

    def picture(self) -> Picture:
        """The picture as the model is shown it."""
        return Image(partial(bytes, self.jpeg), "the picture").open()

    def seed(self, seed: int) -> int:
        """A seed of this question's own, whatever else is asked with it."""
        return seed_from(seed, self.prompt, sha256_of(self.jpeg))


@dataclass(frozen=True, slots=True)
class Reply:
    """What was generated after what an answer began with, and how many tokens were read and written.

    ``trouble`` says why there is no answer, where there is none.
    """

    text: str
    read: int
    written: int
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Scores:
    """Log-probabilities of two ways to go on, and how many tokens were read; ``trouble`` as in a reply."""

    pristine: float
    falsified: float
    read: int
    trouble: str = ""

    @property
    def p_falsified(self) -> float:
        """The probability of falsified if it is one of the two."""
        return 1 / (1 + exp(max(-700.0, min(700.0, self.pristine - self.falsified))))


class Engine(Protocol):
    """A loaded model. ``begun`` are the words with which each answer begins, maybe none."""

    def generate(self, questions: Sequence[Question], begun: Sequence[str]) -> Sequence[Reply]:
        """The rest of each answer."""
        ...

    def score(self, questions: Sequence[Question], begun: Sequence[str], words: Mapping[str, str]) -> Sequence[Scores]:
        """How probable either verdict's words are as what comes next."""
        ...


class Held:
    """What was loaded, for as long as somebody uses it."""

    def __init__(self, *parts: Any) -> None:  # noqa: ANN401 - models and processors have no types that hold for all
        self.parts = parts


@cache
def _held() -> WeakValueDictionary[tuple[object, ...], Held]:
    return WeakValueDictionary()


def held(key: tuple[object, ...], load: Callable[[], Held]) -> Held:
    """What was loaded under the key, or is now: several samples of one model need it once."""
    found = _held().get(key)
    if found is None:
        found = load()
        _held()[key] = found
    return found


class LocalModel(Teacher):
    """What every teacher that is a model on this machine can be told.

    An image that cannot be decoded is an ``error``, and so is a question that leaves no room for an answer. Answers
    that are cut off before their verdict are ``unparsable``. The same questions give the same answers with one version
    of the packages on one kind of processor, whatever the batches: chance, too, is drawn for each question apart.
    """

    transport: ClassVar[frozenset[str]] = frozenset({"batch_size"})

    model: str = "HuggingFaceM4/Idefics3-8B-Llama3"
    """Folder or hub id of an image-text-to-text model with a chat template and weights as safetensors."""
    prompt: Prompt = Prompt()
    """What is asked: name of a built-in prompt, path of a template, or a prompt's options."""
    verdicts: Literal["generated", "scored"] = "generated"
    """Whether a verdict is read in the generated answer, or is the more probable of the two words where it stands."""
    begun: str | None = None
    """What stands before a scored verdict; by default the answer in JSON that the built-in prompts ask for."""
    rationale: bool = True
    """Whether a scored verdict has a rationale, which is generated."""
    max_side: int = Field(default=1024, ge=28, le=8192)
    """Pixels of the image's longer side; larger images are scaled down before they are shown."""
    quality: int = Field(default=90, ge=10, le=100)
    """Quality of the JPEG that is shown; the same for every teacher that is shown pictures."""
    max_new_tokens: int = Field(default=512, ge=1)
    """Longest answer, in tokens."""
    temperature: float = Field(default=0.0, ge=0, le=5)
    """Randomness of what is generated; 0 takes the most probable token. Scored verdicts know no chance."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Share of the probability within which tokens are drawn."""
    seed: int = Field(default=0, ge=0)
    """Which answers are drawn where the temperature is above 0."""
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """Type in which the weights are held."""
    quantize: Literal["none", "8bit", "4bit"] = "none"
    """Whether the language model's weights are held in 8 or 4 bits, by bitsandbytes on a CUDA device."""
    batch_size: int = Field(default=8, ge=1)
    """Items that are asked about at once."""

    def reads(self) -> frozenset[str]:
        """The image, and what the prompt speaks of."""
        return frozenset({"image"}) | self.prompt.reads()

    def digest(self) -> str:
        """Digest of the prompt's template, and of the model's files where it is a folder on this machine."""
        folder = Path(self.location())
        files = sorted(file for file in folder.iterdir() if file.suffix in LOADED) if folder.is_dir() else ()
        return digest([self.prompt.digest(), file_digest(*files)])

    def location(self) -> str:
        """Where the model is."""
        return self.model

    def preview(self, item: Item) -> Preview:
        """The prompt and the picture; the model's own chat template is put around them."""
        question = self.question(item)
        return Preview(question.prompt, question.jpeg)

    def annotate(self, items: Sequence[Item]) -> Iterator[Annotation]:
        """Answers in the order of the items, batch by batch; the model is loaded for the first one."""
        waiting = iter(items)
        engine: Engine | None = None
        while batch := list(islice(waiting, self.batch_size)):
            questions = []
            for item in batch:
                try:
                    questions.append(self.question(item))
                except UnreadableImage as error:
                    yield Annotation(item.id, "error", rationale=error.cause, usage=Usage(calls=0))
            if questions:
                engine = engine or self.engine()
                yield from (self._generated if self.verdicts == "generated" else self._scored)(engine, questions)

    @abstractmethod
    def engine(self) -> Engine:
        """The loaded model."""

    def question(self, item: Item) -> Question:
        """What is asked about an item; raises `UnreadableImage`."""
        if item.image is None:
            raise UnreadableImage("There is no image.")
        return Question(item.id, self.prompt.render(item), encode(item.image, self.max_side, self.quality))

    def _generated(self, engine: Engine, questions: Sequence[Question]) -> Iterator[Annotation]:
        replies = engine.generate(questions, [""] * len(questions))
        for question, reply in zip(questions, replies, strict=True):
            if reply.trouble:
                yield _error(question, reply.trouble, reply.read)
                continue
            answer = read_answer(reply.text, self.prompt.answer_order)
            yield _annotation(question, answer, Usage(1, reply.read, reply.written), reply.text)

    def _scored(self, engine: Engine, questions: Sequence[Question]) -> Iterator[Annotation]:
        """Reasons come before the score or after it, as the prompt asks; either is seen by the other."""
        first = self.rationale and self.prompt.answer_order == "rationale-first"
        last = self.rationale and not first
        replies = engine.generate(questions, [""] * len(questions)) if first else [Reply("", 0, 0)] * len(questions)
        reasons = [read_answer(reply.text, "rationale-first").rationale for reply in replies]
        begun = [self._begun(reason) for reason in reasons]
        scores = engine.score(questions, begun, {verdict: self._word(verdict) for verdict in VERDICTS})
        verdicts = [verdict_of(score.p_falsified) for score in scores]
        if last:
            told = [start + self._word(verdict) for start, verdict in zip(begun, verdicts, strict=True)]
            replies = engine.generate(questions, told)
            whole = [start + reply.text for start, reply in zip(told, replies, strict=True)]
            reasons = [self._reasons(text, start) for text, start in zip(whole, told, strict=True)]
        for question, verdict, score, reason, reply in zip(questions, verdicts, scores, reasons, replies, strict=True):
            if trouble := score.trouble or reply.trouble:
                yield _error(question, trouble, score.read + reply.read)
                continue
            usage = Usage(1 + self.rationale, score.read + reply.read, reply.written)
            yield _annotation(question, Answer("ok", verdict, reason, score.p_falsified), usage, reply.text)

    def _begun(self, rationale: str) -> str:
        """An answer up to its verdict."""
        if self.begun is not None:
            return f"{rationale} {self.begun}" if rationale else self.begun
        if rationale:
            return f'{{"rationale": {json.dumps(rationale, ensure_ascii=False)}, "verdict": "'
        return BEGUN

    def _word(self, verdict: str) -> str:
        """A verdict's words, closed where they stand in quotation marks."""
        return verdict + ('"' if self.begun is None or self.begun.endswith('"') else "")

    def _reasons(self, text: str, start: str) -> str:
        """Reasons that were given after a verdict; of an answer that is no JSON all that follows."""
        answer = read_answer(text, "verdict-first")
        return (
            answer.rationale
            if text.lstrip().startswith("{") and answer.outcome == "ok"
            else readable(text[len(start) :]).strip(" .\n")
        )


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _error(question: Question, trouble: str, read: int) -> Annotation:
    return Annotation(question.item_id, "error", rationale=trouble, usage=Usage(1, read))


def _annotation(question: Question, answer: Answer, usage: Usage, text: str) -> Annotation:
    """``text`` is what was generated, as it is."""
    return Annotation(
        question.item_id,
        answer.outcome,
        answer.verdict,
        answer.p_falsified,
        answer.rationale,
        usage,
        audit={"said": text[:READ_CHARACTERS]} if text else {},
    )
