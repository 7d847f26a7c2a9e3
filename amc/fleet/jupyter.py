"""Jupyter Lab's token. Its doors are `token` and `require_installed`.

Who reaches a Jupyter server may run anything as its user; so it listens on loopback alone and wants
a token, which comes by the environment, because a command line is seen by everybody on the machine.
"""

import os
import re
import secrets
from importlib.util import find_spec
from pathlib import Path

from amc.errors import UsageError
from amc.fleet.secret import kept
from amc.fleet.surroundings import JUPYTER_TOKEN_VARIABLE

_TOKEN = re.compile(r"[A-Za-z0-9._~-]{8,}")


def token(file: Path) -> str:
    """The token for Jupyter Lab: AMC_JUPYTER_TOKEN, or what was made up before, or a new one.

    Args:
        file: where a made-up token is kept, with mode 0600.

    Raises:
        UsageError: AMC_JUPYTER_TOKEN is too short, or has characters that do not go into a URL.
    """
    given = os.environ.get(JUPYTER_TOKEN_VARIABLE)
    if not given:
        return kept(file, lambda: secrets.token_urlsafe(24))
    if not _TOKEN.fullmatch(given):
        raise UsageError(
            f"{JUPYTER_TOKEN_VARIABLE}: at least 8 letters, digits and - . _ ~, and nothing else. "
            "openssl rand -hex 24 makes a good one."
        )
    return given


def require_installed() -> None:
    """Refuse to start what is not there.

    Raises:
        UsageError: there is no Jupyter Lab in this Python.
    """
    if find_spec("jupyterlab") is None:
        raise UsageError(
            "Jupyter Lab is not installed here. Install it: pip install 'ai-mission-control"
            "[notebook]'; or leave out --jupyter."
        )
