"""What is read of a server's answer, which may be anything, and of the probabilities of its tokens."""

import math
import subprocess
import sys
from email.utils import formatdate
from time import time

import pytest

from harness.api import Usage
from harness_teachers.openai_endpoint import wait_asked_for
from harness_teachers.openai_reply import Price, audit, is_answer, p_of, read


def token(text, p, **others):
    """A token of probability ``p``, and alternatives with theirs."""
    listed = [{"token": text, "logprob": math.log(p)}]
    listed += [{"token": other, "logprob": math.log(share)} for other, share in others.get("alternatives", {}).items()]
    return {"token": text, "logprob": math.log(p), "top_logprobs": listed}


def spelled(*parts):
    return [part if isinstance(part, dict) else token(part, 1.0) for part in parts]


@pytest.mark.parametrize(
    ("tokens", "verdict", "p_falsified"),
    [
        # One token a word, with a quotation mark, with a blank, in capitals, cut in the middle.
        (spelled('{"verdict": "', token("falsified", 0.8, alternatives={"pristine": 0.2}), '"}'), "falsified", 0.8),
        (spelled('{"verdict":', token(' "pristine', 0.6, alternatives={' "falsified': 0.3}), '"}'), "pristine", 1 / 3),
        (spelled("Verdict:", token(" Pristine", 0.9, alternatives={" False": 0.05, " Fals": 0.1})), "pristine", 0.1),
        (
            spelled('{"verdict": "', token("fals", 0.5, alternatives={"pr": 0.3, "f": 0.1, "maybe": 0.1}), 'ified"}'),
            "falsified",
            2 / 3,
        ),
        # The other word is at most as likely as the rarest alternative that is listed.
        (spelled('{"verdict": "', token("pristine", 0.9, alternatives={"no": 0.06}), '"}'), "pristine", 0.06 / 0.96),
        # Reasons speak of verdicts, too: the one that is given counts.
        (
            spelled(
                'The verdict is pristine, one may think. {"verdict": "',
                token("falsified", 0.7, alternatives={"pristine": 0.3}),
                '"}',
            ),
            "falsified",
            0.7,
        ),
    ],
)
def test_the_probability_is_where_the_verdict_begins(tokens, verdict, p_falsified):
    assert p_of(tokens, verdict, "rationale-first") == pytest.approx(p_falsified, abs=1e-6)


@pytest.mark.parametrize(
    "tokens",
    [
        None,
        "falsified",
        [],
        [7, None, {"token": 3}, {"token": "falsified"}],
        spelled('{"verdict": "', "falsified", '"}'),
        spelled('{"verdict": "', {"token": "falsified", "logprob": "high", "top_logprobs": {"a": 1}}, '"}'),
        spelled('{"verdict": "', {"token": "falsified", "logprob": float("nan"), "top_logprobs": [7, {}]}, '"}'),
        spelled('{"verdict": "', token("pristine", 0.9, alternatives={"falsified": 0.1}), '"}'),
        spelled("nothing ", token("falsified", 0.9, alternatives={"pristine": 0.1})),
    ],
)
def test_where_there_is_no_such_place_there_is_no_probability(tokens):
    assert p_of(tokens, "falsified", "verdict-first") is None


@pytest.mark.parametrize(
    "body", [{}, {"choices": None}, {"choices": {}}, {"choices": [7]}, {"choices": [{"message": "text"}]}]
)
def test_a_body_without_a_message_is_no_answer(body):
    assert not is_answer(body)
    assert read("1", body, "verdict-first", Usage()).outcome == "unparsable"
    assert audit(body) == {}


@pytest.mark.parametrize(
    "counted", [None, 7, {}, {"prompt_tokens": "9"}, {"prompt_tokens": -1}, {"prompt_tokens": True}]
)
def test_nonsense_is_no_number_of_tokens(counted):
    assert Price(1e6, 1e6).usage({"usage": counted}, images=1) == Usage(1, 0, 0, 0.0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": formatdate(time() - 100, usegmt=True)}, 0.0),
    ],
)
def test_the_wait_that_a_server_asks_for_is_read_in_any_of_its_forms(headers, seconds):
    assert wait_asked_for(headers) == seconds


def test_a_date_is_a_wait_until_then():
    assert 95 < wait_asked_for({"retry-after": formatdate(time() + 100, usegmt=True)}) < 101


def test_without_the_client_the_teacher_says_what_to_install():
    code = """
import sys
sys.modules["openai"] = None
from harness.api import MissingDependency
from harness.testing import material
from harness_teachers.openai import OpenAI
try:
    list(OpenAI().annotate(material.items(1)))
except MissingDependency as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    needed = "teacher openai needs the package openai, 3.57 or later"
    assert done.stdout == f"{needed}\n  pip install 'ooc-harness[openai]'\n"
