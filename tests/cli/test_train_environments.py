"""`amc train` in environments that are somebody else's, and not all of them sound."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner, Result

from amc.cli import main

TESTS = Path(__file__).parents[1]
SMALL = {"n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 2, "hidden_sizes": [16]}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An empty working directory, and the strange environments within reach."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(TESTS))
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setenv("AMC_ALLOW_MODULES", "strange,gymnasium.wrappers,minigrid,minigrid.wrappers")
    logger = logging.getLogger("amc")
    before = logger.handlers[:], logger.propagate, logger.level
    yield tmp_path
    logger.handlers[:], logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


def write(name: str, steps: int = 200, algorithm: str = "ppo", **environment: Any) -> str:
    config = {
        "experiment_name": "x",
        "algorithm": algorithm,
        "environment": {"name": name, **environment},
        "training": {"total_timesteps": steps, "eval_episodes": 2},
    }
    config["algorithm_config"] = SMALL if algorithm == "ppo" else {"learning_starts": 50}
    Path("x.json").write_text(json.dumps(config))
    return "x.json"


def train(*words: str) -> Result:
    return CliRunner().invoke(main, ["train", *words, "--json"])


def in_a_process(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "amc", "train", *words, "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def trained(ran: Result) -> dict[str, Any]:
    assert ran.exit_code == 0, ran.output
    document: dict[str, Any] = json.loads(ran.stdout)
    return document


@pytest.mark.parametrize(
    ("name", "wrappers"),
    [
        ("FrozenLake-v1", []),
        ("Taxi-v3", []),
        ("Blackjack-v1", []),
        ("CliffWalking-v1", []),
        ("minigrid:MiniGrid-Empty-5x5-v0", ["minigrid.wrappers:FlatObsWrapper"]),
        ("NumberLinkRGB-v0", []),
        ("strange:Switches-v0", []),
        ("strange:Lights-v0", ["normalize_observation"]),
        ("CartPole-v1", ["gymnasium.wrappers:TimeAwareObservation"]),
        (
            "CartPole-v1",
            [
                {
                    "name": "gymnasium.wrappers:FrameStackObservation",
                    "kwargs": {"stack_size": 4},
                },
                "gymnasium.wrappers:FlattenObservation",
            ],
        ),
    ],
    ids=str,
)
def test_environments_of_every_kind_train(name: str, wrappers: list[Any]):
    limit = {"max_episode_steps": 100}

    document = trained(train(write(name, 2000, wrappers=wrappers, **limit)))

    assert document["steps"] == 2000
    assert document["score"] is not None


def test_an_environment_may_use_its_action_as_numpys():
    assert trained(train(write("strange:ItemAction-v0")))["score"] == 20.0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "ShapeInStep",
            "environment 0 (ShapeInStep-v0): its observation at step 1 of episode 0 is [0.0], of "
            "shape (1,), but its space has shape (3,).",
        ),
        (
            "AboveDiscrete",
            "environment 0 (AboveDiscrete-v0): its observation at step 0 of episode 0 is 4, but "
            "its space holds the integers 0 to 3.",
        ),
        (
            "RewardNone",
            "environment 0 (RewardNone-v0): its reward at step 5 of episode 0 is None. A finite "
            "number is meant.",
        ),
    ],
)
def test_a_fault_of_an_environment_is_one_sentence(name: str, message: str):
    ran = train(write(f"strange:{name}-v0"))

    assert ran.exit_code == 1
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


def test_an_environment_may_change_the_working_directory(here: Path):
    config = write("strange:Wanderer-v0")

    document = trained(train(config))

    assert (here / document["checkpoint"]).is_file()
    assert (here / "runs/x/result.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["ppo", "ddpg"])
@pytest.mark.parametrize("kernel", ["fast", "reference"])
def test_what_an_environment_sets_in_torch_changes_nothing(algorithm: str, kernel: str):
    digests = []

    for name in ("Continuous", "Precise"):
        config = write(f"strange:{name}-v0", algorithm=algorithm)
        ran = train(config, "--set", f"training.kernel={kernel}", "--out", name)
        digests.append(trained(ran)["digest"])

    assert digests[0] == digests[1]


def test_an_environment_that_cannot_be_closed_costs_a_warning():
    ran = train(write("strange:CloseRaises-v0"))

    assert trained(ran)["score"] == 20.0
    assert "close failed: RuntimeError: the simulator was gone already" in ran.stderr


def test_ddpg_refuses_several_choices():
    ran = train(write("strange:Switches-v0", algorithm="ddpg"))

    assert ran.exit_code == 2
    assert "needs continuous actions, but 'strange:Switches-v0' has multi-discrete" in ran.stderr


@pytest.mark.slow
def test_standard_output_holds_the_document_alone():
    ran = in_a_process(write("strange:Printer-v0"))

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["score"] == 20.0
    for said in ("loaded", "episode starts", "from below", "from a program", "closed", "at exit"):
        assert said in ran.stderr


@pytest.mark.slow
def test_nothing_that_an_environment_started_outlives_the_command():
    ran = in_a_process(write("strange:LeavesChildren-v0"))

    # One that ends meanwhile has no command line any more.
    words = {one.pid: one.info["cmdline"] or [] for one in psutil.process_iter(["cmdline"])}
    left = [pid for pid, said in words.items() if "321.25" in said]
    assert ran.returncode == 0, ran.stderr
    assert left == []
