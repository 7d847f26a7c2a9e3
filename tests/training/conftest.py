"""Small trainings for the workers' tests."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.ledger import Trial
from amc.ledger.records import Report, Segment
from amc.training.trial import Ancestor, TrialContext, TrialOutcome
from amc.workers.base import BaseWorker

CONFIGS: dict[str, dict[str, Any]] = {
    "ppo": {
        "experiment_name": "small-ppo",
        "algorithm": "ppo",
        "algorithm_config": {"n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 2},
        "environment": {"name": "CartPole-v1", "max_episode_steps": 60},
        "training": {"total_timesteps": 512, "eval_freq": 128, "save_freq": 192},
    },
    "ddpg": {
        "experiment_name": "small-ddpg",
        "algorithm": "ddpg",
        "algorithm_config": {"batch_size": 16, "hidden_sizes": [16, 16], "learning_starts": 50},
        "environment": {"name": "Pendulum-v1", "max_episode_steps": 40},
        "training": {"total_timesteps": 260, "eval_freq": 100, "save_freq": 90},
    },
}
_REPLAY = {"learning_starts": 50, "batch_size": 8, "policy_kwargs": {"net_arch": [8]}}
CONFIGS |= {
    "sb3:DQN": {
        "experiment_name": "small-dqn",
        "algorithm": "sb3:DQN",
        "algorithm_config": _REPLAY | {"exploration_fraction": 1.0},
        "environment": {"name": "CartPole-v1", "max_episode_steps": 40},
        "training": {"total_timesteps": 260, "eval_freq": 100, "save_freq": 90},
    },
    "sb3:TD3": CONFIGS["ddpg"] | {"algorithm": "sb3:TD3", "algorithm_config": _REPLAY},
}
for _algorithm in ("ppo", "ddpg"):
    CONFIGS[f"normalised {_algorithm}"] = CONFIGS[_algorithm] | {
        "environment": {
            "name": "Pendulum-v1",
            "max_episode_steps": 40,
            "wrappers": ["normalize_observation", "normalize_reward"],
        },
    }


@pytest.fixture
def small() -> Callable[..., ExperimentConfig]:
    """A factory of trainings that take a fraction of a second; dotted overrides."""

    def make(algorithm: str, overrides: dict[str, Any] | None = None) -> ExperimentConfig:
        loader = ConfigLoader()
        config = loader.from_mapping(CONFIGS[algorithm], source="test")
        return loader.apply_overrides(config, {"training.eval_episodes": 2} | (overrides or {}))

    return make


@pytest.fixture
def attempts(tmp_path) -> Callable[..., TrialContext]:
    """A factory of the successive attempts at one trial, in a directory of its own."""
    made = 0

    def make(hyperparameters: dict[str, Any] | None = None, **hooks: Any) -> TrialContext:
        nonlocal made
        made += 1
        context = TrialContext(
            trial=Trial(number=7, hyperparameters=hyperparameters or {}, seed=11),
            attempt=made,
            directory=tmp_path / "trials" / "0007",
            tensorboard=tmp_path / "tensorboard" / "0007",
        )
        return replace(context, **hooks)

    return make


class Segments:
    """Trains trials in segments, as the driver would have it done; each in its own directory."""

    def __init__(self, config: ExperimentConfig, directory: Path) -> None:
        self.config, self.directory = config, directory
        self.attempts = 0

    def context(self, until: int, *lineage: Ancestor, **own: Any) -> TrialContext:
        """An attempt at the segment that goes on to `until` from the last one of a lineage.

        Args:
            until: of the segment.
            lineage: from the first segment on.
            own: further fields of the segment, and hooks of the context.
        """
        trial, start = own.pop("trial", 7), lineage[-1] if lineage else None
        index = 1 + max(
            (one.segment.index for one in lineage if one.trial.number == trial), default=-1
        )
        hooks = {name: own.pop(name) for name in list(own) if hasattr(TrialContext, name)}
        segment = Segment(
            trial,
            index,
            from_step=start.report.step if start else 0,
            until=until,
            horizon=own.pop("horizon", self.config.training.total_timesteps),
            start=start.segment.key if start else None,
            **own,
        )
        self.attempts += 1
        return TrialContext(
            trial=Trial(number=trial, hyperparameters={}, seed=4 + trial),
            attempt=self.attempts,
            directory=self.directory / f"{trial:04}" / f"{index:02}",
            tensorboard=self.directory / "tensorboard" / f"{trial:04}",
            segment=segment,
            lineage=lineage,
            **hooks,
        )

    def run(self, context: TrialContext) -> TrialOutcome:
        """Train a segment, or what is left of it."""
        return BaseWorker(0, self.config, "unused", trial=context).run()

    def reported(self, context: TrialContext, outcome: TrialOutcome) -> Ancestor:
        """A segment that was trained, for those that go on from it."""
        assert context.segment is not None and outcome.state != "interrupted"
        report = Report(
            *context.segment.key,
            "completed",
            step=outcome.steps,
            digest=outcome.digest,
            start_digest=outcome.start_digest,
        )
        return Ancestor(context.trial, context.segment, report, context.directory)

    def through(self, *ends: int) -> list[TrialOutcome]:
        """A trial whose segments end at these steps."""
        outcomes: list[TrialOutcome] = []
        lineage: list[Ancestor] = []
        for until in ends:
            context = self.context(until, *lineage)
            outcomes.append(self.run(context))
            lineage.append(self.reported(context, outcomes[-1]))
        return outcomes


@pytest.fixture
def segments(tmp_path: Path) -> Callable[[ExperimentConfig], Segments]:
    """A factory of trials in segments, each call in a directory of its own."""
    made = 0

    def make(config: ExperimentConfig) -> Segments:
        nonlocal made
        made += 1
        return Segments(config, tmp_path / f"trials-{made}")

    return make


@pytest.fixture
def killed() -> Callable[..., str]:
    """Fork, let the child work and report lines, and kill it -9 at the first line that will do."""

    def run(work: Callable[[Callable[..., None]], None], will_do: Callable[[str], bool]) -> str:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reader)
                work(lambda *words: os.write(writer, f"{' '.join(map(str, words))}\n".encode()))
            finally:
                os._exit(1)
        os.close(writer)
        with os.fdopen(reader) as lines:
            found = next(filter(will_do, lines), "")
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        assert found and os.WTERMSIG(status) == signal.SIGKILL, "it ended before it could be killed"
        return found

    return run
