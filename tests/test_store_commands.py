import json
import os
import sqlite3
import tarfile
import time

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.plan import REVISIONS
from harness.store import Store


@pytest.fixture
def run_dir(tmp_path, monkeypatch, toy):
    """A folder in which the toy matrix was run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_STORE", raising=False)
    (tmp_path / "toy.yaml").write_text(toy.replace("seeds: [0, 1]", "seeds: [0]"))
    assert call("run", "toy.yaml").exit_code == 0
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def said(*arguments):
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def age(root, days=3):
    """Make everything in the store look old."""
    then = time.time() - days * 86400
    for folder, _, names in os.walk(root):
        for name in (*names, "."):
            os.utime(os.path.join(folder, name), (then, then))


def steps(root):
    return {path.name for kind in REVISIONS for path in (root / "runs/store/artifacts" / kind).glob("*")}


def test_ls_counts_what_is_there_and_lists_a_kind(run_dir):
    facts = said("store", "ls", "--json")
    assert facts["parts"]["artifacts/annotate"]["entries"] == 4
    assert facts["parts"]["answers"]["entries"] == 2
    assert facts["bytes"] >= sum(part["bytes"] for part in facts["parts"].values()) > 0
    entries = said("store", "ls", "annotate", "--json")
    assert sorted(entry["what"] for entry in entries) == [
        "a on words test",
        "a on words train",
        "b on words test",
        "b on words train",
    ]
    assert "a on words test" in call("store", "ls", "annotate").output


def test_verify_finds_a_changed_byte_and_repair_sets_it_aside(run_dir):
    assert call("store", "verify").exit_code == 0
    victim = next((run_dir / "runs/store/artifacts/rank").glob("*/rank.jsonl"))
    victim.write_bytes(victim.read_bytes().replace(b"0", b"1", 1))
    found = call("store", "verify")
    assert found.exit_code == 3
    assert "differs from the checksums of its manifest" in found.output
    assert "1 damaged" in found.output
    assert call("store", "verify", "--repair").exit_code == 0
    assert not victim.exists()
    assert call("store", "verify").exit_code == 0
    assert "1 steps run" in call("run", "toy.yaml").output


def test_verify_finds_a_malformed_database(run_dir):
    victim = next((run_dir / "runs/store/answers").glob("*.sqlite"))
    victim.write_bytes(b"SQLite format 3\x00" + b"\x7f" * 5000)
    found = call("store", "verify")
    assert found.exit_code == 3
    assert victim.name in found.output


def test_gc_keeps_all_that_a_run_beside_the_store_needs(run_dir):
    age(run_dir / "runs/store")
    facts = said("store", "gc", "--json")
    assert facts["kept_for"] == ["runs/toy"]
    assert facts["rubbish"] == []


def test_gc_only_tells_until_it_is_told_to_delete(run_dir):
    narrow = (run_dir / "toy.yaml").read_text().replace("[0.1, 0.25]", "[0.1]")
    (run_dir / "narrow.yaml").write_text(narrow)
    (run_dir / "runs/toy/run.json").unlink()
    age(run_dir / "runs/store")
    before = steps(run_dir)
    told = said("store", "gc", "narrow.yaml", "--json")
    assert told["rubbish"]
    assert steps(run_dir) == before
    assert "could go; --delete removes it" in call("store", "gc", "narrow.yaml").output
    assert "removed" in call("store", "gc", "narrow.yaml", "--delete").output
    assert before - steps(run_dir) == {path["path"].rpartition("/")[2] for path in told["rubbish"]}
    assert "0 steps run" in call("run", "narrow.yaml").output
    assert not any((run_dir / "runs/store/drafts").iterdir())


def test_gc_leaves_young_entries_and_answers_alone(run_dir):
    (run_dir / "runs/toy/run.json").unlink()
    (run_dir / "none.yaml").write_text(
        "evaluate_on: {words: words}\nteachers: {z: {uses: listens, words: [mu]}}\nteachers_as_arms: true\n"
    )
    assert said("store", "gc", "none.yaml", "--json")["rubbish"] == []
    age(run_dir / "runs/store")
    call("store", "gc", "none.yaml", "--delete")
    assert steps(run_dir) == set()
    with sqlite3.connect(next((run_dir / "runs/store/answers").glob("*.sqlite"))) as journal:
        assert journal.execute("SELECT count(*) FROM answers").fetchone()[0] > 0


def test_gc_without_any_matrix_is_refused(run_dir):
    (run_dir / "runs/toy/run.json").unlink()
    refused = call("store", "gc", "--delete")
    assert refused.exit_code == 2
    assert "nothing says what is needed\n  Name the matrices whose steps are to stay." in refused.stderr


def test_gc_sweeps_leftovers_and_caches_only_when_asked(run_dir):
    root = run_dir / "runs/store"
    (root / "drafts" / "dead").mkdir(parents=True)
    (root / "shelves").mkdir()
    (root / "shelves/words.sqlite").write_bytes(b"")
    age(root)
    assert [part["path"].rpartition("/")[2] for part in said("store", "gc", "--json")["rubbish"]] == ["dead"]
    found = said("store", "gc", "--caches", "--json")["rubbish"]
    assert [part["path"].split("/")[2] for part in found] == ["drafts", "artifacts", "shelves"]
    assert "/artifacts/inspect/" in found[1]["path"]


def test_a_span_that_is_none_is_refused(run_dir):
    refused = call("store", "gc", "--older-than", "soon")
    assert refused.exit_code == 2
    assert "'soon' is no span of time such as 90m, 12h or 7d" in refused.stderr


@pytest.mark.parametrize("name", ["all.tar", "all.tar.gz"])
def test_an_export_imported_elsewhere_leaves_nothing_to_run(run_dir, name):
    assert "answers" in call("store", "export", name, "toy.yaml").output
    assert "106 answers, 106 of them new" in call("store", "import", name, "--store", "other").output
    assert call("store", "verify", "--store", "other").exit_code == 0
    again = call("run", "toy.yaml", "--store", "other", "--out", "again")
    assert "0 steps run" in again.output
    assert (run_dir / "again/results.csv").read_bytes() == (run_dir / "runs/toy/results.csv").read_bytes()
    assert ", 0 of them new; " in call("store", "import", name, "--store", "other").output


def test_answers_that_came_in_are_not_asked_for_again(run_dir):
    call("store", "export", "all.tar", "toy.yaml")
    call("store", "import", "all.tar", "--store", "other")
    for folder in (run_dir / "other/artifacts/annotate").iterdir():
        Store(run_dir / "other").set_aside("annotate", folder.name)
    again = call("run", "toy.yaml", "--store", "other")
    assert again.exit_code == 0, again.stderr
    manifests = list(Store(run_dir / "other").manifests("annotate"))
    assert [manifest["facts"]["asked"] for manifest in manifests] == [0, 0, 0, 0]


def test_equal_stores_give_equal_archives(run_dir):
    call("store", "export", "one.tar", "toy.yaml")
    call("store", "export", "two.tar", "toy.yaml")
    assert (run_dir / "one.tar").read_bytes() == (run_dir / "two.tar").read_bytes()


def repacked(source, target, change):
    """The archive with every entry's name and content as ``change`` gives them; None leaves one out."""
    import io

    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for entry in old:
            changed = change(entry.name, old.extractfile(entry).read())
            if changed:
                made = tarfile.TarInfo(changed[0])
                made.size = len(changed[1])
                new.addfile(made, io.BytesIO(changed[1]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda name, data: (f"../{name}", data), "which has no place in such an archive"),
        (lambda name, data: (name.replace("rank.jsonl", "../../x"), data), "which its manifest does not name"),
        (lambda name, data: (name, data.replace(b"score", b"scorf")), "has another checksum than its manifest says"),
        (lambda name, data: None if name.endswith("rank.jsonl") else (name, data), "lacks rank.jsonl of rank"),
        (lambda name, data: (name, b"[]" if name.endswith("manifest.json") else data), "that cannot be used"),
        (lambda name, data: (name, b"{}\n" if name.startswith("answers") else data), "has an answer that cannot be"),
    ],
)
def test_a_strange_archive_is_refused_and_nothing_half_is_kept(run_dir, change, message):
    call("store", "export", "good.tar", "toy.yaml")
    repacked(run_dir / "good.tar", run_dir / "bad.tar", change)
    refused = call("store", "import", "bad.tar", "--store", "other")
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert "Only archives that `harness store export` wrote can be imported." in refused.stderr
    if (run_dir / "other").is_dir():
        assert call("store", "verify", "--store", "other").exit_code == 0
        assert not any((run_dir / "other/drafts").glob("*"))


@pytest.mark.parametrize("cut", [0, 1, 700, 5000])
def test_a_cut_archive_is_refused(run_dir, cut):
    call("store", "export", "good.tar.gz", "toy.yaml")
    (run_dir / "cut.tar.gz").write_bytes((run_dir / "good.tar.gz").read_bytes()[:cut])
    refused = call("store", "import", "cut.tar.gz", "--store", "other")
    assert refused.exit_code == 2
    assert "Only archives" in refused.stderr


def test_a_store_that_is_not_there_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = call("store", "ls")
    assert refused.exit_code == 2
    assert "runs/store: there is no store\n  Name it by --store or HARNESS_STORE." in refused.stderr
