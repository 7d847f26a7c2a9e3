"""What a trainer saves, in a checkpoint of ours and out of it again."""

import os
from pathlib import Path

import pytest

from amc.errors import CheckpointError, TrainerError
from amc.training import checkpoint
from amc.training.trainers import payload
from amc.training.trainers.payload import KEY, files_digest, marks, packed, unpack


@pytest.fixture
def through_a_file(own, tmp_path):
    """Packs a path, writes it as a checkpoint, and reads that."""
    config = own("")

    def through(path, step=5):
        state = packed(path, config, step=step, progress={"score": 1.0})
        written = checkpoint.save(tmp_path / "checkpoints", state, step=step, attempt=1)
        return checkpoint.load(written)

    return through


@pytest.mark.parametrize("content", [b"", b"\0\1\2weights", os.urandom(3_000_000)])
def test_a_file_comes_out_as_it_went_in(through_a_file, tmp_path, content):
    path = tmp_path / "model.zip"
    path.write_bytes(content)

    found = unpack(through_a_file(path), tmp_path / "again")

    assert found == tmp_path / "again" / "model.zip"
    assert found.read_bytes() == content


def test_a_directory_comes_out_with_all_that_is_in_it(through_a_file, tmp_path):
    root = tmp_path / "agent"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "config.json").write_text("{}")
    (root / "deep" / "er" / "weights.bin").write_bytes(b"\1" * 100)
    (root / "play.sh").write_text("#!/bin/sh\n")
    (root / "play.sh").chmod(0o700)

    found = unpack(through_a_file(root), tmp_path / "again")

    names = {str(path.relative_to(found)) for path in found.rglob("*") if path.is_file()}
    assert names == {"config.json", "deep/er/weights.bin", "play.sh"}
    assert (found / "deep" / "er" / "weights.bin").read_bytes() == b"\1" * 100
    assert os.access(found / "play.sh", os.X_OK)
    assert not os.access(found / "config.json", os.X_OK)


def test_the_digest_tells_bytes_names_and_steps_apart(own, tmp_path):
    config, path, other = own(""), tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"1")
    other.write_bytes(b"2")

    digests = {
        files_digest(packed(file, config, step=step, progress={}))
        for file, step in ((path, 1), (path, 2), (other, 1))
    }

    assert len(digests) == 3
    assert files_digest(packed(path, config, step=1, progress={})) in digests


def test_what_is_not_there_is_the_trainer_s_fault(own, tmp_path):
    with pytest.raises(TrainerError, match=r"none\.zip cannot be read: No such file"):
        packed(tmp_path / "none.zip", own(""), step=1, progress={})


def test_a_link_is_refused_since_what_it_leads_to_may_change(own, tmp_path):
    root = tmp_path / "agent"
    root.mkdir()
    (root / "latest").symlink_to("/etc/hostname")

    with pytest.raises(TrainerError, match="latest is a link"):
        packed(root, own(""), step=1, progress={})


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "", "a/../../evil"])
def test_a_checkpoint_that_was_tampered_with_writes_nowhere_else(own, tmp_path, name):
    root = tmp_path / "agent"
    root.mkdir()
    (root / "x").write_text("")
    state = packed(root, own(""), step=1, progress={})
    state[KEY]["files"][0][0] = name

    with pytest.raises(CheckpointError, match="which amc never writes"):
        unpack(state, tmp_path / "again")


def test_a_checkpoint_of_an_algorithm_is_none_of_a_trainer(tmp_path):
    with pytest.raises(CheckpointError, match="not saved by a trainer"):
        unpack({"algorithm": {}}, tmp_path)


@pytest.mark.timeout(20)
def test_a_pipe_and_a_device_are_refused_and_not_waited_for(own, tmp_path):
    os.mkfifo(tmp_path / "pipe")

    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(TrainerError, match="is neither a file nor a directory"):
            packed(path, own(""), step=1, progress={})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("/", "is all that there is"),
        ("a\0b", "is no name that can be kept"),
        ("deep\0er/model", "cannot be read: embedded null byte"),
        ("gone", "cannot be read: No such file or directory"),
    ],
)
def test_a_path_that_names_nothing_is_told(own, tmp_path, name, told):
    with pytest.raises(TrainerError, match=told):
        packed(tmp_path / name, own(""), step=1, progress={})


def test_a_name_that_no_text_can_hold_is_refused(own, tmp_path):
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / os.fsdecode(b"\xff")).write_text("")

    with pytest.raises(TrainerError, match="is no name that can be kept"):
        packed(tmp_path / "agent", own(""), step=1, progress={})


def test_a_directory_that_is_told_by_way_of_another_keeps_its_own_name(through_a_file, tmp_path):
    (tmp_path / "agent" / "sub").mkdir(parents=True)
    (tmp_path / "agent" / "weights").write_text("1")

    found = unpack(through_a_file(tmp_path / "agent" / "sub" / ".."), tmp_path / "again")

    assert found == tmp_path / "again" / "agent"
    assert (found / "weights").read_text() == "1"


def test_what_is_written_to_while_it_is_read_shows(tmp_path):
    path = tmp_path / "agent"
    path.mkdir()
    (path / "weights").write_text("1")
    before = marks(path)

    same = marks(path) == before
    (path / "weights").write_text("2")
    os.utime(path / "weights", ns=(1, 1))

    assert same and marks(path) != before


def test_more_files_than_can_be_needed_are_refused(own, tmp_path, monkeypatch):
    monkeypatch.setattr(payload, "_MOST_FILES", 2)
    (tmp_path / "agent").mkdir()
    for name in "abc":
        (tmp_path / "agent" / name).write_text("")

    with pytest.raises(TrainerError, match="has 3 files; 2 are the most"):
        packed(tmp_path / "agent", own(""), step=1, progress={})
