import pytest

from harness.errors import MatrixError
from harness.reading import load, parse

WRONG = """\
benchmarks:
  words: {uses: words, train: many}
teachers:
  a: {uses: listns}
  b: {uses: listens, wrods: [omega]}
  "bad label!": listens
  c: {words: [omega]}
teacher_sets:
  both: [a, d, a]
students: {counter: counter}
rules: {hard: hard-disagreement}
strategies: {mmkd: {uses: mmkd, replay: -1, stage2_order: later}}
label_fractions: [0.1, 0, 2, 0.1, x]
seeds: [0, one, 1.5]
exclude:
  - {strateg: mmkd}
  - {strategy: mmdk}
sedes: [1]
teachers_as_arms: perhaps
"""


def faults_of(text, registry):
    with pytest.raises(MatrixError) as caught:
        parse(text, registry, "m.yaml")
    return str(caught.value)


def test_all_faults_come_at_once_each_with_its_place(registry):
    assert faults_of(WRONG, registry).split("\n") == [
        "m.yaml:2:31: benchmarks.words.train: Input should be a valid integer",
        "m.yaml:4:13: teachers.a.uses: no teacher is called 'listns'; did you mean 'listens'?",
        "m.yaml:5:22: teachers.b.wrods: listens has no such option; did you mean 'words'?",
        "m.yaml:6:3: teachers.bad label!: a label is up to 64 letters, digits and . _ -, the first a letter or digit",
        "m.yaml:7:6: teachers.c: which teacher is this? the key 'uses' is missing",
        "m.yaml:9:13: teacher_sets.both.1: no teacher 'd'; known: a, b, bad label!, c",
        "m.yaml:9:16: teacher_sets.both.2: 'a' stands here twice",
        "m.yaml:12:41: strategies.mmkd.replay: Input should be greater than or equal to 0",
        "m.yaml:12:59: strategies.mmkd.stage2_order: Input should be 'joint', 'sequential', 'sft' or 'dpo'",
        "m.yaml:13:24: label_fractions.1: 0 is not above 0 and at most 1",
        "m.yaml:13:27: label_fractions.2: 2 is not above 0 and at most 1",
        "m.yaml:13:30: label_fractions.3: 0.1 stands here twice",
        "m.yaml:13:35: label_fractions.4: 'x' is not above 0 and at most 1",
        "m.yaml:14:12: seeds.1: 'one' is not a whole number from 0",
        "m.yaml:14:17: seeds.2: 1.5 is not a whole number from 0",
        "m.yaml:16:6: exclude.0.strateg: no such axis; did you mean 'strategy'?",
        "m.yaml:17:16: exclude.1.strategy: 'mmdk' is not on this axis; did you mean 'mmkd'?",
        "m.yaml:18:1: sedes: unknown section; did you mean 'seeds'?",
        "m.yaml:19:19: teachers_as_arms: 'perhaps' is neither true nor false",
    ]


def test_a_key_that_stands_twice_is_refused(registry):
    text = "seeds: [0]\nstudents: {a: counter, a: counter}\nseeds: [1]\n"
    assert faults_of(text, registry).split("\n") == [
        "m.yaml:2:24: students.a: this key stands here twice",
        "m.yaml:3:1: seeds: this key stands here twice",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "m.yaml: the file is empty"),
        ("- a\n", "m.yaml:1:1: a matrix is a mapping of sections"),
        ("a: [1\n", "m.yaml:2:1: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("teachers: clip\n", "m.yaml:1:11: teachers: a mapping is needed, as in  teacher-label: teacher-name"),
        ("seeds: 3\n", "m.yaml:1:8: seeds: a list of numbers is needed"),
    ],
)
def test_what_is_no_matrix_is_said_to_be_none(registry, text, message):
    assert message in faults_of(text, registry)


def test_aliases_that_multiply_are_bounded(registry):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "do aliases multiply?" in faults_of("\n".join(lines), registry)


def test_a_file_that_is_not_there_or_no_text_is_named(registry, tmp_path):
    with pytest.raises(MatrixError, match=r"nothing\.yaml: cannot be read: No such file or directory"):
        load(tmp_path / "nothing.yaml", registry)
    (tmp_path / "latin.yaml").write_bytes(b"title: \xe9")
    with pytest.raises(MatrixError, match="is not UTF-8 text"):
        load(tmp_path / "latin.yaml", registry)


def test_numbers_keep_their_meaning(registry, toy):
    matrix = parse(toy.replace("[0.1, 0.25]", "[1e-1, 0.25]"), registry)
    assert matrix.label_fractions == (0.1, 0.25)


def test_the_teachers_together_are_the_set_all_where_no_sets_are_given(registry, toy):
    assert parse(toy, registry).teacher_sets == {"all": ("a", "b")}


def test_a_rule_that_a_strategy_names_must_exist(registry, toy):
    text = toy.replace("supervised: supervised", "supervised: {uses: supervised, rule: randm}")
    assert "strategies.supervised.rule: no rule is called 'randm'; did you mean 'random'?" in faults_of(text, registry)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            "seeds: 3\nexclude: [{seed: 3}]\n",
            ["seeds: a list of numbers is needed", "exclude.0.seed: 3 is not on this axis"],
        ),
        (
            "label_fractions: 0.1\nexclude: [{label_fraction: 0.1}]\n",
            ["label_fractions: a list of numbers is needed", "exclude.0.label_fraction: 0.1 is not on this axis"],
        ),
        ("teachers: {1: listens}\nteacher_sets: {s: [one]}\n", ["teacher_sets.s.0: no teacher 'one'; known: 1"]),
        ("teachers: {a: listens}\nteacher_sets: {s: [[a]]}\n", ["teacher_sets.s.0: no teacher ['a']"]),
    ],
)
def test_a_value_of_the_wrong_form_is_a_fault_and_no_crash(registry, text, faults):
    said = faults_of(text, registry)
    for fault in faults:
        assert fault in said
