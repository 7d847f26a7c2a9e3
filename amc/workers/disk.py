"""Waiting for room on the disk: a full one is nobody's fault, so it costs a trial no attempt."""

import contextlib
import logging
import time

import redis

from amc.broker import leases
from amc.ledger import Attempt, files
from amc.ledger.paths import checkpoint_files
from amc.workers.job import Job
from amc.workers.shutdown import Shutdown

_LOG = logging.getLogger(__name__)

# A spent quota does not show in the disk's free room: after it, time is all there is to go by.
_PAUSE_AFTER_FULL_DISK_S = 10.0


def await_room(job: Job, attempts: list[Attempt], lease: leases.Lease) -> bool:
    """Wait until the trial's disk takes another attempt, holding the lease.

    Returns:
        False if the trial is not to go on here: a shutdown, a stop, a lost lease.
    """
    last = attempts[-1].end if attempts else None
    was_full = last is not None and last.outcome == "full disk"
    not_before = time.monotonic() + (_PAUSE_AFTER_FULL_DISK_S if was_full else 0.0)
    is_told = False
    while time.monotonic() < not_before or not files.has_room(job.ledger.directory, _needed(job)):
        if not is_told:
            _LOG.warning("%s: the disk is full; waiting for room", job.ledger.directory)
            is_told = True
        if Shutdown.is_requested() or job.is_stopped or not _renewed(lease):
            return False
        time.sleep(leases.RENEW_EVERY_S)
    return True


def _needed(job: Job) -> int:
    """Bytes: the next checkpoint is written before the oldest of the last two is deleted."""
    paths = job.ledger.paths.trial(job.trial)
    present = (
        file.path
        for index in {0, job.segment.index}
        for file in checkpoint_files(paths.segment(index).checkpoints)
    )
    sizes = [path.stat().st_size for path in present]
    return files.LEAST_ROOM_BYTES + 2 * max(sizes, default=0)


def _renewed(lease: leases.Lease) -> bool:
    with contextlib.suppress(redis.RedisError):
        return lease.renew()
    return True  # as a running trial, a waiting one outlives its broker
