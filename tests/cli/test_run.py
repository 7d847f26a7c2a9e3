"""The commands that start or need workers: a real Redis, real workers, real training."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]
ONE_TRIAL = ("--set", "hyperparameter_optimizer=null", "--set", "training.eval_episodes=1")
TRIAL_KEYS = {
    *("number", "state", "score", "hyperparameters", "seed", "attempts", "steps", "seconds"),
    "worker",
}


class CommandLine:
    """Runs `amc` in processes of their own, on a shared directory of their own."""

    def __init__(self, directory: Path) -> None:
        self.shared = directory / "shared"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("AMC_")}
        self._environment = {**kept, "AMC_SHARED_DIR": str(self.shared), "OMP_NUM_THREADS": "1"}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "amc", *map(str, arguments)],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def processes(self) -> list[str]:
        """Command lines of everything that runs on this shared directory."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("AMC_SHARED_DIR") == str(self.shared):
                    found.append(" ".join(process.cmdline()))
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found


@pytest.fixture
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    found = CommandLine(tmp_path)
    yield found
    found("down", "--now")


@pytest.fixture(scope="module")
def with_a_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A shared directory with one worker up."""
    found = CommandLine(tmp_path_factory.mktemp("with_a_worker"))
    assert found("up", "--workers", 1).returncode == 0
    yield found
    found("down", "--now")


def test_run_does_everything_prints_one_document_and_leaves_no_process(
    command_line: CommandLine, config_path: Path
):
    search = ["hyperparameter_optimizer.n_calls=2", "training.total_timesteps=256"]
    settings = [word for text in search for word in ("--set", text)]

    finished = command_line("run", config_path, "--workers", 2, "--json", *settings)

    assert finished.returncode == 0, finished.stderr
    document = json.loads(finished.stdout)
    assert document["state"] == "completed"
    assert len(document["trials"]) == 2
    assert all(trial.keys() >= TRIAL_KEYS for trial in document["trials"])
    assert document["best"]["score"] == max(trial["score"] for trial in document["trials"])
    assert command_line.processes() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "exit_code"),
    [
        pytest.param(signal.SIGINT, 130, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, 143, id="SIGTERM", marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, id="SIGHUP", marks=pytest.mark.slow),
        pytest.param(signal.SIGQUIT, 131, id="SIGQUIT", marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_saves_the_trial_stops_everything_and_says_how_to_go_on(
    command_line: CommandLine,
    config_path: Path,
    eventually: Callable[..., object],
    number: signal.Signals,
    exit_code: int,
):
    endless = ("--set", "training.total_timesteps=1000000000")
    process = command_line.start("run", config_path, "--workers", 1, *ONE_TRIAL, *endless)
    trial = command_line.shared / "cartpole-1" / "trials" / "0000"
    eventually(lambda: list(trial.glob("attempts/*.json")), timeout_s=120)

    process.send_signal(signal.SIGUSR2)  # which means nothing
    process.send_signal(number)
    out, err = process.communicate(timeout=120)

    assert process.returncode == exit_code
    assert out == ""
    assert "cartpole-1 stays in the ledger" in err
    assert "Traceback" not in err
    assert list(trial.glob("checkpoints/*")), "the trial was saved"
    assert command_line.processes() == []
    assert json.loads(command_line("show", "--json").stdout)["state"] == "running"


@pytest.mark.slow
def test_run_starts_a_fleet_again_whose_supervisor_was_killed(
    command_line: CommandLine, config_path: Path, eventually: Callable[..., object]
):
    fleet = command_line.shared / ".fleet"
    longer = ("--set", "training.total_timesteps=60000")
    process = command_line.start("run", config_path, "--workers", 1, *ONE_TRIAL, *longer)
    trial = command_line.shared / "cartpole-1" / "trials" / "0000"
    eventually(lambda: list(trial.glob("attempts/*.json")), timeout_s=120)

    (state,) = fleet.glob("*/fleet.json")
    os.kill(json.loads(state.read_text())["pid"], signal.SIGKILL)
    _, err = process.communicate(timeout=200)

    assert process.returncode == 0, err
    assert "supervisor was killed" in err
    assert command_line.processes() == []


@pytest.mark.slow
def test_run_says_so_when_its_workers_are_stopped(
    command_line: CommandLine, config_path: Path, eventually: Callable[..., object]
):
    endless = ("--set", "training.total_timesteps=1000000000")
    process = command_line.start("run", config_path, "--workers", 1, *ONE_TRIAL, *endless)
    trial = command_line.shared / "cartpole-1" / "trials" / "0000"
    eventually(lambda: list(trial.glob("attempts/*.json")), timeout_s=120)

    assert command_line("down", "--now").returncode == 0
    _, err = process.communicate(timeout=60)

    assert process.returncode == 3
    assert "cartpole-1 stays in the ledger" in err
    assert "Traceback" not in err


def test_workers_that_are_up_are_used_and_left_up(with_a_worker: CommandLine, config_path: Path):
    short = (*ONE_TRIAL, "--set", "training.total_timesteps=256")

    identifier = with_a_worker("submit", config_path, *short).stdout.strip()
    watched = with_a_worker("watch", identifier)
    ran = with_a_worker("run", config_path, *short)

    assert identifier.startswith("cartpole-")
    assert watched.returncode == 0
    assert f"{identifier}: completed, 1 of 1 trials done" in watched.stdout.splitlines()[-1]
    assert ran.returncode == 0
    assert "Using the workers that are up" in ran.stderr
    assert "best score" in ran.stdout
    assert any("rl-worker-0" in line for line in with_a_worker.processes())
    assert "trains from step 0" in with_a_worker("logs", identifier).stdout


@pytest.mark.slow
def test_a_cancelled_experiment_ends_its_waiting_submit_with_4(
    with_a_worker: CommandLine, config_path: Path, eventually: Callable[..., object]
):
    endless = (*ONE_TRIAL, "--set", "training.total_timesteps=1000000000")
    waiting = with_a_worker.start("submit", config_path, "--wait", *endless)
    assert waiting.stdout is not None
    identifier = waiting.stdout.readline().strip()
    trial = with_a_worker.shared / identifier / "trials" / "0000"
    eventually(lambda: list(trial.glob("attempts/*.json")), timeout_s=60)

    late = with_a_worker("watch", identifier, "--timeout", "0.1", "--json")
    cancelled = with_a_worker("cancel", identifier)
    _, err = waiting.communicate(timeout=60)

    assert late.returncode == 5
    assert json.loads(late.stdout)["trials"][0]["state"] == "running"
    assert (cancelled.returncode, cancelled.stdout) == (0, f"{identifier} cancelled\n")
    assert waiting.returncode == 4
    assert f"{identifier} was cancelled" in err
    shown = json.loads(with_a_worker("show", identifier, "--json").stdout)
    assert shown["trials"][0]["state"] == "cancelled"


def test_a_smoke_test_goes_the_whole_road_and_leaves_nothing(
    with_a_worker: CommandLine, config_path: Path
):
    before = with_a_worker("ls", "--json").stdout

    finished = with_a_worker("submit", config_path, "--smoke", "--json")

    told = json.loads(finished.stdout)
    assert (finished.returncode, told["works"]) == (0, True), finished.stderr
    assert told["worker"] == "rl-worker-0"
    assert isinstance(told["score"], float)
    assert with_a_worker("ls", "--json").stdout == before


@pytest.mark.slow
def test_a_smoke_test_says_what_failed_and_leaves_nothing(
    with_a_worker: CommandLine, config_path: Path
):
    broken = ["environment.name=LunarLander-v3", 'environment.kwargs={"gravity": 5}']
    settings = [word for text in broken for word in ("--set", text)]
    before = with_a_worker("ls", "--json").stdout

    finished = with_a_worker("submit", config_path, "--smoke", *settings)

    assert finished.returncode == 1
    assert finished.stdout.startswith("does not work (failed)")
    assert "gravity" in finished.stderr
    assert with_a_worker("ls", "--json").stdout == before
