import json
import threading
from collections import Counter
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from harness import inquiries, pace
from harness import mirror as mirroring
from harness import remote as remotes
from harness.cli import main
from harness.diagnosis import view
from harness.errors import HarnessError, MissingDependency, StoreError
from harness.events import read
from harness.remote import Away, Remote, name_of, without_password
from harness.store import Store

fsspec = pytest.importorskip("fsspec")

MemoryFileSystem = pytest.importorskip("fsspec.implementations.memory").MemoryFileSystem


@pytest.fixture
def small(toy):
    return toy.replace("seeds: [0, 1]", "seeds: [0]").replace("[0.1, 0.25]", "[0.25]")


class Flaky(MemoryFileSystem):
    """A memory file system that fails as often as is wanted, in a way that only its library knows."""

    protocol = "flaky"
    cachable = False
    failures = 0
    asked = 0

    def _falter(self):
        if Flaky.failures > 0:
            Flaky.failures -= 1
            raise RuntimeError("SlowDown: please reduce your request rate")

    def find(self, path, **options):
        self._falter()
        return super().find(path, **options)

    def info(self, path, **options):
        self._falter()
        Flaky.asked += 1
        return super().info(path, **options)

    def _open(self, path, mode="rb", **options):
        self._falter()
        return super()._open(path, mode, **options)


fsspec.register_implementation("flaky", Flaky, clobber=True)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """An empty memory, and a moment that is short."""
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    Flaky.failures = 0
    monkeypatch.setattr(remotes, "WAITS_S", (0.0, 0.0))


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path):
    return "memory://lab/store" if request.param == "memory" else (tmp_path / "remote").as_uri()


def put(store, key="a" * 64, text="hello"):
    with store.writing("rank", key) as draft:
        (draft.folder / "rank.jsonl").write_text(text)
        draft.finish({"what": "x"})
    return key


def test_what_one_store_has_done_another_one_fetches(small, plan_of, mirrored, url, tmp_path):
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    plan = plan_of(small)
    outcome, said = mirrored(plan, here, url)
    assert outcome.count("done") == len(plan.steps)
    assert said == [
        f"0 steps and 0 answers fetched from {url}",
        f"{len(plan.steps) + 2} steps and files of answers pushed to {url}",
    ]
    outcome, said = mirrored(plan_of(small), there, url)
    assert outcome.count("stored") == len(plan.steps)
    # Forty captions to learn from and thirty to judge; of equal ones there is one answer.
    answers = sum(1 for teacher in mirroring.teachers_of(plan) for _ in here.journal(teacher).rows())
    assert said[0] == f"{len(plan.steps)} steps and {answers} answers fetched from {url}"
    for step in plan.steps.values():
        assert there.sound(step.kind, step.key)
        assert there.manifest(step.kind, step.key) == here.manifest(step.kind, step.key)
    assert view(plan, here).results.to_csv(index=False) == view(plan, there).results.to_csv(index=False)
    assert not list((there.root / "drafts").iterdir())


def test_what_is_there_is_pushed_once(small, plan_of, mirrored, tmp_path):
    plan, store = plan_of(small), Store(tmp_path)
    mirrored(plan, store, "memory://lab")
    before = {path: file.modified for path, file in MemoryFileSystem.store.items()}
    _, said = mirrored(plan, store, "memory://lab")
    assert said == ["0 steps and 0 answers fetched from memory://lab"]
    assert {path: file.modified for path, file in MemoryFileSystem.store.items()} == before


def test_a_damaged_step_is_fetched_instead_of_done_anew(small, plan_of, mirrored, tmp_path):
    plan, store = plan_of(small), Store(tmp_path)
    mirrored(plan, store, "memory://lab")
    step = next(one for one in plan.steps.values() if one.kind == "predict")
    (store.folder("predict", step.key) / "predictions.jsonl").write_text("{}")
    with pytest.warns(UserWarning, match="was damaged"):
        outcome, _ = mirrored(plan, store, "memory://lab")
    assert outcome.count("stored") == len(plan.steps)
    assert store.sound("predict", step.key)


def test_a_remote_that_fails_for_a_moment_changes_nothing(tmp_path):
    remote, store = Remote("flaky://lab"), Store(tmp_path)
    key = put(store)
    Flaky.failures = 2
    remote.push(store, "rank", key)
    Flaky.failures = 2
    assert remote.steps() == {("rank", key)}
    Flaky.failures = 2
    assert remote.pull(other := Store(tmp_path / "other"), "rank", key) == 1
    assert other.sound("rank", key)


def test_a_remote_that_does_not_answer_ends_no_run_and_is_pushed_to_by_the_next_one(small, plan_of, mirrored, tmp_path):
    plan, store = plan_of(small), Store(tmp_path)
    Flaky.failures = 10**9
    outcome, said = mirrored(plan, store, "flaky://lab")
    assert outcome.count("done") == len(plan.steps)
    reason = (
        "flaky://lab: does not answer: RuntimeError: SlowDown: please reduce your request rate\n"
        "  Look after the address, the credentials and the network; what is stored here is kept."
    )
    assert said == [
        "0 steps and 0 answers fetched from flaky://lab",
        f"the run begins without what else is there: {reason}",
        f"{len(plan.steps) + 2} could not be pushed, and the next run will push them: {reason}",
    ]
    Flaky.failures = 0
    _, said = mirrored(plan, store, "flaky://lab")
    assert said[-1] == f"{len(plan.steps) + 2} steps and files of answers pushed to flaky://lab"


def archive(remote, kind, key):
    return f"/lab/artifacts/{kind}/{key}.tar"


def test_a_step_that_was_damaged_on_its_way_is_done_here(small, plan_of, mirrored, tmp_path):
    plan = plan_of(small)
    mirrored(plan, Store(tmp_path / "here"), "memory://lab")
    step = next(one for one in plan.steps.values() if one.kind == "rank")
    fs, path = MemoryFileSystem(), archive("lab", "rank", step.key)
    content = fs.cat_file(path)
    place = content.index(b'"item_id"')
    fs.pipe_file(path, content[:place] + b"X" + content[place + 1 :])
    there = Store(tmp_path / "there")
    outcome, said = mirrored(plan, there, "memory://lab")
    assert (outcome.count("done"), outcome.count("stored")) == (1, len(plan.steps) - 1)
    assert said[0] == (
        f"not fetched: memory://lab/artifacts/rank/{step.key}.tar: is damaged: rank.jsonl of rank {step.key[:12]}"
        " has another checksum than its manifest says"
    )
    # What was done here replaces it.
    assert Remote("memory://lab").pull(Store(tmp_path / "third"), "rank", step.key) == 1


@pytest.mark.parametrize("content", [b"", b"no archive", b"\0" * 10240])
def test_what_is_no_archive_is_not_taken(tmp_path, content):
    key = "b" * 64
    MemoryFileSystem().pipe_file(archive("lab", "rank", key), content)
    with pytest.raises(StoreError, match=rf"memory://lab/artifacts/rank/{key}.tar: is "):
        Remote("memory://lab").pull(store := Store(tmp_path), "rank", key)
    assert not store.has("rank", key)


def test_an_archive_with_another_step_than_it_is_named_for_is_not_taken(tmp_path):
    store, remote = Store(tmp_path / "a"), Remote("memory://lab")
    remote.push(store, "rank", put(store))
    wanted = "b" * 64
    fs = MemoryFileSystem()
    fs.cp_file(archive("lab", "rank", "a" * 64), archive("lab", "rank", wanted))
    with pytest.raises(StoreError, match="which was not asked for"):
        remote.pull(other := Store(tmp_path / "b"), "rank", wanted)
    assert not other.has("rank", "a" * 64)


def test_what_is_named_otherwise_than_steps_are_is_nobodys(tmp_path):
    fs, store, remote = MemoryFileSystem(), Store(tmp_path), Remote("memory://lab")
    remote.push(store, "rank", key := put(store))
    for name in ("rank/readme.txt", f"cache/{'c' * 64}.tar", f"rank/{'c' * 63}.tar", f"rank/..{'c' * 62}.tar"):
        fs.pipe_file(f"/lab/artifacts/{name}", b"x")
    fs.pipe_file("/lab/answers/readme.jsonl", b"x")
    assert remote.steps() == {("rank", key)}
    assert remote.answers() == set()


def answer(verdict):
    usage = {"calls": 1, "input_tokens": 5, "output_tokens": 1, "usd": 0.0}
    return {"item_id": "i", "outcome": "ok", "verdict": verdict, "p_falsified": 0.5, "rationale": "", "usage": usage}


def test_answers_of_two_stores_are_merged_and_the_first_stays(tmp_path):
    who, remote = "d" * 64, Remote("memory://lab")
    one, two = Store(tmp_path / "one"), Store(tmp_path / "two")
    with one.journal(who) as journal:
        journal.add("x", answer("pristine"), seconds=1.5, audit={"model": "m"})
        journal.add("y", answer("pristine"))
    with two.journal(who) as journal:
        journal.add("x", answer("falsified"))
        journal.add("z", answer("falsified"))
    for store in (one, two):
        remote.push_answers(store, who)
    assert remote.answers() == {(who, name_of(one)), (who, name_of(two))}
    assert remote.pull_answers(two, who, name_of(one)) == 1
    assert remote.pull_answers(one, who, name_of(two)) == 1
    for store, first in ((one, "pristine"), (two, "falsified")):
        with store.journal(who) as journal:
            rows = {row["item"]: row["answer"]["verdict"] for row in journal.rows()}
        assert rows == {"x": first, "y": "pristine", "z": "falsified"}


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"item": "x"}', json.dumps({"item": "x", "answer": {"a": 1}, "seconds": 0, "audit": {}}), "[" * 9999],
)
def test_a_strange_answer_is_refused(tmp_path, line):
    who, source = "d" * 64, "e" * 32
    MemoryFileSystem().pipe_file(f"/lab/answers/{who}/{source}.jsonl", line.encode() + b"\n")
    with pytest.raises(
        StoreError, match=f"memory://lab/answers/{who}/{source}.jsonl: has an answer that cannot be read"
    ):
        Remote("memory://lab").pull_answers(Store(tmp_path), who, source)


def test_an_address_that_is_none_is_refused():
    with pytest.raises(HarnessError) as error:
        Remote("nowhere://x")
    assert "nowhere://x: is no address of a remote store: Protocol not known: nowhere" in str(error.value)
    assert "Write such as s3://bucket/folder or file:///shared/folder." in str(error.value)


@pytest.mark.skipif(find_spec("gcsfs") is not None, reason="gcsfs is installed")
def test_a_file_system_whose_package_is_missing_is_named():
    with pytest.raises(MissingDependency, match=r"gcsfs(.|\n)*pip install 'ooc-harness\[s3\]'"):
        Remote("gs://bucket/folder")


def test_a_password_is_not_shown():
    assert without_password("ftp://me:secret@host:21/x") == "ftp://me:…@host:21/x"
    assert without_password("s3://bucket/folder/") == "s3://bucket/folder"


def test_a_remote_that_is_away_says_so_once_and_is_left_alone(tmp_path):
    Flaky.failures = 10**9
    with pytest.raises(Away, match="does not answer: RuntimeError: SlowDown"):
        Remote("flaky://lab").steps()
    assert 10**9 - Flaky.failures == 3


class Once:
    """Does something when the first step of a run has ended."""

    def __init__(self, act):
        self.acts = [act]

    def begin(self, total, reused): ...
    def started(self, step): ...

    def ended(self, step, report):
        if self.acts:
            self.acts.pop()()


def told(store, *names):
    """What a store's runs tell of steps that cells need: the event and the step."""
    events = [event for path in (store.root / "events").glob("*.jsonl") for event in read(path)]
    return [
        (event["event"], event["step"]) for event in events if event["event"] in names and event["kind"] != "inspect"
    ]


@pytest.fixture
def slow(monkeypatch):
    """The steps of these toys are so quick that nobody would be asked about them."""
    monkeypatch.setattr(pace, "QUICK_S", 0.0)


@pytest.mark.parametrize("executor", ["inline", "{uses: local, workers: 2}"])
def test_what_another_runner_pushes_during_a_run_is_fetched_and_not_done(
    toy, small, plan_of, mirrored, url, tmp_path, slow, executor
):
    """The other one's matrix is a part of ours, and it begins when our first step is done."""
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    plan, other = plan_of(toy.replace("inline", executor)), plan_of(small)
    outcome, said = mirrored(plan, here, url, Once(lambda: mirrored(other, there, url)))
    ours = [key for _, key in told(here, "started")]
    theirs = [key for _, key in told(there, "started")]
    fetched = {key for _, key in told(here, "fetched")}
    assert outcome.count("done") == len(ours) == len(set(ours))
    assert outcome.count("stored") == len(fetched) == len(plan.steps) - len(ours)
    assert fetched <= set(theirs)
    assert f"{len(fetched)} steps fetched meanwhile from {url}" in said
    # Those that we had begun before the other one pushed them.
    assert len(set(ours) & set(theirs)) <= 4 < len(fetched)
    assert view(plan, here).results.to_csv(index=False) == plain(plan_of(toy), mirrored, tmp_path)
    for key in fetched:
        assert here.manifest(plan.steps[key].kind, key) == there.manifest(plan.steps[key].kind, key)


def plain(plan, mirrored, tmp_path):
    """The results of one machine that has done all."""
    mirrored(plan, Store(tmp_path / "alone"), "memory://alone")
    return view(plan, Store(tmp_path / "alone")).results.to_csv(index=False)


def test_what_was_pushed_meanwhile_and_is_damaged_is_said_done_here_and_replaced(
    small, plan_of, mirrored, tmp_path, slow
):
    here, there, plan = Store(tmp_path / "here"), Store(tmp_path / "there"), plan_of(small)
    fs, broken = MemoryFileSystem(), next(key for key, step in plan.steps.items() if step.kind == "train")

    def other():
        mirrored(plan_of(small), there, "memory://lab")
        fs.pipe_file(archive("lab", "train", broken), fs.cat_file(archive("lab", "train", broken))[:3000])

    outcome, said = mirrored(plan, here, "memory://lab", Once(other))
    assert outcome.count("done") + outcome.count("stored") == len(plan.steps)
    assert [line for line in said if f"not fetched: memory://lab/artifacts/train/{broken}.tar: " in line]
    assert ("started", broken) in told(here, "started")
    assert here.sound("train", broken)
    assert Remote("memory://lab").pull(Store(tmp_path / "third"), "train", broken) == 1


class Asleep(MemoryFileSystem):
    """A memory file system whose answers to what is asked in the middle of a run take very long."""

    protocol = "asleep"
    cachable = False
    asked = 0
    awake = threading.Event()

    def info(self, path, **options):
        if threading.current_thread() is not threading.main_thread():
            Asleep.asked += 1
            Asleep.awake.wait(60)
        return super().info(path, **options)


fsspec.register_implementation("asleep", Asleep, clobber=True)


def test_a_remote_that_takes_long_to_answer_is_not_waited_for(small, plan_of, mirrored, tmp_path, slow, monkeypatch):
    monkeypatch.setattr(inquiries, "ASK_S", 0.0)
    Asleep.awake.clear()
    done = []
    watch = SimpleNamespace(
        begin=lambda *_: None,
        started=lambda _: None,
        ended=lambda *_: (done.append(1), len(done) == len(plan.steps) and Asleep.awake.set()),
    )
    plan = plan_of(small)
    outcome, _ = mirrored(plan, Store(tmp_path), "asleep://lab", watch)
    assert outcome.count("done") == len(plan.steps)
    assert Asleep.asked == 1


def test_a_remote_that_fails_when_it_is_asked_is_left_alone_and_no_step_waits_for_it(
    small, plan_of, mirrored, tmp_path, slow
):
    class Begins(Once):
        def begin(self, total, reused):
            self.acts.pop()()

    plan = plan_of(small)
    outcome, said = mirrored(plan, Store(tmp_path), "flaky://lab", Begins(lambda: setattr(Flaky, "failures", 10**9)))
    assert outcome.count("done") == len(plan.steps)
    assert [line[:30] for line in said].count("not asked for what others have") == 1
    assert "could not be pushed, and the next run will push them: flaky://lab: does not answer" in said[-1]


def test_steps_that_are_known_to_be_quick_are_not_asked_about(toy, plan_of, mirrored, tmp_path):
    Flaky.asked = 0
    plan = plan_of(toy)
    mirrored(plan, Store(tmp_path), "flaky://lab")
    kinds = Counter(step.kind for step in plan.steps.values())
    assert kinds["annotate"] <= Flaky.asked < len(plan.steps) / 2


def test_commands_run_push_and_pull_by_a_remote(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.yaml").write_text(small)
    url = (tmp_path / "remote").as_uri()

    def harness(*words, **variables):
        result = CliRunner().invoke(main, words, env=variables, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    steps = int(harness("run", "toy.yaml", "--store", "one").split(" steps run")[0].split()[-1])
    assert f"{steps + 2} steps and files of answers pushed" in harness(
        "store", "push", "toy.yaml", "--store", "one", "--remote", url
    )
    assert f"{steps} steps and" in harness("store", "pull", "toy.yaml", "--store", "two", HARNESS_REMOTE=url)
    assert f"0 steps run, {steps} reused" in harness("run", "toy.yaml", "--store", "two")
    assert f"0 steps run, {steps} reused" in harness("run", "toy.yaml", "--store", "three", "--remote", url)
    refused = CliRunner().invoke(main, ["store", "push", "toy.yaml", "--store", "one"])
    assert "name the remote store by --remote or HARNESS_REMOTE" in refused.output
