"""Whether agents can be filmed without a screen: a real picture of each kind of environment.

Its doors are `begin`, `findings` and `encoder`.
"""

import os
from collections.abc import Iterator
from typing import Any

from amc.doctor.finding import Finding
from amc.doctor.probing import Probe

# One of each: pygame, pygame with Box2D, MuJoCo.
_BY_PYGAME = ("CartPole-v1", "LunarLander-v3")
_BY_MUJOCO = "Hopper-v5"
_BACKEND = "MUJOCO_GL"
_PACKAGES = {
    "egl": "apt-get install libegl1 libegl-mesa0 libopengl0 libgl1",
    "osmesa": "apt-get install libosmesa6 libopengl0 libgl1",
}
_NO_SCREEN = {"SDL_VIDEODRIVER": "dummy"}
Drawings = dict[str, tuple[str, Probe]]


def begin() -> Drawings:
    """Begin to draw; by environment, with which backend."""
    drawings = {name: ("SDL", Probe(name, **_NO_SCREEN)) for name in _BY_PYGAME}
    backend = os.environ.get(_BACKEND) or "egl"
    return {**drawings, _BY_MUJOCO: (backend, Probe(_BY_MUJOCO, **{_BACKEND: backend}))}


def findings(drawings: Drawings) -> Iterator[Finding]:
    """What came of it."""
    for name, (backend, probe) in drawings.items():
        found = probe.answer
        if name != _BY_MUJOCO:
            yield _finding(name, found, "without a screen", "Install pygame-ce and Box2D anew.")
            continue
        if "failed" in found and not os.environ.get(_BACKEND):
            other = Probe(name, **{_BACKEND: "osmesa"}).answer
            backend, found = ("osmesa", other) if "failed" not in other else (backend, found)
        advice = _PACKAGES.get(backend, f"Set {_BACKEND}=egl, or osmesa.")
        yield _finding(name, found, f"{_BACKEND}={backend}", advice)


def _finding(name: str, found: dict[str, Any], how: str, advice: str) -> Finding:
    check = f"film {name.partition('-')[0]}"
    if "failed" in found:
        return Finding(check, "warning", f"{how}: no picture ({found['failed']})", advice)
    if found["is_blank"]:
        return Finding(check, "warning", f"{how}: the picture is blank", advice)
    size = f"{found['width']}x{found['height']}"
    return Finding(check, "ok", f"{how}, {size} in {1000 * found['seconds']:.0f} ms")


def encoder() -> Finding:
    """What writes films."""
    try:
        import imageio_ffmpeg

        program = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        return Finding(
            "ffmpeg", "warning", f"not found ({error})", "pip install imageio-ffmpeg; GIF goes too."
        )
    return Finding("ffmpeg", "ok", str(program))
