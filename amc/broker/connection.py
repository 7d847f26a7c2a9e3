"""One way to Redis for everything that does not go through Celery: leases, heartbeats, progress."""

from functools import lru_cache
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from amc.celery import broker_url
from amc.errors import BrokerError

PREFIX = "amc:"


def connect(url: str = "") -> redis.Redis:
    """A client for the broker; it connects on first use, and one serves the whole process.

    Args:
        url: `redis://`, `rediss://` or `redis+socket://`; the app's own broker if empty.
    """
    return _client(url or broker_url())


@lru_cache(maxsize=4)
def _client(url: str) -> redis.Redis:
    options = {
        "decode_responses": True,
        "socket_timeout": 5.0,
        "socket_connect_timeout": 2.0,
        "health_check_interval": 30,
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=2),
    }
    if url.startswith("redis+socket://"):
        return redis.Redis.from_url("unix://" + url.removeprefix("redis+socket://"), **options)
    return redis.Redis.from_url(url, **options)


def check(client: redis.Redis) -> None:
    """Make sure that the broker answers.

    Raises:
        BrokerError: it does not.
    """
    try:
        client.ping()
    except redis.RedisError as error:
        raise BrokerError(
            f"No broker at {without_password(broker_url())} ({error}). "
            "Start one, with its workers: amc up. Or name one: AMC_BROKER_URL=redis://HOST:6379/0"
        ) from error


def without_password(url: str) -> str:
    """The URL as it may be shown: a password is replaced by `***`."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)
