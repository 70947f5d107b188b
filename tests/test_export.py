"""An exported arm: loaded by plain peft and transformers, described as it was measured, without a machine's paths."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from harness.card import Facts, card, code
from harness.cells import Point
from harness.cli import main
from harness.exporting import portable
from harness.types import Exported

MATRIX = """\
benchmarks:
  world: {uses: newsworld, train: 24, validation: 0, test: 12}
teachers:
  entities: {uses: evidence-overlap, sources: [entities], checks: names, threshold: 0.75}
  titles: {uses: evidence-overlap, sources: [captions], threshold: 0.6}
students:
  tiny: {uses: tiny-llava, sft: {epochs: 1, batch_size: 8}, dpo: {epochs: 1}, max_new_tokens: 12}
rules: {conflicts: hard-disagreement}
strategies: {zero-shot: zero-shot, mmkd: mmkd}
label_fractions: [0.2]
seeds: [0]
executor: inline
reports: {}
"""
ARM = "world/tiny/mmkd/all/conflicts/0.2"


def call(*words, expect=0):
    result = CliRunner().invoke(main, words)
    assert result.exit_code == expect, result.output
    return result


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of the tiny student, its arm exported in both forms, and a table of posts with the arm's answers."""
    pytest.importorskip("trl")
    folder = tmp_path_factory.mktemp("made")
    (folder / "tiny.yaml").write_text(MATRIX)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        call("run", "tiny.yaml")
        call("export", ARM, "--matrix", "tiny.yaml", "-o", "adapter")
        call("export", ARM, "--matrix", "tiny.yaml", "--merged", "-o", "merged")
        _posts()
        call("predict", ARM, "posts.csv", "--matrix", "tiny.yaml", "-o", "arm.jsonl")
    return folder


def _posts():
    from harness_benchmarks.newsworld import NewsWorld

    lines = ["id,caption,image"]
    for item in NewsWorld(train=2, validation=0, test=6, seed=9).items("test"):
        Path(f"{item.id}.png").write_bytes(item.image.read())
        lines.append(f'{item.id},"{item.caption}",{item.id}.png')
    Path("posts.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def folder(made, monkeypatch):
    monkeypatch.chdir(made)
    return made


def said(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_an_export_answers_as_its_arm_wherever_it_lies(folder, tmp_path, form):
    shutil.copytree(form, tmp_path / "moved")
    out = tmp_path / "out.jsonl"
    call("predict", str(tmp_path / "moved"), "posts.csv", "-o", str(out))
    found, expected = said(out), said("arm.jsonl")
    assert [(row["id"], row["verdict"], row["text"]) for row in found] == [
        (row["id"], row["verdict"], row["text"]) for row in expected
    ]
    ours = [row["p_falsified"] for row in expected]
    assert [row["p_falsified"] for row in found] == pytest.approx(ours, abs=1e-4)


# A name that peft asks transformers for.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_the_cards_program_gives_the_arms_answers_without_the_harness(folder, form):
    from harness_students import tiny_llava

    program = re.search(r"```python\n(.*?)```", Path(form, "README.md").read_text(), re.DOTALL)[1]
    assert "harness" not in program
    program = program.replace('"THIS_FOLDER"', repr(form))
    # The base of a real student is a hub id; this one is a folder of the package.
    program = program.replace('"tiny_llava"', repr(str(Path(tiny_llava.__file__).parent)))
    space = {}
    exec(program, space)
    posts = pd.read_csv("posts.csv")
    texts = [space["judge"](row.image, row.caption) for row in posts.itertuples()]
    assert texts == [row["text"] for row in said("arm.jsonl")]


def test_a_merged_model_is_proved_to_agree_with_its_adapter(folder):
    record = json.loads(Path("merged/harness.json").read_text())
    assert 0 <= record["proofs"]["merged_log_prob_difference"] < 1e-3
    assert "`merged_log_prob_difference`" in Path("merged/README.md").read_text()
    assert not list(Path("merged").glob("adapter*"))
    assert {path.suffix for path in Path("merged").iterdir()} <= {".json", ".jinja", ".safetensors", ".md"}


def test_a_merged_model_that_does_not_agree_is_refused(folder, monkeypatch):
    from harness_students import vlm_export

    monkeypatch.setitem(vlm_export.LIMITS, "float32", -1.0)
    result = call("export", ARM, "--matrix", "tiny.yaml", "--merged", "-o", "other", expect=2)
    assert "the merged model's log-probabilities differ by up to" in result.stderr
    assert not list(Path().glob("*other*"))


def test_merging_leaves_the_base_of_this_process_as_it_was(folder, tmp_path):
    call("export", ARM, "--matrix", "tiny.yaml", "--merged", "-o", str(tmp_path / "again"))
    call("predict", ARM, "posts.csv", "--matrix", "tiny.yaml", "-o", str(tmp_path / "arm.jsonl"))
    assert said(tmp_path / "arm.jsonl") == said("arm.jsonl")


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_an_export_holds_no_path_of_this_machine(folder, form):
    from harness_students import tiny_llava

    for path in Path(form).rglob("*"):
        content = path.read_bytes()
        for text in (str(folder), str(Path.home()), str(Path(tiny_llava.__file__).parent.parent)):
            assert text.encode() not in content, path
    assert "manifest.json" not in {path.name for path in Path(form).iterdir()}


def test_the_card_says_what_the_tables_of_the_run_say(folder):
    arm = pd.read_csv("runs/tiny/arms.csv").set_index("arm").loc[ARM]
    text = Path("adapter/README.md").read_text()
    interval = f"{arm['accuracy_low']:.3f} to {arm['accuracy_high']:.3f}"
    assert f"| accuracy | {arm['accuracy']:.3f} | {interval} | {arm['accuracy']:.3f} |" in text
    assert f"| labels bought | {int(arm['labels_bought'])}, at most 0.2 of the training items |" in text
    assert "| teachers | `all`: `entities` (`evidence-overlap`), `titles` (`evidence-overlap`) |" in text
    assert "| conflict rule | `conflicts` |" in text
    assert re.search(r"\| `world` \| `newsworld` \| 24 train, 12 test \| `[0-9a-f]{64}` \|", text)
    assert '---\nlibrary_name: "peft"\nbase_model: "tiny_llava"\n' in text
    assert "vllm serve BASE --enable-lora" in text
    for warning in str(arm["warnings"]).split("; "):
        assert warning == "nan" or warning in text


def test_nothing_is_written_over_and_nothing_is_left_of_what_failed(folder):
    said = call("export", ARM, "--matrix", "tiny.yaml", "-o", "adapter", expect=2).stderr
    assert "adapter: is there and not empty\n  Name another folder by  -o ." in said
    said = call("export", "world/tiny/zero-shot", "--matrix", "tiny.yaml", "-o", "base", expect=2).stderr
    assert "is a base that nobody has trained: there is nothing to export" in said
    assert not list(Path().glob("*base*"))


def test_a_base_that_lay_in_a_folder_must_be_told_where_it_is(folder, tmp_path):
    from harness_students import tiny_llava

    base = shutil.copytree(Path(tiny_llava.__file__).parent, tmp_path / "base")
    text = MATRIX.replace("tiny-llava,", f"tiny-llava, model: {base},")
    Path(tmp_path / "own.yaml").write_text(text)
    store = ["--store", str(tmp_path / "store")]
    call("run", str(tmp_path / "own.yaml"), *store)
    out = tmp_path / "exported"
    call("export", ARM, "--matrix", str(tmp_path / "own.yaml"), *store, "-o", str(out))
    for path in out.iterdir():
        assert str(tmp_path).encode() not in path.read_bytes(), path
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == "base"
    result = call("predict", str(out), "posts.csv", "-o", str(tmp_path / "no.csv"), expect=2)
    assert "needs 'base', which lay in a folder of the machine that it was trained on" in result.stderr
    assert "Say where it lies:  --with model=FOLDER" in result.stderr
    elsewhere = base.rename(tmp_path / "elsewhere")
    call("predict", str(out), "posts.csv", "-o", str(tmp_path / "yes.csv"), "--with", f"model={elsewhere}")
    (elsewhere / "config.json").write_text((elsewhere / "config.json").read_text() + "\n")
    wrong = ["--with", f"model={elsewhere}"]
    result = call("predict", str(out), "posts.csv", "-o", str(tmp_path / "no.csv"), *wrong, expect=2)
    assert "is not the one that it was trained on" in result.stderr


def test_paths_are_left_out_of_a_students_identity():
    student, elsewhere = portable({"options": {"model": "/somebody/models/llava", "prompt": "a/b", "rank": 4}})
    assert (student["options"], elsewhere) == ({"model": "llava", "prompt": "a/b", "rank": 4}, ["model"])


HOSTILE = "`| <script>alert(1)</script>\n# Head\n---\n[a](http://b)\u202e\x1b[2J" + "x" * 5_000


def test_hostile_names_are_code_of_one_line_and_bounded():
    text = code(HOSTILE)
    assert text.startswith("`'¦ <script>")
    assert text.count("`") == 2
    assert not {"\n", "|", "\u202e", "\x1b"} & set(text)
    assert len(text) < 130
    assert code("") == code("\n") == "–"


def test_a_card_of_hostile_names_has_the_lines_of_a_plain_one():
    def page(name):
        point = Point(name, name, name, name, name, 0.1, 3)
        return card(
            Facts(
                point=point,
                student={"class": name, "options": {name: name}},
                exported=Exported(base=name, library=name),
                arms=[],
                results=[],
                benchmarks={},
                teachers=[(name, name)],
                manifest={"key": name, "facts": {"examples": {name: 1}}},
                proofs={name: name},
            )
        ).splitlines()

    plain, hostile = page("plain"), page(HOSTILE)
    assert len(plain) == len(hostile)
    # Names stand in code, so what is left without it is the same page.
    strip = [re.sub(r"`[^`]*`", "", line) for line in hostile[6:]]
    assert strip == [re.sub(r"`[^`]*`", "", line) for line in plain[6:]]
    assert json.loads(hostile[2].removeprefix("base_model: ")) == HOSTILE
