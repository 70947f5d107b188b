"""The teacher that compares feature vectors."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from harness.api import Item
from harness_teachers.feature_similarity import FeatureSimilarity


def item(key, image, text):
    features = {"image": image, "text": text}
    return Item(key, "A caption", features={k: np.array(v, np.float32) for k, v in features.items() if v is not None})


def test_a_caption_less_similar_than_the_threshold_is_falsified():
    items = [item("far", [1, 0], [0, 2]), item("near", [1, 0], [3, 1]), item("on", [1, 0], [0.5, math.sqrt(0.75)])]
    answers = list(FeatureSimilarity(threshold=0.3).annotate(items))
    assert [answer.verdict for answer in answers] == ["falsified", "pristine", "pristine"]
    assert [answer.rationale for answer in answers] == [
        "Image and caption have a similarity of 0.000, not above 0.300.",
        "Image and caption have a similarity of 0.949, above 0.300.",
        "Image and caption have a similarity of 0.500, above 0.300.",
    ]


def test_the_probability_is_a_half_at_the_threshold_and_falls_with_the_scale():
    (on,) = FeatureSimilarity(threshold=0.0).annotate([item("on", [1, 0], [0, 1])])
    (off,) = FeatureSimilarity(threshold=0.2, scale=0.1).annotate([item("off", [1, 0], [0, 1])])
    (far,) = FeatureSimilarity(threshold=-1, scale=1e-6).annotate([item("far", [1, 0], [1, 0])])
    assert (on.p_falsified, on.verdict) == (0.5, "falsified")
    assert off.p_falsified == pytest.approx(1 / (1 + math.exp(-2)))
    assert far.p_falsified == pytest.approx(0)


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (None, [1, 0]),
        ([1, 0], None),
        ([0, 0], [1, 0]),
        ([1, 0, 0], [1, 0]),
        ([math.nan, 0], [1, 0]),
        ([math.inf, 0], [1, 0]),
    ],
)
def test_an_item_without_usable_vectors_is_an_error(image, text):
    (answer,) = FeatureSimilarity().annotate([item("a", image, text)])
    assert (answer.outcome, answer.verdict) == ("error", None)
    assert answer.rationale == "It has no usable features.image and features.text."


def test_it_reads_the_features_that_its_options_name():
    teacher = FeatureSimilarity(image_feature="clip_image", text_feature="clip_text")
    assert teacher.reads() == {"features.clip_image", "features.clip_text"}


def test_a_threshold_that_no_cosine_reaches_is_refused():
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        FeatureSimilarity(threshold=25)
