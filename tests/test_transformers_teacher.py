"""A teacher that is a model of transformers: tiny random models of every family, asked for real."""

import gc
import json
import math
import re

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny_families import FAMILIES, make

from harness.api import HarnessError, Item, MissingDependency
from harness.identity import identity
from harness.testing import checks_for, material
from harness_teachers.local_model import Question, Reply, Scores
from harness_teachers.prompt import Prompt
from harness_teachers.self_consistency import SelfConsistency
from harness_teachers.transformers_model import Draw, Transformers


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folder of each family's model, made when it is first asked for."""
    made = {}

    def folder(family):
        if family not in made:
            made[family] = make(family, tmp_path_factory.mktemp("model") / family)
        return str(made[family])

    return folder


SHORT = "{{ caption }}. {{ titles|join('. ') }}. In context?"


def prompt(order="verdict-first"):
    """A question that fits into the 512 positions of these models."""
    return {"text": SHORT, "order": order}


@pytest.fixture
def teacher(folders):
    """A teacher of a family that answers briefly."""
    small = {"dtype": "float32", "max_new_tokens": 6, "max_side": 64, "prompt": prompt()}
    return lambda family="llava", **options: Transformers(**{"model": folders(family), **small, **options})


def alike(answers, others):
    return all(
        (one.outcome, one.verdict, one.rationale) == (other.outcome, other.verdict, other.rationale)
        and abs(one.probability - other.probability) < 1e-4
        for one, other in zip(answers, others, strict=True)
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_asked_and_answers_the_same_in_any_batch(family, teacher):
    items = material.items(2)
    for options in ({"temperature": 1.0}, {"verdicts": "scored", "prompt": prompt("rationale-first")}):
        together = list(teacher(family, **options).annotate(items))
        one_by_one = list(teacher(family, batch_size=1, **options).annotate(items))
        assert [answer.item_id for answer in together] == [item.id for item in items]
        assert alike(together, one_by_one)
        assert all(answer.usage.input_tokens > 30 and answer.usage.output_tokens > 0 for answer in together)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_asked_in_the_type_that_is_the_default(family, teacher):
    asked = teacher(family, dtype=Transformers().dtype, verdicts="scored")
    assert asked.dtype == "bfloat16"
    assert [answer.outcome for answer in asked.annotate(material.items(2))] == ["ok", "ok"]


@pytest.mark.parametrize("family", ["llava", "gemma3"])
def test_a_score_is_the_probability_of_the_words_in_the_model_s_own_log_probabilities(family, teacher):
    import torch

    asked = teacher(family, verdicts="scored", rationale=False)
    item = material.items(1)[0]
    (answer,) = asked.annotate([item])
    engine = asked.engine()
    question = asked.question(item)
    sums = []
    for word in ("pristine", "falsified"):
        inputs = engine.inputs([question], [f'{{"verdict": "{word}"'])
        with torch.inference_mode():
            likelihoods = engine.model(**inputs).logits[0].log_softmax(-1)
        tokens = inputs["input_ids"][0]
        sums.append(float(likelihoods[:-1].gather(-1, tokens[1:, None]).sum()))
    assert answer.p_falsified == pytest.approx(1 / (1 + math.exp(sums[0] - sums[1])), abs=1e-4)
    assert answer.usage.output_tokens == 0
    assert answer.rationale == ""


def test_a_scored_verdict_always_is_one_and_has_reasons_where_they_are_asked_for(teacher):
    items = material.items(4)
    for order in ("verdict-first", "rationale-first"):
        answers = list(teacher(verdicts="scored", prompt=prompt(order)).annotate(items))
        assert {answer.outcome for answer in answers} == {"ok"}
        assert any(answer.rationale for answer in answers)
        assert len({answer.p_falsified for answer in answers}) == 4


def test_what_the_picture_shows_changes_the_score(teacher):
    item = material.items(1)[0]
    other = Item(item.id, item.caption, material.picture(9), item.evidence)
    scored = teacher(verdicts="scored", rationale=False)
    one, another = (next(iter(scored.annotate([asked]))).p_falsified for asked in (item, other))
    assert one != another


class Scripted:
    """An engine whose answers are given, to see what is asked of an engine."""

    def __init__(self, text):
        self.text, self.seen = text, []

    def generate(self, questions, begun):
        self.seen.append(("generate", list(begun)))
        return [Reply(self.text, 100, 7) for _ in questions]

    def score(self, questions, begun, words):
        self.seen.append(("score", list(begun), words))
        return [Scores(-3.0, -1.0, 90) for _ in questions]


def scripted(engine, items, **options):
    class Asked(Transformers):
        def engine(self):
            return engine

    return list(Asked(verdicts="scored", **options).annotate(items))


def test_reasons_that_come_first_stand_before_the_scored_verdict():
    engine = Scripted('{"rationale": "The \\"sea\\" is missing.", "verdict": "pristine"}')
    (answer,) = scripted(engine, material.items(1), prompt="caption-rationale-first")
    words = {"pristine": 'pristine"', "falsified": 'falsified"'}
    assert engine.seen == [
        ("generate", [""]),
        ("score", ['{"rationale": "The \\"sea\\" is missing.", "verdict": "'], words),
    ]
    assert (answer.verdict, answer.rationale) == ("falsified", 'The "sea" is missing.')
    assert answer.p_falsified == pytest.approx(1 / (1 + math.exp(-2)))
    assert (answer.usage.calls, answer.usage.input_tokens, answer.usage.output_tokens) == (2, 190, 7)


def test_reasons_that_come_last_go_on_from_the_scored_verdict():
    engine = Scripted(', "confidence": 0.9, "rationale": "No sea."}')
    (answer,) = scripted(engine, material.items(1), prompt="caption-verdict-first")
    assert [seen[:2] for seen in engine.seen] == [
        ("score", ['{"verdict": "']),
        ("generate", ['{"verdict": "falsified"']),
    ]
    assert (answer.verdict, answer.rationale) == ("falsified", "No sea.")


def test_an_answer_of_one_s_own_form_begins_as_it_is_told():
    engine = Scripted(". No sea.")
    asked = Prompt(text="{{ caption }} Answer with 'Verdict:' and your reasons.")
    (answer,) = scripted(engine, material.items(1), prompt=asked, begun="Verdict: ")
    assert engine.seen[0] == ("score", ["Verdict: "], {"pristine": "pristine", "falsified": "falsified"})
    assert engine.seen[1] == ("generate", ["Verdict: falsified"])
    assert answer.rationale == "No sea"


def test_tokens_are_drawn_with_their_probabilities_at_the_temperature_and_within_top_p():
    import torch

    scores = torch.tensor([2.0, 1.0, 0.5, -1.0])
    questions = [Question("", str(number), b"") for number in range(3000)]
    for options, kept in (({"temperature": 0.7}, 4), ({"temperature": 1.5, "top_p": 0.6}, 2)):
        drawn = Draw(questions, Transformers(**options))(torch.zeros(3000, 1), scores.repeat(3000, 1)).argmax(-1)
        shares = torch.bincount(drawn, minlength=4) / 3000
        wanted = (scores[:kept] / options["temperature"]).softmax(-1)
        assert torch.allclose(shares[:kept], wanted, atol=0.03)
        assert shares[kept:].sum() == 0


def test_chance_is_drawn_by_the_seed_and_for_each_question_apart(teacher):
    items = material.items(4)
    drawn = [
        [a.rationale for a in teacher(temperature=1.5, top_p=0.9, seed=seed).annotate(items)] for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert [a.rationale for a in teacher(temperature=1.5, top_p=0.9, seed=1).annotate(items[::-1])] == drawn[0][::-1]


def test_samples_of_one_model_load_it_once_and_let_it_go(teacher, monkeypatch):
    loaded = []
    load = Transformers._load
    monkeypatch.setattr(Transformers, "_load", lambda self: loaded.append(self) or load(self))
    votes = SelfConsistency(of=teacher(temperature=1.0, verdicts="scored"), samples=3, vary="seed")
    assert [answer.outcome for answer in votes.annotate(material.items(3))] == ["ok"] * 3
    assert len(loaded) == 1
    gc.collect()
    list(teacher().annotate(material.items(1)))
    assert len(loaded) == 2


def test_what_is_shown_is_what_is_previewed(teacher):
    from io import BytesIO

    from PIL import Image as Pillow

    item = material.items(1)[0]
    shown = teacher(max_side=32).preview(item)
    assert Pillow.open(BytesIO(shown.image)).size == (32, 32)
    assert item.caption in shown.prompt


def test_a_question_that_leaves_no_room_for_an_answer_is_an_error_and_the_others_are_answered(teacher):
    short, other = material.items(2)
    long = Item("long", "word " * 600, other.image, other.evidence)
    for options in ({}, {"verdicts": "scored"}):
        one, two = teacher(max_new_tokens=20, **options).annotate([short, long])
        assert one.outcome != "error"
        assert two.outcome == "error"
        assert re.fullmatch(
            r"The question has \d[\d,]+ tokens and its answer up to (20|0); the model takes 512 together\.",
            two.rationale,
        )


def test_an_item_without_a_readable_image_is_an_error_and_loads_no_model(teacher):
    gone = Item("a", "A caption", material.unreadable())
    answers = list(teacher(model="nobody/nothing").annotate([gone, Item("b", "A caption")]))
    assert [answer.outcome for answer in answers] == ["error", "error"]
    assert [answer.rationale for answer in answers] == [
        "cannot be read: No such file or directory",
        "There is no image.",
    ]
    assert [answer.usage.calls for answer in answers] == [0, 0]


def test_the_identity_is_the_model_s_files_the_prompt_and_the_decoding(teacher, folders, tmp_path):
    import shutil

    plain = identity(teacher())
    assert identity(teacher(batch_size=2, device="cpu")) == plain
    for change in ({"temperature": 0.5}, {"prompt": "caption-verdict-first"}, {"max_side": 32}, {"dtype": "bfloat16"}):
        assert identity(teacher(**change)) != plain
    shutil.copytree(folders("llava"), tmp_path / "copy")
    before = identity(teacher(model=str(tmp_path / "copy")))
    config = tmp_path / "copy" / "processor_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "more": 1}))
    assert identity(teacher(model=str(tmp_path / "copy"))) != before
    assert before["files"] == plain["files"]


def test_the_loader_s_source_is_part_of_the_identity(monkeypatch):
    from harness.identity import source_digest

    whole = source_digest(Transformers)
    monkeypatch.setattr(Transformers, "libraries", ())
    source_digest.cache_clear()
    assert source_digest(Transformers) != whole
    source_digest.cache_clear()


def test_a_model_that_cannot_be_loaded_is_told(teacher, tmp_path):
    with pytest.raises(HarnessError, match=r"teacher transformers: cannot load '.*' as an image-text-to-text model"):
        list(teacher(model=str(tmp_path)).annotate(material.items(1)))


def test_a_quantized_model_needs_bitsandbytes(teacher):
    with pytest.raises(MissingDependency, match="the option 'quantize' needs bitsandbytes"):
        list(teacher(quantize="4bit").annotate(material.items(1)))


def test_missing_packages_are_named(teacher, monkeypatch):
    from harness_teachers import transformers_model

    monkeypatch.setattr(transformers_model, "find_spec", lambda package: None)
    with pytest.raises(MissingDependency) as caught:
        list(teacher().annotate(material.items(1)))
    assert str(caught.value) == (
        "teacher transformers: needs torch, transformers, safetensors\n  pip install 'ooc-harness[train]'"
    )


@pytest.mark.parametrize("check", checks_for(Transformers))
def test_it_keeps_the_contract(check, teacher):
    check(teacher(verdicts="scored", rationale=False, prompt={"text": "{{ caption }}"}))


MATRIX = """\
evaluate_on: {{world: {{uses: newsworld, test: 6}}}}
teachers:
  local:
    uses: transformers
    model: {folder}
    dtype: float32
    verdicts: scored
    rationale: false
    prompt: {{file: {prompt}}}
    begun: "Verdict: "
teachers_as_arms: true
reports: {{}}
executor: inline
"""


def test_a_matrix_asks_a_local_model_once(folders, tmp_path, run_plan, store):
    from harness import planning
    from harness.plugins import Registry
    from harness.reading import parse
    from harness_teachers import transformers_model

    registry = Registry.installed() + Registry.of(transformers_model)
    for name in ("one", "two"):
        (tmp_path / f"{name}.jinja").write_text("{{ caption }}\nIn context?")
    text = {name: MATRIX.format(folder="tiny_llava", prompt=tmp_path / f"{name}.jinja") for name in ("one", "two")}
    plans = {name: planning.make(parse(text[name], registry)) for name in text}
    outcome, _ = run_plan(plans["one"])
    assert outcome.count("done") == 1
    (step,) = plans["one"].steps.values()
    lines = (store.folder("annotate", step.key) / "annotations.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["outcome"] for row in rows} == {"ok"}
    assert all(0 < row["p_falsified"] < 1 for row in rows)
    # The same words from another file are the same prompt.
    assert run_plan(plans["two"])[0].count("stored") == 1
