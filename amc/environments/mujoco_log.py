"""MuJoCo's own warnings become log lines, not text on standard error and a MUJOCO_LOG.TXT.

Loaded only where a MuJoCo environment is made.
"""

import logging

import mujoco

_LOG = logging.getLogger(__name__)


def route_warnings() -> None:
    """Send MuJoCo's warnings to this module's logger, for the whole process."""
    mujoco.set_mju_user_warning(_log)


def _log(message: str) -> None:
    # Gymnasium's model files use attributes that MuJoCo 4 deprecates: nothing a user can do about
    # it.
    level = logging.DEBUG if "is deprecated" in message else logging.WARNING
    _LOG.log(level, "MuJoCo: %s", message)
