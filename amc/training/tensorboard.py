"""TensorBoard event files, with SB3's tags and the HParams page filled in.

The doors are `TensorBoard` for a trial's run, `write_experiment` and `write_round` for the root.
Records are written straight to one file per attempt, without the writer thread of `SummaryWriter`
(a forked trial process starts none) and without TensorFlow; what a kill leaves half written,
readers skip.
"""

import os
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)
from tensorboard.summary.writer.record_writer import RecordWriter

from amc.config.search.search_space import Dimension
from amc.training.scalar_layout import layout

SCORE_TAG = "eval/mean_reward"
RETURN_TAG = "rollout/ep_rew_mean"
SOLVED_TAG = "eval/solved_at"

# Readers of event files know two formats; the second purges what a restart orphaned.
_FILE_VERSION = "brain.Event:2"


class TensorBoard:
    """The event file of one attempt at a trial; a context manager.

    Args:
        directory: the trial's run; shared by its attempts.
        attempt: orders the files, and so the points, of several attempts.
        resumed_at: environment steps of the checkpoint that this attempt goes on from, 0 without
            one; later points of earlier attempts are purged.
    """

    def __init__(self, directory: Path, *, attempt: int, resumed_at: int = 0) -> None:
        self._directory, self._attempt, self._resumed_at = directory, attempt, resumed_at
        self._file: BinaryIO | None = None

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Add one point to each curve in `values`, tag to number."""
        points = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._write(Event(step=step, summary=Summary(value=points)))

    def start_session(self, hyperparameters: Mapping[str, Any], *, group: str) -> None:
        """Say which hyperparameters this run has; `group` joins the seeds of one suggestion."""
        info = SessionStartInfo(group_name=group, start_time_secs=time.time())
        for name, value in hyperparameters.items():
            _set_value(info.hparams[name], value)
        data = HParamsPluginData(session_start_info=info)
        self._write(Event(summary=_hparams(metadata.SESSION_START_INFO_TAG, data)))

    def end_session(self, step: int) -> None:
        """Say that this run was trained to its end, which was at `step`."""
        info = SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=time.time())
        data = HParamsPluginData(session_end_info=info)
        self._write(Event(step=step, summary=_hparams(metadata.SESSION_END_INFO_TAG, data)))

    def close(self) -> None:
        """Close the file, if there was anything to write."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, *events: Event) -> None:
        # What has nothing to say purges nothing either, as where there was nothing left to train.
        if self._file is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            # Readers take the files of a run in the order of their names.
            name = f"events.out.tfevents.{self._attempt:010d}.{socket.gethostname()}"
            self._file = (self._directory / name).open("ab")
            events = (*self._opening(), *events)
        records = RecordWriter(self._file)
        for event in events:
            event.wall_time = time.time()
            records.write(event.SerializeToString())
        records.flush()

    def _opening(self) -> Iterator[Event]:
        yield Event(file_version=_FILE_VERSION)
        if self._attempt > 1:
            # The checkpoint's own step was logged before it was saved: purge from the next on.
            first = self._resumed_at + 1 if self._resumed_at else 0
            yield Event(step=first, session_log=SessionLog(status=SessionLog.START))


def settings(hyperparameters: Mapping[str, Any]) -> dict[str, float]:
    """Points that show where in a run its hyperparameters change: those that are numbers."""
    return {
        f"hyperparameters/{name}": float(value)
        for name, value in hyperparameters.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def write_experiment(
    directory: Path, search_space: Mapping[str, Dimension], *, evaluates: bool = True
) -> None:
    """Write the root's event file: the columns of HParams, and the page of custom scalars.

    TensorBoard shows only the hyperparameters that are listed here, so the whole search space is.
    Written once; a second call changes nothing.

    Args:
        directory: the root of all runs.
        search_space: what is searched; where nothing is, HParams takes what the runs say.
        evaluates: whether scores come from evaluations, or from the episodes of training.
    """
    if any(directory.glob("events.out.tfevents.0000000001.*")):
        return
    with TensorBoard(directory, attempt=1) as root:
        root._write(Event(summary=layout()))
        if search_space:
            root._write(Event(summary=_columns(search_space, evaluates=evaluates)))


def _columns(search_space: Mapping[str, Dimension], *, evaluates: bool) -> Summary:
    metrics = (SCORE_TAG, SOLVED_TAG) if evaluates else (RETURN_TAG,)
    experiment = api_pb2.Experiment(
        hparam_infos=[_column(name, dimension) for name, dimension in search_space.items()],
        metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in metrics],
        time_created_secs=time.time(),
    )
    return _hparams(metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=experiment))


def write_round(directory: Path, number: int, step: int, values: Mapping[str, float]) -> None:
    """Add a round's points to the root's curves.

    A file for each round: whoever closes a round may be another process than the one before. A
    second call for the same round changes nothing.

    Args:
        directory: the root.
        number: the round's, from 0; readers take the files in this order.
        step: trials so far.
        values: tag to number.
    """
    path = directory / f"events.out.tfevents.{number + 2:010d}.round"
    if path.exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    points = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
    # Under this name no reader takes it for a file of events.
    temporary = directory / f".round-{number}.{socket.gethostname()}.{os.getpid()}"
    with temporary.open("wb") as file:
        records = RecordWriter(file)
        for event in (
            Event(file_version=_FILE_VERSION),
            Event(step=step, summary=Summary(value=points)),
        ):
            event.wall_time = time.time()
            records.write(event.SerializeToString())
        records.flush()
    temporary.replace(path)


def _column(name: str, dimension: Dimension) -> api_pb2.HParamInfo:
    if dimension.choices is None:
        column = api_pb2.HParamInfo(name=name, type=api_pb2.DATA_TYPE_FLOAT64)
        column.domain_interval.min_value = dimension.low
        column.domain_interval.max_value = dimension.high
        return column
    column = api_pb2.HParamInfo(name=name, type=_data_type(dimension.choices))
    for choice in dimension.choices:
        _set_value(column.domain_discrete.values.add(), choice)
    return column


def _data_type(choices: tuple[Any, ...]) -> int:
    if all(isinstance(choice, bool) for choice in choices):
        return int(api_pb2.DATA_TYPE_BOOL)
    if all(isinstance(choice, int | float) and not isinstance(choice, bool) for choice in choices):
        return int(api_pb2.DATA_TYPE_FLOAT64)
    return int(api_pb2.DATA_TYPE_STRING)


def _set_value(target: Any, value: Any) -> None:
    """Fill a protobuf Value; what is no bool, number or string is shown as text."""
    if isinstance(value, bool):  # before int, which it is too
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    else:
        target.string_value = str(value)


def _hparams(tag: str, data: HParamsPluginData) -> Summary:
    value = Summary.Value(
        tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR
    )
    return Summary(value=[value])
