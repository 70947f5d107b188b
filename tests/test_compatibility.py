"""What version 0.1 promised to authors of teachers still holds. Why `tests/data/first` is never edited is said there.

Additions are free. Where one of these tests fails, plugins that people have installed no longer work, or what they have
stored is asked for again.
"""

import inspect
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import harness.api
from harness.api import (
    Annotation,
    Benchmark,
    DataError,
    Evidence,
    HarnessError,
    Image,
    Item,
    MissingDependency,
    UnreadableImage,
    Usage,
    hookimpl,
)
from harness.errors import MatrixError
from harness.identity import digest, identity
from harness.planning import make
from harness.plugins import Registry
from harness.reading import parse
from harness.steps import rows
from harness.steps.annotate import content
from harness.testing import checks_for, examine

FIRST = Path(__file__).parent / "data" / "first"
RECORDED = json.loads((FIRST / "recorded.json").read_text())
WORDS = str(FIRST / "words.txt")

OPTIONS = {
    "light": ("first-light", {}),
    "light-of-words": ("first-light", {"words": WORDS, "measure": "darkest", "trust": 0.25, "refuses": ["secret"]}),
    "vectors": ("first-vectors", {}),
    "steep-vectors": ("first-vectors", {"sharpness": 9.5, "refuses": ["secret", "private"]}),
}

BREAKS = (
    "This is a break of the stored results of real users: {what} of a teacher that was written against version 0.1 has "
    "changed, so every answer that it gave and was paid for is a miss. Mend the harness, not the record."
)


def picture(grey):
    return b"P6 2 2 255\n" + bytes([grey]) * 12


def vectors(*values):
    return {"image": np.array(values, np.float32), "text": np.array([0.5, -0.25], np.float32)}


ITEMS = (
    Item("dark", "Streets at night", Image(lambda: picture(20), "dark.ppm"), features=vectors(1, 2)),
    Item(
        "light",
        "Streets at night, again",
        Image(lambda: picture(230), "light.ppm"),
        Evidence(("Noon", "Street"), ("A street at noon",)),
        vectors(-1, 2),
        "one story",
    ),
    Item("wordless", "Streets", Image(lambda: picture(230), "light.ppm"), features=vectors(0, 0)),
    Item("damaged", "Noon", Image(lambda: b"not an image", "damaged.ppm")),
    Item("secret", "A secret noon", Image(lambda: picture(200), "secret.ppm"), features=vectors(3, 1)),
)


class Snaps(Benchmark):
    """The items of this test."""

    name = "snaps"
    revision = 1

    def items(self, split):
        return ITEMS if split == "test" else ()

    def labels(self, split):
        return {item.id: "pristine" if item.id == "dark" else "falsified" for item in self.items(split)}

    def gives(self):
        return frozenset({"image", "evidence", "features.image", "features.text"})


class Provides:
    @hookimpl
    def harness_benchmarks(self):
        return [Snaps]


@pytest.fixture
def registry(monkeypatch):
    """What is installed, with the first plugins and the items of this test."""
    monkeypatch.syspath_prepend(str(FIRST))
    yield Registry.installed() + Registry.of(Provides())
    for name in [name for name in sys.modules if name.partition(".")[0] == "first_teachers"]:
        del sys.modules[name]


@pytest.fixture
def teachers(registry):
    return {label: registry.find("teacher", name)(**options) for label, (name, options) in OPTIONS.items()}


MATRIX = f"""\
evaluate_on:
  snaps: snaps
teachers:
  light: first-light
  light-of-words: {{uses: first-light, words: {WORDS}, measure: darkest, trust: 0.25, refuses: [secret]}}
  vectors: first/first-vectors
  steep-vectors: {{uses: first-vectors, sharpness: 9.5, refuses: [secret, private]}}
teachers_as_arms: true
executor: inline
reports: {{}}
"""


def answers(store, plan, label):
    return rows.read_annotations(store, plan.annotations[label, "snaps", "test"])


def as_recorded(now, record):
    """What the record has of today's values: a field that was added since is no break."""
    if isinstance(record, dict):
        return {key: as_recorded(now[key], value) for key, value in record.items()}
    return now


def test_the_first_plugins_load_without_a_warning(registry):
    (plugin,) = [plugin for plugin in registry.plugins if plugin.distribution == "first"]
    assert (plugin.error, plugin.deprecated, plugin.heavy) == ("", (), ())
    assert [(component.kind, component.name) for component in plugin.components] == [
        ("teacher", "first-light"),
        ("teacher", "first-vectors"),
    ]


@pytest.mark.parametrize("label", OPTIONS)
def test_the_first_plugins_are_who_they_were(teachers, label):
    assert identity(teachers[label]) == RECORDED[label]["identity"], BREAKS.format(what="the identity")


@pytest.mark.parametrize("label", OPTIONS)
def test_the_first_plugins_answers_lie_where_they_lay(teachers, label):
    teacher = teachers[label]
    keys = {item.id: content(item, teacher.reads()) for item in ITEMS}
    assert digest(identity(teacher)) == RECORDED[label]["journal"], BREAKS.format(what="the name of the journal")
    assert keys == RECORDED[label]["items"], BREAKS.format(what="the key of an answer")


@pytest.mark.parametrize("label", OPTIONS)
def test_the_first_plugins_say_what_they_said(teachers, label):
    said = {annotation.item_id: asdict(annotation) for annotation in teachers[label].annotate(ITEMS)}
    assert as_recorded(said, RECORDED[label]["answers"]) == RECORDED[label]["answers"]
    assert said.keys() == RECORDED[label]["answers"].keys()


@pytest.mark.parametrize("name", ["first-light", "first-vectors"])
def test_the_first_plugins_keep_todays_rules(registry, name):
    teacher = registry.find("teacher", name)()
    broken = [finding for finding in examine(teacher, checks_for(teacher)) if finding.state == "broken"]
    assert broken == []


def test_transport_is_no_part_of_who_they_are(registry, teachers):
    patient = registry.find("teacher", "first-light")(timeout=90)
    assert identity(patient) == identity(teachers["light"])


def test_the_first_plugins_run_through_a_matrix(registry, run_plan, store):
    plan = make(parse(MATRIX, registry))
    outcome, _ = run_plan(plan)
    assert outcome.reasons == {}
    for label in OPTIONS:
        said = {item_id: asdict(annotation) for item_id, annotation in answers(store, plan, label).items()}
        assert as_recorded(said, RECORDED[label]["answers"]) == RECORDED[label]["answers"]
    outcomes = {item_id: said.outcome for item_id, said in answers(store, plan, "light-of-words").items()}
    assert outcomes == {
        "dark": "ok",
        "light": "ok",
        "wordless": "unparsable",
        "damaged": "error",
        "secret": "refused",
    }


def test_answers_that_were_stored_by_the_first_version_are_not_asked_for_again(registry, run_plan, store):
    for record in RECORDED.values():
        with store.journal(record["journal"]) as journal:
            for item_id, key in record["items"].items():
                if record["answers"][item_id]["outcome"] != "error":
                    journal.add(key, {**record["answers"][item_id], "rationale": "said before"})
    plan = make(parse(MATRIX, registry))
    run_plan(plan)
    for label, record in RECORDED.items():
        manifest = store.manifest("annotate", plan.annotations[label, "snaps", "test"])
        failed = sum(answer["outcome"] == "error" for answer in record["answers"].values())
        assert manifest["facts"]["asked"] == failed, BREAKS.format(what="where the answers are looked for")
        said = answers(store, plan, label).values()
        assert {one.rationale for one in said if one.outcome != "error"} == {"said before"}


def test_a_package_that_a_first_plugin_lacks_is_told_when_it_is_needed(registry):
    teacher = registry.find("teacher", "first-vectors")(engine="abacus")
    with pytest.raises(MissingDependency) as caught:
        list(teacher.annotate(ITEMS))
    assert str(caught.value) == "teacher first-vectors needs abacus\n  pip install 'first[abacus]'"


def test_a_file_that_a_first_plugin_cannot_read_is_a_user_error(registry, tmp_path):
    (tmp_path / "words.txt").write_text("night\n")
    teacher = registry.find("teacher", "first-light")(words=str(tmp_path / "words.txt"))
    with pytest.raises(DataError, match="is not a word and a number on each line"):
        list(teacher.annotate(ITEMS))


def test_faults_in_the_options_of_the_first_plugins_have_their_places(registry):
    text = MATRIX.replace("measure: darkest", "measure: brightest").replace("sharpness: 9.5", "sharpness: 0, sharp: 1")
    with pytest.raises(MatrixError) as caught:
        parse(text, registry)
    assert [fault.where for fault in caught.value.faults] == [
        "teachers.light-of-words.measure",
        "teachers.steep-vectors.sharpness",
        "teachers.steep-vectors.sharp",
    ]


FROZEN = """
    SPLITS VERDICTS Accepts Annotation Benchmark Component ConflictRule DataError Evidence Example Executor HarnessError
    Image Item MissingDependency Need Objective Outcome Panel Pool Prediction Preference Ranked Recipe Report RunView
    Split Strategy Student Target Teacher TrainingError UnreadableImage Usage Verdict Workbench canonical digest
    file_digest hookimpl opposite seed_from sha256_of verdict_of
"""
NAMES_OF_0_1 = FROZEN.split()


def test_every_name_of_the_first_authors_world_is_still_there():
    assert set(NAMES_OF_0_1) - set(harness.api.__all__) == set()
    assert [name for name in NAMES_OF_0_1 if not hasattr(harness.api, name)] == []


# What stands for a default that is made anew, such as an empty mapping.
MADE = object()

SIGNATURES_OF_0_1 = {
    "Annotation": {
        "item_id": ...,
        "outcome": ...,
        "verdict": None,
        "p_falsified": None,
        "rationale": "",
        "usage": Usage(),
    },
    "Item": {"id": ..., "caption": ..., "image": None, "evidence": Evidence(), "features": MADE, "group": ""},
    "Evidence": {"entities": (), "captions": ()},
    "Usage": {"calls": 1, "input_tokens": 0, "output_tokens": 0, "usd": 0.0},
    "Image": {"read": ..., "name": ...},
    "Image.file": {"path": ...},
    "Image.read": {"self": ...},
    "Image.sha256": {"self": ...},
    "Image.open": {"self": ...},
    "Teacher.annotate": {"self": ..., "items": ...},
    "Teacher.reads": {"self": ...},
    "Component.digest": {"self": ...},
    "canonical": {"value": ...},
    "digest": {"value": ...},
    "file_digest": {"paths": ...},
    "opposite": {"verdict": ...},
    "seed_from": {"axes": ...},
    "sha256_of": {"data": ...},
    "verdict_of": {"p_falsified": ...},
}
"""Parameters in their order with their defaults; ``...`` where there is none."""


@pytest.mark.parametrize("name", SIGNATURES_OF_0_1)
def test_what_the_first_authors_call_is_called_as_it_was(name):
    called = harness.api
    for part in name.split("."):
        called = getattr(called, part)
    frozen, today = SIGNATURES_OF_0_1[name], list(inspect.signature(called).parameters.values())
    assert [parameter.name for parameter in today[: len(frozen)]] == list(frozen)
    for parameter, default in zip(today, frozen.values(), strict=False):
        if default is ...:
            assert parameter.default is inspect.Parameter.empty, parameter
        elif default is not MADE:
            assert parameter.default == default, parameter
        assert parameter.kind is not inspect.Parameter.KEYWORD_ONLY, parameter
    needed = [parameter.name for parameter in today[len(frozen) :] if parameter.default is inspect.Parameter.empty]
    assert needed == [], "a new parameter needs a default"


def test_errors_are_made_and_caught_as_they_were():
    for kind in (HarnessError, DataError, UnreadableImage, MissingDependency):
        error = kind("the cause", place="the place", remedy="the remedy")
        assert isinstance(error, HarnessError)
        assert (error.cause, error.place, error.remedy) == ("the cause", "the place", "the remedy")
        assert str(error) == "the place: the cause\n  the remedy"
    assert issubclass(UnreadableImage, DataError)


def test_values_have_the_attributes_that_they_had():
    item = Item("one", "a caption", group="story")
    assert (item.features, item.cluster, Item("two", "a caption").cluster) == ({}, "story", "two")
    assert Annotation("one", "ok", "falsified").probability == 1.0
    assert Annotation("one", "ok", "falsified", 0.75).probability == 0.75
    image = Image(lambda: picture(7), "seven.ppm")
    assert (image.name, image.read(), len(image.sha256())) == ("seven.ppm", picture(7), 64)
    assert (image.open().mode, image.open().size) == ("RGB", (2, 2))
    with pytest.raises(ValueError, match="refused"):
        Annotation("one", "refused", "pristine")


def test_words_and_functions_mean_what_they_meant():
    assert harness.api.VERDICTS == ("pristine", "falsified")
    assert harness.api.SPLITS == ("train", "validation", "test")
    assert {"ok", "refused", "unparsable", "error"} <= set(get_args(harness.api.Outcome))
    assert [harness.api.verdict_of(p) for p in (0.0, 0.49, 0.5, 1.0)] == [
        "pristine",
        "pristine",
        "falsified",
        "falsified",
    ]
    assert harness.api.opposite("pristine") == "falsified"
    assert harness.api.canonical({"b": [1, 2.5, None], "a": "é"}) == '{"a":"\\u00e9","b":[1,2.5,null]}'
    assert harness.api.digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert harness.api.seed_from("split", 3) == 1915575874
    words = "97fcc735097e639d5593dc7278cae307d6dcbafb015fba94977ef1b07580fa54"
    assert harness.api.file_digest(FIRST / "words.txt") == words
