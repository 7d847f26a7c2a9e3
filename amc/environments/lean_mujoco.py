"""MuJoCo's v4 environments stepped without what nobody looks at here, to the same bits.

The door is `lean`. Gymnasium reads every array through an attribute of MuJoCo's data, builds a
dictionary of details, looks twice whether a robot is healthy, and has forces computed that these
observations do not hold: a fifth to a third of the time around `mj_step`. Order and types of every
operation that counts are Gymnasium's.

It loads MuJoCo: `single` imports it for environments that have done so.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from amc.environments.compiled.robots import (
    ANT,
    CONTROL,
    DT,
    ENDS,
    FORWARD,
    HALF_CHEETAH,
    HEALTHY,
    HOPPER,
    LEAST,
    LOW_ANGLE,
    LOW_Z,
    WALKER,
)

Answer = tuple[Any, Any, bool, bool, dict[str, Any]]
Stepper = Callable[[Any], Answer]

_PLACE = "gymnasium.envs.mujoco"


def lean(environment: Any) -> Stepper | None:
    """What steps an environment in place of its `step`; its info is empty.

    Returns:
        None if it is none of these classes, or was made with settings that are not known here.
    """
    kind = type(environment)
    make = _STEPPERS.get(f"{kind.__module__}.{kind.__name__}")
    if make is None or environment.render_mode is not None:
        return None
    is_usual = environment._exclude_current_positions_from_observation
    is_usual = is_usual and not getattr(environment, "_use_contact_forces", False)
    return make(environment) if is_usual else None


class Robot:
    """Views of MuJoCo's data, which stay where they are for as long as it lives.

    Attributes:
        kind: as in `compiled.robots`.
        constants: as there.
        x: [1], view of the position whose change is paid.
    """

    def __init__(self, environment: Any, kind: int, n_hidden: int = 1) -> None:
        self.model, self.data = environment.model, environment.data
        self.qpos, self.qvel = self.data.qpos, self.data.qvel
        self.ctrl = self.data.ctrl
        self.frame_skip, self.dt = environment.frame_skip, environment.dt
        self.position = self.qpos[n_hidden:]
        self.n_positions = len(self.position)
        self.n_observed = self.n_positions + len(self.qvel)
        self.kind, self.n_hidden, self.x = kind, n_hidden, self.qpos[:1]
        self.constants = _constants(environment)

    def go_on(self) -> Callable[[], None]:
        """What lets MuJoCo go on by the controls that are set."""
        return partial(mujoco.mj_step, self.model, self.data, self.frame_skip)

    def simulate(self, action: Any) -> None:
        """Set the controls, and let MuJoCo go on."""
        self.ctrl[:] = action
        mujoco.mj_step(self.model, self.data, self.frame_skip)

    def observed(self) -> Any:
        """Positions and velocities, as they are."""
        observation = np.empty(self.n_observed)
        observation[: self.n_positions] = self.position
        observation[self.n_positions :] = self.qvel
        return observation


def _constants(environment: Any) -> NDArray[np.float64]:
    """What an environment pays, and when it ends; see `compiled.robots`."""
    anything = (-np.inf, np.inf)
    found = np.zeros(11)
    found[DT] = environment.dt
    found[FORWARD] = getattr(environment, "_forward_reward_weight", 1.0)
    found[CONTROL] = environment._ctrl_cost_weight
    found[HEALTHY] = getattr(environment, "_healthy_reward", 0.0)
    found[ENDS] = bool(getattr(environment, "_terminate_when_unhealthy", False))
    for place, name in ((LOW_Z, "z"), (LOW_ANGLE, "angle"), (LEAST, "state")):
        found[place : place + 2] = getattr(environment, f"_healthy_{name}_range", anything)
    return found


def _half_cheetah(environment: Any) -> Stepper:
    robot = Robot(environment, HALF_CHEETAH)
    qpos, dt = robot.qpos, robot.dt
    forward, control = environment._forward_reward_weight, environment._ctrl_cost_weight

    def step(action: Any) -> Answer:
        before = qpos[0]
        robot.simulate(action)
        velocity = (qpos[0] - before) / dt
        reward = forward * velocity - control * np.add.reduce(np.square(action))
        return robot.observed(), reward, False, False, {}

    return _of(robot, step)


def _of(robot: Robot, step: Stepper) -> Stepper:
    step.robot = robot  # type: ignore[attr-defined]
    return step


def _walking(environment: Any, kind: int, is_state_healthy: Callable[[Robot], bool]) -> Stepper:
    """Of Hopper and Walker2d, which may fall."""
    robot = Robot(environment, kind)
    qpos, dt, n = robot.qpos, robot.dt, robot.n_positions
    forward, control = environment._forward_reward_weight, environment._ctrl_cost_weight
    lowest, highest = environment._healthy_z_range
    least, most = environment._healthy_angle_range
    ends, healthy = environment._terminate_when_unhealthy, environment._healthy_reward

    def step(action: Any) -> Answer:
        before = qpos[0]
        robot.simulate(action)
        velocity = (qpos[0] - before) / dt
        observation = robot.observed()
        np.clip(observation[n:], -10, 10, out=observation[n:])
        z, angle = observation[0], observation[1]
        is_healthy = bool(lowest < z < highest and least < angle < most) and is_state_healthy(robot)
        rewards = forward * velocity + float(is_healthy or ends) * healthy
        reward = rewards - control * np.add.reduce(np.square(action))
        return observation, reward, bool(ends and not is_healthy), False, {}

    return _of(robot, step)


def _hopper(environment: Any) -> Stepper:
    least, most = environment._healthy_state_range

    def is_state_healthy(robot: Robot) -> bool:
        state = np.concatenate((robot.qpos[2:], robot.qvel))
        return bool(np.logical_and(least < state, state < most).all())

    return _walking(environment, HOPPER, is_state_healthy)


def _walker(environment: Any) -> Stepper:
    return _walking(environment, WALKER, lambda robot: True)


def _ant(environment: Any) -> Stepper:
    robot = Robot(environment, ANT, n_hidden=2)
    torso, dt = robot.data.body("torso").xpos, robot.dt
    robot.x = torso[:1]
    control, healthy = environment._ctrl_cost_weight, environment._healthy_reward
    lowest, highest = environment._healthy_z_range
    ends = environment._terminate_when_unhealthy

    def step(action: Any) -> Answer:
        before = torso[0]
        robot.simulate(action)
        velocity = (torso[0] - before) / dt
        observation = robot.observed()
        is_healthy = bool(
            np.isfinite(observation).all()
            and np.isfinite(robot.qpos[:2]).all()
            and lowest <= observation[0] <= highest
        )
        rewards = velocity + float(is_healthy or ends) * healthy
        reward = rewards - control * np.add.reduce(np.square(action))
        return observation, reward, bool(ends and not is_healthy), False, {}

    return _of(robot, step)


_STEPPERS: dict[str, Callable[[Any], Stepper]] = {
    f"{_PLACE}.half_cheetah_v4.HalfCheetahEnv": _half_cheetah,
    f"{_PLACE}.hopper_v4.HopperEnv": _hopper,
    f"{_PLACE}.walker2d_v4.Walker2dEnv": _walker,
    f"{_PLACE}.ant_v4.AntEnv": _ant,
}
