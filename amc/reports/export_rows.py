"""An experiment as two tables: a row per trial and one per evaluation.

The one place that says what the columns are; CSV, JSON, data frames and Optuna journals are made of
these rows. Its doors are `trial_rows` and `evaluation_rows`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from amc.ledger import History, Ledger
from amc.ledger.records import SegmentKey
from amc.reports.stints import Stint, stints_of
from amc.training.curve import evaluation_curve
from amc.trial_status import TrialStatus

TRIAL_COLUMNS = (
    *("experiment", "trial", "kind", "suggestion", "round", "state", "score", "mean_evaluation"),
    *("solved_at", "steps", "horizon", "seconds", "attempts", "started", "ended", "worker"),
    *("seed", "rank", "compared", "request", "retry_of", "digest", "error"),
)
EVALUATION_COLUMNS = (
    *("experiment", "trial", "kind", "suggestion", "segment", "step", "score", "std"),
    *("episodes", "length", "cut", "seconds"),
)
# Before each hyperparameter's own name, as in Optuna's data frames.
PREFIX = "params_"


def trial_rows(ledger: Ledger, trials: Sequence[TrialStatus]) -> list[dict[str, Any]]:
    """A row per trial, with `TRIAL_COLUMNS` and its hyperparameters in an object `params`.

    Args:
        ledger: of the experiment.
        trials: where each of them stands.
    """
    history = ledger.history()
    spans = _spans(stints_of(ledger, history))
    return [_trial_row(ledger.id, trial, history, spans.get(trial.number)) for trial in trials]


def _trial_row(
    experiment: str,
    trial: TrialStatus,
    history: History,
    span: tuple[float, float | None] | None,
) -> dict[str, Any]:
    result = history.ended(trial.number)
    started, ended = span or (None, None)
    more = {
        "experiment": experiment,
        "trial": trial.number,
        "mean_evaluation": None if result is None else result.mean_evaluation,
        "started": started,
        "ended": ended,
        "digest": None if result is None else result.digest,
        "worker": trial.worker or None,
    }
    row = {name: more[name] if name in more else getattr(trial, name) for name in TRIAL_COLUMNS}
    return row | {"params": dict(trial.hyperparameters)}


def _spans(stints: Iterable[Stint]) -> dict[int, tuple[float, float | None]]:
    """When the first attempt at each trial began, and when the last one ended."""
    found: dict[int, tuple[float, float | None]] = {}
    for stint in stints:
        started, _ = found.get(stint.trial, (stint.started, None))
        found[stint.trial] = started, None if stint.group == "running" else stint.ended
    return found


def evaluation_rows(ledger: Ledger, trials: Sequence[TrialStatus]) -> Iterator[dict[str, Any]]:
    """A row per evaluation that was made in each trial, by trial and step.

    What a trial of a population was evaluated at before it copied another one is among its rows,
    and what that other one was evaluated at is not.
    """
    history = ledger.history()
    for trial in trials:
        for index in range(history.last[trial.number] + 1):
            for made in _evaluations(ledger, history, (trial.number, index)):
                row = {
                    "experiment": ledger.id,
                    "trial": trial.number,
                    "kind": trial.kind,
                    "suggestion": trial.suggestion,
                    "segment": index,
                    **made,
                }
                yield {name: row.get(name) for name in EVALUATION_COLUMNS}


def _evaluations(ledger: Ledger, history: History, key: SegmentKey) -> list[dict[str, Any]]:
    """Those of a segment: its files have more of each, its report has them for ever."""
    trial, index = key
    made = evaluation_curve(ledger.paths.trial(trial).segment(index).directory)
    found = {one.step: asdict(one) for one in made}
    report = history.report(key)
    for step, score in () if report is None else report.curve:
        found.setdefault(step, {"step": step, "score": score})
    return [found[step] for step in sorted(found)]


def flat(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """A trial's row with a column for each of these hyperparameters, None where it has none."""
    params = row["params"]
    plain = {name: value for name, value in row.items() if name != "params"}
    return plain | {PREFIX + name: params.get(name) for name in names}


def names_of(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Every hyperparameter that one of the trials has, in the order of the search space."""
    return list(dict.fromkeys(name for row in rows for name in row["params"]))
