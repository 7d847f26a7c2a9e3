"""Procfile, docker-compose.yml and Dockerfile say what `amc up` does, and nothing unsafe."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from amc.broker import embedded
from amc.broker.connection import connect
from amc.broker.heartbeats import live_workers
from amc.fleet.commands import (
    flower_arguments,
    jupyter_arguments,
    tensorboard_arguments,
    worker_arguments,
)
from amc.fleet.description import describe, read
from amc.settings import embedded_directory, embedded_url

ROOT = Path(__file__).parent.parent
LAPTOP = describe(read(ROOT / "worker_queues" / "laptop_cpu.json"), {})
FOUR_GPUS = {number: str(number) for number in range(4)}
QUEUES = {"driver": "driver"} | {worker.name: worker.queue for worker in LAPTOP.workers}
"""Name of each Celery worker, and its queue."""


@pytest.fixture(scope="module")
def procfile() -> dict[str, list[str]]:
    """Name of each process to the words of its command line."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: shlex.split(line) for name, _, line in (line.partition(": ") for line in lines)}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
    return loaded


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def words(service: dict[str, Any]) -> list[str]:
    return shlex.split(service["command"])


# -- Procfile


def test_the_procfile_runs_the_laptop_s_fleet(procfile: dict[str, list[str]]) -> None:
    workers = {name: line for name, line in procfile.items() if name in QUEUES}

    assert set(procfile) == {"redis", "flower", *QUEUES}
    assert workers == {
        name: ["CUDA_VISIBLE_DEVICES=", "celery", *worker_arguments(name, queue)]
        for name, queue in QUEUES.items()
    }


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_honcho_runs_the_procfile(tmp_path: Path, procfile: dict[str, list[str]]) -> None:
    directory = embedded_directory(tmp_path)
    environment = {**os.environ, "AMC_SHARED_DIR": str(tmp_path), "AMC_BROKER_URL": ""}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # Flower's port may be taken where tests run; tests/fleet looks at Flower.
    names = [name for name in procfile if name not in {"flower", "rl-worker-2", "rl-worker-3"}]
    expected = {name for name in names if name != "redis"}

    with subprocess.Popen(
        [sys.executable, "-m", "honcho", "-f", str(ROOT / "Procfile"), "start", *names],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as honcho:
        heard: set[str] = set()
        end = time.monotonic() + 180
        while heard != expected and time.monotonic() < end and honcho.poll() is None:
            if embedded.is_alive(directory):
                heard = {
                    item.name for item in live_workers(connect(embedded_url(directory), tmp_path))
                }
            time.sleep(0.1)
        honcho.send_signal(signal.SIGTERM)
        said, _ = honcho.communicate(timeout=60)

    shutil.rmtree(directory, ignore_errors=True)
    assert heard == expected, said


# -- docker-compose.yml


def test_the_compose_file_follows_the_specification() -> None:
    checker = [sys.executable, "-m", "check_jsonschema"]
    file = ROOT / "docker-compose.yml"

    checked = subprocess.run(
        [*checker, "--builtin-schema", "vendor.compose-spec", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_compose_has_a_service_for_each_process(compose: dict[str, Any]) -> None:
    workers = {worker.name for worker in LAPTOP.workers}

    assert set(compose["services"]) == {
        *("redis", "driver", "flower", "tensorboard", "jupyter"),
        *workers,
        *(f"{name}-gpu" for name in workers),
    }


@pytest.mark.parametrize("suffix", ["", "-gpu"])
def test_compose_workers_are_bound_as_in_worker_queues(
    compose: dict[str, Any], suffix: str
) -> None:
    for name, queue in QUEUES.items():
        service = compose["services"][name if name == "driver" else f"{name}{suffix}"]

        assert words(service) == ["celery", *worker_arguments(name, queue)]
        assert service["hostname"] == name
        assert service["container_name"] == ("rl-coordinator" if name == "driver" else name)
        assert service["healthcheck"]["test"][-3:] == ["status", "--worker", name]


def test_compose_gives_each_gpu_worker_one_gpu_and_only_on_demand(compose: dict[str, Any]) -> None:
    fleet = describe(read(ROOT / "worker_queues" / "four_gpu.json", workers=4), FOUR_GPUS)

    for worker in fleet.workers:
        service = compose["services"][f"{worker.name}-gpu"]
        (device,) = service["deploy"]["resources"]["reservations"]["devices"]
        assert device["device_ids"] == [worker.device]
        assert service["profiles"] == ["gpu"]
    plain = [service for name, service in compose["services"].items() if "gpu" not in name]
    assert not any("deploy" in service or "profiles" in service for service in plain)


def test_compose_stops_as_gently_as_amc_down(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["init"] is True
        assert service["stop_grace_period"] == "40s"
        assert "healthcheck" in service


def test_compose_publishes_on_loopback_only(compose: dict[str, Any]) -> None:
    published = [port for item in compose["services"].values() for port in item.get("ports", [])]

    assert len(published) == 3
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert compose["networks"]["rl-training"]["internal"] is True


def test_compose_starts_nothing_without_its_password(compose: dict[str, Any]) -> None:
    def environment(name: str) -> dict[str, str]:
        found: dict[str, str] = compose["services"][name]["environment"]
        return found

    wanted = {
        environment("redis")["REDISCLI_AUTH"],
        environment("flower")["FLOWER_BASIC_AUTH"],
        environment("jupyter")["JUPYTER_TOKEN"],
        *(environment(name)["AMC_BROKER_URL"] for name in QUEUES),
    }

    assert all(re.search(r"\$\{AMC_\w+:\?", value) for value in wanted)
    assert 'requirepass "$$REDISCLI_AUTH"' in compose["services"]["redis"]["command"][-1]


def test_compose_says_who_has_to_own_the_shared_directory() -> None:
    text = (ROOT / "docker-compose.yml").read_text()

    assert "give it to user 1000: what Docker makes itself is root's" in text.replace("\n# ", " ")


def test_compose_dashboards_are_those_of_amc_up(compose: dict[str, Any]) -> None:
    flower, tensorboard = compose["services"]["flower"], compose["services"]["tensorboard"]

    assert words(flower) == ["celery", *flower_arguments(5555, address="0.0.0.0")]
    arguments = tensorboard_arguments(6006, "/shared", address="0.0.0.0")
    assert words(tensorboard) == ["python", "-m", "amc.fleet.tensorboard_program", *arguments]
    arguments = jupyter_arguments(8080, "/app", address="0.0.0.0")
    assert words(compose["services"]["jupyter"]) == ["jupyter", "lab", *arguments]


# -- Dockerfile


def test_the_image_is_built_without_the_public_hub_s_syntax(dockerfile: list[str]) -> None:
    assert "syntax=" not in (ROOT / "Dockerfile").read_text()
    assert dockerfile[0] == "FROM python:3.11-slim"


def test_the_image_runs_as_an_ordinary_user(dockerfile: list[str]) -> None:
    users = [line for line in dockerfile if line.startswith("USER")]
    as_root = dockerfile[: dockerfile.index("USER amc")]

    assert users == ["USER amc"]
    assert [line for line in dockerfile if line.startswith("COPY") and line not in as_root] == []


def test_the_image_is_made_only_if_every_environment_trains_and_is_drawn(
    dockerfile: list[str],
) -> None:
    checks = [line for line in dockerfile if "check_image.py" in line]

    assert checks[-1] == "RUN python /tmp/check_image.py configs/presets"
    assert dockerfile.index(checks[-1]) > dockerfile.index("USER amc")
    libraries = next(line for line in dockerfile if "apt-get install" in line)
    assert {"libegl1", "libopengl0", "libgl1"} <= set(libraries.split())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_environment_that_has_a_preset_trains_and_is_drawn_here() -> None:
    command = [sys.executable, "-W", "ignore", str(ROOT / ".ci" / "check_image.py")]

    check = subprocess.run(
        [*command, str(ROOT / "configs" / "presets")],
        env={**os.environ, "MUJOCO_GL": "egl"},
        capture_output=True,
        text=True,
    )

    assert check.returncode == 0, check.stderr
    said = check.stdout.splitlines()
    assert len(said) == len(list((ROOT / "configs" / "presets").glob("*.json")))


def test_the_image_installs_the_pinned_versions(dockerfile: list[str]) -> None:
    installs = [line for line in dockerfile if "pip install" in line]

    assert all("--constraint constraints.txt" in line or "--no-deps" in line for line in installs)


def test_what_the_image_copies_exists_and_is_not_ignored(dockerfile: list[str]) -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    lines = (line.removeprefix("COPY").split() for line in dockerfile if line.startswith("COPY"))
    copied = [path for line in lines for path in line[:-1] if not path.startswith("--")]

    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert {path.partition("/")[0] for path in copied} == {
        line.removeprefix("!") for line in ignored if line.startswith("!")
    }
