"""The report's sections on single items, trainings, costs and threats say what is behind the tables."""

import dataclasses
import re
import runpy
from html import unescape
from math import nan
from pathlib import Path

import pandas as pd
import pytest

from harness.api import redact
from harness.columns import BENCHMARK_COLUMNS
from harness_reports.html import Html, page
from harness_reports.seen import Seen
from harness_reports.tracks import HEIGHT, LOGGED, TOP, pictures, track_of
from harness_reports.validity import threats

TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def made():
    return runpy.run_path(str(TESTS / "test_report_html.py"))


@pytest.fixture(scope="module")
def kept():
    return runpy.run_path(str(TESTS / "data" / "report_details.py"))["DemoDetails"]


@pytest.fixture(scope="module")
def demo(made, kept):
    return made["demo_view"](details=kept())


def section(text, name):
    return text.partition(f'<section id="{name}"')[2].partition("</section>")[0]


def words(text, name):
    lines = re.sub(r"</(?:tr|h2|h3|h4|p|li|dd|caption)>", "\n", section(text, name))
    lines = re.sub(r"</t[dh]>|<small>|</dt>", " | ", lines)
    return re.sub(r"[ \u202f]+", " ", unescape(re.sub(r"<[^>]+>", "", lines)))


def test_the_atlas_says_how_often_teachers_agree_and_what_they_call_what(demo):
    atlas = words(page(demo), "atlas")
    # 19 items are answered by both, and on 7 of them (every third) title-reader says the opposite.
    assert "entity-checker | – | 63.2 | κ 0.27 |" in atlas
    # Nine of the ten falsified items were answered, item 7 is falsified and was refused.
    assert "entity-checker | 9 | 0 | 10 | 0 | 1 |" in atlas


def test_the_atlas_shows_the_most_disputed_items_with_every_teachers_words(demo):
    text = page(demo)
    atlas = words(text, "atlas")
    assert "Most disputed by disagreement" in atlas
    assert "train-0: conflict 1 of 7" in atlas
    assert "A flood in Arden, 3." in atlas
    assert "entity-checker falsified p 0.90" in atlas
    assert "title-reader looked for Arden." in atlas
    assert "1 more conflict is not shown." in atlas
    assert "and 2 more" in atlas
    assert section(text, "atlas").count("<li>\n<div") == 2 * 6
    assert "is falsified" not in atlas


def test_pictures_are_small_data_and_a_broken_one_is_said_to_be_missing(demo):
    text = section(page(demo), "atlas")
    pictures = re.findall(
        r'<img src="data:image/webp;base64,[A-Za-z0-9+/=]+" width="144" height="108" alt="Image', text
    )
    assert len(pictures) == 2 * 3
    assert text.count("no picture") == 2 * 3


def test_pictures_can_be_left_out_and_examples_too(demo, tmp_path):
    (file,) = Html(pictures=False).render(demo, tmp_path)
    assert "<img" not in file.read_text()
    (file,) = Html(examples=0).render(demo, tmp_path)
    assert "A flood in Arden" not in file.read_text()
    assert "No item to show for disagreement." in file.read_text()


def test_the_gallery_shows_what_most_seeds_get_wrong_surest_first(demo):
    errors = words(page(demo), "errors")
    assert "3 of 20 test items are wrong in most of 3 seeds, 5 in at least one." in errors
    assert "test-0: is pristine; wrong in 3 of 3, on average 0.80 sure" in errors
    assert "test-3:" not in errors
    assert errors.count(" on newsworld\n") == 3
    assert errors.index("supervised · random · 100") < errors.index("mmkd · disagreement · 10")


def test_training_curves_are_thinned_and_end_with_the_last_loss(demo, kept):
    found = track_of(kept().log("x"), "loss")
    assert len(found) <= 121
    assert found[0] == (0, 2.0)
    assert found[-1] == (2990, 2.0 / 300)
    shown = words(page(demo), "training")
    assert "loss 2.00 → 0.01" in shown
    assert section(page(demo), "training").count("<h3>") == 24
    assert "More trainings are not drawn" in shown


def test_a_training_shows_what_was_logged_and_what_was_measured_of_it(demo, made, kept):
    text = section(page(demo), "training")
    pictures = re.findall(r"<b>([^<]+)</b>", text.partition("</ul>")[0])
    assert pictures == [
        "Loss",
        "Log-probability drift",
        "Gradient norm",
        "Tokens per second",
        "Peak memory, GB",
    ]
    shown = words(page(demo), "training")
    assert "chosen 0.00 → −2.99, 0.00 → −2.99, 0.00 → −2.99; rejected 0.00 → −29.9" in shown
    assert "norm 0.500 → 0.500" in shown
    assert "tokens/s 1\u202f501 → 1\u202f508" in text
    assert "peak 3.50 → 3.50" in shown
    # The rejected answers' line is dashed, of the one seed that the first training has.
    assert text.partition("Gradient norm")[0].count('class="second"') == 1


def test_a_redacted_training_keeps_its_numbers_and_nothing_else(made, kept):
    plain = kept(text="CANARY")
    told = redact(made["demo_view"](details=plain)).details
    assert all("CANARY" in str(lines) for lines in (plain.log("x"), plain.measured("x")))
    assert "CANARY" not in str(told.log("x")) + str(told.measured("x"))
    assert [line["step"] for line in told.measured("x")] == [*range(1, 9)]


def test_a_margin_that_crosses_zero_has_a_line_there():
    logged = [{"step": step, "rewards/margins": margin} for step, margin in enumerate((-1.0, 0.5, 3.0), 1)]
    (drawn,) = pictures(LOGGED, [logged])
    top, bottom = TOP, HEIGHT - TOP
    assert drawn.zero == pytest.approx(bottom - (bottom - top) / 4, abs=0.05)
    assert pictures(LOGGED, [logged[1:]])[0].zero is None
    assert (drawn.high, drawn.low, drawn.end) == ("3.00", "\u22121.00", "3")


def test_without_a_loss_there_is_no_curve(made):
    assert "No student has logged its loss." in words(page(made["demo_view"]()), "training")


def test_the_map_has_a_row_a_strategy_and_a_column_a_fraction(demo):
    shown = words(page(demo), "map")
    assert "Strategy and rule | \nno labels | \n3 % | \n6 % | \n10 % | \n100 % |" in shown
    best = demo.arms[demo.arms["role"] == "student"].loc[lambda arms: arms["accuracy"].idxmax()]
    assert f"{100 * best['accuracy']:.1f}" in shown
    dark = re.findall(r'class="n h9" data-value="([\d.]+)"', section(page(demo), "map"))
    assert [float(value) for value in dark] == [best["accuracy"]]


def test_without_fractions_the_map_is_of_students(made):
    view = made["demo_view"]()
    plain = view.arms[view.arms["strategy"].isin(["zero-shot", "stage1-only"])]
    other = plain.assign(student="vlm", arm=plain["arm"] + "/vlm")
    both = made["demo_view"](arms=pd.concat([plain, other]), results=view.results.iloc[:0])
    assert "Strategy and rule | \nprobe | \nvlm |" in words(page(both), "map")
    alone = made["demo_view"](arms=plain, results=view.results.iloc[:0])
    assert 'id="map"' not in page(alone)


def test_what_is_unbeaten_at_its_price_is_on_the_frontier(demo):
    level = demo.arms.assign(training_seconds=demo.arms["training_seconds"].where(lambda times: times.isna(), 60.0))
    view = dataclasses.replace(demo, arms=level)
    shown = words(page(view), "pareto")
    arms = level[level["role"] == "student"]
    free = arms[arms["labels_bought"] == 0].loc[lambda rows: rows["accuracy"].idxmax()]
    assert f"{free['strategy']} | {100 * free['accuracy']:.1f}" in shown
    top = arms.loc[arms["accuracy"].idxmax()]
    assert f"\n1 | {top['strategy']} · random · 100 %" in shown
    beaten = arms[(arms["strategy"] == "supervised") & (arms["label_fraction"] == 0.03)].iloc[0]
    assert beaten["accuracy"] < free["accuracy"]
    assert "supervised · random · 3 %" not in shown.split("No.")[1]
    drawn = section(page(view), "pareto")
    assert drawn.count("<svg") == 3
    assert "Accuracy against USD to teachers" in drawn
    assert "usd" not in drawn.split("Unbeaten for its")[1]
    assert "USD to teachers" in drawn.split("Unbeaten for its")[1]


def told(view):
    return {threat.title: threat.text for threat in threats(Seen.of(view))}


def test_threats_are_written_from_the_runs_facts(demo):
    found = told(demo)
    assert found["Synthetic data"] == "newsworld: what wins here says nothing about real news."
    assert found["Few seeds"].startswith("12 of 12 arms with seeds have fewer than 5, the fewest 3:")
    assert found["Missing answers"].startswith("39 of 7\u202f400 answers of students on newsworld (0.53 %) carry no")
    assert found["Silent teachers"].startswith("Items to which a teacher gave no verdict: entity-checker on newsworld")
    assert found["The winner's curse"].startswith("The best of 11 trained arms was picked")
    assert "Imbalanced conflicts" not in found
    assert "A mix of machines" not in found


def test_lopsided_conflicts_few_groups_and_leaky_evidence_are_threats(demo):
    view = dataclasses.replace(
        demo,
        conflicts=demo.conflicts.assign(falsified_share=0.9),
        benchmarks=demo.benchmarks.assign(groups=12, notes="evidence is leaky: it depends on the label"),
    )
    found = told(view)
    assert found["Imbalanced conflicts"].startswith("90.0\u202f% of the")
    assert found["Few independent test items"].startswith("The test items of newsworld form 12 groups only")
    assert found["Evidence that may know the answer"] == (
        "newsworld says of itself: evidence is leaky: it depends on the label"
    )
    assert "Synthetic data" not in found


def test_a_mix_of_machines_versions_and_code_is_a_threat(demo):
    parts = [
        {"steps": 3, "platform": "a", "packages": {"torch": "1"}, "code": {"commit": "c1", "changed": True}},
        {"steps": 2, "platform": "b", "packages": {"torch": "2"}, "code": {"commit": "c2", "changed": False}},
    ]
    found = told(dataclasses.replace(demo, provenance={"surroundings": parts}))
    assert {
        "A mix of machines",
        "A mix of versions",
        "Uncommitted code",
        "Several versions of the code",
    } <= found.keys()
    same = told(dataclasses.replace(demo, provenance={"surroundings": parts[1:]}))
    assert not {"A mix of machines", "A mix of versions", "Uncommitted code"} & same.keys()


def test_what_is_missing_or_was_not_declared_is_a_threat(made, demo):
    assert told(made["midrun_view"]())["An incomplete run"].startswith("25 of 40 results are missing")
    contrasts = demo.contrasts.assign(correction="uncorrected")
    assert told(dataclasses.replace(demo, contrasts=contrasts))["Exploratory comparisons"].startswith(
        f"{len(contrasts)} of {len(contrasts)} contrasts were not declared beforehand"
    )


def test_how_often_scored_verdicts_are_those_that_would_be_written_is_a_threat(demo, made):
    assert "90.0 % of the stated verdicts are the scored ones" in told(demo)["Verdicts that are scored"]
    assert "90.0 % of the stated" in told(redact(demo))["Verdicts that are scored"]
    assert "Verdicts that are scored" not in told(made["demo_view"]())


def test_a_run_without_threats_says_so(made):
    text = page(made["empty_view"]())
    assert 'id="validity"' not in text


def newsclippings(view, items, label="newsclippings"):
    row = dict.fromkeys(BENCHMARK_COLUMNS, nan) | {"benchmark": label, "split": "test", "items": items, "notes": ""}
    arms = view.arms.replace({"newsworld": label})
    results = view.results.replace({"newsworld": label})
    return dataclasses.replace(view, benchmarks=pd.DataFrame([row]), arms=arms, results=results)


def test_published_results_stand_only_beside_the_same_test_items(demo):
    shown = words(page(newsclippings(demo, 7264)), "published")
    assert "CCN▲ Warning: evidence may know the answer | 84.7 | 84.8 | 84.5 | leaky: evidence that" in shown
    assert "DT-Transformer | 77.1 | 78.6 | 75.6 | no web evidence | SNIFFER's table" in shown
    assert shown.count("evidence may know the answer") == 5
    assert shown.index("This run") < shown.index("supervised · random · 100") < shown.index("SAFE")
    for other in (newsclippings(demo, 7263), newsclippings(demo, 7264, "verite"), demo):
        assert 'id="published"' not in page(other)


def test_every_published_number_has_its_source_and_its_evidence_protocol():
    from harness_reports.published import RESULTS

    assert all(result.source and result.protocol and 0 < result.all < 1 for result in RESULTS)
    assert len({result.method for result in RESULTS}) == len(RESULTS) == 14


def test_hostile_text_behind_the_tables_becomes_no_tag_and_no_attribute(made, kept, demo):
    clean = made["Page"](page(demo))
    hostile = made["Page"](page(dataclasses.replace(demo, details=kept(made["HOSTILE"]))))
    assert not hostile.open
    assert set(hostile.tags) <= set(clean.tags) | {"details", "summary"}
    names = {(tag, name) for tag, name, _ in hostile.attributes}
    assert not any(name.startswith("on") or name == "style" for _, name in names)
    assert hostile.tags.count("script") == hostile.tags.count("style") == 1
    shown = "".join(hostile.shown)
    assert "{{ 7 * 7 }}" in shown
    for character in "\u202e\u2066\u200b\x00\x1b\ufeff":
        assert character not in shown


def test_a_megabyte_of_rationale_is_clipped_and_its_beginning_can_be_unfolded(kept, demo):
    text = page(dataclasses.replace(demo, details=kept(" يا 👩\u200d🚒 word" * 80_000, size=8)))
    assert len(text) < 1_500_000
    assert '<details class="clip"><summary dir="auto">entity-checker looked for Arden.' in text
    assert "… (cut; " in text


def test_the_same_details_give_the_same_bytes(demo):
    assert page(demo) == page(demo)


def test_a_real_run_fills_the_atlas_the_gallery_and_the_rest(plan_of, toy, run_plan, store):
    from harness.diagnosis import view

    plan = plan_of(toy)
    run_plan(plan, store)
    text = page(view(plan, store))
    assert "Most disputed by hard" in words(text, "atlas")
    assert "test items are wrong in most of 2 seeds" in words(text, "errors")
    assert "Few seeds" in words(text, "validity")
    assert "a | " in words(text, "atlas")


def test_two_hundred_arms_of_five_seeds_fit_into_three_megabytes(made, kept):
    view = made["demo_view"]()
    student = view.results[view.results["strategy"] == "mmkd"].iloc[0].to_dict()
    arm = view.arms[view.arms["strategy"] == "mmkd"].iloc[0].to_dict()
    results, arms = [], []
    for number in range(200):
        own = {"arm": f"arm/{number}", "strategy": f"way-{number % 25}", "label_fraction": (number // 25 + 1) / 20}
        own |= {"accuracy": 0.6 + number / 1000, "labels_bought": 10 * (number // 25 + 1)}
        arms.append(arm | own | {"seeds": 5, "seeds_planned": 5})
        results += [student | own | {"cell": f"arm/{number}/{seed}", "seed": seed} for seed in range(5)]
    big = dataclasses.replace(view, results=pd.DataFrame(results), arms=pd.DataFrame(arms), details=kept(size=300))
    text = page(big)
    assert len(text.encode()) < 3_000_000
    assert words(text, "comparison").count("way-") >= 200
