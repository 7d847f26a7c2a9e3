"""Measuring a policy: every copy of the environment counts alike."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from amc.environments.vector import Episode, Step
from amc.errors import EnvironmentFault, TrainingError
from amc.training.evaluation import Played, evaluate_policy, summary


class Clockwork:
    """N copies; episodes of copy i take `lengths[i]` steps and earn their number of steps."""

    def __init__(
        self, lengths: Sequence[int], reports: bool = True, bound: int | None = None
    ) -> None:
        self.lengths = np.array(lengths)
        self.n_envs = len(lengths)
        self.age = np.zeros(self.n_envs, dtype=int)
        self.reports = reports
        self.finished: list[Episode] = []
        self.bound = bound

    def reset(self):
        return np.zeros((self.n_envs, 1), dtype=np.float32)

    def step(self, actions):
        self.age += 1
        ended = self.age == self.lengths
        self.finished += [Episode(float(n), int(n)) for n in self.age[ended]]
        self.age[ended] = 0
        observation = self.reset()
        return Step.unnormalized(observation, actions, ended, np.zeros_like(ended), observation)

    def pop_episodes(self):
        finished, self.finished = self.finished, []
        return finished if self.reports else []


def policy(observation):
    return np.ones(len(observation))


def test_short_episodes_are_not_favoured():
    episodes = evaluate_policy(policy, Clockwork([1, 10]), 2).episodes

    assert sorted(episode.length for episode in episodes) == [1, 10]


@pytest.mark.parametrize("n_episodes", [3, 4, 5, 7])
def test_exactly_as_many_episodes_are_played_as_asked_for(n_episodes):
    episodes = evaluate_policy(policy, Clockwork([2, 3, 5]), n_episodes).episodes

    lengths = [episode.length for episode in episodes]
    assert len(lengths) == n_episodes
    assert max(map(lengths.count, (2, 3, 5))) - min(map(lengths.count, (2, 3, 5))) <= 1


def test_playing_ends_when_it_may_not_go_on():
    answers = iter([True, True, False])

    assert evaluate_policy(policy, Clockwork([100]), 1, lambda: next(answers)) is None


def test_an_environment_that_hides_its_episodes_is_at_fault():
    with pytest.raises(EnvironmentFault, match="ended 1 episodes in a step but reported 0"):
        evaluate_policy(policy, Clockwork([3], reports=False), 1)


def test_a_point_of_the_curve_holds_mean_and_spread():
    point = summary(Played([Episode(1.0, 10), Episode(3.0, 30)], cut=1), step=64, seconds=2.5)

    assert (point.step, point.score, point.std) == (64, 2.0, 1.0)
    assert (point.episodes, point.length, point.seconds, point.cut) == (2, 20.0, 2.5, 1)


def test_a_return_that_is_not_finite_is_an_error():
    with pytest.raises(TrainingError, match="step 64"):
        summary(Played([Episode(math.inf, 10)], 0), step=64, seconds=0.0)
