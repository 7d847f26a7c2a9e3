"""Checkpoints survive kills, flipped bits and full disks."""

import hashlib
import itertools
import os
import resource
import subprocess

import numpy as np
import pytest
import torch

from amc.errors import CheckpointError
from amc.ledger.paths import checkpoint_files
from amc.training import checkpoint


def state(step):
    return {"step": step, "weights": torch.full((1000,), float(step)), "nested": [None, {"a": "b"}]}


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_what_is_saved_is_what_is_loaded(tmp_path):
    saved = state(10)

    path = checkpoint.save(tmp_path / "checkpoints", saved, step=10, attempt=3)

    loaded = checkpoint.latest(tmp_path / "checkpoints")
    assert path.name == "000000000010-0003.pt"
    assert torch.equal(loaded.pop("weights"), saved.pop("weights"))
    assert loaded == saved


def test_the_same_state_is_the_same_bytes(tmp_path):
    first = checkpoint.save(tmp_path / "a", state(10), step=10, attempt=1)
    second = checkpoint.save(tmp_path / "b", state(10), step=10, attempt=2)

    assert first.read_bytes() == second.read_bytes()


def test_sha256sum_agrees_with_the_digest_beside_the_file(tmp_path):
    path = checkpoint.save(tmp_path, state(10), step=10, attempt=1)

    command = ["sha256sum", "--check", "--strict", f"{path.name}.sha256"]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True)

    assert checked.returncode == 0


def test_the_last_two_steps_are_kept_with_their_digests(tmp_path):
    for step in (10, 20, 30, 40):
        checkpoint.save(tmp_path, state(step), step=step, attempt=1)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "000000000030-0001.pt",
        "000000000030-0001.pt.sha256",
        "000000000040-0001.pt",
        "000000000040-0001.pt.sha256",
    ]


def test_a_twin_of_the_last_step_by_another_attempt_is_kept(tmp_path):
    for attempt in (1, 2, 3):
        checkpoint.save(tmp_path, state(40), step=40, attempt=attempt)

    assert [file.attempt for file in checkpoint_files(tmp_path)] == [3, 2, 1]


def test_what_was_just_written_is_kept_although_another_attempt_is_ahead(tmp_path):
    for step in (50, 60):
        checkpoint.save(tmp_path, state(step), step=step, attempt=1)

    behind = checkpoint.save(tmp_path, state(40), step=40, attempt=2)

    assert behind.exists()
    assert checkpoint.latest(tmp_path)["step"] == 60


def test_an_empty_or_missing_directory_holds_none(tmp_path):
    assert checkpoint.latest(tmp_path) is None
    assert checkpoint.latest(tmp_path / "missing") is None


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_bit,
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.with_name(path.name + ".sha256").unlink(),
        lambda path: path.with_name(path.name + ".sha256").write_bytes(b"\xff"),
    ],
    ids=["flipped bit", "truncated", "empty", "no digest", "garbage digest"],
)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, damage, caplog):
    checkpoint.save(tmp_path, state(10), step=10, attempt=1)
    newest = checkpoint.save(tmp_path, state(20), step=20, attempt=1)

    damage(newest)

    assert checkpoint.latest(tmp_path)["step"] == 10
    assert newest.name in caplog.text


def test_a_pickle_is_refused_although_its_digest_is_right(tmp_path):
    path = checkpoint.save(tmp_path, state(1), step=1, attempt=1)
    torch.save({"code": os.system}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + ".sha256").write_text(f"{digest}  {path.name}\n")

    with pytest.raises(CheckpointError, match="not a checkpoint of amc"):
        checkpoint.latest(tmp_path)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (np.float64(1.0), r"state\.inner\[1\] is a numpy\.float64"),
        (np.zeros(3), r"state\.inner\[1\] is a numpy\.ndarray"),
        (os.system, r"state\.inner\[1\] is a builtins\."),
        ({1, 2}, r"state\.inner\[1\] is a builtins\.set"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path, value, kind):
    with pytest.raises(CheckpointError, match=kind):
        checkpoint.save(tmp_path, {"inner": [0, value]}, step=1, attempt=1)

    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_is_not_there_cannot_be_loaded(tmp_path):
    with pytest.raises(CheckpointError, match="missing or damaged"):
        checkpoint.load(tmp_path / "000000000010-0001.pt")


def test_what_a_killed_writer_left_is_never_read_and_removed_by_a_later_attempt(tmp_path):
    left = [
        tmp_path / ".000000000020-0001.pt.0a1b2c.tmp",
        tmp_path / ".000000000020-0001.pt.sha256.0a1b2c.tmp",
        tmp_path / "000000000020-0001.pt.sha256",
    ]
    for path in left:
        path.write_bytes(b"half of it")

    found = checkpoint.latest(tmp_path)
    checkpoint.save(tmp_path, state(20), step=20, attempt=2)

    assert found is None
    assert not any(path.exists() for path in left)


def test_a_writer_at_work_under_another_attempt_is_left_alone(tmp_path):
    at_work = tmp_path / ".000000000020-0002.pt.0a1b2c.tmp"
    at_work.write_bytes(b"half of it")

    checkpoint.save(tmp_path, state(20), step=20, attempt=2)

    assert at_work.exists()


def test_a_disk_that_takes_no_more_leaves_the_old_checkpoint(tmp_path):
    checkpoint.save(tmp_path, state(10), step=10, attempt=1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        # What the system says, not what torch makes of it.
        with pytest.raises(CheckpointError, match=r"File too large.*checkpoints are untouched"):
            checkpoint.save(tmp_path, state(20), step=20, attempt=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert checkpoint.latest(tmp_path)["step"] == 10
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("reached", [3, 4, 5, 6])
def test_kill_9_at_any_moment_leaves_a_good_checkpoint(tmp_path, killed, reached):
    def write_for_ever(report):
        torch.set_num_threads(1)
        for step in itertools.count(1):
            checkpoint.save(tmp_path, {"step": step, "w": torch.ones(10**6)}, step=step, attempt=1)
            report(step)

    saved = killed(write_for_ever, lambda line: int(line) >= reached)

    assert checkpoint.latest(tmp_path)["step"] >= int(saved)
