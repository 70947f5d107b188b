import errno
import fcntl
import os
import sqlite3
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest

from harness import mounts
from harness.errors import HarnessError, StoreError
from harness.mounts import mount_of, shared_at
from harness.store import Store

MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
server:/home /home nfs4 rw,vers=4.2,local_lock=none 0 0
server:/old /old nfs rw,nolock,local_lock=all 0 0
//box/share /mnt/two\\040words cifs rw,nobrl 0 0
me@box: /mnt/ssh fuse.sshfs rw 0 0
bucket /mnt/bucket fuse.juicefs rw 0 0
/dev/sdb1 /mnt/stick fuseblk rw 0 0
over /mnt/over fuse.fuse-overlayfs rw 0 0
mds:/lus /scratch lustre rw,flock 0 0
mds:/lus2 /scratch2 lustre rw,localflock 0 0
tmpfs /home/me/ram tmpfs rw 0 0
host /mnt/host 9p rw,trans=virtio 0 0
tmpfs /twice tmpfs rw 0 0
server:/twice /twice nfs rw 0 0
a broken line
"""


@pytest.mark.parametrize(
    ("path", "type_", "shared"),
    [
        ("/data/store", "ext4", False),
        ("/home/me/runs/store", "nfs4", True),
        ("/homestead/store", "ext4", False),
        ("/home/me/ram/store", "tmpfs", False),
        ("/mnt/two words/store", "cifs", True),
        ("/mnt/ssh/store", "fuse.sshfs", True),
        ("/mnt/bucket/store", "fuse.juicefs", True),
        ("/mnt/stick/store", "fuseblk", False),
        ("/mnt/over/store", "fuse.fuse-overlayfs", False),
        ("/scratch/store", "lustre", True),
        ("/mnt/host/store", "9p", True),
        ("/twice", "nfs", True),
    ],
)
def test_a_file_system_that_other_machines_see_is_known_by_its_type(path, type_, shared):
    found = mount_of(Path(path), MOUNTS)
    assert (found.type, found.shared) == (type_, shared)


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("/home/x", ""),
        ("/scratch/x", ""),
        ("/old/x", "it is mounted with local_lock=all, nolock, so that other machines do not see its locks"),
        ("/mnt/two words/x", "it is mounted with nobrl, so that other machines do not see its locks"),
        ("/scratch2/x", "it is mounted with localflock, so that other machines do not see its locks"),
        ("/mnt/ssh/x", "fuse.sshfs passes no lock on to other machines"),
    ],
)
def test_options_say_whether_other_machines_see_locks(path, cause):
    assert mount_of(Path(path), MOUNTS).local_locks == cause


def test_where_nothing_is_told_nothing_is_shared():
    assert mount_of(Path("/data"), "") is None


def test_the_disk_of_these_tests_has_locks_that_work(tmp_path):
    assert mounts.locks_work(tmp_path)
    assert not list(tmp_path.iterdir())
    assert not mounts.locks_work(tmp_path / "missing")


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    """Tells that the folder of a test is mounted so."""

    def tell(line):
        (tmp_path / "mounts").write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {tmp_path.resolve()} {line} 0 0\n")
        monkeypatch.setattr(mounts, "TABLE", tmp_path / "mounts")

    return tell


def test_a_run_is_refused_where_other_machines_do_not_see_locks(plan_of, toy, run_plan, store, mounted, tmp_path):
    mounted("nfs rw,nolock")
    with pytest.raises(StoreError) as error:
        run_plan(plan_of(toy))
    assert str(error.value) == (
        f"{store.root.resolve()}: lies on a network file system (nfs at {tmp_path.resolve()}), and it is mounted with"
        f" nolock, so that other machines do not see its locks\n  {mounts.REMEDY}"
    )
    assert not (store.root / "leases").exists()


def test_a_run_is_refused_where_locks_do_not_work(plan_of, toy, run_plan, mounted, monkeypatch):
    mounted("lustre rw")

    def lacking(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "lockf", lacking)
    with pytest.raises(StoreError, match="and locks there do not keep another process out"):
        run_plan(plan_of(toy))


def test_a_run_on_a_network_file_system_with_locks_uses_no_shared_memory(plan_of, toy, run_plan, store, mounted):
    mounted("nfs4 rw,vers=4.2,local_lock=none")
    outcome, _ = run_plan(plan := plan_of(toy.replace("seeds: [0, 1]", "seeds: [0]")))
    assert outcome.count("done") == len(plan.steps)
    found = list(store.root.rglob("*.sqlite"))
    assert found
    for path in found:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert not list(store.root.rglob("*-shm"))


def test_databases_that_are_links_to_another_disk_are_where_locks_are_wanted(tmp_path):
    store, local = Store(tmp_path / "store"), tmp_path / "local"
    for name in ("answers", "canaries", "shelves"):
        (local / name).mkdir(parents=True)
        (store.root / name).parent.mkdir(exist_ok=True)
        (store.root / name).symlink_to(local / name)
    (store.root / "accounts.sqlite").symlink_to(local / "accounts.sqlite")
    assert {path.relative_to(local.resolve()) for path in store.locked()} == set(
        map(Path, (".", "answers", "canaries", "shelves"))
    )
    with store.accounts() as accounts, store.journal("a" * 64) as journal:
        journal.add("item", {"outcome": "ok"})
        assert accounts.spent("m").calls == 0
    assert {path.name for path in local.rglob("*.sqlite")} == {"accounts.sqlite", f"{'a' * 64}.sqlite"}


def write(root, number, count):
    with Store(root).journal("teacher") as journal:
        for index in range(count):
            journal.add(f"{number}-{index}", {"outcome": "ok", "verdict": "pristine"}, paid=index % 2 == 0)
            journal.add("shared", {"outcome": "ok", "by": number})
            journal.fail("bad", {"outcome": "error"})


def test_several_processes_write_to_a_rollback_journal_at_once_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_JOURNAL_MODE", "rollback")
    with get_context("spawn").Pool(4) as pool:
        pool.starmap(write, [(tmp_path, number, 15) for number in range(4)])
    with Store(tmp_path).journal("teacher") as journal:
        items = {row["item"] for row in journal.rows()}
        assert items == {f"{number}-{index}" for number in range(4) for index in range(15)} | {"shared"}
        assert journal.fail("bad", {"outcome": "error"}) == 61
    assert sorted(path.name for path in (tmp_path / "answers").iterdir()) == ["teacher.sqlite"]


def test_a_journal_of_a_local_store_that_moved_to_a_network_is_turned_and_loses_nothing(tmp_path, monkeypatch):
    write(tmp_path, 0, 3)
    monkeypatch.setenv("HARNESS_JOURNAL_MODE", "rollback")
    write(tmp_path, 1, 3)
    monkeypatch.setenv("HARNESS_JOURNAL_MODE", "wal")
    with Store(tmp_path).journal("teacher") as journal:
        assert len(list(journal.rows())) == 7


def test_a_mode_that_there_is_not_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_JOURNAL_MODE", "off")
    with pytest.raises(HarnessError) as error:
        Store(tmp_path).accounts()
    assert str(error.value) == "HARNESS_JOURNAL_MODE: 'off' is no mode of SQLite\n  Set it to wal or rollback."


def test_what_is_mounted_is_read_from_the_system(tmp_path):
    found = mount_of(tmp_path.resolve(), Path("/proc/mounts").read_text())
    assert found is not None
    assert os.path.ismount(found.point)
    assert shared_at(tmp_path) == (found if found.shared else None)
