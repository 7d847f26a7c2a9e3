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
from amc.ledger import Attempt, AttemptEnd, Ledger, Report, Result, Trial, ledgers
from tests.experiments import open_round

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


def test_a_trial_whose_record_is_empty_is_read_from_the_log(
    run_round: RunRound, trials: Trials
) -> None:
    ledger = run_round(learned=False)

    ledger.paths.trial(1).trial.write_text("")

    assert ledger.trial(1) == trials[1]


def test_an_attempt_whose_record_is_empty_counts_as_one_without_an_end(run_round: RunRound) -> None:
    ledger = run_round(learned=False)
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
    ledger = run_round(learned=False)

    ledger.paths.trial(0).attempt(1).write_text("")

    assert ledger.attempts(0)[0].end == AttemptEnd("signal")


def test_an_attempt_whose_record_is_gone_does_not_hide_those_after_it(run_round: RunRound) -> None:
    ledger = run_round(learned=False)

    ledger.paths.trial(0).attempt(1).unlink()

    assert [attempt.number for attempt in ledger.attempts(0)] == [1, 2]


def test_a_report_that_was_changed_is_named_and_nobody_wins_by_it(run_round: RunRound) -> None:
    ledger = run_round(learned=False)

    change_a_digit(ledger.paths.trial(0).segment(0).report)

    with pytest.raises(LedgerError, match=r"0000/report\.json: .*checksum"):
        ledger.result(0)
    with pytest.raises(LedgerError, match=r"0000/report\.json: .*checksum"):
        ledger.history()


def test_a_report_that_was_changed_after_it_was_learned_changes_nothing(
    run_round: RunRound,
) -> None:
    ledger = run_round()

    change_a_digit(ledger.paths.trial(0).segment(0).report)

    assert ledger.result(0) == Result(0, "completed", 412.5, attempt=2, steps=2048)


def test_a_decision_that_was_changed_is_read_from_its_copy(
    run_round: RunRound, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(shutil.copytree(run_round().directory, tmp_path / "copy"))

    change_a_digit(ledger.paths.decision(1))

    assert [result.score for _, result in ledger.history().finished()] == [412.5, 413.5]
    assert "000001.json" in caplog.text


def test_a_decision_whose_copy_is_damaged_too_is_named_and_not_guessed(
    run_round: RunRound, tmp_path: Path
) -> None:
    ledger = Ledger(shutil.copytree(run_round().directory, tmp_path / "copy"))

    for path in (ledger.paths.decision(0), ledger.paths.decision_copy(0)):
        path.write_text("")

    with pytest.raises(LedgerError, match=r"decisions/000000.*\.json: .*empty"):
        ledger.history()


def test_a_decision_that_is_gone_is_read_from_its_copy_and_its_number_stays_taken(
    run_round: RunRound, tmp_path: Path
) -> None:
    ledger = Ledger(shutil.copytree(run_round().directory, tmp_path / "copy"))

    ledger.paths.decision(1).unlink()

    assert ledger.history().decisions == 2


def test_a_decision_that_is_gone_with_its_copy_is_named(
    run_round: RunRound, tmp_path: Path
) -> None:
    ledger = Ledger(shutil.copytree(run_round().directory, tmp_path / "copy"))

    for path in (ledger.paths.decision(0), ledger.paths.decision_copy(0)):
        path.unlink()

    with pytest.raises(LedgerError, match=r"decisions/000000\.json: is gone"):
        ledger.history()


def test_the_report_of_another_trial_is_no_report_of_this_one(run_round: RunRound) -> None:
    ledger = run_round(learned=False)
    mine, other = (ledger.paths.trial(number).segment(0).report for number in (0, 1))

    mine.write_bytes(other.read_bytes())

    with pytest.raises(LedgerError, match=r"is of segment \(1, 0\), not of \(0, 0\)"):
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
    open_round(ledger, *trials)
    path = ledger.paths.trial(0).segment(0).report
    data = {"trial": 0, "index": 0, "state": "failed", "step": 8, "colour": "red"}
    path.write_text(json.dumps(data))

    assert ledger.report(0) == Report(0, 0, "failed", 8)


@pytest.mark.parametrize(
    "data",
    [
        {"state": "completed"},
        {"trial": 0, "index": 0, "step": 8, "state": "unheard of"},
        {"trial": 0, "index": 0, "step": 8, "state": "completed", "score": "412.5"},
        {"trial": 0, "index": 0, "step": 1.5, "state": "completed"},
        {"trial": [0], "index": 0, "step": 8, "state": "completed"},
    ],
)
def test_a_record_with_a_wrong_type_or_a_missing_key_is_named(
    ledger: Ledger, trials: Trials, data: dict[str, object]
) -> None:
    open_round(ledger, *trials)
    path = ledger.paths.trial(0).segment(0).report

    path.write_text(json.dumps(data))

    with pytest.raises(LedgerError, match=r"0000/report\.json: not a record"):
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
@pytest.mark.parametrize("learned", [True, False])
def test_any_one_damaged_record_is_named_or_costs_nothing(
    run_round: RunRound, tmp_path: Path, damage: str, learned: bool
) -> None:
    ledger = run_round(learned=learned)
    ledger.finish("completed")
    whole = read_everything(ledger)

    for number, record in enumerate(records(ledger)):
        # A copy each: decisions are remembered by their directory.
        copy = Ledger(shutil.copytree(ledger.directory, tmp_path / f"copy-{number}"))
        path = copy.directory / record.relative_to(ledger.directory)
        DAMAGE[damage](path)

        assert_named_or_whole(copy, path, whole)
        assert [attempt.number for attempt in copy.attempts(0)] == [1, 2]


def test_no_flipped_bit_changes_what_is_read(run_round: RunRound) -> None:
    ledger = run_round(learned=False)
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
