from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amc import removing
from amc.broker import hints, leases
from amc.broker.connection import connect
from amc.broker.keys import Holder, claim
from amc.client import experiment
from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.experiment_view import Experiment
from amc.ledger import Ledger, Trial
from amc.tasks import train_trial
from tests.experiments import open_round

MakeConfig = Callable[..., ExperimentConfig]


@pytest.fixture
def recorded(shared: Path, make_config: MakeConfig) -> Experiment:
    """An experiment with two trials at which nobody is."""
    ledger = Ledger.create(shared, make_config())
    claim(shared)
    open_round(ledger, *(Trial(n, {"learning_rate": 1e-3}, seed=n, suggestion=n) for n in (0, 1)))
    for number in (0, 1):
        ledger.claim_attempt(number, worker="rl-worker-7", queue="gpu0", host="host")
    return experiment("test-1")


@pytest.mark.parametrize("state", ["running", "paused"])
def test_what_runs_or_may_go_on_is_refused(state: str, broker: Any, recorded: Experiment):
    if state == "paused":
        recorded.pause()

    with pytest.raises(UsageError, match=f"test-1: is {state}, .* amc cancel test-1"):
        removing.remove(recorded)

    assert recorded.directory.exists()


def test_what_was_cancelled_goes_once_nobody_is_at_it(broker: Any, recorded: Experiment):
    recorded.cancel()
    lease = leases.acquire(connect(), "test-1", 1, Holder.here("rl-worker-7", "gpu0"))

    with pytest.raises(UsageError, match=r"test-1: rl-worker-7@.* still works at it"):
        removing.remove(recorded)
    lease.release()
    removing.remove(recorded)

    assert not recorded.directory.exists()


def test_hints_go_with_it_and_no_other_experiment_s(broker: Any, recorded: Experiment):
    recorded.cancel()
    client = connect()
    for name in ("test-1", "test-11"):
        hints.report_progress(client, name, 1, {"steps": 1})
        hints.hand_back(client, name, 0)
        hints.postpone(client, name)
        hints.rest(client, name, [1], "as it was")

    removing.remove(recorded)

    kept = sorted(
        key.partition(":test-11")[0].rpartition(":")[2] for key in client.keys("*:test-*")
    )
    assert kept == ["missing", "progress", "rest", "trouble", "wake"]
    assert len(client.keys("*:test-1*")) == len(kept), "those of test-11"


def test_a_message_on_its_way_meets_no_later_experiment(
    broker: Any, recorded: Experiment, shared: Path, make_config: MakeConfig
):
    recorded.cancel()
    removing.remove(recorded)

    successor = Ledger.create(shared, make_config())

    stale = train_trial.run("test-1", 0)
    assert successor.id == "test-2"
    assert stale["became"] == "no trial of ours"
    assert not successor.past.trials
