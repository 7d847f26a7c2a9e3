"""What a Celery worker does besides its tasks: preload, heartbeat, clock, notice of a shutdown.

Connected when the worker imports `amc.tasks`; its door is `connect_signals`. Everything here runs
in the worker's parent process except `_prepare_child`, so it must not block and must not touch
CUDA.
"""

import gc
import logging
import os
import signal
import socket
import sys
from typing import Any

import click
import redis
from celery import signals
from celery.concurrency import get_implementation
from celery.concurrency.prefork import TaskPool
from celery.worker import state as requests_at_hand
from celery.worker.control import Panel
from kombu.exceptions import OperationalError

from amc import failpoints, logs
from amc.broker import heartbeats, hints
from amc.broker.address import broker_address
from amc.broker.connection import connect
from amc.broker.directories import serve
from amc.broker.keys import DRIVER_QUEUE, is_trial_queue
from amc.broker.machine import require_linux, require_writable
from amc.broker.messages import ADVANCE, wake_id
from amc.celery import app
from amc.errors import UsageError
from amc.permission import fingerprints
from amc.settings import BROKER_URL_VARIABLE, SHARED_DIR_VARIABLE, shared_dir
from amc.workers.clock import Clock
from amc.workers.parent import Orphans, take_signals
from amc.workers.shutdown import Shutdown, announce_shutdown, disregard_signals
from amc.workers.threads import limit_threads

_LOG = logging.getLogger(__name__)
_CLOCK_EVERY_S = 2.0
_ORPHANS_EVERY_S = 1.0
_UNNAMED = "celery"
# Control commands that would give a worker no child, or more than one.
_RESIZING = ("pool_grow", "pool_shrink", "autoscale")
# What Celery would follow before the settings of its app.
_OVERRULED = (
    "CELERY_BROKER_URL",
    "CELERY_BROKER_READ_URL",
    "CELERY_BROKER_WRITE_URL",
    "CELERY_RESULT_BACKEND",
    "CELERY_CONFIG_MODULE",
    "CELERY_LOADER",
)


class _Worker:
    """The worker of this process: its Celery controller and what it says of itself."""

    def __init__(self, controller: Any) -> None:
        self.name, _, _ = str(controller.hostname).partition("@")
        if self.name == _UNNAMED:
            # Started without -n, as any number on a machine may be: told apart by process.
            self.name = f"{self.name}-{os.getpid()}"
        self.queues = tuple(controller.app.amqp.queues.consume_from)
        self.is_driver = DRIVER_QUEUE in self.queues
        self.controller = controller
        self.is_stopping = False
        self.is_restarting = False
        self.clock = Clock()

    @property
    def live(self) -> heartbeats.LiveWorker:
        """What its heartbeat says: what it serves now, which may be changed while it runs."""
        consumer = getattr(self.controller, "consumer", None)
        tasks = getattr(consumer, "task_consumer", None)
        if consumer is not None and tasks is not None and consumer.connection is not None:
            names = (queue.name for queue in tasks.queues)
            self.queues = tuple(name for name in names if tasks.consuming_from(name))
        host, allows = socket.gethostname(), fingerprints()
        return heartbeats.LiveWorker(self.name, self.queues, host, os.getpid(), allows)

    @property
    def is_idle(self) -> bool:
        """Whether no task is at hand: neither at work nor about to be."""
        return not requests_at_hand.reserved_requests

    @property
    def children(self) -> list[int]:
        pool = getattr(getattr(self.controller, "pool", None), "_pool", None)
        return [process.pid for process in getattr(pool, "_pool", [])]


_worker: _Worker | None = None
# The end of a pipe that wakes Celery's event loop.
_wake: int | None = None


def connect_signals() -> None:
    """Ask Celery to call the functions below; calling it again changes nothing."""
    signals.worker_init.connect(_prepare_parent)
    signals.worker_process_init.connect(_prepare_child)
    signals.worker_ready.connect(_start_timers)
    signals.worker_shutting_down.connect(_shut_down)
    signals.worker_shutdown.connect(_leave)
    signals.worker_process_shutdown.connect(_leave_child)


def _prepare_parent(sender: Any, **_: Any) -> None:
    """Import the heavy rooms once, before the pool is forked: children inherit them."""
    global _worker
    _refuse_other_pools(sender)
    _refuse_other_places()
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    _worker = _Worker(sender)
    Shutdown.begin()
    os.environ.setdefault("AMC_WORKER_NAME", _worker.name)
    logs.configure()
    _tell_overruled()
    if _worker.is_driver:
        _preload_driver()
    if any(map(is_trial_queue, _worker.queues)):
        # Two trials side by side with torch's default threads ran 50 times slower than with one;
        # a trial that wants more asks torch for them.
        limit_threads(1)
        import_for_trials()
    gc.freeze()  # no collection goes through what stays, and no fork writes into it


def _preload_driver() -> None:
    import amc.driver.planning
    import amc.optimizers.bayesian  # noqa: F401


def import_for_trials() -> None:
    """Import what every trial needs; a worker that cannot does not go on and look healthy."""
    try:
        import amc.workers.attempts  # noqa: F401
        from amc.workers.preload import rehearse

        rehearse()
    except Exception as error:
        _LOG.exception("what trials need cannot be imported")
        # Celery logs what a handler raises and starts the worker all the same, unless it is this.
        raise SystemExit(
            f"amc: this worker cannot import what trials need: {type(error).__name__}: {error}. "
            "Mend the installation: the lines above say what is missing."
        ) from error


def _refuse_other_pools(controller: Any) -> None:
    """End a worker that would not run one trial at a time in a forked child."""
    pool = get_implementation(controller.pool_cls)
    if not issubclass(pool, TaskPool):
        fault = f"--pool {pool.__module__.rpartition('.')[2]}"
    elif controller.concurrency != 1:
        fault = f"--concurrency {controller.concurrency}"
    elif controller.options.get("autoscale"):
        fault = "--autoscale"
    else:
        for command in _RESIZING:
            Panel.data.pop(command, None)
        return
    click.echo(
        f"amc: {fault}: a worker of amc runs one trial at a time, in a forked child. Start it with "
        "--pool prefork --concurrency 1, which are the defaults, and one worker for each trial "
        "that is to run at the same time.",
        err=True,
    )
    raise SystemExit(UsageError.exit_code)


def _refuse_other_places() -> None:
    """End a worker that could not train here: no Linux, or a directory that it cannot write."""
    try:
        require_linux()
        require_writable(shared_dir())
        failpoints.check()
    except UsageError as error:
        click.echo(f"amc: {error}", err=True)
        # Whatever else a handler raises, Celery starts the worker all the same.
        raise SystemExit(error.exit_code) from error


def _tell_overruled() -> None:
    """Name the settings of another project that this worker does not follow."""
    if found := [name for name in _OVERRULED if os.environ.get(name)]:
        _LOG.warning(
            "%s: without effect, as is celery's -b; %s names the broker, and it is %s",
            *(", ".join(found), BROKER_URL_VARIABLE, broker_address().shown),
        )


def _prepare_child(**_: Any) -> None:
    logs.configure()
    disregard_signals()


def _start_timers(sender: Any, **_: Any) -> None:
    _tell_other_directories()
    take_signals(_restart)
    _wake_on_shutdown(sender.hub)
    orphans = Orphans(lambda: _worker.children if _worker else [])
    sender.timer.call_repeatedly(_ORPHANS_EVERY_S, orphans.end)
    _beat()
    sender.timer.call_repeatedly(heartbeats.EVERY_S, _beat)
    if _worker is not None and _worker.is_driver:
        sender.timer.call_repeatedly(_CLOCK_EVERY_S, _tick)


def _tell_other_directories() -> None:
    shared = shared_dir()
    try:
        others = serve(connect(), shared, socket.gethostname())
    except redis.RedisError as error:
        _LOG.debug("not told which directory this is: %s", error)
        return
    if others:
        _LOG.warning(
            "new on this broker: %s (prefix %s). It serves: %s. Workers see only what is submitted "
            "to their own directory, so check %s if that should be the same.",
            *(shared, connect().keyspace.prefix, "; ".join(others), SHARED_DIR_VARIABLE),
        )


def _beat() -> None:
    if _worker is None or _worker.is_stopping:
        return
    try:
        heartbeats.beat(connect(), _worker.live)
    except redis.RedisError as error:
        _LOG.debug("no heartbeat: %s", error)


def _tick() -> None:
    """The clock: wake every unfinished experiment for which there may be something to do."""
    if _worker is None or _worker.is_stopping:
        return
    try:
        client = connect()
        for experiment in _worker.clock.due(client, shared_dir()):
            if hints.claim_wake(client, experiment):
                # Should the message be lost, the next tick finds nothing that says otherwise.
                hints.disturb(client, experiment)
                _worker.clock.has_woken(experiment)
                with failpoints.around("wake"):
                    app.send_task(
                        ADVANCE,
                        args=(experiment,),
                        task_id=wake_id(experiment),
                        retry=False,
                        expires=30,
                        ignore_result=True,
                    )
    except (redis.RedisError, OSError, OperationalError) as error:
        _LOG.debug("the clock missed a tick: %s", error)


def _wake_on_shutdown(hub: Any) -> None:
    """Let Celery's event loop see at once that it is to end; it would look up to 0.5 s later."""
    global _wake
    asleep, _wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    hub.add_reader(asleep, lambda *_: os.read(asleep, 64))


def _restart() -> None:
    if _worker is not None:
        _worker.is_restarting = True
    _hand_back()


def _shut_down(**_: Any) -> None:
    """Hand back what is trained; a worker without a task has nothing to wait for."""
    _hand_back()
    if _worker is not None and _worker.is_idle and not _worker.is_restarting:
        for pid in _worker.children:
            os.kill(pid, signal.SIGKILL)
        if _worker.controller.pidlock:
            _worker.controller.pidlock.release()
        _leave(_worker.controller)
    if _wake is not None:
        os.write(_wake, b"!")


def _leave(sender: Any, **_: Any) -> None:
    """End at once where Celery has stopped; to tear the interpreter down takes 1.3 CPU seconds."""
    if _worker is not None and not _worker.is_restarting:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(sender.exitcode or 0)


def _leave_child(exitcode: int | None = None, **_: Any) -> None:
    """End the pool child; billiard would sleep for a second, its results are consumed by now."""
    os._exit(exitcode or 0)


def _hand_back() -> None:
    """Tell the pool child, which ignores SIGTERM, to save its trial and hand it back."""
    if _worker is None:
        return
    _worker.is_stopping = True
    announce_shutdown()
    try:
        heartbeats.silence(connect(), socket.gethostname(), [_worker.name])
    except redis.RedisError:
        _LOG.debug("could not take the heartbeat back; it expires in 10 s")
