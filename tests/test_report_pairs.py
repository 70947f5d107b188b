"""What a run's preference pairs are like, in its tables and in the report."""

import dataclasses
from html import unescape

import pandas as pd
import pytest

from harness.columns import PAIR_COLUMNS, VOICE_COLUMNS
from harness.diagnosis import view
from harness.redaction import redact
from harness.store import Store
from harness.testing.trial import HOSTILE
from harness_reports.html import page
from harness_reports.markdown import Markdown
from harness_reports.pairs import pairs, stylish, voices
from harness_reports.seen import Seen

ARM = "words/counter/mmkd/all/hard/0.25"


@pytest.fixture(scope="module")
def once():
    return {}


@pytest.fixture
def done(once, plan_of, toy, run_plan, tmp_path_factory):
    """The view of a toy run, its plan and its store."""
    if not once:
        text = toy.replace("words: words", "words: {uses: words, train: 160}", 1)
        plan, store = plan_of(text), Store(tmp_path_factory.mktemp("store"))
        run_plan(plan, store)
        once.update(view=view(plan, store), plan=plan, store=store)
    return once


def cells(table):
    return [[cell.text for cell in line.cells] for group in table.groups for line in group.lines]


def with_style(seen, auroc=0.9, low=0.82, high=0.97):
    table = seen.pairs.assign(style_auroc=auroc, style_auroc_low=low, style_auroc_high=high, style_pairs=40)
    return dataclasses.replace(seen, pairs=table)


def test_each_training_with_preferences_is_a_row_with_what_its_manifest_says(done):
    table = done["view"].pairs
    assert tuple(table.columns) == PAIR_COLUMNS
    cell = next(cell for cell in done["plan"].cells if cell.point.arm == ARM and cell.point.seed == 1)
    facts = done["store"].manifest("train", cell.model)["facts"]["pairs"]
    row = table[(table.arm == ARM) & (table.seed == 1)].iloc[0]
    assert (row.training, row.preferences, row.pairs) == (2, facts["preferences"], facts["pairs"])
    assert row.falsified_share == facts["chosen_falsified"] / facts["preferences"]
    assert row.length_ratio == facts["length_ratio"]
    assert set(table.arm) == {cell.point.arm for cell in done["plan"].cells if cell.point.strategy == "mmkd"}


def test_every_teacher_is_counted_as_chosen_and_as_rejected(done):
    voice, pair = done["view"].voices, done["view"].pairs
    assert tuple(voice.columns) == VOICE_COLUMNS
    assert set(voice.teacher) <= {"a", "b", ""}
    sums = voice.groupby(["arm", "seed"])[["chosen", "rejected"]].sum()
    for _, row in pair.iterrows():
        assert tuple(sums.loc[(row.arm, row.seed)]) == (row.pairs, row.pairs)


def test_facts_of_pairs_are_no_ingredient_of_a_step(done):
    assert all("pairs" not in step.ingredients for step in done["plan"].steps.values())


def test_the_section_shows_means_over_seeds_and_whose_words_are_chosen(done):
    seen = Seen.of(done["view"])
    rows = {line[0]: line for line in cells(pairs(seen))}
    own = done["view"].pairs[done["view"].pairs.arm == ARM]
    shown = rows["mmkd · hard · 25 %".replace(" %", "\u202f%")]
    assert shown[1] == f"{own.pairs.mean():g}"
    assert shown[3] == "50.0"
    assert shown[-1] == "2"
    assert {line[1] for line in cells(voices(seen))} <= {"a", "b", "nobody: a bare verdict"}
    text = unescape(page(done["view"]))
    assert '<section id="pairs"' in text
    assert "Whose words are chosen" in text


def test_a_style_that_tells_chosen_from_rejected_is_warned_of(done, tmp_path):
    plain, styled = (Seen.of(with_style(done["view"], low=low)) for low in (0.69, 0.82))
    assert list(stylish(plain)) == []
    sentence = (
        "mmkd · hard · 25\u202f%: chosen answers can be told from rejected ones by their words alone"
        " (area 0.90, 0.82 to 0.97), so that a preference loss may learn a teacher's style and not what is right."
    )
    assert sentence in list(stylish(styled))
    text = unescape(page(styled.view))
    assert "Style in the preferences" in text
    assert sentence in text
    (file,) = Markdown().render(styled.view, tmp_path)
    written = file.read_text(encoding="utf-8")
    assert "## Preference pairs" in written
    assert "by their words alone" in written.partition("## What this cannot say")[2]


def test_where_nothing_is_preferred_there_is_no_section(done, tmp_path):
    bare = dataclasses.replace(done["view"], pairs=done["view"].pairs.iloc[:0], voices=pd.DataFrame())
    assert '<section id="pairs"' not in page(bare)
    (file,) = Markdown().render(bare, tmp_path)
    assert "## Preference pairs" not in file.read_text(encoding="utf-8")


def test_a_redacted_view_keeps_the_numbers_of_the_pairs(done):
    seen = redact(done["view"])
    pd.testing.assert_frame_equal(seen.pairs, done["view"].pairs)
    pd.testing.assert_frame_equal(seen.voices, done["view"].voices)


def test_hostile_names_are_text(done):
    changed = {
        "pairs": done["view"].pairs.assign(arm=HOSTILE),
        "voices": done["view"].voices.assign(arm=HOSTILE, teacher=HOSTILE),
    }
    text = page(with_style(dataclasses.replace(done["view"], **changed)))
    assert "<hostile-element" not in text
    assert "{{ 6 * 7 }}" in unescape(text)
