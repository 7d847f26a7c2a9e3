"""Where Linux's process handles are missing, as on a Mac, everything but workers runs.

What a Mac lacks is taken away in a process of its own: the functions, and the files of /proc.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
AS_ON_A_MAC = """
import os, re, signal, sys

for module, names in (
    (os, ("pidfd_open", "waitid", "sched_getaffinity", "sched_setaffinity")),
    (signal, ("pidfd_send_signal", "sigtimedwait", "sigwaitinfo")),
):
    for name in names:
        delattr(module, name)

LINUX = re.compile("/proc/([0-9]+/|self/(stat|task|ns|cgroup)|sys/|vmstat)")

def hide(event, arguments):
    if event == "open" and LINUX.match(str(arguments[0])):
        raise FileNotFoundError(2, "No such file or directory", str(arguments[0]))

sys.addaudithook(hide)
"""
COMMAND_LINE = AS_ON_A_MAC + "from amc.cli import main; main(sys.argv[1:], prog_name='amc')"
CONFIG = str(ROOT / "configs" / "cartpole_distributed.json")
SHORT = ("--set", "training.total_timesteps=2048")


def run(program: str, shared: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "AMC_SHARED_DIR": str(shared), "AMC_BROKER_URL": ""}
    command = [sys.executable, "-W", "ignore", "-c", program, *arguments]
    return subprocess.run(command, cwd=shared, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("command", ["validate", "train"])
def test_a_config_is_validated_and_trained(tmp_path: Path, command: str) -> None:
    arguments = (CONFIG, *SHORT) if command == "train" else (CONFIG,)

    process = run(COMMAND_LINE, tmp_path, command, *arguments)

    assert process.returncode == 0, process.stderr


def test_the_python_api_trains_and_lists(tmp_path: Path) -> None:
    program = AS_ON_A_MAC + (
        "import amc\n"
        "from amc.config.loader import ConfigLoader\n"
        "from amc.workers.base import BaseWorker\n"
        "loader = ConfigLoader()\n"
        "config = loader.load_config(sys.argv[1])\n"
        "config = loader.apply_overrides(config, {'training.total_timesteps': 1024})\n"
        "print(BaseWorker(worker_id=0, config=config, shared_dir=sys.argv[2]).run().state)\n"
        "print(amc.experiments())\n"
    )

    process = run(program, tmp_path, CONFIG, str(tmp_path / "shared"))

    assert process.stdout.split() == ["completed", "[]"], process.stderr


def test_a_command_trains(tmp_path: Path) -> None:
    config = tmp_path / "own.json"
    script = 'echo "{\\"step\\": 100, \\"score\\": 3}" >> "$AMC_REPORT"'
    config.write_text(
        json.dumps(
            {
                "experiment_name": "own",
                "command": ["sh", "-c", script],
                "training": {"total_timesteps": 100},
            }
        )
    )

    process = run(COMMAND_LINE, tmp_path, "train", str(config), "--allow")

    assert process.returncode == 0, process.stderr
    assert "score       3.0" in process.stdout


@pytest.mark.parametrize("command", [("up",), ("up", "--foreground"), ("run", CONFIG)])
def test_workers_are_refused_in_one_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    process = run(COMMAND_LINE, tmp_path, *command)

    assert process.returncode == 2
    assert "amc: Workers run on Linux alone" in process.stderr
    assert "Traceback" not in process.stderr


def test_what_asks_for_workers_elsewhere_goes_on(tmp_path: Path) -> None:
    listed = run(COMMAND_LINE, tmp_path, "ls")
    asked = run(COMMAND_LINE, tmp_path, "status")
    submitted = run(COMMAND_LINE, tmp_path, "submit", CONFIG)

    assert listed.returncode == 0, listed.stderr
    assert (asked.returncode, submitted.returncode) == (3, 3)
    assert "Traceback" not in asked.stderr + submitted.stderr
