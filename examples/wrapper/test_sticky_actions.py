import gymnasium
from sticky_actions import StickyActions

from amc.testing import WrapperSuite


class TestAroundCartPole(WrapperSuite):
    wrapper = StickyActions


class TestAroundPendulum(WrapperSuite):
    wrapper = {"name": StickyActions, "kwargs": {"probability": 0.5}}
    around = "Pendulum-v1"


class Noted(gymnasium.Wrapper):
    def step(self, action):
        self.taken.append(action)
        return self.env.step(action)


def test_a_quarter_of_the_actions_are_the_last_one_again():
    noted = Noted(gymnasium.make("MountainCar-v0", max_episode_steps=2000))
    noted.taken = []
    sticky = StickyActions(noted)
    sticky.reset(seed=0)

    meant = [step % 3 for step in range(1000)]
    for action in meant:
        sticky.step(action)

    kept = sum(taken == action for taken, action in zip(noted.taken, meant, strict=True))
    assert noted.taken[0] == 0
    assert 700 < kept < 800
