"""The one process that starts a machine's processes, starts them again, and ends them.

Its door is `Supervisor.run`. It must not know what a trial is: it deals in processes only. It runs
in one thread and takes signals when it asks for them (`sigtimedwait`), so nothing interrupts it.
"""

import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import redis

from amc import lifeline
from amc.broker import heartbeats, keys
from amc.broker.connection import connect, without_password
from amc.broker.machine import identify, machine_id
from amc.errors import UsageError
from amc.fleet.broker import BrokerChild
from amc.fleet.child import Child, Started, make_room, run
from amc.fleet.commands import DRIVER, Program, broker_of, programs
from amc.fleet.description import Description
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.flower import password
from amc.fleet.forking import NAME as FORK_SERVER
from amc.fleet.forking import ForkServer
from amc.fleet.jupyter import token
from amc.fleet.launching import Launched
from amc.fleet.state import FleetState

_LOG = logging.getLogger(__name__)
_STOP_WARMLY = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_STOP_AT_ONCE = {signal.SIGQUIT}
_SIGNALS = {*_STOP_WARMLY, *_STOP_AT_ONCE, signal.SIGCHLD}
_TICK_S = 0.5
_BROKER_START_S = 60.0
_LOCK_WAIT_S = 1.0


@dataclass(frozen=True)
class Keeper:
    """The process whose end is the fleet's end, too."""

    pid: int
    identity: str

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return identify(self.pid) == self.identity


class Supervisor:
    """Runs the fleet of one machine and one shared directory.

    Args:
        description: what to run.
        paths: the fleet's files.
        owner: when this process ends, the fleet ends; None for a fleet that stays.
        server: the fork server, where it was started already.
    """

    def __init__(
        self,
        description: Description,
        paths: FleetPaths,
        owner: Keeper | None = None,
        server: Launched | None = None,
    ) -> None:
        self._description = description
        self._paths = paths
        self._owner = owner
        self._server = ForkServer(paths.log(FORK_SERVER), server)
        self._broker = broker_of(paths.shared)
        self._started = time.monotonic()
        self._strangers: frozenset[int] = frozenset()
        self._redis: list[Child] = []
        self._children: list[Child] = []
        self._is_silent = False

    def run(self, when_started: Callable[[], None]) -> None:
        """Start everything and keep it running until a signal, or the owner's end, says stop.

        SIGTERM, SIGINT and SIGHUP stop warmly: workers have 30 s to hand back what they run. A
        second one, or SIGQUIT, stops at once.

        Args:
            when_started: called once the broker answers and every process is started.

        Raises:
            UsageError: another supervisor runs this machine's fleet, or the shared directory cannot
                be written.
            BrokerError: there is no redis-server, or it cannot run.
            OSError: what runs cannot be written down, as on a full disk.
        """
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Whatever is started here ignores it, too, from its first moment.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        self._strangers = frozenset(lifeline.children())
        lifeline.adopt_orphans()
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        with _locked(self._paths):
            try:
                self._start()
                when_started()
                self._keep_running()
            finally:
                for child in self._children:
                    child.kill()
                self._silence()
                for child in self._redis:
                    child.kill()
                self._end_orphans()
                self._paths.state.unlink(missing_ok=True)

    def _start(self) -> None:
        keys.claim(self._paths.shared)
        self._children += self._made()
        if self._server in self._children:
            self._server.start_if_due()  # it takes longest, and needs no broker
        if self._broker.directory is not None:
            redis = BrokerChild(self._broker.directory, self._log_file("redis"))
            self._redis.append(redis)
            redis.start_and_wait(_BROKER_START_S)
        for child in self._children:
            child.start_if_due()
        self._record()
        _LOG.info("started %s", ", ".join(child.name for child in self._everything))
        if self._description.is_on_cpu:
            _LOG.info("no GPU for the workers: they train on the CPU")

    def _made(self) -> Iterator[Child]:
        """Every process besides the broker; workers wait for the one that forks them."""
        found = self._programs()
        if any(program.celery_arguments for program in found):
            self._log_file(FORK_SERVER)
            yield self._server
        else:
            self._server.kill()  # nobody is to be forked
        for program in found:
            log, patience_s = self._log_file(program.name), program.patience_s
            if not program.celery_arguments:
                yield Child(program.name, partial(run, program, log), patience_s)
            elif program.name == DRIVER:
                yield Child(program.name, partial(self._start_driver, program, log), patience_s)
            else:
                launch = partial(self._start_worker, program, log)
                yield Child(program.name, launch, patience_s, may_start=self._is_server_settled)

    def _is_server_settled(self) -> bool:
        """Whether it is known how workers are started."""
        return not self._server.is_awaited

    def _start_driver(self, program: Program, log: Path) -> Started:
        server = self._server
        return server.fork(program, log) if server.can_fork_driver else run(program, log)

    def _start_worker(self, program: Program, log: Path) -> Started:
        """Fork it, or start it in the usual way where there is nobody to fork it."""
        return self._server.fork(program, log) if self._server.is_ready else run(program, log)

    def _programs(self) -> list[Program]:
        wanted, paths = self._description, self._paths
        return programs(
            wanted,
            shared=paths.shared,
            broker=self._broker,
            flower_auth="" if wanted.flower_port is None else password(paths.flower_auth),
            jupyter_token="" if wanted.jupyter_port is None else token(paths.jupyter_token),
        )

    def _log_file(self, name: str) -> Path:
        log = self._paths.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        make_room(log)
        return log

    @property
    def _everything(self) -> list[Child]:
        return [*self._redis, *self._children]

    # -- while it runs

    def _keep_running(self) -> None:
        while True:
            received = signal.sigtimedwait(_SIGNALS, self._pause())
            number = received.si_signo if received else None
            if number in _STOP_AT_ONCE:
                _LOG.info("stopping at once")
                return
            if number in _STOP_WARMLY or self._has_lost_its_ground():
                self._stop_warmly()
                return
            changed = [child.reap_if_ended() | child.start_if_due() for child in self._everything]
            self._end_orphans()
            if any(changed) or not self._paths.state.exists():
                self._record_if_possible()

    def _end_orphans(self) -> None:
        """End what a worker that was killed has left behind, in a session of its own, say."""
        ours = (child.process.pid for child in self._everything if child.process is not None)
        lifeline.end_children(spared={*self._strangers, *ours})

    def _pause(self) -> float:
        """Seconds until the next process is due, or the next look at the owner."""
        waiting = [
            child.due for child in self._everything if child.process is None and child.may_start()
        ]
        return max(0.0, min([_TICK_S, *(due - time.monotonic() for due in waiting)]))

    def _has_lost_its_ground(self) -> bool:
        """Whether nobody can want this fleet any more: its owner or its directory is gone."""
        if self._owner is not None and not self._owner.is_alive:
            _LOG.info("process %d, for which this fleet ran, has ended", self._owner.pid)
            return True
        try:
            self._paths.lock.stat()
        except FileNotFoundError:
            _LOG.warning("%s has been removed", self._paths.directory)
            return True
        except OSError:
            pass  # a file server that does not answer comes back
        return False

    def _record_if_possible(self) -> None:
        try:
            self._record()
        except OSError as error:
            _LOG.warning("%s: not written: %s", self._paths.state, error)

    def _record(self) -> None:
        state = FleetState(
            pid=os.getpid(),
            identity=identify(os.getpid()) or "",
            host=self._paths.host,
            broker=without_password(self._broker.url),
            started=self._started,
            description=self._description,
            processes=tuple(child.state for child in self._everything),
        )
        state.save(self._paths.state)

    # -- the end

    def _stop_warmly(self) -> None:
        """Let the workers hand back what they run, and only then take their broker away."""
        _LOG.info("stopping: workers have up to 30 s to hand back what they run")
        for children in (self._children, self._redis):
            for child in children:
                child.terminate()
            if not self._wait_gone(children):
                return
            self._silence()

    def _silence(self) -> None:
        """Take the heartbeats back: to workers thought alive the next fleet would send trials."""
        if self._is_silent:
            return
        self._is_silent = True  # later there is nobody to be told, and 0.4 s to notice it
        try:
            client = connect(self._broker.url, self._paths.shared)
            heartbeats.silence(client, self._paths.host, self._description.worker_names)
        except redis.RedisError as error:
            _LOG.debug("heartbeats stay, and expire in 10 s: %s", error)

    def _wait_gone(self, children: list[Child]) -> bool:
        """Wait for their ends, each as long as it may take; False if told not to wait."""
        began = time.monotonic()
        while remaining := [child for child in children if not child.is_gone()]:
            for child in remaining:
                if time.monotonic() > began + child.patience_s:
                    _LOG.warning("%s did not end in %g s: killed", child.name, child.patience_s)
                    child.kill()
            received = signal.sigtimedwait(_SIGNALS, _TICK_S)
            if received and received.si_signo != signal.SIGCHLD:
                _LOG.info("stopping at once")
                return False
        return True


@contextmanager
def _locked(paths: FleetPaths) -> Iterator[None]:
    """Hold the fleet's lock; the kernel lets go of it however this process ends."""
    paths.lock.parent.mkdir(parents=True, exist_ok=True)
    with open(paths.lock, "a", encoding="utf-8") as lock:
        end = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise UsageError(
                        f"{paths.directory}: a fleet is already up. amc status shows it, amc down "
                        "stops it."
                    ) from None
                time.sleep(_TICK_S / 10)
        lock.truncate(0)
        lock.write(machine_id())
        lock.flush()
        yield
