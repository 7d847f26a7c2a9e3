"""The programmatic door: submitting."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

import amc
from amc import client, permission
from amc.broker import heartbeats
from amc.errors import UsageError
from amc.experiment_view import Experiment
from amc.ledger import Ledger, Trial
from tests.experiments import of_command, open_round, report


@pytest.mark.engine
def test_experiments_are_ordered_by_the_one_clock_that_all_machines_share(
    shared: Path, broker: Any, make_config, monkeypatch: pytest.MonkeyPatch
):
    clock = time.time
    for name, queue in (("driver", "driver"), ("rl-worker-0", "gpu0")):
        heartbeats.beat(broker, heartbeats.LiveWorker(name, (queue,), socket.gethostname(), 1))

    monkeypatch.setattr(time, "time", lambda: clock() + 7200)
    submitted = client.submit(make_config())

    assert abs(submitted.created - clock()) < 600


def test_the_door_named_experiment_is_no_module():
    assert amc.experiment is client.experiment
    assert amc.Experiment is Experiment


@pytest.mark.engine
def test_what_a_warm_start_knows_is_copied_into_the_record_when_it_is_submitted(
    shared: Path, broker: Any, make_config
):
    for name, queue in (("driver", "driver"), ("rl-worker-0", "gpu0")):
        heartbeats.beat(broker, heartbeats.LiveWorker(name, (queue,), socket.gethostname(), 1))
    first = Ledger.create(shared, make_config(), created=1.0)
    open_round(first, Trial(0, {"learning_rate": 1e-3}, 0), Trial(1, {"learning_rate": 2e-3}, 1))
    first.write_report(report(0, 5.0))
    named = {"hyperparameter_optimizer.warm_start": first.id[:-1]}

    submitted = client.submit(make_config(named))

    search = json.loads((submitted.directory / "experiment.json").read_text())["config"]
    assert search["hyperparameter_optimizer"]["warm_start"] == {
        "experiment": first.id,
        "points": [{"hyperparameters": {"learning_rate": 1e-3}, "score": 5.0}],
    }


@pytest.mark.engine
def test_a_command_that_no_worker_may_run_is_refused_before_anything_is_recorded(
    shared: Path, broker: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py")  # here, which does not count
    for name, queue in (("driver", "driver"), ("rl-worker-0", "gpu0")):
        heartbeats.beat(broker, heartbeats.LiveWorker(name, (queue,), socket.gethostname(), 1))

    with pytest.raises(UsageError) as refusal:
        client.submit(of_command())

    assert "no worker is allowed to run it" in str(refusal.value)
    assert "AMC_ALLOW_COMMANDS='python train.py' amc up" in str(refusal.value)
    assert not shared.exists()


@pytest.mark.engine
def test_a_command_that_a_worker_may_run_is_recorded(
    shared: Path, broker: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py")
    for name, queue in (("driver", "driver"), ("rl-worker-0", "gpu0"), ("rl-worker-1", "gpu1")):
        allows = permission.fingerprints() if queue == "gpu1" else ()
        heartbeats.beat(broker, heartbeats.LiveWorker(name, (queue,), "here", 1, allows))

    assert client.submit(of_command()).config.command[:2] == ("python", "train.py")
