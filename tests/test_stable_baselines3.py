"""Stable-Baselines3 behind everything else: searched, interrupted, filmed, reported, handed on."""

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import amc
from amc import tasks
from amc.cli import main
from amc.config.loader import ConfigLoader
from amc.ledger import Ledger
from amc.ledger.winner import winner
from amc.playback import load
from amc.training.trial import TrialContext
from amc.verify import replay as trained_again
from amc.verify import verify
from amc.workers import preload
from amc.workers.attempts import supervise
from amc.workers.base import BaseWorker

assert preload, "as in a worker: the forked trials inherit what is imported here"

SAC: dict[str, Any] = {
    "experiment_name": "sac",
    "algorithm": "sb3:SAC",
    "algorithm_config": {
        "learning_starts": 30,
        "batch_size": 8,
        "policy_kwargs": {"net_arch": [16]},
    },
    "environment": {
        "name": "Pendulum-v1",
        "max_episode_steps": 20,
        "wrappers": ["normalize_observation", "normalize_reward"],
    },
    "training": {"total_timesteps": 120, "eval_freq": 60, "eval_episodes": 2, "save_freq": 60},
}
DQN: dict[str, Any] = {
    "experiment_name": "dqn",
    "algorithm": "sb3:DQN",
    "algorithm_config": {"learning_starts": 40, "policy_kwargs": {"net_arch": [16]}},
    "environment": {"name": "CartPole-v1"},
    "training": {"total_timesteps": 220, "eval_freq": 100, "eval_episodes": 2, "save_freq": 100},
}
RECURRENT: dict[str, Any] = {
    "experiment_name": "recurrent",
    "algorithm": "sb3:RecurrentPPO",
    "algorithm_config": {
        **{"n_envs": 2, "n_steps": 48, "batch_size": 96, "n_epochs": 1},
        "policy_kwargs": {"net_arch": [16], "lstm_hidden_size": 8},
    },
    "environment": {"name": "CartPole-v1", "wrappers": ["normalize_observation"]},
    "training": {"total_timesteps": 500, "eval_freq": 250, "eval_episodes": 2, "save_freq": 250},
}


def run(*words: object) -> str:
    ran = CliRunner().invoke(main, [str(word) for word in words])
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def trained_here(shared: Path, config: dict[str, Any], **search: Any) -> Ledger:
    """An experiment, one segment after another."""
    written = config | {"hyperparameter_optimizer": search}
    ledger = Ledger.create(shared, ConfigLoader().from_mapping(written))
    while not ledger.is_finished:
        tasks.advance(ledger.id)
        for segment in ledger.history().outstanding:
            supervise(ledger, segment.trial, worker="rl-worker-0", queue="gpu0")
    return ledger


@pytest.mark.parametrize("config", [SAC, DQN, RECURRENT], ids=["SAC", "DQN", "RecurrentPPO"])
def test_a_training_that_is_stopped_goes_on_to_the_same_bits_and_its_agent_is_handed_on(
    tmp_path: Path, config: dict[str, Any]
):
    loaded = ConfigLoader().from_mapping(config)
    whole = BaseWorker(0, loaded, tmp_path / "whole").run()
    stops = iter([False, False, True])
    context = TrialContext.standalone(loaded.seed, tmp_path / "stopped")

    halted = BaseWorker(
        0,
        loaded,
        tmp_path / "stopped",
        trial=replace(context, should_stop=lambda: next(stops, True)),
    ).run()
    resumed = BaseWorker(0, loaded, tmp_path / "stopped").run()

    assert (halted.state, resumed.state) == ("interrupted", "completed")
    assert 0 < halted.steps < resumed.steps
    assert (resumed.digest, resumed.score) == (whole.digest, whole.score)
    assert whole.kernel == f"sb3@{version('stable_baselines3')}"
    run("package", tmp_path / "whole", tmp_path / "package", "--no-film")
    agent, packed = load(tmp_path / "whole"), amc.load(tmp_path / "package")
    assert agent.evaluate().mean == packed.evaluate().mean == whole.score
    for seed in range(5):
        seen, _ = agent.make_environment().reset(seed=seed)
        np.testing.assert_array_equal(agent.predict(seen), packed.predict(seen))
    assert packed.origin.versions["stable_baselines3"] == version("stable_baselines3")
    card = (tmp_path / "package" / "README.md").read_text()
    assert f"# {config['algorithm'][4:]} of Stable-Baselines3 in {agent.name}" in card


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "search",
    [
        {"type": "random", "n_calls": 3, "finalists": 2, "finalist_seeds": 1, "test_seeds": 2},
        {"type": "random", "n_calls": 4, "mode": "async", "pruner": "asha"},
        {"type": "random", "n_calls": 4, "pruner": "median", "trials_per_round": 2},
        {"type": "pbt", "n_calls": 4, "perturbation_interval": 100},
    ],
    ids=["finalists", "asha", "median", "pbt"],
)
def test_a_search_ends_with_a_winner_that_comes_out_the_same_again(
    broker: Any, shared: Path, tmp_path: Path, search: dict[str, Any]
):
    space = {"learning_rate": [1e-4, 1e-2], "tau": [0.001, 0.1]}
    if search["type"] != "pbt":
        space |= {"net_arch": {"choices": [[8], [16]]}}
    longer = {"training": SAC["training"] | {"total_timesteps": 300, "eval_freq": 50}}

    ledger = trained_here(shared, SAC | longer, search_space=space, **search)

    best = winner(ledger.config, ledger.history())
    assert best is not None
    assert verify(ledger) == []
    past = ledger.history()
    assert [fault for _, fault in trained_again(ledger, len(past.segments))] == [None] * len(
        past.segments
    )
    tuned = tmp_path / "tuned.json"
    tuned.write_text(run("best", ledger.id, "--as-config"))
    again = json.loads(run("train", tuned, "--out", tmp_path / "run", "--json"))
    assert again["digest"] == best.result.digest


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(600)
def test_its_agent_is_filmed_reported_described_and_packaged(
    broker: Any, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    space = {"learning_rate": [1e-4, 1e-2]}
    ledger = trained_here(shared, SAC, n_calls=2, type="random", search_space=space)

    run("enjoy", ledger.id, "--episodes", "1", "--video", "film.gif")
    run("report", ledger.id)
    methods = run("methods", ledger.id)
    run("package", ledger.id, "package")

    assert (tmp_path / "film.gif").stat().st_size > 1000
    assert (tmp_path / f"{ledger.id}.html").stat().st_size > 10_000
    assert "Agents were trained by SAC of Stable-Baselines3 in Pendulum-v1" in methods
    assert "stable_baselines3 " in methods and "sb3@" in methods
    assert (
        "stable_baselines3"
        in json.loads((tmp_path / "package/results.json").read_text())["versions"]
    )
