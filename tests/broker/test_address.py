"""One reading of a URL for kombu, Celery's results, redis-py and Flower."""

import ssl
import traceback
from typing import Any

import pytest
import redis
from celery.backends.redis import RedisBackend
from kombu.transport.virtual import Transport as VirtualTransport

from amc.broker.address import Address
from amc.broker.transport import Channel, Connection, Transport
from amc.celery import app
from amc.errors import UsageError


def parse(url: str) -> Address:
    return Address.parse(url, source="AMC_BROKER_URL")


def where(parameters: dict[str, Any]) -> dict[str, Any]:
    """What a connection's parameters say of the place, in redis-py's words."""
    names = ("host", "port", "db", "username", "password", "path", "ssl_cert_reqs", "ssl_ca_certs")
    found = {name: parameters[name] for name in names if parameters.get(name) not in (None, "")}
    if isinstance(wanted := found.get("ssl_cert_reqs"), ssl.VerifyMode):
        found["ssl_cert_reqs"] = wanted.name.removeprefix("CERT_").lower()
    return found


def as_redis_py_sees_it(address: Address) -> dict[str, Any]:
    return where(redis.Redis(**address.options).connection_pool.connection_kwargs)


def as_kombu_sees_it(address: Address) -> dict[str, Any]:
    # A channel connects when it is made; its reading of the URL needs none.
    channel = Channel.__new__(Channel)
    channel.connection = Transport.__new__(Transport)
    VirtualTransport.__init__(channel.connection, Connection(address.url))
    return where(channel._connparams())


def as_results_see_it(address: Address) -> dict[str, Any]:
    return where(RedisBackend(url=address.url.removeprefix("redis+"), app=app).connparams)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://h", {"host": "h", "port": 6379, "db": 0}),
        ("redis://h:7/", {"host": "h", "port": 7, "db": 0}),
        ("redis://h/3", {"host": "h", "port": 6379, "db": 3}),
        ("redis://h/?db=3", {"host": "h", "port": 6379, "db": 3}),
        ("redis://h?db=3", {"host": "h", "port": 6379, "db": 3}),
        ("redis://h/3?virtual_host=3", {"host": "h", "port": 6379, "db": 3}),
        ("redis://[::1]:7/1", {"host": "::1", "port": 7, "db": 1}),
        (
            "redis://u%40:p%2F%23%3F%3A@h",
            dict(host="h", port=6379, db=0, username="u@", password="p/#?:"),
        ),
        ("redis://:p@h/1", {"host": "h", "port": 6379, "db": 1, "password": "p"}),
        ("redis+socket:///tmp/r.sock", {"path": "/tmp/r.sock", "db": 0}),
        ("redis+socket:///tmp/r.sock?virtual_host=2", {"path": "/tmp/r.sock", "db": 2}),
        ("redis+socket:///tmp/r.sock?db=2", {"path": "/tmp/r.sock", "db": 2}),
        ("redis+socket:///a%23b/c%20d/r.sock", {"path": "/a#b/c d/r.sock", "db": 0}),
        ("redis+socket://:p@/tmp/r.sock", {"path": "/tmp/r.sock", "db": 0, "password": "p"}),
        ("rediss://h", dict(host="h", port=6379, db=0, ssl_cert_reqs="required")),
        (
            "rediss://:p@h:7/2?ssl_cert_reqs=CERT_NONE&ssl_ca_certs=/etc/ca.pem",
            dict(
                host="h",
                port=7,
                db=2,
                password="p",
                ssl_cert_reqs="none",
                ssl_ca_certs="/etc/ca.pem",
            ),
        ),
    ],
)
def test_everybody_reads_the_same_place_in_a_url(url: str, place: dict[str, Any]) -> None:
    address = parse(url)

    assert as_redis_py_sees_it(address) == place
    assert parse(address.url) == address
    assert as_kombu_sees_it(address) == place
    assert as_results_see_it(address) == place


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://:s3cret/b#c@h/0", "write them as %2F"),
        ("redis://:s3cret#c@h/0", "write them as %2F"),
        ("redis://:s3cret?c@h/0", "write them as %2F"),
        ("redis://h:s3cret/0", "port is no number"),
        ("redis://:s3cret@h:99999/0", "port is no number"),
        ("redis://:s3cret@h:0/0", "port is no number"),
        ("redis://:s3cret@h:/0", "port is no number"),
        ("redis://:s3cret@h:-1/0", "port is no number"),
        ("redis://:s3cret@/0", "names no host"),
        ("redis://", "names no host"),
        ("redis:///0", "names no host"),
        ("redis://[::1/0", "its host is none"),
        ("redis://:[s3cret]@h/0", "its host is none"),
        ("redis://:s3cret\u2100@h/0", "its host is none"),
        ("redis+socket://[s3cret]/x", "its host is none"),
        ("redis://:s3cret@h/s3cret", "database is no number"),
        ("redis://:s3cret@h/-1", "database is no number"),
        ("redis://:s3cret@h/0/1", "database is no number"),
        ("redis://:s3cret@h/1?db=2", "two databases"),
        ("redis://h/0?s3cret=1", "unknown option"),
        ("redis://h/0?db=1&db=1", "stands twice"),
        ("redis://h/0?ssl_cert_reqs=none", "unknown option"),
        ("rediss://h/0?ssl_cert_reqs=s3cret", "ssl_cert_reqs is one of required"),
        ("redis://h/0#x", "'#' has no meaning"),
        ("redis://:s3 cret@h/0", "a blank or a control character"),
        ("redis://h/0\n", "a blank or a control character"),
        ("redis://h/0;redis://:s3cret@i/0", "write them as %2F"),
        ("redis+socket://tmp/r.sock", "three slashes"),
        ("redis+socket://", "names no socket"),
        ("redis+socket:///tmp/a#b", "'#' has no meaning"),
        ("sentinel://:s3cret@h", "sentinel:// is no kind of Redis"),
        ("amqp://u:s3cret@h//", "amqp:// is no kind of Redis"),
        ("unix:///tmp/r.sock", "unix:// is no kind of Redis"),
        ("s3-cret@h", "no kind of Redis"),
        ("h:6379", "no kind of Redis"),
        ("REDIS", "no kind of Redis"),
    ],
)
def test_what_is_no_url_of_a_redis_is_told_without_a_secret(url: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(url)

    text = "".join(traceback.format_exception(caught.value))
    assert str(caught.value).startswith("AMC_BROKER_URL: ")
    assert said in str(caught.value)
    assert "s3cret" not in text and "\n" not in str(caught.value)


def test_a_password_is_not_shown() -> None:
    address = parse("redis://me:s3cret@h/0")

    assert address.shown == "redis://me:***@h:6379/0"
    assert "s3cret" not in repr(address)
    assert Connection(address.url).as_uri() == "redis://me:**@h:6379/0"
