from dataclasses import replace

from amc.cli.speeds import Speeds
from tests.cli.test_trials_table import RUNNING, with_trials


def at(steps: int, seconds: float, **more: object):
    return with_trials(replace(RUNNING, steps=steps, seconds=seconds, **more))


def test_it_is_what_was_trained_between_two_tellings():
    speeds = Speeds()

    seen = [dict(speeds.update(at(*told))) for told in [(300, 3.0), (300, 3.0), (900, 6.0)]]

    assert seen == [{0: 100.0}, {0: 100.0}, {0: 200.0}]


def test_of_a_later_attempt_the_first_telling_says_nothing():
    speeds = Speeds()

    first = dict(speeds.update(at(1000, 1.0, attempts=2)))
    then = dict(speeds.update(at(1300, 4.0, attempts=2)))

    assert (first, then) == ({}, {0: 100.0})


def test_a_trial_that_began_anew_is_not_taken_for_slow():
    speeds = Speeds()
    speeds.update(at(900, 9.0))

    assert dict(speeds.update(at(600, 1.0, attempts=2))) == {0: 100.0}


def test_who_has_ended_is_forgotten():
    speeds = Speeds()
    speeds.update(at(300, 3.0))

    assert not speeds.update(with_trials(replace(RUNNING, state="completed", score=1.0)))
