"""Built-in teachers under another distribution's name, for a checkout whose entry points are older than it is."""

from harness.api import hookimpl
from harness_teachers.clip_similarity import Clip
from harness_teachers.openai import OpenAI
from harness_teachers.self_consistency import SelfConsistency
from harness_teachers.transformers_model import Transformers
from harness_teachers.vllm_model import Vllm


@hookimpl
def harness_teachers():
    return [Clip, OpenAI, SelfConsistency, Transformers, Vllm]
