"""`amc submit --dry-run`: what would be tried, and how long it would take. Nothing is recorded.

Its door is `dry_run`.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import redis

from amc.cli import formatting
from amc.cli.outcome import print_row
from amc.cli.output import console, note, print_json
from amc.cli.reading import promised
from amc.client import resolved
from amc.config.schema import ExperimentConfig
from amc.config.search.search_space import describe

if TYPE_CHECKING:
    from amc.forecast import Duration, Pace
    from amc.ledger import Trial

# What `amc up` starts where nothing else is said.
_USUAL_WORKERS = 4
_SHOWN = 8
_SECTIONS = ("algorithm_config", "environment", "optimizer", "training")
_COMPILED_S = 3.0
# Less than this of a core, and somebody else has the rest.
_BUSY = 0.8


def dry_run(config_path: Path, config: ExperimentConfig, *, as_json: bool) -> None:
    """Print a config as it would be recorded, its first trials, and an estimate of its time.

    Raises:
        UsageError: it asks for what cannot be.
    """
    from amc.workers.threads import limit_threads

    # Before numpy is loaded: the numerical libraries read these variables once.
    limit_threads(config.training.threads)
    settled = resolved(config)
    from amc import forecast

    first = forecast.first_trials(settled)
    if settled.has_own_trainer:
        _without_estimate(config_path, settled, first, as_json=as_json)
        return
    note("Measuring how fast it trains here ...")
    pace = forecast.measure(settled, first[0])
    workers, cores, told = _workers()
    found = forecast.duration(settled, pace, workers=workers, cores=cores)
    if as_json:
        print_json(_document(settled, first, pace, found))
    else:
        print_row("config", str(config_path))
        _print_config(settled)
        _print_trials(settled, first)
        _print_estimate(settled, pace, found, f"{told}, and {cores} cores")
    note("Nothing was recorded or queued.")


def _without_estimate(
    config_path: Path, config: ExperimentConfig, first: "tuple[Trial, ...]", *, as_json: bool
) -> None:
    """The same where a trainer of the user's own trains: only running it would tell its pace."""
    if as_json:
        print_json({**_described(config, first), "estimate": None})
    else:
        print_row("config", str(config_path))
        print_row("trains", config.trains)
        _print_config(config)
        _print_trials(config, first)
        print_row("estimate", "none: a trainer of your own is not run for it")
    note("Nothing was recorded, queued or run.")


def _workers() -> tuple[int, int, str]:
    """How many train, how many cores they have, and how that is known."""
    from amc.broker import heartbeats
    from amc.broker.connection import connect
    from amc.broker.keys import is_trial_queue

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        live = heartbeats.live_workers(connect())
    except redis.RedisError:
        live = []
    training = [worker for worker in live if any(map(is_trial_queue, worker.queues))]
    if not training:
        return _USUAL_WORKERS, cores or 1, f"the {_USUAL_WORKERS} workers that amc up starts"
    hosts = len({worker.host for worker in training})
    count = len(training)
    return count, hosts * (cores or 1), f"the {count} worker{'s' * (count > 1)} that are up"


def _print_config(config: ExperimentConfig) -> None:
    document = config.to_json()
    for section in (one for one in _SECTIONS if one in document):
        pairs = _pairs(document[section])
        # A key and its value stand on one line.
        _print_wrapped(section, ", ".join(pair.replace(" ", "\xa0") for pair in pairs))
    search = config.hyperparameter_optimizer
    for index, line in enumerate([] if search is None else describe(search.search_space)):
        print_row("" if index else "search space", line)


def _pairs(values: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """Each setting with its value; of an object those that it holds, by their paths."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _pairs(value, f"{within}{key}.")
        else:
            yield f"{within}{key} {_short(value)}"


def _print_wrapped(label: str, text: str) -> None:
    width = max(40, min(console().width, 120) - 17)
    for index, line in enumerate(wrap(text, width)):
        print_row("" if index else label, line.replace("\xa0", " "))


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def _print_trials(config: ExperimentConfig, first: "tuple[Trial, ...]") -> None:
    _print_wrapped("trials", promised(config))
    for index, trial in enumerate(first[:_SHOWN]):
        values = formatting.hyperparameters(trial.hyperparameters) or "the config as it stands"
        print_row("" if index else "tried first", f"{trial.number}: {values}, seed {trial.seed}")
    if len(first) > _SHOWN:
        print_row("", f"and {len(first) - _SHOWN} more with them")


def _print_estimate(
    config: ExperimentConfig, pace: "Pace", found: "Duration", workers: str
) -> None:
    trials = f"{found.trials} trial{'s' * (found.trials > 1)}"
    _print_wrapped("estimate", f"{_span(found.seconds)} for {trials}, with {workers}")
    training = config.training
    text = (
        f"{training.total_timesteps:,} steps at {pace.steps_per_s:,.0f} a second on {pace.device}"
    )
    if training.eval_freq is not None:
        count = -(-training.total_timesteps // training.eval_freq)
        evaluations = f"{count} evaluation{'s' * (count > 1)}"
        text += f", {evaluations} of {training.eval_episodes} episodes of {_lengths(pace)}"
    _print_wrapped("a trial", f"{_span(found.trial_s)} alone: {text}")
    if found.slowdown > 1:
        print_row("", f"{found.slowdown:.1f} times as long where more threads than cores train")
    print_row("measured", f"in {pace.seconds:.1f} s here, alone, with trial 0; others may differ")
    print_row("", "not in it: checkpoints, and the start of workers")
    for line in _limits(config, pace):
        _print_wrapped("", line)


def _limits(config: ExperimentConfig, pace: "Pace") -> list[str]:
    search, found = config.hyperparameter_optimizer, []
    if search is not None and search.pruner is not None:
        found.append("what the pruner halts takes less")
    if search is not None and search.max_hours is not None:
        found.append(f"after {search.max_hours:g} hours no trial is begun any more")
    if pace.share < _BUSY and pace.device == "cpu":
        found.append(
            f"this machine is busy: {pace.share:.0%} of a core was left; alone on it, "
            f"{1 / pace.share:.1f} times as fast"
        )
    if pace.start_s > _COMPILED_S:
        found.append(f"compiling and starting took {pace.start_s:.0f} s besides, once")
    return found


def _span(seconds: tuple[float, float]) -> str:
    low, high = map(formatting.duration, seconds)
    return f"about {low}" if low == high else f"{low} to {high}"


def _lengths(pace: "Pace") -> str:
    low, high = (f"{length:,.0f}" for length in pace.episode)
    return f"{low} steps" if low == high else f"{low} (as yet) to {high} steps"


def _document(
    config: ExperimentConfig, first: "tuple[Trial, ...]", pace: "Pace", found: "Duration"
) -> Mapping[str, Any]:
    return {
        **_described(config, first),
        "trials": found.trials,
        "estimate": {
            "seconds": list(found.seconds),
            "trial_seconds": list(found.trial_s),
            "steps_per_second": pace.steps_per_s,
            "workers": found.workers,
            "slowdown": found.slowdown,
            "measured_seconds": pace.seconds,
            "share_of_a_core": pace.share,
            "device": pace.device,
        },
    }


def _described(config: ExperimentConfig, first: "tuple[Trial, ...]") -> dict[str, Any]:
    search = config.hyperparameter_optimizer
    return {
        "config": config.to_json(),
        "search_space": [] if search is None else describe(search.search_space),
        "promised": promised(config),
        "first": [
            {
                "number": trial.number,
                "hyperparameters": trial.hyperparameters,
                "seed": trial.seed,
            }
            for trial in first
        ],
    }
