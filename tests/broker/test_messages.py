"""What a worker may be handed, and what is set aside."""

import base64
import json
from typing import Any

import pytest

from amc.broker import messages
from amc.celery import app


@pytest.fixture
def message(broker: Any) -> dict[str, Any]:
    """A train_trial message as Celery writes it, fetched from a real queue."""
    with app.connection_for_write() as connection:
        app.send_task(
            messages.TRAIN_TRIAL,
            args=("e-1", 3),
            task_id=messages.task_id("e-1", 3),
            queue="gpu0",
            connection=connection,
        )
    prefix = app.conf.broker_transport_options["global_keyprefix"]
    written: dict[str, Any] = json.loads(broker.lpop(f"{prefix}gpu0"))
    return written


def fault(message: Any) -> str | None:
    return messages.fault(json.dumps(message).encode(), is_task=True)


def with_body(message: dict[str, Any], body: Any) -> dict[str, Any]:
    text = base64.b64encode(json.dumps(body).encode()).decode()
    return {**message, "body": text}


@pytest.mark.engine
def test_what_celery_writes_is_taken_and_names_its_trial(message: dict[str, Any]) -> None:
    assert fault(message) is None
    assert messages.trial_of(json.dumps(message)) == ("e-1", 3)


@pytest.mark.engine
def test_what_a_newer_version_adds_is_no_fault(message: dict[str, Any]) -> None:
    message["headers"]["amc_version"] = {"major": 9}
    message["properties"]["novelty"] = 1
    message["novelty"] = []

    assert fault(message) is None


@pytest.mark.engine
@pytest.mark.parametrize(
    "body",
    [
        {"a": 1},
        [],
        5,
        None,
        "x",
        [["e-1", 3], {}],
        [["e-1", 3], {}, 5],
        [["e-1", 3], [], {}],
        [["e-1"], {}, {}],
        [["e-1", 3, 4], {}, {}],
        [["e-1", "3"], {}, {}],
        [["e-1", True], {}, {}],
        [["e-1", 1.0], {}, {}],
        [["e-1", None], {}, {}],
        [[5, 3], {}, {}],
        [["e-1", 3], {"force": True}, {}],
        [["e-1", 3], {}, {"errbacks": 5}],
        [["e-1", 3], {}, {"chord": "x"}],
        [["e-1", 3], {}, {"chain": {"a": 1}}],
        [["e-1", 3], {}, {"chain": ["x"]}],
        [["e-1", 3], {}, {"callbacks": [{"task": "os.system"}]}],
        [["e-1", {"__type__": "uuid", "__value__": {}}], {}, {}],
        [["e-1", {"__type__": "decimal", "__value__": "x"}], {}, {}],
    ],
)
def test_a_body_that_is_no_call_of_ours_is_set_aside(message: dict[str, Any], body: Any) -> None:
    assert fault(with_body(message, body))


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 5),
        ("id", None),
        ("task", "amc.tasks.rain"),
        ("task", ["x"]),
        ("task", None),
        ("retries", "x"),
        ("eta", 5),
        ("expires", {}),
        ("timelimit", "x"),
        ("timelimit", [1, 1]),
        ("timelimit", [None]),
        ("group", 5),
        ("root_id", []),
        ("stamped_headers", "x"),
        ("stamps", 5),
        ("stamps", {"a": 1}),
        ("stamped_headers", ["task"]),
        ("stamped_headers", [{}]),
        ("eta", "9999-12-31T23:59:59+00:00"),
        ("eta", "garbage"),
        ("compression", "zlib"),
        ("id", ""),
        ("id", "\ud800"),
    ],
)
def test_a_header_that_celery_would_stumble_over_is_told(
    message: dict[str, Any], name: str, value: Any
) -> None:
    message["headers"][name] = value

    assert fault(message)


@pytest.mark.engine
@pytest.mark.parametrize(
    "change",
    [
        {"headers": None},
        {"headers": []},
        {"properties": 5},
        {"properties": {}},
        {"properties": {"delivery_tag": 5, "delivery_info": {}}},
        {"body": None},
        {"body": 5},
        {"body": "%%%"},
        {"body": "/w=="},
        {"content-type": "application/x-python-serialize"},
        {"content-type": ["x"]},
        {"content-encoding": "latin-1"},
        {"content-encoding": None},
    ],
)
def test_an_envelope_that_kombu_would_stumble_over_is_told(
    message: dict[str, Any], change: dict[str, Any]
) -> None:
    assert fault({**message, **change})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"garbage",
        b"null",
        b"[]",
        b"5",
        b'{"a": 1}',
        b'"\\udc00"',
        b"[" * 100_000,
        b'{"__type__": "datetime", "__value__": 5}',
        b" " * (messages.LONGEST_BYTES + 1),
    ],
)
def test_bytes_that_are_no_message_are_told(raw: bytes) -> None:
    assert messages.fault(raw, is_task=True)
    assert messages.fault(raw, is_task=False)
    assert messages.trial_of(raw.decode(errors="replace")) is None
