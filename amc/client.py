"""The programmatic door: submit an experiment, find one, list them all.

    import amc
    experiment = amc.submit("configs/cartpole_distributed.json")
    experiment.wait()
    print(experiment.best)

What it hands out is `amc.experiment_view.Experiment`. It loads neither torch nor gymnasium.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amc.broker import heartbeats, hints
from amc.broker.connection import check, connect
from amc.broker.keys import DRIVER_QUEUE, is_trial_queue
from amc.broker.machine import require_writable
from amc.config.backend import resolve_backend
from amc.config.kernel import resolve_kernel
from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.config.search.warm_start import WarmStart
from amc.errors import BrokerError, UsageError
from amc.experiment_view import Experiment
from amc.ledger import Ledger, files, ledgers
from amc.ledger.known_points import known_points
from amc.permission import foreign_code, suits
from amc.settings import shared_dir


def submit(config: ExperimentConfig | Mapping[str, Any] | str | Path) -> Experiment:
    """Record an experiment and wake its driver.

    Args:
        config: a config, the plain mapping of one, or the path of a file.

    Raises:
        ConfigError: the config is unreadable, malformed or impossible; nothing was written.
        UsageError: the shared directory cannot be written, the experiment of a warm start teaches
            nothing, or no worker is allowed to run the command or the function that trains.
        BrokerError: no broker answers, or no worker could run it; nothing was written.
    """
    settled = resolved(config)
    _require_workers()
    _require_permission(settled)
    require_writable(shared_dir())
    ledger = Ledger.create(shared_dir(), settled, created=hints.now(connect()))
    recorded = Experiment(ledger)
    recorded.wake()
    return recorded


def resolved(config: ExperimentConfig | Mapping[str, Any] | str | Path) -> ExperimentConfig:
    """The config as it is recorded: with everything decided that must be the same everywhere.

    Raises:
        ConfigError: it is unreadable, malformed or impossible.
        UsageError: the experiment of a warm start teaches nothing.
    """
    if isinstance(config, Mapping):
        config = ConfigLoader().from_mapping(dict(config), source="config")
    elif not isinstance(config, ExperimentConfig):
        config = ConfigLoader().load_config(config)
    update: dict[str, Any] = {"hyperparameter_optimizer": _with_known_points(config)}
    if config.has_own_trainer:
        update["source"] = os.path.abspath(os.path.expanduser(config.source or ""))
        return config.model_copy(update=update)
    update |= {
        "environment": config.environment.model_copy(
            update={"backend": resolve_backend(config.environment)}
        ),
        "training": config.training.model_copy(update={"kernel": resolve_kernel(config)}),
    }
    return config.model_copy(update=update)


def _with_known_points(config: ExperimentConfig) -> HyperparameterOptimizerConfig | None:
    """The search with what it is to know from the start."""
    search = config.hyperparameter_optimizer
    if search is None or search.warm_start is None or search.warm_start.points is not None:
        return search
    source = experiment(search.warm_start.experiment)
    history = Ledger(source.directory).history()
    points = known_points(config, search, source=source.config, history=history)
    known = WarmStart(experiment=source.id, points=points)
    return search.model_copy(update={"warm_start": known})


def _require_workers() -> None:
    check(connect())
    live = heartbeats.live_queues(connect())
    missing = []
    if DRIVER_QUEUE not in live:
        missing.append((DRIVER_QUEUE, "celery -A amc worker -Q driver -n driver@%h"))
    if not any(map(is_trial_queue, live)):
        missing.append(("gpu0", "celery -A amc worker -Q gpu0 -n rl-worker-0@%h"))
    if missing:
        said = " ".join(
            f"Queue {queue!r} has no worker; start one: {how}." for queue, how in missing
        )
        names = ", ".join(sorted(live, key=heartbeats.in_number_order)) or "none"
        raise BrokerError(f"{said} Or start them all: amc up. Live queues: {names}.")


def _require_permission(config: ExperimentConfig) -> None:
    code = foreign_code(config)
    open_to_it = heartbeats.live_queues(connect(), suits(config))
    if code is not None and not any(map(is_trial_queue, open_to_it)):
        raise UsageError(f"{code.shown}: no worker is allowed to run it. {code.remedy}")


def experiments() -> list[Experiment]:
    """Every experiment in the shared directory, newest first."""
    return [Experiment(ledger) for ledger in ledgers(shared_dir())]


def recorded(identifier: str) -> Experiment | None:
    """The experiment of that very id; None if there is none."""
    ledger = Ledger(shared_dir() / identifier)
    is_name = "/" not in identifier and not identifier.startswith(".")
    return Experiment(ledger) if is_name and files.exists(ledger.paths.experiment) else None


def experiment(identifier: str) -> Experiment:
    """Find an experiment by its id, a unique beginning of it, or `latest`.

    Raises:
        UsageError: none or several have that name.
    """
    if (exact := recorded(identifier)) is not None:
        return exact
    found = experiments()
    if identifier == "latest" and found:
        return found[0]
    matching = [item for item in found if identifier and item.id.startswith(identifier)]
    if len(matching) == 1:
        return matching[0]
    raise UsageError(
        _not_found(identifier, [item.id for item in matching or found], bool(matching))
    )


def _not_found(identifier: str, ids: list[str], is_ambiguous: bool) -> str:
    if is_ambiguous:
        return (
            f"experiment {identifier!r}: several begin so: {', '.join(ids)}. Write one of them out."
        )
    if not ids:
        where = f"there is none in {shared_dir()}"
        return f"experiment {identifier!r}: {where}. Submit one: amc submit CONFIG"
    close = difflib.get_close_matches(identifier, ids, n=1)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    return f"experiment {identifier!r}: not found in {shared_dir()}. {meant}See them all: amc ls"
