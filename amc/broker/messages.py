"""What a message of ours is, and what is wrong with others. Its doors are `fault` and `trial_of`.

It must not know what a trial is, or whether there is one of that number: the ledger says that.

A train_trial message carries `<experiment>.<trial>.<random>` as its task id, so that a look at a
queue tells which trials wait in it; one of advance `<experiment>.advance.<random>`, for who looks.
"""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any

from kombu.utils.json import loads as _loads

ADVANCE, TRAIN_TRIAL = "amc.tasks.advance", "amc.tasks.train_trial"
LONGEST_BYTES = 1 << 20

# Celery's own JSON, which may hold typed values; their decoders raise what they like on rubbish.
loads: Callable[[str], Any] = _loads

_ARGUMENTS: Mapping[str, tuple[type, ...]] = {ADVANCE: (str,), TRAIN_TRIAL: (str, int)}
# What Celery takes for granted of a header; any other header is somebody else's business.
_HEADERS: Mapping[str, tuple[type, ...]] = {
    "id": (str,),
    "root_id": (str, NoneType),
    "parent_id": (str, NoneType),
    "expires": (str, NoneType),  # the clock's wake-ups have one
    "group": (str, NoneType),
    "group_index": (int, NoneType),
    "retries": (int, NoneType),
    "shadow": (str, NoneType),
    "ignore_result": (bool, NoneType),
    "replaced_task_nesting": (int, NoneType),
}
# What no message of ours ever asks for. A worker that cannot make sense of one of these may hold on
# to its only slot for ever, and a message with a time far away would wait in it.
_UNUSED: Mapping[str, tuple[object, ...]] = {
    "eta": (None,),
    "timelimit": (None, [None, None]),
    "compression": (None,),
    "stamped_headers": (None, []),
    "stamps": (None, {}),
}


def task_id(experiment: str, trial: int) -> str:
    """A fresh task id that names its trial."""
    return f"{experiment}.{trial}.{secrets.token_hex(4)}"


def wake_id(experiment: str) -> str:
    """A fresh task id that names the experiment which `advance` is for."""
    return f"{experiment}.advance.{secrets.token_hex(4)}"


def trial_of(message: str) -> tuple[str, int] | None:
    """The experiment and trial that a message in a queue is for; None if it is for none."""
    try:
        identifier = json.loads(message)["headers"]["id"]
        experiment, trial, _ = identifier.rsplit(".", 2)
        return experiment, int(trial)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # not one of ours


def fault(raw: bytes, *, is_task: bool) -> str | None:
    """Why these bytes are no message that a worker could take; None if they are one.

    Args:
        raw: as they lay in Redis.
        is_task: whether they lay in a queue of tasks, not in one of replies.
    """
    if len(raw) > LONGEST_BYTES:
        return f"longer than {LONGEST_BYTES:,} bytes"
    try:
        message = loads(raw.decode())
    except Exception as error:
        return f"no JSON text ({type(error).__name__})"
    return envelope_fault(message) or (_task_fault(message) if is_task else None)


def envelope_fault(message: Any) -> str | None:
    """Why a value is not what kombu takes for a message; None if it is."""
    if not isinstance(message, dict):
        return "no JSON object"
    properties = message.get("properties")
    if not isinstance(properties, dict) or not isinstance(message.get("headers"), dict):
        return "no properties or no headers"
    delivery = properties.get("delivery_info")
    if not isinstance(delivery, dict) or not isinstance(properties.get("delivery_tag"), str):
        return "no delivery tag or no delivery info"
    if not all(isinstance(delivery.get(name), str) for name in ("exchange", "routing_key")):
        return "no exchange or no routing key"
    if properties.get("body_encoding") != "base64" or not isinstance(message.get("body"), str):
        return "no body in base64"
    return None


def _task_fault(message: dict[str, Any]) -> str | None:
    headers = message["headers"]
    for name, kinds in _HEADERS.items():
        if type(headers.get(name)) not in kinds:
            return f"header {name!r} is no {kinds[0].__name__}"
    if not (headers["id"] and headers["id"].isprintable()):
        return "its id is no name"
    for name, values in _UNUSED.items():
        if headers.get(name) not in values:
            return f"header {name!r} is none of ours"
    task = headers.get("task")
    if not isinstance(task, str) or task not in _ARGUMENTS:
        return "its task is none of ours"
    form = (message.get("content-type"), message.get("content-encoding"))
    if form != ("application/json", "utf-8"):
        return "its body is no JSON in UTF-8"
    try:
        body = loads(base64.b64decode(message["body"], validate=True).decode())
    except Exception as error:
        return f"its body is no JSON text ({type(error).__name__})"
    return _body_fault(body, _ARGUMENTS[task])


def _body_fault(body: Any, kinds: tuple[type, ...]) -> str | None:
    match body:
        case [list(arguments), dict(named), dict(embedded)]:
            pass
        case _:
            return "its body holds no arguments"
    # bool is an int in Python, 1.0 equals 1; a trial's number is neither.
    if named or tuple(map(type, arguments)) != kinds:
        return f"its arguments are not ({', '.join(kind.__name__ for kind in kinds)})"
    if embedded.get("callbacks") or embedded.get("chain"):
        return "it calls tasks afterwards, as none of ours does"
    if not isinstance(embedded.get("errbacks"), list | NoneType):
        return "what it calls after a failure is no list"
    if not isinstance(embedded.get("chord"), dict | NoneType):
        return "its chord is no task"
    return None
