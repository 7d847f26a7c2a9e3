"""A worker imports what trials need, and goes without what this machine does not have."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

# Box2D has no wheels for every Python and machine; here it is there, and is hidden.
WITHOUT_BOX2D = "import sys; sys.modules['Box2D'] = None\n"


def test_a_worker_without_box2d_trains_everything_else() -> None:
    program = WITHOUT_BOX2D + (
        "import amc.workers.preload\n"
        "from numpy.random import SeedSequence\n"
        "from amc.config.schema import EnvironmentConfig\n"
        "from amc.environments.factory import make\n"
        "make(EnvironmentConfig(name='Hopper-v3'), 1, SeedSequence(0)).reset()\n"
    )

    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("name", ["LunarLander-v2", "BipedalWalker-v3"])
def test_who_needs_box2d_is_told_what_to_install(name: str) -> None:
    program = WITHOUT_BOX2D + (
        "from numpy.random import SeedSequence\n"
        "from amc.config.schema import EnvironmentConfig\n"
        "from amc.environments.factory import make\n"
        f"make(EnvironmentConfig(name={name!r}), 1, SeedSequence(0))\n"
    )

    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    last = process.stderr.splitlines()[-1]
    assert f"'{name}' cannot be made" in last
    assert "Box2D is not installed" in last
    assert "pip install swig" in last
