"""The environment variables of a command. The door is `variables`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.ledger.paths import ExchangePaths
from amc.redaction import is_secret

_THREADS = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS"),
)


def variables(config: ExperimentConfig, exchange: ExchangePaths) -> dict[str, str]:
    """Those of the worker, without what is ours or secret, and those that the config names.

    The interpreter that runs amc comes first on the path, so that `python` is that one.

    Raises:
        UsageError: the config asks for one that the worker does not have.
    """
    own = os.environ
    kept = {name: own[name] for name in own if not name.startswith("AMC_") and not is_secret(name)}
    # What amc was asked about its own interpreter is no business of a program's.
    for name in ("PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE"):
        kept.pop(name, None)
    directories = [str(Path(sys.executable).parent), own.get("PATH", os.defpath)]
    return {
        **kept,
        "PATH": os.pathsep.join(directories),
        "PYTHONUNBUFFERED": "1",
        **dict.fromkeys(_THREADS, str(config.training.threads)),
        **{name: _given(name, value, own) for name, value in config.env.items()},
        "AMC_TRIAL": str(exchange.trial),
        "AMC_REPORT": str(exchange.reports),
        "AMC_STOP": str(exchange.stop),
    }


def _given(name: str, value: str | None, own: Mapping[str, str]) -> str:
    if value is not None:
        return value
    if name not in own:
        raise UsageError(
            f"env.{name}: it is null, which stands for the worker's own value, and the worker has "
            f"none. Start the workers with it: {name}=... amc up"
        )
    return own[name]
