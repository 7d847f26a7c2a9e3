"""What users ask of an experiment at any moment: calls, steps, trials, failed ones once more."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amc.config.schema import ExperimentConfig
from amc.driver.planning import plan
from amc.driver.rows import Rows
from amc.ledger import Decision, History, Report, Request, Segment
from amc.ledger.winner import winner
from tests.driver.test_policies import CASES, STEPS, searching, train

MakeConfig = Callable[..., ExperimentConfig]
LONGER = STEPS + 500
Wish = tuple[int, Request]


class Simulation:
    """An experiment that is asked for more at given moments; its segments end in some order."""

    def __init__(self, config: ExperimentConfig, wishes: list[Wish], seed: int) -> None:
        self.config, self.draw = config, random.Random(seed)
        self.wishes = sorted(wishes, key=lambda wish: wish[0])
        self.past, self.made = History(), list[Decision]()
        self.failing: set[int] = set()
        self.cancelled_at: int | None = None
        self.asked = 0
        self.most_reserved = 0

    def run(self) -> "Simulation":
        moment = 0
        while True:
            while self.wishes and self.wishes[0][0] <= moment:
                self._ask(self.wishes.pop(0)[1])
            moment += 1
            is_cancelled = self.cancelled_at is not None and self.cancelled_at <= moment
            self.past = replace(self.past, is_cancelled=is_cancelled)
            if self._decide() or self._end_one():
                continue
            assert self.past.finish is not None, "nothing is open and nothing is decided"
            if not self.wishes:
                return self
            moment = self.wishes[0][0]

    def _ask(self, request: Request) -> None:
        numbered = replace(request, number=self.asked)
        self.past = replace(self.past, asked=(*self.past.asked, numbered))
        self.asked += 1

    def _decide(self) -> bool:
        decision = plan(self.config, self.past)
        if decision is None:
            return False
        fresh, learned = self.past.fresh, {one.key for one in decision.learned}
        self.made.append(decision)
        past = self.past.after(decision)
        self.past = past.seen({key: one for key, one in fresh.items() if key not in learned})
        reserved = sum(one.until - one.from_step for one in past.open.values())
        self.most_reserved = max(self.most_reserved, past.trained + reserved)
        return True

    def _end_one(self) -> bool:
        if not self.past.outstanding:
            return False
        segment = self.draw.choice(self.past.outstanding)
        self.past = self.past.seen({**self.past.fresh, segment.key: self._report(segment)})
        return True

    def _report(self, segment: Segment) -> Report:
        if self.past.is_cancelled:
            return Report(*segment.key, "cancelled", step=segment.from_step)
        if segment.trial in self.failing:
            return Report(*segment.key, "failed", step=segment.from_step, error="diverged")
        return train(self.past, segment)


def calls(count: int) -> Request:
    return Request(0, "calls", calls=count)


def steps(goal: int, of: Any = "winner", *trials: int) -> Request:
    return Request(0, "steps", steps=goal, of=of, trials=trials)


def own(rate: float) -> Request:
    return Request(0, "trial", hyperparameters={"learning_rate": rate})


def retry(*trials: int) -> Request:
    return Request(0, "retry", trials=trials)


WISHES = st.one_of(
    st.integers(1, 5).map(calls),
    st.sampled_from([steps(LONGER), steps(LONGER, "all"), steps(LONGER + 500, "trials", 0, 3)]),
    st.floats(1e-4, 1e-2).map(own),
    st.sampled_from([retry(1), retry(1, 2), retry(0)]),
)


@pytest.mark.parametrize("case", CASES)
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wishes=st.lists(st.tuples(st.integers(0, 60), WISHES), max_size=5), seed=st.integers(0, 99))
def test_whatever_is_asked_at_whatever_moment_is_done_once(
    case: str, wishes: list[Wish], seed: int, make_config: MakeConfig
):
    config = searching(make_config, **{"n_calls": 9, **CASES[case]})
    done = Simulation(config, wishes, seed)
    done.failing = {1}

    past = done.run().past

    handled = [request.number for decision in done.made for request in decision.requests]
    assert sorted(handled) == list(range(len(wishes)))
    learned = Counter(one.key for decision in done.made for one in decision.learned)
    assert learned == Counter(list(past.segments))
    more = sum(request.calls for request in past.requests.values())
    search: Any = config.hyperparameter_optimizer
    assert past.searched == search.n_calls + more
    added = [request for request in past.requests.values() if request.kind == "trial"]
    mine = [trial for trial in past.trials.values() if trial.request is not None]
    assert len([trial for trial in mine if trial.retry_of is None]) == len(added)
    assert (
        max(
            Counter(trial.retry_of for trial in mine if trial.retry_of is not None).values(),
            default=1,
        )
        == 1
    )
    assert past.finish == "completed"
    again = History()
    for decision in done.made:
        known = again.seen({one.key: one for one in decision.learned})
        assert plan(config, replace(known, asked=decision.requests)) == decision
        again = again.after(decision)


def run(config: ExperimentConfig, *wishes: Wish, failing: tuple[int, ...] = ()) -> Simulation:
    done = Simulation(config, list(wishes), seed=1)
    done.failing = set(failing)
    return done.run()


LATE = 10_000


def test_the_trials_of_the_winner_go_on_from_where_they_ended(make_config: MakeConfig):
    config = searching(make_config, n_calls=4, trials_per_round=2, seeds_per_trial=2)
    before = winner(config, run(config).past)
    assert before is not None

    past = run(config, (LATE, steps(LONGER))).past

    further = [segment for segment in past.segments.values() if segment.index]
    assert [one.trial for one in further] == list(before.mean_of)
    assert {(one.from_step, one.until, one.horizon) for one in further} == {(STEPS, LONGER, LONGER)}
    assert {one.start for one in further} == {(trial, 0) for trial in before.mean_of}
    assert all(past.result(trial).steps == LONGER for trial in before.mean_of)  # type: ignore[union-attr]


def test_steps_that_are_asked_for_in_the_middle_are_given_once_nothing_else_is_left(
    make_config: MakeConfig,
):
    config = searching(make_config, n_calls=6, trials_per_round=2, finalists=2)

    made = run(config, (1, steps(LONGER, "all"))).made

    (given,) = [one for one in made if one.requests]
    assert {segment.horizon for segment in given.segments} == {LONGER}
    assert len(given.segments) == 6 + 2 * 3
    assert given.number == made[-1].number - 1


def test_more_steps_that_fail_take_nothing_away(make_config: MakeConfig):
    config = searching(make_config, n_calls=4)
    done = Simulation(config, [(LATE, steps(LONGER, "trials", 2))], seed=1)

    done.run()
    whole = done.past.result(2)
    done.failing = {2}
    done.wishes = [(LATE, steps(LONGER + 500, "trials", 2))]
    past = done.run().past

    assert past.report((2, 2)).state == "failed"  # type: ignore[union-attr]
    assert past.result(2) == whole and whole.state == "completed"  # type: ignore[union-attr]
    assert past.finish == "completed"


def test_more_steps_that_fail_leave_a_halted_trial_halted(make_config: MakeConfig):
    config = searching(make_config, n_calls=9, pruner="halving", max_failed_trials=0)
    done = Simulation(config, [], seed=1)
    halted = next(one.number for _, one in done.run().past.finished() if one.state == "halted")
    before = done.past.result(halted)

    done.failing, done.wishes = {halted}, [(LATE, steps(STEPS, "trials", halted))]
    past = done.run().past

    assert past.newest(halted).until == STEPS and past.result(halted) == before
    assert past.finish == "completed" and not past.failed


def test_what_failed_with_more_steps_can_be_given_them_again(make_config: MakeConfig):
    config = searching(make_config, n_calls=4)
    done = Simulation(config, [], seed=1)
    done.run()
    done.failing, done.wishes = {2}, [(LATE, steps(LONGER, "trials", 2))]
    done.run()

    done.failing, done.wishes = set(), [(LATE, steps(LONGER, "trials", 2))]
    past = done.run().past

    assert past.segments[2, 2].start == (2, 0)
    assert past.result(2).steps == LONGER  # type: ignore[union-attr]


def test_a_search_that_goes_on_knows_nothing_of_longer_training(make_config: MakeConfig):
    config = searching(make_config, n_calls=6, trials_per_round=3)
    before = run(config).past
    (opened,) = (one for one in run(config, (LATE, steps(LONGER, "all"))).made if one.requests)

    at_work = before.after(opened)
    ended = run(config, (LATE, steps(LONGER, "all"))).past

    known = before.aggregate(Rows())
    assert len(known) == 6 and all(row.learned is not None for row in known.values())
    assert at_work.aggregate(Rows()) == known
    assert ended.aggregate(Rows()) == known


def test_a_halted_trial_goes_on_if_it_is_asked_for_by_its_number(make_config: MakeConfig):
    config = searching(make_config, n_calls=9, pruner="halving")
    halted = next(one.number for _, one in run(config).past.finished() if one.state == "halted")

    past = run(config, (LATE, steps(STEPS, "trials", halted))).past

    result = past.result(halted)
    assert result is not None and (result.state, result.steps) == ("completed", STEPS)


def test_only_what_is_new_among_the_best_is_tried_again_after_more_calls(make_config: MakeConfig):
    config = searching(make_config, n_calls=4, finalists=2, finalist_seeds=2, type="random")
    first = {one.suggestion for one in run(config).past.trials.values() if one.kind == "finalist"}

    past = run(config, (LATE, calls(20))).past

    again = Counter(one.suggestion for one in past.trials.values() if one.kind == "finalist")
    assert set(again.values()) == {2}
    assert first < set(again) and len(again) <= 4
    assert [one.kind for one in past.trials.values()][4:8] == ["finalist"] * 4


def test_a_failed_trial_is_tried_again_on_a_seed_of_its_own_in_its_place(make_config: MakeConfig):
    config = searching(make_config, n_calls=4)

    past = run(config, (LATE, retry(1)), failing=(1,)).past

    again = past.trials[4]
    assert (again.retry_of, again.suggestion, again.request) == (1, 1, 0)
    assert again.hyperparameters == past.trials[1].hyperparameters
    assert again.seed != past.trials[1].seed
    assert past.result(4).state == "completed"  # type: ignore[union-attr]


def test_two_clients_that_ask_for_the_same_failed_trial_get_one(make_config: MakeConfig):
    config = searching(make_config, n_calls=4)

    past = run(config, (LATE, retry(1)), (LATE, retry(1)), failing=(1,)).past

    assert [trial.retry_of for trial in past.trials.values()] == [None] * 4 + [1]
    assert list(past.requests) == [0, 1]


def test_what_is_tried_again_does_not_count_as_failed_any_more(make_config: MakeConfig):
    config = searching(make_config, n_calls=6, trials_per_round=2, max_failed_trials=0)

    done = run(config, (LATE, retry(1)), failing=(1,))

    ends = [one.finish for one in done.made if one.finish]
    assert ends == ["failed", "completed"]
    assert len(done.past.trials) == 7


def test_a_trial_of_the_users_own_is_one_of_the_search_beyond_its_calls(make_config: MakeConfig):
    points = [{"learning_rate": rate} for rate in (1e-3, 2e-3, 3e-3)]
    config = searching(make_config, n_calls=4, trials_per_round=1, initial_points=points)

    past = run(config, (1, own(0.005))).past

    mine = next(one for one in past.trials.values() if one.request == 0)
    tried = [
        one.hyperparameters["learning_rate"] for one in past.trials.values() if one is not mine
    ]
    assert (mine.kind, mine.hyperparameters) == ("search", {"learning_rate": 0.005})
    assert tried[:3] == [1e-3, 2e-3, 3e-3] and len(tried) == 4
    assert sorted(one.suggestion for one in past.trials.values()) == list(range(5))


def test_a_trial_of_the_users_own_does_not_end_a_round_of_halving(make_config: MakeConfig):
    config = searching(make_config, n_calls=9, pruner="halving")
    plain = run(config).past

    past = run(config, (1, own(0.005))).past

    states = [past.result(number).state for number in range(9)]  # type: ignore[union-attr]
    assert states == [plain.result(number).state for number in range(9)]  # type: ignore[union-attr]
    assert past.result(9).state == "completed"  # type: ignore[union-attr]


@pytest.mark.parametrize("moment", [1, 12, 24])
def test_a_failed_seed_tried_again_leaves_the_other_seed_in_its_round(
    make_config: MakeConfig, moment: int
):
    config = searching(make_config, n_calls=18, pruner="halving", seeds_per_trial=2, type="random")
    whole = run(config).past.finished()
    best = next(one.suggestion for one, result in whole if result.state == "completed")
    plain = run(config, failing=(2 * best + 1,)).past

    past = run(config, (moment, retry(2 * best + 1)), failing=(2 * best + 1,)).past

    states = [past.result(number).state for number in range(18)]  # type: ignore[union-attr]
    assert states == [plain.result(number).state for number in range(18)]  # type: ignore[union-attr]
    assert states[2 * best] == "completed"


def test_a_grid_gets_no_more_calls(make_config: MakeConfig):
    config = searching(make_config, n_calls=4, type="grid")

    past = run(config, (LATE, calls(3))).past

    assert len(past.trials) == 4
    assert (past.finish, list(past.requests)) == ("completed", [0])


def test_a_cancelled_experiment_takes_requests_and_does_nothing_of_them(make_config: MakeConfig):
    config = searching(make_config, n_calls=4)
    past = replace(run(config).past, is_cancelled=True, finish="cancelled", asked=(calls(3),))

    decision = plan(config, past)

    assert decision is not None
    assert (decision.finish, decision.requests, decision.segments) == ("cancelled", (calls(3),), ())


@pytest.mark.parametrize("case", CASES)
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(most=st.integers(2, 12), wishes=st.lists(st.tuples(st.integers(0, 60), WISHES), max_size=3))
def test_no_more_steps_are_reserved_than_there_may_be(
    case: str, most: int, wishes: list[Wish], make_config: MakeConfig
):
    limit = most * STEPS
    search = {**CASES[case], "finalists": 2, "finalist_seeds": 2, "max_timesteps": limit}
    config = searching(make_config, **search)

    done = Simulation(config, wishes, seed=most).run()

    assert done.most_reserved <= limit
    assert done.past.finish == "completed"
    assert winner(config, done.past) is not None


def test_a_higher_limit_lets_the_search_go_on(make_config: MakeConfig):
    config = searching(make_config, n_calls=8, trials_per_round=2, max_timesteps=3 * STEPS)
    limit = Request(0, "limits", max_timesteps=6 * STEPS)

    done = run(config, (LATE, limit))

    assert [len(one.segments) for one in done.made if one.segments] == [2, 1, 2, 1]
    assert done.past.trained == 6 * STEPS


def test_finalists_have_their_share_of_the_steps(make_config: MakeConfig):
    search = {"n_calls": 20, "finalists": 2, "finalist_seeds": 2, "test_seeds": 1}
    config = searching(make_config, **search, max_timesteps=11 * STEPS)

    past = run(config).past

    kinds = Counter(trial.kind for trial in past.trials.values())
    assert kinds == {"search": 6, "finalist": 4, "test": 1}


def test_no_new_trial_is_opened_when_the_time_is_over(make_config: MakeConfig):
    config = searching(make_config, n_calls=8, trials_per_round=2, finalists=1, max_hours=2)
    past, made = History(now=0.0), list[Decision]()
    while (decision := plan(config, past)) is not None:
        made.append(decision)
        past = past.after(decision)
        reports = {one.key: train(past, one) for one in past.outstanding}
        past = replace(past.seen(reports), now=len(made) * 3600.0)

    assert [(one.now, len(one.segments)) for one in made] == [(0.0, 2), (3600.0, 2), (7200.0, 0)]
    assert made[-1].finish == "completed"
    more = Request(0, "limits", max_hours=4.0)
    later = plan(config, replace(past, asked=(more,), now=90_000.0))
    assert later is not None and len(later.segments) == 2


@pytest.mark.parametrize("case", ["rounds", "asha"])
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    wishes=st.lists(st.tuples(st.integers(0, 60), WISHES), max_size=4), moment=st.integers(0, 20)
)
def test_cancelled_at_whatever_moment_it_ends_and_opens_nothing_more(
    case: str, wishes: list[Wish], moment: int, make_config: MakeConfig
):
    done = Simulation(searching(make_config, **CASES[case]), wishes, seed=moment)
    done.cancelled_at = moment

    past = done.run().past

    ends = [decision for decision in done.made if decision.finish]
    assert past.finish == "cancelled" and not past.open
    assert sorted(past.requests) == list(range(len(wishes)))
    first = next(index for index, one in enumerate(ends) if one.finish == "cancelled")
    assert not any(one.segments for one in ends[first:])
