"""Each fault once, into an experiment that a real fleet trains: it comes out the same."""

import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import amc
from amc import fleet
from amc.config.schema import ExperimentConfig
from amc.ledger import Ledger
from amc.settings import embedded_directory
from amc.verify import verify
from tests.faults.conftest import outcome

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from injection.faults import FAULTS
from injection.system import System

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]

Wait = Callable[..., Any]


class Patient(System):
    """Waits as long as it may: longer than leases and heartbeats live."""

    def pass_time(self, longest_s: float) -> None:
        time.sleep(longest_s)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Two workers, a driver and a Redis of their own, which is what clients here use, too."""
    shared = tmp_path_factory.mktemp("faults")
    workers = fleet.describe(fleet.read(None, workers=2, gpus=None), {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMC_SHARED_DIR", str(shared))
        patch.delenv("AMC_BROKER_URL")
        made = Patient(shared, workers, random.Random(0))
        made.up()
        yield made
        fleet.down(shared=shared, at_once=True)
        shutil.rmtree(embedded_directory(shared), ignore_errors=True)


@pytest.fixture
def config(make_config: Callable[..., ExperimentConfig]) -> ExperimentConfig:
    """Trials of some seconds, some of which go on in a second segment."""
    search = {"mode": "async", "window": 4, "n_calls": 6, "pruner": "asha", "test_seeds": 0}
    return make_config(
        {
            "training.total_timesteps": 12_288,
            "training.eval_freq": 2048,
            "training.save_freq": 1024,
            **{f"hyperparameter_optimizer.{key}": value for key, value in search.items()},
        }
    )


def submit(config: ExperimentConfig, system: System, eventually: Wait) -> Ledger:
    """Hand an experiment to the fleet, once it is up again after the test before."""
    system.up()
    ledger = Ledger(amc.submit(config).directory)
    system.running[:] = [ledger]
    return ledger


@pytest.fixture(scope="module")
def wanted() -> dict[str, list[Any]]:
    """What comes out where nothing happens; found once."""
    return {}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_happens_once_in_the_middle_an_experiment_comes_out_the_same(
    system: System,
    config: ExperimentConfig,
    wanted: dict[str, list[Any]],
    eventually: Wait,
    name: str,
) -> None:
    if not wanted:
        undisturbed = submit(config, system, eventually)
        eventually(lambda: undisturbed.is_finished, 240)
        wanted["outcome"] = outcome(undisturbed)
    ledger = submit(config, system, eventually)
    eventually(lambda: any(one.start for one in ledger.history().open.values()), 240)

    eventually(lambda: _is_done(name, system), 30)
    eventually(lambda: ledger.is_finished, 300)

    for path, content in system.torn.items():
        path.write_bytes(content)
    system.torn.clear()
    assert ledger.state == "completed"
    assert outcome(ledger) == wanted["outcome"]
    assert verify(ledger) == []


def _is_done(name: str, system: System) -> bool:
    try:
        return FAULTS[name](system)
    except psutil.NoSuchProcess:
        return False  # it ended by itself, just then
