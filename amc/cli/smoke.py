"""`--smoke`: one tiny trial through the whole road, as an experiment that does not stay.

Submitted, suggested, trained for one update, evaluated, saved, reported: with the workers that are
up, in seconds. Its doors are `tiny` and `smoke`.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from amc import removing
from amc.cli import formatting
from amc.cli.outcome import EXIT_CODES, TIMED_OUT
from amc.cli.output import note, print_json, say
from amc.client import submit
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.errors import AmcError
from amc.experiment_view import Experiment

# Of an algorithm that is not known to need more for an update.
_STEPS = 256
_LONGEST_S = 120.0
_STOPPED_WITHIN_S = 15.0


def tiny(config: ExperimentConfig) -> ExperimentConfig:
    """The same config with a single trial of one update and one evaluation of one episode."""
    document = config.to_json()
    document |= {"experiment_name": f"smoke-{config.experiment_name}"[:100], "schedule": []}
    document |= {"seeds": 1, "algorithm_config": _soon(document["algorithm_config"])}
    steps = min(_steps(document["algorithm_config"]), config.training.total_timesteps)
    evaluates = config.training.eval_freq is not None
    document["training"] |= {
        "total_timesteps": steps,
        "eval_freq": steps if evaluates else None,
        "save_freq": steps,
        "eval_episodes": 1,
        "max_attempts": 1,
        "stop_at_reward_threshold": False,
    }
    search = config.hyperparameter_optimizer
    if search is not None:
        # A population has four members at least; its points are drawn as those of `random`.
        document["hyperparameter_optimizer"] = {
            "type": "random" if search.type == "pbt" else search.type,
            "n_calls": 1,
            "search_space": document["hyperparameter_optimizer"]["search_space"],
        }
    return ConfigLoader().from_mapping(document, source="config")


def _soon(settings: dict[str, Any]) -> dict[str, Any]:
    """The same without many random steps before the first update."""
    if "learning_starts" not in settings:
        return settings
    few = int(settings.get("batch_size", _STEPS))
    return {**settings, "learning_starts": min(settings["learning_starts"], few)}


def _steps(settings: dict[str, Any]) -> int:
    if "n_steps" in settings and "learning_starts" not in settings:  # steps of a rollout
        return int(settings["n_steps"] * settings.get("n_envs", 1))
    return _STEPS + 2 * int(settings.get("learning_starts", 0))


def smoke(
    config: ExperimentConfig,
    *,
    as_json: bool,
    timeout_s: float | None = None,
    at_each_look: Callable[[], None] = lambda: None,
) -> int:
    """Send one tiny trial through, say what became of it, and take it away again.

    Args:
        config: of the experiment that is to follow.
        as_json: whether the result is printed as JSON.
        timeout_s: how long it may take; two minutes if None.
        at_each_look: called some times a second.

    Returns:
        The exit code: 0 it works, 1 it failed, 5 it was not finished in time.

    Raises:
        BrokerError: no broker, or no worker.
    """
    began = time.monotonic()
    experiment = submit(tiny(config))
    note(f"{experiment.id}: one trial of {experiment.config.training.total_timesteps:,} steps ...")
    state: str
    try:
        state = experiment.wait(timeout_s or _LONGEST_S, on_change=lambda _: at_each_look())
        code = EXIT_CODES[state]
    except TimeoutError:
        state, code = "not finished in time", TIMED_OUT
    finally:
        found = _told(experiment)
        _take_away(experiment)
    seconds = time.monotonic() - began
    if as_json:
        print_json({"works": code == 0, "state": state, "seconds": round(seconds, 3), **found})
    elif code == 0:
        say(
            f"works: suggested, trained, evaluated and saved in {formatting.duration(seconds)}, "
            f"{formatting.duration(found['trial_seconds'])} of it the trial, on {found['worker']}"
        )
    else:
        say(f"does not work ({state}) after {formatting.duration(seconds)}")
        note(
            found["error"] or "Nothing was said. Are the workers well? See: amc status, amc doctor"
        )
    return code


def _told(experiment: Experiment) -> dict[str, Any]:
    """What became of its trial, read before it goes."""
    trials = experiment.trials()
    trial = trials[0] if trials else None
    return {
        "worker": "" if trial is None else trial.worker,
        "trial_seconds": 0.0 if trial is None else trial.seconds,
        "score": None if trial is None else trial.score,
        "error": (trial.error if trial is not None else None) or experiment.error,
    }


def _take_away(experiment: Experiment) -> None:
    """Remove it; one that still runs is cancelled, and waited for a little."""
    if not experiment.is_finished:
        experiment.cancel()
        with suppress(TimeoutError):
            experiment.wait(_STOPPED_WITHIN_S)
    try:
        removing.remove(experiment)
    except AmcError as error:
        note(f"{experiment.id} stays: {error} Then: amc rm {experiment.id}")
