"""A table of real training curves: configurations of PPO, two seeds each, in two environments.

The doors are `make_table`, which trains what is missing, and `read_rows`. A row is one trial: its
hyperparameters, its curve, and what it cost. The file is written anew after every trial and
replaced in one step, so whatever interrupts the making, the same call goes on where it stopped.
"""

import gzip
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from scipy.stats import qmc

from amc.config.loader import ConfigLoader
from amc.errors import TrainingError
from amc.optimizers.encoding import Encoding
from amc.workers.base import BaseWorker, TrialContext

CONFIGURATIONS, SEEDS = 128, 2
EVALUATIONS = 15
# Steps of a trial. Of LunarLander as many as it takes for a third of them to say something of the
# end; of Acrobot few, because after 60,000 steps most configurations differ by luck alone.
STEPS = {"LunarLander-v3": 300_000, "Acrobot-v1": 30_000}
# Without them Acrobot's seeds agree on nothing: rank correlation 0.1 between the two at the end.
WRAPPERS = {"Acrobot-v1": ["normalize_observation", "normalize_reward"]}
SPACE: dict[str, Any] = {
    "learning_rate": {"low": 3e-5, "high": 1e-2, "log": True},
    "gamma": {"low": 0.9, "high": 0.9999, "reverse_log": True},
    "gae_lambda": [0.8, 1.0],
    "ent_coef": {"low": 1e-5, "high": 0.1, "log": True},
    "n_steps": {"choices": [32, 64, 128, 256]},
    "n_epochs": {"low": 2, "high": 20, "log": True, "type": "int"},
}
_SOBOL_SEED = 7


@dataclass(frozen=True)
class Row:
    """One trial of the table.

    Attributes:
        configuration: number of the configuration, the same point in every environment.
        seed: number of the repetition, 0 or 1.
        environment: what was trained in.
        hyperparameters: the point.
        steps: environment steps trained at each evaluation.
        scores: mean return of 10 episodes of the deterministic policy, at each evaluation.
        seconds: CPU seconds of the trial, evaluations and all, on one thread; other work on the
            machine does not count.
        versions: of what made it.
        error: why the training broke down, if it did; the curve ends there.
    """

    configuration: int
    seed: int
    environment: str
    hyperparameters: dict[str, Any]
    steps: list[int]
    scores: list[float]
    seconds: float
    versions: dict[str, str]
    error: str | None = None

    @property
    def key(self) -> tuple[int, int, str]:
        """Which trial: configuration, seed, environment."""
        return self.configuration, self.seed, self.environment


def configurations() -> list[dict[str, Any]]:
    """The points, of a scrambled Sobol sequence; always the same ones."""
    encoding = Encoding(SPACE)
    points = qmc.Sobol(encoding.n_columns, rng=_SOBOL_SEED).random(CONFIGURATIONS)
    return [encoding.decode(point) for point in points]


def trials() -> Iterator[tuple[int, int, str]]:
    """Every trial in the order of making, so that every prefix holds whole configurations."""
    for configuration in range(CONFIGURATIONS):
        for seed in range(SEEDS):
            for environment in STEPS:
                yield configuration, seed, environment


def read_rows(path: Path) -> list[Row]:
    """What is in a table; nothing if there is none."""
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [Row(**json.loads(line)) for line in file]


def write_rows(path: Path, rows: list[Row]) -> None:
    """Replace the table, in one step; the same rows give the same bytes."""
    lines = [json.dumps(asdict(row)) + "\n" for row in sorted(rows, key=lambda row: row.key)]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
    unfinished.replace(path)


def make_table(path: Path, *, jobs: int) -> None:
    """Train what the table lacks, so many trials side by side, one thread each."""
    rows = read_rows(path)
    done = {row.key for row in rows}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # read by the processes that are started below
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_follow) as pool:
        todo = [pool.submit(train, *trial) for trial in trials() if trial not in done]
        for future in as_completed(todo):
            row = future.result()
            rows.append(row)
            write_rows(path, rows)
            print(f"{len(rows)}: {row.key} {row.scores[-1:]} {row.seconds} s", flush=True)


def _follow() -> None:
    """End this process when the one that started it does, however that ends."""
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def train(configuration: int, seed: int, environment: str) -> Row:
    """One trial of the table."""
    point = configurations()[configuration]
    plain = document(environment, point, seed=SEEDS * configuration + seed)
    config = ConfigLoader().from_mapping(plain)
    curve: list[Any] = []
    error = None
    started = time.process_time()
    with tempfile.TemporaryDirectory() as directory:
        context = TrialContext.standalone(config.seed, Path(directory))
        try:
            BaseWorker(0, config, directory, replace(context, on_evaluation=curve.append)).run()
        except TrainingError as raised:
            error = str(raised)
    return Row(
        configuration=configuration,
        seed=seed,
        environment=environment,
        hyperparameters=point,
        steps=[evaluation.step for evaluation in curve],
        scores=[round(evaluation.score, 2) for evaluation in curve],
        seconds=round(time.process_time() - started, 2),
        versions=_versions(),
        error=error,
    )


def document(environment: str, point: dict[str, Any], seed: int) -> dict[str, Any]:
    """The config of a trial: defaults but for the point."""
    steps = STEPS[environment]
    rest = dict(point)
    optimizer = {"learning_rate": rest.pop("learning_rate")} if point else {}
    return {
        "experiment_name": "pruning",
        "algorithm": "ppo",
        "seed": seed,
        "environment": {"name": environment, "wrappers": WRAPPERS.get(environment, [])},
        "algorithm_config": rest,
        "optimizer": optimizer,
        "training": {
            "total_timesteps": steps,
            "eval_freq": steps // EVALUATIONS,
            "save_freq": steps,
            "eval_episodes": 10,
        },
    }


def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("torch", "gymnasium", "numpy")}
    return {"amc": version("ai-mission-control"), "python": platform.python_version(), **packages}
