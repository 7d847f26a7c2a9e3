import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from click.testing import Result as Outcome

from amc.ledger import Ledger

Amc = Callable[..., Outcome]
Make = Callable[..., Ledger]


def test_without_a_broker_nothing_is_recorded_and_the_exit_code_is_3(
    amc: Amc, config_path: Path, shared: Path
):
    outcome = amc("submit", config_path)

    assert outcome.exit_code == 3
    assert outcome.stdout == ""
    assert "amc up" in outcome.stderr
    assert not list(shared.glob("*"))


def test_the_search_space_is_told_as_it_is_understood(amc: Amc, config_path: Path):
    outcome = amc("submit", config_path, "--set", "training.total_timesteps=50000")

    assert "ppo on CartPole-v1, 50,000 steps a trial" in outcome.stderr
    assert "random search, 4 trials, over" in outcome.stderr
    assert "  learning_rate: 0.0001 to 0.01, log scale" in outcome.stderr


def test_the_steps_at_which_a_schedule_changes_something_are_told(amc: Amc, config_path: Path):
    schedule = [{"from_step": step, "hyperparameters": {"gamma": 0.9}} for step in (1000, 2000)]

    outcome = amc(
        *("submit", config_path, "--set", "hyperparameter_optimizer=null"),
        *("--set", "training.total_timesteps=50000", "--set", f"schedule={json.dumps(schedule)}"),
    )

    assert "one trial, changed by its schedule at step 1,000, 2,000\n" in outcome.stderr


def test_a_wrong_config_exits_with_2_and_names_every_fault(amc: Amc, tmp_path: Path):
    path = tmp_path / "wrong.json"
    path.write_text('{"experiment_name": "x", "algorithm": "ppo", "trainig": {}}')

    outcome = amc("submit", path)

    assert outcome.exit_code == 2
    assert "trainig" in outcome.stderr
    assert "environment" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_config_that_is_not_there_exits_with_2(amc: Amc, tmp_path: Path):
    outcome = amc("submit", tmp_path / "nothing.json")

    assert outcome.exit_code == 2
    assert "nothing.json" in outcome.stderr


def test_a_warm_start_of_no_experiment_exits_with_2_and_nothing_is_recorded(
    amc: Amc, config_path: Path, make_experiment: Make, shared: Path
):
    make_experiment(1.0)

    outcome = amc("submit", config_path, "--warm-start", "cartpole-7")

    assert outcome.exit_code == 2
    assert "'cartpole-7': not found" in outcome.stderr
    assert "Did you mean 'cartpole-1'?" in outcome.stderr
    assert [path.name for path in shared.glob("*")] == ["cartpole-1"]


def test_an_experiment_is_cancelled_even_while_no_broker_answers(make_experiment: Make):
    ledger = make_experiment(1.0, end=None)

    process = subprocess.run(
        [sys.executable, "-m", "amc", "cancel", "latest"], capture_output=True, text=True
    )

    assert (process.returncode, process.stdout) == (0, "cartpole-1 cancelled\n")
    assert "Traceback" not in process.stderr
    assert ledger.paths.cancelled.exists()


def test_cancelling_what_has_ended_changes_nothing(amc: Amc, make_experiment: Make):
    ledger = make_experiment(1.0)

    outcome = amc("cancel", "cartpole-1")

    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert "has ended already" in outcome.stderr
    assert not ledger.paths.cancelled.exists()


def test_what_cannot_be_is_not_said_to_be_done(amc: Amc, make_experiment: Make):
    make_experiment(1.0)
    make_experiment(1.0, end="cancelled")
    make_experiment(1.0, end=None).mark_cancelled()

    asked = {
        (verb, number): amc(verb, f"cartpole-{number}").exit_code
        for verb in ("pause", "resume", "cancel")
        for number in (1, 2, 3)
    }

    done = [key for key, exit_code in asked.items() if exit_code == 0]
    assert done == [("cancel", 2), ("cancel", 3)]
    assert set(asked.values()) == {0, 2}


def test_what_to_cancel_has_to_be_said(amc: Amc, make_experiment: Make):
    make_experiment(1.0, end=None)

    assert amc("cancel").exit_code == 2
