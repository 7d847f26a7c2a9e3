"""The command lines and environments of a fleet's processes. Its door is `programs`.

Procfile and docker-compose.yml write the same command lines; a test compares them with these.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from amc.broker.address import Address
from amc.broker.keys import DRIVER_QUEUE
from amc.fleet.description import Description
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.gpu import CPU, VISIBLE_VARIABLE
from amc.fleet.surroundings import ONE_THREAD, python, surroundings
from amc.settings import (
    BROKER_URL_VARIABLE,
    SHARED_DIR_VARIABLE,
    embedded_directory,
    embedded_url,
)

DRIVER = "driver"
"""The name of the driver's worker."""
LOOPBACK = "127.0.0.1"
FLOWER_PASSWORD_VARIABLE = "FLOWER_BASIC_AUTH"
_NOTEBOOK = "notebooks/analysis.ipynb"


@dataclass(frozen=True)
class Program:
    """A process to run.

    Attributes:
        name: as in logs and state.
        command: with absolute paths only, so that it runs from any directory.
        environment: all of it.
        patience_s: how long it may take to end after SIGTERM.
        celery_arguments: what follows `celery` where it is one of our workers; else None.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    patience_s: float
    celery_arguments: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Broker:
    """Where Redis is.

    Attributes:
        url: as Celery writes it, with its password.
        directory: of the embedded server; None if Redis is somebody else's.
    """

    url: str
    directory: Path | None


def broker_of(shared: Path) -> Broker:
    """The broker of a shared directory: what AMC_BROKER_URL says, or a server of its own.

    Raises:
        UsageError: AMC_BROKER_URL is no URL of a Redis.
    """
    directory = embedded_directory(shared)
    own = Address.parse(embedded_url(directory), source=str(directory)).url
    named = os.environ.get(BROKER_URL_VARIABLE)
    url = Address.parse(named, source=BROKER_URL_VARIABLE).url if named else own
    return Broker(url, directory if url == own else None)


def worker_arguments(name: str, queue: str) -> list[str]:
    """What follows `celery` for a worker: one trial at a time, in a forked child."""
    return [
        *("-A", "amc", "worker", "-Q", queue, "-n", f"{name}@%h"),
        *("--pool", "prefork", "--concurrency", "1"),
        *("--without-gossip", "--without-mingle", "--heartbeat-interval", "10", "-l", "WARNING"),
    ]


def flower_arguments(port: int, address: str = LOOPBACK) -> list[str]:
    """What follows `celery` for Flower; its password comes by the environment."""
    return ["-A", "amc", "flower", f"--address={address}", f"--port={port}", "--read_only=True"]


def tensorboard_arguments(port: int, shared: str, address: str = LOOPBACK) -> list[str]:
    """What follows `python -m amc.fleet.tensorboard_program`."""
    return [shared, "--host", address, "--port", str(port)]


def jupyter_arguments(port: int, directory: str, address: str = LOOPBACK) -> list[str]:
    """What follows `jupyter lab`; its token comes by the environment.

    Args:
        port: refused if it is taken, not counted up.
        directory: what the page shows of the file system.
        address: where it listens.
    """
    return [
        *(f"--ServerApp.ip={address}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--ServerApp.root_dir={directory}", "--ServerApp.open_browser=False"),
        # In a container everything may be root's.
        "--ServerApp.allow_root=True",
        # It asks nobody for news, updates or extensions.
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        *("--LabApp.news_url=", "--LabApp.extension_manager=readonly"),
        *_first_shown(Path(directory)),
    ]


def _first_shown(directory: Path) -> list[str]:
    """What Jupyter Lab opens with: the notebook that looks at an experiment, where it is."""
    if not (directory / _NOTEBOOK).exists():
        return []
    return [f"--LabApp.default_url=/lab/tree/{_NOTEBOOK}"]


def programs(
    description: Description,
    *,
    shared: Path,
    broker: Broker,
    flower_auth: str,
    jupyter_token: str,
) -> list[Program]:
    """Every process that the description asks for, besides the broker, in the order of starting.

    Args:
        description: what to run.
        shared: the directory that holds every experiment, absolute.
        broker: what the processes connect to.
        flower_auth: `user:password`; empty if there is no Flower.
        jupyter_token: empty if there is no Jupyter Lab.
    """
    common = {
        **surroundings(),
        SHARED_DIR_VARIABLE: str(shared),
        BROKER_URL_VARIABLE: broker.url,
        "PYTHONUNBUFFERED": "1",
    }
    found = []
    if description.driver:
        found.append(_worker(DRIVER, DRIVER_QUEUE, CPU, common))
    found += [_worker(item.name, item.queue, item.device, common) for item in description.workers]
    if description.flower_port is not None:
        command = python("amc.fleet.celery_program", *flower_arguments(description.flower_port))
        environment = {**common, FLOWER_PASSWORD_VARIABLE: flower_auth, VISIBLE_VARIABLE: CPU}
        found.append(Program("flower", command, environment, patience_s=5.0))
    if description.tensorboard_port is not None:
        arguments = tensorboard_arguments(description.tensorboard_port, str(shared))
        command = python("amc.fleet.tensorboard_program", *arguments)
        environment = {**common, VISIBLE_VARIABLE: CPU}
        found.append(Program("tensorboard", command, environment, patience_s=5.0))
    if description.jupyter_port is not None:
        found.append(_jupyter(description.jupyter_port, shared, common, jupyter_token))
    return found


def _jupyter(port: int, shared: Path, common: Mapping[str, str], token: str) -> Program:
    """Jupyter Lab on the current directory, with what a notebook needs to submit and to look."""
    own = {name: text for name, text in common.items() if not name.startswith("JUPYTER")}
    environment = {
        **own,
        "JUPYTER_TOKEN": token,
        # Not ~/.jupyter, where its user may have switched the token off.
        "JUPYTER_CONFIG_DIR": str(FleetPaths(shared).jupyter_config),
        VISIBLE_VARIABLE: CPU,
    }
    command = python("jupyterlab", *jupyter_arguments(port, os.getcwd()))
    return Program("jupyter", command, environment, patience_s=5.0)


def _worker(name: str, queue: str, device: str, common: Mapping[str, str]) -> Program:
    environment = {
        **common,
        **ONE_THREAD,
        "AMC_WORKER_NAME": name,
        VISIBLE_VARIABLE: device,
        # CUDA's own order is "fastest first"; the numbers here are those of nvidia-smi.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }
    arguments = tuple(worker_arguments(name, queue))
    command = python("amc.fleet.celery_program", *arguments)
    return Program(name, command, environment, patience_s=30.0, celery_arguments=arguments)
