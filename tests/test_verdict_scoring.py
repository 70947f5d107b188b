"""Verdicts of verdict-first students from one prefill, against what the model says of whole answers."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.api import Image, Item, Objective, Target
from harness_benchmarks.newsworld import NewsWorld
from harness_students.tiny import TinyLlava
from harness_students.vlm import Vlm
from harness_students.vlm_base import load_base
from harness_students.vlm_schedule import Schedule
from harness_students.vlm_scoring import Words, score, verdict_words
from harness_students.vlm_text import asked_with_image

torch = pytest.importorskip("torch")
pytest.importorskip("trl")
tiny_families = pytest.importorskip("tiny_families")

pytestmark = pytest.mark.usefixtures("one_thread")

WORLD = NewsWorld(train=8, validation=0, test=6)
TEST = WORLD.items("test")
ITEMS = {item.id: item for item in WORLD.items("train")}
TARGETS = [Target(item_id, label, rationale="Word found.") for item_id, label in WORLD.labels("train").items()]
FIRST = TinyLlava(order="verdict-first", sft=Schedule(lr=1e-2, epochs=12, batch_size=8))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    bench = tiny_families.Bench(tmp_path_factory.mktemp("trained") / "out")
    FIRST.train(ITEMS, TARGETS, Objective(), None, bench)
    return bench


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("name", sorted(tiny_families.FAMILIES))
def test_a_score_is_the_models_own_probability_of_either_answer(name, several, family):
    base = load_base(str(family(name)), "float32")
    words = verdict_words(base.processor)
    if several:
        # As if the words were longer than one token, and one of them longer than the other.
        words = Words(words.lead, [*words.pristine, 5, 7], [*words.falsified, 9])
    pictures = [item.image.open() for item in TEST[:3]]
    prompts = [
        base.processor.apply_chat_template(asked_with_image(text), tokenize=False, add_generation_prompt=True)
        for text in ("In context?", "Does this caption belong to this image?", "Well?")
    ]

    def inputs(places):
        return base.processor(
            text=[prompts[place] for place in places],
            images=[[pictures[place]] for place in places],
            padding=True,
            padding_side="left",
            add_special_tokens=False,
            return_tensors="pt",
        )

    def whole(place, word):
        """Mean log-probability of a word's tokens where prompt and answer are forwarded as in training."""
        text = base.processor.tokenizer
        prompt = dict(inputs([place]))
        answer = torch.tensor([[*words.lead, *word]])
        for key, more in (("input_ids", answer), ("attention_mask", torch.ones_like(answer))):
            prompt[key] = torch.cat([prompt[key], more], dim=1)
        if "token_type_ids" in prompt:
            types = base.processor(text=[text.decode(answer[0])], add_special_tokens=False)["token_type_ids"][0][0]
            more = torch.full_like(answer, types)
            prompt["token_type_ids"] = torch.cat([prompt["token_type_ids"], more], dim=1)
        logits = base.model(**prompt).logits[0, -len(word) - 1 : -1].float().log_softmax(-1)
        return logits[torch.arange(len(word)), torch.tensor(word)].mean()

    with torch.no_grad():
        expected = [
            torch.stack([whole(place, words.pristine), whole(place, words.falsified)]).softmax(0)[1].item()
            for place in range(3)
        ]
    assert score(base.model, inputs(range(3)), words) == pytest.approx(expected, abs=1e-5)


def test_a_scored_verdict_is_that_of_the_generated_answer(trained, tmp_path):
    bench = tiny_families.Bench(tmp_path / "out", kept=trained.kept)
    generated = list(FIRST.model_copy(update={"verdicts": "generated"}).predict(TEST, trained.out, bench))
    assert "verdict_agreement" not in bench.facts
    scored = list(FIRST.predict(TEST, trained.out, bench))
    assert [one.verdict for one in scored] == [one.verdict for one in generated]
    assert [one.p_falsified for one in scored] == pytest.approx([one.p_falsified for one in generated], abs=1e-5)
    assert {one.text for one in scored} <= {"Verdict: pristine", "Verdict: falsified"}
    assert all(long.text.startswith(short.text) for long, short in zip(generated, scored, strict=True))
    assert bench.facts["verdict_agreement"] == {"items": 6, "parsable": 6, "agree": 1.0}


def test_the_agreement_is_of_a_sample_or_of_none(trained, tmp_path):
    for sample, items in ((0, None), (2, 2), (4, 3), (6, 6)):
        bench = tiny_families.Bench(tmp_path / str(sample), kept=trained.kept)
        list(FIRST.model_copy(update={"agreement_sample": sample}).predict(TEST, trained.out, bench))
        assert bench.facts.get("verdict_agreement", {}).get("items") == items


def test_a_base_that_says_something_else_is_scored_and_its_answers_do_not_count(family, tmp_path):
    vlm = Vlm(model=str(family("llava")), dtype="float32", order="verdict-first", max_new_tokens=8)
    bench = tiny_families.Bench(tmp_path / "out")
    predictions = list(vlm.predict(TEST, None, bench))
    assert {one.outcome for one in predictions} == {"ok"}
    assert bench.facts["verdict_agreement"] == {"items": 6, "parsable": 0}


def test_an_item_without_an_image_is_an_error_among_scored_ones(trained, tmp_path):
    broken = Item("broken", "The Rovers.", image=Image(read=lambda: b"no image", name="broken.png"))
    bench = tiny_families.Bench(tmp_path / "out", kept=trained.kept)
    predictions = list(FIRST.predict([TEST[0], broken, Item("none", "The Rovers.")], trained.out, bench))
    assert [one.outcome for one in predictions] == ["ok", "error", "error"]
    assert bench.facts["verdict_agreement"]["items"] == 1


def test_a_verdict_that_comes_last_cannot_be_scored():
    with pytest.raises(ValidationError, match="a verdict can be scored only where it comes first: set 'order'"):
        TinyLlava(verdicts="scored")
    assert TinyLlava(verdicts="scored", order="verdict-first").verdicts == "scored"
