"""Whether what amc is made of is installed. Its doors are `versions` and `extras`."""

import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from amc.doctor.finding import Finding
from amc.version import VERSION

_DISTRIBUTION = "ai-mission-control"
_SHOWN = ("torch", "numpy", "gymnasium", "mujoco", "celery", "redis", "numba")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Of an extra, the package that tells whether it is there.
_EXTRAS = {"dashboard": "optuna-dashboard", "dataframe": "pandas", "notebook": "jupyterlab"}
_EXTRAS |= {"onnx": "onnxruntime", "tpe": "optuna"}


def versions() -> Iterator[Finding]:
    """Python, amc, and what has to be there."""
    shown = [f"{name} {found}" for name in _SHOWN if (found := _version(name))]
    yield Finding("software", "ok", f"Python {platform.python_version()}, amc {VERSION}")
    missing = [name for name in _required() if _version(name) is None]
    if missing:
        yield Finding(
            "packages",
            "fault",
            f"not installed: {', '.join(missing)}",
            f"Install amc anew, which brings them: pip install {_DISTRIBUTION}",
        )
    else:
        yield Finding("packages", "ok", ", ".join(shown))


def extras() -> Iterator[Finding]:
    """What need not be there, and is not."""
    missing = [extra for extra, package in _EXTRAS.items() if _version(package) is None]
    if missing:
        told = f"not installed, and needed by nothing else: {', '.join(missing)}"
        yield Finding(
            "extras", "ok", told, f"If wanted: pip install '{_DISTRIBUTION}[{','.join(missing)}]'"
        )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _required() -> list[str]:
    """Names of what has to be there on every machine."""
    try:
        listed = requires(_DISTRIBUTION) or []
    except PackageNotFoundError:  # run from its sources
        return list(_SHOWN)
    always = (line for line in listed if ";" not in line)
    return [found[0] for line in always if (found := _NAME.match(line))]
