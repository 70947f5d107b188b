"""Letters and encoders as vectors, how rationales differ, and items that are far from each other."""

import random

import numpy as np
import pytest
from panels import conflicts, ids, panel, scores

from harness.api import HarnessError, MissingDependency, Panel, seed_from
from harness.identity import identity
from harness_rules.diversity import KCenter, MarginDiversity
from harness_rules.farthest import FRESH, farthest_first
from harness_rules.rationales import RationaleDisagreement
from harness_rules.text import Trigrams, cosines, level

WORDS = ["bridge", "flood", "minister", "Oslo", "Lima", "protest", "voters", "queue", "engine", "ship", "harbour"]
WORDS += ["storm", "2014", "الجسر", "洪水", "мост"]


def texts(count, seed=0, length=6):
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=length)) for _ in range(count)]


def test_letters_weigh_and_compare_as_those_of_scikit_learn():
    from sklearn.feature_extraction.text import TfidfVectorizer

    some, others = texts(60), texts(60, seed=1)

    def grams(text):
        padded = f" {level(text)} "
        return [padded[at : at + 3] for at in range(len(padded) - 2)]

    theirs = TfidfVectorizer(analyzer=grams, lowercase=False).fit([*some, *others])
    expected = np.asarray(theirs.transform(some).multiply(theirs.transform(others)).sum(axis=1)).ravel()
    ours = Trigrams([*some, *others])
    assert cosines(ours.sparse(some), ours.sparse(others)) == pytest.approx(expected, abs=1e-9)
    assert cosines(ours.sparse(some), ours.sparse(some)) == pytest.approx(np.ones(60))


def test_letter_case_width_and_blanks_do_not_tell_texts_apart_and_an_empty_text_is_like_none():
    ours = Trigrams(["A bridge", "ａ  BRIDGE\n", "x", ""])
    assert cosines(ours.sparse(["A bridge", "x", "", "\ud800"]), ours.sparse(["ａ  BRIDGE\n", "x", "", "\ud800"])) == (
        pytest.approx([1, 1, 0, 1])
    )
    assert Trigrams([]).dense([], 8).shape == (0, 256)


def test_folded_letters_keep_what_is_alike_near():
    some = texts(300, length=12)
    ours = Trigrams(some)
    full = (ours.sparse(some) @ ours.sparse(some).T).toarray()
    folded = ours.dense(some, 8)
    folded /= np.linalg.norm(folded, axis=1, keepdims=True)
    off = ~np.eye(300, dtype=bool)
    # Each of 256 numbers holds many letters; the error of a cosine is of the order of 1/16.
    assert np.corrcoef(full[off], (folded @ folded.T)[off])[0, 1] > 0.8
    assert np.abs(full - folded @ folded.T)[off].mean() < 1 / 16


RATIONALES = {
    "same": ("pristine: The pages name Oslo.", "pristine: the pages  name Oslo."),
    "other": ("pristine: The pages name Oslo.", "pristine: A storm sank every ship."),
    "near": ("pristine: The pages name Oslo.", "falsified: The pages do not name Oslo."),
    "silent": ("pristine: The pages name Oslo.", None),
    "wordless": ("pristine: The pages name Oslo.", "pristine"),
}


def test_rationales_disagree_as_far_as_they_share_no_letters():
    one = panel(RATIONALES)
    order = RationaleDisagreement().rank(one, 0)
    assert ids(order)[:3] == ["other", "near", "same"]
    assert conflicts(order) == ["other", "near"]
    told = [text.partition(": ")[2] for said in RATIONALES.values() for text in said if text and ": " in text]
    weighed = Trigrams(told)
    near = cosines(weighed.sparse([told[4]]), weighed.sparse([told[5]]))[0]
    assert scores(order)["near"] == pytest.approx(1 - near)
    assert scores(order)["same"] == 0
    assert set(conflicts(RationaleDisagreement(missing="conflict").rank(one, 0))) == {
        "other",
        "near",
        "silent",
        "wordless",
    }
    assert set(ids(order)[3:]) == {"silent", "wordless"}


def test_of_three_rationales_the_mean_of_the_pairs_counts():
    rows = {
        "x": ("pristine: Oslo.", "pristine: Oslo.", "pristine: A storm."),
        "y": ("pristine: Oslo.", None, "pristine: Oslo."),
    }
    found = scores(RationaleDisagreement().rank(panel(rows), 0))
    both = cosines(
        Trigrams(["Oslo."] * 4 + ["A storm."]).sparse(["Oslo."]),
        Trigrams(["Oslo."] * 4 + ["A storm."]).sparse(["A storm."]),
    )
    assert found == pytest.approx({"x": 1 - (1 + 2 * both[0]) / 3, "y": 0})


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """The folder of a tiny random BERT and its words."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    words = ["[PAD]", "[UNK]", "The", "pages", "name", "Oslo", "do", "not", "storm", ".", "A"]
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=12, **sizes)).save_pretrained(folder)
    return folder


def test_an_encoder_compares_the_means_of_its_last_layer(encoder):
    import torch
    from transformers import AutoModel, AutoTokenizer

    model, words = AutoModel.from_pretrained(encoder), AutoTokenizer.from_pretrained(encoder)

    def mean(text):
        with torch.no_grad():
            return (
                model(**words(text, return_tensors="pt", truncation=True, max_length=12)).last_hidden_state[0].mean(0)
            )

    found = {}
    for batch_size in (1, 64):
        rule = RationaleDisagreement(encoder=str(encoder), device="cpu", batch_size=batch_size)
        found[batch_size] = scores(rule.rank(panel(RATIONALES), 0))
    for item in ("other", "near"):
        one, two = (mean(text.partition(": ")[2]) for text in RATIONALES[item])
        expected = 1 - float(torch.nn.functional.cosine_similarity(one, two, dim=0))
        assert found[64][item] == pytest.approx(expected, abs=1e-5)
    assert found[1] == pytest.approx(found[64], abs=1e-5)
    assert found[64]["silent"] == found[64]["wordless"] == 0
    long = panel({"x": ("pristine: " + "Oslo " * 5_000, "pristine: " + "Oslo " * 12)})
    assert scores(RationaleDisagreement(encoder=str(encoder)).rank(long, 0))["x"] == pytest.approx(0, abs=1e-5)


def test_an_encoder_s_files_are_part_of_the_identity_and_how_it_runs_is_not(encoder, tmp_path):
    plain = identity(RationaleDisagreement(encoder=str(encoder)))
    assert identity(RationaleDisagreement(encoder=str(encoder), batch_size=2, device="cpu")) == plain
    assert plain["files"]
    assert identity(RationaleDisagreement())["files"] == ""


def test_pickled_weights_and_what_is_no_text_encoder_are_refused(encoder, tmp_path, monkeypatch):
    import shutil

    import torch
    from transformers import AutoModel

    shutil.copytree(encoder, tmp_path / "pickled")
    (tmp_path / "pickled" / "model.safetensors").unlink()
    torch.save(AutoModel.from_pretrained(encoder).state_dict(), tmp_path / "pickled" / "pytorch_model.bin")
    for name in (tmp_path / "pickled", tmp_path / "none"):
        with pytest.raises(HarnessError, match=r"rule rationale-disagreement: cannot load .* as a text encoder"):
            RationaleDisagreement(encoder=str(name)).rank(panel(RATIONALES), 0)
    from transformers import AutoTokenizer, T5Config, T5Model

    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2, "vocab_size": 16}
    T5Model(T5Config(**sizes, decoder_start_token_id=0)).save_pretrained(tmp_path / "both")
    AutoTokenizer.from_pretrained(encoder).save_pretrained(tmp_path / "both")
    with pytest.raises(HarnessError, match="as a text encoder: a t5 has no one layer over a text's tokens"):
        RationaleDisagreement(encoder=str(tmp_path / "both")).rank(panel(RATIONALES), 0)
    bare = AutoTokenizer.from_pretrained(encoder)
    bare.pad_token = None
    shutil.copytree(encoder, tmp_path / "bare")
    bare.save_pretrained(tmp_path / "bare")
    with pytest.raises(HarnessError, match="as a text encoder: its tokenizer has no token to fill up texts with"):
        RationaleDisagreement(encoder=str(tmp_path / "bare")).rank(panel(RATIONALES), 0)
    monkeypatch.setattr("harness_rules.encoding.PACKAGES", ("torch", "no_such_package"))
    with pytest.raises(MissingDependency, match="rule rationale-disagreement: needs no_such_package"):
        RationaleDisagreement(encoder=str(encoder)).rank(panel(RATIONALES), 0)


def cloud(count, width=8, seed=0, weighted=False):
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((count, width)) + 3 * rng.standard_normal((5, width))[rng.integers(0, 5, count)]
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    return points, (rng.random(count) if weighted else np.ones(count)).astype(np.float32)


def values_by_definition(points, weights, order):
    """Weight times distance to the nearest before, of each of the order at its turn, and of the best at that turn."""
    from sklearn.metrics.pairwise import euclidean_distances

    apart = euclidean_distances(points.astype(np.float64))
    nearest, free = np.full(len(points), 2.0), np.ones(len(points), dtype=bool)
    taken, best = [], []
    for place in order:
        values = weights * nearest
        taken.append(values[place])
        best.append(values[free].max())
        free[place] = False
        nearest = np.minimum(nearest, apart[place])
    return np.array(taken), np.array(best)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fresh", [1, 7, FRESH])
def test_the_farthest_is_first_as_where_all_are_compared_each_time(fresh, weighted, monkeypatch):
    monkeypatch.setattr("harness_rules.farthest.FRESH", fresh)
    monkeypatch.setattr("harness_rules.farthest.AT_ONCE", 3)
    points, weights = cloud(250, weighted=weighted)
    start = None if weighted else 17
    order, values = farthest_first(points, weights, 250, start)
    taken, best = values_by_definition(points, weights, order)
    assert sorted(order.tolist()) == list(range(250))
    assert order[0] == (np.argmax(weights) if weighted else 17)
    assert values**2 == pytest.approx(taken**2, abs=2e-5)
    assert taken[1:] ** 2 == pytest.approx(best[1:] ** 2, abs=2e-5)


@pytest.mark.parametrize("fresh", [1, 2, 3, FRESH])
def test_of_equally_far_points_the_first_is_taken(fresh, monkeypatch):
    monkeypatch.setattr("harness_rules.farthest.FRESH", fresh)
    points = np.concatenate([np.eye(6), np.eye(6)]).astype(np.float32)
    assert farthest_first(points, np.ones(12, np.float32), 12)[0].tolist() == list(range(12))
    weights = np.array([0.5, 0.5, 1, 1, 0.5, 0.5] * 2, np.float32)
    assert farthest_first(points, weights, 12)[0].tolist() == [2, 3, 0, 1, 4, 5, 6, 7, 8, 9, 10, 11]
    assert farthest_first(points, weights, 3)[0].tolist() == [2, 3, 0, 1, 4, 5, 7, 10, 11, 6, 8, 9]


def test_after_the_picks_the_rest_follow_by_their_distance_to_them():
    points, weights = cloud(120)
    order, values = farthest_first(points, weights, 10, 0)
    taken, best = values_by_definition(points, weights, order[:10])
    assert taken**2 == pytest.approx(best**2, abs=2e-5)
    assert sorted(order.tolist()) == list(range(120))
    gaps = np.sqrt(np.maximum(2 - 2 * (points[order[10:]] @ points[order[:10]].T).max(axis=1), 0))
    assert values[10:] == pytest.approx(gaps, abs=1e-3)
    assert (np.diff(values[10:]) <= 0).all()


def test_the_first_centres_leave_no_item_farther_than_twice_the_least_possible():
    from itertools import combinations

    points, weights = cloud(14, width=3)
    apart = np.sqrt(np.maximum(2 - 2 * points @ points.T, 0))
    for k in (2, 3):
        best = min(apart[:, list(chosen)].min(axis=1).max() for chosen in combinations(range(14), k))
        order, _ = farthest_first(points, weights, k, 0)
        assert apart[:, order[:k]].min(axis=1).max() <= 2 * best + 1e-3


def spread_out(count=60, seed=0):
    points, _ = cloud(count, seed=seed)
    rng = random.Random(seed)
    rows = {f"i{n}": (rng.random(), rng.random()) for n in range(count)}
    return rows, {f"i{n}": {"image": points[n] * 7} for n in range(count)}


def test_centres_begin_at_the_middle_and_go_to_the_farthest_item():
    rows, features = spread_out()
    order = KCenter(feature="image").rank(panel(rows, features=features), 0)
    points = np.stack([features[item]["image"] / 7 for item in rows])
    start = int(np.argmax(points @ points.mean(axis=0)))
    places = [int(item[1:]) for item in ids(order)]
    taken, best = values_by_definition(points, np.ones(60), places)
    assert places[0] == start
    assert taken**2 == pytest.approx(best**2, abs=2e-5)
    assert np.array([row.score for row in order]) ** 2 == pytest.approx(taken**2 / 4, abs=2e-5)
    assert all(row.conflict for row in order)


def test_centres_among_the_conflicts_cover_these_alone():
    rows, features = spread_out()
    rows["i0"] = (0.9, None)
    one = panel(rows, features=features)
    order = KCenter(feature="image", among="conflicts").rank(one, 0)
    assert set(conflicts(order)) == {item for item in rows if one.disagree(item)}
    assert not order[-1].conflict
    assert [row.conflict for row in order] == sorted((row.conflict for row in order), reverse=True)


def test_uncertain_items_come_first_where_they_are_unlike_those_before():
    rows, features = spread_out()
    rows |= {"i1": (1.0, 1.0), "i2": (None, None), "i3": (0.5, None)}
    order = MarginDiversity(feature="image").rank(panel(rows, features=features), 0)
    margins = {
        item: 1 - abs(sum(known) / len(known) * 2 - 1)
        for item, said in rows.items()
        if (known := [p for p in said if p is not None])
    }
    wanted = [item for item in rows if margins.get(item, 0) > 0]
    points = np.stack([features[item]["image"] / 7 for item in wanted])
    assert set(conflicts(order)) == set(wanted)
    weights = np.array([margins[item] for item in wanted])
    taken, best = values_by_definition(points, weights, [wanted.index(item) for item in conflicts(order)])
    assert taken**2 == pytest.approx(best**2, abs=2e-5)
    assert np.array([row.score for row in order if row.conflict]) ** 2 == pytest.approx(taken**2 / 4, abs=2e-5)
    assert order[0].item_id == "i3"
    assert set(ids(order)[-2:]) == {"i1", "i2"}
    assert len(conflicts(MarginDiversity(feature="image", threshold=0.5).rank(panel(rows, features=features), 0))) == (
        sum(margin > 0.5 for margin in margins.values())
    )


@pytest.mark.parametrize("rule", [KCenter, MarginDiversity])
def test_an_item_without_a_usable_vector_is_no_conflict_and_comes_last(rule):
    rows, features = spread_out(20)
    features["i3"], features["i4"] = {}, {"image": np.zeros(8, np.float32)}
    features["i5"], features["i6"] = {"image": np.full(8, np.nan, np.float32)}, {"image": np.ones(3, np.float32)}
    order = rule(feature="image").rank(panel(rows, features=features), 0)
    assert set(ids(order)[-4:]) == {"i3", "i4", "i5", "i6"}
    assert set(rows) - set(conflicts(order)) == {"i3", "i4", "i5", "i6"}
    captions = {item: f"{item} in {WORDS[int(item[1:]) % 9]}" for item in rows} | {"i7": "  "}
    by_letters = rule().rank(panel(rows, captions=captions), 0)
    assert by_letters[-1].item_id == "i7"
    assert not by_letters[-1].conflict


@pytest.mark.parametrize("rule", [KCenter(), MarginDiversity()])
def test_the_same_caption_is_not_bought_twice_while_there_are_others(rule):
    captions = {f"i{n}": text for n, text in enumerate([*texts(20, seed=3), *texts(20, seed=3)])}
    rows = dict.fromkeys(captions, (0.9, 0.2))
    order = rule.rank(panel(rows, captions=captions), 0)
    assert len({captions[item] for item in ids(order)[:20]}) == 20
    assert all(row.score == 0 for row in order[20:])
    twins = [
        {ids(rule.rank(panel(rows, captions=captions), seed)).index(f"i{n}") < 20 for n in (0, 20)} for seed in range(3)
    ]
    assert twins == [{True, False}] * 3


def test_equal_items_are_ordered_by_seed_and_id_alone():
    rows = {f"i{n}": (0.9, 0.2) for n in range(40)}
    for rule in (KCenter(), MarginDiversity()):
        for one in (
            panel(rows),
            Panel(
                dict(reversed(panel(rows).items.items())), {t: {i: panel(rows).by(t, i) for i in rows} for t in "ab"}
            ),
        ):
            assert ids(rule.rank(one, 5)) == sorted(rows, key=lambda item: seed_from(5, item))


@pytest.mark.parametrize("rule", [KCenter(feature="image"), MarginDiversity(feature="image")])
def test_a_seed_changes_nothing_where_nothing_is_equal(rule):
    rows, features = spread_out()
    # Two of the last three are equally far from all before them, to 10⁻⁵.
    found = {tuple(ids(rule.rank(panel(rows, features=features), seed))[:57]) for seed in range(5)}
    assert len(found) == 1
