"""Recorded answers as a teacher, and the published metrics that a replayed system must give."""

import json
import os

import pytest
from pydantic import ValidationError
from sklearn.metrics import accuracy_score, f1_score, recall_score

from harness.api import DataError, Item, Usage
from harness_benchmarks.five_pils_ooc import FivePilsOoc
from harness_benchmarks.published import content_id
from harness_teachers.replay import Replay

needs_real_data = pytest.mark.skipif(
    not os.environ.get("HARNESS_REAL_DATA"), reason="HARNESS_REAL_DATA, the folder of published data, is not set"
)


def said(replay, *ids):
    return {answer.item_id: answer for answer in replay.annotate([Item(key, "A caption") for key in ids])}


def test_recorded_words_become_verdicts_by_the_mapping(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("id,answer,why\na,True,It fits\nb, False ,It does not\n")
    words = {"True": "pristine", "False": "falsified"}
    answers = said(Replay(path=str(path), verdict="answer", words=words, rationale="why"), "a", "b")
    assert [(answer.verdict, answer.rationale) for answer in answers.values()] == [
        ("pristine", "It fits"),
        ("falsified", "It does not"),
    ]
    assert answers["a"].usage == Usage(calls=0)


def test_words_without_a_meaning_are_unparsable_and_kept(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("id,verdict\na,Unknown\nb,\nc,Pristine\n")
    answers = said(Replay(path=str(path)), "a", "b", "c")
    assert [answer.outcome for answer in answers.values()] == ["unparsable"] * 3
    assert answers["a"].rationale == "Unknown"


def test_an_item_without_a_record_is_an_error_and_a_record_without_an_item_nothing(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("id,verdict\na,pristine\nz,falsified\n")
    answers = said(Replay(path=str(path)), "a", "b")
    assert {key: answer.outcome for key, answer in answers.items()} == {"a": "ok", "b": "error"}
    assert answers["b"].rationale == "Nothing was recorded for this item."


def test_several_match_columns_make_the_id_that_the_benchmarks_make(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text('image_id,caption,verdict\n7,"Naïve, ""quoted""",falsified\n')
    key = content_id("7", 'Naïve, "quoted"')
    assert said(Replay(path=str(path), match=["image_id", "caption"]), key)[key].verdict == "falsified"


@pytest.mark.parametrize(
    ("number", "outcome", "verdict"),
    [
        ("0.8", "ok", "falsified"),
        ("0.2", "ok", "pristine"),
        ("1.2", "unparsable", None),
        ("nan", "unparsable", None),
        ("", "unparsable", None),
        ("high", "unparsable", None),
    ],
)
def test_without_a_verdict_column_the_probability_decides(tmp_path, number, outcome, verdict):
    path = tmp_path / "answers.csv"
    path.write_text(f"id,p\na,{number}\n")
    answer = said(Replay(path=str(path), verdict=None, p_falsified="p"), "a")["a"]
    assert (answer.outcome, answer.verdict) == (outcome, verdict)


def test_an_empty_probability_beside_a_verdict_is_none(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("id,verdict,p\na,pristine,\nb,pristine,0.1\nc,pristine,7\n")
    answers = said(Replay(path=str(path), p_falsified="p"), "a", "b", "c")
    assert [(answer.outcome, answer.p_falsified) for answer in answers.values()] == [
        ("ok", None),
        ("ok", 0.1),
        ("unparsable", None),
    ]


def test_recorded_outcomes_are_said_again(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("id,verdict,state\na,pristine,ok\nb,,refused\nc,pristine,\nd,,timeout\n")
    answers = said(Replay(path=str(path), outcome="state"), "a", "b", "c", "d")
    assert [answer.outcome for answer in answers.values()] == ["ok", "refused", "ok", "error"]


def test_a_jsonl_file_is_read_with_its_numbers_truths_and_nulls(tmp_path):
    path = tmp_path / "answers.jsonl"
    lines = [{"id": 5, "real": True, "p": 0.25, "why": "Yes"}, {"id": 6, "real": None, "p": None, "why": ["No"]}]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    replay = Replay(path=str(path), verdict="real", words={"true": "pristine"}, p_falsified="p", rationale="why")
    answers = said(replay, "5", "6")
    assert (answers["5"].verdict, answers["5"].p_falsified, answers["5"].rationale) == ("pristine", 0.25, "Yes")
    assert (answers["6"].outcome, answers["6"].rationale) == ("unparsable", '["No"]')


def test_a_second_record_for_an_item_is_refused(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("id,verdict\na,pristine\nb,pristine\na,falsified\n")
    with pytest.raises(DataError) as caught:
        said(Replay(path=str(path)), "b")
    assert str(caught.value) == "answers.csv:4: is a second record for a\n  keep one record for each item"


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("key,answer\na,pristine\n")
    with pytest.raises(DataError) as caught:
        said(Replay(path=str(path)), "a")
    assert str(caught.value) == (
        "answers.csv:2: there is no column id, verdict, only key, answer\n"
        "  say by the options of replay what the columns are called"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"id,verdict\na\n", "a.csv:2: does not have the 2 fields of the header"),
        ("a.csv", b"id,verdict\na,b,c\n", "a.csv:2: does not have the 2 fields of the header"),
        (
            "a.csv",
            b"id,verdict\na," + b"x" * 140_000,
            "a.csv:2: is not CSV in UTF-8: field larger than field limit (131072)",
        ),
        ("a.jsonl", b"{}\n[1]\n", "a.jsonl:1: there is no column id, verdict, only "),
        ("a.jsonl", b"[1]\n", "a.jsonl:1: is not a JSON object"),
        (
            "a.jsonl",
            b'{"id": "a", "verdict": "' + b"x" * 140_000 + b'"}',
            "a.jsonl:1: has a field of more than 131,072 characters",
        ),
        ("a.jsonl", b'{"id": \n', "a.jsonl:1: is not JSON: Expecting value: line 2 column 1 (char 8)"),
    ],
)
def test_a_damaged_file_is_refused_at_its_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        said(Replay(path=str(tmp_path / name)), "a")
    assert str(caught.value).split("\n")[0] == message


def test_bytes_that_are_no_utf8_are_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"id,verdict\na,\xff\n")
    with pytest.raises(DataError, match=r"^a\.csv:\d: is not CSV in UTF-8: 'utf-8' codec can't decode byte 0xff"):
        said(Replay(path=str(tmp_path / "a.csv")), "a")


def test_a_missing_file_is_named_with_what_to_do(tmp_path):
    with pytest.raises(DataError) as caught:
        Replay(path=f"{tmp_path}/none.csv").digest()
    assert str(caught.value) == (
        f"{tmp_path}/none.csv: there is no such file\n  record the answers first, or correct the path of replay"
    )


def test_variables_of_the_environment_are_filled_in_and_must_be_set(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("id,verdict\na,pristine\n")
    monkeypatch.setenv("RECORDED", str(tmp_path))
    assert Replay(path="$RECORDED/a.csv").digest() == Replay(path="${RECORDED}/a.csv").digest() != ""
    monkeypatch.delenv("RECORDED")
    with pytest.raises(DataError) as caught:
        Replay(path="${RECORDED}/a.csv").digest()
    assert str(caught.value) == (
        "${RECORDED}/a.csv: the environment variable RECORDED is not set\n  set it, or write the path out"
    )


def test_a_teacher_that_says_nothing_is_refused():
    with pytest.raises(ValidationError, match="give verdict or p_falsified, or both"):
        Replay(path="a.csv", verdict=None)


@needs_real_data
def test_a_published_system_replayed_gives_its_published_metrics():
    benchmark = FivePilsOoc()
    replay = Replay(
        path="$HARNESS_REAL_DATA/5pils-ooc/cove_predictions.csv",
        match=("image_id", "caption"),
        verdict="predicted_veracity",
        rationale="original_veracity_output",
    )
    labels = benchmark.labels("test")
    answers = list(replay.annotate(benchmark.items("test")))
    truth, verdicts = [labels[answer.item_id] for answer in answers], [answer.verdict for answer in answers]
    assert len(answers) == 1248
    assert round(100 * accuracy_score(truth, verdicts), 2) == 58.17
    assert round(100 * recall_score(truth, verdicts, pos_label="pristine"), 1) == 33.0
    assert round(100 * recall_score(truth, verdicts, pos_label="falsified"), 1) == 83.3
    assert round(100 * f1_score(truth, verdicts, average="macro"), 2) == 55.35
    assert all("Answer" in answer.rationale or answer.rationale for answer in answers)


def test_a_parquet_file_is_read_like_the_others(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "answers.parquet"
    parquet.write_table(pyarrow.table({"id": [1, 2], "verdict": ["falsified", None], "p": [0.75, None]}), path)
    answers = said(Replay(path=str(path), p_falsified="p"), "1", "2")
    assert (answers["1"].verdict, answers["1"].p_falsified) == ("falsified", 0.75)
    assert answers["2"].outcome == "unparsable"
    parquet.write_table(pyarrow.table({"id": [1, 1], "verdict": ["falsified"] * 2}), path)
    with pytest.raises(DataError, match="row 2: is a second record for 1"):
        said(Replay(path=str(path)), "1")
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"answers\.parquet: is not parquet"):
        said(Replay(path=str(path)), "1")


def test_answers_that_a_store_keeps_are_said_again_as_they_were(tmp_path, run_plan, plan_of, store):
    plan = plan_of(
        "evaluate_on: {world: {uses: newsworld, test: 9}}\n"
        "teachers: {words: {uses: evidence-overlap, min_evidence: 2}}\nteachers_as_arms: true\n"
        "executor: inline\nreports: {}\n"
    )
    run_plan(plan)
    (step,) = plan.steps.values()
    path = str(store.folder("annotate", step.key).parent / "*" / "annotations.jsonl")
    items = step.components["benchmark"].items("test")
    before = {a.item_id: a for a in step.components["teacher"].annotate(items)}
    after = said(Replay(path=path, own=True), *before)
    assert {k: (a.outcome, a.verdict, a.p_falsified, a.rationale) for k, a in after.items()} == {
        k: (a.outcome, a.verdict, a.p_falsified, a.rationale) for k, a in before.items()
    }


def test_several_files_are_one_and_a_pattern_that_none_fits_is_told(tmp_path):
    (tmp_path / "a.csv").write_text("id,verdict\na,pristine\n")
    (tmp_path / "b.csv").write_text("id,verdict\nb,falsified\n")
    answers = said(Replay(path=str(tmp_path / "*.csv")), "a", "b")
    assert [answer.verdict for answer in answers.values()] == ["pristine", "falsified"]
    before = Replay(path=str(tmp_path / "*.csv")).digest()
    (tmp_path / "b.csv").write_text("id,verdict\na,falsified\n")
    assert Replay(path=str(tmp_path / "*.csv")).digest() != before
    with pytest.raises(DataError, match=r"b\.csv:2: is a second record for a"):
        said(Replay(path=str(tmp_path / "*.csv")), "a")
    with pytest.raises(DataError, match=r"\*\.tsv: there is no such file"):
        said(Replay(path=str(tmp_path / "*.tsv")), "a")
