"""The commands that only read: ls, show, best, watch on experiments that lie on disk."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result as Outcome

from amc.config.loader import ConfigLoader
from amc.ledger import Ledger, Trial, log
from tests.experiments import learn, open_round, report

CONFIG = {
    "experiment_name": "hostile",
    "algorithm": "ppo",
    "environment": {"name": "CartPole-v1"},
    "training": {"total_timesteps": 2048},
}
Amc = Callable[..., Outcome]
Make = Callable[..., Ledger]
TRIAL_KEYS = {
    *("number", "state", "score", "hyperparameters", "seed", "attempts", "steps", "seconds"),
    "worker",
}


def test_an_empty_shared_directory_lists_nothing(amc: Amc):
    table, document = amc("ls"), amc("ls", "--json")

    assert (table.exit_code, table.stdout) == (0, "")
    assert "amc run" in table.stderr
    assert json.loads(document.stdout) == []


def test_experiments_are_listed_newest_first(amc: Amc, make_experiment: Make):
    make_experiment(1.0, 2.0)
    make_experiment(3.0, None, end=None)

    outcome = amc("ls")
    listed = json.loads(amc("ls", "--json").stdout)

    assert outcome.stdout.index("cartpole-2") < outcome.stdout.index("cartpole-1")
    assert [(row["experiment_id"], row["state"]) for row in listed] == [
        ("cartpole-2", "running"),
        ("cartpole-1", "completed"),
    ]
    assert listed[0]["best"]["score"] == 3.0
    assert listed[0]["trial_states"] == {"completed": 1, "failed": 1}


def test_one_damaged_experiment_hides_no_other(amc: Amc, make_experiment: Make, shared: Path):
    make_experiment(1.0)
    (shared / "broken-1").mkdir()
    (shared / "broken-1" / "experiment.json").write_text('{"a":')

    listed, latest = amc("ls", "--json"), amc("show", "latest", "--json")

    sound, broken = json.loads(listed.stdout)
    assert (sound["experiment_id"], broken["experiment_id"]) == ("cartpole-1", "broken-1")
    assert broken["state"] == "damaged"
    assert str(shared / "broken-1" / "experiment.json") in broken["error"]
    assert "broken-1 cannot be read" in listed.stderr
    assert json.loads(latest.stdout)["experiment_id"] == "cartpole-1"


def test_a_directory_without_an_experiment_is_none(amc: Amc, shared: Path):
    (shared / "notes").mkdir(parents=True)

    outcome = amc("cancel", "notes")

    assert outcome.exit_code == 2
    assert list((shared / "notes").iterdir()) == []


def test_show_prints_every_trial_and_why_one_failed(amc: Amc, make_experiment: Make):
    make_experiment(3.0, None)

    outcome = amc("show", "cartpole-1")

    assert outcome.exit_code == 0
    assert (
        "cartpole-1: completed, 2 of 2 trials done (1 failed), best 3 (trial 0)" in outcome.stdout
    )
    assert "rl-worker-1" in outcome.stdout
    assert "trial 1 failed: exception: Traceback ... ValueError: nan" in outcome.stdout


def test_show_leaves_out_most_of_very_many_trials_unless_all_are_asked_for(
    amc: Amc, make_experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_experiment(3.0, None)
    monkeypatch.setattr("amc.cli.show._MOST_ROWS", 1)

    some, everything = amc("show", "cartpole-1"), amc("show", "cartpole-1", "--all")

    assert "trials shown; all of them: amc show --all" in some.stdout
    assert "trials shown" not in everything.stdout


def test_show_as_json_is_one_document_with_the_agreed_keys(amc: Amc, make_experiment: Make):
    make_experiment(3.0, 5.0)

    document = json.loads(amc("show", "--json").stdout)

    assert document.keys() >= {"experiment_id", "state", "best", "trials"}
    assert document["best"]["score"] == 5.0
    assert all(trial.keys() >= TRIAL_KEYS for trial in document["trials"])


def test_a_unique_beginning_and_latest_name_an_experiment(amc: Amc, make_experiment: Make):
    make_experiment(1.0, 2.0, name="cartpole")
    make_experiment(1.0, 2.0, name="pendulum")

    by_beginning = json.loads(amc("show", "cart", "--json").stdout)
    by_word = json.loads(amc("show", "latest", "--json").stdout)

    assert by_beginning["experiment_id"] == "cartpole-1"
    assert by_word["experiment_id"] == "pendulum-1"


def test_an_unknown_experiment_is_answered_with_the_one_that_was_meant(
    amc: Amc, make_experiment: Make
):
    make_experiment(1.0, 2.0)

    outcome = amc("show", "catpole-1")

    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert "Did you mean 'cartpole-1'?" in outcome.stderr


def test_best_tells_score_hyperparameters_and_place(amc: Amc, make_experiment: Make):
    ledger = make_experiment(3.0, 5.0)

    outcome = amc("best")

    assert "5 (trial 1)" in outcome.stdout
    assert "gamma = 0.91" in outcome.stdout
    assert ledger.id in outcome.stdout


@pytest.fixture
def lucky(make_experiment: Make) -> Ledger:
    """Trial 0 was lucky: its suggestion scored -891.7 at first and -1200 and -1192.1 again."""
    ledger = make_experiment(-891.7, -2000.0, end=None)
    trials = [
        Trial(number, {"learning_rate": 0.001, "gamma": 0.9}, number, 1, 0, "finalist")
        for number in (2, 3)
    ]
    open_round(ledger, *trials)
    for trial, score in zip(trials, (-1200.0, -1192.1), strict=True):
        ledger.write_report(report(trial.number, score, worker="rl-worker-0"))
    return ledger


@pytest.mark.parametrize("command", ["best", "ls", "show", "watch"])
def test_what_decided_is_shown_and_not_the_luckiest_seed(command: str, amc: Amc, lucky: Ledger):
    lucky.finish("completed")

    outcome = amc(command)

    # (-891.7 - 1200 - 1192.1) / 3 and their standard deviation over the root of 3
    assert re.search(r"-1095 ± 101 ( |\()3 seeds", outcome.stdout)


@pytest.fixture
def tested(lucky: Ledger) -> Ledger:
    """The same, whose winner was then tested on three seeds that had no part in choosing it."""
    tests = [Trial(n, {"learning_rate": 0.001, "gamma": 0.9}, n, 2, 0, "test") for n in (4, 5, 6)]
    open_round(lucky, *tests)
    for trial, score in zip(tests, (-1300.0, -1310.0, -1290.0), strict=True):
        lucky.write_report(report(trial.number, score, worker="rl-worker-0"))
    lucky.finish("completed")
    return lucky


# -1300 -+ 4.303 * 10 / sqrt(3)
@pytest.mark.parametrize("command", ["best", "ls", "show", "watch"])
def test_what_the_tests_came_to_is_the_headline(command: str, amc: Amc, tested: Ledger):
    outcome = amc(command)

    assert re.search(r"-1300.0 \[-1324.8, -1275.2\] ( |\()3 test seeds", outcome.stdout)


def test_best_and_show_tell_what_chose_the_winner_and_whose_agent_is_kept(amc: Amc, tested: Ledger):
    best, shown = amc("best").stdout, amc("show").stdout

    assert "95 % interval, on seeds that had no part in choosing it" in best
    assert "chosen by        -1095 ± 101 (3 seeds)" in best
    assert "its agent        trial 0, search, score -891.7" in best
    assert "chosen by: -1095 ± 101 (3 seeds), trials 0, 2, 3" in shown
    assert "test: the winner again, on a seed that had no part in choosing it" in shown
    document = json.loads(amc("best", "--json").stdout)
    assert document["chosen_by"]["mean_of"] == [0, 2, 3]
    assert document["interval"] == pytest.approx([-1324.841, -1275.159], abs=1e-3)


def test_show_tells_of_an_upgrade_in_the_middle(
    amc: Amc, make_experiment: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(log, "VERSION", "0.0.8")
    ledger = make_experiment(3.0, 5.0, end=None)
    monkeypatch.setattr(log, "VERSION", "0.0.9")
    learn(ledger)

    shown, document = amc("show"), json.loads(amc("show", "--json").stdout)

    upgrade = "decided by       amc 0.0.8, from decision 1 on 0.0.9: it may decide otherwise"
    assert upgrade in shown.stdout
    assert document["made_by"] == [
        {"decision": 0, "amc": "0.0.8"},
        {"decision": 1, "amc": "0.0.9"},
    ]


def test_a_config_trained_on_many_seeds_shows_their_mean_with_its_interval(amc: Amc, shared: Path):
    single = {key: value for key, value in CONFIG.items() if key != "hyperparameter_optimizer"}
    config = ConfigLoader().from_mapping({**single, "seeds": 3}, source="test")
    ledger = Ledger.create(shared, config)
    open_round(ledger, *(Trial(number, {}, number) for number in range(3)))
    for number in range(3):
        ledger.write_report(report(number, 100.0 + number))

    best, listed, shown = (amc(command).stdout for command in ("best", "ls", "show"))

    assert "101.00 [98.52, 103.48] (3 seeds)" in best
    assert "the mean and its 95 % interval" in best
    assert "its agent        trial 2, score 102" in best
    assert "101.00 [98.52, 103.48]  3 seeds" in listed
    assert "3 of 3 trials done, best 101.00 [98.52, 103.48] (3 seeds, trial 2)" in shown


@pytest.mark.parametrize(("cpus", "rows"), [("aa", 1), ("ab", 2)])
def test_show_tells_with_what_trials_ran_and_where_that_was_not_one_thing(
    cpus: str, rows: int, amc: Amc, shared: Path
):
    ledger = Ledger.create(shared, ConfigLoader().from_mapping(CONFIG, source="test"))
    open_round(ledger, *(Trial(number, {}, number, suggestion=number) for number in (0, 1)))
    for number, cpu in enumerate(cpus):
        ran = {"amc": ("0.1.0",), "kernel": "fast@1", "cpu": (cpu,)}
        ledger.write_report(report(number, 1.0, environment="gymnasium 1 CartPole-v1", **ran))

    lines = amc("show").stdout.splitlines()
    document = json.loads(amc("show", "--json").stdout)

    told = [line for line in lines if "fast@1, gymnasium 1 CartPole-v1" in line]
    assert len(told) == len(document["ran_with"]) == rows
    assert told[0].startswith("ran with         amc 0.1.0, fast@1, gymnasium 1 CartPole-v1, a")
    assert any("bits may differ" in line for line in lines) == (rows == 2)
    assert document["ran_with"][0]["n_trials"] == 3 - rows


def test_the_document_of_best_has_the_mean_and_the_single_score(amc: Amc, lucky: Ledger):
    best = json.loads(amc("best", "--json").stdout)
    (listed,) = json.loads(amc("ls", "--json").stdout)

    assert (best["score"], best["n_seeds"], best["kind"]) == (-891.7, 3, "search")
    assert best["mean_score"] == pytest.approx(-1094.6)
    assert best["standard_error"] == pytest.approx(101.476, abs=1e-3)
    assert listed["best"] == best


def test_show_tells_finalists_from_the_trials_of_the_search(amc: Amc, lucky: Ledger):
    lines = amc("show").stdout.splitlines()

    kinds = [line.split()[1] for line in lines if "completed  " in line]
    assert kinds == ["search", "search", "finalist", "finalist"]


@pytest.fixture
def of_plug_ins(shared: Path) -> Ledger:
    """An experiment whose algorithm, environment, wrapper and search this process does not have."""
    mapping = {
        "experiment_name": "elsewhere",
        "algorithm": "sac",
        "algorithm_config": {"alpha": 0.2, "tau": 0.01, "layers": [64, 64]},
        "environment": {
            "name": "mine:Arm-v0",
            "wrappers": ["mine:wrap", {"name": "clip", "kwargs": {"to": 1}}],
        },
        "optimizer": {"learning_rate": 0.001},
        "hyperparameter_optimizer": {
            "type": "mine:Search",
            "n_calls": 1,
            "search_space": {"alpha": {"low": 0.1, "high": 0.5, "type": "float"}},
        },
        "training": {"total_timesteps": 2048},
    }
    config = ConfigLoader().from_mapping(mapping, accepted=True)
    ledger = Ledger.create(shared, config)
    open_round(ledger, Trial(0, {"alpha": 0.3}, 0))
    ledger.write_report(report(0, 7.0, worker="rl-worker-0"))
    return ledger


@pytest.mark.parametrize("command", ["ls", "show", "best", "watch"])
def test_experiments_of_plug_ins_are_read_where_these_are_not(
    command: str, amc: Amc, of_plug_ins: Ledger
):
    of_plug_ins.finish("completed")

    text, document = amc(command), amc(command, "--json")

    assert (text.exit_code, document.exit_code) == (0, 0), text.stderr
    assert "7" in text.stdout and "elsewhere-1" in text.stdout
    assert json.loads(document.stdout)


def test_the_best_of_plug_ins_is_a_config_with_its_hyperparameters(amc: Amc, of_plug_ins: Ledger):
    config = json.loads(amc("best", "--as-config").stdout)

    assert config["algorithm_config"] == {"alpha": 0.3, "tau": 0.01, "layers": [64, 64]}
    assert config["environment"]["name"] == "mine:Arm-v0"


def test_best_as_config_is_a_config_that_trains_it_again(
    amc: Amc, make_experiment: Make, tmp_path: Path
):
    make_experiment(3.0, 5.0)
    path = tmp_path / "tuned.json"

    path.write_text(amc("best", "--as-config").stdout)
    config = ConfigLoader().load_config(path)

    assert config.hyperparameter_optimizer is None
    assert config.algorithm_config.gamma == 0.91
    assert config.optimizer.learning_rate == 0.001
    assert config.seed == 1


def test_best_of_nothing_is_an_error(amc: Amc, make_experiment: Make):
    make_experiment(None, None, end="failed")

    outcome = amc("best", "--json")

    assert outcome.exit_code == 1
    assert outcome.stdout == ""
    assert "no trial was completed" in outcome.stderr


def test_watching_what_has_ended_tells_the_end_and_exits_as_it_did(amc: Amc, make_experiment: Make):
    make_experiment(3.0, 5.0, end="completed")
    make_experiment(None, end="failed")
    make_experiment(3.0, end="cancelled")

    completed, failed, cancelled = (amc("watch", f"cartpole-{n}") for n in (1, 2, 3))

    assert completed.exit_code == 0
    assert completed.stdout.splitlines()[-1].startswith("cartpole-1: completed, 2 of 2 trials done")
    assert failed.exit_code == 1
    assert "cartpole-2 failed: ValueError: broken ... no trial was left" in failed.stderr
    assert cancelled.exit_code == 4


def test_watching_gives_up_after_the_timeout_with_5(amc: Amc, make_experiment: Make):
    make_experiment(3.0, end=None)

    outcome = amc("watch", "--timeout", "0.1", "--json")

    assert outcome.exit_code == 5
    assert json.loads(outcome.stdout)["state"] == "running"
    assert "it goes on" in outcome.stderr
    assert "no worker: amc up" in outcome.stderr or "does not answer" in outcome.stderr


def as_another_process_sees_it(ledger: Ledger) -> Ledger:
    """Under another name, since a process reads each decision once."""
    return Ledger(ledger.directory.rename(ledger.directory.with_name("cartpole-7")))


def test_a_damaged_experiment_hides_no_other(amc: Amc, make_experiment: Make):
    make_experiment(3.0)
    damaged = as_another_process_sees_it(make_experiment(3.0))
    damaged.paths.decision(0).write_text("{")
    damaged.paths.decision_copy(0).unlink()

    outcome = amc("ls")

    assert outcome.exit_code == 0
    assert "cartpole-1" in outcome.stdout
    assert "cartpole-7 cannot be read" in outcome.stderr


@pytest.mark.parametrize("command", [["show"], ["best"], ["watch"], ["resume"], ["show", "--json"]])
@pytest.mark.parametrize("record", ["experiment.json", "decisions/000000.json", "ends/0000.json"])
def test_a_damaged_record_costs_one_sentence_that_names_it(
    amc: Amc, make_experiment: Make, record: str, command: list[str]
):
    ledger = as_another_process_sees_it(make_experiment(3.0, end="failed"))
    ledger.paths.decision_copy(0).unlink()
    (ledger.directory / record).write_text('{"a":' * 100_000)

    listed, outcome = amc("ls"), amc(command[0], ledger.id, *command[1:])

    assert listed.exit_code == 0
    assert "damaged" in listed.stdout
    assert str(ledger.directory / record) in listed.stderr
    if outcome.exit_code:
        assert outcome.exception is None or isinstance(outcome.exception, SystemExit)
        assert len(outcome.stderr.strip().splitlines()) <= 2


def test_words_from_a_ledger_are_shown_and_not_obeyed(amc: Amc, shared: Path):
    hostile = "[/nope] :smile: \x1b[2J\x1b]0;owned\x07 \r gone \u202e turned"
    ledger = Ledger.create(shared, ConfigLoader().from_mapping(CONFIG, source="test"))
    open_round(ledger, Trial(0, {"learning_rate": 0.1, hostile: hostile}, seed=1))
    ledger.write_report(report(0, 1.0, worker=hostile, environment=hostile))
    other = Ledger.create(shared, ConfigLoader().from_mapping(CONFIG, source="test"))
    open_round(other, Trial(0, {}, seed=1))
    other.write_report(report(0, None, worker=hostile, error=hostile))
    other.finish("failed", hostile)

    outcomes = [
        amc("ls"),
        *(amc("show", item.id) for item in (ledger, other)),
        *(amc("show", item.id, "--json") for item in (ledger, other)),
        amc("best", ledger.id),
        *(amc("watch", item.id, "--timeout", "0.1") for item in (ledger, other)),
    ]

    for outcome in outcomes:
        assert outcome.exception is None or isinstance(outcome.exception, SystemExit)
        for line in (outcome.stdout + outcome.stderr).split("\n"):
            assert line.isprintable(), line
    assert "[/nope] :smile: \\x1b[2J" in outcomes[1].stdout
    assert json.loads(outcomes[3].stdout)["trials"][0]["worker"] == hostile


def test_a_terminal_gets_a_table(make_experiment: Make):
    make_experiment(3.0, 5.0)
    leader, follower = os.openpty()
    command = [sys.executable, "-m", "amc", "watch"]
    environment = {**os.environ, "COLUMNS": "120", "LINES": "30", "TERM": "xterm"}

    process = subprocess.Popen(command, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    text = _read_terminal(leader)
    os.close(leader)

    assert process.wait(30) == 0
    assert re.search(r"learning_rate +gamma", text)
    assert re.search(r"1\* .*completed.* 5 .*0\.91", text)


def _read_terminal(leader: int) -> str:
    chunks = []
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # Linux says EIO once the other side is closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    return b"".join(chunks).decode()
