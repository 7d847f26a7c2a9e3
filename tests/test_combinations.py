"""Every type of search, mode, order and pruner: what may be combined ends with a winner."""

import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import amc
from amc import fleet
from amc.config.known.names import SEARCHES
from amc.config.schema import ExperimentConfig
from amc.errors import ConfigError
from amc.verify import verify

MakeConfig = Callable[..., ExperimentConfig]
MODES, ORDERS = ("rounds", "async"), ("in_order", "as_they_come")
PRUNERS = ("none", "halving", "asha", "median")


class Combination(NamedTuple):
    """What may be chosen of a search, and whether its trials are evaluated."""

    type: str
    mode: str
    order: str
    pruner: str
    is_evaluated: bool = True

    @property
    def is_sound(self) -> bool:
        """Whether it makes sense."""
        if self.type == "pbt":
            return self[1:] == ("rounds", "in_order", "none", True)
        fits_mode = {"halving": self.mode == "rounds", "asha": self.mode == "async"}
        return (
            fits_mode.get(self.pruner, True)
            and (self.mode == "async" or self.order == "in_order")
            and (self.is_evaluated or self.pruner == "none")
        )

    def search(self) -> dict[str, Any]:
        return {key: self[at] for at, key in enumerate(self._fields) if key != "is_evaluated"}


ALL = [Combination(*choice) for choice in product(SEARCHES, MODES, ORDERS, PRUNERS, (True, False))]
SOUND = [one for one in ALL if one.is_sound]


def written(combination: Combination, make_config: MakeConfig, **search: Any) -> ExperimentConfig:
    search = {"n_calls": 9, "finalists": 0, **combination.search(), **search}
    return make_config(
        {
            "training.total_timesteps": 640,
            "training.eval_freq": 128 if combination.is_evaluated else None,
            **{f"hyperparameter_optimizer.{key}": value for key, value in search.items()},
        }
    )


def test_what_makes_no_sense_is_refused_with_a_sentence_that_says_what_to_do(
    make_config: MakeConfig,
):
    refused = set()
    for combination in ALL:
        try:
            written(combination, make_config)
        except ConfigError as error:
            refused.add(combination)
            for fault in error.faults:
                assert fault.path.startswith("hyperparameter_optimizer.")
                assert re.search("leave (it|the)|choose another", str(fault), re.IGNORECASE), fault

    assert refused == set(ALL) - set(SOUND)
    assert len(SOUND) == (len(SEARCHES) - 1) * (3 + 2 * 3 + 1 + 2) + 1


@pytest.fixture
def workers(broker: Any, shared: Path) -> Iterator[None]:
    """Two, on the shared directory and the broker of these tests."""
    description = fleet.describe(fleet.read(None, workers=2, gpus=None), {})
    fleet.up(description, shared=shared, deadline_s=180)
    yield
    fleet.down(shared=shared, at_once=True)


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
@pytest.mark.parametrize("type", SEARCHES)
def test_whatever_may_be_combined_ends_with_a_winner_and_sound_records(
    workers: None, make_config: MakeConfig, type: str
):
    chosen = [one for one in SOUND if one.type == type]
    configs = {
        (*one, seeds): written(one, make_config, n_calls=9 * seeds, seeds_per_trial=seeds)
        for one in chosen
        for seeds in ((1, 2) if one.pruner != "none" else (1,))
    }

    running = {key: amc.submit(config) for key, config in configs.items()}
    states = {key: one.wait(800) for key, one in running.items()}

    assert states == dict.fromkeys(running, "completed")
    assert [fault for one in running.values() for fault in verify(one._ledger)] == []
    assert [key for key, one in running.items() if one.best is None] == []
    for (_, _, _, pruner, _, seeds), one in running.items():
        searched = [trial for trial in one.trials() if trial.kind == "search"]
        assert len(searched) == 9 * seeds
        assert (one.pruned is not None) == (pruner != "none")
