"""A secret that is made up once and kept from others. Its door is `kept`."""

import os
from collections.abc import Callable
from pathlib import Path


def kept(file: Path, make_up: Callable[[], str]) -> str:
    """What was made up before, or a new one.

    Args:
        file: where it is kept, with mode 0600.
        make_up: makes a new one.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text()
    made = make_up()
    with os.fdopen(descriptor, "w") as stream:
        stream.write(made)
    return made
