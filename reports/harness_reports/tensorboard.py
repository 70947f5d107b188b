"""A run as TensorBoard reads it: a folder of events for every curve, arm and seed, with the axes as hyperparameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from harness.api import MissingDependency, Report, RunView, hookimpl
from harness_reports.seen import Seen
from harness_reports.tracking import Entry, entries, plain

if TYPE_CHECKING:
    from tensorboardX.proto.event_pb2 import Event

_FILE = "events.out.tfevents.0.harness"


@hookimpl
def harness_reports() -> tuple[type[Report], ...]:
    return (TensorBoard,)


class TensorBoard(Report):
    """Event files for ``tensorboard --logdir``. They hold no clock: all is at the hour nought, and steps are labels
    bought, or the seed. Written again they are the same files, not further ones.
    """

    name = "tensorboard"

    folder: str = Field(default="tensorboard", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,80}$")
    """Folder for the events, beside the other reports."""

    def render(self, view: RunView, out: Path) -> Sequence[Path]:
        try:
            import tensorboardX  # noqa: F401
        except ImportError:
            raise MissingDependency(
                "needs tensorboardX to write events",
                place="report tensorboard",
                remedy="pip install 'ooc-harness[tensorboard]'",
            ) from None
        places: dict[str, Path] = {}
        files = []
        for entry in entries(Seen.of(view)):
            folder = places.get(entry.parent, out / self.folder) / _called(entry)
            places[entry.identity] = folder
            files.append(_write(folder, entry))
        return files


def _called(entry: Entry) -> str:
    """A folder's name, no two alike."""
    if entry.level == "matrix":
        return "."
    return f"{plain(entry.name, 80)}-{entry.identity[:8]}"


def _write(folder: Path, entry: Entry) -> Path:
    from tensorboardX.record_writer import RecordWriter

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _FILE
    writer = RecordWriter(str(file))
    for event in _events(entry):
        writer.write(event.SerializeToString(deterministic=True))
    writer.close()
    return file


def _events(entry: Entry) -> Iterator[Event]:
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

    yield Event(wall_time=0.0, file_version="brain.Event:2")
    for tag, content in _hyperparameters(entry):
        about = Summary.Value(tag=tag)
        about.metadata.plugin_data.plugin_name = "hparams"
        about.metadata.plugin_data.content = content
        yield Event(wall_time=0.0, summary=Summary(value=[about]))
    for point in sorted(entry.points, key=lambda point: (point.metric, point.step)):
        number = Summary.Value(tag=point.metric, simple_value=point.value)
        yield Event(wall_time=0.0, step=point.step, summary=Summary(value=[number]))


def _hyperparameters(entry: Entry) -> Iterator[tuple[str, bytes]]:
    """What the tab HPARAMS shows. tensorboardX has a function for it, whose bytes differ from process to process."""
    from tensorboardX.proto.api_pb2 import DataType, Experiment, HParamInfo, MetricInfo, MetricName, Status
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo

    text = DataType.Value("DATA_TYPE_STRING")
    start = SessionStartInfo()
    for name, value in entry.params.items():
        start.hparams[name].string_value = value
    parts = {
        "experiment": HParamsPluginData(
            experiment=Experiment(
                hparam_infos=[HParamInfo(name=name, type=text) for name in entry.params],
                metric_infos=[
                    MetricInfo(name=MetricName(tag=metric))
                    for metric in dict.fromkeys(point.metric for point in entry.points)
                ],
            )
        ),
        "session_start_info": HParamsPluginData(session_start_info=start),
        "session_end_info": HParamsPluginData(session_end_info=SessionEndInfo(status=Status.Value("STATUS_SUCCESS"))),
    }
    for name, part in parts.items():
        yield f"_hparams_/{name}", part.SerializeToString(deterministic=True)
