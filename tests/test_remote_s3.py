"""A remote store in a bucket: the real client of S3, and moto's server, which does not leave this machine."""

import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from harness import pace
from harness import remote as remotes
from harness.cli import main
from harness.diagnosis import view
from harness.errors import StoreError
from harness.events import read
from harness.remote import Away, Remote
from harness.store import Store

s3fs = pytest.importorskip("s3fs", reason="the extra s3 is not installed")
boto3 = pytest.importorskip("boto3", reason="moto is not installed")
requests = pytest.importorskip("requests", reason="moto is not installed")
moto = pytest.importorskip("moto.server", reason="moto's server is not installed")

URL = "s3://lab/newsroom"

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::lab", "arn:aws:s3:::lab/*"]}],
}


@pytest.fixture
def server():
    started = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def bucket(server, tmp_path, monkeypatch):
    """An empty bucket ``lab``, and an environment that knows of no other cloud."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "FSSPEC_", "BOTO_"))]:
        monkeypatch.delenv(name)
    nowhere = {name: str(tmp_path / "none") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
    known = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    address = "http://{}:{}".format(*server.get_host_and_port())
    patient = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1", "AWS_ENDPOINT_URL": address}
    for name, value in {**nowhere, **known, **patient}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(remotes, "WAITS_S", (0.0, 0.0))
    s3fs.S3FileSystem.clear_instance_cache()
    requests.post(f"{address}/moto-api/reset", timeout=10)
    # A client of another library than the one that is tested looks into the bucket.
    client = boto3.client("s3")
    client.create_bucket(Bucket="lab")

    def places():
        return [found["Key"] for found in client.list_objects_v2(Bucket="lab").get("Contents", ())]

    def content(key):
        return client.get_object(Bucket="lab", Key=key)["Body"].read()

    def put(key, body):
        client.put_object(Bucket="lab", Key=key, Body=body)

    yield SimpleNamespace(client=client, places=places, content=content, put=put, address=address)
    s3fs.S3FileSystem.clear_instance_cache()
    boto3.DEFAULT_SESSION = None


@pytest.fixture
def small(toy):
    return toy.replace("seeds: [0, 1]", "seeds: [0]").replace("[0.1, 0.25]", "[0.25]")


@pytest.fixture
def machine(small, tmp_path, monkeypatch):
    """Runs a command on one of several machines, as it were: they share nothing but the bucket and the matrix."""
    (tmp_path / "toy.yaml").write_text(small)
    monkeypatch.setenv("HARNESS_REMOTE", URL)

    def call(name, *words, expect=0):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        result = CliRunner().invoke(main, words, catch_exceptions=False)
        assert result.exit_code == expect, result.output
        return result.output

    return call


MATRIX = "../toy.yaml"


def results(tmp_path, name):
    return (tmp_path / name / "runs" / "toy" / "results.csv").read_bytes()


def steps_run(output):
    return int(output.split(" steps run")[0].split()[-1])


def put_step(store, key="a" * 64, content=b"hello"):
    with store.writing("rank", key) as draft:
        (draft.folder / "rank.jsonl").write_bytes(content)
        draft.finish({"what": "x"})
    return key


def test_what_one_machine_has_run_another_one_takes_out_of_the_bucket(machine, tmp_path, bucket):
    first = machine("one", "run", MATRIX)
    steps = steps_run(first)
    assert steps
    assert f"{steps + 2} steps and files of answers pushed to {URL}" in first
    assert len(bucket.places()) == steps + 2
    assert all(key.startswith("newsroom/") for key in bucket.places())
    second = machine("two", "run", MATRIX)
    assert f"{steps} steps and" in second
    assert f"0 steps run, {steps} reused" in second
    assert len([key for key in bucket.places() if "/artifacts/" in key]) == steps
    assert results(tmp_path, "two") == results(tmp_path, "one")


def test_a_store_is_pushed_and_pulled_through_a_bucket(machine, monkeypatch, tmp_path):
    monkeypatch.delenv("HARNESS_REMOTE")
    steps = steps_run(machine("one", "run", MATRIX))
    pushed = machine("one", "store", "push", MATRIX, "--remote", URL)
    assert f"{steps + 2} steps and files of answers pushed to {URL}" in pushed
    assert "pushed" not in machine("one", "store", "push", MATRIX, "--remote", URL)
    assert f"{steps} steps and" in machine("two", "store", "pull", MATRIX, "--remote", URL)
    assert f"0 steps run, {steps} reused" in machine("two", "run", MATRIX)
    assert results(tmp_path, "two") == results(tmp_path, "one")


def test_a_step_that_is_damaged_in_the_bucket_is_named_done_anew_and_replaced(machine, bucket, tmp_path):
    steps = steps_run(machine("one", "run", MATRIX))
    place = next(key for key in bucket.places() if "/predict/" in key)
    whole = bytearray(bucket.content(place))
    middle = whole.index(b'"item_id"') + 1
    whole[middle] ^= 1
    bucket.put(place, bytes(whole))
    assert f"not fetched: s3://lab/{place}: is damaged: predictions.jsonl" in machine(
        "two", "store", "pull", MATRIX, expect=3
    )
    said = machine("two", "run", MATRIX)
    assert f"not fetched: s3://lab/{place}: is damaged: predictions.jsonl" in said
    assert f"1 steps run, {steps - 1} reused" in said
    assert results(tmp_path, "two") == results(tmp_path, "one")
    assert f"0 steps run, {steps} reused" in machine("three", "run", MATRIX)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_step_of_which_a_part_is_in_the_bucket_is_not_taken(tmp_path, bucket, share):
    remote, store = Remote(URL), Store(tmp_path / "one")
    remote.push(store, "rank", key := put_step(store, content=os.urandom(50_000)))
    (place,) = bucket.places()
    whole = bucket.content(place)
    bucket.put(place, whole[: int(len(whole) * share)])
    with pytest.raises(StoreError, match=f"{URL}/artifacts/rank/{key}.tar: "):
        remote.pull(other := Store(tmp_path / "two"), "rank", key)
    assert not other.has("rank", key)


PUSH = """\
import sys
from pathlib import Path
from harness.remote import Remote
from harness.store import Store
Remote(sys.argv[1]).push(Store(Path(sys.argv[2])), "rank", sys.argv[3])
"""


def test_a_push_that_is_killed_leaves_nothing_that_can_be_taken_and_the_next_one_is_whole(
    tmp_path, bucket, monkeypatch
):
    store = Store(tmp_path / "one")
    key = put_step(store, content=os.urandom(64_000_000))
    monkeypatch.setenv("FSSPEC_S3", json.dumps({"default_block_size": 5_300_000}))
    pushing = subprocess.Popen([sys.executable, "-c", PUSH, URL, str(store.root), key])
    try:
        until = time.monotonic() + 60
        while not parts(bucket.client):
            assert pushing.poll() is None
            assert time.monotonic() < until
            time.sleep(0.002)
    finally:
        pushing.kill()
        pushing.wait()
    assert parts(bucket.client)
    assert not bucket.places()
    remote, other = Remote(URL), Store(tmp_path / "two")
    assert remote.steps() == set()
    assert not remote.has("rank", key)
    with pytest.raises(StoreError, match="is not there any more"):
        remote.pull(other, "rank", key)
    remote.push(store, "rank", key)
    assert remote.pull(other, "rank", key) == 1
    assert other.sound("rank", key)


def parts(client):
    """Parts of objects that are not whole."""
    begun = client.list_multipart_uploads(Bucket="lab").get("Uploads", ())
    return [
        part
        for upload in begun
        for part in client.list_parts(Bucket="lab", Key=upload["Key"], UploadId=upload["UploadId"]).get("Parts", ())
    ]


def test_what_was_pushed_after_a_remote_was_looked_at_is_seen(tmp_path):
    """The client keeps listings, and so would see the bucket as it was."""
    here, there = Remote(URL), Remote(URL)
    assert here.steps() == set()
    assert not here.has("rank", "a" * 64)
    pushing = [sys.executable, "-c", PUSH, URL, str(tmp_path), put_step(Store(tmp_path))]
    subprocess.run(pushing, check=True)
    for remote in (here, there):
        assert remote.has("rank", "a" * 64)
        assert remote.steps() == {("rank", "a" * 64)}


@pytest.fixture
def guarded(bucket, monkeypatch):
    """From now on the server lets only those in whom it knows."""
    who = boto3.client("iam")
    who.create_user(UserName="lab")
    who.put_user_policy(UserName="lab", PolicyName="lab", PolicyDocument=json.dumps(POLICY))
    key = who.create_access_key(UserName="lab")["AccessKey"]
    requests.post(f"{bucket.address}/moto-api/reset-auth", data="0", timeout=10)
    yield key["AccessKeyId"], key["SecretAccessKey"]
    requests.post(f"{bucket.address}/moto-api/reset-auth", data="inf", timeout=10)


REMEDY = "\n  Look after the address, the credentials and the network; what is stored here is kept."


def test_credentials_open_the_bucket_and_wrong_ones_are_said_with_place_cause_and_remedy(machine, guarded, monkeypatch):
    refused = f"{URL}: refuses: PermissionError: The AWS Access Key Id you provided does not exist in our records."
    said = machine("one", "run", MATRIX)
    steps = steps_run(said)
    assert f"the run begins without what else is there: {refused}{REMEDY}" in said
    assert f"{steps + 2} could not be pushed, and the next run will push them: {refused}{REMEDY}" in said
    for command in ("push", "pull"):
        assert f"error: {refused}{REMEDY}" in machine("one", "store", command, MATRIX, expect=2)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", guarded[0])
    s3fs.S3FileSystem.clear_instance_cache()
    assert "refuses: PermissionError: The request signature" in machine("one", "store", "push", MATRIX, expect=2)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", guarded[1])
    s3fs.S3FileSystem.clear_instance_cache()
    assert f"{steps + 2} steps and files of answers pushed" in machine("one", "store", "push", MATRIX)
    assert f"0 steps run, {steps} reused" in machine("two", "run", MATRIX)


def test_without_credentials_the_remedy_names_them(machine, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    said = machine("one", "store", "pull", MATRIX, expect=2)
    assert f"{URL}: does not answer: NoCredentialsError: Unable to locate credentials{REMEDY}" in said


def test_a_bucket_that_there_is_not_is_refused_and_not_made(machine, bucket):
    refused = "s3://labb/x: refuses: FileNotFoundError: The specified bucket does not exist"
    said = machine("one", "run", MATRIX, "--remote", "s3://labb/x")
    assert f"the run begins without what else is there: {refused}{REMEDY}" in said
    assert f"could not be pushed, and the next run will push them: {refused}{REMEDY}" in said
    assert f"error: {refused}{REMEDY}" in machine("one", "store", "push", MATRIX, "--remote", "s3://labb/x", expect=2)
    assert [found["Name"] for found in bucket.client.list_buckets()["Buckets"]] == ["lab"]


class Watch:
    """Does something when so many steps have ended."""

    def __init__(self, count, act):
        self.count, self.act = count, act

    def begin(self, total, reused): ...
    def started(self, step): ...

    def ended(self, step, report):
        self.count -= 1
        if self.count == 0:
            self.act()


def test_a_server_that_goes_away_during_a_run_fails_nothing_and_what_was_done_is_pushed_later(
    small, plan_of, mirrored, server, tmp_path
):
    plan, store = plan_of(small), Store(tmp_path / "one")
    outcome, said = mirrored(plan, store, URL, Watch(5, server.stop))
    assert outcome.count("done") == len(plan.steps)
    assert all(store.sound(step.kind, step.key) for step in plan.steps.values())
    assert "could not be pushed, and the next run will push them: s3://lab/newsroom: does not answer: " in said[-1]
    assert said[-1].endswith(REMEDY)


def test_a_server_that_is_away_is_given_up_before_long(tmp_path, server, monkeypatch):
    """The client tries again itself, for many seconds: so it is not told to."""
    server.stop()
    monkeypatch.setattr(remotes, "PATIENCE_S", 0.0)
    monkeypatch.setattr(remotes, "WAITS_S", (3600.0,))
    with pytest.raises(Away, match="does not answer: EndpointConnectionError"):
        Remote(URL).steps()


def begun(store):
    """Keys of the steps that were begun in a store, as often as they were, and of those that were fetched."""
    events = [event for path in (store.root / "events").glob("*.jsonl") for event in read(path)]
    steps = [event for event in events if event.get("kind", "inspect") != "inspect"]
    return [[event["step"] for event in steps if event["event"] == name] for name in ("started", "fetched")]


def test_what_another_machine_pushes_during_a_run_is_fetched_and_not_done(
    small, plan_of, mirrored, tmp_path, monkeypatch
):
    # The steps of these toys are so quick that nobody would be asked about them.
    monkeypatch.setattr(pace, "QUICK_S", 0.0)
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    plan = plan_of(small)
    outcome, said = mirrored(plan, here, URL, Watch(1, lambda: mirrored(plan_of(small), there, URL, Watch(0, None))))
    ours, fetched = begun(here)
    theirs, _ = begun(there)
    assert len(ours) == outcome.count("done") == 1
    assert len(fetched) == len(plan.steps) - 1
    assert {*ours, *fetched} == set(plan.steps)
    # The first step was on its way while the other machine began.
    assert len(theirs) == len(set(theirs))
    assert set(theirs) >= set(fetched)
    assert f"{len(fetched)} steps fetched meanwhile from {URL}" in said
    assert view(plan, here).results.to_csv(index=False) == view(plan, there).results.to_csv(index=False)
