"""Optuna tunes `sb3_script.py`, one process of two that share a journal file.

    python benchmarks/rivals/optuna_script.py inside|beside JOURNAL TRIALS [TOTAL]

inside: the objective calls the script's function; beside: it starts the script for each trial. With
TOTAL it goes on until so many trials of the study are complete, as one has it that may be killed
and started again.
"""

import subprocess
import sys
from pathlib import Path

import optuna
from sb3_script import learn

LOW, HIGH = 1e-4, 3e-3
SCRIPT = Path(__file__).with_name("sb3_script.py")


def inside(trial: optuna.Trial) -> float:
    rate = trial.suggest_float("learning_rate", LOW, HIGH, log=True)
    return learn(rate, trial.number, lambda step, score: trial.report(score, step))


def beside(trial: optuna.Trial) -> float:
    rate = trial.suggest_float("learning_rate", LOW, HIGH, log=True)
    command = [sys.executable, str(SCRIPT), str(rate), str(trial.number)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Work on the study."""
    how, journal, share, *total = sys.argv[1:]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    backend = optuna.storages.journal.JournalFileBackend(journal)
    study = optuna.create_study(
        study_name="study",
        storage=optuna.storages.journal.JournalStorage(backend),
        sampler=optuna.samplers.RandomSampler(),
        direction="maximize",
        load_if_exists=True,
    )
    complete = (optuna.trial.TrialState.COMPLETE,)
    stops = [optuna.study.MaxTrialsCallback(int(n), states=complete) for n in total]
    n_trials = None if total else int(share)
    study.optimize(inside if how == "inside" else beside, n_trials=n_trials, callbacks=stops)


if __name__ == "__main__":
    main()
