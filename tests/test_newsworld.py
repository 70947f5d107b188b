"""The synthetic news world."""

from __future__ import annotations

import pickle
from collections import Counter
from itertools import pairwise

import pytest
from pydantic import ValidationError

from harness.api import SPLITS, Item
from harness_benchmarks.newsworld import NewsWorld
from harness_benchmarks.newsworld_scene import ACTORS, EVENTS, PLACES
from harness_teachers.evidence_overlap import EvidenceOverlap

WORLD = NewsWorld(train=400, validation=40, test=200)
MANY = NewsWorld(train=4000)


def slots(text: str) -> tuple[str, str, str]:
    actor, event, place = (next(word for word in kind if word in text) for kind in (ACTORS, EVENTS, PLACES))
    return actor, event, place


def own_captions(world: NewsWorld, split: str) -> dict[str, str]:
    labels = world.labels(split)
    return {item.group: item.caption for item in world.items(split) if labels[item.id] == "pristine"}


def test_every_item_has_a_label_and_half_of_them_are_falsified():
    for split, size in zip(SPLITS, (400, 40, 200), strict=True):
        labels = WORLD.labels(split)
        assert [item.id for item in WORLD.items(split)] == list(labels)
        assert Counter(labels.values()) == {"pristine": size // 2, "falsified": size // 2}


def test_a_world_is_drawn_the_same_each_time_and_differently_for_each_seed():
    again = NewsWorld(train=400, validation=40, test=200).items("test")
    other = NewsWorld(train=400, validation=40, test=200, seed=1).items("test")
    assert [item.id for item in again] == [item.id for item in WORLD.items("test")]
    assert again[0].image.sha256() == WORLD.items("test")[0].image.sha256()
    assert not {item.image.sha256() for item in again} & {item.image.sha256() for item in other}


def test_pictures_are_small_rgb_images_that_can_be_pickled():
    image = pickle.loads(pickle.dumps(WORLD.items("test")[0])).image
    assert image.open().size == (40, 40)
    assert image.name.startswith("newsworld-")


def test_splits_share_no_image_and_no_group():
    images = [{item.image.sha256() for item in WORLD.items(split)} for split in SPLITS]
    groups = [{item.cluster for item in WORLD.items(split)} for split in SPLITS]
    for sets in (images, groups):
        assert len(set.union(*sets)) == sum(map(len, sets))


def test_items_with_the_same_image_are_one_group():
    groups: dict[str, set[str]] = {}
    for item in WORLD.items("train"):
        groups.setdefault(item.group, set()).add(item.image.sha256())
    assert all(len(images) == 1 for images in groups.values())


def test_evidence_depends_on_the_image_and_not_on_the_caption_or_label():
    by_image: dict[str, set[object]] = {}
    for item in WORLD.items("train"):
        by_image.setdefault(item.group, set()).add(item.evidence)
    assert all(len(evidence) == 1 for evidence in by_image.values())
    relabelled = NewsWorld(train=400, falsified=0.0)
    evidence = {item.group: item.evidence for item in relabelled.items("train")}
    assert all(evidence[item.group] == item.evidence for item in WORLD.items("train"))


def test_a_falsified_caption_belongs_to_another_image_of_the_split_and_is_untrue():
    labels, own = WORLD.labels("train"), own_captions(WORLD, "train")
    for item in WORLD.items("train"):
        if labels[item.id] == "falsified":
            assert item.caption in own.values()
            assert slots(item.caption) != slots(own[item.group])


def test_half_of_the_falsified_captions_are_wrong_in_one_slot():
    labels, own = WORLD.labels("train"), own_captions(WORLD, "train")
    wrong = [
        sum(said != true for said, true in zip(slots(item.caption), slots(own[item.group]), strict=True))
        for item in WORLD.items("train")
        if labels[item.id] == "falsified"
    ]
    assert 0.45 < wrong.count(1) / len(wrong) < 0.62


@pytest.mark.parametrize(
    "tell",
    [lambda item: item.id[-1] in "01234567", lambda item: len(item.caption) > 40, lambda item: "with" in item.caption],
)
def test_neither_id_nor_caption_betrays_the_label(tell):
    items, labels = MANY.items("train"), MANY.labels("train")
    right = sum((labels[item.id] == "falsified") == tell(item) for item in items)
    assert abs(right / len(items) - 0.5) < 0.04


def test_the_place_in_the_order_does_not_betray_the_label():
    verdicts = list(MANY.labels("train").values())
    assert abs(verdicts[:2000].count("falsified") - 1000) < 80
    assert abs(sum(one != other for one, other in pairwise(verdicts)) - 2000) < 130


def test_an_item_has_no_field_that_holds_a_label():
    assert set(Item.__slots__) == {"id", "caption", "image", "evidence", "features", "group"}
    text = str(WORLD.items("test"))
    assert "pristine" not in text
    assert "falsified" not in text


def test_searches_fail_as_often_as_the_options_say():
    none = NewsWorld(train=200, no_evidence=1.0).items("train")
    assert all(not item.evidence.entities and not item.evidence.captions for item in none)
    good = NewsWorld(train=200, no_evidence=0, missing=0, wrong=0, partial_title=0, other_page=0, actor_titled=0)
    labels = good.labels("train")
    for item in good.items("train"):
        if labels[item.id] == "pristine":
            actor, event, place = slots(item.caption)
            assert {actor, place} <= set(item.evidence.entities)
            assert event in item.evidence.captions[0]
            assert place in item.evidence.captions[0]


def test_two_teachers_with_different_blind_spots_conflict_on_a_fifth_to_a_quarter():
    world = NewsWorld(train=2000)
    items, labels = world.items("train"), world.labels("train")
    verdicts = [
        {said.item_id: said.verdict for said in teacher.annotate(items)}
        for teacher in (
            EvidenceOverlap(sources=("entities",), checks="names", threshold=0.75),
            EvidenceOverlap(sources=("captions",), checks="all", threshold=0.6),
        )
    ]
    for said in verdicts:
        assert 0.80 < sum(said[item_id] == label for item_id, label in labels.items()) / len(labels) < 0.88
    conflicts = [item_id for item_id in labels if verdicts[0][item_id] != verdicts[1][item_id]]
    assert 0.19 < len(conflicts) / len(labels) < 0.27
    agreed = [item_id for item_id in labels if verdicts[0][item_id] == verdicts[1][item_id]]
    assert sum(verdicts[0][item_id] == labels[item_id] for item_id in agreed) / len(agreed) > 0.93


def test_the_notes_say_that_the_world_is_synthetic():
    assert WORLD.notes() == {
        "origin": "synthetic: drawn by a program; results say nothing about real news",
        "scenes": 216,
    }
    assert WORLD.gives() == {"image", "evidence"}


def test_a_tiny_split_is_made_all_the_same():
    world = NewsWorld(train=2, validation=0, test=2)
    assert [len(world.items(split)) for split in SPLITS] == [2, 0, 2]


def test_a_share_above_one_is_refused():
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        NewsWorld(near_miss=1.5)


def test_a_reference_says_what_differs_and_only_test_items_have_one():
    references, labels = WORLD.references("test"), WORLD.labels("test")
    assert list(references) == list(labels)
    assert WORLD.references("train") == WORLD.references("validation") == {}
    own = own_captions(WORLD, "test")
    for item in WORLD.items("test"):
        said = slots(item.caption)
        if labels[item.id] == "pristine":
            actor, event, place = said
            assert (
                references[item.id] == f"The picture shows the {actor}, the {event} and {place}, as the caption says."
            )
        elif item.group in own:
            for word, shown in zip(said, slots(own[item.group]), strict=True):
                assert (f"says {word} where the picture shows {shown}" in references[item.id]) == (word != shown)
    assert all(("where" in text) == (labels[item_id] == "falsified") for item_id, text in references.items())
