"""Windy Gridworld: cross a grid to the goal while a wind from below carries you off.

Source: Sutton & Barto 2018, http://incompleteideas.net/book/the-book-2nd.html, example 6.5; with
stochastic wind, exercise 6.10.
"""

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

ROWS, COLUMNS = 7, 10
START, GOAL = (3, 0), (3, 7)
WIND = (0, 0, 0, 1, 1, 1, 2, 2, 1, 0)
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
CELL = 32


class WindyGrid(gymnasium.Env[int, int]):
    """Reward -1 for each step until the goal is reached; the best way there takes 15.

    Args:
        is_stochastic: whether the wind blows one cell more or less, each a third of the time.
        render_mode: None or "rgb_array".
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 5}

    def __init__(self, is_stochastic: bool = False, render_mode: str | None = None) -> None:
        self.observation_space = spaces.Discrete(ROWS * COLUMNS)
        self.action_space = spaces.Discrete(len(MOVES))
        self.is_stochastic = is_stochastic
        self.render_mode = render_mode
        self.place = START

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Begin at the start."""
        super().reset(seed=seed)
        self.place = START
        return self._cell(), {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """Move up, right, down or left, and be carried by the wind of the column left."""
        row, column = self.place
        wind = WIND[column]
        if self.is_stochastic and wind:
            wind += int(self.np_random.integers(-1, 2))
        down, right = MOVES[action]
        row = min(max(row + down - wind, 0), ROWS - 1)
        self.place = row, min(max(column + right, 0), COLUMNS - 1)
        return self._cell(), -1.0, self.place == GOAL, False, {}

    def render(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The grid, darker where the wind is stronger; the goal is green, the wanderer red."""
        picture = np.empty((ROWS, COLUMNS, 3), np.uint8)
        picture[:] = 255 - 40 * np.array(WIND, np.uint8)[:, None]
        picture[GOAL] = (40, 160, 70)
        picture[self.place] = (200, 60, 40)
        return picture.repeat(CELL, axis=0).repeat(CELL, axis=1)

    def _cell(self) -> int:
        return self.place[0] * COLUMNS + self.place[1]
