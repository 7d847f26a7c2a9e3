"""An experiment's rows as files that every program reads. Its doors are `write_csv`, `document`."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from amc.ledger import Ledger
from amc.reports.export_rows import (
    EVALUATION_COLUMNS,
    PREFIX,
    TRIAL_COLUMNS,
    evaluation_rows,
    flat,
    names_of,
    trial_rows,
)
from amc.trial_status import TrialStatus

# Names of the two files in a directory of CSV.
TRIALS, EVALUATIONS = "trials.csv", "evaluations.csv"


def write_csv(directory: Path, ledger: Ledger, trials: Sequence[TrialStatus]) -> list[Path]:
    """Write two files, a row per trial and one per evaluation; those that are there are replaced.

    Returns:
        Their paths.
    """
    rows = trial_rows(ledger, trials)
    names = names_of(rows)
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / TRIALS, directory / EVALUATIONS]
    columns = (*TRIAL_COLUMNS, *(PREFIX + name for name in names))
    _write(paths[0], columns, (flat(row, names) for row in rows))
    _write(paths[1], EVALUATION_COLUMNS, evaluation_rows(ledger, trials))
    return paths


def _write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def _cell(value: Any) -> Any:
    """A value as it stands between commas: what is neither number nor text as JSON."""
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value)


def document(ledger: Ledger, trials: Sequence[TrialStatus]) -> dict[str, Any]:
    """A plain JSON object: the config, a row per trial, a row per evaluation."""
    return {
        "experiment_id": ledger.id,
        "state": ledger.state,
        "created": ledger.record.created,
        "config": ledger.config.to_json(),
        "trials": trial_rows(ledger, trials),
        "evaluations": list(evaluation_rows(ledger, trials)),
    }
