from typing import NamedTuple

import numpy as np
import pytest

from amc.algorithms.rollout import Rollout, RolloutBuffer

N, D = 3, 2


class Step(NamedTuple):
    observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    next_observation: np.ndarray


def collect(*, shared: bool) -> Rollout:
    """A rollout in the second use of a buffer; `shared` as environments do: one array, no end."""
    buffer = RolloutBuffer(6, N, D, np.zeros((), np.int64))
    for use in range(2):
        draw = np.random.default_rng(use)
        buffer.clear()
        observation = draw.standard_normal((N, D)).astype(np.float32)
        for _ in range(6):
            following = draw.standard_normal((N, D)).astype(np.float32)
            terminated, truncated = draw.random((2, N)) < 0.2
            truncated &= ~terminated
            ended = terminated | truncated
            is_whole = shared and not ended.any()
            next_one = following if is_whole else np.where(ended[:, None], 0, following)
            step = Step(
                next_one.astype(np.float32, copy=False),
                draw.standard_normal(N),
                terminated,
                truncated,
                following,
            )
            buffer.add(observation, np.zeros(N, np.int64), step)
            observation = step.observation
    return buffer.finish(lambda rows: rows.sum(axis=1), gamma=0.9, gae_lambda=0.8)


def test_steps_without_an_end_may_share_one_observation():
    apart = collect(shared=False)

    together = collect(shared=True)

    for one, other in zip(apart, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shared", [True, False])
def test_returns_are_advantages_and_values(shared: bool):
    rollout = collect(shared=shared)

    np.testing.assert_allclose(rollout.returns, rollout.advantages + rollout.values, rtol=1e-5)
