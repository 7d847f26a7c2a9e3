"""Agents for tests: trained for a moment, by themselves or as trials of an experiment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.driver.planning import plan
from amc.ledger import Ledger
from amc.playback import Agent, load
from amc.training.trial import TrialContext, TrialOutcome
from amc.workers.base import BaseWorker
from tests.experiments import report

ALGORITHMS: dict[str, dict[str, Any]] = {
    "ppo": {"n_envs": 2, "n_steps": 64, "batch_size": 64, "n_epochs": 2},
    "sb3:RecurrentPPO": {
        "policy_kwargs": {"net_arch": [16], "lstm_hidden_size": 16},
        **{"n_envs": 2, "n_steps": 64, "n_epochs": 2},
    },
    "ddpg": {"batch_size": 16, "hidden_sizes": [16, 16], "learning_starts": 50},
}


@dataclass(frozen=True)
class Trained:
    """A directory as `amc train` writes one, and what came of the training."""

    directory: Path
    outcome: TrialOutcome

    def agent(self) -> Agent:
        return load(self.directory)


Train = Callable[..., Trained]


def trainer(directories: pytest.TempPathFactory) -> Train:
    """Who trains; the same arguments give the same training."""

    @cache
    def train(
        algorithm: str = "ppo",
        name: str = "CartPole-v1",
        wrappers: tuple[str, ...] = ("normalize_observation", "normalize_reward"),
        steps: int = 256,
        limit: int | None = 60,
    ) -> Trained:
        config = ConfigLoader().from_mapping(
            {
                "experiment_name": "played",
                "algorithm": algorithm,
                "algorithm_config": ALGORITHMS[algorithm],
                "environment": {
                    "name": name,
                    "wrappers": list(wrappers),
                    "max_episode_steps": limit,
                },
                "training": {
                    "total_timesteps": steps,
                    "eval_freq": 128,
                    "save_freq": 128,
                    "eval_episodes": 3,
                },
            }
        )
        directory = directories.mktemp("trained")
        context = TrialContext.standalone(config.seed, directory)
        return Trained(directory, BaseWorker(0, config, directory, trial=context).run())

    return train


SEARCH = {
    "experiment_name": "few",
    "algorithm": "ppo",
    "algorithm_config": {"n_envs": 1, "n_steps": 64, "batch_size": 64},
    "environment": {"name": "CartPole-v1"},
    "training": {"total_timesteps": 128, "eval_freq": 64, "eval_episodes": 2},
    "hyperparameter_optimizer": {"n_calls": 3, "search_space": {"gamma": [0.9, 0.99]}},
}


def begun(shared: Path, config: Mapping[str, Any] = SEARCH) -> Ledger:
    """An experiment whose first trials are open."""
    ledger = Ledger.create(shared, ConfigLoader().from_mapping(config))
    decision = plan(ledger.config, ledger.history())
    assert decision is not None and ledger.append(decision)
    return ledger


def train(ledger: Ledger, number: int) -> TrialOutcome:
    """Train a trial where its workers would; nothing is reported."""
    directory, trial = ledger.paths.trial(number).directory, ledger.trial(number)
    config = ledger.config.for_trial(trial.hyperparameters, seed=trial.seed)
    context = TrialContext.standalone(config.seed, directory)
    return BaseWorker(0, config, directory, trial=context).run()


def end(ledger: Ledger, number: int) -> None:
    """Train a trial and report what came of it."""
    outcome = train(ledger, number)
    checkpoint = outcome.checkpoint.relative_to(ledger.paths.trial(number).directory)
    ledger.write_report(
        report(
            number,
            outcome.score,
            step=outcome.steps,
            digest=outcome.digest,
            checkpoint=str(checkpoint),
            environment=outcome.environment,
            amc=outcome.amc,
            kernel=outcome.kernel,
            cpu=outcome.cpu,
        )
    )
