"""An experiment as an Optuna study in a journal file, for optuna-dashboard and Optuna's own tools.

Trials keep their numbers. Optuna is an extra (`pip install 'ai-mission-control[dashboard]'`); this
module, `amc.optimizers.tpe` and `amc dashboard` know it. Its door is `write`.

    amc                                     Optuna
    completed, halted                       COMPLETE, PRUNED
    failed or cancelled, running, waiting   FAIL, RUNNING, WAITING
    a range, log or not                     a FloatDistribution or an IntDistribution
    a range on a reverse_log scale          a FloatDistribution, linear: Optuna has no such scale
    choices                                 a CategoricalDistribution; arrays as their JSON text
    evaluations                             intermediate values by step
    kind, suggestion, seed, ...             user attributes
"""

import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from amc.config.search.dimension import Dimension
from amc.errors import UsageError
from amc.ledger import Ledger
from amc.reports.export_rows import evaluation_rows, trial_rows
from amc.reports.material import space_of
from amc.trial_status import TrialStatus

try:
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
except ImportError as error:
    raise UsageError(
        "An Optuna journal needs Optuna, which is not installed here. "
        "Install it: pip install 'ai-mission-control[dashboard]'."
    ) from error

_STATES = {
    "completed": optuna.trial.TrialState.COMPLETE,
    "halted": optuna.trial.TrialState.PRUNED,
    "failed": optuna.trial.TrialState.FAIL,
    "cancelled": optuna.trial.TrialState.FAIL,
    "running": optuna.trial.TrialState.RUNNING,
    "waiting": optuna.trial.TrialState.WAITING,
}
_ATTRIBUTES = (
    *("kind", "suggestion", "round", "seed", "steps", "seconds", "attempts", "worker"),
    *("solved_at", "mean_evaluation", "error"),
)


def write(path: Path, ledger: Ledger, trials: Sequence[TrialStatus]) -> None:
    """Write the study, named as the experiment; a file that is there is replaced.

    Args:
        path: of the journal.
        ledger: of the experiment.
        trials: where each of them stands.
    """
    space = space_of(ledger.config)
    curves: dict[int, dict[int, float]] = {}
    for row in evaluation_rows(ledger, trials):
        curves.setdefault(row["trial"], {})[row["step"]] = row["score"]
    rows = trial_rows(ledger, trials)
    new = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    new.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _silent():
            study = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(str(new))),
                study_name=ledger.id,
                direction="maximize",
            )
            study.set_user_attr("config", ledger.config.to_json())
            study.set_metric_names(["score"])
            study.add_trials([_trial(row, space, curves.get(row["trial"], {})) for row in rows])
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _trial(
    row: Mapping[str, Any], space: Mapping[str, Dimension], curve: Mapping[int, float]
) -> Any:
    state = _STATES[row["state"]]
    params = {name: value for name, value in row["params"].items() if name in space}
    has_value = row["state"] in {"completed", "halted"} and row["score"] is not None
    trial = optuna.trial.create_trial(
        state=optuna.trial.TrialState.FAIL if state.name == "COMPLETE" and not has_value else state,
        value=row["score"] if has_value else None,
        params={name: _value(space[name], value) for name, value in params.items()},
        distributions={name: distribution(space[name]) for name in params},
        user_attrs={name: row[name] for name in _ATTRIBUTES if row[name] is not None},
        intermediate_values=dict(curve),
    )
    if row["started"] is not None:
        trial.datetime_start = datetime.fromtimestamp(row["started"])
    if state.is_finished() and row["ended"] is not None:
        trial.datetime_complete = datetime.fromtimestamp(row["ended"])
    return trial


def distribution(dimension: Dimension) -> BaseDistribution:
    """What Optuna calls a dimension."""
    if dimension.choices is not None:
        return CategoricalDistribution([_value(dimension, one) for one in dimension.choices])
    is_log = dimension.scale == "log"
    if dimension.type == "int":
        return IntDistribution(int(dimension.low), int(dimension.high), log=is_log)
    return FloatDistribution(dimension.low, dimension.high, log=is_log)


def _value(dimension: Dimension, value: Any) -> Any:
    is_plain = value is None or isinstance(value, str | int | float)
    return value if dimension.choices is None or is_plain else json.dumps(value)


@contextmanager
def _silent() -> Iterator[None]:
    """Without the line that Optuna logs for each study, and its warnings of what is new in it."""
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        logger.setLevel(level)
