"""What a claim is tested against: students that cannot see, strategies whose labels, pairs or stage 2 are spoilt."""

import io
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from harness.api import (
    Accepts,
    Evidence,
    Image,
    Item,
    Objective,
    Preference,
    Target,
    UnreadableImage,
    opposite,
)
from harness.lookup import installed
from harness.testing import checks_for
from harness.testing.strategy import pool
from harness_strategies.baselines import Stage1Only, Supervised
from harness_strategies.controls import ComputeMatched, FlippedPairs, ShuffledLabels
from harness_strategies.mmkd import Mmkd
from harness_students.masked import GREY, MajorityClass, Masked
from harness_students.probe import Probe

AROUND = (
    ShuffledLabels(of=Mmkd()),
    FlippedPairs(of=Mmkd()),
    ComputeMatched(of=Mmkd()),
    Masked(of=Probe(), sees=("caption",)),
)


def contracts():
    for component in AROUND:
        for check in checks_for(component):
            # Counting labels is what this control is for: it must not learn them.
            if (component.name, check.__name__) != ("compute-matched", "check_uses_the_labels_that_it_buys"):
                yield pytest.param(component, check, id=f"{component.name}-{check.__name__[6:]}")


@pytest.mark.parametrize(("component", "check"), list(contracts()))
def test_what_stands_around_another_component_keeps_the_contract(component, check):
    check(component)


def png(size=(30, 20), colour=(200, 10, 10)):
    out = io.BytesIO()
    Pillow.new("RGB", size, colour).save(out, format="PNG")
    return out.getvalue()


ITEM = Item(
    "one",
    "A flood in Rome",
    Image(png, "flood.png"),
    Evidence(("Rome",), ("Flood in Rome",)),
    {"image": np.ones(4, np.float32), "text": np.ones(6, np.float32), "both": np.ones(3, np.float32)},
    group="g",
)


def test_a_hidden_part_leaves_nothing_of_itself_and_the_rest_as_it_was():
    seen = Masked(of=Probe(), sees=("caption",)).mask(ITEM)
    assert (seen.id, seen.caption, seen.group, seen.evidence) == ("one", "A flood in Rome", "g", Evidence())
    picture = seen.image.open()
    assert picture.size == (30, 20)
    assert picture.getcolors() == [(600, GREY)]
    assert [seen.features[name].tolist() for name in ("image", "text", "both")] == [[0] * 4, [1] * 6, [0] * 3]
    other = Masked(of=Probe(), sees=("image",)).mask(ITEM)
    assert (other.caption, other.evidence, other.image) == ("", Evidence(), ITEM.image)
    assert other.features["text"].tolist() == [0] * 6
    third = Masked(of=Probe(), sees=("evidence",)).mask(ITEM)
    assert (third.caption, third.evidence) == ("", ITEM.evidence)
    assert Masked(of=Probe(), sees=("caption", "image", "evidence")).mask(ITEM) == ITEM


def test_two_items_that_differ_in_what_is_hidden_are_one_to_a_masked_student():
    student = Masked(of=Probe(), sees=("image",))
    other = replace(
        ITEM, caption="Something else", evidence=Evidence(), features={**ITEM.features, "text": np.zeros(6)}
    )
    mine, theirs = student.mask(ITEM), student.mask(other)
    assert (mine, mine.image.sha256()) == (theirs, theirs.image.sha256())
    assert {name: vector.tolist() for name, vector in mine.features.items()} == {
        name: vector.tolist() for name, vector in theirs.features.items()
    }


def test_a_picture_of_unknown_size_is_grey_and_one_that_cannot_be_read_stays_so():
    student = Masked(of=Probe(), sees=("caption",))
    assert student.mask(replace(ITEM, image=None)).image.open().size == (224, 224)
    with pytest.raises(UnreadableImage):
        student.mask(replace(ITEM, image=Image.file(Path("nowhere.png")))).image.open()


def test_a_masked_student_needs_what_it_sees_and_can_what_the_other_can():
    inner = Probe(parts=("cosine", "similarities"))
    student = Masked(of=inner, sees=("image",))
    assert student.reads() == {"features.image"}
    assert Masked(of=inner, sees=("caption", "evidence")).reads() == {"features.text", "evidence"}
    assert (student.accepts(), student.losses(), student.at_once()) == (inner.accepts(), inner.losses(), 1)
    with pytest.raises(ValueError, match="at least 1 item"):
        Masked(of=inner, sees=())


def test_a_hidden_feature_that_is_not_given_has_the_length_of_one_that_is():
    bare = replace(ITEM, features={"text": np.ones(6, np.float32)})
    seen = Masked(of=Probe(), sees=("caption",)).mask(bare)
    assert {name: vector.size for name, vector in seen.features.items()} == {"image": 6, "text": 6}


def test_the_majority_class_says_what_most_of_its_targets_say(bench):
    student = MajorityClass()
    targets = [
        Target("a", "pristine"),
        Target("b", "pristine"),
        Target("c", p_falsified=0.75),
        Target("d", "falsified"),
    ]
    student.train({}, targets, Objective(), None, first := bench("first"))
    (said,) = student.predict([ITEM], first.out, bench("say"))
    assert (said.verdict, said.p_falsified) == ("pristine", 1.75 / 4)
    student.train({}, [Target("e", "falsified", weight=4)], Objective(), first.out, second := bench("second"))
    (said,) = student.predict([ITEM], second.out, bench("again"))
    assert (said.verdict, said.p_falsified) == ("falsified", 5.75 / 8)
    (said,) = student.predict([ITEM], None, bench("untrained"))
    assert (said.verdict, said.p_falsified) == ("falsified", 0.5)
    assert student.reads() == frozenset()


def test_shuffled_labels_are_the_same_labels_on_other_items():
    (recipe,) = ShuffledLabels(of=Supervised()).stage1()
    given = pool(recipe)
    learnt = {target.item_id: target.verdict for target in recipe.examples(given)}
    assert list(learnt) == list(given.labels)
    assert Counter(learnt.values()) == Counter(given.labels.values())
    moved = sum(learnt[item_id] != verdict for item_id, verdict in given.labels.items())
    assert 0.2 < moved / len(learnt) < 0.8
    assert learnt == {target.item_id: target.verdict for target in recipe.examples(pool(recipe))}


def test_what_buys_no_label_is_left_as_it_is_by_shuffling_and_what_has_no_pair_by_flipping():
    for control in (ShuffledLabels(of=Mmkd()), FlippedPairs(of=Mmkd())):
        assert control.stage1() == Mmkd().stage1()
        assert control.stage2() != Mmkd().stage2()
        assert [recipe.objective for recipe in control.stage2()] == [recipe.objective for recipe in Mmkd().stage2()]
    assert FlippedPairs(of=Supervised()).stage1() == Supervised().stage1()
    assert FlippedPairs(of=Mmkd(stage2_order="sequential")).stage2()[0] == Mmkd(stage2_order="sequential").stage2()[0]


def test_flipped_pairs_prefer_the_wrong_answer_and_keep_the_targets():
    (plain,), (flipped,) = Mmkd().stage2(), FlippedPairs(of=Mmkd()).stage2()
    before, after = list(plain.examples(pool(plain))), list(flipped.examples(pool(flipped)))
    assert len(before) == len(after)
    assert any(isinstance(example, Preference) for example in before)
    labels = pool(plain).labels
    for one, other in zip(before, after, strict=True):
        if isinstance(one, Target):
            assert one == other
        else:
            assert (other.chosen, other.rejected) == (one.rejected[0], (one.chosen,))
            assert other.chosen.verdict == opposite(labels[other.item_id])


def test_several_rejected_answers_share_the_weight_of_their_pair_and_images_have_no_other_side():
    method = Mmkd(pairs="right-over-all-wrong")
    (plain,), (flipped,) = method.stage2(), FlippedPairs(of=method).stage2()
    pairs = [example for example in plain.examples(pool(plain)) if isinstance(example, Preference)]
    turned = [example for example in flipped.examples(pool(flipped)) if isinstance(example, Preference)]
    assert len(turned) == sum(len(pair.rejected) for pair in pairs)
    assert sum(pair.weight for pair in turned) == pytest.approx(sum(pair.weight for pair in pairs))
    method = Mmkd(pairs="image-negative")
    (plain,), (flipped,) = method.stage2(), FlippedPairs(of=method).stage2()
    conditional = sum(getattr(example, "image_of", None) is not None for example in plain.examples(pool(plain)))
    assert conditional
    after = list(flipped.examples(pool(flipped)))
    assert not any(getattr(example, "image_of", None) for example in after)
    assert Accepts.PREFERENCES in flipped.asks()


def test_a_matched_stage_1_has_as_many_answers_as_stage_2_and_learns_no_bought_label():
    method = Mmkd()
    (stage2,), (more,) = method.stage2(), ComputeMatched(of=method).stage2()
    answers = sum(1 if isinstance(one, Target) else 1 + len(one.rejected) for one in stage2.examples(pool(stage2)))
    learnt = list(more.examples(pool(more)))
    assert len(learnt) == answers
    (stage1,) = method.stage1()
    known = [(target.item_id, target.verdict, target.rationale) for target in stage1.examples(pool(more))]
    assert {(target.item_id, target.verdict, target.rationale) for target in learnt} <= set(known)
    most = Counter(json.dumps([one.item_id, one.rationale]) for one in learnt).most_common(1)[0][1]
    assert most <= -(-answers // len(known)) * max(Counter(json.dumps([one[0], one[2]]) for one in known).values())
    assert more.objective.losses == {}
    assert ComputeMatched(of=Mmkd(epochs=3)).stage2()[0].objective.epochs == 3
    assert ComputeMatched(of=Mmkd(epochs=3), epochs=5).stage2()[0].objective.epochs == 5
    assert ComputeMatched(of=Supervised()).stage2() == ()
    assert ComputeMatched(of=Stage1Only()).stage1() == Stage1Only().stage1()


def test_the_strategy_around_is_named_in_a_matrix(registry):
    found = installed("strategy", "of", {"uses": "flipped-pairs", "of": {"uses": "mmkd", "replay": 0}})
    assert found == FlippedPairs(of=Mmkd(replay=0))
