"""A run in MLflow: an MLflow run for the matrix, beneath it curves, arms and seeds, found again by their identity."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from harness.api import HarnessError, MissingDependency, Report, RunView, hookimpl
from harness_reports.seen import Seen
from harness_reports.tracking import Entry, entries

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MATRIX, IDENTITY, CONTENT, PARENT = "harness.matrix", "harness.identity", "harness.content", "mlflow.parentRunId"
"""Tags: which matrix, what it is of, and what was logged last; the last is MLflow's own."""
_SQLITE = "sqlite:///"
_LONGEST = 250


@hookimpl
def harness_reports() -> tuple[type[Report], ...]:
    return (Mlflow,)


class Mlflow(Report):
    """Logs what is done to MLflow, after the fact; nothing is sent anywhere but to the address that ``uri`` names.

    What was logged before is found again by its tag and brought up to date, so a report may be made as often as one
    likes. A curve and an arm log by labels bought, a seed by its seed. Name this report last: it attaches files that
    the reports before it have written.
    """

    name = "mlflow"
    outside = True

    uri: str = Field(min_length=1)
    """Where to: ``sqlite:///runs/mlflow.db`` for a file, or a server's address."""
    experiment: str = Field(default="", max_length=_LONGEST)
    """MLflow's experiment; the matrix's title where it is empty."""
    attach: tuple[str, ...] = ("report.html",)
    """Files of the run's folder that are attached to the matrix's entry, where they are there."""
    file: str = Field(default="mlflow.json", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,80}\.json$")
    """Name of the file that says what was logged."""

    def render(self, view: RunView, out: Path) -> Sequence[Path]:
        out.mkdir(parents=True, exist_ok=True)
        logged = list(entries(Seen.of(view)))
        attached = [file for name in self.attach if (file := _inside(out, name)).is_file()]
        _log(self.uri, self.experiment or logged[0].name[:_LONGEST], logged, attached)
        file = out / self.file
        text = json.dumps([asdict(entry) for entry in logged], ensure_ascii=True, indent=1)
        file.write_text(f"{text}\n", encoding="utf-8", newline="\n")
        return (file,)


def _inside(out: Path, name: str) -> Path:
    file = out / name
    if not file.resolve().is_relative_to(out.resolve()):
        raise HarnessError(f"{name} is outside of the run's folder", place="report mlflow", remedy="name a file in it")
    return file


@dataclass(frozen=True, slots=True)
class _Log:
    """An open experiment and what it holds of the matrix, by identity."""

    client: MlflowClient
    experiment: str
    known: Mapping[str, Run]


def _log(uri: str, experiment: str, logged: Sequence[Entry], attached: Sequence[Path]) -> None:
    _prepare(uri)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        client = MlflowClient(tracking_uri=uri)
        id = _experiment(client, experiment, uri)
        log = _Log(client, id, _known(client, id, logged[0].identity))
        ids: dict[str, str] = {}
        for entry in logged:
            ids[entry.identity] = _bring_up_to_date(log, entry, ids.get(entry.parent, ""), logged[0].identity)
        for file in attached:
            client.log_artifact(ids[logged[0].identity], str(file))
    except MlflowException as error:
        raise HarnessError(
            f"MLflow says: {error}",
            place="report mlflow",
            remedy="what is logged stays; report again once it is mended",
        ) from error


def _prepare(uri: str) -> None:
    """What must be so before MLflow's client is made."""
    # Before the import, which reads them: MLflow would tell its makers of its use, and narrate every table it makes.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    try:
        import mlflow  # noqa: F401

        if uri.startswith("sqlite:"):
            import alembic  # noqa: F401 - MLflow imports both when it opens a database
            import sqlalchemy  # noqa: F401
    except ImportError as error:
        raise MissingDependency(
            f"needs {error.name} to log to {uri.partition(':')[0]}",
            place="report mlflow",
            remedy="pip install 'ooc-harness[mlflow]'",
        ) from None
    if uri.startswith(_SQLITE):
        _database(uri).parent.mkdir(parents=True, exist_ok=True)


def _database(uri: str) -> Path:
    return Path(uri.removeprefix(_SQLITE).partition("?")[0])


def _experiment(client: MlflowClient, name: str, uri: str) -> str:
    """Its id. Files that are attached lie beside a database, and else where the server puts them."""
    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    beside = f"{_database(uri).resolve()}.files" if uri.startswith(_SQLITE) else ""
    return str(client.create_experiment(name, Path(beside).as_uri() if beside else None))


def _known(client: MlflowClient, experiment: str, matrix: str) -> dict[str, Run]:
    found: dict[str, Run] = {}
    page = None
    while True:
        runs = client.search_runs([experiment], f"tags.`{MATRIX}` = '{matrix}'", page_token=page)
        found |= {run.data.tags[IDENTITY]: run for run in runs if IDENTITY in run.data.tags}
        if not (page := runs.token):
            return found


def _bring_up_to_date(log: _Log, entry: Entry, parent: str, matrix: str) -> str:
    """The id of its MLflow run. What broke off is not finished, and is logged again."""
    from mlflow.entities import RunTag

    run = log.known.get(entry.identity) or _begin(log, entry, parent, matrix)
    id, tags = str(run.info.run_id), run.data.tags
    if tags.get(PARENT, "") != parent:
        log.client.set_tag(id, PARENT, parent)
    if tags.get(CONTENT) != entry.content or run.info.status != "FINISHED":
        content = [RunTag(CONTENT, entry.content)]
        log.client.log_batch(id, metrics=list(_metrics(entry)), params=list(_params(entry)), tags=content)
        log.client.set_terminated(id, "FINISHED")
    return id


def _begin(log: _Log, entry: Entry, parent: str, matrix: str) -> Run:
    tags = {MATRIX: matrix, IDENTITY: entry.identity, "harness.level": entry.level}
    if parent:
        tags[PARENT] = parent
    return log.client.create_run(log.experiment, tags=tags, run_name=entry.name[:_LONGEST])


def _metrics(entry: Entry) -> Iterable[object]:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return (Metric(point.metric, point.value, now, point.step) for point in entry.points)


def _params(entry: Entry) -> Iterable[object]:
    from mlflow.entities import Param

    return (Param(name, text) for name, text in entry.params.items())
