"""Pictures of environments where there is no screen.

The doors are `prepare` and `picture`.
"""

import os
import sys
from contextlib import suppress
from ctypes.util import find_library
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from amc.environments.acting import Environment
from amc.errors import EnvironmentFault, said

_ROBOTS = "gymnasium.envs.mujoco"
_GL = "MUJOCO_GL"
# The number of MuJoCo's free camera, and the name of the one in each of Gymnasium's robots' models.
_FREE, _FOLLOWING = -1, "track"
# What a software renderer spends most of a frame on: 34 ms without, 225 ms with both (HalfCheetah,
# 480 x 480, one core).
_COSTLY = [int(mujoco.mjtRndFlag.mjRND_SHADOW), int(mujoco.mjtRndFlag.mjRND_REFLECTION)]


def has_display() -> bool:
    """Whether windows can be opened here."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def prepare() -> None:
    """Let what draws do so in memory where there is no screen; what the user has set stays.

    MuJoCo reads its variable when a picture is first taken, SDL when it is first used.
    """
    if has_display():
        return
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    if (renderer := _renderer()) is not None:
        os.environ.setdefault(_GL, renderer)


def _renderer() -> str | None:
    """What MuJoCo can draw with in memory here."""
    # PyOpenGL wants one of the two beside EGL.
    if find_library("EGL") and (find_library("OpenGL") or find_library("GL")):
        return "egl"
    return "osmesa" if find_library("OSMesa") else None


def require_pictures(environment: Environment, name: str) -> None:
    """Refuse an environment of which no picture can be taken here; the camera follows a robot.

    Raises:
        EnvironmentFault: it draws none, or a system package is missing.
    """
    modes = (environment.metadata or {}).get("render_modes", ())
    if "rgb_array" not in modes:
        raise EnvironmentFault(
            f"environment.name: {name!r} draws no pictures: its render modes are {list(modes)}. "
            "'rgb_array' is needed for a film."
        )
    if not _is_robot(environment):
        return
    if not has_display() and _GL not in os.environ:
        raise EnvironmentFault(
            f"environment.name: {name!r} cannot be drawn here: MuJoCo finds neither EGL nor "
            "OSMesa. Install one of them: apt-get install libegl1 libopengl0, or libosmesa6."
        )
    _follow(environment)


def picture(environment: Environment, name: str) -> NDArray[np.uint8]:
    """What an environment looks like now, uint8 [height, width, 3].

    Raises:
        EnvironmentFault: it could not be drawn.
    """
    try:
        drawn: Any = environment.render()
        if _is_robot(environment) and _make_quick(environment):
            drawn = environment.render()
    except (Exception, SystemExit) as error:  # of drivers, and of code that is not ours
        raise EnvironmentFault(
            f"environment.name: {name!r} could not be drawn: {said(error)}. "
            f"For MuJoCo try another renderer ({_GL}=egl, osmesa or glfw); see: amc doctor"
        ) from error
    frame = np.asarray(drawn)
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise EnvironmentFault(
            f"environment.name: {name!r} drew {type(drawn).__name__} of shape {frame.shape}. "
            "A picture of bytes, [height, width, 3], is meant."
        )
    return frame


def _is_robot(environment: Environment) -> bool:
    return type(environment.unwrapped).__module__.startswith(_ROBOTS)


def _follow(environment: Environment) -> None:
    """Look through the camera that goes along, if there is one and no other was asked for.

    Gymnasium 1.4 looks from where the robot began, so that it runs out of the picture.
    """
    robot: Any = environment.unwrapped
    with suppress(AttributeError):  # another version of gymnasium
        if robot.mujoco_renderer.camera_id == _FREE:
            kind = mujoco.mjtObj.mjOBJ_CAMERA
            robot.mujoco_renderer.camera_id = mujoco.mj_name2id(robot.model, kind, _FOLLOWING)
            _make_endless(robot.model)


def _make_endless(model: Any) -> None:
    """Draw floors for as far as robots run; they are 40 m long, and nothing collides with an end.

    Of a plane the size is for drawing alone, 0 is without an end, and textures are then repeated
    per metre. Source: https://mujoco.readthedocs.io/en/stable/XMLreference.html, geom and material.
    """
    for plane in np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE):
        size, material = model.geom_size[plane, :2].copy(), model.geom_matid[plane]
        if size.all() and material >= 0:
            model.mat_texrepeat[material] /= 2 * size
            model.mat_texuniform[material] = 1
        model.geom_size[plane, :2] = 0.0


def _make_quick(environment: Environment) -> bool:
    """Leave out shadows and mirrors from now on; whether they were there.

    The viewer is not kept: when the last reference to an earlier one goes, it takes OpenGL's
    current context with it, and whatever is drawn next stays empty.
    """
    with suppress(AttributeError):  # another version of gymnasium keeps its viewer elsewhere
        flags = environment.unwrapped.mujoco_renderer.viewer.scn.flags  # type: ignore[attr-defined]
        if any(flags[_COSTLY]):
            flags[_COSTLY] = 0
            return True
    return False
