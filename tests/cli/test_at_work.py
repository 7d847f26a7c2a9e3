import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result as Outcome

from amc.broker import heartbeats, leases
from amc.broker.heartbeats import LiveWorker
from amc.broker.keys import Holder
from amc.cli.at_work import AtWork, WorkerAtWork
from amc.ledger import Ledger, Trial
from amc.permission import fingerprints, foreign_code
from tests.experiments import of_command, open_round


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty shared directory, whose broker answers."""
    directory = tmp_path / "shared"
    monkeypatch.setenv("AMC_SHARED_DIR", str(directory))
    return directory


def beat(broker: Any, name: str, queue: str, host: str = "here") -> None:
    heartbeats.beat(broker, LiveWorker(name, (queue,), host, 7))


def hold(broker: Any, name: str, experiment: str, trial: int) -> None:
    assert leases.acquire(broker, experiment, trial, Holder(name, 7, "somewhere", "gpu0"))


def test_live_workers_are_listed_with_what_they_train(broker: Any):
    for name, queue in [("rl-worker-10", "gpu1"), ("rl-worker-2", "gpu0"), ("driver", "driver")]:
        beat(broker, name, queue)
    hold(broker, "rl-worker-2@here", "x-1", 7)

    found = AtWork.now()

    assert found.workers == (
        WorkerAtWork("rl-worker-2", "x-1", 7),
        WorkerAtWork("rl-worker-10"),
    )
    assert found.missing is None
    assert (found.at("x-1"), found.at("y-1")) == (2, 1)


def test_who_holds_a_lease_works_though_its_heartbeat_is_late(broker: Any):
    hold(broker, "rl-worker-0@here", "x-1", 7)

    assert AtWork.now().workers == (WorkerAtWork("rl-worker-0", "x-1", 7),)


def test_workers_of_several_machines_are_told_apart(broker: Any):
    for host in ("here", "there"):
        beat(broker, "rl-worker-0", "gpu0", host)

    names = [worker.name for worker in AtWork.now().workers]

    assert names == ["rl-worker-0@here", "rl-worker-0@there"]


def test_what_is_missing_is_said_with_what_to_do(broker: Any):
    nobody = AtWork.now()
    beat(broker, "rl-worker-0", "gpu0")
    without_driver = AtWork.now()

    assert nobody.missing == "no worker: amc up"
    assert without_driver.missing == "the driver's queue has no worker: amc up"


def test_where_no_broker_answers_nobody_is_at_work(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_BROKER_URL", f"redis+socket://{tmp_path}/nobody.sock")

    found = AtWork.now()

    assert found.workers == () and not found.answers
    assert "does not answer" in found.missing


def test_a_command_that_no_worker_may_run_is_told_with_what_to_do(
    broker: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "python train.py")
    code, allows = foreign_code(of_command()), fingerprints()
    monkeypatch.delenv("AMC_ALLOW_COMMANDS")
    beat(broker, "driver", "driver")
    beat(broker, "rl-worker-0", "gpu0")
    nobody = AtWork.now()
    heartbeats.beat(broker, LiveWorker("rl-worker-1", ("gpu1",), "here", 7, allows))
    somebody = AtWork.now()

    told = "no worker may run it: amc down && AMC_ALLOW_COMMANDS='python train.py' amc up"
    assert nobody.forbids(code) == told
    assert nobody.forbids(None) is None
    assert somebody.forbids(code) is None


@pytest.mark.parametrize("state", ["waiting", "running"])
def test_ls_and_status_say_which_experiment_waits_for_permission(
    broker: Any, shared: Path, amc: Callable[..., Outcome], state: str
):
    beat(broker, "driver", "driver")
    beat(broker, "rl-worker-0", "gpu0")
    ledger = Ledger.create(shared, of_command())
    open_round(ledger, Trial(0, {"learning_rate": 1e-3}, 0))
    if state == "running":
        hold(broker, "rl-worker-0@here", ledger.id, 0)

    listed, status, document = amc("ls"), amc("status"), amc("status", "--json")

    told = f"{ledger.id}: no worker may run it: amc down && AMC_ALLOW_COMMANDS='python train.py'"
    assert (told in listed.stderr) == (state == "waiting")
    assert told in status.stderr
    assert set(json.loads(document.stdout)["not_allowed"]) == {ledger.id}
    assert "python train.py  ..." in listed.stdout
