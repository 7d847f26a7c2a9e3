"""Signals that ask a command to end."""

import signal
from contextlib import suppress

import pytest

from amc.cli.interruption import ENDING, Interruption, as_ctrl_c, ask_again


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_that_some_code_let_pass_interrupts_at_the_next_look(number: signal.Signals):
    with pytest.raises(Interruption) as caught, as_ctrl_c():
        with suppress(Interruption):
            signal.raise_signal(number)
        ask_again()

    assert caught.value.exit_code == 128 + number


def test_without_a_signal_nothing_is_interrupted():
    with as_ctrl_c():
        ask_again()
