"""Which answer each builder of pairs prefers to which, against pairs made by hand."""

import pytest

from harness.handed import Panel
from harness.recipe import Accepts, Need, Objective
from harness.steps.pool import DeclaredPool, Ledger
from harness.types import Annotation, Image, Item, Prediction, Preference, Target
from harness_strategies.conflicts import LearnRightTeacher, PreferRightTeacher
from harness_strategies.pairs import BUILDERS, STUDENT, trimmed

PRISTINE, FALSIFIED = "pristine", "falsified"
JOINT = Objective(losses={"sigmoid": 1.0, "sft": 1.0})
ALONE = Objective(losses={"sigmoid": 1.0})

# item: what teachers a, b, c and d said, as probability of falsified; None for a refusal
SAID = {
    "torn": (0.9, 0.8, 0.3, 0.1),
    "three-to-one": (0.2, 0.7, 0.95, 0.6),
    "agreed": (0.1, 0.2, 0.3, 0.2),
    "wrong": (0.9, 0.8, 0.7, 0.6),
    "silent": (None, None, None, None),
}
WORDS = {
    "a": "One two three. Four five six. Seven eight.",
    "b": "One two three four five.",
    "c": "One two.",
    "d": "One two three four. Five six.",
}


def annotation(teacher, item, p):
    if p is None:
        return Annotation(item, "refused")
    return Annotation(item, "ok", FALSIFIED if p >= 0.5 else PRISTINE, p, WORDS[teacher])


def answer(teacher, item):
    p = SAID[item]["abcd".index(teacher)]
    return Target(item, FALSIFIED if p >= 0.5 else PRISTINE, rationale=WORDS[teacher])


@pytest.fixture
def pool():
    def make(labels=None, *, needs=frozenset(Need), groups=True, said=None):
        annotations = {
            teacher: {item: annotation(teacher, item, given[place]) for item, given in SAID.items()}
            for place, teacher in enumerate("abcd")
        }
        items = {
            item: Item(item, "a caption", Image(bytes, item), group="one" if groups and item != "wrong" else "")
            for item in SAID
        }
        panel = Panel(items, annotations, said)
        return DeclaredPool(items, 1, needs, panel=panel, rank=[], labels=Ledger(labels or {}))

    return make


def pairs(name, pool, item, truth):
    return BUILDERS[name](pool, item, truth)


def test_the_surest_right_teacher_is_preferred_to_the_surest_wrong_one_and_both_are_named(pool):
    (pair,) = pairs("right-over-wrong", pool(), "torn", PRISTINE)
    assert pair == Preference("torn", answer("d", "torn"), (answer("a", "torn"),))
    assert (pair.chosen.source, pair.rejected[0].source) == ("d", "a")


def test_of_equally_sure_teachers_the_first_by_label_speaks(pool):
    (pair,) = pairs("right-over-wrong", pool(), "agreed", FALSIFIED)
    assert pair.rejected == (answer("a", "agreed"),)
    assert pair.chosen == Target("agreed", FALSIFIED)
    (pair,) = pairs("right-over-wrong", pool(), "three-to-one", FALSIFIED)
    assert pair.chosen.source == "c"


def test_the_right_teacher_can_be_preferred_to_every_wrong_one_at_once(pool):
    (pair,) = pairs("right-over-all-wrong", pool(), "torn", PRISTINE)
    assert pair.rejected == (answer("a", "torn"), answer("b", "torn"))
    assert pairs("right-over-all-wrong", pool(), "agreed", PRISTINE) == []


def test_a_flipped_pair_differs_by_the_verdict_alone(pool):
    (pair,) = pairs("verdict-flip", pool(), "torn", PRISTINE)
    assert pair.chosen == answer("d", "torn")
    assert pair.rejected == (Target("torn", FALSIFIED, rationale=WORDS["d"]),)
    assert pair.rejected[0].source == "d"
    assert pairs("verdict-flip", pool(), "silent", FALSIFIED) == [
        Preference("silent", Target("silent", FALSIFIED), (Target("silent", PRISTINE),))
    ]


def test_matched_answers_are_the_nearest_in_words_and_the_longer_one_loses_whole_sentences(pool):
    # Right are c (2 words) and d (6), wrong are a (8) and b (5): d and b are nearest, and d cannot spare a sentence.
    (pair,) = pairs("length-matched", pool(), "torn", PRISTINE)
    assert pair == Preference("torn", answer("d", "torn"), (answer("b", "torn"),))
    # Right is a alone, wrong are b (5), c (2) and d (6): a loses its last sentence beside d.
    (pair,) = pairs("length-matched", pool(), "three-to-one", PRISTINE)
    assert pair.rejected == (answer("d", "three-to-one"),)
    assert pair.chosen.rationale == "One two three. Four five six."


def test_where_no_teacher_was_right_matched_answers_are_bare_verdicts(pool):
    assert pairs("length-matched", pool(), "wrong", PRISTINE) == [
        Preference("wrong", Target("wrong", PRISTINE), (Target("wrong", FALSIFIED),))
    ]
    assert pairs("length-matched", pool(), "agreed", PRISTINE) == []


@pytest.mark.parametrize(
    ("text", "least", "kept"),
    [
        ("One two. Three four. Five.", 4, "One two. Three four."),
        ("One two. Three four. Five.", 3, "One two. Three four."),
        ("One two. Three four. Five.", 5, "One two. Three four. Five."),
        ("One two. Three four. Five.", 0, "One two."),
        ("No end of this", 1, "No end of this"),
        ("", 0, ""),
    ],
)
def test_an_answer_keeps_at_least_the_words_that_it_must_and_its_first_sentence(text, least, kept):
    assert trimmed(Target("a", PRISTINE, rationale=text), least).rationale == kept


def test_a_pristine_answer_is_also_preferred_to_itself_with_an_image_of_another_group(pool):
    plain, image = pairs("image-negative", pool(), "torn", PRISTINE)
    assert plain == pairs("right-over-wrong", pool(), "torn", PRISTINE)[0]
    assert image == Preference("torn", answer("d", "torn"), (answer("d", "torn"),), image_of="wrong")
    assert pairs("image-negative", pool(), "torn", FALSIFIED) == pairs("right-over-wrong", pool(), "torn", FALSIFIED)


def test_without_another_image_there_is_no_image_pair(pool):
    given = pool()
    only = {item: Item(item, "", group="one") for item in SAID}
    bare = DeclaredPool(only, 1, frozenset(Need), panel=given.panel, rank=[], labels=Ledger({}))
    assert len(pairs("image-negative", bare, "torn", PRISTINE)) == 1
    same = {item: Item(item, "", Image(bytes, item), group="one") for item in SAID}
    alike = DeclaredPool(same, 1, frozenset(Need), panel=given.panel, rank=[], labels=Ledger({}))
    assert len(pairs("image-negative", alike, "torn", PRISTINE)) == 1


def test_the_students_own_mistake_is_rejected_without_the_statement_of_its_verdict(pool):
    said = {
        "torn": Prediction("torn", "ok", FALSIFIED, 0.9, "A flag is seen. Verdict: falsified"),
        "agreed": Prediction("agreed", "ok", PRISTINE, 0.1, "All is well. Verdict: pristine"),
        "wrong": Prediction("wrong", "unparsable"),
    }
    given = pool(said=said)
    (pair,) = pairs("own-mistakes", given, "torn", PRISTINE)
    assert pair == Preference("torn", answer("d", "torn"), (Target("torn", FALSIFIED, rationale="A flag is seen."),))
    assert pair.rejected[0].source == STUDENT
    assert pairs("own-mistakes", given, "agreed", PRISTINE) == []
    assert pairs("own-mistakes", given, "wrong", PRISTINE) == []
    assert pairs("own-mistakes", given, "silent", PRISTINE) == []


def test_the_majority_is_preferred_without_a_label_wherever_it_outvotes_somebody(pool):
    recipe = PreferRightTeacher(objective=ALONE, truth="majority", balance="none", replay=0)
    assert recipe.needs() == {Need.ANNOTATIONS}
    assert recipe.min_teachers() == 3
    # Two against two is no majority, and where all agree nobody is outvoted.
    assert list(recipe.examples(pool(needs=recipe.needs()))) == [
        Preference("three-to-one", answer("c", "three-to-one"), (answer("a", "three-to-one"),))
    ]
    (target,) = LearnRightTeacher(truth="majority", replay=0).examples(pool(needs=recipe.needs()))
    assert target == answer("c", "three-to-one")


def test_without_a_likelihood_the_classes_are_balanced_among_the_items_that_have_a_pair(pool):
    labels = {"agreed": PRISTINE, "torn": PRISTINE, "wrong": PRISTINE, "three-to-one": FALSIFIED}
    for objective, counts in ((ALONE, (2, 2)), (JOINT, (3, 3))):
        recipe = PreferRightTeacher(objective=objective, replay=0)
        made = [getattr(example, "chosen", example).verdict for example in recipe.examples(pool(labels))]
        assert (made.count(PRISTINE), made.count(FALSIFIED)) == counts


@pytest.mark.parametrize(
    ("builder", "more"),
    [
        ("right-over-wrong", set()),
        ("right-over-all-wrong", {Accepts.SEVERAL_REJECTED}),
        ("image-negative", {Accepts.IMAGE_PREFERENCES}),
    ],
)
def test_a_recipe_asks_for_what_its_pairs_are(builder, more):
    assert PreferRightTeacher(objective=ALONE, pairs=builder).asks() == {Accepts.PREFERENCES} | more
    assert PreferRightTeacher(objective=JOINT, pairs=builder).asks() == {Accepts.PREFERENCES, Accepts.TARGETS} | more


def test_only_pairs_of_the_students_own_mistakes_read_what_it_says():
    needs = {builder: PreferRightTeacher(pairs=builder).needs() for builder in BUILDERS}
    assert {builder for builder, need in needs.items() if Need.STAGE1_PREDICTIONS in need} == {"own-mistakes"}
