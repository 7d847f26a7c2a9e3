"""Scores from event files that somebody else writes."""

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util import tensor_util

from amc.training.tensorboard import TensorBoard
from amc.training.trainers.event_files import EventFiles, Scalar


def test_points_are_read_as_they_come_from_files_that_are_new(tmp_path):
    with TensorBoard(tmp_path / "PPO_1", attempt=1) as old:
        old.scalars(1, {"rollout/ep_rew_mean": 5.0})
    events = EventFiles(tmp_path)

    with TensorBoard(tmp_path / "PPO_2", attempt=1) as board:
        board.scalars(10, {"rollout/ep_rew_mean": 20.0, "train/loss": 0.5})
        first = list(events.read())
        board.scalars(20, {"rollout/ep_rew_mean": 30.0})
        second = list(events.read())

    assert first == [Scalar(10, "rollout/ep_rew_mean", 20.0), Scalar(10, "train/loss", 0.5)]
    assert second == [Scalar(20, "rollout/ep_rew_mean", 30.0)]
    assert list(events.read()) == []


def test_a_scalar_that_is_written_as_a_tensor_counts_and_a_picture_does_not(tmp_path):
    scalar = SummaryMetadata(plugin_data={"plugin_name": "scalars"})
    values = [
        Summary.Value(
            tag="a", metadata=scalar, tensor=tensor_util.make_tensor_proto(np.float64(2))
        ),
        Summary.Value(tag="b", image=Summary.Image(height=1, width=1)),
    ]
    with (tmp_path / "events.out.tfevents.1.host").open("wb") as file:
        events = EventFiles(tmp_path / "nothing is here yet")
        events = EventFiles(tmp_path / "sub")
        records = RecordWriter(file)
        records.write(Event(step=3, summary=Summary(value=values)).SerializeToString())
    (tmp_path / "sub").mkdir()
    (tmp_path / "events.out.tfevents.1.host").rename(tmp_path / "sub" / "events.out.tfevents.1")

    assert list(events.read()) == [Scalar(3, "a", 2.0)]
