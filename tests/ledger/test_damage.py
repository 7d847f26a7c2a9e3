"""Records that a power cut emptied, a disk changed, or somebody edited."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from amc.config.schema import ExperimentConfig
from amc.errors import LedgerError
from amc.ledger import Attempt, AttemptEnd, Ledger, Result, Trial, ledgers

RunRound = Callable[..., Ledger]
Trials = list[Trial]


def records(ledger: Ledger) -> list[Path]:
    return sorted(ledger.directory.rglob("*.json"))


def change_a_digit(path: Path) -> None:
    text = path.read_text()
    assert "412.5" in text
    path.write_text(text.replace("412.5", "912.5"))


def read_everything(ledger: Ledger) -> list[object]:
    again = Ledger(ledger.directory)
    trials = [again.trial(number) for number in (0, 1)]
    results = [again.result(number) for number in (0, 1)]
    return [again.record, again.config, again.state, again.end, again.history(), trials, results]


def assert_named_or_whole(ledger: Ledger, path: Path, whole: list[object]) -> None:
    try:
        assert read_everything(ledger) == whole
    except LedgerError as error:
        assert str(path) in str(error)


def test_a_trial_whose_record_is_empty_is_read_from_its_round(
    run_round: RunRound, trials: Trials
) -> None:
    ledger = run_round(closed=False)

    ledger.paths.trial(1).trial.write_text("")

    assert ledger.trial(1) == trials[1]


def test_an_attempt_whose_record_is_empty_counts_as_one_without_an_end(run_round: RunRound) -> None:
    ledger = run_round(closed=False)
    paths = ledger.paths.trial(0)

    paths.attempt(1).write_text("")
    paths.attempt_end(1).write_text("")
    paths.attempt_end(2).write_text("")
    claimed = ledger.claim_attempt(0, worker="w", queue="gpu0", host="")

    attempts = ledger.attempts(0)
    assert attempts[0] == Attempt(1, worker="", queue="")
    assert [attempt.end for attempt in attempts] == [None, None, None]
    assert claimed.number == 3


def test_an_attempt_whose_record_alone_is_empty_keeps_its_end(run_round: RunRound) -> None:
    ledger = run_round(closed=False)

    ledger.paths.trial(0).attempt(1).write_text("")

    assert ledger.attempts(0)[0].end == AttemptEnd("signal")


def test_an_attempt_whose_record_is_gone_does_not_hide_those_after_it(run_round: RunRound) -> None:
    ledger = run_round(closed=False)

    ledger.paths.trial(0).attempt(1).unlink()

    assert [attempt.number for attempt in ledger.attempts(0)] == [1, 2]


def test_a_result_that_was_changed_is_named_and_nobody_wins_by_it(run_round: RunRound) -> None:
    ledger = run_round(closed=False)
    path = ledger.paths.trial(0).result

    change_a_digit(path)

    with pytest.raises(LedgerError, match=r"0000/result\.json: .*checksum"):
        ledger.result(0)
    with pytest.raises(LedgerError, match=r"0000/result\.json: .*checksum"):
        ledger.history()


def test_a_changed_result_of_a_closed_round_is_read_from_the_round(run_round: RunRound) -> None:
    ledger = run_round()

    change_a_digit(ledger.paths.trial(0).result)

    assert ledger.result(0) == Result(0, "completed", 412.5, attempt=2, steps=2048)


def test_a_closed_round_whose_list_of_trials_is_empty_is_read_from_its_trials(
    run_round: RunRound,
    trials: Trials,
) -> None:
    ledger = run_round()

    ledger.paths.round(0).write_text("")

    assert ledger.history().trials == tuple(trials)


def test_a_changed_list_of_results_is_read_from_its_trials(
    run_round: RunRound, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = run_round()

    change_a_digit(ledger.paths.closed(0))

    assert [result.score for _, result in ledger.history().finished()] == [412.5, 413.5]
    assert "0000.closed.json" in caplog.text


def test_an_open_round_that_cannot_be_read_is_named_and_not_guessed(run_round: RunRound) -> None:
    ledger = run_round(closed=False)

    ledger.paths.round(0).write_text("")

    with pytest.raises(LedgerError, match=r"rounds/0000\.json: .*empty"):
        ledger.history()


def test_the_result_of_another_trial_is_no_result_of_this_one(run_round: RunRound) -> None:
    ledger = run_round(closed=False)
    mine, other = (ledger.paths.trial(number).result for number in (0, 1))

    mine.write_bytes(other.read_bytes())

    with pytest.raises(LedgerError, match="belongs to trial 1, not to 0"):
        ledger.result(0)


def test_records_of_older_versions_have_no_checksum_and_are_read(run_round: RunRound) -> None:
    ledger = run_round()
    ledger.finish("completed")
    before = read_everything(ledger)

    for path in records(ledger):
        data = json.loads(path.read_text())
        del data["checksum"]
        path.write_text(json.dumps(data))

    assert read_everything(ledger) == before


def test_a_key_of_a_newer_version_is_left_out(ledger: Ledger, trials: Trials) -> None:
    ledger.open_round(0, trials)
    path = ledger.paths.trial(0).result
    path.write_text(json.dumps({"number": 0, "state": "failed", "colour": "red"}))

    assert ledger.result(0) == Result(0, "failed")


@pytest.mark.parametrize(
    "data",
    [
        {"state": "completed"},
        {"number": 0, "state": "unheard of"},
        {"number": 0, "state": "completed", "score": "412.5"},
        {"number": 0, "state": "completed", "steps": 1.5},
        {"number": [0], "state": "completed"},
    ],
)
def test_a_record_with_a_wrong_type_or_a_missing_key_is_named(
    ledger: Ledger, trials: Trials, data: dict[str, object]
) -> None:
    ledger.open_round(0, trials)
    path = ledger.paths.trial(0).result

    path.write_text(json.dumps(data))

    with pytest.raises(LedgerError, match=r"0000/result\.json: not a record"):
        ledger.history()


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 34)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "zeros": lambda path: path.write_bytes(bytes(512)),
    "no UTF-8": lambda path: path.write_bytes(b'{"number": "\xff"}'),
    "no object": lambda path: path.write_text("[0]"),
    "another object": lambda path: path.write_text("{}"),
    "nested": lambda path: path.write_text('{"a":' * 100_000),
    "a directory": _directory,
    "a link to itself": _loop,
    "huge": _huge,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("closed", [True, False])
def test_any_one_damaged_record_is_named_or_costs_nothing(
    run_round: RunRound, tmp_path: Path, damage: str, closed: bool
) -> None:
    ledger = run_round(closed=closed)
    ledger.finish("completed")
    whole = read_everything(ledger)

    for number, record in enumerate(records(ledger)):
        # A copy each: closed rounds are remembered by their directory.
        copy = Ledger(shutil.copytree(ledger.directory, tmp_path / f"copy-{number}"))
        path = copy.directory / record.relative_to(ledger.directory)
        DAMAGE[damage](path)

        assert_named_or_whole(copy, path, whole)
        assert [attempt.number for attempt in copy.attempts(0)] == [1, 2]


def test_no_flipped_bit_changes_what_is_read(run_round: RunRound) -> None:
    ledger = run_round(closed=False)
    whole = read_everything(ledger)
    draw = random.Random(7)

    for path in records(ledger):
        content = path.read_bytes()
        for _ in range(20):
            changed = bytearray(content)
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
            path.write_bytes(changed)

            assert_named_or_whole(ledger, path, whole)
        path.write_bytes(content)


def test_a_killed_submit_leaves_no_experiment_and_is_cleaned_up_later(
    ledger: Ledger, tmp_path: Path, make_config: Callable[..., ExperimentConfig]
) -> None:
    abandoned, fresh = tmp_path / ".new-77-1", tmp_path / ".new-78-1"
    for directory in (abandoned, fresh):
        directory.mkdir()
        (directory / "experiment.json").write_bytes(ledger.paths.experiment.read_bytes())
    os.utime(abandoned, (1e9, 1e9))

    listed = [item.id for item in ledgers(tmp_path)]
    Ledger.create(tmp_path, make_config())

    assert listed == [ledger.id]
    assert fresh.exists()
    assert not abandoned.exists()
