"""Flower's password. Its doors are `password` and, for a Procfile, `python -m amc.fleet.flower`.

Flower without authentication shows every task to whoever can reach the port; so it gets a password,
by the environment, because a command line is seen by everybody on the machine.
"""

import os
import secrets
import sys
from pathlib import Path

from amc.errors import UsageError
from amc.fleet.commands import FLOWER_PASSWORD_VARIABLE, flower_arguments
from amc.fleet.fleet_paths import FleetPaths
from amc.fleet.secret import kept
from amc.fleet.surroundings import FLOWER_AUTH_VARIABLE, python, surroundings
from amc.settings import shared_dir

DEFAULT_PORT = 5555
USER = "amc"


def password(file: Path) -> str:
    """`user:password` for Flower: AMC_FLOWER_AUTH, or what was made up before, or a new one.

    Args:
        file: where a made-up password is kept, with mode 0600.

    Raises:
        UsageError: AMC_FLOWER_AUTH is not `user:password`.
    """
    given = os.environ.get(FLOWER_AUTH_VARIABLE)
    if given:
        user, separator, word = given.partition(":")
        if not (user and separator and word) or "," in given:
            raise UsageError(f"{FLOWER_AUTH_VARIABLE}: write it as user:password, without a comma.")
        return given
    return kept(file, lambda: f"{USER}:{secrets.token_urlsafe(16)}")


def main() -> None:
    """Become Flower, in the foreground, on loopback and with a password."""
    auth = password(FleetPaths(shared_dir()).flower_auth)
    arguments = flower_arguments(DEFAULT_PORT)
    print(f"Flower: http://127.0.0.1:{DEFAULT_PORT}/ as {auth}", file=sys.stderr, flush=True)
    environment = {**surroundings(), FLOWER_PASSWORD_VARIABLE: auth}
    command = python("amc.fleet.celery_program", *arguments)
    os.execve(command[0], command, environment)


if __name__ == "__main__":
    main()
