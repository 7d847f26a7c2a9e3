"""The Celery app and its settings: what `celery -A amc` finds.

Its door is `app`. It must not know what a trial is; the tasks are in `amc.tasks`, which a worker
imports (`imports`) and a client addresses by name.
"""

import hashlib
import os
import tempfile
from pathlib import Path

from celery import Celery

DRIVER_QUEUE = "driver"
SHARED_DIR_VARIABLE = "AMC_SHARED_DIR"
BROKER_URL_VARIABLE = "AMC_BROKER_URL"

_DAY_S = 24 * 60 * 60


def shared_dir() -> Path:
    """The directory that holds every experiment: AMC_SHARED_DIR, or ./distributed_shared.

    Resolved, so that whatever way leads to a directory, it has one broker.
    """
    return Path(os.environ.get(SHARED_DIR_VARIABLE) or "distributed_shared").resolve()


def embedded_directory(shared: Path) -> Path:
    """The private directory of the embedded broker that belongs to a shared directory.

    A socket's path may be 107 bytes long at most, so it cannot lie below `shared` itself.
    """
    key = hashlib.sha256(os.fsencode(shared.resolve())).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"amc-{os.getuid()}" / key


def broker_url() -> str:
    """Where Redis is: AMC_BROKER_URL, or the socket of the embedded broker of `shared_dir()`."""
    socket = embedded_directory(shared_dir()) / "redis.sock"
    return os.environ.get(BROKER_URL_VARIABLE) or f"redis+socket://{socket}"


app = Celery("amc")
app.conf.update(
    broker_url=broker_url(),
    result_backend=broker_url(),
    imports=("amc.tasks",),
    # JSON only: a pickle message is refused, and the worker lives on.
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    result_accept_content=["json"],
    task_default_queue=DRIVER_QUEUE,
    task_routes={"amc.tasks.advance": {"queue": DRIVER_QUEUE}},
    # At least once: a message is acknowledged after the task, and goes back if the child is lost.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # Liveness comes from leases. A short visibility timeout runs a long trial two to four times.
    broker_transport_options={
        "visibility_timeout": 7 * _DAY_S,
        "socket_keepalive": True,
        "health_check_interval": 30,
    },
    result_backend_transport_options={"health_check_interval": 30},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # A chord longer than this dies without a word.
    result_expires=30 * _DAY_S,
    result_chord_expires=30 * _DAY_S,
    result_chord_join_timeout=10.0,
    worker_pool="prefork",
    worker_concurrency=1,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    # Without these two Flower's task list stays empty.
    worker_send_task_events=True,
    task_send_sent_event=True,
    task_track_started=True,
)
