"""Tabular Q-learning in Gymnasium's FrozenLake: training code that knows nothing of amc's insides.

Source: Watkins and Dayan 1992, https://doi.org/10.1007/BF00992698.
"""

import json
from typing import Any

import gymnasium
import numpy as np

EPISODES_OF_A_SCORE = 100


def train(trial: Any) -> None:
    """Train a trial; `trial` is `amc.trial`, the module, or an object like it."""
    chosen = {"learning_rate": 0.5, "gamma": 0.95, "epsilon": 0.3} | trial.hyperparameters
    table = np.zeros((16, 4))
    if trial.checkpoint:
        table = np.array(json.loads(trial.checkpoint.read_text()))
    # Each piece of a training draws from a stream of its own.
    draws = np.random.default_rng([trial.seed, trial.from_step])
    lake = gymnasium.make("FrozenLake-v1", is_slippery=False)
    step, due = trial.from_step, trial.from_step
    until = trial.until or 20_000
    while step < until and not trial.should_stop():
        step += episode(lake, table, draws, chosen)
        if step >= due or step >= until:
            due = step + (trial.eval_freq or 2_000)
            trial.report(step, score(lake, table, draws), largest=float(table.max()))
    path = trial.directory / "table.json"
    path.write_text(json.dumps(table.tolist()))
    trial.save(path, step)


def episode(lake: Any, table: Any, draws: Any, chosen: dict[str, Any]) -> int:
    """Learn from an episode; how many steps it had."""
    state, _ = lake.reset(seed=int(draws.integers(2**31)))
    steps, is_over = 0, False
    while not is_over:
        greedy = draws.choice(np.flatnonzero(table[state] == table[state].max()))
        action = draws.integers(4) if draws.random() < chosen["epsilon"] else greedy
        after, reward, terminated, truncated, _ = lake.step(int(action))
        worth = reward + chosen["gamma"] * table[after].max() * (not terminated)
        table[state, action] += chosen["learning_rate"] * (worth - table[state, action])
        state, is_over, steps = after, terminated or truncated, steps + 1
    return steps


def score(lake: Any, table: Any, draws: Any) -> float:
    """Share of episodes in which the greedy policy comes to the goal."""
    reached = 0.0
    for _ in range(EPISODES_OF_A_SCORE):
        state, _ = lake.reset(seed=int(draws.integers(2**31)))
        is_over = False
        while not is_over:
            state, reward, terminated, truncated, _ = lake.step(int(table[state].argmax()))
            reached, is_over = reached + float(reward), terminated or truncated
    return reached / EPISODES_OF_A_SCORE


if __name__ == "__main__":
    from amc import trial as this_process_s

    train(this_process_s)
