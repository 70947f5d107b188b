"""The file of labels that people gave."""

import threading

import pytest

from harness.api import DataError, given_labels
from harness.given import Given, append, read


def test_a_file_that_is_not_there_holds_no_label(tmp_path):
    assert given_labels(tmp_path / "none.csv") == {}


def test_what_is_appended_stands_after_what_was_there(tmp_path):
    file = tmp_path / "new/given.csv"
    first = [Given("a", "pristine", "ann", "2026-01-02T03:04:05+00:00", "items.csv", comment="=1")]
    append(file, [], first)
    more = [Given("b", "falsified", "bob")]
    append(file, first, more)
    assert read(file) == first + more
    assert given_labels(file) == {"a": "pristine", "b": "falsified"}
    assert [path.name for path in file.parent.iterdir()] == ["given.csv"]


def test_a_file_that_somebody_else_has_written_meanwhile_is_left_as_it_is(tmp_path):
    file = tmp_path / "given.csv"
    append(file, [], [Given("a", "pristine")])
    before = file.read_bytes()
    with pytest.raises(DataError, match="was changed meanwhile\n  Nothing was written; import again"):
        append(file, [], [Given("b", "pristine")])
    assert file.read_bytes() == before


def test_of_many_who_append_at_once_nobody_leaves_half_a_file(tmp_path):
    file = tmp_path / "given.csv"
    refused = []

    def one(number):
        try:
            append(file, read(file), [Given(f"{number}-{place}", "pristine") for place in range(20)])
        except DataError as error:
            refused.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given_labels(file)) % 20 == 0
    assert len(given_labels(file)) == 20 * (8 - len(refused))


def test_the_last_decision_counts_and_what_follows_must_agree_with_it():
    from harness.given import verdicts

    said = [Given("a", "pristine", "ann"), Given("a", "falsified", "bob")]
    decided = [*said, Given("a", "falsified", settled="majority")]
    assert verdicts(decided, "g.csv") == {"a": "falsified"}
    assert verdicts([*decided, Given("a", "pristine", settled="by cleo")], "g.csv") == {"a": "pristine"}
    for torn in (said, [*decided, Given("a", "pristine", "dan")]):
        with pytest.raises(DataError, match="Delete one of the rows"):
            verdicts(torn, "g.csv")
    with pytest.raises(DataError) as caught:
        verdicts(said, "g.csv")
    assert str(caught.value).startswith("g.csv: says pristine of 'a', and falsified by 'bob'\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,verdict\na,real\n", "given.csv:2: the verdict 'real' is none of pristine, falsified\n"),
        ("id,verdict\n,pristine\n", "given.csv:2: has no id\n"),
    ],
)
def test_a_damaged_row_is_named(tmp_path, text, message):
    (tmp_path / "given.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        given_labels(tmp_path / "given.csv")
    assert str(caught.value).startswith(message)
