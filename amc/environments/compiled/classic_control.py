"""CartPole, MountainCar, Acrobot and Pendulum as Gymnasium 1.4 has them, to the bit.

    state        float64 [4] or [2]: what an episode is at; Acrobot's first one holds float32 values
    observation  float32 [4], [2], [6] or [3]

The order of operations is that of `gymnasium.envs.classic_control`, and so is their type: there a
square of a NumPy scalar is the C library's `pow`, which may round otherwise than a product, and
Acrobot's first observation is NumPy's float32 sine and cosine. Sources of the equations: there.

One number may be set (`parameter`): CartPole's `sutton_barto_reward`, MountainCar's
`goal_velocity`, Pendulum's `g`.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amc.compilation import rounded
from amc.environments.compiled.generators import Generator, seed_generator, uniform

State = NDArray[np.float64]
Observation = NDArray[np.float32]

CARTPOLE, MOUNTAIN_CAR, ACROBOT, PENDULUM = range(4)
STATE_SIZES = (4, 2, 4, 2)
OBSERVATION_SIZES = (4, 2, 6, 3)
# Of Pendulum, whose action is a number, none.
CHOICES = (2, 3, 3, 0)

_PI = math.pi

_CART_FORCE, _CART_GRAVITY, _CART_TAU = 10.0, 9.8, 0.02
_POLE_MASS, _POLE_LENGTH = 0.1, 0.5
_CART_AND_POLE, _POLE_MOMENT = _POLE_MASS + 1.0, _POLE_MASS * _POLE_LENGTH
_CART_BOUND, _POLE_BOUND = 2.4, 12 * 2 * math.pi / 360

_CAR_FORCE, _CAR_GRAVITY, _CAR_SPEED = 0.001, 0.0025, 0.07
_CAR_LEFT, _CAR_RIGHT, _CAR_GOAL = -1.2, 0.6, 0.5

_LINK_GRAVITY, _LINK_SPEED_1, _LINK_SPEED_2, _LINK_DT = 9.8, 4 * math.pi, 9 * math.pi, 0.2

_SWING_SPEED, _SWING_TORQUE, _SWING_DT = 8.0, np.float32(2.0), 0.05
_TORQUE_COST, _TORQUE_GAIN = np.float32(0.001), np.float32(3.0)

# NumPy's float32 sine and cosine within +-pi/4 (its SIMD loops): polynomials in x^2, by multiply
# and add with one rounding.
_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1), np.float32(0)
_COS_8, _COS_6, _COS_4 = (
    np.float32(float.fromhex(one)) for one in ("0x1.98e616p-16", "-0x1.6c06dcp-10", "0x1.55553cp-5")
)
_SIN_9, _SIN_7, _SIN_5, _SIN_3 = (
    np.float32(float.fromhex(one))
    for one in ("0x1.7d3bbcp-19", "-0x1.a06bbap-13", "0x1.11119ap-7", "-0x1.555556p-3")
)


@rounded
def reset_one(
    kind: int, seed: int, generator: Generator, state: State, observation: Observation
) -> None:
    """Begin an episode, as `reset(seed=seed)`.

    Args:
        kind: which environment.
        seed: 0 <= seed < 2^32.
        generator: uint64 [4], room to draw with.
        state: overwritten.
        observation: overwritten.
    """
    seed_generator(generator, seed)
    if kind == CARTPOLE:
        for k in range(4):
            state[k] = uniform(generator, -0.05, 0.05)
            observation[k] = state[k]
    elif kind == MOUNTAIN_CAR:
        state[0] = uniform(generator, -0.6, -0.4)
        state[1] = 0.0
        for k in range(2):
            observation[k] = state[k]
    elif kind == ACROBOT:
        for k in range(4):
            state[k] = np.float32(uniform(generator, -0.1, 0.1))
        for k in range(2):
            angle = np.float32(state[k])
            observation[2 * k], observation[2 * k + 1] = _cos_32(angle), _sin_32(angle)
            observation[4 + k] = state[2 + k]
    else:
        state[0] = uniform(generator, -_PI, _PI)
        state[1] = uniform(generator, -1.0, 1.0)
        _look_at_pendulum(state, observation)


@rounded
def step_one(
    kind: int,
    parameter: float,
    choice: int,
    torque: np.float32,
    state: State,
    observation: Observation,
) -> tuple[float, bool]:
    """Act once.

    Args:
        kind: which environment.
        parameter: see above.
        choice: the action where it is one of some; counted from 0.
        torque: the action where it is a number, within its bounds.
        state: updated.
        observation: overwritten.

    Returns:
        Reward, and whether the episode terminated.
    """
    if kind == CARTPOLE:
        return _step_cartpole(parameter, choice, state, observation)
    if kind == MOUNTAIN_CAR:
        return _step_mountain_car(parameter, choice, state, observation)
    if kind == ACROBOT:
        return _step_acrobot(choice, state, observation)
    return _step_pendulum(parameter, torque, state, observation)


@rounded
def _step_cartpole(
    parameter: float, choice: int, state: State, observation: Observation
) -> tuple[float, bool]:
    x, x_dot, theta, theta_dot = state[0], state[1], state[2], state[3]
    force = _CART_FORCE if choice == 1 else -_CART_FORCE
    cosine, sine = math.cos(theta), math.sin(theta)
    push = (force + _POLE_MOMENT * (theta_dot * theta_dot) * sine) / _CART_AND_POLE
    theta_acc = (_CART_GRAVITY * sine - cosine * push) / (
        _POLE_LENGTH * (4.0 / 3.0 - _POLE_MASS * (cosine * cosine) / _CART_AND_POLE)
    )
    x_acc = push - _POLE_MOMENT * theta_acc * cosine / _CART_AND_POLE
    state[0] = x = x + _CART_TAU * x_dot
    state[1] = x_dot + _CART_TAU * x_acc
    state[2] = theta = theta + _CART_TAU * theta_dot
    state[3] = theta_dot + _CART_TAU * theta_acc
    for k in range(4):
        observation[k] = state[k]
    has_fallen = x < -_CART_BOUND or x > _CART_BOUND or theta < -_POLE_BOUND or theta > _POLE_BOUND
    if parameter == 0.0:
        return 1.0, has_fallen
    return (-1.0 if has_fallen else 0.0), has_fallen


@rounded
def _step_mountain_car(
    parameter: float, choice: int, state: State, observation: Observation
) -> tuple[float, bool]:
    position, velocity = state[0], state[1]
    velocity += (choice - 1) * _CAR_FORCE + math.cos(3 * position) * -_CAR_GRAVITY
    velocity = min(max(velocity, -_CAR_SPEED), _CAR_SPEED)
    position = min(max(position + velocity, _CAR_LEFT), _CAR_RIGHT)
    if position == _CAR_LEFT and velocity < 0:
        velocity = 0.0
    state[0], state[1] = position, velocity
    observation[0], observation[1] = position, velocity
    return -1.0, position >= _CAR_GOAL and velocity >= parameter


@rounded
def _step_acrobot(choice: int, state: State, observation: Observation) -> tuple[float, bool]:
    torque = np.float64(choice - 1)
    y0, y1, y2, y3 = state[0], state[1], state[2], state[3]
    h, half = _LINK_DT, _LINK_DT / 2.0
    a0, a1, a2, a3 = _derivative(y0, y1, y2, y3, torque)
    b0, b1, b2, b3 = _derivative(
        y0 + half * a0, y1 + half * a1, y2 + half * a2, y3 + half * a3, torque
    )
    c0, c1, c2, c3 = _derivative(
        y0 + half * b0, y1 + half * b1, y2 + half * b2, y3 + half * b3, torque
    )
    d0, d1, d2, d3 = _derivative(y0 + h * c0, y1 + h * c1, y2 + h * c2, y3 + h * c3, torque)
    sixth = h / 6.0
    state[0] = theta_1 = _wrapped(y0 + sixth * (a0 + 2 * b0 + 2 * c0 + d0))
    state[1] = theta_2 = _wrapped(y1 + sixth * (a1 + 2 * b1 + 2 * c1 + d1))
    speed_1 = y2 + sixth * (a2 + 2 * b2 + 2 * c2 + d2)
    speed_2 = y3 + sixth * (a3 + 2 * b3 + 2 * c3 + d3)
    state[2] = min(max(speed_1, -_LINK_SPEED_1), _LINK_SPEED_1)
    state[3] = min(max(speed_2, -_LINK_SPEED_2), _LINK_SPEED_2)
    height = math.cos(theta_1)
    observation[0], observation[1] = height, math.sin(theta_1)
    observation[2], observation[3] = math.cos(theta_2), math.sin(theta_2)
    observation[4], observation[5] = state[2], state[3]
    is_up = -height - math.cos(theta_2 + theta_1) > 1.0
    return (0.0 if is_up else -1.0), is_up


@rounded
def _derivative(
    theta_1: float, theta_2: float, speed_1: float, speed_2: float, torque: float
) -> tuple[float, float, float, float]:
    """Of Acrobot's state, with masses, lengths and moments of 1 and centers of mass at 1/2."""
    cosine, sine = math.cos(theta_2), math.sin(theta_2)
    d1 = 0.25 + (1.0 + 0.25 + 2 * 0.5 * cosine) + 1.0 + 1.0
    d2 = (0.25 + 0.5 * cosine) + 1.0
    phi_2 = 0.5 * _LINK_GRAVITY * math.cos(theta_1 + theta_2 - _PI / 2.0)
    phi_1 = (
        -0.5 * _square(speed_2) * sine
        - 2 * 0.5 * speed_2 * speed_1 * sine
        + (0.5 + 1.0) * _LINK_GRAVITY * math.cos(theta_1 - _PI / 2)
        + phi_2
    )
    acc_2 = (torque + d2 / d1 * phi_1 - 0.5 * _square(speed_1) * sine - phi_2) / (
        0.25 + 1.0 - _square(d2) / d1
    )
    acc_1 = -(d2 * acc_2 + phi_1) / d1
    return speed_1, speed_2, acc_1, acc_2


@rounded
def _wrapped(angle: float) -> float:
    while angle > _PI:
        angle = angle - 2 * _PI
    while angle < -_PI:
        angle = angle + 2 * _PI
    return angle


@rounded
def _step_pendulum(
    parameter: float, torque: np.float32, state: State, observation: Observation
) -> tuple[float, bool]:
    theta, speed = state[0], state[1]
    torque = min(max(torque, -_SWING_TORQUE), _SWING_TORQUE)
    angle = (theta + _PI) % (2 * _PI) - _PI
    cost = _square(angle) + 0.1 * _square(speed) + np.float64(_TORQUE_COST * _square(torque))
    gain = 3 * parameter / 2.0 * math.sin(theta) + np.float64(_TORQUE_GAIN * torque)
    speed = min(max(speed + gain * _SWING_DT, -_SWING_SPEED), _SWING_SPEED)
    state[0] = theta + speed * _SWING_DT
    state[1] = speed
    _look_at_pendulum(state, observation)
    return -cost, False


@rounded
def _look_at_pendulum(state: State, observation: Observation) -> None:
    observation[0], observation[1] = math.cos(state[0]), math.sin(state[0])
    observation[2] = state[1]


@rounded
def _square(x: Any) -> Any:
    """The C library's pow(x, 2), which is not x * x in the last bit; no compiler may see the 2."""
    two = type(x)(2)
    return math.pow(x, two + type(x)(0) * x)


@rounded
def _multiplied_and_added(x: np.float32, y: np.float32, z: np.float32) -> np.float32:
    """X * y + z with one rounding: the product is exact in float64."""
    return np.float32(np.float64(x) * np.float64(y) + np.float64(z))


@rounded
def _cos_32(x: np.float32) -> np.float32:
    square = np.float32(x * x)
    y = _multiplied_and_added(_COS_8, square, _COS_6)
    y = _multiplied_and_added(y, square, _COS_4)
    y = _multiplied_and_added(y, square, -_HALF)
    return _multiplied_and_added(y, square, _ONE)


@rounded
def _sin_32(x: np.float32) -> np.float32:
    square = np.float32(x * x)
    y = _multiplied_and_added(_SIN_9, square, _SIN_7)
    y = _multiplied_and_added(y, square, _SIN_5)
    y = _multiplied_and_added(y, square, _SIN_3)
    return _multiplied_and_added(_multiplied_and_added(y, square, _ZERO), x, x)
