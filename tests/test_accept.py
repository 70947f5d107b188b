import sys
from uuid import uuid4

import pytest
from click.testing import CliRunner

from harness.cli import main

PLUGIN = '''\
from harness.api import Annotation, Teacher, hookimpl


class Steady(Teacher):
    """Says falsified of short captions."""

    name = "steady"
    words: int = 3

    def annotate(self, items):
        for item in items:
            yield Annotation(item.id, "ok", "falsified" if len(item.caption.split()) < self.words else "pristine")


@hookimpl
def harness_teachers():
    return [Steady]
'''

MATRIX = """\
benchmarks: {words: words}
teachers: {a: steady, b: {uses: listens}}
teachers_as_arms: true
students: {counter: counter}
strategies: {stage1-only: stage1-only}
executor: inline
reports: {}
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    """A command in a folder with a plugin of one's own that has no revision."""
    monkeypatch.chdir(tmp_path)
    plugin = tmp_path / "plugin"
    (plugin / "steady-1.dist-info").mkdir(parents=True)
    (plugin / "steady-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: steady\nVersion: 1\n")
    # A name of its own: where a module lies is remembered for as long as the process lives.
    module = f"steady_{uuid4().hex}"
    (plugin / "steady-1.dist-info/entry_points.txt").write_text(f"[harness]\nsteady = {module}\n")
    (tmp_path / "matrix.yaml").write_text(MATRIX)
    monkeypatch.syspath_prepend(str(plugin))

    def go(*arguments, source=PLUGIN, expect=0):
        from harness.identity import source_digest

        (plugin / f"{module}.py").write_text(source)
        sys.modules.pop(module, None)
        source_digest.cache_clear()
        result = CliRunner().invoke(main, list(arguments))
        assert result.exit_code == expect, result.output
        return result.output

    yield go
    sys.modules.pop(module, None)


EDITED = PLUGIN.replace('"""Says falsified of short captions."""', '"""Finds short captions falsified."""')


def test_an_edit_of_words_can_be_accepted_and_then_nothing_runs(call, tmp_path):
    assert "6 steps run" in call("run", "matrix.yaml")
    before = (tmp_path / "runs/matrix/results.csv").read_bytes()
    told = call("accept", "matrix.yaml", source=EDITED)
    assert "teacher.code: " in told
    assert "(2 steps)" in told
    assert "4 steps could be taken as they are stored (2 annotate, 1 train, 1 predict); --yes does it" in told
    assert "4   to run      4" not in call("plan", "matrix.yaml", source=EDITED)
    done = call("accept", "matrix.yaml", "--yes", source=EDITED)
    assert "4 steps taken as they are stored (2 annotate, 1 train, 1 predict), and 53 answers of teachers" in done
    assert "0 steps run, 6 reused" in call("run", "matrix.yaml", source=EDITED)
    assert (tmp_path / "runs/matrix/results.csv").read_bytes() == before
    arms = (tmp_path / "runs/matrix/arms.csv").read_text()
    assert "3 of 4 steps were made by other code, which somebody took for equal" in arms
    assert "nothing to accept" in call("accept", "matrix.yaml", source=EDITED)


def test_new_items_of_an_accepted_teacher_are_asked_about_and_old_ones_are_not(call, tmp_path):
    call("run", "matrix.yaml")
    call("accept", "matrix.yaml", "--yes", source=EDITED)
    (tmp_path / "matrix.yaml").write_text(MATRIX.replace("words: words", "words: {uses: words, test: 35}"))
    call("run", "matrix.yaml", source=EDITED)
    from harness.store import Store

    store = Store(tmp_path / "runs/store")
    facts = {(found["what"], found["facts"]["items"]): found["facts"]["asked"] for found in store.manifests("annotate")}
    assert facts["a on words test", 35] == 3


def test_an_option_that_changes_is_no_code(call, tmp_path):
    call("run", "matrix.yaml")
    (tmp_path / "matrix.yaml").write_text(MATRIX.replace("a: steady", "a: {uses: steady, words: 4}"))
    assert "nothing to accept" in call("accept", "matrix.yaml")
    assert "nothing to accept" in call("accept", "matrix.yaml", source=EDITED)


def test_a_revision_that_was_raised_is_no_code(call):
    first = PLUGIN.replace('name = "steady"', 'name = "steady"\n    revision = 1')
    call("run", "matrix.yaml", source=first)
    raised = first.replace("revision = 1", "revision = 2")
    assert "nothing to accept" in call("accept", "matrix.yaml", source=raised)


def test_what_was_accepted_is_sound_and_outlives_what_it_came_from(call, tmp_path):
    call("run", "matrix.yaml")
    call("accept", "matrix.yaml", "--yes", source=EDITED)
    assert "0 damaged" in call("store", "verify", source=EDITED)
    call("store", "gc", "matrix.yaml", "--older-than", "0s", "--delete", source=EDITED)
    assert "0 steps run, 6 reused" in call("run", "matrix.yaml", source=EDITED)
