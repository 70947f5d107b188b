"""The teacher that checks words against evidence."""

from __future__ import annotations

import csv
from ast import literal_eval

import pytest
from pydantic import ValidationError

from harness.api import Annotation, Evidence, Item
from harness_teachers.evidence_overlap import EvidenceOverlap, stem_of, words_of

FOUND = Evidence(entities=("Crowd", "Mariners", "Arden"), captions=("The strike in Arden",))


def said(teacher: EvidenceOverlap, caption: str, evidence: Evidence = FOUND) -> Annotation:
    (annotation,) = teacher.annotate([Item("one", caption, evidence=evidence)])
    return annotation


def test_a_caption_that_is_supported_is_pristine():
    answer = said(EvidenceOverlap(), "The Mariners at the strike in Arden.")
    assert (answer.outcome, answer.verdict) == ("ok", "pristine")
    assert answer.rationale == "Mariners found, strike found, Arden found."


def test_a_caption_that_is_not_supported_is_falsified_and_the_rationale_says_why():
    answer = said(EvidenceOverlap(), "The Rovers after a flood in Corvo.")
    assert answer.verdict == "falsified"
    assert answer.rationale == "Rovers not found, flood not found, Corvo not found."
    assert answer.p_falsified > 0.9


def test_one_that_checks_names_among_entities_cannot_see_a_wrong_event():
    teacher = EvidenceOverlap(sources=("entities",), checks="names", threshold=0.75)
    answer = said(teacher, "The Mariners at the flood in Arden.")
    assert (answer.verdict, answer.rationale) == ("pristine", "Mariners found, Arden found.")


def test_one_that_checks_the_other_words_sees_the_event_alone():
    answer = said(EvidenceOverlap(checks="words"), "The Rovers at the flood in Corvo.")
    assert (answer.verdict, answer.rationale) == ("falsified", "flood not found.")


def test_a_share_at_the_threshold_is_pristine_and_one_below_is_falsified():
    caption = "The Rovers at the strike in Arden."
    assert said(EvidenceOverlap(threshold=2 / 3), caption).verdict == "pristine"
    assert said(EvidenceOverlap(threshold=0.67), caption).verdict == "falsified"


def test_the_probability_grows_as_support_shrinks():
    captions = ["Mariners strike Arden", "Rovers strike Arden", "Rovers flood Arden", "Rovers flood Corvo"]
    probabilities = [said(EvidenceOverlap(), caption).p_falsified for caption in captions]
    assert probabilities == sorted(set(probabilities))


def test_without_evidence_it_leans_to_the_verdict_of_its_option():
    for lean in ("pristine", "falsified"):
        answer = said(EvidenceOverlap(lean=lean), "The Rovers in Arden.", Evidence())
        assert (answer.outcome, answer.verdict) == ("ok", lean)
        assert answer.p_falsified == pytest.approx(0.5, abs=0.002)
        assert answer.rationale == "There is no evidence to check against."


def test_less_evidence_than_asked_for_is_no_ground_for_a_verdict():
    answer = said(EvidenceOverlap(sources=("captions",), min_evidence=2), "The Rovers in Corvo.")
    assert (answer.verdict, answer.rationale) == ("pristine", "Too little evidence.")


@pytest.mark.parametrize("caption", ["", "It is as it was.", "...", "🙂"])
def test_a_caption_without_words_to_check_is_no_ground_for_a_verdict(caption):
    answer = said(EvidenceOverlap(), caption)
    assert (answer.verdict, answer.rationale) == ("pristine", "The caption has no word to check.")


def test_ignored_words_are_not_checked():
    assert said(EvidenceOverlap(ignored=("Rovers",)), "The rovers in Arden").rationale == "Arden found."


def test_a_word_is_checked_once():
    assert said(EvidenceOverlap(), "Arden! Arden in ARDEN").rationale == "Arden found."


def test_case_accents_possessives_and_endings_do_not_matter():
    groups = ("Strike strikes STRIKE’s striking", "café Cafe CAFÉS", "protest protested protests protesting")
    assert [len({stem_of(word) for word in group.split()}) for group in groups] == [1, 1, 1]
    assert stem_of("Paris") != stem_of("Parma")


def test_words_of_other_scripts_are_words():
    assert [word.written for word in words_of("Протест в Киеве: 北京 in 2014")] == ["Протест", "Киеве", "北京", "2014"]


def test_it_needs_evidence_and_nothing_else():
    assert EvidenceOverlap().reads() == {"evidence"}


def test_no_source_at_all_is_refused():
    with pytest.raises(ValidationError, match="at least 1 item"):
        EvidenceOverlap(sources=())


def test_on_verite_it_answers_every_item_with_both_verdicts(data):
    with (data / "verite" / "VERITE_with_evidence.csv").open(newline="") as file:
        items = [
            Item(str(number), row["caption"], evidence=Evidence(captions=tuple(literal_eval(row["captions"] or "[]"))))
            for number, row in enumerate(csv.DictReader(file))
        ]
    answers = list(EvidenceOverlap(sources=("captions",), threshold=0.4).annotate(items))
    assert [answer.item_id for answer in answers] == [item.id for item in items]
    assert {answer.outcome for answer in answers} == {"ok"}
    share = sum(answer.verdict == "falsified" for answer in answers) / len(answers)
    assert 0.1 < share < 0.9
