import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from amc.config.schema import ExperimentConfig
from amc.errors import LedgerError
from amc.ledger import AttemptEnd, Ledger, Trial, ledgers
from tests.experiments import learn, open_round, opening, report

MakeConfig = Callable[..., ExperimentConfig]


TRIALS = [Trial(0, {"learning_rate": 0.1}, seed=7), Trial(1, {"learning_rate": 0.2}, seed=8)]


def test_a_new_experiment_gets_the_first_free_number(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    config = make_config()

    first, second = Ledger.create(tmp_path, config), Ledger.create(tmp_path, config)

    assert (first.id, second.id) == ("test-1", "test-2")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["test-1", "test-2"]


def test_experiments_submitted_at_once_get_directories_of_their_own(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    config = make_config()

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Ledger.create(tmp_path, config), range(16)))

    assert len({ledger.id for ledger in made}) == 16
    assert all(ledger.record.experiment_id == ledger.id for ledger in made)


def test_what_was_recorded_before_there_were_compiled_environments_goes_on_without_them(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    ledger = Ledger.create(tmp_path, make_config({"environment.backend": "auto"}))

    assert ledger.config.environment.backend == "gymnasium"


def test_the_config_reads_back_as_it_was_resolved(tmp_path: Path, make_config: MakeConfig) -> None:
    config = make_config({"algorithm_config.gamma": 0.9, "environment.backend": "compiled"})

    ledger = Ledger(Ledger.create(tmp_path, config).directory)

    assert ledger.config == config
    assert ledger.record.versions["torch"].startswith("2.")


def test_a_directory_without_an_experiment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no experiment here"):
        _ = Ledger(tmp_path).config


def test_a_decision_is_recorded_once_whoever_comes_second(ledger: Ledger) -> None:
    past = ledger.history()

    are_first = [ledger.append(opening(past, trials)) for trials in (TRIALS, TRIALS[:1])]

    assert are_first == [True, False]
    assert list(ledger.history().trials.values()) == TRIALS
    assert [segment.trial for segment in ledger.history().outstanding] == [0, 1]


def test_a_trial_is_found_though_its_own_copy_was_never_written(ledger: Ledger) -> None:
    open_round(ledger, *TRIALS)
    ledger.paths.trial(1).trial.unlink()

    assert ledger.trial(1) == TRIALS[1]
    assert ledger.segment(1).key == (1, 0)
    with pytest.raises(LedgerError, match="no trial 9"):
        ledger.trial(9)


def test_the_first_report_of_a_segment_stays(ledger: Ledger) -> None:
    open_round(ledger, *TRIALS)

    written = [ledger.write_report(report(0, score)) for score in (1.0, 2.0)]

    seen = ledger.history()
    assert written == [True, False]
    assert seen.fresh[0, 0].score == 1.0
    assert [segment.trial for segment in seen.outstanding] == [1]


def test_an_error_that_holds_half_a_character_is_learned_all_the_same(ledger: Ledger) -> None:
    open_round(ledger, TRIALS[0])
    ledger.write_report(report(0, None, error="no such file: \udcff.txt"))

    learn(ledger)

    assert ledger.result(0) == ledger.history().result(0)
    assert [result.error for _, result in ledger.history().finished()] == ["no such file: ?.txt"]


def test_what_was_learned_is_history_and_read_once(ledger: Ledger) -> None:
    open_round(ledger, *TRIALS)
    for trial in TRIALS:
        ledger.write_report(report(trial.number, float(trial.number)))
    learn(ledger)

    first, second = ledger.history(), ledger.history()

    assert not first.open and not first.fresh
    assert [result.score for _, result in first.finished()] == [0.0, 1.0]
    assert first.learned is second.learned


def test_an_experiment_made_again_under_the_same_name_is_not_answered_from_memory(
    tmp_path: Path, ledger: Ledger, make_config: MakeConfig
) -> None:
    open_round(ledger, *TRIALS)
    ledger.write_report(report(0, 5.0))
    assert ledger.history().trials

    shutil.rmtree(ledger.directory)  # so that the inodes of its files are free again
    again = Ledger.create(tmp_path, make_config())

    assert again.id == ledger.id
    assert not again.history().trials
    open_round(again, *TRIALS)
    again.write_report(report(0, 7.0))
    assert [result.score for _, result in again.history().finished()] == [7.0]
    assert [result.score for _, result in ledger.history().finished()] == [7.0]


def test_attempts_are_numbered_in_order_and_carry_their_end(ledger: Ledger) -> None:
    open_round(ledger, *TRIALS)

    for _ in range(3):
        ledger.claim_attempt(0, worker="rl-worker-0", queue="gpu0", host="here/1")
    ledger.end_attempt(0, 2, AttemptEnd("signal", "SIGKILL"))
    ledger.end_attempt(0, 2, AttemptEnd("result"))

    attempts = ledger.attempts(0)
    assert [attempt.number for attempt in attempts] == [1, 2, 3]
    assert [attempt.end for attempt in attempts] == [None, AttemptEnd("signal", "SIGKILL"), None]


def test_an_attempt_s_end_says_when_it_was(ledger: Ledger) -> None:
    open_round(ledger, *TRIALS)
    begun = ledger.claim_attempt(0, worker="rl-worker-0", queue="gpu0", host="here/1").started

    ledger.end_attempt(0, 1, AttemptEnd("interrupted"))

    (attempt,) = ledger.attempts(0)
    assert attempt.end is not None
    assert begun <= attempt.end.ended <= time.time()


def test_two_workers_never_claim_the_same_attempt(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        claimed = list(
            pool.map(
                lambda n: ledger.claim_attempt(0, worker=f"w{n}", queue="gpu0", host="").number,
                range(24),
            )
        )

    assert sorted(claimed) == list(range(1, 25))


def test_the_state_follows_the_markers_until_the_end_is_recorded(ledger: Ledger) -> None:
    states = [ledger.state]
    ledger.mark_paused(True)
    states.append(ledger.state)
    ledger.mark_paused(False)
    states.append(ledger.state)
    ledger.mark_cancelled()
    states.append(ledger.state)

    first, second = ledger.finish("failed", "why"), ledger.finish("completed")

    assert states == ["running", "paused", "running", "cancelled"]
    assert (first, second, ledger.state) == (True, False, "failed")
    assert ledger.end is not None and ledger.end.error == "why"


def test_experiments_are_listed_newest_first(tmp_path: Path, make_config: MakeConfig) -> None:
    made = [Ledger.create(tmp_path, make_config()) for _ in range(3)]
    (tmp_path / "stray").mkdir()

    assert [ledger.id for ledger in ledgers(tmp_path)] == [ledger.id for ledger in made[::-1]]
    assert ledgers(tmp_path / "nowhere") == []


def test_two_experiments_of_one_config_are_told_apart(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    first, second = (Ledger.create(tmp_path, make_config()) for _ in range(2))

    assert first.identity != second.identity
    assert Ledger(first.directory).identity == first.identity


def test_nothing_is_written_for_an_experiment_that_was_removed(ledger: Ledger) -> None:
    open_round(ledger, *TRIALS)
    attempt = ledger.claim_attempt(0, worker="rl-worker-0", queue="gpu0", host="")
    assert not ledger.is_gone

    shutil.rmtree(ledger.directory)

    assert ledger.is_gone
    for write in (
        lambda: ledger.write_report(report(0, 1.0)),
        lambda: ledger.end_attempt(0, attempt.number, AttemptEnd("result")),
        lambda: ledger.claim_attempt(0, worker="rl-worker-0", queue="gpu0", host=""),
    ):
        with pytest.raises(LedgerError, match="was removed"):
            write()
    assert not ledger.directory.exists()


def test_a_removed_experiment_s_successor_gets_none_of_its_reports(
    ledger: Ledger, make_config: MakeConfig
) -> None:
    ledger.claim_attempt(0, worker="rl-worker-0", queue="gpu0", host="")
    shutil.rmtree(ledger.directory)
    again = Ledger.create(ledger.directory.parent, make_config())

    with pytest.raises(LedgerError, match="was removed"):
        ledger.write_report(report(0, 1.0))

    assert again.id == ledger.id
    assert again.report(0) is None


def test_a_record_that_cannot_be_read_now_is_no_sign_of_a_removal(ledger: Ledger) -> None:
    ledger.claim_attempt(0, worker="rl-worker-0", queue="gpu0", host="")

    ledger.paths.experiment.write_text("")

    assert not ledger.is_gone
