from windy_grid import GOAL, WindyGrid

from amc.testing import EnvironmentSuite


class TestWindyGrid(EnvironmentSuite):
    environment = {"name": WindyGrid, "max_episode_steps": 60}


class TestWithStochasticWind(EnvironmentSuite):
    environment = {
        "name": WindyGrid,
        "kwargs": {"is_stochastic": True},
        "max_episode_steps": 60,
    }


def test_the_way_of_the_book_takes_fifteen_steps():
    grid = WindyGrid()
    grid.reset(seed=0)
    right, down, left = 1, 2, 3

    steps = [grid.step(move) for move in [right] * 9 + [down] * 4 + [left] * 2]

    assert [terminated for _, _, terminated, _, _ in steps] == [False] * 14 + [True]
    assert grid.place == GOAL
