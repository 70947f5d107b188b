"""Similarities of image, caption and evidence: by words, and by vectors that a CLIP or SigLIP makes once."""

import math
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from harness.api import Evidence, Item, Objective, Target, TrainingError
from harness.store import Store
from harness.testing import checks_for, material
from harness.testing.contract import examine
from harness_students import clip_features
from harness_students.boosting import Boosting
from harness_students.inputs import Inputs, shared_words
from harness_students.probe import Probe

torch = pytest.importorskip("torch")

BY_WORDS = Inputs("image", "text", ("similarities",), ())
ITEM = Item(
    "a",
    "Farmers march in Oslo",
    evidence=Evidence(("Oslo",), ("A march in Oslo", "Weather")),
    features={"image": np.float32([3, 4]), "text": np.float32([0, 2])},
)


def test_words_are_compared_whatever_their_case_and_order():
    assert shared_words("Farmers march", "march, FARMERS!") == pytest.approx(1)
    assert shared_words("one two", "two three four five") == pytest.approx(1 / math.sqrt(8))
    assert shared_words("one", "two") == shared_words("", "two") == shared_words("", "") == 0


def test_without_clip_the_numbers_are_those_of_features_and_words():
    (found,) = BY_WORDS.of(ITEM)
    # Image with caption; pages: largest and mean with the caption, and how many; the same of the entities.
    expected = [0.8, 0.75, 0.375, math.log(3), 0.5, 0.5, math.log(2)]
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


def test_without_evidence_there_is_nothing_to_compare_with():
    (found,) = BY_WORDS.of(Item("a", "Farmers", features=ITEM.features))
    assert found.tolist() == pytest.approx([0.8, 0, 0, 0, 0, 0, 0])


def test_with_vectors_of_the_evidence_it_is_compared_with_image_and_caption():
    inputs = Inputs("image", "text", ("similarities",), (), "clip")
    features = {
        **ITEM.features,
        "clip.pages": np.float32([[1, 0], [0, 5]]),
        "clip.entities": np.zeros((0, 2), np.float32),
    }
    (found,) = inputs.of(Item("a", "Farmers", evidence=Evidence((), ("one", "two")), features=features))
    expected = [0.8, 0.8, 0.7, 1, 0.5, math.log(3), 0, 0, 0, 0, 0]
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


def test_vectors_of_different_length_have_no_similarity():
    features = {"image": np.ones(3, np.float32), "text": np.ones(2, np.float32)}
    assert BY_WORDS.of(Item("a", "Farmers", features=features)) == []


def test_what_is_read_is_what_the_parts_need():
    assert Probe(parts=("similarities",)).reads() == {"features.image", "features.text", "evidence"}
    assert Probe(parts=("similarities",), clip="some/clip").reads() == {"image", "evidence"}
    assert Probe(clip="some/clip", extra=("hint",)).reads() == {"image", "features.hint"}
    assert "evidence" not in Probe().reads()


@pytest.mark.parametrize("student", [Probe(parts=("similarities",), hidden=0, lr=0.05), Boosting()])
def test_evidence_alone_can_tell_the_classes_apart(tmp_path, student):
    bench = workbench(tmp_path)
    items = material.items(60, student.reads())
    truth = material.truth(items)
    targets = [Target(item.id, truth[item.id]) for item in items]
    student.train({item.id: item for item in items}, targets, Objective(), None, bench)
    unseen = material.items(40, student.reads(), seed=3)
    truth = material.truth(unseen)
    said = {answer.item_id: answer.verdict for answer in student.predict(unseen, bench.out, bench)}
    assert sum(said[item.id] == truth[item.id] for item in unseen) > 34


class Bench:
    """A workbench that keeps nothing warm which another one kept."""

    def __init__(self, out, store, seed=0):
        self.out, self.store, self.seed, self.kept = out, store, seed, {}
        out.mkdir(exist_ok=True)

    def log(self, **_): ...

    def prove(self, **_): ...

    def warm(self, key, make):
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    def shelf(self, name):
        return self.store.shelf(name)


def workbench(folder, name="model"):
    return Bench(folder / name, Store(folder / "store"))


def tokenizer():
    """One token a byte."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {word: place for place, word in enumerate(["<s>", "</s>", "<pad>", *alphabet])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


@pytest.fixture(scope="module", params=["clip", "siglip"])
def checkpoint(request, tmp_path_factory):
    """A CLIP or a SigLIP with random weights."""
    import transformers

    folder = tmp_path_factory.mktemp(request.param)
    words = {"vocab_size": 300, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    words |= {"num_attention_heads": 2, "max_position_embeddings": 24, "eos_token_id": 1, "pad_token_id": 2}
    sight = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    sight |= {"image_size": 32, "patch_size": 16}
    names = {"clip": "CLIP", "siglip": "Siglip"}
    kind = names[request.param]
    more = {"projection_dim": 12} if kind == "CLIP" else {}
    config = getattr(transformers, f"{kind}Config")(text_config=words, vision_config=sight, **more)
    torch.manual_seed(0)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    size = {"height": 32, "width": 32}
    images = getattr(transformers, f"{kind}ImageProcessor")(size=size, crop_size=size)
    getattr(transformers, f"{kind}Processor")(images, tokenizer()).save_pretrained(folder)
    return folder


def student_of(checkpoint):
    return Probe(parts=("cosine", "similarities"), clip=str(checkpoint))


def learnt(checkpoint, folder, name="model", count=8):
    bench = workbench(folder, name)
    items = material.items(count)
    truth = material.truth(items)
    targets = [Target(item.id, truth[item.id]) for item in items]
    student_of(checkpoint).train({item.id: item for item in items}, targets, Objective(), None, bench)
    return items, bench


def test_vectors_are_those_of_plain_transformers(checkpoint, tmp_path):
    from transformers import AutoModel, AutoProcessor

    item = material.items(1)[0]
    clip = clip_features.Clip(str(checkpoint), "")
    (seen,) = clip.looked_at([item], workbench(tmp_path))
    model, processor = AutoModel.from_pretrained(checkpoint).eval(), AutoProcessor.from_pretrained(checkpoint)
    with torch.inference_mode():
        image = model.get_image_features(**processor(images=[item.image.open()], return_tensors="pt")).pooler_output
        texts = processor(
            text=[item.caption, *item.evidence.captions],
            padding="max_length",
            max_length=24,
            truncation=True,
            return_tensors="pt",
        )
        words = model.get_text_features(**texts).pooler_output
    np.testing.assert_allclose(seen.features["clip.image"], image[0], atol=1e-5)
    np.testing.assert_allclose(seen.features["clip.text"], words[0], atol=1e-5)
    np.testing.assert_allclose(seen.features["clip.pages"], words[1:], atol=1e-5)
    assert seen.features["clip.entities"].shape == (2, len(words[0]))


def test_each_image_and_each_text_is_computed_once(checkpoint, tmp_path, monkeypatch):
    items, first = learnt(checkpoint, tmp_path)
    texts = {text for item in items for text in (item.caption, *item.evidence.captions, *item.evidence.entities)}
    images = {item.image.sha256() for item in items}
    with sqlite3.connect(first.shelf(clip_features.SHELF).path) as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchone() == (len(texts) + len(images),)

    def fail(_):
        raise AssertionError("it is loaded again")

    monkeypatch.setattr(clip_features, "load", fail)
    _, second = learnt(checkpoint, tmp_path, "second")
    assert (first.out / "probe.safetensors").read_bytes() == (second.out / "probe.safetensors").read_bytes()
    list(student_of(checkpoint).predict(items, first.out, workbench(tmp_path, "third")))


def test_another_checkpoint_shares_nothing(checkpoint, tmp_path):
    learnt(checkpoint, tmp_path)
    other = shutil.copytree(checkpoint, tmp_path / "other")
    (other / "config.json").write_text((other / "config.json").read_text() + "\n")
    assert student_of(other).digest() != student_of(checkpoint).digest()
    _, bench = learnt(other, tmp_path, "again")
    assert bench.kept


@pytest.mark.parametrize("checkpoint", ["clip"], indirect=True)
def test_it_keeps_the_contract_with_clip(checkpoint):
    student = student_of(checkpoint)
    assert [finding for finding in examine(student, checks_for(student)) if finding.state == "broken"] == []


def test_an_unreadable_image_is_an_error_of_its_item_alone(checkpoint, tmp_path):
    items, bench = learnt(checkpoint, tmp_path)
    items[1] = Item("odd", "A caption", image=material.unreadable())
    items[2] = Item("none", "A caption")
    said = list(student_of(checkpoint).predict(items, bench.out, bench))
    assert [answer.outcome for answer in said[:4]] == ["ok", "error", "error", "ok"]
    assert said[1].text == "It has no usable image."


def test_no_path_of_the_checkpoint_is_stored_with_the_model(checkpoint, tmp_path):
    _, bench = learnt(checkpoint, tmp_path)
    for path in bench.out.iterdir():
        assert str(checkpoint).encode() not in path.read_bytes()


def test_what_is_no_clip_is_refused(tmp_path):
    import harness_students

    tiny = Path(harness_students.__file__).with_name("tiny_llava")
    for checkpoint, cause in ((tiny, "has not both image and text features"), (tmp_path / "no", "cannot load")):
        with pytest.raises(TrainingError, match=cause) as caught:
            learnt(checkpoint, tmp_path, checkpoint.name)
        assert "give the student's option 'clip' the folder or the hub id" in str(caught.value)
