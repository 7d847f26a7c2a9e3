"""AI Mission Control: train reinforcement-learning agents and tune them as Celery jobs.

The programmatic door is `amc.submit(config)`. It is loaded on first use, so that `import amc` costs
nothing: celery and redis take 0.5 s to import, torch 2.5 s.
"""

from typing import Any

from amc.plugins import load
from amc.version import VERSION

_DOOR = {
    **{name: f"amc.client:{name}" for name in ("submit", "experiment", "experiments")},
    "Experiment": "amc.experiment_view:Experiment",
}

__all__ = ["VERSION", "Experiment", "experiment", "experiments", "submit"]


def __getattr__(name: str) -> Any:
    if name in _DOOR:
        return load(_DOOR[name])
    raise AttributeError(f"module 'amc' has no attribute {name!r}")
