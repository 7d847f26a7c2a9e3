"""Experiments for tests: what a driver would have decided and workers reported."""

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.driver.planning import plan
from amc.ledger import Decision, History, Ledger, Report, Segment, Trial, files

STEPS = 2048


def of_command(**own: Any) -> ExperimentConfig:
    """A config whose trials a command trains; `own` replaces sections."""
    return ConfigLoader().from_mapping(
        {
            "experiment_name": "own",
            "command": ["python", "train.py", "--lr", "{learning_rate}"],
            "hyperparameter_optimizer": {
                "type": "random",
                "n_calls": 4,
                "trials_per_round": 2,
                "search_space": {"learning_rate": [1e-4, 1e-2]},
            },
            "training": {"total_timesteps": 100},
            **own,
        },
        source="test",
    )


def rewrite_command(record: Path, *command: str) -> None:
    """Edit what an experiment's record says is run, as somebody would who knows of checksums."""
    data = files.required(record)
    data["config"]["command"] = list(command)
    # Processes remember the config of an identity; one that is started later reads it so.
    data["identity"] = secrets.token_hex(8)
    record.write_text(json.dumps(files.sealed(data)))


def report(trial: int, score: float | None, **more: Any) -> Report:
    """What came of a trial that was trained in one piece; one without a score has failed."""
    state: Any = "failed" if score is None else "completed"
    own = {"index": 0, "state": state, "step": STEPS, "score": score}
    return Report(trial, **{**own, **more})


def opening(
    past: History, trials: Sequence[Trial], reports: Iterable[Report] = (), steps: int = STEPS
) -> Decision:
    """The decision that learns these reports and opens these trials, each in one piece."""
    segments = tuple(Segment(trial.number, 0, 0, steps, steps) for trial in trials)
    return Decision(past.decisions, tuple(reports), tuple(trials), segments)


def open_round(ledger: Ledger, *trials: Trial) -> None:
    """Record that the driver learned what there was and opened these trials."""
    past, steps = ledger.history(), ledger.config.training.total_timesteps
    assert ledger.append(opening(past, trials, past.fresh.values(), steps))


def learn(ledger: Ledger) -> None:
    """Record that the driver learned what there was."""
    open_round(ledger)


def play(
    config: ExperimentConfig,
    score: Callable[[Trial], float | None],
    past: History | None = None,
) -> tuple[History, Decision]:
    """Answer whatever the driver opens with scores, until it ends the experiment."""
    past = History() if past is None else past
    while (decision := plan(config, past)) is not None and decision.finish is None:
        past = past.after(decision)
        reports = [report(one.trial, score(past.trials[one.trial])) for one in decision.segments]
        past = past.seen({one.key: one for one in reports})
    assert decision is not None
    return past, decision


def of(trials: Sequence[Trial], reports: Iterable[Report]) -> History:
    """One round, and what came of it."""
    past = History().after(opening(History(), trials))
    return past.seen({one.key: one for one in reports})


def go_on(ledger: Ledger, score: Callable[[Trial], float | None] = lambda _: 1.0) -> None:
    """Decide and answer on disk, as driver and workers do, until the experiment has ended."""
    while not (past := ledger.history()).finish or past.asked:
        decision = plan(ledger.config, past)
        assert decision is not None and ledger.append(decision)
        for one in decision.segments:
            value = score(ledger.trial(one.trial))
            state: Any = "failed" if value is None else "completed"
            step = one.from_step if value is None else one.until
            ledger.write_report(Report(*one.key, state, step=step, score=value))
    ledger.finish(past.finish, handled=len(past.requests))
