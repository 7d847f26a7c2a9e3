"""What a driver draws from the experiment's seed: the seeds of trials, and who would be spared.

The doors are `trial_seed`, `fresh_seed` and `would_spare`. What a population draws is in
`amc.driver.pbt`.
"""

from collections.abc import Mapping

import numpy as np

from amc.ledger.records import TrialKind

# The seed of trial n is a stream of its own below the experiment's seed; so is the draw that says
# whether a suggestion would be spared.
_TRIAL_STREAM, _SPARED_STREAM = 1, 2
# A seed's 32 bits are drawn, and its kind is put above them: so the three sets have no seed in
# common, however many trials there are, and what is drawn below a seed differs, too.
_SEED_BITS = 32
_SETS: Mapping[TrialKind, int] = {"search": 0, "finalist": 1, "test": 2}
# One doomed trial in so many runs on, so that it becomes known how often halting is wrong.
_ONE_IN = 10


def trial_seed(experiment_seed: int, number: int, kind: TrialKind = "search") -> int:
    """The seed of a trial: its own stream below the experiment's seed, in the set of its kind.

    Trials of the search have seeds below 2**32, finalists the next 2**32, tests the next.
    """
    return _seed(experiment_seed, number, _SETS[kind])


def fresh_seed(experiment_seed: int, number: int) -> int:
    """A seed that no trial of the experiment has, for who doubts its result afterwards."""
    return _seed(experiment_seed, number, len(_SETS))


def _seed(experiment_seed: int, number: int, set_number: int) -> int:
    sequence = np.random.SeedSequence(experiment_seed, spawn_key=(_TRIAL_STREAM, number))
    return (set_number << _SEED_BITS) + int(sequence.generate_state(1)[0])


def would_spare(experiment_seed: int, suggestion: int) -> bool:
    """Whether this suggestion, if it is to be halted, runs on all the same."""
    sequence = np.random.SeedSequence(experiment_seed, spawn_key=(_SPARED_STREAM, suggestion))
    return int(sequence.generate_state(1)[0]) % _ONE_IN == 0
