"""Which checkpoints may go: none that something starts from, or by which a trial stands."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from amc.config.schema import ExperimentConfig
from amc.driver.planning import plan
from amc.driver.wanted import released
from amc.ledger import Decision, History, Report, Segment, SegmentKey, Trial
from tests.driver.test_policies import CASES, searching, train
from tests.experiments import report

MakeConfig = Callable[..., ExperimentConfig]


@pytest.mark.parametrize("case", ["rounds", "halving", "asha", "asha on two seeds"])
def test_whatever_starts_finds_its_start_and_every_trial_keeps_what_it_came_to(
    case: str, make_config: MakeConfig
) -> None:
    config = searching(make_config, **CASES[case])
    draw, past, kept = random.Random(1), History(), set[SegmentKey]()

    while past.finish is None:
        decision = plan(config, past)
        if decision is None:
            one = draw.choice(past.outstanding)
            past = past.seen({**past.fresh, one.key: saved(train(past, one))})
            kept.add(one.key)
            continue
        fresh = {key: one for key, one in past.fresh.items() if one not in decision.learned}
        past = past.after(decision)
        assert {one.start for one in past.open.values()} - {None} <= kept
        gone = set(released(config, past, decision.learned))
        assert gone <= kept
        kept -= gone
        past = past.seen(fresh)

    assert kept == {(trial, past.last[trial]) for trial in past.trials}
    assert released(config, past, list(past.learned.values())) == sorted(
        past.segments.keys() - kept
    )


def saved(one: Report) -> Report:
    return replace(one, checkpoint="checkpoints/x.pt")


def opened(*segments: Segment, trials: int = 0, past: History, learned: Any = ()) -> History:
    new = tuple(Trial(number, {}, 0) for number in range(trials))
    return past.after(Decision(past.decisions, tuple(learned), new, segments))


def test_a_loser_that_goes_on_from_a_better_one_leaves_its_own_behind(
    make_config: MakeConfig,
) -> None:
    firsts = [Segment(trial, 0, 0, 10, 20) for trial in range(2)]
    ended = [saved(report(trial, 1.0, step=10)) for trial in range(2)]
    seconds = [Segment(trial, 1, 10, 20, 20, start=(1, 0)) for trial in range(2)]
    past = opened(*firsts, trials=2, past=History())
    past = opened(*seconds, past=past, learned=ended)

    at_work = released(make_config(), past, [saved(report(0, 1.0, index=1, step=20))])
    last = [saved(report(trial, 1.0, index=1, step=20)) for trial in range(2)]
    past = opened(past=past, learned=last)

    assert at_work == [(0, 0)]
    assert released(make_config(), past, last) == [(0, 0), (1, 0)]


def test_what_a_failed_segment_began_from_stays(make_config: MakeConfig) -> None:
    past = opened(Segment(0, 0, 0, 10, 20), trials=1, past=History())
    second = Segment(0, 1, 10, 20, 20, start=(0, 0))
    past = opened(second, past=past, learned=[saved(report(0, 1.0, step=10))])
    failed = report(0, None, index=1, step=12)
    past = opened(past=past, learned=[failed])

    assert released(make_config(), past, [failed]) == []
