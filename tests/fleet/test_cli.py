"""`amc up`, `amc status` and `amc down` as a user types them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from amc import fleet
from amc.broker import heartbeats
from amc.broker.connection import connect
from amc.cli import main
from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.fleet.description import Description
from amc.fleet.fleet_paths import FleetPaths
from amc.ledger import Ledger
from amc.settings import embedded_directory

Amc = Callable[..., Result]


@pytest.fixture
def amc(shared: Path) -> Amc:
    """Run a command line in this process."""
    return lambda *arguments: CliRunner().invoke(main, arguments)


def test_status_without_a_fleet_says_what_to_do(amc: Amc) -> None:
    result = amc("status")

    assert result.exit_code == 3
    assert result.stdout == ""
    assert "Start one: amc up" in result.stderr


@pytest.mark.engine
def test_a_worker_s_name_is_shown_and_not_obeyed(amc: Amc, shared: Path) -> None:
    fleet.up(Description((), driver=False))
    heartbeats.beat(
        connect(), heartbeats.LiveWorker("[/nope]\x1b[2J", ("[bold]q\r",), "h\u202e", 1)
    )

    status, document = amc("status"), amc("status", "--json")

    assert status.exit_code == 0
    assert "[/nope]\\x1b[2J@h\\u202e" in status.stdout
    for outcome in (status, document):
        assert all(line.isprintable() for line in outcome.stdout.split("\n"))


@pytest.mark.engine
def test_going_on_without_workers_is_not_said_to_move(
    amc: Amc, shared: Path, make_config: Callable[..., ExperimentConfig]
) -> None:
    fleet.up(Description((), driver=False))
    ledger = Ledger.create(shared, make_config())

    result = amc("resume", ledger.id)

    assert result.exit_code == 0
    assert "No worker is up: nothing will move" in result.stderr


def test_down_without_a_fleet_is_no_error(amc: Amc) -> None:
    result = amc("down")

    assert result.exit_code == 0
    assert "No fleet is up here" in result.stderr


def test_gpus_that_are_no_numbers_are_refused(amc: Amc) -> None:
    result = amc("up", "--gpus", "0,one")

    assert result.exit_code == 2
    assert "'0,one' is not a list such as 0,1,3" in result.stderr


def test_a_file_that_is_not_there_is_refused(amc: Amc) -> None:
    result = amc("up", "--fleet", "nowhere.json")

    assert result.exit_code == 2
    assert "nowhere.json" in result.stderr


@pytest.mark.engine
def test_a_fleet_is_started_shown_and_stopped(amc: Amc, tmp_path: Path) -> None:
    file = tmp_path / "broker_only.json"
    file.write_text('{"workers": 0, "driver": false}')

    up = amc("up", "--fleet", str(file))
    again = amc("up", "--fleet", str(file), "--json")
    shown = amc("status")
    down = amc("down", "--now")

    assert (up.exit_code, again.exit_code, shown.exit_code, down.exit_code) == (0, 0, 0, 0)
    assert up.stdout.startswith("Up: no workers. Broker: redis+socket://")
    assert json.loads(again.stdout)["is_up"] is True
    assert "redis" in shown.stdout
    assert "Stopped." in down.stderr


@pytest.mark.engine
def test_status_on_a_machine_that_is_cut_off_from_its_broker_fails(
    amc: Amc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.up(Description(workers=(), driver=False))
    monkeypatch.setenv("AMC_BROKER_URL", f"redis+socket://{tmp_path}/unplugged.sock")

    shown, document = amc("status"), amc("status", "--json")

    assert (shown.exit_code, document.exit_code) == (3, 3)
    assert "DOES NOT ANSWER" in shown.stdout and "unplugged.sock does not answer" in shown.stderr
    assert json.loads(document.stdout)["broker_answers"] is False


@pytest.mark.engine
def test_a_worker_that_was_not_heard_of_fails_its_health_check(amc: Amc) -> None:
    fleet.up(Description(workers=(), driver=False))

    result = amc("status", "--worker", "rl-worker-0")

    assert result.exit_code == 3
    assert "rl-worker-0: not heard of" in result.stderr


@pytest.mark.engine
def test_a_fleet_that_is_up_may_be_left_as_it_is(amc: Amc) -> None:
    fleet.up(Description(workers=(), driver=False))

    refused = amc("up", "--workers", "2")
    left = amc("up", "--workers", "2", "--if-down")

    assert refused.exit_code == 2
    assert "another fleet is up" in refused.stderr
    assert left.exit_code == 0
    assert "Using the workers that are up" in left.stderr


@pytest.mark.engine
def test_cleaning_removes_what_the_fleet_left_and_no_experiment(
    amc: Amc, shared: Path, paths: FleetPaths
) -> None:
    experiment = shared / "cartpole-1" / "experiment.json"
    experiment.parent.mkdir(parents=True)
    experiment.touch()
    fleet.up(Description(workers=(), driver=False))

    down = amc("down", "--clean", "--now")

    assert down.exit_code == 0
    assert not paths.directory.exists()
    assert not embedded_directory(shared).exists()
    assert experiment.exists()


@pytest.mark.engine
def test_what_a_running_fleet_uses_is_not_removed(shared: Path, paths: FleetPaths) -> None:
    fleet.up(Description(workers=(), driver=False))

    with pytest.raises(UsageError, match="the fleet is up"):
        fleet.clear()

    assert paths.state.exists()
