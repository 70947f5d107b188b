"""What is read of a model's answer, and what never is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from harness_teachers.answer import READ_CHARACTERS, Answer, read_answer, readable, schema_of

ORDERS = ("verdict-first", "rationale-first")


def said(verdict, **more):
    return json.dumps({"verdict": verdict, "rationale": "The sea is not in Lima.", **more})


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "text",
    [
        said("falsified", confidence=0.9),
        "```json\n" + said("falsified", confidence=0.9) + "\n```",
        "Sure, here it is:\n\n" + said("Falsified ", confidence="90%") + "\nAnything else?",
        '{"answer": ' + said("FALSIFIED", confidence=0.9) + "}",
        "<think>It may be pristine. Verdict: pristine</think>" + said("falsified", p_falsified=0.9),
        said("falsified", confidence=0.9) + said("falsified", confidence=0.9),
    ],
)
def test_a_json_object_is_read_wherever_it_stands(text, order):
    assert read_answer(text, order) == Answer("ok", "falsified", "The sea is not in Lima.", 0.9)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "echo",
    ["The caption says: 'Verdict: pristine'.\n", "Caption: Verdict: pristine {ignore} all {this\n", "pristine\n"],
)
def test_a_caption_that_is_said_again_is_no_verdict_where_an_object_follows(echo, order):
    assert read_answer(echo + said("falsified"), order).verdict == "falsified"


def test_objects_that_contradict_each_other_are_no_verdict():
    text = said("pristine") + " But no: " + said("falsified")
    assert read_answer(text, "rationale-first") == Answer("unparsable", rationale=text)


def test_an_object_with_another_verdict_is_unparsable_whatever_its_words_say():
    text = '{"verdict": "uncertain", "rationale": "It may be falsified. Verdict: falsified"}'
    assert read_answer(text, "verdict-first").outcome == "unparsable"


@pytest.mark.parametrize(
    ("verdict", "more", "p_falsified"),
    [
        ("falsified", {}, None),
        ("falsified", {"confidence": 0.75}, 0.75),
        ("pristine", {"confidence": 0.75}, 0.25),
        ("pristine", {"confidence": 1}, 0.0),
        ("pristine", {"confidence": 0.2}, None),
        ("pristine", {"p_falsified": 0.9}, None),
        ("pristine", {"confidence": True}, None),
        ("pristine", {"confidence": 7}, None),
        ("pristine", {"confidence": "high"}, None),
        ("pristine", {"confidence": float("nan")}, None),
        ("pristine", {"confidence": 10**400}, None),
        ("falsified", {"confidence": None, "p_falsified": "0.5"}, 0.5),
    ],
)
def test_a_confidence_is_a_probability_unless_it_contradicts_its_verdict(verdict, more, p_falsified):
    answer = read_answer(said(verdict, **more), "verdict-first")
    assert (answer.verdict, answer.p_falsified) == (verdict, p_falsified)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("The sea is missing. Verdict: falsified", "falsified"),
        ("**Verdict:** **Falsified**\n\nThe sea is missing.", "falsified"),
        ("verdict - pristine.", "pristine"),
        ("My verdict is 'pristine'", "pristine"),
        ("Final answer: pristine", "pristine"),
        ("Falsified. The sea is missing.", "falsified"),
        ("The sea is there.\n\n**pristine**", "pristine"),
        ("The caption is falsified because the sea is missing.", "falsified"),
        ('{"verdict": "falsified", "rationale": "The sea is', "falsified"),
        ("The caption is not falsified.", None),
        ("It isn't pristine", None),
        ("I would decide whether it is pristine.", None),
        ("Either pristine or falsified", None),
        ('Answer with {"verdict": "pristine" or "falsified"}', None),
        ("Verdict: pristine or falsified", None),
        ("The caption is unfalsified", None),
        ("Verdict: unclear", None),
        ("", None),
        ("{" * 9_000, None),
        ("[" * 9_000, None),
    ],
)
def test_a_verdict_in_words_is_read_where_it_is_stated(text, verdict):
    answer = read_answer(text, "rationale-first")
    assert (answer.verdict, answer.outcome) == (verdict, "ok" if verdict else "unparsable")


def test_the_last_statement_counts_where_reasons_come_first_and_all_must_agree_where_they_come_after():
    text = "Verdict: pristine? The sea is missing, though.\nVerdict: falsified"
    assert read_answer(text, "rationale-first").verdict == "falsified"
    assert read_answer(text, "verdict-first").outcome == "unparsable"


def test_the_reasons_are_kept_without_the_statement():
    assert (
        read_answer("The sea is missing.\n**Verdict: falsified**", "rationale-first").rationale == "The sea is missing"
    )
    assert read_answer("Verdict: falsified", "verdict-first").rationale == "Verdict: falsified"
    assert (
        read_answer('{"verdict": "pristine", "rationale": ["One.", "Two."]}', "verdict-first").rationale == "One. Two."
    )
    assert read_answer('{"verdict": "pristine", "rationale": {"a": 1}}', "verdict-first").rationale == ""


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot identify people in photographs.",
        "As an AI, I do not judge news.",
        "I am unable to answer.",
        "抱歉，我无法回答。",
    ],
)
def test_a_model_that_declines_has_refused(text):
    assert read_answer(text, "verdict-first") == Answer("refused", rationale=text)


def test_a_model_that_declines_and_still_gives_a_verdict_has_answered():
    text = "I'm sorry, I can't identify people. " + said("pristine")
    assert read_answer(text, "verdict-first").verdict == "pristine"


@given(st.text(), st.sampled_from(ORDERS))
def test_any_text_is_read_without_an_error_and_bounded(text, order):
    answer = read_answer(text, order)
    assert (answer.verdict is not None) == (answer.outcome == "ok")
    assert len(answer.rationale) <= READ_CHARACTERS


_PIECES = st.sampled_from(
    [
        '{"verdict": ',
        '"pristine"',
        '"falsified"',
        "}",
        "{",
        "[",
        '"',
        "\\",
        "Verdict:",
        " not ",
        "\n",
        "```json",
        "\x00",
        *(
            "pristine",
            "falsified",
            "</think>",
            ', "rationale": ',
            "1e999",
            "NaN",
            "\ud800",
            '"\\u0007"',
            "or",
            "Infinity",
        ),
    ]
)


@given(st.lists(_PIECES, max_size=40).map("".join), st.sampled_from(ORDERS))
def test_broken_answers_are_read_without_an_error_and_bounded(text, order):
    answer = read_answer(text, order)
    assert (answer.verdict is not None) == (answer.outcome == "ok")
    assert not {"\x00", "\x07", "\ud800"} & set(answer.rationale)
    assert answer.p_falsified is None or 0 <= answer.p_falsified <= 1


@given(st.text(st.characters(codec="utf-8")), st.sampled_from(("pristine", "falsified")), st.sampled_from(ORDERS))
def test_an_answer_by_the_schema_is_read_as_it_was_meant(rationale, verdict, order):
    meant = {"rationale": rationale, "verdict": verdict}
    Draft202012Validator(schema_of(order)).validate(meant)
    assert read_answer(json.dumps(meant), order).verdict == verdict


def test_a_giant_answer_is_cut_at_the_end_where_its_verdict_is_not():
    assert read_answer(said("pristine") + "x" * 3_000_000, "verdict-first").verdict == "pristine"
    assert read_answer("x" * 3_000_000 + said("pristine"), "rationale-first").verdict == "pristine"
    assert len(readable("x" * 3_000_000)) == READ_CHARACTERS


def test_the_schemas_have_the_order_in_which_an_answer_is_given():
    assert list(schema_of("verdict-first")["properties"]) == ["verdict", "confidence", "rationale"]
    assert list(schema_of("rationale-first")["properties"]) == ["rationale", "verdict", "confidence"]
    for order in ORDERS:
        Draft202012Validator.check_schema(schema_of(order))
        assert set(schema_of(order)["required"]) == {"verdict", "rationale"}
