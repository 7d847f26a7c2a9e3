"""Command lines and environments of a fleet's processes."""

import sys
from pathlib import Path

import pytest

from amc.fleet.commands import Broker, Program, broker_of, programs
from amc.fleet.description import Description, WorkerDescription

BROKER = Broker("redis://:secret@host:6379/0", None)
DESCRIPTION = Description(
    (WorkerDescription("rl-worker-0", "gpu2", "2"),),
    flower_port=1,
    tensorboard_port=2,
    jupyter_port=3,
)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Program]:
    """Every program of a fleet, by name."""
    monkeypatch.setenv("AMC_FLOWER_AUTH", "me:mine")
    items = programs(
        DESCRIPTION,
        shared=Path("/shared"),
        broker=BROKER,
        flower_auth="me:mine",
        jupyter_token="my-token",
    )
    return {item.name: item for item in items}


def test_the_driver_starts_first_and_dashboards_last(found: dict[str, Program]) -> None:
    assert list(found) == ["driver", "rl-worker-0", "flower", "tensorboard", "jupyter"]


def test_a_worker_sees_its_gpu_as_nvidia_smi_numbers_it(found: dict[str, Program]) -> None:
    environment = found["rl-worker-0"].environment

    assert environment["CUDA_VISIBLE_DEVICES"] == "2"
    assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_nothing_but_workers_sees_a_gpu(found: dict[str, Program]) -> None:
    others = [item for name, item in found.items() if name != "rl-worker-0"]

    assert {item.environment["CUDA_VISIBLE_DEVICES"] for item in others} == {""}


def test_every_process_runs_with_this_python_from_any_directory(found: dict[str, Program]) -> None:
    assert {item.command[0] for item in found.values()} == {sys.executable}
    assert found["rl-worker-0"].command[1:9] == (
        *("-P", "-m", "amc.fleet.celery_program"),
        *("-A", "amc", "worker", "-Q", "gpu2"),
    )


def test_no_process_gets_the_settings_of_another_project(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    foreign = {
        "CELERY_BROKER_URL": "redis://elsewhere/0",
        "CELERY_WORKER_PURGE": "purge",
        "FLOWER_PORT": "tcp://10.0.0.7:5555",
        "FLOWER_BASIC_AUTH": "else:where",
        "BROKER_URL": "amqp://elsewhere//",
        "CONFIG_MODULE": "elsewhere",
    }
    for name, text in foreign.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("PYTHONPATH", "/plug/ins")

    found = programs(
        DESCRIPTION,
        shared=Path("/shared"),
        broker=BROKER,
        flower_auth="me:mine",
        jupyter_token="token",
    )

    for item in found:
        assert not set(foreign.values()) & set(item.environment.values())
        assert item.environment["PYTHONPATH"] == "/plug/ins"


def test_no_password_is_on_a_command_line(found: dict[str, Program]) -> None:
    line = " ".join(word for item in found.values() for word in item.command)

    assert "secret" not in line
    assert "mine" not in line


def test_flower_alone_gets_flower_s_password(found: dict[str, Program]) -> None:
    knowing = [name for name, item in found.items() if "me:mine" in item.environment.values()]

    assert knowing == ["flower"]


def test_a_shared_directory_has_a_broker_of_its_own(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = broker_of(shared)

    monkeypatch.setenv("AMC_BROKER_URL", own.url)
    named_by_its_url = broker_of(shared)
    monkeypatch.setenv("AMC_BROKER_URL", BROKER.url)
    other = broker_of(shared)

    assert own.directory is not None
    assert named_by_its_url == own
    assert other == BROKER
