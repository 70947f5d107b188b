"""The matrix's JSON schema against what reading a matrix finds."""

import io
import json
import random
import re
from copy import deepcopy
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from pydantic import ConfigDict
from ruamel.yaml import YAML

from harness import starters, yaml
from harness.api import Executor, Report, Strategy, Teacher, hookimpl
from harness.cli import main
from harness.errors import MatrixError
from harness.exclusions import CELL_AXES
from harness.plugins import Registry
from harness.reading import SECTIONS, parse
from harness.schema import schema

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def matrices():
    """Every matrix that comes with the repository, by its place; a page may have one that is broken on purpose."""
    found = {file.name: file.read_text() for file in sorted((ROOT / "examples").glob("*.yaml"))}
    found |= {f"starter {use}": starters.text(use) for use in starters.USES}
    for page in PAGES:
        for number, block in enumerate(
            re.findall(r"^ *```yaml[^\n]*\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)
        ):
            data, _, _ = yaml.load(dedent(block))
            if isinstance(data, dict) and data.keys() & set(SECTIONS):
                found[f"{page.relative_to(ROOT)} {number}"] = dedent(block)
    return found


MATRICES = matrices()


def paths_of(error):
    """Where an error of a validator stands in a matrix: at the key that is too much or missing, or at the value."""
    path = tuple(error.absolute_path)
    match error.validator:
        case "additionalProperties":
            return [(*path, key) for key in error.instance if key not in error.schema.get("properties", {})]
        case "required":
            # An entry without `uses` or `arms` is at fault itself: nobody knows what it is.
            lacking = [key for key in error.schema["required"] if key not in error.instance]
            return [path if key in ("uses", "arms") else (*path, key) for key in lacking]
        case "type" if path and isinstance(error.instance, str) and "required" in error.schema:
            # A name that stands alone, of a component that must be given options.
            return [(*path, key) for key in error.schema["required"] if key != "uses"]
        case "uniqueItems":
            return [(*path, at) for at, value in enumerate(error.instance) if value in error.instance[:at]]
        case _ if "propertyNames" in error.absolute_schema_path:
            return [(*path, error.instance)]
        case _:
            return [path]


def by_schema(text, registry):
    """Dotted paths of the faults that a validator finds."""
    data, _, faults = yaml.load(text)
    assert not faults
    errors = Draft202012Validator(schema(registry)).iter_errors(data)
    return {".".join(map(str, path)) for error in errors for path in paths_of(error)}


def by_plan(text, registry):
    """Dotted paths of the faults that `harness plan` finds before it looks at data."""
    try:
        parse(text, registry)
    except MatrixError as error:
        return {fault.where for fault in error.faults}
    return set()


def test_the_schema_is_a_schema(registry):
    Draft202012Validator.check_schema(schema(registry))
    assert json.loads(json.dumps(schema(registry), allow_nan=False)) == schema(registry)


def test_every_section_and_axis_has_its_place(registry):
    properties = schema(registry)["properties"]
    assert properties.keys() == set(SECTIONS)
    assert all(section["description"] for section in properties.values())
    assert properties["exclude"]["items"]["properties"].keys() == set(CELL_AXES)


@pytest.mark.parametrize("place", MATRICES)
def test_of_every_matrix_of_this_repository_the_schema_says_what_reading_says(registry, place):
    found = by_schema(MATRICES[place], registry)
    assert found == by_plan(MATRICES[place], registry)
    assert place.startswith("docs/") or found == set()


def test_the_manual_has_matrices():
    assert sum(place.startswith("docs/") for place in MATRICES) > 0


BROKEN = [
    # Sections
    ("[]", {""}),
    ("matrix", {""}),
    ("sedes: [1]", {"sedes"}),
    ("sedes: [1]\nstudent: {a: probe}", {"sedes", "student"}),
    ("teachers: listens", {"teachers"}),
    ("students: [probe]", {"students"}),
    ("reports: html", {"reports"}),
    # Labels
    ("teachers: {'bad label!': listens}", {"teachers.bad label!"}),
    ("benchmarks: {'': words}", {"benchmarks."}),
    (f"students: {{{'x' * 65}: counter}}", {f"students.{'x' * 65}"}),
    ("rules: {.hidden: random, ok: random}", {"rules..hidden"}),
    ("teachers: {'a b': listns, c d: listens}", {"teachers.a b", "teachers.c d"}),
    # Names
    ("teachers: {a: listns}", {"teachers.a"}),
    ("teachers: {a: {uses: listns}}", {"teachers.a.uses"}),
    ("teachers: {a: {uses: listns, wrods: 1, words: 2}}", {"teachers.a.uses"}),
    ("teachers: {a: mmkd, b: {uses: probe}}", {"teachers.a", "teachers.b.uses"}),
    ("teachers: {a: ooc-harness/listens, b: {uses: toys/mmkd}}", {"teachers.a", "teachers.b.uses"}),
    ("teachers: {a: {words: [omega]}}", {"teachers.a"}),
    ("teachers: {a: {}}", {"teachers.a"}),
    ("teachers: {a: null, b: 3, c: [listens], d: true}", {"teachers.a", "teachers.b", "teachers.c", "teachers.d"}),
    ("teachers: {a: {uses: 3}, b: {uses: null}, c: {uses: []}}", {f"teachers.{label}.uses" for label in "abc"}),
    ("executor: nowhere", {"executor"}),
    ("executor: [local]", {"executor"}),
    ("executor: {workers: 2}", {"executor"}),
    ("executor: {uses: locl}", {"executor.uses"}),
    ("executor: null", {"executor"}),
    ("reports: {page: {uses: htm}}", {"reports.page.uses"}),
    # Options
    ("teachers: {b: {uses: listens, wrods: [omega]}}", {"teachers.b.wrods"}),
    ("teachers: {b: {uses: toys/listens, wrods: [omega], lines: x}}", {"teachers.b.wrods", "teachers.b.lines"}),
    ("benchmarks: {w: {uses: words, train: many}}", {"benchmarks.w.train"}),
    ("benchmarks: {w: {uses: newsworld, train: 1, test: 1.5}}", {"benchmarks.w.train", "benchmarks.w.test"}),
    ("evaluate_on: {w: {uses: newsworld, falsified: 1.1, near_miss: -0.1}}",
     {"evaluate_on.w.falsified", "evaluate_on.w.near_miss"}),
    ("benchmarks: {v: {uses: verite, test: 1}}", {"benchmarks.v.test"}),
    ("benchmarks: {v: {uses: verite, root: 3, questions: maybe}}", {"benchmarks.v.root", "benchmarks.v.questions"}),
    ("benchmarks: {v: {uses: verite, giveaways: hoax}}", {"benchmarks.v.giveaways"}),
    ("benchmarks: {v: {uses: verite, giveaways: [hoax, 3, null]}}",
     {"benchmarks.v.giveaways.1", "benchmarks.v.giveaways.2"}),
    ("benchmarks: {v: {uses: verite, falsified: [miscaptioned, wrong]}}", {"benchmarks.v.falsified.1"}),
    ("benchmarks: {v: {uses: verite, falsified: []}}", {"benchmarks.v.falsified"}),
    ("teachers: {a: replay}", {"teachers.a.path"}),
    ("teachers: {a: ooc-harness/replay, b: {uses: replay}}", {"teachers.a.path", "teachers.b.path"}),
    ("teachers: {a: {uses: replay, match: []}}", {"teachers.a.path", "teachers.a.match"}),
    ("teachers: {a: {uses: replay, path: x, words: {yes: true, no: pristine}}}", {"teachers.a.words.yes"}),
    ("teachers: {a: {uses: replay, path: x, verdict: null, p_falsified: 3}}", {"teachers.a.p_falsified"}),
    ("students: {t: {uses: tiny-llava, sft: {lr: 0, epochs: 2, steps: 3}}}",
     {"students.t.sft.lr", "students.t.sft.steps"}),
    ("students: {t: {uses: tiny-llava, sft: 3, dpo: {decay: quickly}}}", {"students.t.sft", "students.t.dpo.decay"}),
    ("students: {t: {uses: vlm, prompt: Is it so?, threads: 0}}", {"students.t.prompt", "students.t.threads"}),
    ("students: {t: {uses: counter, uses_gpu: true}}", {"students.t.uses_gpu"}),
    ("strategies: {m: {uses: mmkd, replay: -1, stage2_order: later, beta: null}}",
     {"strategies.m.replay", "strategies.m.stage2_order", "strategies.m.beta"}),
    ("strategies: {s: {uses: supervised, rule: randm, lr: 0.1}, z: {uses: zero-shot, rule: null}}",
     {"strategies.s.rule"}),
    ("executor: {uses: local, workers: 0, threads: 2000}", {"executor.workers", "executor.threads"}),
    ("reports: {page: {uses: html, file: ../page.html}}", {"reports.page.file"}),
    # Sets, numbers, flags
    ("teacher_sets: {}", {"teacher_sets"}),
    ("teacher_sets: [a]", {"teacher_sets"}),
    ("teachers: {a: listens}\nteacher_sets: {one: a, none: [], two: [a, a]}",
     {"teacher_sets.one", "teacher_sets.none", "teacher_sets.two.1"}),
    ("teachers_as_arms: perhaps", {"teachers_as_arms"}),
    ("teachers_as_arms: 1", {"teachers_as_arms"}),
    ("teachers_as_arms: null", {"teachers_as_arms"}),
    ("label_fractions: 0.1", {"label_fractions"}),
    ("label_fractions: []", {"label_fractions"}),
    ("label_fractions: [0.1, 0, 2, 0.1, x, null, true]",
     {"label_fractions.1", "label_fractions.2", "label_fractions.3", "label_fractions.4", "label_fractions.5",
      "label_fractions.6"}),
    ("seeds: {a: 1}", {"seeds"}),
    ("seeds: [0, one, 1.5, -1, 2147483648, false, 0]",
     {"seeds.1", "seeds.2", "seeds.3", "seeds.4", "seeds.5", "seeds.6"}),
    # Exclusions
    ("exclude: {strategy: mmkd}", {"exclude"}),
    ("exclude: [mmkd, {}, null]", {"exclude.0", "exclude.1", "exclude.2"}),
    ("strategies: {m: mmkd}\nexclude: [{strategy: m}, {strateg: m}]", {"exclude.1.strateg"}),
    ("exclude: [{strategy: 3, label_fraction: half, seed: [0, x]}]",
     {"exclude.0.strategy", "exclude.0.label_fraction", "exclude.0.seed"}),
    # Comparisons
    ("compare: main", {"compare"}),
    ("compare: {}", {"compare"}),
    ("compare: [[a, b]]", {"compare"}),
    ("compare: {main: a, b: 3, c: null, d: [], e: true}", {f"compare.{name}" for name in ("main", *"bcde")}),
    ("compare: {stage 2 adds: ['*'], other rule: {arm: a, margin: 2}, mine: ['*']}",
     {"compare.stage 2 adds", "compare.other rule"}),
    ("compare: {one: [a/b], with a pair: [a, [b, c]], pattern: ['a/*'], two: [a, b]}",
     {"compare.one", "compare.with a pair"}),
    ("compare: {a: [a, b, 3], b: [[a]], c: [[a, b, c], a], d: [[a, 1]], e: [a, {arms: b}], f: [null, a]}",
     {"compare.a.2", "compare.b.0", "compare.c.0", "compare.d.0", "compare.e.1", "compare.f.0"}),
    ("compare: {a: {}, b: {against: b}, c: {arm: a}}", {"compare.a", "compare.b", "compare.c", "compare.c.arm"}),
    ("compare: {m: {arms: 3, against: []}}", {"compare.m.arms", "compare.m.against"}),
    ("compare: {m: {arms: [], against: [a, 3]}}", {"compare.m.arms", "compare.m.against"}),
    ("compare: {m: {arms: [[a, b]], against: {a: b}}}", {"compare.m.arms", "compare.m.against"}),
    ("compare: {m: {arms: a, agianst: b, alpha: 0.1}}", {"compare.m.agianst", "compare.m.alpha"}),
    ("compare: {m: {arms: a, margin: 2}, n: {arms: a, margin: 0}, o: {arms: a, margin: -0.1}}",
     {"compare.m.margin", "compare.n.margin", "compare.o.margin"}),
    ("compare: {m: {arms: a, within: 1, detect: 1.0}, n: {arms: a, within: x, detect: true}}",
     {"compare.m.within", "compare.m.detect", "compare.n.within", "compare.n.detect"}),
    ("compare: {m: {arms: a, margin: null, detect: null}}", {"compare.m.margin", "compare.m.detect"}),
    ("compare: {m: {arms: a, margin: 0.1, within: 0.1}, n: {arms: a, margin: 2, within: 0.1}}",
     {"compare.m.within", "compare.n.within", "compare.n.margin"}),
    # A day's work
    ("newsroom: 3", {"newsroom"}),
    ("newsroom: [1000, 0.05]", {"newsroom"}),
    ("newsroom: {item_per_day: 3, prevalence: 5}", {"newsroom.item_per_day", "newsroom.prevalence"}),
    ("newsroom: {items_per_day: 0, prevalence: 0}", {"newsroom.items_per_day", "newsroom.prevalence"}),
    ("ablate: all", {"ablate"}),
    ("ablate: true", {"ablate"}),
    ("ablate: {}", {"ablate"}),
    ("ablate: {factor: no replay, rule: 3}", {"ablate.factor", "ablate.rule"}),
    ("ablate: {label_fraction: 1.5, arms: []}", {"ablate.label_fraction", "ablate.arms"}),
    ("ablate: {label_fraction: true, arms: 3, strategy: [1]}",
     {"ablate.label_fraction", "ablate.arms", "ablate.strategy.0"}),
    ("newsroom: {items_per_day: 1.5, prevalence: 1.0}", {"newsroom.items_per_day", "newsroom.prevalence"}),
    ("newsroom: {items_per_day: true, prevalence: 5 %}", {"newsroom.items_per_day", "newsroom.prevalence"}),
    ("newsroom: {items_per_day: null, prevalence: null, reviews_per_day: null}",
     {"newsroom.items_per_day", "newsroom.prevalence"}),
    ("newsroom: {reviews_per_day: []}", {"newsroom.reviews_per_day"}),
    ("newsroom: {reviews_per_day: [50, 0]}", {"newsroom.reviews_per_day"}),
    ("newsroom: {reviews_per_day: [50, 1001]}", {"newsroom.reviews_per_day"}),
    ("newsroom: {items_per_day: x, reviews_per_day: 1001}", {"newsroom.items_per_day", "newsroom.reviews_per_day"}),
    ("newsroom: {items_per_day: 2000, reviews_per_day: {a: 1}}", {"newsroom.reviews_per_day"}),
    ("newsroom: {items_per_day: 2000, reviews_per_day: [1500, many]}", {"newsroom.reviews_per_day"}),
    # Everywhere at once
    ("benchmarks: {w: {uses: words, trian: 3}}\nteachers: {a: {uses: listns}, c: {words: []}}\nsede: 1\nseeds: []",
     {"benchmarks.w.trian", "teachers.a.uses", "teachers.c", "sede", "seeds"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "paths"), BROKEN, ids=[text.split("\n")[0] for text, _ in BROKEN])
def test_a_broken_matrix_is_refused_where_reading_it_refuses_it(registry, text, paths):
    assert by_plan(text, registry) == paths
    assert by_schema(text, registry) == paths


UNSEEN = {
    "a label of another section": (
        "teachers: {a: listens}\nteacher_sets: {s: [a, d]}\nexclude: [{strategy: mmkd}]",
        {"teacher_sets.s.1", "exclude.0.strategy"},
    ),
    "a label in two sections": ("benchmarks: {w: words}\nevaluate_on: {w: words}", {"evaluate_on.w"}),
    "options that do not go together": (
        "benchmarks: {v: {uses: verite, test: 0.6, validation: 0.4}}",
        {"benchmarks.v"},
    ),
    "a whole number with a point": ("seeds: [1.0]\nnewsroom: {reviews_per_day: 5.0}",
                                    {"seeds.0", "newsroom.reviews_per_day"}),
    "more reviews than items": ("newsroom: {items_per_day: 20, reviews_per_day: 21}", {"newsroom.reviews_per_day"}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "paths"), list(UNSEEN.values()), ids=list(UNSEEN))
def test_what_a_schema_cannot_see(registry, text, paths):
    """Besides: keys that stand twice, since they are gone when text has become data; exclusions that leave out no cell
    and all that only the data tell, which reading a matrix does not see either."""
    assert by_plan(text, registry) == paths
    assert by_schema(text, registry) == set()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('benchmarks: {w: {uses: newsworld, train: "300"}}', "benchmarks.w.train"),
        ("benchmarks: {w: {uses: newsworld, seed: true}}", "benchmarks.w.seed"),
        ("benchmarks: {v: {uses: verite, questions: yes}}", "benchmarks.v.questions"),
        ("benchmarks: {v: {uses: verite, questions: 1}}", "benchmarks.v.questions"),
        ("seeds: [0, 1]\nexclude: [{seed: true}]", "exclude.0.seed"),
    ],
)
def test_neither_reading_nor_the_schema_guesses_a_type(registry, text, path):
    assert by_plan(text, registry) == {path}
    assert by_schema(text, registry) == {path}


def test_of_a_list_too_short_for_want_of_good_members_the_schema_tells_only_of_the_members(registry):
    text = "benchmarks: {v: {uses: verite, falsified: [wrong]}}"
    assert by_plan(text, registry) == {"benchmarks.v.falsified", "benchmarks.v.falsified.0"}
    assert by_schema(text, registry) == {"benchmarks.v.falsified.0"}


def test_reading_and_the_schema_tell_of_all_that_is_neither_an_arm_nor_a_pair(registry):
    text = "compare: {m: [a, 3, [b, c], [b]], n: {arms: , against: x}}"
    assert by_plan(text, registry) == {"compare.m.1", "compare.m.3", "compare.n.arms"}
    assert by_schema(text, registry) == {"compare.m.1", "compare.m.3", "compare.n.arms"}


SOUND = {
    "benchmarks": {"w": "words", "x": {"uses": "newsworld", "train": 10, "falsified": 0.5}},
    "evaluate_on": {"y": {"uses": "toys/words", "test": 3}},
    "teachers": {
        "a": {"uses": "listens", "words": ["x"]},
        "b": "evidence-overlap",
        "r": {"uses": "replay", "path": "x", "words": {"a": "pristine"}, "rationale": None},
    },
    "teachers_as_arms": True,
    "students": {"c": "counter", "t": {"uses": "tiny-llava", "sft": {"lr": 0.1, "epochs": 2}, "threads": 1}},
    "rules": {"h": "hard-disagreement"},
    "strategies": {"m": {"uses": "mmkd", "replay": 1}, "s": {"uses": "supervised", "rule": "random"}},
    "label_fractions": [0.1, 1.0],
    "seeds": [0, 1],
    "executor": {"uses": "local", "workers": 2},
    "reports": {"html": {"uses": "html", "file": "a.html"}},
    "compare": {
        "main": {"arms": "*/m/*", "against": ["*/s/*", "x/t/zero-shot"], "detect": 0.05},
        "near": {"arms": ["x/c/m/*"], "margin": 0.02},
        "alike": {"arms": "*", "within": 0.02},
        "pairs": [["a", "b"], "x/*"],
        "each other": ["a", "b"],
    },
    "newsroom": {"items_per_day": 500, "prevalence": 0.05, "reviews_per_day": [20, 50]},
}
PUT = [
    None,
    0,
    -1,
    0.5,
    1.5,
    "",
    "a",
    "mmkd",
    "toys/listens",
    "replay",
    [],
    ["a"],
    [1],
    {},
    {"a": 1},
    {"uses": "listens"},
]
PUT += [{"uses": "replay"}, {"uses": "nix", "z": 1}, {"uses": 3}, "x y"]
KEYS = ["uses", "train", "zzz", "a b", "teachers", "rule", "lr", "path", "strategy", "words"]
KEYS += ["arms", "against", "margin", "within", "stage 2 adds", "reviews_per_day"]


def test_a_schema_and_reading_agree_on_matrices_that_were_broken_at_random(registry):
    validator = Draft202012Validator(schema(registry))
    faulty = 0
    for seed in range(600):
        rng, data = random.Random(seed), deepcopy(SOUND)
        for _ in range(rng.choice((1, 1, 2))):
            break_somewhere(data, rng)
        text = io.StringIO()
        YAML(typ="safe", pure=True).dump(data, text)
        found = {".".join(map(str, path)) for error in validator.iter_errors(data) for path in paths_of(error)}
        assert found == by_plan(text.getvalue(), registry), text.getvalue()
        faulty += bool(found)
    assert faulty > 450


def break_somewhere(data, rng):
    """Replace a value, delete it, or put something new beside it."""
    holder, key = rng.choice(list(places(data)))
    act = rng.random()
    if act < 0.55:
        holder[key] = deepcopy(rng.choice(PUT))
    elif act < 0.7:
        del holder[key]
    elif isinstance(holder, list):
        holder.append(deepcopy(rng.choice([*PUT, *holder])))
    else:
        holder[rng.choice(KEYS)] = deepcopy(rng.choice(PUT))


def places(node):
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from places(value)


def test_an_editor_gets_names_descriptions_defaults_and_ranges(registry):
    made = schema(registry)["$defs"]
    names = {entry["const"]: entry["description"] for entry in made["teacher.name"]["anyOf"] if "const" in entry}
    assert names["evidence-overlap"] == (
        "Checks word by word whether a caption is supported by what a search with the image found."
        " (evidence-overlap of ooc-harness)"
    )
    threshold = made["teacher.ooc-harness.evidence-overlap"]["properties"]["threshold"]
    assert threshold == {
        "type": "number",
        "description": "Smallest share of supported words at which a caption is held for pristine.",
        "default": 0.5,
        "exclusiveMinimum": 0,
        "maximum": 1,
    }
    assert made["student.ooc-harness.tiny-llava"]["title"] == "tiny-llava"


def test_both_spellings_of_a_name_are_valid_and_the_short_one_is_offered(registry):
    assert by_schema("teachers: {a: toys/listens, b: {uses: listens}}", registry) == set()
    offered = [entry["const"] for entry in schema(registry)["$defs"]["rule.name"]["anyOf"] if "const" in entry]
    assert {"by-name", "hard-disagreement", "random"} <= set(offered)
    assert not any("/" in name for name in offered)


def test_a_name_of_two_distributions_is_valid_only_with_its_distribution(faulty):
    registry = Registry.installed()
    text = "teachers: {a: listens, b: {uses: listens}, c: toys/listens, d: {uses: faulty/listens, words: [x]}}"
    assert by_plan(text, registry) == by_schema(text, registry) == {"teachers.a", "teachers.b.uses", "teachers.d.words"}
    offered = [entry["const"] for entry in schema(registry)["$defs"]["teacher.name"]["anyOf"] if "const" in entry]
    assert {"toys/listens", "faulty/listens"} <= set(offered)
    assert "listens" not in offered


def test_broken_plugins_are_absent(faulty):
    text = json.dumps(schema(Registry.installed()))
    assert '"half"' not in text
    assert "Loud" not in text


class Local(Executor):
    """Has the name of the executor that is used where none is named."""

    name = "local"

    def open(self):
        raise NotImplementedError


class Html(Report):
    """Has the name of the report that is written where none is named."""

    name = "html"

    def render(self, view, out):
        return []


class Picky(Strategy):
    """Buys by a rule that is not there."""

    name = "picky"
    rule: str | None = "nobodys"

    def stage1(self):
        return ()

    def stage2(self):
        return ()


class Odd(Teacher):
    """Has options of every form."""

    name = "odd"
    pattern: re.Pattern[str] = re.compile("a")
    unique: frozenset[int] = frozenset()
    near: dict[str, int] | None = None

    def annotate(self, items):
        return []


class Strange(Teacher):
    """Has an option that JSON schema has no word for."""

    name = "strange"
    model_config = ConfigDict(arbitrary_types_allowed=True)
    thing: io.StringIO | None = None

    def annotate(self, items):
        return []


class Others:
    @hookimpl
    def harness_executors(self):
        return [Local]

    @hookimpl
    def harness_reports(self):
        return [Html]

    @hookimpl
    def harness_strategies(self):
        return [Picky]

    @hookimpl
    def harness_teachers(self):
        return [Odd, Strange]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("seeds: [0]", {"executor", "reports"}),
        ("executor: ooc-harness/local\nreports: {page: local/html}", set()),
        (
            "executor: inline\nreports: {}\nstrategies: {p: picky, q: {uses: picky, rule: random}}",
            {"strategies.p.rule"},
        ),
        (
            "executor: inline\nreports: {}\nteachers: {o: {uses: odd, unique: [1, 1], near: {a: x}}}",
            {"teachers.o.near.a"},
        ),
        ("executor: inline\nreports: {}\nteachers: {s: {uses: strange, thing: null}}", set()),
    ],
    ids=["defaults", "spelt out", "own rule", "forms", "no words"],
)
def test_what_is_unusual_about_a_registry_is_the_same_for_schema_and_reading(registry, text, paths):
    with_others = registry + Registry.of(Others())
    Draft202012Validator.check_schema(schema(with_others))
    assert by_plan(text, with_others) == paths
    assert by_schema(text, with_others) == paths


def test_the_command_prints_the_schema_or_writes_it(registry, tmp_path):
    printed = CliRunner().invoke(main, ["schema"])
    assert (printed.exit_code, json.loads(printed.stdout)) == (0, schema(registry))
    file = tmp_path / "matrix.schema.json"
    written = CliRunner().invoke(main, ["schema", "--out", str(file)])
    assert (written.exit_code, written.stdout) == (0, f"schema: {file}\n")
    assert file.read_text() == printed.stdout
    refused = CliRunner().invoke(main, ["schema", "--out", str(tmp_path / "no" / "such.json")])
    assert refused.exit_code == 2
    assert refused.stderr == f"error: {tmp_path}/no/such.json: cannot be written: No such file or directory\n"
