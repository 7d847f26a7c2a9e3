"""Whole experiments on real fleets: the same for any number of workers, and under faults."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

import amc
from amc import fleet
from amc.broker.connection import connect
from amc.broker.heartbeats import live_workers
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.experiment_view import Experiment
from amc.fleet.description import Description
from amc.ledger import files
from amc.training import checkpoint
from amc.verify import verify
from amc.workers.base import BaseWorker

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

MakeConfig = Callable[..., ExperimentConfig]


@pytest.fixture
def start_fleet(broker: Any, shared: Path) -> Iterator[Callable[[int], None]]:
    """Start workers on the shared directory and the broker of these tests; stop any before."""

    def start(n_workers: int) -> None:
        fleet.down(shared=shared, at_once=True)
        fleet.up(workers(n_workers), shared=shared, deadline_s=180)

    yield start
    fleet.down(shared=shared, at_once=True)


@pytest.fixture
def fleet_of_its_own(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two workers with an embedded Redis."""
    monkeypatch.delenv("AMC_BROKER_URL")
    fleet.up(workers(2), shared=shared, deadline_s=180)
    yield
    fleet.down(shared=shared, at_once=True)


def workers(count: int) -> Description:
    return fleet.describe(fleet.read(None, workers=count, gpus=None), {})


def outcome(experiment: Experiment) -> list[tuple[Any, ...]]:
    """What must not depend on who computed it."""
    results = [experiment._ledger.result(trial.number) for trial in experiment.trials()]
    return [
        (trial.number, trial.hyperparameters, trial.seed, trial.score, result and result.digest)
        for trial, result in zip(experiment.trials(), results, strict=True)
    ]


def decided(experiment: Experiment) -> list[Any]:
    """What was opened at each decision, and what had been learned."""
    history = experiment._ledger.history()
    return [list(history.segments.values()), list(history.learned_in.items())]


def submit(config: ExperimentConfig, shared: Path) -> Experiment:
    """By the command line: the app of this process is bound to another broker."""
    path = shared / "config.json"
    files.replace(path, files.encode(config.to_json()))
    command = [sys.executable, "-m", "amc", "submit", str(path)]
    made = subprocess.run(command, check=True, capture_output=True, text=True)
    return amc.experiment(made.stdout.strip())


def processes(shared: Path) -> dict[str, int]:
    return {
        item["name"]: item["pid"] for item in fleet.status(shared=shared).to_json()["processes"]
    }


def kill_tree(pid: int) -> None:
    parent = psutil.Process(pid)
    for process in [*parent.children(recursive=True), parent]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize(
    "search",
    [
        pytest.param({"trials_per_round": 3}, id="rounds"),
        pytest.param({"n_calls": 9, "pruner": "halving"}, id="halving", marks=pytest.mark.slow),
        pytest.param(
            {"n_calls": 12, "mode": "async", "window": 4, "pruner": "asha"},
            id="asha",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"n_calls": 12, "mode": "async", "window": 4, "pruner": "median"},
            id="async, median",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"type": "pbt", "n_calls": 6, "perturbation_interval": 256},
            id="pbt",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_one_and_three_workers_give_the_same_suggestions_scores_and_digests(
    start_fleet: Callable[[int], None], make_config: MakeConfig, search: dict[str, Any]
) -> None:
    search = {"type": "bayesian", "n_calls": 6, "n_initial_points": 3, **search}
    config = make_config(
        {
            "training.total_timesteps": 1280,
            **{f"hyperparameter_optimizer.{key}": value for key, value in search.items()},
        }
    )

    start_fleet(3)
    with_three = amc.submit(config)
    with_three.wait(240)
    start_fleet(1)
    alive = [worker.name for worker in live_workers(connect())]
    with_one = amc.submit(config)
    with_one.wait(240)

    assert alive == ["driver", "rl-worker-0"]
    assert (with_three.state, with_one.state) == ("completed", "completed")
    assert len(outcome(with_three)) == search["n_calls"]
    assert outcome(with_three) == outcome(with_one)
    assert decided(with_three) == decided(with_one)
    assert verify(with_three._ledger) == verify(with_one._ledger) == []
    for experiment in (with_three, with_one):
        agent = checkpoint.load(experiment.directory / "best" / "agent.pt")
        assert experiment.best is not None
        rate = json.loads(agent["config"])["optimizer"]["learning_rate"]
        assert rate == experiment.best.hyperparameters["learning_rate"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("search", "after"),
    [
        pytest.param({}, (1, 2, 3, 4), id="rounds"),
        # Nine come to the rung, who goes on from there is decided while the driver is killed.
        pytest.param({"pruner": "halving"}, (1, 10, 11, 13), id="halving"),
        pytest.param({"pruner": "median"}, (1, 6, 7, 8), id="rounds, median"),
        pytest.param({"mode": "async", "pruner": "asha"}, (1, 2, 3, 4), id="asha"),
        pytest.param({"mode": "async", "pruner": "median"}, (1, 6, 7, 8), id="async, median"),
        # Each in another generation, of ten: in the middle of one, and where all have ended.
        pytest.param({"type": "pbt"}, (1, 14, 20, 37), id="pbt"),
    ],
)
def test_every_trial_is_counted_once_whatever_is_killed(
    fleet_of_its_own: None,
    shared: Path,
    make_config: MakeConfig,
    eventually: Callable[..., Any],
    search: dict[str, Any],
    after: tuple[int, ...],
) -> None:
    config = make_config(
        {
            "training.total_timesteps": 20_000,
            "training.save_freq": 2_000,
            "training.eval_freq": 4_000,
            "hyperparameter_optimizer.n_calls": 10,
            **{f"hyperparameter_optimizer.{key}": value for key, value in search.items()},
        }
    )
    undisturbed = submit(config, shared)
    undisturbed.wait(300)
    faults: list[Callable[[], Any]] = [
        lambda: kill_tree(processes(shared)["rl-worker-0"]),
        lambda: kill_tree(processes(shared)["driver"]),
        lambda: connect().flushall(),
        lambda: os.kill(processes(shared)["redis"], signal.SIGKILL),
    ]

    experiment = submit(config, shared)
    for reports, fault in zip(after, faults, strict=True):
        eventually(lambda least=reports: least <= n_reported(experiment), 120)
        fault()
    experiment.wait(300)

    assert experiment.state == "completed"
    assert outcome(experiment) == outcome(undisturbed)
    assert decided(experiment) == decided(undisturbed)
    assert verify(experiment._ledger) == []


def n_reported(experiment: Experiment) -> int:
    history = experiment._ledger.history()
    return len(history.learned) + len(history.fresh)


@pytest.mark.slow
def test_a_paused_experiment_goes_on_where_it_stopped(
    start_fleet: Callable[[int], None], make_config: MakeConfig, eventually: Callable[..., Any]
) -> None:
    config = make_config(
        {"hyperparameter_optimizer.n_calls": 2, "training.total_timesteps": 12_000}
    )
    start_fleet(2)
    undisturbed = amc.submit(config)
    undisturbed.wait(120)

    experiment = amc.submit(config)
    eventually(lambda: any(trial.state == "running" for trial in experiment.trials()))
    experiment.pause()
    eventually(lambda: all(trial.state != "running" for trial in experiment.trials()))
    paused = experiment.state
    experiment.resume()
    experiment.wait(120)

    assert (paused, experiment.state) == ("paused", "completed")
    assert outcome(experiment) == outcome(undisturbed)
    assert verify(experiment._ledger) == []


@pytest.mark.slow
def test_the_search_goes_on_when_trials_fail(
    start_fleet: Callable[[int], None], make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv("AMC_ALLOW_MODULES", "strange")
    config = make_config(
        {"environment.name": "strange:RewardNone-v0", "training.max_attempts": 1},
    )
    start_fleet(1)

    experiment = amc.submit(config)
    experiment.wait(120)

    assert experiment.state == "failed"
    assert [trial.state for trial in experiment.trials()] == ["failed"] * 4
    assert all("its reward at step 5" in str(trial.error) for trial in experiment.trials())


@pytest.mark.slow
def test_what_clients_ask_at_once_during_and_after_a_run_is_done_once_to_the_bit(
    start_fleet: Callable[[int], None], make_config: MakeConfig, tmp_path: Path
) -> None:
    config = make_config({"hyperparameter_optimizer.n_calls": 6})  # of 256 steps, whole rollouts
    start_fleet(2)
    experiment = amc.submit(config)

    wishes: list[Callable[[], Any]] = [
        lambda: experiment.extend(calls=2),
        lambda: experiment.extend(calls=1),
        lambda: experiment.add_trial({"learning_rate": 0.003}),
        lambda: experiment.extend(timesteps=512),
    ]
    with ThreadPoolExecutor(len(wishes)) as clients:
        heard = [future.result() for future in [clients.submit(wish) for wish in wishes]]
    first = experiment.wait(240)
    (longer,) = (trial for trial in experiment.trials() if trial.steps == 512)
    heard.append(experiment.extend(timesteps=768, trial=longer.number))
    second = experiment.wait(240)

    assert all(one.by_broker for one in heard)
    assert (first, second) == ("completed", "completed")
    history = experiment._ledger.history()
    assert (len(history.trials), len(history.requests)) == (10, 5)
    assert verify(experiment._ledger) == []
    trained = experiment.config.for_trial(longer.hyperparameters, seed=longer.seed)
    as_one = ConfigLoader().apply_overrides(trained, {"training.total_timesteps": 768})
    result = history.result(longer.number)
    assert result is not None and result.segments == 3
    assert result.digest == BaseWorker(0, as_one, tmp_path / "as one").run().digest
