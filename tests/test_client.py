"""The programmatic door: submitting."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest

import amc
from amc import client
from amc.broker import heartbeats
from amc.experiment_view import Experiment


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
