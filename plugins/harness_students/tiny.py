"""The student that comes with this package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from harness.api import Student, hookimpl
from harness_students.engine.batches import Batches
from harness_students.vlm import Vlm
from harness_students.vlm_loading import SHIPPED
from harness_students.vlm_schedule import Schedule
from harness_students.vlm_text import TINY_PROMPT


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
    # Its schedules were chosen with this order; its pictures are so small that shared ones would spare little.
    batches: Batches = "random"


@hookimpl
def harness_students() -> Iterable[type[Student]]:
    """The tiny one."""
    return [TinyLlava]
