"""Optuna tunes `sb3_script.py`, one process of two that share a journal file.

    python benchmarks/rivals/optuna_script.py inside|beside JOURNAL RATES TRIALS [TOTAL]

inside: the objective calls the script's function; beside: it starts the script for each trial. It
searches a grid of RATES, a list in JSON; with TOTAL it draws at random between the least and the
greatest until so many trials of the study are complete, as one has it that may be killed and
started again: a point of the grid would be lost with its trial.
"""

import json
import subprocess
import sys
from pathlib import Path

import optuna
from sb3_script import learn

RATES = json.loads(sys.argv[3])
SCRIPT = Path(__file__).with_name("sb3_script.py")


def inside(trial: optuna.Trial) -> float:
    rate = trial.suggest_float("learning_rate", min(RATES), max(RATES), log=True)
    return learn(rate, lambda step, score: trial.report(score, step))


def beside(trial: optuna.Trial) -> float:
    rate = trial.suggest_float("learning_rate", min(RATES), max(RATES), log=True)
    command = [sys.executable, str(SCRIPT), str(rate)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Work on the study."""
    how, journal, _, share, *total = sys.argv[1:]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    backend = optuna.storages.journal.JournalFileBackend(journal)
    grid = optuna.samplers.GridSampler({"learning_rate": RATES})
    sampler = optuna.samplers.RandomSampler() if total else grid
    study = optuna.create_study(
        study_name="study",
        storage=optuna.storages.journal.JournalStorage(backend),
        sampler=sampler,
        direction="maximize",
        load_if_exists=True,
    )
    complete = (optuna.trial.TrialState.COMPLETE,)
    stops = [optuna.study.MaxTrialsCallback(int(n), states=complete) for n in total]
    n_trials = None if total else int(share)
    study.optimize(inside if how == "inside" else beside, n_trials=n_trials, callbacks=stops)


if __name__ == "__main__":
    main()
