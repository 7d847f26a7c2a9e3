"""Compilation: machine code made once per machine and kept on disk until its sources change.

`compiled` is for the few functions that Python calls, `inlined` for what these are made of, and
`rounded` for those that must come to the bits that Python would.

Numba notices a change in the file of a cached function, not in the files that it calls into. So
the cache's directory carries a digest of every source of the rooms that compile: code that changed
is never met by machine code made before. Numba itself keeps machine code of different CPUs apart,
so a shared file system does no harm. Processes that start side by side leave the compiling to one
of them.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

# Numba's annotations do not know all that it has.
typeof: Any = numba.typeof
types: Any = numba.types
_njit: Any = numba.njit
_config: Any = numba.config

_LOG = logging.getLogger(__name__)
_PACKAGE = Path(__file__).parent
# Whose functions call each other.
_ROOMS = (_PACKAGE / "algorithms" / "kernels", _PACKAGE / "environments" / "compiled")

_ROUNDED: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True}
# contract: a product and a sum become one instruction with one rounding. The other fast-math flags
# would let sums be reordered, or assume that nothing is infinite or not a number.
_OPTIONS: dict[str, Any] = {**_ROUNDED, "fastmath": {"contract"}}


def inlined(function: Function) -> Function:
    """Mark a function that only compiled code calls; it is compiled with its callers."""
    made: Function = _njit(no_cpython_wrapper=True, **_OPTIONS)(function)
    return made


def rounded(function: Function) -> Function:
    """As `inlined`, with a rounding after every operation, where its caller is compiled so, too."""
    made: Function = _njit(no_cpython_wrapper=True, **_ROUNDED)(function)
    return made


def compiled(signature: Any, *, is_rounded: bool = False) -> Callable[[Function], Function]:
    """Compile a function now, for one signature, or load its machine code from the cache.

    Args:
        signature: Numba's types of result and arguments; so nothing is compiled at a call.
        is_rounded: whether every operation of it, and of what it calls with `rounded`, is rounded.
    """
    options = _ROUNDED if is_rounded else _OPTIONS

    def compile_or_load(function: Function) -> Function:
        given = _config.CACHE_DIR
        _config.CACHE_DIR = str(DIRECTORY or "")
        made: Function
        try:
            with _one_at_a_time(function.__qualname__):
                made = _njit(signature, cache=DIRECTORY is not None, **options)(function)
        except OSError as error:
            _LOG.warning("Machine code could not be kept in %s: %s.", DIRECTORY, error)
            made = _njit(signature, **options)(function)
        finally:
            _config.CACHE_DIR = given
        return made

    return compile_or_load


@contextlib.contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    """Hold the cache's lock, unless the function's machine code is there already.

    Who had to wait for it finds the machine code and loads it: seconds of every processor saved.
    """
    version = "py{}{}".format(*sys.version_info)
    if DIRECTORY is None or any(DIRECTORY.rglob(f"*.{name}-*.{version}*.nbc")):
        yield
        return
    with open(DIRECTORY / "lock", "w") as lock:
        _LOG.info("%s: compiling, once for this machine, or waiting for who does", name)
        with contextlib.suppress(OSError):  # a file system without locks: then each for itself
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def source_digest(*directories: Path) -> str:
    """A name for the present state of some directories' Python sources."""
    digest = hashlib.sha256()
    for path in (path for directory in directories for path in sorted(directory.glob("*.py"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def cache_directory() -> Path | None:
    """Where machine code is kept: NUMBA_CACHE_DIR, beside the sources, or the user's cache.

    Returns:
        The first that can be written to; None if there is none.
    """
    name = f"kernels-{source_digest(*_ROOMS)}"
    for parent in _candidates():
        directory = parent / name
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(directory, os.W_OK | os.X_OK):
            return directory
    _LOG.warning(
        "No directory for compiled kernels can be written to, so every process compiles them "
        "anew, which takes some seconds. Set NUMBA_CACHE_DIR to one that can."
    )
    return None


def _candidates() -> Iterator[Path]:
    if _config.CACHE_DIR:
        yield Path(_config.CACHE_DIR)
    yield _PACKAGE / "__pycache__"
    # No shared temporary directory: what is loaded from a cache is trusted like a program.
    cache = os.environ.get("XDG_CACHE_HOME")
    yield (Path(cache) if cache else Path("~/.cache").expanduser()) / "amc"


DIRECTORY = cache_directory()
"""Where this process keeps what is made once for a machine; None if it cannot be kept."""
