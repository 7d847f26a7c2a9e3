"""Trials as plain values, and experiments on disk with everything that a report tells of."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.config.search.dimension import Dimension
from amc.config.search.search_space import parse_dimension
from amc.experiment_view import Experiment
from amc.ledger import AttemptEnd, Ledger, Report, Trial
from amc.trial_status import TrialStatus
from tests.experiments import learn, open_round

SPACE = {
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "gamma": {"low": 0.9, "high": 0.9999, "reverse_log": True},
    "n_epochs": {"low": 1, "high": 9, "type": "int"},
    "activation": {"choices": ["tanh", "relu"]},
    "clip_range": {"low": 0.1, "high": 0.4, "if": {"activation": ["tanh"]}},
}
CONFIG: dict[str, Any] = {
    "experiment_name": "told",
    "description": "<b>bold</b> & <script>alert(1)</script>",
    "algorithm": "ppo",
    "environment": {"name": "CartPole-v1", "reward_threshold": 475},
    "hyperparameter_optimizer": {"type": "random", "n_calls": 40, "search_space": SPACE},
    "training": {"total_timesteps": 3000, "eval_freq": 1000},
}


@pytest.fixture
def space() -> dict[str, Dimension]:
    """A search space with every kind of dimension."""
    return {name: parse_dimension(form) for name, form in SPACE.items()}


def point(number: int) -> dict[str, Any]:
    """The hyperparameters of a trial: spread over the space, the same each time."""
    share = (number * 0.618) % 1.0
    found: dict[str, Any] = {
        "learning_rate": 10 ** (-4 + 3 * share),
        "gamma": 1 - 10 ** (-4 + 3 * ((number * 0.3) % 1.0)),
        "n_epochs": 1 + number % 9,
        "activation": ("tanh", "relu")[number % 2],
    }
    return found | ({"clip_range": 0.1 + 0.3 * share} if number % 2 == 0 else {})


@pytest.fixture
def make_trials() -> Callable[..., list[TrialStatus]]:
    """Trials of these scores; None failed. `kind` is that of all of them."""

    def make(*scores: float | None, kind: str = "search", first: int = 0) -> list[TrialStatus]:
        return [
            TrialStatus(
                number,
                "failed" if score is None else "completed",
                score,
                point(number),
                *(number, 1, 3000, 2.0, "rl-worker-0"),
                kind=kind,
                suggestion=number,
            )
            for number, score in enumerate(scores, start=first)
        ]

    return make


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the ledger takes for the time: a list of one number, which a test may change."""
    now = [1_790_000_000.0]
    monkeypatch.setattr("amc.ledger.ledger.time.time", lambda: now[0])
    return now


@pytest.fixture
def record(shared: Path, clock: list[float]) -> Callable[..., Experiment]:
    """Record an experiment: a round of these scores, each trained for ten seconds, one by one.

    None is a failed trial. `end` is the state to finish it in; None leaves it running, with what
    was reported last not learned yet.
    """

    def make(
        scores: Sequence[float | None], *, end: str | None = "completed", **changes: Any
    ) -> Experiment:
        config = ConfigLoader().from_mapping({**CONFIG, **changes}, source="test")
        ledger = Ledger.create(shared, config, created=clock[0])
        searched = config.hyperparameter_optimizer is not None
        trials = [
            Trial(number, point(number) if searched else {}, number, 0, number if searched else 0)
            for number in range(len(scores))
        ]
        open_round(ledger, *trials)
        for trial, score in zip(trials, scores, strict=True):
            train(ledger, trial.number, score, clock)
        if end is not None:
            learn(ledger)
            ledger.finish(end, "ValueError: <i>broken</i>" if end == "failed" else None)
        return Experiment(ledger)

    return make


def train(ledger: Ledger, trial: int, score: float | None, clock: list[float]) -> None:
    """One attempt at a trial, of ten seconds, and what came of it."""
    attempt = ledger.claim_attempt(trial, worker="rl-worker-0", queue="gpu0", host="box/7")
    clock[0] += 10.0
    ledger.end_attempt(
        trial, attempt.number, AttemptEnd("exception" if score is None else "result")
    )
    points = tuple((step, float(score or 0) * step / 3000) for step in (1000, 2000, 3000))
    ledger.write_report(
        Report(
            *(trial, 0, "failed" if score is None else "completed"),
            step=0 if score is None else 3000,
            score=score,
            curve=() if score is None else points,
            attempt=attempt.number,
            seconds=10.0,
            worker="rl-worker-0",
            digest=None if score is None else "ab" * 32,
            error="exception: Traceback\nValueError: <b>nan</b>" if score is None else None,
            environment="compiled@1 CartPole-v1",
            kernel="fast@1",
        )
    )


def write_evaluation(directory: Path, step: int, score: float) -> None:
    """An evaluation in the first attempt's file, as a worker writes it."""
    from amc.training.curve import Curve, Evaluation

    Curve(directory, 1).append(Evaluation(step, score, 1.0, 10, 99.0, 0.5))


def load(text: str) -> Any:
    """A JSON document that has nothing in it that JSON does not know."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
