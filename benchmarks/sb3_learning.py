"""What Stable-Baselines3's SAC learns under amc, beside what it learns alone: same settings, seeds.

    python benchmarks/sb3_learning.py [pendulum halfcheetah] [--seeds 3] [--table]

`--table` trains nothing; it writes the rows that are there into `docs/benchmarks.md`.

A run is a process of its own with one thread; the contenders take turns, seed by seed. Alone is as
SB3's users run it: `make_vec_env`, `SAC(...)`, `learn`. Under amc is what a worker does with the
preset, a checkpoint and the evaluation included. Both policies then play the same episodes, the
deterministic action in ten environments with the same seeds; their mean return is the score, and
what is timed is the process's CPU time for training and playing. A run that ended is a row in
`benchmarks/results/sb3_learning.json`; the same command goes on with those that lack.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import SeedSequence
from stable_baselines3 import SAC
from stable_baselines3.common.env_util import make_vec_env

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.environments import make_evaluation
from amc.training.evaluation import evaluate_policy, summary
from amc.training.training import EVALUATION
from amc.workers.base import BaseWorker

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "sb3_learning.json"
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- sb3: begin -->", "<!-- sb3: end -->"
# Preset and steps; an evaluation of 10 episodes at the end alone.
JOBS = {"pendulum": ("sac_pendulum", 20_000), "halfcheetah": ("sac_halfcheetah", 100_000)}
CONTENDERS = ("amc", "SB3")
EPISODES = {"pendulum": 100, "halfcheetah": 10}

Row = dict[str, Any]


def settings(job: str, seed: int) -> ExperimentConfig:
    preset, steps = JOBS[job]
    loader = ConfigLoader()
    config = loader.load_config(ROOT / "configs" / "presets" / f"{preset}.json")
    training = {"total_timesteps": steps, "eval_freq": steps, "save_freq": steps}
    training |= {"eval_episodes": EPISODES[job]}
    overrides: dict[str, Any] = {f"training.{key}": value for key, value in training.items()}
    return loader.apply_overrides(config, overrides | {"training.device": "cpu", "seed": seed})


def under_amc(config: ExperimentConfig) -> float:
    with tempfile.TemporaryDirectory() as directory:
        outcome = BaseWorker(0, config, directory).run()
    assert outcome.score is not None
    return outcome.score


def alone(config: ExperimentConfig) -> float:
    """As its users run it; then the episodes that amc evaluates."""
    env = make_vec_env(config.environment.name, n_envs=1, seed=config.seed)
    model = SAC(
        "MlpPolicy",
        env,
        learning_rate=config.optimizer.learning_rate,
        learning_starts=config.algorithm_config.learning_starts,  # type: ignore[attr-defined]
        seed=config.seed,
        device="cpu",
    )
    steps = config.training.total_timesteps
    model.learn(steps)
    seed = SeedSequence(config.seed, spawn_key=(EVALUATION, steps))
    n_episodes = config.training.eval_episodes
    with closing(make_evaluation(config.environment, min(n_episodes, 16), seed, None)) as judged:

        def policy(observation: np.ndarray) -> np.ndarray:
            return np.asarray(model.predict(observation, deterministic=True)[0])

        played = evaluate_policy(policy, judged, n_episodes)
    assert played is not None
    return summary(played, step=steps, seconds=0.0).score


RUNS: dict[str, Callable[[ExperimentConfig], float]] = {"amc": under_amc, "SB3": alone}


def one(job: str, contender: str, seed: int) -> Row:
    """One run, in this process."""
    torch.set_num_threads(1)
    config = settings(job, seed)
    began = time.process_time()
    score = RUNS[contender](config)
    seconds = time.process_time() - began
    return {
        "job": job,
        "contender": contender,
        "seed": seed,
        "score": round(score, 2),
        "steps": config.training.total_timesteps,
        "cpu_s": round(seconds, 1),
        "stable_baselines3": version("stable_baselines3"),
        "torch": version("torch"),
    }


def read_rows() -> list[Row]:
    rows: list[Row] = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    return rows


def write_rows(rows: list[Row]) -> None:
    rows = sorted(rows, key=lambda row: (row["job"], row["contender"], row["seed"]))
    RESULTS.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


def run_all(jobs: list[str], n_seeds: int) -> None:
    done = {(row["job"], row["contender"], row["seed"]) for row in read_rows()}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for job in jobs:
        for seed in range(n_seeds):
            for contender in CONTENDERS:
                if (job, contender, seed) in done:
                    continue
                command = [sys.executable, __file__, "--one", job, contender, str(seed)]
                ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
                row = json.loads(ran.stdout)
                # Read anew: another of these programs may do another job.
                write_rows([*read_rows(), row])
                print(
                    f"{job} {contender} seed {seed}: {row['score']}, {row['cpu_s']} s", flush=True
                )


def table(rows: list[Row]) -> list[str]:
    lines = ["| job | contender | seeds | mean ± std | of each | steps per CPU-second |"]
    lines.append("|---|---|---|---|---|---|")
    for job, (_, steps) in JOBS.items():
        for contender in CONTENDERS:
            found = [row for row in rows if (row["job"], row["contender"]) == (job, contender)]
            if not found:
                continue
            scores = [row["score"] for row in found]
            spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
            speeds = sorted(row["steps"] / row["cpu_s"] for row in found)
            cells = (
                f"SAC {job}, {steps:,} steps",
                contender,
                str(len(scores)),
                f"{statistics.fmean(scores):,.1f} ± {spread:,.1f}",
                ", ".join(f"{score:,.1f}" for score in scores),
                f"{statistics.median(speeds):,.0f} ({speeds[0]:,.0f} to {speeds[-1]:,.0f})",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def write_table(rows: list[Row]) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    lines = "\n".join(table(rows))
    PAGE.write_text(f"{before}{BEGIN}\n{lines}\n{END}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("jobs", nargs="*", choices=[[], *JOBS], default=[])
    parser.add_argument("--seeds", type=int, default=3, help="train seeds 0 to N - 1")
    parser.add_argument("--table", action="store_true", help="train nothing, write the table")
    parser.add_argument("--one", nargs=3, metavar=("JOB", "CONTENDER", "SEED"))
    options = parser.parse_args()
    if options.one:
        job, contender, seed = options.one
        print(json.dumps(one(job, contender, int(seed))))
        return
    if not options.table:
        run_all(options.jobs or list(JOBS), options.seeds)
    write_table(read_rows())


if __name__ == "__main__":
    main()
