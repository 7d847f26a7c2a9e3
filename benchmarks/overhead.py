"""What comes on top of training: starting, stopping, a trial's own cost, memory, the first step.

    python benchmarks/overhead.py [--rounds 5] [--parts start stop trials own memory commands]

Each part runs the installed command, or the package's own doors, as a user would, in a shared
directory of its own; figures are medians over the rounds, with the least and the greatest.

start and stop: `amc run` of a few short trials on two workers: from Enter until the first attempt
is claimed, and from the last report to the prompt. Idle fleets are taken down, and one with a long
trial on each worker, whose checkpoints are waited for.
trials: 300 trials of one update each (8 steps of PPO, evaluated and saved) on two workers, by the
time from the 20th report to the last.
own: a trial that a Python script trains (`"algorithm": "command"`), beside the script by itself.
memory: proportional set size of a fleet with eight workers, nothing running, all processes summed.
commands: wall-clock seconds of `status` and `submit`, and of `train` until it has trained a step.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amc import fleet
from amc.fleet import Description
from amc.fleet.description import WorkerDescription
from amc.fleet.gpu import CPU

AMC = (sys.executable, "-m", "amc")
NO_OP: dict[str, Any] = {
    "experiment_name": "short",
    "algorithm": "ppo",
    "algorithm_config": {"n_envs": 1, "n_steps": 8, "batch_size": 8, "n_epochs": 1},
    "environment": {"name": "CartPole-v1"},
    "hyperparameter_optimizer": {
        "type": "random",
        "trials_per_round": 4,
        "mode": "async",
        "finalists": 0,
        "test_seeds": 0,
        "search_space": {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
    },
    "training": {"total_timesteps": 8, "eval_episodes": 1},
}
LONG: dict[str, Any] = {**NO_OP, "training": {"total_timesteps": 10**9, "eval_freq": 10**9}}
TRIALS, OWN_TRIALS, WARM_UP = 300, 100, 20


def amc(place: Path, *arguments: str) -> float:
    """Run a command in a directory of its own; seconds until it has ended."""
    began = time.perf_counter()
    command = subprocess.run(
        [*AMC, *arguments],
        cwd=place,
        env={**os.environ, "AMC_SHARED_DIR": str(place / "shared")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if command.returncode:
        raise SystemExit(f"amc {' '.join(arguments)}:\n{command.stderr}")
    return time.perf_counter() - began


def config(place: Path, what: dict[str, Any], trials: int) -> str:
    """Write a config for so many trials; its path."""
    search = {**what["hyperparameter_optimizer"], "n_calls": trials}
    path = place / "config.json"
    path.write_text(json.dumps({**what, "hyperparameter_optimizer": search}))
    return str(path)


@contextmanager
def workers(place: Path, count: int) -> Iterator[None]:
    """A fleet, for as long as the block runs."""
    shared = place / "shared"
    names = (WorkerDescription(f"rl-worker-{n}", f"gpu{n}", CPU) for n in range(count))
    fleet.up(Description(tuple(names), driver=True), shared=shared, deadline_s=300)
    try:
        yield
    finally:
        fleet.down(shared=shared)


def claimed(place: Path) -> list[float]:
    """When each first attempt was claimed."""
    found = place.glob("shared/*/trials/*/attempts/0001.json")
    return sorted(json.loads(one.read_text())["started"] for one in found)


def reported(place: Path) -> list[float]:
    """When each trial was reported."""
    return sorted(one.stat().st_mtime for one in place.glob("shared/*/trials/*/report.json"))


def wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.02)


def start(place: Path) -> dict[str, float]:
    launched = time.time()
    amc(place, "run", config(place, NO_OP, 4), "--workers", "2")
    ended = time.time()
    return {
        "Enter to the first attempt, s": claimed(place)[0] - launched,
        "last report to the prompt, s": ended - reported(place)[-1],
    }


def stop(place: Path) -> dict[str, float]:
    with workers(place, 2):
        idle = amc(place, "down")
    with workers(place, 2):
        amc(place, "submit", config(place, LONG, 2))
        wait_for(lambda: len(claimed(place)) == 2)
        time.sleep(1.0)
        training = amc(place, "down")
    return {"down, idle, s": idle, "down, two trials running, s": training}


def trials(place: Path) -> dict[str, float]:
    with workers(place, 2):
        amc(place, "submit", config(place, NO_OP, TRIALS))
        wait_for(lambda: bool(list(place.glob("shared/*/ends/*"))))
    times = reported(place)
    each = (times[-1] - times[WARM_UP]) / (len(times) - 1 - WARM_UP)
    return {"a trial of one update, 2 workers, ms": 1000 * each}


def own(place: Path) -> dict[str, float]:
    """A trial of a script that reports ten scores, beside the same script run by itself."""
    script = place / "train.py"
    script.write_text(
        "from amc import trial\nfor step in range(100, 1001, 100):\n    trial.report(step, step)\n"
    )
    command = [sys.executable, "train.py"]
    what = {
        "experiment_name": "own",
        "command": command,
        "hyperparameter_optimizer": NO_OP["hyperparameter_optimizer"],
        "training": {"total_timesteps": 1000},
    }
    os.environ |= {"AMC_ALLOW_COMMANDS": shlex.join(command), "AMC_ALLOW_SOURCES": str(place)}
    with workers(place, 1):
        amc(place, "submit", config(place, what, OWN_TRIALS))
        wait_for(lambda: bool(list(place.glob("shared/*/ends/*"))))
        began = time.perf_counter()
        for _ in range(OWN_TRIALS):
            subprocess.run(command, cwd=place, capture_output=True, check=True)
        alone = (time.perf_counter() - began) / OWN_TRIALS
    times = reported(place)
    each = (times[-1] - times[WARM_UP]) / (len(times) - 1 - WARM_UP)
    return {
        "a trial of a script that reports ten scores, 1 worker, ms": 1000 * each,
        "the same script by itself, ms": 1000 * alone,
        "what amc adds to it, ms": 1000 * (each - alone),
    }


def memory(place: Path) -> dict[str, float]:
    before = processes()
    with workers(place, 8):
        time.sleep(2.0)
        total = sum(map(proportional_kilobytes, processes() - before))
    return {"PSS of a fleet with 8 workers, MB": total / 1024}


def processes() -> set[int]:
    return {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}


def proportional_kilobytes(pid: int) -> int:
    """A process's share of the memory that it maps; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def commands(place: Path) -> dict[str, float]:
    taken = {}
    with workers(place, 2):
        taken["status, s"] = amc(place, "status")
        taken["submit, s"] = amc(place, "submit", config(place, NO_OP, 1))
    alone = {key: value for key, value in LONG.items() if key != "hyperparameter_optimizer"}
    path = place / "alone.json"
    path.write_text(json.dumps({**alone, "training": {"total_timesteps": 10**9, "eval_freq": 8}}))
    began = time.time()
    training = subprocess.Popen(
        [*AMC, "train", str(path), "--out", str(place / "run")],
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # The first line of the curve is that of the evaluation after the first eight steps.
    wait_for(lambda: any(one.stat().st_size for one in place.glob("run/**/*.jsonl")))
    taken["train, until eight steps are trained and evaluated, s"] = time.time() - began
    training.terminate()
    training.wait()
    return taken


PARTS: dict[str, Callable[[Path], dict[str, float]]] = {
    "start": start,
    "stop": stop,
    "trials": trials,
    "own": own,
    "memory": memory,
    "commands": commands,
}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", nargs="*", choices=list(PARTS), default=list(PARTS))
    options = parser.parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ.pop("AMC_BROKER_URL", None)
    taken: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for part in options.parts:
            with tempfile.TemporaryDirectory(prefix="amc-overhead-") as place:
                for what, value in PARTS[part](Path(place)).items():
                    taken.setdefault(what, []).append(value)
    print("| what | median | least | greatest |\n|---|---|---|---|")
    for what, values in taken.items():
        cells = (statistics.median(values), min(values), max(values))
        print(f"| {what} | {' | '.join(f'{value:,.3g}' for value in cells)} |")


if __name__ == "__main__":
    main()
