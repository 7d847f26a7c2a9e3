"""A machine is known by more than its hostname, a process by more than its id."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from amc import fleet
from amc.broker import keys
from amc.broker.machine import identify, is_of_this_machine, machine_id, require_writable
from amc.errors import UsageError

PRINT = "from amc.broker.machine import machine_id; print(machine_id())"


def test_every_process_of_a_machine_calls_it_the_same() -> None:
    other = subprocess.run([sys.executable, "-c", PRINT], capture_output=True, text=True)

    assert other.stdout.strip() == machine_id()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a namespace of process ids")
def test_a_container_with_process_ids_of_its_own_is_another_machine() -> None:
    inside = ["unshare", "--pid", "--fork", sys.executable, "-c", PRINT]

    container = subprocess.run(inside, capture_output=True, text=True)

    assert len(container.stdout.strip()) == len(machine_id())
    assert container.stdout.strip() != machine_id()


def test_an_identity_says_on_which_machine_it_was_given() -> None:
    assert is_of_this_machine(identify(os.getpid()) or "")
    assert not is_of_this_machine("another boot:1")


@pytest.fixture
def of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of root's, as an ordinary user finds it; root itself may write anywhere."""
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path and real(path, mode))
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1000)
    return tmp_path


def test_a_directory_of_somebody_else_s_is_told_with_who_has_to_own_it(
    of_somebody_else: Path,
) -> None:
    owner = of_somebody_else.stat().st_uid

    with pytest.raises(UsageError) as refused:
        require_writable(of_somebody_else)

    assert str(refused.value) == (
        f"{of_somebody_else}: cannot be written: it belongs to user {owner}, and this runs as user "
        f"{owner + 1000}. Give it to this one, on the machine that holds it: "
        f"chown {owner + 1000} {of_somebody_else}"
    )


def test_nothing_is_submitted_or_started_there(
    of_somebody_else: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMC_SHARED_DIR", str(of_somebody_else))
    monkeypatch.setenv("AMC_BROKER_URL", "")

    for begin in (partial(fleet.up, fleet.Description(())), partial(keys.claim, of_somebody_else)):
        with pytest.raises(UsageError, match="cannot be written: it belongs to user"):
            begin()

    assert list(of_somebody_else.iterdir()) == []


def test_a_directory_that_is_not_there_is_made(tmp_path: Path) -> None:
    require_writable(tmp_path / "shared" / "experiments")

    assert (tmp_path / "shared" / "experiments").is_dir()


def test_a_directory_that_cannot_be_made_is_told() -> None:
    with pytest.raises(UsageError, match=r"/proc/nowhere: cannot be made: No such file"):
        require_writable(Path("/proc/nowhere"))
