"""CSV that people open in a spreadsheet."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.errors import DataError
from harness.spreadsheet import rows_of, safe, unsafe, written

TEXTS = st.text() | st.text(st.sampled_from("='+-@;,|\t\r\n\" ab＝"), max_size=12)


@settings(max_examples=200, deadline=None)
@example('=HYPERLINK("http://example.org")')
@example("'=1")
@example("'tis")
@example("a;=1+1")
@example("\r")
@given(TEXTS)
def test_every_text_comes_back_and_none_begins_a_formula_wherever_a_spreadsheet_splits_it(text):
    assert unsafe(safe(text)) == text
    assert not re.search(r"(?:\A|[;,|\t\r\n])[=+\-@＝＋－＠]", safe(text))
    (row,) = rows_of(written(["text", "more"], [[text, "1"]]).encode(), "a.csv")
    assert (row.values["text"], row.values["more"], row.number) == (text, "1", 2)


def test_a_text_that_needs_no_apostrophe_is_left_alone():
    assert [safe(text) for text in ("plain", "'tis", "a=b", "10 - 2", "mail@example.org")] == [
        "plain",
        "'tis",
        "a=b",
        "10 - 2",
        "mail@example.org",
    ]
    assert [safe(text) for text in ("=1", "'=1", "-5", "@x", "＝1")] == ["'=1", "''=1", "'-5", "'@x", "'＝1"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_a_spreadsheet_of_any_country_saves_is_read(delimiter):
    text = f"\ufeffTask{delimiter} Verdict \r\nt-1{delimiter}pristine\r\n{delimiter}\r\nt-2\r\n"
    rows = rows_of(text.encode(), "a.csv")
    assert [(row.number, row.text("task"), row.text("verdict")) for row in rows] == [
        (2, "t-1", "pristine"),
        (4, "t-2", ""),
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"task,verdict\nt-1,\xe9\n", 'a.csv:2: is not UTF-8 text\n  Save it as "CSV UTF-8"'),
        (b'task,verdict\n"t-1,x\n', "a.csv: is not CSV: unexpected end of data\n"),
        (b"task,verdict\nt-1,x,y\n", "a.csv:2: has 3 fields, and the header has 2\n"),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(data, message):
    with pytest.raises(DataError) as caught:
        rows_of(data, "a.csv")
    assert str(caught.value).startswith(message)
