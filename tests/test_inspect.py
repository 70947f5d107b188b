"""The inspection of the data as a part of a run, of its report and of the command line."""

import csv
import json

import pytest
from click.testing import CliRunner
from photographs import jpeg, photograph, reencoded

from harness import planning
from harness.cli import main
from harness.diagnosis import view
from harness.discretion import item_digest
from harness.reading import parse
from harness.redaction import redact
from harness.store import Store

WORDS = ("alpha", "beta", "gamma", "delta", "kappa", "omega", "sigma", "theta")

MATRIX = """\
benchmarks:
  archive: {uses: table, file: FOLDER/archive.csv, evidence: found, missing_images: skip}
evaluate_on:
  later: {uses: table, file: FOLDER/later.csv, evidence: found}
teachers:
  a: {uses: listens, words: [omega]}
teachers_as_arms: true
executor: inline
reports: {page: html, text: markdown}
"""


def write(folder, name, numbers, split, picture=lambda number: jpeg(photograph(number), 90)):
    rows = []
    for number in numbers:
        file = f"{name}-{number * 7919 % 997}.jpg"
        (folder / file).write_bytes(picture(number))
        words = [WORDS[number // base % 8] for base in (1, 8, 64)] + [f"<b>{number * 31}</b>", f"of {number * 17}"]
        rows.append(
            {
                "id": f"{name}-{number * 7919 % 997}",
                "caption": " ".join(words),
                "image": file,
                "label": "falsified" if number * 5 % 7 < 3 else "pristine",
                "split": split(number),
                "found": f"page {number * 13}",
            }
        )
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return rows


@pytest.fixture
def folder(tmp_path):
    """An archive of which one image is gone and one is cut, and later items of which two show what it shows."""
    rows = write(tmp_path, "archive", range(24), lambda number: "test" if number % 3 == 0 else "train")
    (tmp_path / rows[4]["image"]).unlink()
    cut = tmp_path / rows[5]["image"]
    cut.write_bytes(cut.read_bytes()[:900])
    write(
        tmp_path, "later", range(22, 34), lambda _: "test", lambda number: jpeg(reencoded(photograph(number), 40), 80)
    )
    return tmp_path


@pytest.fixture
def plan(folder, registry):
    return planning.make(parse(MATRIX.replace("FOLDER", str(folder)), registry, str(folder / "matrix.yaml")))


def test_a_run_inspects_each_benchmark_once_and_each_beside_what_is_trained_on(plan, run_plan, store):
    assert [found.step.what for found in plan.inspections.values()] == ["archive", "later", "later beside archive"]
    assert not plan.inspections.keys() & plan.steps.keys()
    outcome, _ = run_plan(plan)
    assert {report.state for report in outcome.inspected.values()} == {"done"}
    assert outcome.inspected.keys() == plan.inspections.keys()
    again, _ = run_plan(plan)
    assert again.inspected == {}


def test_another_matrix_on_the_same_data_inspects_nothing_again(folder, plan, run_plan, registry):
    run_plan(plan)
    text = MATRIX.replace("FOLDER", str(folder)).replace("words: [omega]", "words: [kappa]")
    other = planning.make(parse(text, registry))
    assert other.steps.keys().isdisjoint(plan.steps)
    assert other.inspections.keys() == plan.inspections.keys()
    assert run_plan(other)[0].inspected == {}


def test_what_was_found_is_in_the_tables(plan, run_plan, store, folder):
    run_plan(plan)
    seen = view(plan, store)
    told = {(row.benchmark, row.kind): row for row in seen.findings.itertuples()}
    assert told["archive", "unreadable image"].severity == "error"
    assert told["archive", "skipped entries"].count == 1
    beside = told["later", "similar image across splits"]
    assert (beside.trained_on, beside.count, beside.splits) == ("archive", 2, "train, test")
    assert list(seen.findings["benchmark"].drop_duplicates()) == ["archive", "later"]
    examples = seen.examples[seen.examples["benchmark"] == "later"]
    assert set(examples["other_benchmark"]) == {"archive"}
    (skipped,) = seen.skipped.itertuples()
    assert (skipped.benchmark, skipped.split) == ("archive", "train")
    assert (skipped.entry, skipped.reason) == ("archive-769", "its image is not there")


def test_damaged_findings_are_told_and_made_anew(plan, run_plan, store):
    run_plan(plan)
    (key, *_), before = plan.inspections, view(plan, store).findings
    (store.folder("inspect", key) / "findings.jsonl").write_text("no JSON\n")
    assert "not inspected" in set(view(plan, store).findings["kind"])
    with pytest.warns(UserWarning, match="inspect .* was damaged, moved to"):
        outcome, _ = run_plan(plan)
    assert outcome.inspected.keys() == {key}
    assert view(plan, store).findings.equals(before)


def test_before_a_run_a_view_says_that_nothing_was_looked_at(plan, store):
    assert set(view(plan, store).findings["kind"]) == {"not inspected yet"}


def test_an_inspection_that_fails_is_told_and_stops_no_cell(folder, registry, run_plan, store, toy):
    text = toy.replace("reports: {}", "reports: {page: html}").replace("words: words\n", "words: tattling\n", 1)
    plan = planning.make(parse(text, registry))
    outcome, _ = run_plan(plan)
    assert {report.state for report in outcome.inspected.values()} == {"failed"}
    assert outcome.count("done") == len(plan.steps)
    assert outcome.reasons == {}
    (row,) = view(plan, store).findings.itertuples()
    assert (row.kind, row.severity) == ("not inspected", "warning")
    assert row.found == "words could not be looked at: RuntimeError: the entries are nobody's business"


def rendered(plan, store, out, change=lambda seen: seen):
    seen = change(view(plan, store))
    pages = [file for report in plan.matrix.reports.values() for file in report.render(seen, out)]
    return {file.suffix: file.read_text(encoding="utf-8") for file in pages}


def test_reports_show_findings_side_by_side_and_escape_what_strangers_wrote(plan, run_plan, store, tmp_path):
    run_plan(plan)
    pages = rendered(plan, store, tmp_path / "out")
    html = pages[".html"]
    assert 'id="findings-table"' in html
    assert 'id="skipped-table"' in html
    assert "cut; it is" not in html
    pair = html[html.index('class="pairs"') : html.index('id="skipped-table"')]
    assert pair.count("data:image/webp;base64,") >= 3
    assert "&lt;b&gt;" in pair
    assert "<b>0" not in pair
    assert "An inspection of archive ended with 1 error" in html
    assert "## What was found in the data" in pages[".md"]
    assert "similar image across splits" in pages[".md"]


def test_a_redacted_report_keeps_kinds_and_counts_and_nothing_else(plan, run_plan, store, tmp_path):
    run_plan(plan)
    seen = redact(view(plan, store))
    ids = {item.id for benchmark in plan.matrix.every_benchmark.values() for item in benchmark.items("test")}
    assert {item_digest(item_id) for item_id in ids} >= set(seen.examples["item"]) - {""} - _train(plan)
    assert set(seen.findings["kind"]) == set(view(plan, store).findings["kind"])
    assert set(seen.findings["found"]) | set(seen.skipped["entry"]) == {"not shown: this report is redacted"}
    pages = rendered(plan, store, tmp_path / "out", redact)
    assert not [item_id for item_id in ids for page in pages.values() if item_id in page]
    assert "data:image/webp" not in pages[".html"]


def _train(plan):
    items = plan.matrix.benchmarks["archive"].items("train")
    return {item_digest(item.id) for item in items}


@pytest.fixture
def harness(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "matrix.yaml").write_text(MATRIX.replace("FOLDER/", ""))

    def call(*arguments, expect=0):
        result = CliRunner().invoke(main, [*arguments, "--store", "store"])
        assert result.exit_code == expect, result.output + result.stderr
        return result.stdout

    return call


def test_a_report_with_findings_is_verified_and_one_that_was_made_before_them_is_not(harness, folder):
    harness("report", "matrix.yaml")
    before = (folder / "runs/matrix/report.html").read_text()
    harness("run", "matrix.yaml")
    assert {"findings.csv", "examples.csv", "skipped.csv"} <= {file.name for file in (folder / "runs/matrix").iterdir()}
    harness("verify", "runs/matrix/report.html")
    page = folder / "runs/matrix/report.html"
    text = page.read_text()
    page.write_text(text.replace("2 of 12 test items", "1 of 12 test items"))
    assert text != page.read_text()
    harness("verify", "runs/matrix/report.html", expect=2)
    page.write_text(before)
    harness("verify", "runs/matrix/report.html", expect=2)
    assert Store(folder / "store").has("inspect", next((folder / "store/artifacts/inspect").iterdir()).name)


def test_a_run_tells_of_errors_in_its_data_and_ends_well(harness):
    result = CliRunner().invoke(main, ["run", "matrix.yaml", "--store", "store"])
    assert result.exit_code == 0
    assert "data: archive has 1 error (unreadable image); see the report's section Data\n" in result.stderr


def test_prompts_are_inspected_of_teachers_that_ask_in_words(folder, registry):
    asking = "b: {uses: openai, model: m, base_url: 'http://127.0.0.1:9/v1'}"
    text = MATRIX.replace("FOLDER", str(folder)).replace("a: {uses: listens, words: [omega]}", asking)
    plan = planning.make(parse(text, registry))
    prompts = [found for found in plan.inspections.values() if found.teacher]
    assert [found.step.what for found in prompts] == ["prompts of b on archive", "prompts of b on later"]


def test_a_matrix_is_checked_before_anything_runs(harness, folder):
    text = harness("benchmarks", "check", "matrix.yaml", expect=2)
    first, second = text.split("\n\n")
    assert first.startswith("archive (table)\nfiles:\n")
    assert "items:\n  train " in first
    assert "skipped: 1 entries" in first
    assert "findings: 1 error, " in first
    assert "  error: unreadable image (train): 1 of 15 images cannot be decoded: first is not an image" in first
    assert second.startswith("later (table)\n")
    assert "  warning: similar image across splits (train, test beside archive): 2 of 12 test items" in second
    assert not (folder / "store/artifacts").exists()


def test_a_check_is_data_for_programs_and_fails_for_warnings_where_asked(harness):
    told = json.loads(harness("benchmarks", "check", "matrix.yaml", "--json", expect=2))
    assert [one["label"] for one in told] == ["archive", "later"]
    assert {"kind", "severity", "found", "means", "remedy", "examples"} <= told[0]["findings"][0].keys()
    options = ("-o", "file=later.csv", "-o", "evidence=found")
    harness("benchmarks", "check", "table", *options)
    harness("benchmarks", "check", "newsworld", "-o", "train=200", "-o", "test=200")
    harness("benchmarks", "check", "newsworld", "-o", "train=200", "-o", "test=200", "--strict", expect=2)


def test_files_that_are_missing_are_told_with_where_to_get_them(harness, tmp_path):
    text = harness("benchmarks", "check", "verite", "--root", str(tmp_path), expect=2)
    assert f"missing  VERITE.csv at {tmp_path}/VERITE.csv\n           from github.com/" in text
    assert "error: unfit data: cannot be read: verite: there is no VERITE.csv" in text


def test_a_root_is_for_benchmarks_that_have_one(harness):
    result = CliRunner().invoke(main, ["benchmarks", "check", "newsworld", "--root", "x"])
    assert (result.exit_code, result.stderr.splitlines()[0]) == (2, "error: newsworld has no option root")
    result = CliRunner().invoke(main, ["benchmarks", "check", "matrix.yaml", "--root", "x"])
    assert "options are for a benchmark by its name" in result.stderr
