"""Python functions that train."""

import os
import sys

import pytest

from amc.errors import TrainerError, UsageError
from amc.ledger.records import Segment

CLIMBS = """
    def train(trial):
        step = int(trial.checkpoint.read_text()) if trial.checkpoint else 0
        while step < trial.until and not trial.should_stop():
            step += 100
            trial.report(step, step * trial.hyperparameters.get("factor", 1), loss=0.5)
        print("came to", step)
        (trial.directory / "step").write_text(str(step))
        trial.save(trial.directory / "step")
"""


def scores(outcome):
    return [(one.step, one.score) for one in outcome.evaluations]


def test_a_function_trains_as_a_command_does(function, run, tmp_path):
    config = function(CLIMBS, resumable=True, algorithm_config={"factor": 1})

    outcome = run(config, hyperparameters={"factor": 3})

    assert (outcome.state, outcome.score, outcome.steps) == ("completed", 3000.0, 1000)
    assert scores(outcome) == [(step, 3.0 * step) for step in range(100, 1001, 100)]
    assert outcome.checkpoint.exists() and outcome.digest
    (log,) = tmp_path.glob("trial/exchange/0001/output.log")
    assert log.read_text().endswith("came to 1000\n")


def test_a_function_goes_on_from_what_it_saved(function, run, tmp_path):
    config = function(CLIMBS, resumable=True)
    told = tmp_path / "trial" / "metrics" / "0001.jsonl"

    first = run(config, should_stop=told.exists)
    second = run(config)

    assert (first.state, first.steps) == ("interrupted", 100)
    assert (second.state, second.steps) == ("completed", 1000)
    assert scores(second) == [(step, float(step)) for step in range(100, 1001, 100)]


def test_a_function_leaves_this_process_as_it_was(function, run):
    before = os.getcwd(), list(sys.path), sys.stdout, sys.stderr

    run(function(CLIMBS, resumable=True))

    assert (os.getcwd(), sys.path, sys.stdout, sys.stderr) == before


def test_a_function_that_does_not_ask_is_ended_at_its_next_report(function, run):
    config = function(
        """
        def train(trial):
            for step in range(100, 1001, 100):
                trial.report(step, -1)
        """
    )
    segment = Segment(7, 0, from_step=0, until=1000, horizon=1000, stop_below=((300, 5.0),))

    outcome = run(config, segment=segment)

    assert (outcome.state, outcome.steps) == ("halted", 300)


def test_what_a_function_raises_is_its_own(function, run):
    config = function("def train(trial):\n    raise ZeroDivisionError('lr is 0')")

    with pytest.raises(ZeroDivisionError, match="lr is 0"):
        run(config)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("pass", "ended without a score"),
        ("trial.report(5, float('inf'))", "report: score is inf"),
        ("trial.report(5, 1); trial.report(4, 1)", "step 4 after step 5"),
        ("trial.report(5, 1); trial.save('/no/such/file')", "/no/such/file cannot be read"),
        ("trial.report(5, 1); raise SystemExit('no luck')", "ended by sys.exit('no luck')"),
        ("raise OSError(28, 'full')", "no room on a disk of its own"),
    ],
)
def test_what_a_function_tells_wrong_is_one_sentence(function, run, body, told):
    with pytest.raises(TrainerError) as caught:
        run(function(f"def train(trial):\n    {body}"))

    assert told in str(caught.value)


def test_a_function_that_is_not_there_is_told(function, run):
    config = function("train = 3", name="trian")

    with pytest.raises(UsageError, match="has no attribute 'trian'"):
        run(config)


def test_what_cannot_be_called_is_told(function, run):
    with pytest.raises(UsageError, match="is 3, which cannot be called"):
        run(function("train = 3"))


def test_a_module_that_is_not_allowed_is_not_imported(function, run, tmp_path, monkeypatch):
    config = function(f"open({str(tmp_path / 'was-imported')!r}, 'w')")
    monkeypatch.delenv("AMC_ALLOW_MODULES")

    with pytest.raises(UsageError, match="is not allowed here"):
        run(config)

    assert not (tmp_path / "was-imported").exists()


def test_a_function_that_ends_by_exit_has_ended_well(function, run):
    outcome = run(function("import sys\ndef train(trial):\n    trial.report(1000, 2); sys.exit()"))

    assert (outcome.state, outcome.score) == ("completed", 2.0)


def test_a_function_that_clears_the_path_leaves_it_as_it_was(function, run):
    before = list(sys.path)

    run(function("import sys\ndef train(trial):\n    sys.path.clear(); trial.report(1000, 2)"))

    assert sys.path == before


@pytest.mark.parametrize("rest", ["return", "trial.report(1000, 3)", "raise SystemExit"])
def test_a_process_that_a_function_forks_goes_no_further_than_the_function(
    function, run, tmp_path, rest
):
    config = function(
        f"""
        import os
        def train(trial):
            child = os.fork()
            if child == 0:
                {rest}
                return
            _, status = os.waitpid(child, 0)
            trial.report(1000, os.waitstatus_to_exitcode(status))
        """
    )

    outcome = run(config)

    assert (outcome.score, len(outcome.evaluations)) == (1.0, 1)


def test_a_function_that_catches_its_end_is_not_heard_any_more(function, run):
    config = function(
        """
        def train(trial):
            for step in range(100, 1001, 100):
                try:
                    trial.report(step, -1)
                except BaseException as error:
                    last = error
            raise last
        """
    )
    segment = Segment(7, 0, from_step=0, until=1000, horizon=1000, stop_below=((300, 5.0),))

    outcome = run(config, segment=segment)

    assert (outcome.state, outcome.steps) == ("halted", 300)
