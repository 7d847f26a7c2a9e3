"""What the surroundings say: shared directory, broker, allow-list. Loads neither Celery nor torch.

Its doors are `shared_dir`, `broker_url`, `embedded_directory`, `allowed_modules` and
`allowed_commands`. Everything is read afresh at each call: a notebook, or a test, may change the
environment in between.
"""

import errno
import hashlib
import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from amc.errors import UsageError

SHARED_DIR_VARIABLE = "AMC_SHARED_DIR"
BROKER_URL_VARIABLE = "AMC_BROKER_URL"
ALLOW_VARIABLE = "AMC_ALLOW_MODULES"
ALLOW_COMMANDS_VARIABLE = "AMC_ALLOW_COMMANDS"
ALLOW_SOURCES_VARIABLE = "AMC_ALLOW_SOURCES"
ALLOW_LISTS = (ALLOW_VARIABLE, ALLOW_COMMANDS_VARIABLE, ALLOW_SOURCES_VARIABLE)

# Not the TMPDIR of whoever asks: every shell and service of a user must find the same server.
_RUNTIME_DIRECTORY = Path("/tmp")
_NEVER_A_DIRECTORY = (errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


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


def socket_path(directory: Path) -> Path:
    """The Unix socket of the embedded broker of a private directory."""
    return directory / "redis.sock"


def embedded_url(directory: Path) -> str:
    """The URL of the embedded broker of a private directory, as Celery writes it."""
    return f"redis+socket://{quote(str(socket_path(directory)))}"


def broker_url() -> str:
    """Where Redis is: AMC_BROKER_URL, or the socket of the embedded broker of `shared_dir()`."""
    return os.environ.get(BROKER_URL_VARIABLE) or embedded_url(embedded_directory(shared_dir()))


def allowed_modules() -> frozenset[str]:
    """Modules that this process may import because a config names them (AMC_ALLOW_MODULES)."""
    return frozenset(filter(None, os.environ.get(ALLOW_VARIABLE, "").split(",")))


def allowed_commands() -> frozenset[tuple[str, ...]]:
    """Beginnings of commands that this process may run since a config names them, in words.

    AMC_ALLOW_COMMANDS holds them with commas in between; each is split as a shell splits words, so
    that a comma, or a blank, within quotes belongs to a word. What is no sequence of words, such as
    an open quote, allows nothing.
    """
    entries = map(_words, _between_commas(os.environ.get(ALLOW_COMMANDS_VARIABLE, "")))
    return frozenset(filter(None, entries))


def allowed_sources() -> frozenset[Path]:
    """Directories in which, and below which, code of a config's may lie that this process runs.

    Those that AMC_ALLOW_SOURCES names, with colons in between; without it the one that this process
    was started in, unless that is the shared directory, where whoever submits can write.
    """
    named = os.environ.get(ALLOW_SOURCES_VARIABLE)
    if not named:
        return frozenset({Path.cwd().resolve()} - {shared_dir()})
    return frozenset(Path(one).expanduser().resolve() for one in named.split(os.pathsep) if one)


def _between_commas(text: str) -> Iterator[str]:
    """The parts between commas that are neither quoted nor escaped."""
    part, quote, is_escaped = "", "", False
    for character in text:
        if character == "," and not quote and not is_escaped:
            yield part
            part = ""
            continue
        part += character
        if is_escaped:
            is_escaped = False
        elif character == "\\" and quote != "'":
            is_escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
    yield part


def _words(entry: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(entry))
    except ValueError:
        return ()
