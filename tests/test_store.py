from multiprocessing import get_context

import pytest

from harness.errors import StoreError
from harness.store import Store


def put(store, key="a" * 64, text="hello"):
    with store.writing("rank", key) as draft:
        (draft.folder / "rank.jsonl").write_text(text)
        draft.finish({"facts": {}})
    return key


def test_an_artifact_is_there_only_when_it_is_finished(store):
    with store.writing("rank", "b" * 64) as draft:
        (draft.folder / "rank.jsonl").write_text("half")
    assert not store.has("rank", "b" * 64)
    assert not any((store.root / "drafts").iterdir())


def test_a_draft_that_fails_leaves_nothing(store):
    def fail():
        with store.writing("rank", "c" * 64) as draft:
            draft.finish({})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not store.has("rank", "c" * 64)


def test_two_runners_that_make_the_same_artifact_do_not_disturb_each_other(store):
    key = put(store)
    assert put(store) == key
    assert store.sound("rank", key)


@pytest.mark.parametrize("damage", ["change", "delete", "manifest"])
def test_damage_is_seen_by_checksum(store, damage):
    key = put(store)
    file = store.folder("rank", key) / "rank.jsonl"
    if damage == "change":
        file.write_text("hellp")
    elif damage == "delete":
        file.unlink()
    else:
        (file.parent / "manifest.json").write_text("{")
    assert not store.sound("rank", key)
    assert store.set_aside("rank", key).exists()
    assert not store.has("rank", key)


def test_a_missing_artifact_is_an_error_with_its_place(store):
    with pytest.raises(StoreError, match="there is no such artifact"):
        store.manifest("rank", "d" * 64)


def test_a_journal_keeps_the_first_answer(store):
    with store.journal("t") as journal:
        journal.add("item", {"verdict": "pristine"})
        journal.add("item", {"verdict": "falsified"})
    with store.journal("t") as journal:
        assert journal.read(["item", "other"]) == {"item": {"verdict": "pristine"}}


def test_a_cached_folder_is_made_once(store):
    made = []

    def make(folder):
        made.append(folder)
        (folder / "x").write_text("x")

    assert (store.cached("key", make) / "x").read_text() == "x"
    assert store.cached("key", make) == store.cached("key", make)
    assert len(made) == 1


def _open_when_told(root, numbers, gate):
    for number in numbers:
        gate.wait(60)
        with Store(root).journal(f"teacher-{number}") as journal:
            journal.add("item", {"verdict": "pristine"})


def test_processes_that_open_a_new_journal_at_once_wait_for_each_other(tmp_path):
    context = get_context("spawn")
    gate = context.Barrier(4)
    openers = [context.Process(target=_open_when_told, args=(tmp_path, range(40), gate)) for _ in range(4)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join(120)
    assert [opener.exitcode for opener in openers] == [0, 0, 0, 0]
