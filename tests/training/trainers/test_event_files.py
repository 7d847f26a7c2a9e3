"""Scores from event files that somebody else writes."""

import os

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util import tensor_util

from amc.errors import TrainerError
from amc.training.tensorboard import TensorBoard
from amc.training.trainers import event_files
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


@pytest.mark.timeout(20)
def test_pipes_links_and_directories_of_that_name_are_no_event_files(tmp_path):
    with TensorBoard(tmp_path / "elsewhere", attempt=1) as board:
        board.scalars(1, {"a": 5.0})
    (file,) = (tmp_path / "elsewhere").iterdir()
    place = tmp_path / "files"
    (place / "my.tfevents").mkdir(parents=True)
    os.mkfifo(place / "events.out.tfevents.1")
    (place / "events.out.tfevents.2").symlink_to(file)
    (place / "linked").symlink_to(tmp_path / "elsewhere")

    assert list(EventFiles(place).read(is_over=True)) == []


@pytest.mark.parametrize("cut", [1, 20])
def test_a_file_that_is_cut_off_or_damaged_gives_what_is_whole(tmp_path, cut):
    events = EventFiles(tmp_path)
    with TensorBoard(tmp_path, attempt=1) as board:
        board.scalars(1, {"a": 5.0})
        board.scalars(2, {"a": 6.0})
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()

    file.write_bytes(whole[:-cut] + b"?" * (cut - 1))

    assert list(events.read(is_over=True)) == [Scalar(1, "a", 5.0)]


def test_records_that_are_no_events_are_told(tmp_path):
    events = EventFiles(tmp_path)
    with (tmp_path / "events.out.tfevents.1").open("wb") as file:
        RecordWriter(file).write(b"\xff\xff\xff")

    with pytest.raises(TrainerError, match=r"tfevents\.1 is named like an event file"):
        list(events.read())


def test_points_that_come_faster_than_they_are_read_are_read_by_and_by(tmp_path, monkeypatch):
    monkeypatch.setattr(event_files, "_MOST_EVENTS", 3)
    events = EventFiles(tmp_path)
    with TensorBoard(tmp_path, attempt=1) as board:
        for step in range(10):
            board.scalars(step, {"a": 0.5})

    first, rest = list(events.read()), list(events.read(is_over=True))

    assert len(first) in (2, 3)  # a file begins with its version
    assert [one.step for one in [*first, *rest]] == list(range(10))
