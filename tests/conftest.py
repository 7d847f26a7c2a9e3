"""Fixtures for every room: a shared directory, a config factory, a real broker."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# The app reads its broker's address when it is imported, so it is set before any test module is.
# The socket's path must stay below 108 bytes, which pytest's own directories may exceed.
_BROKER_DIRECTORY = Path(tempfile.mkdtemp(prefix="amc-test-"))
os.environ["AMC_BROKER_URL"] = f"redis+socket://{_BROKER_DIRECTORY}/redis.sock"
# What packages answered is kept by amc's version, which does not change with every edit.
os.environ["XDG_CACHE_HOME"] = f"{_BROKER_DIRECTORY}/cache"
os.environ["AMC_SHARED_DIR"] = str(_BROKER_DIRECTORY / "shared")

from amc.broker import embedded
from amc.broker.connection import connect
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig

if TYPE_CHECKING:
    from tests.agents import Train


def pytest_sessionstart() -> None:
    # A shell starts what it puts in the background with SIGINT and SIGQUIT ignored, nohup with
    # SIGHUP, and that is inherited; the tests of signals need them as a terminal would give them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_sessionfinish() -> None:
    shutil.rmtree(_BROKER_DIRECTORY, ignore_errors=True)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty shared directory that this process uses."""
    directory = tmp_path / "shared"
    monkeypatch.setenv("AMC_SHARED_DIR", str(directory))
    return directory


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> "Train":
    """A factory of agents that were trained for a moment, see `tests.agents`."""
    from tests.agents import trainer  # loads torch

    return trainer(tmp_path_factory)


@pytest.fixture(autouse=True)
def _allowed_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test permits is permitted to no other one."""
    monkeypatch.setenv("AMC_ALLOW_SOURCES", "")


@pytest.fixture(autouse=True)
def _nobody_waits() -> Iterator[None]:
    """No process of an earlier attempt takes one that this test has prepared differently."""
    yield
    if attempts := sys.modules.get("amc.workers.attempt_process"):
        attempts.dismiss()


@pytest.fixture(scope="session")
def _broker_process() -> Iterator[None]:
    process = embedded.start(_BROKER_DIRECTORY)
    embedded.wait_ready(_BROKER_DIRECTORY, 20)
    yield
    process.terminate()
    process.wait(10)


@pytest.fixture
def broker(_broker_process: None, shared: Path) -> Any:
    """A client of an empty, real Redis, with the keys of the shared directory."""
    client = connect()
    client.flushall()
    return client


@pytest.fixture
def make_config() -> Callable[..., ExperimentConfig]:
    """A factory of small configs: PPO on CartPole, with dotted overrides."""

    def make(overrides: dict[str, Any] | None = None) -> ExperimentConfig:
        loader = ConfigLoader()
        config = loader.from_mapping(
            {
                "experiment_name": "test",
                "algorithm": "ppo",
                "environment": {"name": "CartPole-v1"},
                "algorithm_config": {"n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 2},
                "hyperparameter_optimizer": {
                    "type": "random",
                    "n_calls": 4,
                    "trials_per_round": 2,
                    "search_space": {"learning_rate": [1e-4, 1e-2]},
                },
                "training": {"total_timesteps": 256, "eval_episodes": 1, "eval_freq": 256},
            },
            source="test",
        )
        return loader.apply_overrides(config, overrides or {})

    return make


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Wait until a condition holds, and give back what it returned."""

    def wait(condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {condition}"
            time.sleep(0.02)
        return found

    return wait
