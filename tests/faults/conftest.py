"""Celery workers that are forked from the test: ready in a second, and killed at a failpoint."""

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from amc import failpoints
from amc.broker.connection import connect
from amc.broker.heartbeats import live_workers
from amc.celery import app
from amc.config.schema import ExperimentConfig
from amc.ledger import Ledger
from amc.lifeline import die_with_parent
from amc.settings import shared_dir
from amc.workers import preload

assert preload, "as in a worker: the forked processes inherit what is imported here"


@dataclass
class Worker:
    """A Celery worker of this test."""

    name: str
    pid: int
    log: Path

    @property
    def process(self) -> psutil.Process:
        """Its parent process."""
        return psutil.Process(self.pid)

    @property
    def said(self) -> str:
        """What it has logged."""
        return self.log.read_text(errors="replace")

    @property
    def is_alive(self) -> bool:
        """Whether its parent process runs."""
        try:
            return os.waitpid(self.pid, os.WNOHANG) == (0, 0)
        except ChildProcessError:
            return False

    def pool_child(self) -> psutil.Process | None:
        """The process that runs its tasks."""
        return next(iter(self.process.children()), None)

    def trial_process(self) -> psutil.Process | None:
        """The process that it trains in, while there is one."""
        child = self.pool_child()
        return next(iter(child.children()), None) if child else None

    def kill(self) -> None:
        """End it, and all below it, at once."""
        if self.is_alive:
            below = self.process.children(recursive=True)
            for process in [self.process, *below]:
                process.kill()
            os.waitpid(self.pid, 0)


StartWorker = Callable[..., Worker]


def _run(name: str, queues: str, log: Path, armed: str, environment: dict[str, str]) -> None:
    """What the forked process is: a Celery worker, as if it had been started by a command."""
    os.setsid()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(descriptor, number)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    os.environ.update(environment, AMC_WORKER_NAME=name)
    warnings.simplefilter("ignore")  # Celery's at a worker that root has started, say
    if armed:
        failpoints.arm(armed)
    app._after_fork()
    app.worker_main(["worker", "-Q", queues, "-n", f"{name}@%h", "--loglevel", "INFO"])


@pytest.fixture
def start_worker(
    broker: Any, tmp_path: Path, eventually: Callable[..., Any]
) -> Iterator[StartWorker]:
    """Start a worker of the shared directory and the broker of these tests."""
    started: list[Worker] = []

    def start(
        name: str = "rl-worker-0",
        queues: str = "driver,gpu0",
        armed: str = "",
        *,
        is_awaited: bool = True,
        **environment: str,
    ) -> Worker:
        log, tie = tmp_path / f"{name}-{len(started)}.log", die_with_parent()
        pid = os.fork()
        if pid == 0:
            tie()
            try:
                _run(name, queues, log, armed, environment)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(1)
        worker = Worker(name, pid, log)
        started.append(worker)
        if is_awaited:
            eventually(lambda: pid in {one.pid for one in live_workers(connect())}, 60)
        return worker

    yield start
    for worker in started:
        worker.kill()


@pytest.fixture
def make_experiment(
    shared: Path, make_config: Callable[..., ExperimentConfig]
) -> Callable[..., Ledger]:
    """Record an experiment of some tenths of a second a trial, with dotted overrides."""

    def make(overrides: dict[str, Any] | None = None, **search: Any) -> Ledger:
        searching = {f"hyperparameter_optimizer.{key}": value for key, value in search.items()}
        steps = {"training.total_timesteps": 1280}
        return Ledger.create(shared_dir(), make_config({**steps, **searching, **(overrides or {})}))

    return make


def outcome(ledger: Ledger) -> list[Any]:
    """What must not depend on who computed it, or how often it was tried."""
    history = ledger.history()
    reports = [
        (key, one.state, one.step, one.score, one.digest, one.start_digest, one.curve)
        for key, one in history.learned.items()
    ]
    opened = list(history.segments.values()), list(history.learned_in.items())
    return [list(history.trials.values()), opened, reports]
