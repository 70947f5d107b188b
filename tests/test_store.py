import sqlite3
from contextlib import closing
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


def test_a_shelf_keeps_the_first_entry_and_gives_what_there_is(store):
    shelf = store.shelf("features")
    shelf.put({"a": b"1", "b": b""})
    shelf.put({"a": b"2", "c": b"3"})
    assert store.shelf("features").get(["a", "b", "c", "d", "a"]) == {"a": b"1", "b": b"", "c": b"3"}
    assert store.shelf("other").get(["a"]) == {}


def test_a_shelf_gives_any_number_of_entries(store):
    shelf = store.shelf("features")
    shelf.put({str(number): bytes([number % 256]) for number in range(1200)})
    assert len(shelf.get(map(str, range(1300)))) == 1200


def test_a_damaged_entry_of_a_shelf_counts_as_missing_and_can_be_made_again(store):
    shelf = store.shelf("features")
    shelf.put({"a": b"right"})
    with closing(sqlite3.connect(shelf.path)) as connection, connection:
        connection.execute("UPDATE entries SET value = ?", (b"wrong",))
    assert shelf.get(["a"]) == {}
    shelf.put({"a": b"right"})
    assert shelf.get(["a"]) == {"a": b"right"}


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b"])
def test_a_shelf_has_a_plain_name(store, name):
    with pytest.raises(StoreError, match="is no name of a shelf"):
        store.shelf(name)


def _put_when_told(root, own, gate):
    for number in range(20):
        gate.wait(60)
        Store(root).shelf(f"shelf-{number}").put({"shared": own, own.decode(): own})


def test_processes_that_put_onto_a_new_shelf_at_once_lose_nothing(tmp_path):
    context = get_context("spawn")
    gate = context.Barrier(3)
    workers = [context.Process(target=_put_when_told, args=(tmp_path, own, gate)) for own in (b"x", b"y", b"z")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    for number in range(20):
        found = Store(tmp_path).shelf(f"shelf-{number}").get(["shared", "x", "y", "z"])
        assert found.pop("shared") in found.values()
        assert found == {"x": b"x", "y": b"y", "z": b"z"}
