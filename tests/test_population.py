"""A population that was really trained: its records, its winner, and that winner trained again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

import amc
from amc import tasks
from amc.cli import main
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.ledger import Ledger
from amc.ledger.ancestry import config_of, copies
from amc.ledger.winner import Winner, winner
from amc.training.checkpoint import load
from amc.verify import replay, verify
from amc.workers import preload
from amc.workers.attempts import supervise
from amc.workers.base import BaseWorker

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

assert preload, "as in a worker: the forked trials inherit what is imported here"

# With it the winner of either population has copied another one.
SEED = 1
SEARCH = {
    "type": "pbt",
    "n_calls": 4,
    "perturbation_interval": 128,
    "search_space": {"learning_rate": [1e-4, 1e-2], "gamma": [0.9, 0.99], "batch_size": [8, 32]},
}
ALGORITHMS: dict[str, dict[str, Any]] = {
    "ppo": {
        "algorithm_config": {"n_envs": 2, "n_steps": 32, "n_epochs": 2},
        "environment": {"name": "CartPole-v1", "max_episode_steps": 60},
    },
    "ddpg": {
        "algorithm_config": {"hidden_sizes": [16, 16], "learning_starts": 50},
        "environment": {
            "name": "Pendulum-v1",
            "max_episode_steps": 40,
            "wrappers": ["normalize_observation", "normalize_reward"],
        },
    },
}


def trained_here(shared: Path, config: ExperimentConfig) -> Ledger:
    """An experiment, one segment after another."""
    ledger = Ledger.create(shared, config)
    while not ledger.is_finished:
        tasks.advance(ledger.id)
        for segment in ledger.history().outstanding:
            supervise(ledger, segment.trial, worker="rl-worker-0", queue="gpu0")
    return ledger


@pytest.fixture
def trained(broker: Any, shared: Path) -> Callable[..., tuple[Ledger, Winner]]:
    """A function that trains a population here."""

    def train(algorithm: str, **search: Any) -> tuple[Ledger, Winner]:
        config = ConfigLoader().from_mapping(
            {
                "experiment_name": "test",
                "seed": SEED,
                "algorithm": algorithm,
                **ALGORITHMS[algorithm],
                "optimizer": {"learning_rate_schedule": "linear"},
                "hyperparameter_optimizer": SEARCH | search,
                "training": {
                    "total_timesteps": 448,
                    "eval_freq": 64,
                    "eval_episodes": 2,
                    "save_freq": 100,
                },
            },
            source="test",
        )
        ledger = trained_here(shared, config)
        best = winner(config, ledger.history())
        assert best is not None and best.copies, "a winner that copied nobody proves nothing"
        return ledger, best

    return train


def run(*words: object) -> str:
    ran = CliRunner().invoke(main, [str(word) for word in words])
    assert ran.exit_code == 0, ran.output
    return ran.stdout


@pytest.mark.parametrize("algorithm", ["ppo", pytest.param("ddpg", marks=pytest.mark.slow)])
def test_the_config_of_the_winner_trains_it_again_to_the_same_digest(
    trained: Callable[..., tuple[Ledger, Winner]], tmp_path: Path, algorithm: str
):
    ledger, best = trained(algorithm)

    tuned = tmp_path / "tuned.json"
    tuned.write_text(run("best", ledger.id, "--as-config"))
    again = json.loads(run("train", tuned, "--out", tmp_path / "run", "--json"))
    resumed = json.loads(run("train", tuned, "--out", tmp_path / "run", "--resume", "--json"))

    assert again["digest"] == resumed["digest"] == best.result.digest
    assert again["score"] == best.result.score
    assert again["steps"] == best.result.steps
    assert json.loads(tuned.read_text()) == json.loads(ledger.paths.best_config.read_text())
    agent = load(ledger.paths.best_agent(".pt"))
    assert agent["algorithm"].keys() == load(Path(again["checkpoint"]))["algorithm"].keys()
    assert verify(ledger) == []


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["ppo", "ddpg"])
def test_every_segment_of_a_population_comes_out_the_same_again(
    trained: Callable[..., tuple[Ledger, Winner]], algorithm: str
):
    ledger, _ = trained(algorithm)
    past = ledger.history()

    again = list(replay(ledger, len(past.segments)))

    assert len(again) == len(past.segments) == 16
    assert [fault for _, fault in again] == [None] * 16


@pytest.mark.slow
def test_the_weights_of_a_member_are_told_wherever_it_is_shown(
    trained: Callable[..., tuple[Ledger, Winner]],
):
    ledger, best = trained("ppo")

    experiment = amc.experiment(ledger.id)
    shown, told = run("show", ledger.id), run("best", ledger.id)
    found = json.loads(run("best", ledger.id, "--json"))

    last = best.copies[-1]
    assert f"trial {last.trial} until {last.step:,}" in shown
    assert f"trial {last.trial} until {last.step:,}" in told
    assert found["copies"] == [{"trial": one.trial, "step": one.step} for one in best.copies]
    assert found["hyperparameters"] == experiment.trials()[best.trial.number].hyperparameters
    assert experiment.generation == (4, 4)
    config = experiment.best_config
    assert isinstance(config, ExperimentConfig) and config.schedule
    past = ledger.history()
    curve = [step for step, _ in past.curve(best.trial.number)]
    assert curve == list(range(64, 449, 64))


@pytest.mark.slow
def test_tensorboard_shows_where_hyperparameters_changed_and_what_a_member_ended_with(
    trained: Callable[..., tuple[Ledger, Winner]],
):
    ledger, best = trained("ppo")
    past, number = ledger.history(), best.trial.number

    board = EventAccumulator(str(ledger.paths.tensorboard_run(number))).Reload()

    rates = [(one.step, one.value) for one in board.Scalars("hyperparameters/learning_rate")]
    own = [one for one in past.segments.values() if one.trial == number]
    assert rates == [
        (one.from_step, pytest.approx(past.hyperparameters(one)["learning_rate"])) for one in own
    ]
    content = board.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    session = metadata.parse_session_start_info_plugin_data(content)
    ended = {name: value.number_value for name, value in session.hparams.items()}
    assert ended == best.trial.hyperparameters
    steps = [one.step for one in board.Scalars("eval/mean_reward")]
    assert steps == sorted(set(steps)) and copies(past, past.newest(number))


@pytest.mark.slow
def test_a_member_that_fails_is_followed_by_a_trial_that_copies_a_good_one(
    trained: Callable[..., tuple[Ledger, Winner]],
):
    too_much = 1e38  # for the loss to be finite
    space = {"vf_coef": {"low": 0.5, "high": too_much, "log": True}, "gamma": [0.9, 0.99]}
    points = [{"vf_coef": value, "gamma": 0.95} for value in (too_much, 0.5, 1.0, 2.0)]
    ledger, _ = trained("ppo", search_space=space, initial_points=points, resample_probability=0.0)

    past = ledger.history()

    first, result = past.segments[4, 0], past.result(4)
    assert list(past.failed) == [0] and "finite" in str(past.result(0))
    assert first.start is not None and first.start[0] in {1, 2, 3}
    assert result is not None and (result.state, result.steps) == ("completed", 448)
    assert [step for step, _ in past.curve(4)] == list(range(64, 449, 64))
    assert len(past.trials) == 5
    assert verify(ledger) == []
    again = list(replay(ledger, len(past.segments)))
    assert len(again) == 15 and {fault for _, fault in again} == {None}


@pytest.mark.slow
def test_a_config_with_a_schedule_gives_the_same_bits_submitted_and_trained_here(
    broker: Any, shared: Path, make_config: Callable[..., ExperimentConfig], tmp_path: Path
):
    changes = [
        {"from_step": 100, "hyperparameters": {"learning_rate": 0.01}},
        {"from_step": 150, "hyperparameters": {"gamma": 0.9}, "reseed": 5},
    ]
    config = make_config({"hyperparameter_optimizer": None, "schedule": changes})

    ledger = trained_here(shared, config)
    outcome = BaseWorker(0, config, tmp_path / "run").run()

    past = ledger.history()
    assert [one.until for one in past.segments.values()] == [100, 150, 256]
    assert past.learned[0, 2].digest == outcome.digest
    assert config_of(config, past, 0).schedule == config.schedule
    assert verify(ledger) == []
