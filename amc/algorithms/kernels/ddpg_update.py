"""One update of DDPG in one call: critic, actor, and the targets that follow them.

y = r + gamma (1 - terminated) Q'(s', mu'(s'))
critic: descend on mean((Q(s, a) - y)^2)        actor: ascend on mean(Q(s, mu(s)))

    n    rows at hand, from `start` on      D    entries of an observation
"""

from typing import NamedTuple

import numpy as np
from numba import float64

from amc.algorithms.kernels.blas import Floats, Number, vector
from amc.algorithms.kernels.descent import Descent, descend
from amc.algorithms.kernels.elementwise import ONE, polyak_update, tanh
from amc.algorithms.kernels.inference import FLOATS, MATRIX
from amc.algorithms.kernels.networks import (
    Networks,
    backward,
    backward_to_input,
    forward,
    input_rows,
    output_rows,
)
from amc.compilation import compiled, inlined, typeof, types


class Plan(NamedTuple):
    """Hyperparameters, and what lies where.

    Numba compiles a function once more for each literal that it is given, so the numbers of
    networks and columns are handed in.
    """

    gamma: float
    tau: float
    actor: int = 0  # networks
    critic: int = 1
    actor_start: int = 0  # parameters
    critic_start: int = 0
    observation: int = 0  # first columns of a transition, in the order of `ReplayBuffer`
    next_observation: int = 0
    action: int = 0
    reward: int = 0
    terminated: int = 0


_F = np.zeros(1, np.float32)
NETWORKS = typeof(Networks(1, _F, _F, _F, np.zeros((1, 1, 4), np.int64), _F, _F, 1, 1))
PLAN = typeof(Plan(0.0, 0.0))
DESCENT = typeof(Descent(0, 0.0, 0, _F, _F, np.zeros(4)))


@inlined
def copy_columns(rows: Floats, start: int, first: int, into: Floats, width: int) -> None:
    """Copy `width` columns of some rows, from `first` on, into the first ones of `into`."""
    for i in range(into.shape[0]):
        for j in range(width):
            into[i, j] = rows[start + i, first + j]


@inlined
def value_of_policy(
    networks: Networks, plan: Plan, rows: Floats, start: int, first: int, n: int
) -> Floats:
    """Q(s, mu(s)), [n, 1], for the states in the columns from `first` on."""
    entering, judged = input_rows(networks, plan.actor, n), input_rows(networks, plan.critic, n)
    d = entering.shape[1]
    copy_columns(rows, start, first, entering, d)
    copy_columns(rows, start, first, judged, d)
    actions = forward(networks, plan.actor, n)
    for i in range(n):
        for j in range(actions.shape[1]):
            actions[i, j] = tanh(actions[i, j])
            judged[i, d + j] = actions[i, j]
    return forward(networks, plan.critic, n)


@inlined
def add_critic_gradient(
    networks: Networks, target: Floats, plan: Plan, rows: Floats, start: int, n: int
) -> Number:
    """Add what some rows contribute to the critic's gradient; the sum of their squared errors."""
    follower = Networks(
        networks.blas,
        target,
        networks.gradient,
        networks.transposed,
        networks.layers,
        networks.outputs,
        networks.deltas,
        networks.capacity,
        networks.activation,
    )
    ahead = value_of_policy(follower, plan, rows, start, plan.next_observation, n)
    wanted, gamma = np.empty(n, np.float32), np.float32(plan.gamma)
    for i in range(n):
        going_on = ONE - rows[start + i, plan.terminated]
        wanted[i] = rows[start + i, plan.reward] + gamma * going_on * ahead[i, 0]
    judged = input_rows(networks, plan.critic, n)
    d = plan.next_observation - plan.observation
    copy_columns(rows, start, plan.observation, judged, d)
    for i in range(n):
        for j in range(d, judged.shape[1]):
            judged[i, j] = rows[start + i, plan.action - d + j]
    values = forward(networks, plan.critic, n)
    delta = output_rows(networks.deltas, networks, plan.critic, n)
    share = np.float32(2 / rows.shape[0])
    total = 0.0
    for i in range(n):
        error = values[i, 0] - wanted[i]
        total += error * error
        delta[i, 0] = share * error
    backward(networks, plan.critic, n, start == 0)
    return total


@inlined
def add_actor_gradient(networks: Networks, plan: Plan, rows: Floats, start: int, n: int) -> Number:
    """Add what some rows contribute to the actor's gradient; the sum of -Q(s, mu(s))."""
    values = value_of_policy(networks, plan, rows, start, plan.observation, n)
    by_value = output_rows(networks.deltas, networks, plan.critic, n)
    total = 0.0
    for i in range(n):
        total -= values[i, 0]
        by_value[i, 0] = np.float32(-1 / rows.shape[0])
    by_input = backward_to_input(networks, plan.critic, n)
    actions = output_rows(networks.outputs, networks, plan.actor, n)
    delta = output_rows(networks.deltas, networks, plan.actor, n)
    d = by_input.shape[1] - delta.shape[1]
    for i in range(n):
        for j in range(delta.shape[1]):
            delta[i, j] = by_input[i, d + j] * (ONE - actions[i, j] * actions[i, j])
    backward(networks, plan.actor, n, start == 0)
    return total


@inlined
def step(networks: Networks, first: int, end: int, descent: Descent) -> None:
    """Let the optimizer move the parameters from number `first` to before `end`."""
    size = end - first
    own = Descent(
        descent.kind,
        descent.rate,
        descent.steps,
        vector(descent.m, first, size),
        vector(descent.v, first, size),
        descent.rule,
    )
    values, gradient = vector(networks.flat, first, size), vector(networks.gradient, first, size)
    descend(values, gradient, ONE, own, descent.steps + 1)


@compiled(types.UniTuple(float64, 2)(NETWORKS, FLOATS, PLAN, MATRIX, DESCENT))
def ddpg_update(
    networks: Networks, target: Floats, plan: Plan, rows: Floats, descent: Descent
) -> tuple[float, float]:
    """Improve the critic, then the actor, then let the targets follow.

    Args:
        networks: actor and critic; scratch memory not shared.
        target: [P], the parameters of their slow followers.
        plan: hyperparameters, and what lies where.
        rows: [B, columns], the transitions.
        descent: the optimizer of both.

    Returns:
        The losses of actor and critic, before their steps.
    """
    total, capacity = rows.shape[0], networks.capacity
    actor_loss = critic_loss = 0.0
    for start in range(0, total, capacity):
        n = min(capacity, total - start)
        critic_loss += add_critic_gradient(networks, target, plan, rows, start, n)
    step(networks, plan.critic_start, networks.flat.size, descent)
    for start in range(0, total, capacity):
        n = min(capacity, total - start)
        actor_loss += add_actor_gradient(networks, plan, rows, start, n)
    step(networks, plan.actor_start, plan.critic_start, descent)
    polyak_update(target, networks.flat, np.float32(plan.tau))
    return actor_loss / total, critic_loss / total
