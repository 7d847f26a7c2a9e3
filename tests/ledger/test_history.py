"""The fold of the log of decisions."""

import random

import pytest

from amc.errors import LedgerError
from amc.ledger import Decision, History, Segment, Trial
from tests.experiments import report


class Completed:
    """An aggregate: the numbers of the trials that were completed."""

    def of(self, past: History, trials: list[int], before: frozenset[int] | None) -> frozenset[int]:
        results = {number: past.result(number) for number in trials}
        ended = {number for number, result in results.items() if result is not None}
        good = {number for number in ended if results[number].state == "completed"}  # type: ignore[union-attr]
        return ((before or frozenset()) - set(trials)) | good


def decisions(seed: int, count: int = 60) -> list[Decision]:
    """A log in which trials are opened and reported in a random order, some in two segments."""
    draw, past, made = random.Random(seed), History(), list[Decision]()
    for number in range(count):
        known = [key for key in past.open if draw.random() < 0.5]
        learned = tuple(
            report(trial, draw.choice([None, 1.0, 2.0]), index=index) for trial, index in known
        )
        first = len(past.trials)
        trials = tuple(
            Trial(n, {"x": n}, n, suggestion=n // 2)
            for n in range(first, first + draw.randrange(3))
        )
        going = [one for one in learned if one.index == 0 and draw.random() < 0.3]
        segments = [Segment(trial.number, 0, 0, 2048, 4096) for trial in trials]
        segments += [Segment(one.trial, 1, 2048, 4096, 4096, start=one.key) for one in going]
        made.append(Decision(number, learned, trials, tuple(segments)))
        past = past.after(made[-1])
    return made


@pytest.mark.parametrize("seed", range(5))
def test_decisions_lead_to_the_same_one_by_one_and_all_at_once(seed: int) -> None:
    log = decisions(seed)

    at_once, past = History().after(*log), History()
    for decision in log:
        past = past.after(decision)

    assert past == at_once
    ended = [number for number, _ in enumerate(past.trials) if past.result(number) is not None]
    failed = [n for n in ended if past.result(n).state == "failed"]  # type: ignore[union-attr]
    assert list(past.failed) == failed and failed
    assert sum(map(len, past.suggestions.values())) == past.searched == len(past.trials)


@pytest.mark.parametrize("seed", range(5))
def test_an_aggregate_that_is_carried_is_what_it_is_from_the_start(seed: int) -> None:
    past, rule = History(), Completed()

    for decision in decisions(seed):
        past.aggregate(rule)
        past = past.after(decision)

    assert past.aggregate(rule) == rule.of(past, list(past.trials), None) != frozenset()


def test_an_aggregate_counts_what_is_fresh_and_carries_only_what_was_learned() -> None:
    opened = Decision(0, (), (Trial(0, {}, 0),), (Segment(0, 0, 0, 2048, 2048),))
    past, rule = History().after(opened), Completed()
    seen = past.seen({(0, 0): report(0, 1.0)})

    found = seen.aggregate(rule)

    assert found == {0} and past.aggregate(rule) == frozenset()
    assert seen.after(Decision(1)).aggregate(rule) == frozenset()


def test_a_decision_that_does_not_follow_is_refused() -> None:
    past = History().after(Decision(0, (), (Trial(0, {}, 0),), (Segment(0, 0, 0, 8, 8),)))

    for wrong in (
        Decision(2),
        Decision(1, (report(1, 1.0),)),
        Decision(1, (), (Trial(2, {}, 0),)),
        Decision(1, (), (), (Segment(0, 1, 8, 16, 16),)),
        Decision(1, (), (), (Segment(1, 0, 0, 8, 8),)),
    ):
        with pytest.raises(LedgerError, match="does not follow"):
            past.after(wrong)
