import hashlib
import os
import subprocess
import sys

import pytest
from toys import Counter, Listens, TargetsOnly

from harness.identity import canonical, differences, folder_digest, identity, seed_from, source_digest
from harness.steps.annotate import content
from harness.types import Evidence, Image, Item
from harness_rules.random import Random
from harness_strategies.baselines import Supervised


def test_equal_values_have_equal_text():
    assert canonical({"b": 1.0, "a": [True, None]}) == canonical({"a": [True, None], "b": 1.0})
    with pytest.raises(ValueError, match="Out of range"):
        canonical(float("nan"))


def test_defaults_are_part_of_the_identity():
    assert identity(Listens()) == identity(Listens(words=("omega",)))
    assert identity(Listens()) != identity(Listens(words=("kappa",)))


def test_a_declared_revision_stands_for_the_source_and_is_not_inherited():
    assert identity(Counter())["code"] == 1

    class Heir(Counter):
        name = "heir"

    assert identity(Heir())["code"] == source_digest(Heir)
    assert identity(TargetsOnly())["class"] != identity(Counter())["class"]


def test_an_edit_of_an_imported_module_of_the_same_package_changes_the_identity(tmp_path):
    package = tmp_path / "harness_edited"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "words.py").write_text("WORDS = ['a']\n")
    (package / "unused.py").write_text("X = 1\n")
    (package / "rule.py").write_text(
        "from harness.api import ConflictRule\nfrom harness_edited.words import WORDS\n"
        "class R(ConflictRule):\n    name = 'r'\n    templates = ('ask.txt',)\n"
        "    def rank(self, panel, seed): return []\n"
    )
    (package / "ask.txt").write_text("one")
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from harness_edited.rule import R\nfrom harness.identity import source_digest\nprint(source_digest(R))"
    )

    def digest():
        return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    first = digest()
    (package / "unused.py").write_text("X = 2\n")
    assert digest() == first
    (package / "words.py").write_text("WORDS = ['b']\n")
    second = digest()
    assert second != first
    (package / "ask.txt").write_text("two")
    assert digest() != second


def test_a_folder_called_as_what_is_imported_from_a_module_is_not_taken_for_a_part_of_it(tmp_path):
    (tmp_path / "harness_named.py").write_text(
        "from harness.api import ConflictRule\nfrom harness_named_words import words\n"
        "class R(ConflictRule):\n    name = 'r'\n    libraries = ('harness_named_words',)\n"
        "    def rank(self, panel, seed): return []\n"
    )
    (tmp_path / "harness_named_words.py").write_text("words = ['a']\n")
    (tmp_path / "words").mkdir()
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from harness_named import R\nfrom harness.identity import source_digest\nprint(len(source_digest(R)))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("64\n", "")


def test_seeds_depend_on_exactly_the_given_axes():
    assert seed_from("a", 1) == seed_from("a", 1) != seed_from("a", 2)
    assert 0 <= seed_from("x") < 2**31


def test_differences_name_the_path():
    old, new = identity(Supervised()), identity(Supervised(lr=0.1))
    assert list(differences(old, new)) == ["options.lr: null → 0.1"]


def test_a_teacher_is_asked_again_when_anything_it_reads_changes_and_only_then():
    item = Item("1", "a caption", Image(lambda: b"one", "one"), Evidence(("x",)))
    other_image = Item("1", "a caption", Image(lambda: b"two", "two"), Evidence(("x",)))
    other_caption = Item("1", "another", Image(lambda: b"one", "one"), Evidence(("x",)))
    other_id = Item("2", "a caption", Image(lambda: b"one", "one"), Evidence(("x",)))
    reads = frozenset({"image"})
    assert content(item, reads) == content(other_id, reads)
    assert content(item, reads) != content(other_image, reads)
    assert content(item, reads) != content(other_caption, reads)
    assert content(item, frozenset()) == content(other_image, frozenset())


def test_the_random_rule_draws_by_seed_and_item_not_by_order():
    from harness.handed import Panel

    items = {name: Item(name, "") for name in "abcdef"}
    backwards = dict(reversed(items.items()))
    first = [row.item_id for row in Random().rank(Panel(items, {}), 1)]
    assert [row.item_id for row in Random().rank(Panel(backwards, {}), 1)] == first
    assert [row.item_id for row in Random().rank(Panel(items, {}), 2)] != first


def test_a_large_file_is_read_once_as_long_as_it_stays_what_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.identity.LARGE_BYTES", 4)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"weights")
    small = folder_digest(tmp_path, {".safetensors"})
    settled = weights.stat().st_mtime - 60
    os.utime(weights, (settled, settled))
    reads = []
    streamed = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *given: (reads.append(given), streamed(*given))[1])
    assert [folder_digest(tmp_path, {".safetensors"}) for _ in range(3)] == [small] * 3
    assert len(reads) == 1
    weights.write_bytes(b"WEIGHTS")
    changed = folder_digest(tmp_path, {".safetensors"})
    os.utime(weights, (settled, settled))
    assert folder_digest(tmp_path, {".safetensors"}) == changed != small
