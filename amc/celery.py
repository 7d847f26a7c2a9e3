"""The Celery app and its settings: what `celery -A amc` finds.

Its door is `app`. It must not know what a trial is; the tasks are in `amc.tasks`, which a worker
imports (`imports`) and a client addresses by name.
"""

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote

from celery import Celery
from celery.app.utils import Settings
from celery.loaders.app import AppLoader

from amc.broker import keys
from amc.broker.address import SOCKET_SCHEME, Address
from amc.broker.transport import AMQP
from amc.errors import UsageError

DRIVER_QUEUE = "driver"
SHARED_DIR_VARIABLE = "AMC_SHARED_DIR"
BROKER_URL_VARIABLE = "AMC_BROKER_URL"

# Not the TMPDIR of whoever asks: every shell and service of a user must find the same server.
_RUNTIME_DIRECTORY = Path("/tmp")
_NEVER_A_DIRECTORY = (errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
_DAY_S = 24 * 60 * 60


def shared_dir() -> Path:
    """The directory that holds every experiment: AMC_SHARED_DIR, or ./distributed_shared.

    Resolved, so that whatever way leads to a directory, it has one broker; a `~` that no shell has
    seen, as in quotes or in a unit of systemd, is the home directory.

    Raises:
        UsageError: it names what no directory can be.
    """
    named = os.environ.get(SHARED_DIR_VARIABLE) or "distributed_shared"
    expanded = os.path.expanduser(named)
    try:
        if expanded.startswith("~"):
            raise ValueError("there is no user of that name")
        path = Path(expanded).resolve()
        if not stat.S_ISDIR(path.stat().st_mode):
            raise ValueError("it is no directory")
    except FileNotFoundError as error:
        if error.filename is None:  # of the current directory, which it is relative to
            raise _no_directory(named, "the current directory was removed") from error
    except (ValueError, RuntimeError) as error:
        raise _no_directory(named, str(error)) from error
    except OSError as error:
        # A file server's silence is not the name's fault, and must not end a running trial.
        if error.errno in _NEVER_A_DIRECTORY:
            raise _no_directory(named, str(error.strerror)) from error
    return path


def _no_directory(named: str, why: str) -> UsageError:
    return UsageError(
        f"{SHARED_DIR_VARIABLE}: {named!r} cannot hold experiments: {why}. "
        "Name a directory; it is made if it is not there."
    )


def embedded_directory(shared: Path) -> Path:
    """The private directory of the embedded broker that belongs to a shared directory.

    A socket's path may be 107 bytes long at most, so it cannot lie below `shared` itself.
    """
    key = hashlib.sha256(os.fsencode(shared.resolve())).hexdigest()[:12]
    return _RUNTIME_DIRECTORY / f"amc-{os.getuid()}" / key


def broker_address() -> Address:
    """Where Redis is: AMC_BROKER_URL, or the socket of the embedded broker of `shared_dir()`.

    Raises:
        UsageError: AMC_BROKER_URL is no URL of a Redis.
    """
    socket = embedded_directory(shared_dir()) / "redis.sock"
    url = os.environ.get(BROKER_URL_VARIABLE) or f"{SOCKET_SCHEME}://{quote(str(socket))}"
    return Address.parse(url, source=BROKER_URL_VARIABLE)


def connection_settings() -> dict[str, Any]:
    """Which Redis, and which keys in it, kombu and Celery's results use.

    Raises:
        UsageError: AMC_BROKER_URL is no URL of a Redis, or the shared directory cannot be written.
    """
    address = broker_address()
    prefix = keys.claim(shared_dir()).prefix
    return {
        "broker_url": address.url,
        "result_backend": address.url,
        # The URL says it, too; Flower wants it here.
        "broker_use_ssl": dict(address.tls) or None,
        "broker_transport_options": {
            "global_keyprefix": prefix,
            # Liveness comes from leases. A short visibility timeout runs a long trial twice.
            "visibility_timeout": 7 * _DAY_S,
            "socket_keepalive": True,
            "health_check_interval": 30,
        },
        "result_backend_transport_options": {
            "global_keyprefix": prefix,
            "health_check_interval": 30,
        },
    }


class _Settings(Settings):  # type: ignore[misc]
    """Celery's settings, over which Celery's own environment variables win nothing."""

    @property
    def broker_url(self) -> str:
        return str(self["broker_url"])

    broker_read_url = broker_write_url = broker_url

    @property
    def result_backend(self) -> str:
        return str(self["result_backend"])


class _Loader(AppLoader):  # type: ignore[misc]
    """Celery's loader, without CELERY_CONFIG_MODULE and without the current directory."""

    def read_configuration(self, env: str = "") -> dict[str, Any]:
        return {}

    def import_from_cwd(self, module: str, imp: Any = None, package: str | None = None) -> Any:
        return self.import_module(module, package)


class _App(Celery):  # type: ignore[misc]
    """A Celery app that asks where Redis is when it is first used, not when it is imported."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # For good: when the settings are read, they are filled into this object. (A plain
        # assignment would be taken for a setting of that name.)
        object.__setattr__(self._conf, "__class__", _Settings)

    def _load_config(self) -> Any:
        settings = super()._load_config()
        settings.update(connection_settings())
        return settings


app = _App(
    "amc",
    amqp=AMQP,
    loader=_Loader,
    changes=dict(
        imports=("amc.tasks",),
        # JSON only: a pickle message is refused, and the worker lives on.
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        result_accept_content=["json"],
        task_default_queue=DRIVER_QUEUE,
        task_routes={"amc.tasks.advance": {"queue": DRIVER_QUEUE}},
        # At least once: acknowledged after the task, and given back if the child is lost.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
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
    ),
)


def send_wake(experiment: str) -> None:
    """Wake an experiment's driver, from a process that is no worker.

    By a connection of its own: AMC_SHARED_DIR and AMC_BROKER_URL may say something else by now than
    when the app was first used, as in a notebook.

    Raises:
        kombu.exceptions.OperationalError: the broker does not answer.
    """
    settings = connection_settings()
    options = settings["broker_transport_options"]
    tls = settings["broker_use_ssl"]
    with app.connection_for_write(
        settings["broker_url"], transport_options=options, ssl=tls
    ) as connection:
        app.send_task(
            "amc.tasks.advance",
            args=(experiment,),
            connection=connection,
            ignore_result=True,
            retry=False,
        )
