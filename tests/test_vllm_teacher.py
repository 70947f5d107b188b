"""The teacher on vLLM's offline engine, as far as it goes without vLLM."""

from importlib.util import find_spec

import pytest
from pydantic import ValidationError

from harness.api import MissingDependency
from harness.identity import identity
from harness.testing import material
from harness_teachers.transformers_model import Transformers
from harness_teachers.vllm_model import Vllm

pytestmark = pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed, and needs a GPU and weights")


def test_without_vllm_it_says_what_to_install():
    with pytest.raises(MissingDependency) as caught:
        list(Vllm().annotate(material.items(1)))
    assert str(caught.value) == "teacher vllm: needs vllm\n  pip install 'ooc-harness[vllm]'"


def test_it_is_previewed_without_vllm_as_the_other_local_teacher_is():
    item = material.items(1)[0]
    assert Vllm(max_side=32).preview(item) == Transformers(max_side=32).preview(item)


def test_how_the_engine_is_run_is_no_part_of_the_identity():
    plain = identity(Vllm())
    assert identity(Vllm(tensor_parallel=4, memory=0.5, longest_context=4096, batch_size=8)) == plain
    assert identity(Vllm(temperature=0.5)) != plain


def test_eight_bits_are_refused():
    with pytest.raises(ValidationError, match="vLLM knows no 8 bits by bitsandbytes"):
        Vllm(quantize="8bit")


def test_its_options_are_those_of_the_other_local_teacher():
    shared = Transformers.model_fields.keys() - {"device", "gpu_gb"}
    assert shared <= Vllm.model_fields.keys()
