"""Which shared directories a Redis serves, so that two that should be one are noticed.

A worker whose AMC_SHARED_DIR is wrong looks healthy and never gets a trial. Its door is `serve`.
"""

import json
from pathlib import Path

from amc.broker.connection import Client
from amc.broker.keys import DIRECTORIES

_TTL_S = 7 * 24 * 60 * 60


def serve(client: Client, shared: Path, host: str) -> list[str]:
    """Say that a worker of this directory is here, and hear who else is if nobody knew it.

    Args:
        client: whose keys are the directory's.
        shared: the directory, as this host calls it.
        host: this host.

    Returns:
        `DIRECTORY on HOST (prefix PREFIX)` of each other directory; none if this one is known.
    """
    told = json.dumps({"directory": str(shared), "host": host})
    is_new = not client.exists(client.keyspace.directory)
    client.set(client.keyspace.directory, told, ex=_TTL_S)
    if not is_new:
        return []
    keys = set(client.scan_iter(match=f"{DIRECTORIES}*", count=1_000))
    told_by = client.young(keys - {client.keyspace.directory}, longest_s=_TTL_S)
    return sorted(_described(key, text) for key, text in told_by.items())


def _described(key: str, text: str) -> str:
    prefix = f"prefix amc:{key.removeprefix(DIRECTORIES)}:"
    try:
        told = json.loads(text)
        return f"{told['directory']!r} on {told['host']!r} ({prefix})"
    except (ValueError, TypeError, KeyError, RecursionError):
        return f"one that does not say its name ({prefix})"
