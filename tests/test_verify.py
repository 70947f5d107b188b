"""`harness verify` names whatever in a report is not what the stored answers say."""

import json
import random
import re
from html import unescape

import pytest
from click.testing import CliRunner

from harness import planning
from harness.cli import main
from harness.document import read
from harness.marks import marks
from harness.reading import parse
from harness.redaction import redact
from harness.sealed import opened
from harness.store import Store
from harness.verification import verify

NEWSROOM = "newsroom: {items_per_day: 500, prevalence: 0.04, reviews_per_day: [25, 100]}\n"


@pytest.fixture(scope="module")
def once():
    return {}


@pytest.fixture
def made(once, registry, toy, run_plan, tmp_path_factory):
    """A finished toy run, its store, and its report as text."""
    if not once:
        folder = tmp_path_factory.mktemp("verify")
        text = toy.replace("reports: {}", "reports: {page: html}") + NEWSROOM
        (folder / "toy.yaml").write_text(text)
        plan, store = planning.make(parse(text, registry, str(folder / "toy.yaml"))), Store(folder / "store")
        run_plan(plan, store)
        once.update(folder=folder, plan=plan, store=store, text=rendered(plan, store, folder))
    return once


def rendered(plan, store, folder, change=lambda seen: seen):
    from harness.diagnosis import view

    (file,) = plan.matrix.reports["page"].render(change(view(plan, store)), folder / "out")
    return file.read_text(encoding="utf-8")


def found_in(made, text):
    (made["folder"] / "altered.html").write_text(text, encoding="utf-8")
    return verify(opened(made["folder"] / "altered.html"), made["plan"], made["store"])


@pytest.fixture
def harness(made, monkeypatch):
    monkeypatch.chdir(made["folder"])
    (made["folder"] / "report.html").write_text(made["text"], encoding="utf-8")

    def call(*arguments, expect=0):
        result = CliRunner().invoke(main, [*arguments, "--store", "store"])
        assert result.exit_code == expect, result.output + result.stderr
        return result

    return call


def test_a_report_as_it_was_rendered_is_borne_out(made):
    found = found_in(made, made["text"])
    assert found.sound
    assert (found.differences, found.other_code, found.moved_on, found.damaged) == ((), (), False, ())
    assert found.texts > found.numbers > 1000


def test_a_changed_digit_is_named_wherever_it_stands(made):
    text, chance = made["text"], random.Random(3)
    places = [index for index, letter in enumerate(text) if letter.isascii() and letter.isdigit()]
    reference = text.index("&#39;") + len("&#")
    for index in (*chance.sample(places, 40), reference, reference + 1):
        digit = str((int(text[index]) + chance.randrange(1, 10)) % 10)
        altered = text[:index] + digit + text[index + 1 :]
        found = found_in(made, altered)
        named = (*found.differences, *found.unexplained)
        around = text[index - 40 : index + 20]
        assert named, around
        assert any(shown(altered, index) in difference.found for difference in named), around


def shown(page, index):
    """What a reader sees of a digit: itself, or the character that it helps to name, as in ``&#39;``."""
    references = re.finditer(r"&#\d+;", page[max(0, index - 8) : index + 8])
    named = [found.group() for found in references if found.start() <= min(index, 8) < found.end()]
    return unescape(named[0]) if named else page[index]


KINDS = {
    "a sentence of the answer": r"with (\d+\.\d)\u202f% accuracy",
    "a table's number as it is shown": r'data-metric="accuracy" data-value="[^"]*"><bdi>(\d+\.\d)',
    "a table's number as it is exactly": r'data-metric="accuracy" data-value="0\.(\d+)',
    "an interval": r"<small>(\d+\.\d)–",
    "the end of a bar": r'class="reach [a-z]*" d="M(\d+)',
    "a point of a curve": r'<polyline points="(\d+)',
    "a label of an axis": r'text-anchor="middle">(\d+)<',
    "the title of a point": r"<g><title>[^<]*?(\d+\.\d)",
    "a description for screen readers": r"<desc[^>]*>[^<]*?(\d+)",
    "a row's subject": r'data-cell="[^"]*seed-(\d)',
    "the share of cells that are done": r"<b>(\d+)</b> of",
    "the provenance": r"<dt>python</dt><dd><bdi>(\d+)",
    "the matrix": r"label_fractions: \[(0\.1)",
    "the digest of the answers": r'harness:answers" content="[a-f]*(\d)',
    "the digest of the matrix": r'harness:matrix" content="[a-f]*(\d)',
    "the style": r"max-width: (\d+)",
    "a heading": r"<h(2) id",
    "the end of a heading": r"</h(2)>",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_number_is_named_in(kind, made):
    match = re.search(KINDS[kind], made["text"])
    assert match, kind
    start, end = match.span(1)
    other = "".join(str((int(digit) + 1) % 10) if digit.isdigit() else digit for digit in match[1])
    found = found_in(made, made["text"][:start] + other + made["text"][end:])
    assert len(found.differences) == 1
    assert not found.sound


def test_a_difference_is_named_by_section_table_row_and_column(made):
    before = re.search(
        r'data-cell="words/counter/mmkd/all/hard/0.1/seed-1".*?data-metric="accuracy" data-value="[^"]*"><bdi>([^<]*)',
        made["text"],
    )
    text = made["text"][: before.start(1)] + "99.9" + made["text"][before.end(1) :]
    (difference,) = found_in(made, text).differences
    assert str(difference) == (
        "Comparison of arms, table cells-table, row “mmkd · hard · 10 %” "
        f"(words/counter/mmkd/all/hard/0.1/seed-1, words), column “All”: text “99.9”, expected “{before[1]}”"
    )


def test_a_row_that_was_taken_out_or_put_in_is_named_once(made):
    row = re.search(r"<tr data-teacher.*?</tr>\n", made["text"], re.DOTALL)[0]
    (gone,) = found_in(made, made["text"].replace(row, "", 1)).differences
    assert gone.place.startswith("Conflicts among teachers, table teachers-table, row")
    assert (gone.what, gone.found) == ("element", "")
    more = row.replace('data-teacher="', 'data-teacher="not-')
    (added,) = found_in(made, made["text"].replace(row, row + more, 1)).differences
    assert (added.what, added.expected) == ("element", "")


def test_a_page_that_is_only_written_otherwise_is_named_by_its_line(made):
    text = made["text"].replace("<h1><bdi>", "<h1 ><bdi>", 1)
    (difference,) = found_in(made, text).differences
    line = made["text"][: made["text"].index("<h1><bdi>")].count("\n") + 1
    assert (difference.place, difference.what) == (f"line {line} of the file", "writing")


def test_a_report_of_other_code_is_compared_in_its_numbers_alone(made):
    text = re.sub(r'harness:core" content="\w{4}', 'harness:core" content="0000', made["text"], count=1)
    reworded = text.replace("Means over seeds, in percent", "Percentages, means over seeds", 1)
    found = found_in(made, reworded)
    assert found.sound
    assert found.other_code == ("core",)
    assert {difference.place for difference in found.unexplained} == {
        "head of the page, meta harness:core",
        "Comparison of arms, paragraph",
    }
    number = re.search(r'data-metric="accuracy" data-value="[^"]*"><bdi>([^<]*)', text)
    wrong = found_in(made, text[: number.start(1)] + "99.9" + text[number.end(1) :])
    assert [difference.found.split(" ")[0] for difference in wrong.differences] == ["99.9"]


def test_numbers_are_found_by_what_they_are_about(made):
    page = read(made["text"])
    found = {key: mark.value for key, mark in marks(page).items()}
    arm = made["plan"].arms()
    assert len(found) > 20 * len(arm)
    about = ("data-cell=words/counter/zero-shot", "data-on=words")
    assert float(found["cells-table", *about, "n", "1"]) == 30


def test_an_answer_that_was_changed_in_the_store_changes_what_is_expected(made, tmp_path):
    import shutil

    store = Store(tmp_path / "store")
    shutil.copytree(made["store"].root, store.root)
    cell = next(cell for cell in made["plan"].cells if cell.point.strategy == "mmkd")
    file = store.folder("predict", cell.answers["words"][0]) / "predictions.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        row["verdict"], row["p_falsified"] = "falsified", 0.9
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "report.html").write_text(made["text"], encoding="utf-8")
    found = verify(opened(tmp_path / "report.html"), made["plan"], store)
    assert len(found.damaged) == 1
    assert found.damaged[0].startswith("predict counter by mmkd")
    assert any("column “Falsified”" in difference.place for difference in found.differences)


def test_a_redacted_report_is_verified_too(made):
    text = rendered(made["plan"], made["store"], made["folder"], redact)
    assert found_in(made, text).sound
    assert len(found_in(made, text.replace('data-value="30"', 'data-value="31"', 1)).differences) == 1


def test_the_command_takes_the_matrix_from_the_report(harness):
    said = harness("verify", "report.html").stdout
    assert re.fullmatch(
        r"report.html: \d+ texts and attributes, \d+ of them with numbers, made anew from the store; none differ\n",
        said,
    )
    assert json.loads(harness("verify", "report.html", "--json").stdout)["sound"] is True


def test_the_command_ends_with_2_where_a_number_differs(harness, made):
    text = re.sub(r"with \d+\.\d\u202f% accuracy", "with 99.9\u202f% accuracy", made["text"], count=1)
    (made["folder"] / "report.html").write_text(text, encoding="utf-8")
    said = harness("verify", "report.html", expect=2).stdout
    assert said.startswith("Answer, paragraph 1: text “")
    assert said.endswith("made anew from the store; 1 differs\n")
    found = json.loads(harness("verify", "report.html", "--json", expect=2).stdout)
    assert len(found["differences"]) == 1


def test_the_command_ends_with_3_where_other_code_made_the_report(harness, made):
    text = re.sub(r'harness:report" content="html \w{4}', 'harness:report" content="html 0000', made["text"], count=1)
    (made["folder"] / "report.html").write_text(text, encoding="utf-8")
    said = harness("verify", "report.html", expect=3).stdout
    assert said.startswith(
        "other code made this report, as it says itself (meta harness:report), so only numbers in tables count here;\n"
        "0 numbers stand in one of the pages alone, and this code would also write otherwise:\n"
        "  head of the page, meta harness:report: attribute content “html 0000"
    )


def test_a_matrix_that_was_changed_in_the_report_is_named(harness, made):
    text = made["text"].replace("seeds: [0, 1]", "seeds: [0, 7]", 1)
    (made["folder"] / "report.html").write_text(text, encoding="utf-8")
    assert harness("verify", "report.html", expect=2).stderr == (
        "error: report.html: the matrix that it shows, its title or its matrix's digest is not what it was made with\n"
        "  Give the matrix file itself; `harness verify report.html --matrix FILE` then names what differs.\n"
    )
    said = harness("verify", "report.html", "--matrix", "toy.yaml", expect=2).stdout
    assert said.startswith("Provenance, text: text “…")
    assert "seeds: [0, 7]" in said


def test_a_file_that_is_no_report_is_refused(harness, made):
    (made["folder"] / "other.html").write_text("<p>7</p>")
    assert harness("verify", "other.html", expect=2).stderr == (
        "error: other.html: is no report that can be verified: it does not say what it was made from\n"
        "  An older version may have made it; `harness report MATRIX` renders it again.\n"
    )
    assert harness("verify", "none.html", expect=2).stderr == (
        "error: none.html: cannot be read: No such file or directory\n"
    )
    (made["folder"] / "other.html").write_bytes(b"\xff\xfe")
    assert harness("verify", "other.html", expect=2).stderr == "error: other.html: is no report: it is not UTF-8 text\n"


def test_a_report_that_its_matrix_does_not_make_is_refused(harness, made):
    text = re.sub(r'harness:report" content="html', 'harness:report" content="poster', made["text"], count=1)
    (made["folder"] / "report.html").write_text(text, encoding="utf-8")
    assert harness("verify", "report.html", expect=2).stderr == (
        "error: report.html: the report says that 'poster' made it, and toy.yaml has no such report\n"
        "  Add it to  reports:  of the matrix.\n"
    )
