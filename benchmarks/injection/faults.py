"""What can be done to a running system: a table of faults.

Each takes the system, does its harm, and says whether there was anything to do it to. None waits
for the system to recover, save where something else must start it anew.
"""

import contextlib
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from amc.broker.keys import Holder
from amc.broker.leases import TTL_MS
from amc.broker.messages import ADVANCE, TRAIN_TRIAL
from amc.celery import app
from amc.ledger import Ledger
from amc.ledger.paths import checkpoint_files
from amc.settings import embedded_directory
from injection.system import System

Fault = Callable[[System], bool]
Victim = Callable[[System], psutil.Process | None]

VICTIMS: dict[str, Victim] = {
    "trial process": System.trial_process,
    "pool child": System.pool_child,
    "worker": lambda system: system.named("rl-worker"),
    "driver": lambda system: system.named("driver"),
    "Redis": lambda system: system.named("redis"),
}
# Longer than a lease or a heartbeat lives; while Redis stands still nothing else can be done to it.
STOPPED_S = {"Redis": 4.0}


def _signal(victim: Victim, number: signal.Signals, system: System) -> bool:
    process = victim(system)
    if process is None:
        return False
    process.send_signal(number)
    return True


def _stop_and_continue(victim: Victim, longest_s: float, system: System) -> bool:
    process = victim(system)
    if process is None:
        return False
    process.suspend()
    system.pass_time(longest_s)
    with contextlib.suppress(psutil.NoSuchProcess):
        process.resume()
    return True


def _kill_supervisor(system: System) -> bool:
    if not _signal(System.supervisor, signal.SIGKILL, system):
        return False
    system.pass_time(1.0)
    system.up()
    return True


def _kill_everything(system: System) -> bool:
    found = list(system.processes())
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(found, timeout=10)
    system.up()
    return True


def _flush(system: System) -> bool:
    return bool(system.redis().flushall())


def _pause_clients(system: System) -> bool:
    milliseconds = int(1000 * system.some_time(5.0))
    return bool(system.redis().execute_command("CLIENT", "PAUSE", milliseconds))


def _fill_redis(system: System) -> bool:
    client = system.redis()
    client.config_set("maxmemory", "1mb")
    system.pass_time(5.0)
    return bool(client.config_set("maxmemory", "0"))


def _remove_redis(system: System) -> bool:
    shutil.rmtree(embedded_directory(system.shared), ignore_errors=True)
    return True


def _queues(system: System) -> list[str]:
    keys = system.redis().keyspace
    return [keys.queue("driver"), *(keys.queue(one.queue) for one in system.description.workers)]


def _duplicate_messages(system: System) -> bool:
    """Copy what waits, and send what is under way to everybody: a message is soon taken."""
    client, queues = system.redis(), _queues(system)
    found = [(name, raw) for name in queues for raw in client.lrange(name, 0, -1)]
    for name, raw in found:
        other = system.random.choice(queues[1:]) if name != queues[0] else name
        client.lpush(other, raw)
    ledger = system.experiment()
    if ledger is None:
        return bool(found)
    for trial, _ in ledger.history().open:
        for worker in system.description.workers:
            _send_trial(ledger, trial, worker.queue)
    return True


def _delete_messages(system: System) -> bool:
    client = system.redis()
    return bool(client.delete(client.keyspace.queue("unacked"), *_queues(system)))


def _foreign_messages(system: System) -> bool:
    client = system.redis()
    for name in _queues(system):
        client.lpush(name, system.random.choice(["garbage", '{"a": 1}', "[" * 5000, ""]))
    return True


def _untimely_messages(system: System) -> bool:
    """Trials that are finished, open, or not suggested yet, and wake-ups by the handful."""
    ledger = system.experiment()
    if ledger is None:
        return False
    for _ in range(3):
        queue = system.random.choice(system.description.workers).queue
        _send_trial(ledger, system.random.randrange(20), queue)
        app.send_task(ADVANCE, args=(ledger.id,), retry=False, ignore_result=True)
    return True


def _send_trial(ledger: Ledger, trial: int, queue: str) -> None:
    app.send_task(TRAIN_TRIAL, args=(ledger.id, trial), queue=queue, retry=False)


def _take_leases(system: System) -> bool:
    """Delete every other lease, and give the rest to somebody who does not exist."""
    client, first = system.redis(), system.random.randrange(2)
    stranger = str(Holder("rl-worker-9@elsewhere", 1, "another:1", "gpu9"))
    keys = sorted(client.scan_iter(match=client.keyspace.lease("*", "*")))
    for number, key in enumerate(keys, start=first):
        if number % 2:
            client.delete(key)
        else:
            client.set(key, stranger, px=TTL_MS)
    return bool(keys)


def _pause_and_resume(system: System) -> bool:
    ledger = system.experiment()
    if ledger is None:
        return False
    ledger.mark_paused(True)
    system.wake(ledger)
    system.pass_time(3.0)
    ledger.mark_paused(False)
    system.wake(ledger)
    return True


def _tear_record(system: System) -> bool:
    """Cut or change a record whose content stands elsewhere."""
    ledger = system.experiment()
    paths = [path for path in _replaceable(ledger, system) if path.is_file()] if ledger else []
    if not paths:
        return False
    path = system.random.choice(paths)
    content = path.read_bytes()
    system.torn.setdefault(path, content)
    changed = bytes([content[0] ^ 1, *content[1:]]) if content else b"x"
    cut = content[: system.random.randrange(len(content) + 1)]
    path.write_bytes(system.random.choice([changed, cut]))
    return True


def _replaceable(ledger: Ledger, system: System) -> list[Path]:
    """Records of which something else says the same; of a decision and its copy, one stays."""
    history, paths = ledger.history(), ledger.paths
    found = []
    for number in range(history.decisions):
        pair = [paths.decision(number), paths.decision_copy(number)]
        found += [] if system.torn.keys() & pair else pair
    for trial in history.trials:
        found += [paths.trial(trial).trial, *paths.trial(trial).attempts.glob("*.json")]
    found += [paths.trial(trial).segment(index).report for trial, index in history.learned]
    return found


def _lose_checkpoint(system: System) -> bool:
    """Remove or damage what a segment under way started from, or goes on from."""
    ledger = system.experiment()
    if ledger is None:
        return False
    history, found = ledger.history(), []
    for key, segment in history.open.items():
        trial = ledger.paths.trial(key[0])
        if segment.start is not None:
            start = ledger.paths.trial(segment.start[0]).segment(segment.start[1])
            found += checkpoint_files(start.checkpoints)
        own = checkpoint_files(trial.segment(key[1]).checkpoints)
        found += [file for file in own if file.step < segment.until]
    if not found:
        return False
    file = system.random.choice(found)
    if system.random.random() < 0.5:
        file.remove()
    else:
        with contextlib.suppress(FileNotFoundError):
            system.torn.setdefault(file.path, content := file.path.read_bytes())
            file.path.write_bytes(content[:-7])
    return True


FAULTS: dict[str, Fault] = {
    **{
        f"SIGKILL of a {name}": partial(_signal, of, signal.SIGKILL) for name, of in VICTIMS.items()
    },
    **{
        f"SIGTERM of a {name}": partial(_signal, of, signal.SIGTERM) for name, of in VICTIMS.items()
    },
    **{
        f"SIGSTOP+CONT of a {name}": partial(_stop_and_continue, of, STOPPED_S.get(name, 12.0))
        for name, of in VICTIMS.items()
    },
    "SIGKILL of the supervisor": _kill_supervisor,
    "SIGKILL of everything": _kill_everything,
    "FLUSHALL": _flush,
    "CLIENT PAUSE": _pause_clients,
    "Redis takes no more (maxmemory)": _fill_redis,
    "Redis' directory removed": _remove_redis,
    "messages duplicated": _duplicate_messages,
    "messages deleted": _delete_messages,
    "foreign messages": _foreign_messages,
    "untimely messages": _untimely_messages,
    "leases deleted or taken": _take_leases,
    "paused and resumed": _pause_and_resume,
    "record torn or changed": _tear_record,
    "checkpoint lost or damaged": _lose_checkpoint,
}
