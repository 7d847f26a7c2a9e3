"""Time to a tuned agent, from Enter to prompt: amc, rl-baselines3-zoo, Optuna with SB3.

    python benchmarks/end_to_end.py [--jobs cartpole half-cheetah] [--rounds 3]

The same trials, two at a time, one thread each: `amc run` with two workers, the peers as two
processes that share a study (`rivals/tuning.py`). The contenders take turns within each round;
a table holds medians and ranges, and ratios are taken within a round. For amc it says where the
time went: until the first attempt began, and from the last report to the prompt. Memory is the
proportional set size of all that was started meanwhile, at its highest, looked at once a second.
Peers are left out where they are not installed: pip install -c constraints.txt -e '.[bench]', and
rl_zoo3 and pandas (for its report) by name, since one of its requirements has no wheels.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from overhead import processes, proportional_kilobytes
from rivals.tuning import HIGH, JOBS, LOW, Job

WORKERS = 2
ENVIRONMENT = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
TUNING = Path(__file__).parent / "rivals" / "tuning.py"


@dataclass
class Taken:
    """What a whole program took.

    Attributes:
        seconds: from launch to exit.
        megabytes: at most, of all its processes.
        parts: of the seconds, by what they were spent on.
    """

    seconds: float
    megabytes: float
    parts: dict[str, float] = field(default_factory=dict)


def watched(
    commands: list[list[str]],
    place: Path,
    *,
    environment: Mapping[str, str] = ENVIRONMENT,
    has_memory: bool = True,
) -> Taken:
    """Run some programs side by side until all have ended.

    To look at memory takes 6 ms of every process, which whoever has more of them pays more for.
    """
    before, began, most = processes(), time.perf_counter(), 0.0
    look = began
    with open(place / "output", "wb") as output:
        programs = [
            subprocess.Popen(
                command,
                cwd=place,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            for command in commands
        ]
        while any(program.poll() is None for program in programs):
            if has_memory and time.perf_counter() > look:
                # A fleet belongs to nobody: what belongs to a program is what began with it.
                most = max(most, sum(map(proportional_kilobytes, processes() - before)) / 1024)
                look += 1.0
            time.sleep(0.01)
    if any(program.returncode for program in programs):
        raise SystemExit((place / "output").read_text(errors="replace")[-2000:])
    return Taken(time.perf_counter() - began, most)


def amc(job: Job, place: Path) -> Taken:
    """`amc run`, as a user would."""
    every = job.steps // job.evaluations
    wrappers = ["normalize_observation", "normalize_reward"] if job.normalize else []
    config = {
        "experiment_name": "job",
        "algorithm": "ppo",
        "environment": {"name": job.environment, "wrappers": wrappers},
        "algorithm_config": {"n_envs": job.n_envs, **job.settings},
        "hyperparameter_optimizer": {
            "type": "random",
            "n_calls": job.trials,
            "trials_per_round": WORKERS,
            "mode": "async",
            "finalists": 0,
            "test_seeds": 0,
            "search_space": {"learning_rate": {"low": LOW, "high": HIGH, "log": True}},
        },
        "training": {
            "total_timesteps": job.steps,
            "eval_freq": every,
            "save_freq": job.steps,
            "eval_episodes": job.episodes,
        },
    }
    path = place / "config.json"
    path.write_text(json.dumps({key: value for key, value in config.items() if value}))
    command = [sys.executable, "-m", "amc", "run", str(path), "--workers", str(WORKERS)]
    launched = time.time()
    taken = watched([command], place)
    attempts = [json.loads(one.read_text()) for one in place.rglob("attempts/0001.json")]
    reports = [one.stat().st_mtime for one in place.rglob("trials/*/report.json")]
    if len(reports) != job.trials:
        raise SystemExit(f"amc: {len(reports)} reports of {job.trials}; see {place}")
    first, last = min(one["started"] for one in attempts), max(reports)
    ended = launched + taken.seconds
    taken.parts = {"start": first - launched, "trials": last - first, "stop": ended - last}
    return taken


def peer(name: str) -> Callable[[Job, Path], Taken]:
    """One of the programs in `rivals/tuning.py`, by the name of its job."""

    def run(job: Job, place: Path) -> Taken:
        key = next(key for key, one in JOBS.items() if one is job)
        share = str(job.trials // WORKERS)
        command = [sys.executable, str(TUNING), name, key, str(place / "journal.log"), share]
        return watched([command] * WORKERS, place)

    return run


def contenders() -> dict[str, Callable[[Job, Path], Taken]]:
    found: dict[str, Callable[[Job, Path], Taken]] = {"amc": amc}
    if find_spec("rl_zoo3"):
        found["rl-baselines3-zoo"] = peer("zoo")
    if find_spec("optuna") and find_spec("stable_baselines3"):
        found["Optuna and SB3"] = peer("optuna")
    return found


def with_range(values: list[float], form: str) -> str:
    """Median, least and greatest."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def compare(job: Job, rounds: int) -> None:
    """Print a row for each contender."""
    taken: dict[str, list[Taken]] = {name: [] for name in contenders()}
    for _ in range(rounds):
        for name, run in contenders().items():
            with tempfile.TemporaryDirectory(prefix="amc-end-to-end-") as place:
                taken[name].append(run(job, Path(place)))
    title = f"{job.trials} PPO {job.environment}"
    for name, found in taken.items():
        seconds = [one.seconds for one in found]
        ratios = [one / ours.seconds for one, ours in zip(seconds, taken["amc"], strict=True)]
        cells = [title, name, with_range(seconds, ".1f"), with_range(ratios, ".1f")]
        cells.append(f"{statistics.median(one.megabytes for one in found):,.0f}")
        print(f"| {' | '.join(cells)} |", flush=True)
    parts: dict[str, Any] = {
        part: statistics.median(one.parts[part] for one in taken["amc"])
        for part in taken["amc"][0].parts
    }
    print(f"\n{title}, amc: " + ", ".join(f"{part} {s:.2f} s" for part, s in parts.items()))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--jobs", nargs="*", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for name in options.jobs:
        print("| job | contender | seconds | it / amc | MB |")
        print("|---|---|---|---|---|")
        compare(JOBS[name], options.rounds)


if __name__ == "__main__":
    main()
