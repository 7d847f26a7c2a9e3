"""What a Celery worker does besides its tasks: preload, heartbeat, clock, notice of a shutdown.

Connected when the worker imports `amc.tasks`; its door is `connect_signals`. Everything here runs
in the worker's parent process except `_prepare_child`, so it must not block and must not touch
CUDA.
"""

import logging
import os
import signal
import socket
from pathlib import Path
from typing import Any

import redis
from celery import signals
from kombu.exceptions import OperationalError

from amc import logs
from amc.broker import queues
from amc.broker.connection import connect
from amc.celery import DRIVER_QUEUE, app, shared_dir
from amc.ledger.paths import ExperimentPaths
from amc.plugins import load

_LOG = logging.getLogger(__name__)
_CLOCK_EVERY_S = 2.0
_ORPHANS_EVERY_S = 1.0
_UNNAMED = "celery"


class _Worker:
    """The worker of this process: its Celery controller and what it says of itself."""

    def __init__(self, controller: Any) -> None:
        name, _, _ = str(controller.hostname).partition("@")
        if name == _UNNAMED:
            # Started without -n, as any number on a machine may be: told apart by process.
            name = f"{name}-{os.getpid()}"
        served = tuple(controller.app.amqp.queues.consume_from)
        self.controller = controller
        self.is_stopping = False
        self.live = queues.LiveWorker(name, served, socket.gethostname(), os.getpid())
        self.finished: set[str] = set()

    @property
    def is_driver(self) -> bool:
        return DRIVER_QUEUE in self.live.queues

    @property
    def children(self) -> list[int]:
        pool = getattr(getattr(self.controller, "pool", None), "_pool", None)
        return [process.pid for process in getattr(pool, "_pool", [])]


_worker: _Worker | None = None


def connect_signals() -> None:
    """Ask Celery to call the functions below; calling it again changes nothing."""
    signals.worker_init.connect(_prepare_parent)
    signals.worker_process_init.connect(_prepare_child)
    signals.worker_ready.connect(_start_timers)
    signals.worker_shutting_down.connect(_hand_back)


def _prepare_parent(sender: Any, **_: Any) -> None:
    """Import the heavy rooms once, before the pool is forked: children inherit them."""
    global _worker
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    _worker = _Worker(sender)
    os.environ.setdefault("AMC_WORKER_NAME", _worker.live.name)
    logs.configure()
    if _worker.is_driver:
        load("amc.driver")
        load("amc.optimizers.bayesian")
    if any(map(queues.is_trial_queue, _worker.live.queues)):
        # Two trials side by side with torch's default threads ran 50 times slower than with one;
        # a trial that wants more asks torch for them.
        load("amc.workers.threads:limit_threads")(1)
        load("amc.supervision")
        _preload("amc.workers.preload")


def _preload(module: str) -> None:
    """Import what every trial needs; a worker that cannot does not go on and look healthy."""
    try:
        load(module)
    except Exception as error:
        _LOG.exception("%s cannot be imported", module)
        # Celery logs what a handler raises and starts the worker all the same, unless it is this.
        raise SystemExit(
            f"amc: this worker cannot import what trials need: {type(error).__name__}: {error}. "
            "Mend the installation: the lines above say what is missing."
        ) from error


def _prepare_child(**_: Any) -> None:
    logs.configure()
    load("amc.supervision:disregard_signals")()


def _start_timers(sender: Any, **_: Any) -> None:
    load("amc.supervision.parent:take_signals")(_hand_back)
    orphans = load("amc.supervision.parent:Orphans")(lambda: _worker.children if _worker else [])
    sender.timer.call_repeatedly(_ORPHANS_EVERY_S, orphans.end)
    _beat()
    sender.timer.call_repeatedly(queues.HEARTBEAT_EVERY_S, _beat)
    if _worker is not None and _worker.is_driver:
        sender.timer.call_repeatedly(_CLOCK_EVERY_S, _tick)


def _beat() -> None:
    if _worker is None or _worker.is_stopping:
        return
    try:
        queues.beat(connect(), _worker.live)
    except redis.RedisError as error:
        _LOG.debug("no heartbeat: %s", error)


def _tick() -> None:
    """The clock: wake every unfinished experiment that has no wake-up on its way."""
    if _worker is None or _worker.is_stopping:
        return
    try:
        for experiment in _unfinished(shared_dir(), _worker.finished):
            if queues.claim_wake(connect(), experiment):
                app.send_task(
                    "amc.tasks.advance",
                    args=(experiment,),
                    retry=False,
                    expires=30,
                    ignore_result=True,
                )
    except (redis.RedisError, OSError, OperationalError) as error:
        _LOG.debug("the clock missed a tick: %s", error)


def _unfinished(shared: Path, finished: set[str]) -> list[str]:
    found = []
    entries = shared.iterdir() if shared.is_dir() else ()
    for directory in entries:
        paths = ExperimentPaths(directory)
        if directory.name in finished or not paths.experiment.exists():
            continue
        if paths.end.exists():
            finished.add(directory.name)
        else:
            found.append(directory.name)
    return found


def _hand_back(**_: Any) -> None:
    """Tell the pool child, which ignores SIGTERM, to save its trial and hand it back."""
    if _worker is None:
        return
    _worker.is_stopping = True
    load("amc.supervision:announce_shutdown")()
    try:
        queues.silence(connect(), _worker.live)
    except redis.RedisError:
        _LOG.debug("could not take the heartbeat back; it expires in 10 s")
