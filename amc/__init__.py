"""AI Mission Control: train reinforcement-learning agents and tune them as Celery jobs.

The programmatic doors are `amc.submit(config)` and `amc.load(path)`. They are loaded on first use,
so that `import amc` costs nothing: celery and redis take 0.5 s to import, torch 2.5 s.
"""

from typing import TYPE_CHECKING, Any

from amc.version import VERSION

if TYPE_CHECKING:
    from amc.client import experiment, experiments, submit
    from amc.experiment_view import Experiment
    from amc.playback import Agent, load
    from amc.playback.films import film

__all__ = ["VERSION", "Agent", "Experiment", "experiment", "experiments", "film", "load", "submit"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'amc' has no attribute {name!r}")
    if name in ("Agent", "load"):
        from amc import playback

        return getattr(playback, name)
    if name == "film":
        from amc.playback.films import film

        return film
    from amc import client

    return getattr(client, name)
