"""Where only the best checkpoints are kept, nothing goes that the experiment comes back to."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amc.config.schema import ExperimentConfig
from amc.driver.wanted import released
from amc.ledger import Report, Request, Segment, SegmentKey
from amc.ledger.winner import winner
from tests.driver.test_policies import CASES, STEPS, searching
from tests.driver.test_requested import Simulation, Wish

MakeConfig = Callable[..., ExperimentConfig]
LONGER = STEPS + 500
POINT = {"learning_rate": 2e-3}
WISHES = st.sampled_from(
    [
        Request(0, "calls", calls=4),
        Request(0, "trial", hyperparameters=POINT),
        Request(0, "retry", trials=(2,)),
        Request(0, "steps", steps=LONGER, of="winner"),
        Request(0, "steps", steps=LONGER, of="all"),
        Request(0, "steps", steps=LONGER, trials=(1, 3)),
    ]
)


class Keeping(Simulation):
    """Lets go what is released after each decision, and looks whether it is wanted later."""

    def __init__(self, config: ExperimentConfig, wishes: list[Wish], seed: int) -> None:
        super().__init__(config, wishes, seed)
        self.kept, self.gone = set[SegmentKey](), set[SegmentKey]()
        self.lost_when_asked: dict[int, set[SegmentKey]] = {}
        self.gone_when_asked = set[SegmentKey]()
        self.most_kept = 0
        self.has_ended = False

    def _ask(self, request: Request) -> None:
        self.lost_when_asked[self.asked] = set(self.gone)
        self.gone_when_asked |= self.gone
        super()._ask(request)

    def _report(self, segment: Segment) -> Report:
        report = super()._report(segment)
        if report.score is None:
            return report
        # Seeds differ by as much as hyperparameters do.
        noise = random.Random(self.past.trials[segment.trial].seed).gauss(0, 2e-3)
        curve = tuple((step, score + noise) for step, score in report.curve)
        self.kept.add(segment.key)
        return replace(report, score=curve[-1][1], curve=curve, checkpoint="checkpoints/x.pt")

    def _decide(self) -> bool:
        before = self.past.seen({})
        if not super()._decide():
            return False
        decision, past = self.made[-1], self.past.seen({})
        lost = {segment.start for segment in decision.segments if segment.start in self.gone}
        for request in decision.requests:
            if request.kind == "steps":
                lost -= self.lost_when_asked[request.number]
        assert not lost, "a segment begins from what was let go"
        going = set(released(self.config, past, decision.learned, before)) & self.kept
        self.kept -= going
        self.gone |= going
        self.most_kept = max(self.most_kept, len(self.kept))
        if decision.finish is not None:
            self._finish()
        return True

    def _finish(self) -> None:
        past = self.past.seen({})
        best = winner(self.config, past)
        everything = list(past.learned.values())
        assert not set(released(self.config, past, everything)) & self.kept
        kinds = {request.kind for request in past.requests.values()}
        if best is not None and "steps" not in kinds and not self.has_ended:
            assert past.standing(best.trial.number) in self.kept, "the winner has no agent"
        self.has_ended = True
        for trial, _ in past.given:
            assert past.standing(trial) in self.kept | self.gone_when_asked, "given steps, and lost"
        if best is not None:
            mean = best.chosen_by or best
            wanted = {best.trial.number, *best.mean_of, *mean.mean_of}
            wanted |= {trial for trial, _ in past.given}
            assert {trial for trial, _ in self.kept} <= wanted


def keeping_best(make_config: MakeConfig, case: dict[str, Any], **search: Any) -> ExperimentConfig:
    config = searching(make_config, **{**case, **search})
    return config.model_copy(update={"keep_checkpoints": "best"})


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("finalists", [0, 2])
@settings(max_examples=2, suppress_health_check=list(HealthCheck), deadline=None)
@given(seed=st.integers(0, 2**16))
def test_the_winner_keeps_its_agent_and_whatever_starts_finds_its_start(
    case: str, finalists: int, seed: int, make_config: MakeConfig
):
    more = {"finalists": finalists, "test_seeds": 2}
    config = keeping_best(make_config, CASES[case], **more)
    simulation = Keeping(config, [], seed)
    simulation.failing = {seed % 20, seed % 7}

    simulation.run()

    assert simulation.past.finish == "completed"
    assert simulation.gone


@pytest.mark.parametrize("case", ["rounds", "halving", "async, two seeds", "asha"])
@settings(max_examples=8, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    seed=st.integers(0, 2**16),
    wishes=st.lists(st.tuples(st.integers(0, 80), WISHES), min_size=1, max_size=3),
    finalists=st.integers(0, 2),
)
def test_what_is_asked_for_early_enough_finds_its_start(
    case: str, seed: int, wishes: list[Wish], finalists: int, make_config: MakeConfig
):
    config = keeping_best(make_config, CASES[case], finalists=finalists)
    simulation = Keeping(config, wishes, seed)
    simulation.failing = {2}

    simulation.run()

    assert simulation.past.finish == "completed"


def test_a_long_search_keeps_a_few_at_any_time(make_config: MakeConfig):
    config = keeping_best(make_config, CASES["async"], n_calls=200, finalists=3)

    simulation = Keeping(config, [], 1).run()

    # Its 3 best, the 3 under way, and at the end what the finalists came to.
    assert simulation.most_kept <= 3 + 3 + 9 + 1


def test_a_suggestion_of_which_a_seed_failed_waits_for_it_to_be_tried_again(
    make_config: MakeConfig,
):
    config = keeping_best(make_config, CASES["async, two seeds"], n_calls=100)
    simulation = Keeping(config, [], 1)
    simulation.failing = {3}

    while simulation.past.searched < 40:
        assert simulation._decide() or simulation._end_one()

    assert (2, 0) in simulation.kept
    assert len(simulation.kept) < 12 < len(simulation.gone)


def test_a_cancelled_search_keeps_its_best(make_config: MakeConfig):
    simulation = Keeping(keeping_best(make_config, CASES["rounds"]), [], 3)
    simulation.cancelled_at = 20

    simulation.run()

    best = winner(simulation.config, simulation.past)
    assert simulation.kept == {simulation.past.standing(best.trial.number)}


def test_all_keeps_all(make_config: MakeConfig):
    config = searching(make_config, **CASES["rounds"])

    simulation = Keeping(config, [], 1)
    with pytest.raises(AssertionError):
        simulation.run()

    assert not simulation.gone
