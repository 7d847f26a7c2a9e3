"""The winner trained again, and its score held against seeds that nobody has used."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from amc import reproducing
from amc.cli import main
from amc.driver.seeds import fresh_seed, trial_seed
from amc.errors import UsageError
from amc.ledger import Ledger, Report
from amc.reproducing import Again
from tests.agents import SEARCH, begun, end


@pytest.fixture
def ledger(shared: Path) -> Ledger:
    ledger = begun(shared)
    for number in (0, 1):
        end(ledger, number)
    return ledger


def test_the_winner_comes_out_again_to_the_last_bit(ledger: Ledger):
    best, marks = reproducing.winner_of(ledger), []

    again = reproducing.again(ledger, best, lambda kind, steps: marks.append(steps))

    assert again.is_same
    assert again.digest == best.result.digest
    assert marks[-1] == 128


def test_other_bits_are_told_with_what_may_excuse_them(ledger: Ledger):
    best = reproducing.winner_of(ledger)
    other = replace(best, result=replace(best.result, digest="0" * 64))

    again = reproducing.again(ledger, other, lambda kind, steps: None)

    assert not again.is_same
    assert again.recorded_digest == "0" * 64
    assert again.excuse is None, "the same machine has no excuse"


def test_the_same_bits_with_another_score_are_not_the_same():
    assert not Again("a", 1.0, "a", 2.0, None).is_same


def test_fresh_seeds_are_nobody_s_and_always_the_same(ledger: Ledger):
    best = reproducing.winner_of(ledger)

    def score(number: int) -> float:
        return reproducing.on_fresh_seed(ledger, best, number, lambda kind, steps: None)

    scores, again = [score(number) for number in range(3)], [score(number) for number in range(2)]

    fresh = {fresh_seed(7, number) for number in range(1000)}
    used = {trial_seed(7, n, kind) for n in range(1000) for kind in ("search", "finalist", "test")}
    assert scores[:2] == again
    assert len(fresh) == 1000 and not fresh & used


def test_before_a_trial_was_completed_there_is_nothing_to_reproduce(shared: Path):
    with pytest.raises(UsageError, match="no trial was completed yet"):
        reproducing.winner_of(begun(shared))


def test_the_command_says_that_both_hold(ledger: Ledger):
    document = CliRunner().invoke(main, ["reproduce", ledger.id, "--seeds", "2", "--json"])
    told = CliRunner().invoke(main, ["reproduce", ledger.id, "--seeds", "1"])

    found = json.loads(document.stdout)
    assert found["again"]["is_same"] is True
    assert len(found["fresh"]) == 2
    assert document.exit_code == int(found["holds"] is False)
    assert told.stdout.startswith("digest    holds: ")
    assert "of a single seed, which says nothing" in told.stdout


def test_a_damaged_record_of_its_bits_fails_the_command(shared: Path):
    ledger = begun(shared, {**SEARCH, "experiment_name": "other"})
    end(ledger, 0)
    path = ledger.paths.trial(0).segment(0).report
    record = json.loads(path.read_text())
    record["digest"] = "0" * 64
    record.pop("checksum", None)
    path.unlink()
    ledger.write_report(Report.from_json(record, path))

    told = CliRunner().invoke(main, ["reproduce", ledger.id, "--seeds", "0"])

    assert told.exit_code == 1
    assert "digest    does not hold" in told.stdout
