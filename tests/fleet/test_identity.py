"""A process is known by more than its id."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from amc.broker.machine import identify
from amc.fleet.identity import signal_process, wait_gone


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_process_keeps_its_identity_and_no_other_has_it(
    sleeper: "subprocess.Popen[bytes]",
) -> None:
    first = identify(sleeper.pid)

    assert first == identify(sleeper.pid)
    assert first != identify(os.getpid())


def test_a_process_that_has_ended_has_none_even_before_it_is_reaped(
    sleeper: "subprocess.Popen[bytes]",
) -> None:
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    assert identify(sleeper.pid) is None


def test_a_recycled_id_is_left_alone(sleeper: "subprocess.Popen[bytes]") -> None:
    was_sent = signal_process(sleeper.pid, "another boot:1", signal.SIGKILL)

    assert not was_sent
    assert sleeper.poll() is None


def test_the_right_process_gets_the_signal(sleeper: "subprocess.Popen[bytes]") -> None:
    identity = identify(sleeper.pid) or ""

    was_sent = signal_process(sleeper.pid, identity, signal.SIGTERM)

    assert was_sent
    assert wait_gone(sleeper.pid, identity, timeout_s=10)
    assert sleeper.wait() == -signal.SIGTERM


def test_waiting_for_a_process_that_goes_on_ends(sleeper: "subprocess.Popen[bytes]") -> None:
    assert not wait_gone(sleeper.pid, identify(sleeper.pid) or "", timeout_s=0.01)
