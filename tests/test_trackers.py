"""Trackers hold the view's numbers, once, and nothing leaves the machine that nobody asked for."""

import dataclasses
import json
import re
import runpy
import shutil
import struct
import subprocess
import sys
from importlib.util import find_spec
from math import isfinite
from pathlib import Path

import pytest

from harness.api import HarnessError, MissingDependency
from harness.plugins import Registry
from harness.testing import checks_for, trial
from harness_reports import mlflow, tensorboard
from harness_reports.mlflow import Mlflow
from harness_reports.seen import Seen
from harness_reports.tensorboard import TensorBoard
from harness_reports.tracking import METRICS, entries, plain

MADE = runpy.run_path(str(Path(__file__).parent / "test_report_html.py"))
needs_mlflow = pytest.mark.skipif(
    find_spec("mlflow") is None or find_spec("alembic") is None, reason="MLflow is not installed"
)
needs_events = pytest.mark.skipif(find_spec("tensorboardX") is None, reason="tensorboardX is not installed")


@pytest.fixture(scope="module")
def done():
    return MADE["demo_view"]()


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A database in which MLflow has made its tables, which takes seconds."""
    from mlflow import MlflowClient

    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def uri(tmp_path, tables):
    (tmp_path / "store").mkdir()
    return f"sqlite:///{shutil.copy(tables, tmp_path / 'store' / 'mlflow.db')}"


@pytest.fixture
def runs(uri):
    """All runs of the store by level and name, as MLflow's own client finds them."""

    def find():
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        ids = [experiment.experiment_id for experiment in client.search_experiments()]
        found = client.search_runs(ids, max_results=1000)
        return client, {(run.data.tags["harness.level"], run.info.run_name): run for run in found}, len(found)

    return find


# What is logged


def test_entries_are_a_tree_with_parents_first_and_identities_of_their_own(done):
    made = list(entries(Seen.of(done)))
    identities = [entry.identity for entry in made]
    assert len(set(identities)) == len(identities)
    for place, entry in enumerate(made):
        assert (entry.level == "matrix") == (entry.parent == "") == (place == 0)
        assert not entry.parent or entry.parent in identities[:place]
    levels = [entry.level for entry in made]
    assert levels.count("arm") == len(done.arms)
    assert levels.count("seed") == (done.results.state == "done").sum()


def test_entries_hold_the_numbers_of_the_view_at_their_steps(done):
    made = list(entries(Seen.of(done)))
    seeds = {entry.params["cell"]: entry for entry in made if entry.level == "seed"}
    for row in done.results.itertuples():
        points = {point.metric: point for point in seeds[row.cell].points}
        for metric in METRICS:
            value = getattr(row, metric)
            assert (metric in points) == isfinite(value)
            if isfinite(value):
                assert (points[metric].value, points[metric].step) == (value, row.seed if row.seed == row.seed else 0)
    arms = {entry.params["arm"]: entry for entry in made if entry.level == "arm"}
    for row in done.arms.itertuples():
        points = {point.metric: point.value for point in arms[row.arm].points}
        assert points["accuracy"] == row.accuracy
        assert points.get("accuracy_low") == (row.accuracy_low if isfinite(row.accuracy_low) else None)


def test_a_curve_is_accuracy_by_labels_bought(done):
    curves = [entry for entry in entries(Seen.of(done)) if entry.level == "curve"]
    (own,) = [entry for entry in curves if entry.name == "labels: mmkd · random · probe · both"]
    points = [(point.step, point.value) for point in own.points if point.metric == "accuracy"]
    arms = done.arms[(done.arms.strategy == "mmkd") & (done.arms.rule == "random")]
    assert points == list(zip(arms.labels_bought, arms.accuracy, strict=True))


def test_the_content_follows_from_the_numbers_and_the_identity_does_not(done):
    before = {entry.identity: entry.content for entry in entries(Seen.of(done))}
    moved = dataclasses.replace(done, arms=done.arms.assign(ece=done.arms.ece + 0.5))
    after = {entry.identity: entry.content for entry in entries(Seen.of(moved))}
    assert before.keys() == after.keys()
    changed = [key for key in before if before[key] != after[key]]
    assert len(changed) == done.arms.ece.notna().sum()


@pytest.mark.parametrize(("name", "made"), [("a · b 5\u202f%", "a-b-5"), ("../..", "unnamed"), ("x/y\\z:0", "x-y-z-0")])
def test_a_plain_name_is_no_path(name, made):
    assert plain(name) == made


# MLflow


@needs_mlflow
@pytest.mark.parametrize("check", checks_for(Mlflow), ids=lambda check: check.__name__)
def test_mlflow_keeps_the_contract_of_a_report(check, uri):
    check(Mlflow(uri=uri))


@needs_mlflow
def test_mlflow_holds_a_run_for_the_matrix_its_curves_arms_and_seeds(done, uri, runs, tmp_path):
    (tmp_path / "report.html").write_text("the page")
    (file,) = Mlflow(uri=uri).render(done, tmp_path)
    client, found, number = runs()
    assert number == len(found) == len(json.loads(file.read_text()))
    matrix = found["matrix", "fractions"]
    assert matrix.info.status == "FINISHED"
    assert client.get_experiment(matrix.info.experiment_id).name == "fractions"
    assert [entry.path for entry in client.list_artifacts(matrix.info.run_id)] == ["report.html"]
    assert (tmp_path / "store" / "mlflow.db.files").is_dir()
    arm = found["arm", "mmkd · random · 6\u202f%"]
    assert arm.data.tags["mlflow.parentRunId"] == matrix.info.run_id
    assert (arm.data.params["strategy"], arm.data.params["label_fraction"]) == ("mmkd", "0.06")
    row = done.arms[(done.arms.strategy == "mmkd") & (done.arms.label_fraction == 0.06)].set_index("rule").loc["random"]
    assert (arm.data.metrics["accuracy"], arm.data.metrics["accuracy_low"]) == (row.accuracy, row.accuracy_low)
    seed = found["seed", "mmkd · random · 6\u202f%, seed 2"]
    assert seed.data.tags["mlflow.parentRunId"] == arm.info.run_id
    assert [point.step for point in client.get_metric_history(seed.info.run_id, "accuracy")] == [2]
    curve = found["curve", "labels: mmkd · random · probe · both"]
    assert [point.step for point in client.get_metric_history(curve.info.run_id, "accuracy")] == [12, 24, 40]


@needs_mlflow
def test_what_is_logged_twice_is_there_once_and_what_moved_is_brought_up_to_date(uri, runs, tmp_path):
    report = Mlflow(uri=uri)
    report.render(MADE["midrun_view"](), tmp_path)
    _, half, _ = runs()
    report.render(MADE["demo_view"](), tmp_path)
    client, full, number = runs()
    report.render(MADE["demo_view"](), tmp_path)
    _, again, same = runs()
    assert len(half) < len(full) == number == same
    assert {key: run.info.run_id for key, run in half.items()}.items() <= {
        key: run.info.run_id for key, run in full.items()
    }.items()
    assert {key: run.data for key, run in again.items()}.keys() == full.keys()
    top = full["matrix", "fractions"].info.run_id
    assert half["matrix", "fractions"].data.metrics["cells_done"] < 40
    assert full["matrix", "fractions"].data.metrics["cells_done"] == 40
    assert len(client.get_metric_history(top, "cells_done")) == 2


@needs_mlflow
def test_what_broke_off_is_logged_again(done, uri, runs, tmp_path):
    Mlflow(uri=uri).render(done, tmp_path)
    client, found, number = runs()
    broken = found["arm", "zero-shot"]
    client.update_run(broken.info.run_id, status="RUNNING")
    Mlflow(uri=uri).render(done, tmp_path)
    _, after, same = runs()
    assert same == number
    assert after["arm", "zero-shot"].info.status == "FINISHED"
    assert after["arm", "zero-shot"].data.tags["harness.content"] == broken.data.tags["harness.content"]


@needs_mlflow
def test_hostile_names_are_logged_and_found_again(uri, runs, tmp_path):
    for _ in range(2):
        Mlflow(uri=uri).render(trial.hostile(), tmp_path)
        _, found, number = runs()
        assert number == len(json.loads((tmp_path / "mlflow.json").read_text()))
    assert all("\u202e" not in name for _, name in found)


@needs_mlflow
def test_nothing_is_sent_and_nothing_narrated(uri, tmp_path):
    code = (
        "import runpy, socket, sys\nfrom pathlib import Path\n"
        "def refused(*_): raise AssertionError('a connection')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused\n"
        "from harness_reports.mlflow import Mlflow\n"
        "view = runpy.run_path(sys.argv[1])['demo_view']()\n"
        "Mlflow(uri=sys.argv[2]).render(view, Path(sys.argv[3]))\n"
        "import threading\nprint(threading.active_count())\n"
    )
    made = str(Path(__file__).parent / "test_report_html.py")
    ended = subprocess.run([sys.executable, "-c", code, made, uri, str(tmp_path)], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "1\n", "")


@needs_mlflow
def test_a_store_that_mlflow_refuses_is_told_with_its_cause(done, tmp_path):
    with pytest.raises(HarnessError) as caught:
        Mlflow(uri=(tmp_path / "mlruns").as_uri()).render(done, tmp_path)
    assert caught.value.place == "report mlflow"
    assert caught.value.cause.startswith("MLflow says: ")
    assert "sqlite:///" in caught.value.cause
    assert caught.value.remedy == "what is logged stays; report again once it is mended"


@needs_mlflow
def test_only_files_of_the_run_are_attached(done, uri, tmp_path):
    with pytest.raises(HarnessError) as caught:
        Mlflow(uri=uri, attach=("../secret",)).render(done, tmp_path)
    assert str(caught.value) == "report mlflow: ../secret is outside of the run's folder\n  name a file in it"


@pytest.mark.parametrize(("name", "address"), [("mlflow", "http://127.0.0.1:9"), ("alembic", "sqlite:///x.db")])
def test_without_mlflow_it_says_what_to_install(done, tmp_path, monkeypatch, name, address):
    if name == "alembic" and find_spec("mlflow") is None:
        pytest.skip("MLflow is not installed")
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependency) as caught:
        Mlflow(uri=address).render(done, tmp_path)
    scheme = address.partition(":")[0]
    assert str(caught.value) == (f"report mlflow: needs {name} to log to {scheme}\n  pip install 'ooc-harness[mlflow]'")


# TensorBoard


def events_of(file):
    """Events of a file of TensorFlow records: length, its checksum, data, their checksum."""
    from tensorboardX.crc32c import crc32c
    from tensorboardX.proto.event_pb2 import Event

    def masked(data):
        value = crc32c(data)
        return (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF

    data, place = file.read_bytes(), 0
    while place < len(data):
        (length, check) = struct.unpack("<QI", data[place : place + 12])
        content = data[place + 12 : place + 12 + length]
        assert check == masked(data[place : place + 8])
        assert struct.unpack("<I", data[place + 12 + length : place + 16 + length]) == (masked(content),)
        place += 16 + length
        yield Event.FromString(content)


@needs_events
@pytest.mark.parametrize("check", checks_for(TensorBoard), ids=lambda check: check.__name__)
def test_tensorboard_keeps_the_contract_of_a_report(check):
    check(TensorBoard())


@needs_events
def test_events_hold_the_curve_by_labels_and_no_clock(done, tmp_path):
    files = TensorBoard().render(done, tmp_path)
    (curve,) = [file for file in files if file.parent.name.startswith("labels-mmkd-random-")]
    events = list(events_of(curve))
    assert events[0].file_version == "brain.Event:2"
    assert {event.wall_time for event in events} == {0.0}
    said = [
        (event.step, value.simple_value) for event in events for value in event.summary.value if value.tag == "accuracy"
    ]
    arms = done.arms[(done.arms.strategy == "mmkd") & (done.arms.rule == "random")]
    assert said == [
        (labels, pytest.approx(value, rel=1e-6))
        for labels, value in zip(arms.labels_bought, arms.accuracy, strict=True)
    ]


@needs_events
def test_axes_are_hyperparameters(done, tmp_path):
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    files = TensorBoard().render(done, tmp_path)
    (arm,) = [file for file in files if re.match("zero-shot-[0-9a-f]{8}$", file.parent.name)]
    said = {value.tag: value for event in events_of(arm) for value in event.summary.value}
    start = HParamsPluginData.FromString(said["_hparams_/session_start_info"].metadata.plugin_data.content)
    assert start.session_start_info.hparams["strategy"].string_value == "zero-shot"
    experiment = HParamsPluginData.FromString(said["_hparams_/experiment"].metadata.plugin_data.content).experiment
    assert "accuracy" in {info.name.tag for info in experiment.metric_infos}


@needs_events
def test_a_seed_lies_beneath_its_arm_and_written_again_they_are_the_same_files(done, tmp_path):
    first = TensorBoard().render(done, tmp_path)
    again = TensorBoard().render(done, tmp_path)
    assert first == again
    assert len(set(first)) == len(first) == len(list(tmp_path.rglob("*tfevents*")))
    seeds = [file for file in first if re.search(r"-seed-\d-[0-9a-f]{8}$", file.parent.name)]
    assert len(seeds) == done.results.seed.notna().sum()
    assert all(file.parent.parent.parent.name == "tensorboard" for file in seeds)


def test_without_tensorboardx_it_says_what_to_install(done, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingDependency) as caught:
        TensorBoard().render(done, tmp_path)
    assert str(caught.value) == (
        "report tensorboard: needs tensorboardX to write events\n  pip install 'ooc-harness[tensorboard]'"
    )


@pytest.mark.parametrize("module", [mlflow, tensorboard])
def test_a_tracker_is_a_plugin_of_its_own_and_imports_nothing_heavy(module):
    assert [plugin.error for plugin in Registry.of(module).plugins] == [""]
    heavy = "{'pandas', 'numpy', 'mlflow', 'tensorboardX', 'google.protobuf'}"
    code = f"import sys, {module.__name__}; print(*{heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
