"""harness teachers preview: what would be sent, and one answer."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness_teachers.picture import encode

VOTERS = Path(__file__).parent / "data" / "voters"

MATRIX = """\
benchmarks: {world: {uses: newsworld, train: 6, validation: 2, test: 4}}
teachers:
  mine: {uses: coin, prompt: PROMPT}
  words: evidence-overlap
students: {tiny: tiny-llava}
strategies: {zero-shot: zero-shot}
"""


@pytest.fixture
def preview(tmp_path, monkeypatch):
    """Runs the command in a folder with a matrix."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(VOTERS))
    (tmp_path / "mine.jinja").write_text("Is it so?\n{{ caption }}\n")
    (tmp_path / "matrix.yaml").write_text(MATRIX.replace("PROMPT", "mine.jinja"))

    def call(*arguments, expect=0):
        result = CliRunner().invoke(main, ["teachers", "preview", "matrix.yaml", *arguments])
        assert result.exit_code == expect, result.output + result.stderr
        return result

    return call


@pytest.fixture
def first():
    from harness_benchmarks.newsworld import NewsWorld

    return NewsWorld(train=6, validation=2, test=4).items("train")[0]


def test_the_first_training_item_is_shown_as_every_teacher_would_be_asked(preview, first):
    jpeg = encode(first.image, 64, 80)
    assert preview().stdout.splitlines() == [
        f"teacher mine (coin), item {first.id} of world (train)",
        f"prompt ({len(first.caption) + 10} characters):",
        "  | Is it so?",
        f"  | {first.caption}",
        f"image: 40 x 40, {len(jpeg):,} bytes, sha256 {hashlib.sha256(jpeg).hexdigest()[:12]}…",
        "",
        f"teacher words (evidence-overlap), item {first.id} of world (train)",
        "this teacher has no prompt: it asks nobody in words",
    ]


def test_any_item_of_any_split_can_be_shown(preview):
    from harness_benchmarks.newsworld import NewsWorld

    item = NewsWorld(train=6, validation=2, test=4).items("test")[2]
    (shown,) = json.loads(preview("--item", item.id, "--teacher", "mine", "--json").stdout)
    assert (shown["item"], shown["split"]) == (item.id, "test")
    assert shown["prompt"] == f"Is it so?\n{item.caption}"


def test_the_picture_is_written_as_it_would_be_sent(preview, first, tmp_path):
    text = preview("--teacher", "mine", "-o", "shown.jpg").stdout
    assert "written to shown.jpg" in text
    assert (tmp_path / "shown.jpg").read_bytes() == encode(first.image, 64, 80)


def test_a_call_shows_one_answer_whose_control_characters_stay_codes(preview):
    lines = preview("--teacher", "mine", "--call").stdout.splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith("answer: "))
    assert lines[place] in ("answer: ok, falsified", "answer: ok, pristine")
    assert lines[place + 1 :] == [
        r"  | \x1b[31mheads 0",
        "usage: calls 1, input_tokens 10, output_tokens 2, usd 0.5",
        "said:",
        r"  | heads\x07, of course",
    ]


def test_a_call_leaves_nothing_behind(preview, tmp_path):
    preview("--teacher", "words", "--call")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["matrix.yaml", "mine.jinja"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--item", "nobody"), "  Ids are those of the benchmarks; leave out --item for the first one.\n"),
        (("--item", "nobody"), "error: matrix.yaml: no item is called 'nobody'"),
        (("--teacher", "mein"), "error: matrix.yaml: no teacher is called 'mein'; did you mean 'mine'?\n"),
        (("--call",), "error: --call is for one teacher, and the matrix has 2\n  Say which by --teacher: mine, words."),
        (
            ("-o", "a.jpg"),
            "error: --image is for one teacher, and the matrix has 2\n  Say which by --teacher: mine, words.",
        ),
    ],
)
def test_what_cannot_be_shown_is_told(preview, arguments, told):
    assert told in preview(*arguments, expect=2).stderr


def test_a_prompt_that_fails_is_told_with_its_file_and_line(preview, tmp_path):
    (tmp_path / "mine.jinja").write_text("Is it so?\n{{ titles[0] }}\n")
    text = preview("--teacher", "mine", expect=2).stderr
    assert "teachers.mine.prompt: mine.jinja:2: tuple object has no element 0; Mend the prompt" in text


def test_what_is_previewed_of_a_hosted_model_is_what_is_sent(first):
    from harness_teachers.openai import OpenAI
    from harness_teachers.picture import data_url

    teacher = OpenAI(prompt="evidence-verdict-first", max_side=32)
    shown = teacher.preview(first)
    picture, words = teacher.question(first)["messages"][0]["content"]
    assert (picture["image_url"]["url"], words["text"]) == (data_url(shown.image), shown.prompt)
    assert OpenAI(send_image=False).preview(first).image is None


def test_a_call_to_a_hosted_model_shows_the_answer_as_it_was_given(preview, tmp_path):
    from faultserver import FaultServer

    with FaultServer() as server:
        teacher = f"{{uses: openai, base_url: '{server.address}', prompt: mine.jinja, usd_per_million_input: 1}}"
        (tmp_path / "matrix.yaml").write_text(MATRIX.replace("{uses: coin, prompt: PROMPT}", teacher))
        text = preview("--teacher", "mine", "--call").stdout
    assert "\nanswer: ok, " in text
    said = text.partition("\nsaid:\n  | ")[2].splitlines()[0]
    assert json.loads(said)["verdict"] in ("pristine", "falsified")
