"""Several samples of one teacher that vote, and options that are components."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from harness.api import Item, Named, Teacher, Usage, hookimpl
from harness.identity import identity
from harness.plugins import Registry
from harness.testing import checks_for, material
from harness_teachers.evidence_overlap import EvidenceOverlap
from harness_teachers.self_consistency import SelfConsistency

VOTERS = Path(__file__).parent / "data" / "voters"


@pytest.fixture(autouse=True)
def coin(monkeypatch):
    """The teacher that is asked, installed."""
    monkeypatch.syspath_prepend(str(VOTERS))
    from voters import Coin

    return Coin


def items(count=40):
    return [Item(f"i{n}", f"caption {n}") for n in range(count)]


def said(teacher, asked=None):
    return {annotation.item_id: annotation for annotation in teacher.annotate(asked or items())}


def test_the_probability_is_the_share_of_the_votes_and_usage_their_sum(coin):
    asked = items()
    votes = {item.id: [] for item in asked}
    for seed in range(7, 12):
        for answer in coin(seed=seed).annotate(asked):
            votes[answer.item_id].append(answer)
    found = said(SelfConsistency(of=coin(seed=7)))
    assert found.keys() == votes.keys()
    for item_id, answer in found.items():
        shares = Counter(vote.verdict for vote in votes[item_id])
        assert answer.p_falsified == shares["falsified"] / 5
        assert answer.verdict == shares.most_common(1)[0][0]
        first = next(vote for vote in votes[item_id] if vote.verdict == answer.verdict)
        assert answer.rationale == first.rationale
        assert answer.usage == Usage(5, 50, 10, 2.5)
    assert len({answer.p_falsified for answer in found.values()}) > 3


@pytest.mark.parametrize("check", checks_for(SelfConsistency))
def test_it_keeps_the_contract(check, coin):
    check(SelfConsistency(of=coin(refused=0.2), samples=3))


def test_an_answer_comes_as_soon_as_its_samples_are_there(coin, tmp_path):
    log = tmp_path / "log"
    answers = SelfConsistency(of=coin(log=str(log)), samples=3).annotate(items(100))
    next(answers)
    assert len(log.read_text().splitlines()) == 3
    answers.close()


def test_teachers_that_answer_in_another_order_vote_all_the_same(coin):
    assert said(SelfConsistency(of=coin(backwards=True))) == said(SelfConsistency(of=coin()))


def test_a_tie_is_what_the_option_says(coin):
    for ties, verdict in (("falsified", "falsified"), ("pristine", "pristine"), ("unparsable", None)):
        found = said(SelfConsistency(of=coin(), samples=2, ties=ties))
        tied = [answer for answer in found.values() if answer.rationale == "The votes are equal."]
        tied += [answer for answer in found.values() if answer.p_falsified == 0.5]
        assert tied
        assert {answer.verdict for answer in tied} == {verdict}


def test_too_few_votes_are_no_verdict(coin):
    found = said(SelfConsistency(of=coin(refused=0.5), samples=4))
    outcomes = Counter(answer.outcome for answer in found.values())
    assert outcomes.keys() == {"ok", "refused"}
    refused = next(answer for answer in found.values() if answer.outcome == "refused")
    assert refused.rationale.startswith("no ")
    assert refused.usage.calls == 4
    lenient = Counter(answer.outcome for answer in said(SelfConsistency(of=coin(refused=0.5), min_votes=1)).values())
    assert lenient["ok"] > outcomes["ok"]


def test_errors_among_the_samples_are_asked_again_where_they_decide(coin):
    found = said(SelfConsistency(of=coin(error=0.6), samples=3))
    lost = [answer for answer in found.values() if answer.outcome == "error"]
    assert lost
    assert all(answer.again and answer.rationale.startswith("lost ") for answer in lost)
    assert any(answer.outcome == "ok" for answer in found.values())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"of": EvidenceOverlap()}, "evidence-overlap has no option 'seed', so that all samples would be the same"),
        ({"temperature": 0}, "the temperature of coin is 0, so that all samples would be the same"),
        ({"vary": "falsified"}, "the option 'falsified' of coin is no whole number"),
        ({"min_votes": 6}, "min_votes is more than there are samples"),
        ({"of": "coin"}, "a teacher is needed"),
    ],
)
def test_samples_that_cannot_differ_are_refused(coin, options, told):
    of = options.pop("of", None) or coin(temperature=options.pop("temperature", 1.0))
    with pytest.raises(ValidationError) as caught:
        SelfConsistency(of=of, **options)
    assert told in str(caught.value)


MATRIX = """\
evaluate_on: {world: {uses: newsworld, test: 8}}
teachers:
  sc:
    uses: self-consistency
    samples: 3
    of: OF
teachers_as_arms: true
executor: inline
reports: {}
"""


@pytest.fixture
def reading(coin):
    from harness.reading import parse

    return lambda of: parse(MATRIX.replace("OF", of), Registry.installed())


def test_a_matrix_names_the_other_teacher_as_it_names_teachers(reading, coin):
    assert reading("coin").teachers["sc"].of == coin()
    assert reading("{uses: voters/coin, falsified: 0.75}").teachers["sc"].of == coin(falsified=0.75)


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (
            "{uses: coin, temprature: 0.5}",
            "matrix.yaml:6:22: teachers.sc.of.temprature: coin has no such option; did you",
        ),
        ("{uses: coins}", "matrix.yaml:6:16: teachers.sc.of.uses: no teacher is called 'coins'; did you mean 'coin'?"),
        ("{seed: 1}", "matrix.yaml:6:9: teachers.sc.of: which teacher is this? the key 'uses' is missing"),
        ("{uses: self-consistency, of: {uses: coin, seed: no}}", "teachers.sc.of.of.seed: Input should be a valid"),
        ("7", "matrix.yaml:6:9: teachers.sc.of: the name of a teacher is needed"),
    ],
)
def test_faults_of_the_other_teacher_are_told_at_their_places_and_once(reading, of, told):
    from harness.errors import MatrixError

    with pytest.raises(MatrixError) as caught:
        reading(of)
    assert told in str(caught.value)
    assert len(caught.value.faults) == 1


def test_the_schema_finds_the_same_faults(reading):
    from jsonschema import Draft202012Validator

    from harness import yaml
    from harness.schema import schema

    validator = Draft202012Validator(schema(Registry.installed()))
    whole = {of: yaml.load(MATRIX.replace("OF", of))[0] for of in ("coin", "{uses: coin, seed: no}", "coins")}
    faults = {
        of: [".".join(map(str, error.absolute_path)) for error in validator.iter_errors(data)]
        for of, data in whole.items()
    }
    assert faults == {
        "coin": [],
        "{uses: coin, seed: no}": ["teachers.sc.of.seed"],
        "coins": ["teachers.sc.of"],
    }


def test_the_identity_holds_the_other_teacher_s_and_none_of_its_transport(coin):
    plain = identity(SelfConsistency(of=coin()))
    assert plain["options"]["of"] == identity(coin())
    assert identity(SelfConsistency(of=coin(log="elsewhere"))) == plain
    assert identity(SelfConsistency(of=coin(seed=1))) != plain
    assert identity(SelfConsistency(of=coin(), samples=6)) != plain


def test_a_run_keeps_the_votes_and_asks_again_for_nothing(reading, coin, tmp_path, run_plan, store):
    from harness import planning

    log = tmp_path / "log"
    asked = f"{{uses: coin, log: '{log}'}}"
    outcome, _ = run_plan(planning.make(reading(asked)))
    assert outcome.count("done") == 1
    assert len(set(log.read_text().splitlines())) == 8 * 3
    outcome, _ = run_plan(planning.make(reading(f"{{uses: coin, log: '{log}.other'}}")))
    assert outcome.count("stored") == 1


def test_a_plugin_of_one_s_own_can_have_a_teacher_as_its_option(coin):
    class Doubtful(Teacher):
        """Asks another teacher and believes nothing."""

        name = "doubtful"
        of: Named[Teacher]

        def annotate(self, items):
            return [replace(said, rationale="So they say.") for said in self.of.annotate(items)]

    class Module:
        harness_teachers = staticmethod(hookimpl(lambda: [Doubtful]))

    assert Doubtful.model_json_schema()["properties"]["of"] == {"title": "Of", "x-component": "teacher"}
    made = Doubtful(of=coin())
    assert {said.rationale for said in made.annotate(material.items(3))} == {"So they say."}


def test_a_command_names_the_other_teacher_as_an_option(coin):
    from harness.errors import PluginError
    from harness.lookup import make

    assert make(SelfConsistency, ["of={uses: coin, falsified: 0.25}", "samples=3"]).of == coin(falsified=0.25)
    assert make(SelfConsistency, ["of=coin"]).of == coin()
    with pytest.raises(PluginError, match="no teacher is called 'coins'; did you mean 'coin'"):
        make(SelfConsistency, ["of=coins"])
    with pytest.raises(PluginError, match="option 'of' is not the name of a teacher"):
        make(SelfConsistency, ["of={seed: 1}"])
    with pytest.raises(PluginError, match="self-consistency cannot be made: options: evidence-overlap has no option"):
        make(SelfConsistency, ["of=evidence-overlap"])
