"""Real workers among foreign messages, foreign settings, foreign files and other fleets."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import amc
from amc import fleet
from amc.broker.connection import Client, connect
from amc.broker.heartbeats import live_queues, live_workers
from amc.config.schema import ExperimentConfig
from amc.experiment_view import Experiment
from amc.fleet.ahead import Ahead
from amc.fleet.commands import broker_of
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.state import FleetState
from amc.ledger import files
from amc.permission import foreign_code
from tests.experiments import of_command

pytestmark = [pytest.mark.engine, pytest.mark.timeout(500)]

MakeConfig = Callable[..., ExperimentConfig]
Wait = Callable[[Callable[[], object]], None]
BIN = Path(sys.executable).parent


def start(shared: Path, n_workers: int) -> None:
    description = fleet.describe(fleet.read(None, workers=n_workers, gpus=None), {})
    fleet.up(description, shared=shared, deadline_s=240)


def submit(config: ExperimentConfig, shared: Path) -> Experiment:
    """By the command line, as a person would."""
    path = shared / "config.json"
    files.replace(path, files.encode(config.to_json()))
    environment = {**os.environ, "AMC_SHARED_DIR": str(shared)}
    command = [str(BIN / "amc"), "submit", str(path)]
    made = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return amc.experiment(made.stdout.strip())


def client_of(shared: Path) -> Client:
    return connect(broker_of(shared).url, shared)


def celery(shared: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "AMC_SHARED_DIR": str(shared),
        "AMC_BROKER_URL": broker_of(shared).url,
        **variables,
    }
    return subprocess.run(
        [str(BIN / "celery"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


RUBBISH = [
    b"\xff\xfe\x00",
    b"garbage",
    b'{"a": 1}',
    b"[" * 50_000,
    b'"x"',
]


def foreign(body: str, task: str = "amc.tasks.train_trial", **headers: Any) -> bytes:
    """A whole message, whose body is not one of ours."""
    return json.dumps(
        {
            "body": body,
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {"lang": "py", "task": task, "id": "e-1.0.x", **headers},
            "properties": {
                "delivery_info": {"exchange": "", "routing_key": "gpu0"},
                "delivery_tag": "t",
                "body_encoding": "base64",
            },
        }
    ).encode()


@pytest.mark.slow
def test_what_lies_in_redis_ends_no_worker_and_no_experiment(
    shared: Path, state: Callable[[], FleetState], make_config: MakeConfig, wait_until: Wait
) -> None:
    start(shared, 2)
    client = client_of(shared)
    keys = client.keyspace
    pids = {process.name: process.pid for process in state().processes}
    queues = ("driver", "gpu0", "gpu1")
    messages = [
        *RUBBISH,
        foreign("eyJhIjogMX0="),  # {"a": 1}
        foreign("W1tdLCB7fSwge31d"),  # [[], {}, {}]
        foreign("W1tdLCB7fSwge31d", task="amc.tasks.of_a_newer_version"),
        foreign("W1tdLCB7fSwge31d", timelimit="x", retries=[]),
    ]

    for queue in queues:
        client.lpush(keys.queue(queue), *messages)
    for name in (keys.worker("x@y"), keys.worker("z@y"), keys.lease("test-1", 0)):
        client.set(name, b"\xff\xfe")
    client.rpush(keys.worker("list@y"), "x")
    client.set(keys.wake("test-1"), "1")
    experiment = submit(make_config(), shared)
    wait_until(lambda: experiment.is_finished)

    assert experiment.state == "completed"
    assert {process.name: process.pid for process in state().processes} == pids
    assert client.llen(keys.set_aside) == len(messages) * len(queues)
    assert sorted(path.name for path in shared.iterdir() if path.is_dir()) == [".fleet", "test-1"]


@pytest.mark.slow
def test_what_a_worker_serves_is_asked_and_not_remembered(
    shared: Path, make_config: MakeConfig, wait_until: Wait
) -> None:
    start(shared, 2)
    client = client_of(shared)
    assert set(live_queues(client)) == {"driver", "gpu0", "gpu1"}

    celery(shared, "-A", "amc", "control", "cancel_consumer", "gpu1")
    wait_until(lambda: set(live_queues(client)) == {"driver", "gpu0"})
    experiment = submit(make_config(), shared)
    wait_until(lambda: experiment.is_finished)
    celery(shared, "-A", "amc", "control", "-d", _worker(shared), "add_consumer", "gpu1")
    wait_until(lambda: "gpu1" in live_queues(client))

    assert experiment.state == "completed"
    assert {trial.worker for trial in experiment.trials()} == {"rl-worker-0"}


@pytest.mark.slow
def test_workers_allow_what_was_agreed_to_after_their_supervisor_was_started(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMC_ALLOW_COMMANDS", "something else")
    description = fleet.describe(fleet.read(None, workers=1, gpus=()), {})
    code = foreign_code(of_command())
    assert code is not None

    with Ahead() as ahead:
        code.permit()
        fleet.up(description, shared=shared, deadline_s=240, ahead=ahead)

    (worker,) = [one for one in live_workers(client_of(shared)) if one.name == "rl-worker-0"]
    # The command and where its code lies, and nothing else.
    assert code.is_allowed_by(worker.allows) and len(worker.allows) == 2


def _worker(shared: Path) -> str:
    return f"rl-worker-1@{FleetPaths(shared).host}"


@pytest.mark.slow
def test_two_directories_on_one_redis_are_kept_apart(
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_config: MakeConfig,
    wait_until: Wait,
) -> None:
    other = tmp_path / "other"
    start(shared, 1)
    monkeypatch.setenv("AMC_BROKER_URL", broker_of(shared).url)
    try:
        start(other, 1)
        experiments = []
        for directory in (shared, other):
            monkeypatch.setenv("AMC_SHARED_DIR", str(directory))
            experiments.append(submit(make_config(), directory))
        wait_until(lambda: all(experiment.is_finished for experiment in experiments))
        looks = [fleet.status(shared=directory) for directory in (shared, other)]
        names = list(client_of(shared).scan_iter())
    finally:
        fleet.down(shared=other, at_once=True)
        monkeypatch.setenv("AMC_SHARED_DIR", str(shared))

    assert [experiment.id for experiment in experiments] == ["test-1", "test-1"]
    assert [experiment.state for experiment in experiments] == ["completed", "completed"]
    assert [len(look.workers) for look in looks] == [2, 2]
    ids = {client_of(directory).keyspace.id for directory in (shared, other)}
    assert {name.split(":")[1] for name in names} == {"directory", *ids}
    logs = [FleetPaths(other).log(name).read_text() for name in ("driver", "rl-worker-0")]
    assert sum(f"It serves: {str(shared)!r}" in log for log in logs) == 1


@pytest.mark.slow
def test_settings_and_files_of_another_project_change_nothing(
    shared: Path, tmp_path: Path, make_config: MakeConfig
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for name in ("redis", "celery", "json", "kombu", "amc", "click", "flower", "tornado"):
        (here / f"{name}.py").write_text("raise SystemExit('the wrong one')\n")
    files.replace(here / "config.json", files.encode(make_config().to_json()))
    environment = {
        **os.environ,
        "CELERY_BROKER_URL": "redis://:s3cret@127.0.0.1:1/0",
        "CELERY_RESULT_BACKEND": "redis://:s3cret@127.0.0.1:1/0",
        "CELERY_BROKER_READ_URL": "amqp://elsewhere//",
        "CELERY_BROKER_WRITE_URL": "amqp://elsewhere//",
        "CELERY_CONFIG_MODULE": "elsewhere",
        "CELERY_LOADER": "elsewhere",
        "CELERY_WORKER_CONCURRENCY": "7",
        "CELERY_WORKER_AUTOSCALE": "3,1",
        "BROKER_URL": "amqp://elsewhere//",
        "FLOWER_PORT": "tcp://10.0.0.7:5555",
        "FLOWER_ADDRESS": "0.0.0.0",
    }

    run = subprocess.run(
        [str(BIN / "amc"), "run", "config.json", "--workers", "1", "--json"],
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["state"] == "completed"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--pool", "solo"], "--pool solo"),
        (["--pool", "threads"], "--pool thread"),
        (["--concurrency", "2"], "--concurrency 2"),
        (["--autoscale", "3,1"], "--autoscale"),
    ],
)
@pytest.mark.slow
def test_a_worker_that_would_run_two_trials_at_a_time_is_refused(
    shared: Path, options: list[str], named: str
) -> None:
    ended = celery(shared, "-A", "amc", "worker", "-Q", "gpu0", *options)

    assert ended.returncode == 2
    assert f"amc: {named}: a worker of amc runs one trial at a time" in ended.stderr
    assert "Traceback" not in ended.stderr
