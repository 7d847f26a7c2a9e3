"""The Celery app and its settings: what `celery -A amc` finds.

Its door is `app`. It must not know what a trial is; the tasks are in `amc.tasks`, which a worker
imports (`imports`) and a client addresses by name.
"""

from typing import Any

from celery import Celery
from celery.app.utils import Settings
from celery.loaders.app import AppLoader

from amc import failpoints
from amc.broker import keys
from amc.broker.address import broker_address
from amc.broker.keys import DRIVER_QUEUE
from amc.broker.messages import ADVANCE, wake_id
from amc.broker.transport import AMQP
from amc.settings import shared_dir

_DAY_S = 24 * 60 * 60


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
        task_routes={ADVANCE: {"queue": DRIVER_QUEUE}},
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
        with failpoints.around("wake"):
            app.send_task(
                ADVANCE,
                args=(experiment,),
                task_id=wake_id(experiment),
                connection=connection,
                ignore_result=True,
                retry=False,
            )
