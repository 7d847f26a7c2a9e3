"""A machine is known by more than its hostname, a process by more than its id."""

import os
import subprocess
import sys

import pytest

from amc.broker.machine import identify, is_of_this_machine, machine_id

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
