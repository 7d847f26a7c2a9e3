"""How busy workers are where trials take different times: rounds, in order, as they come.

    python benchmarks/busy_workers.py               # simulated clock: a Markdown table
    python benchmarks/busy_workers.py fleet         # a fleet of four workers, some five minutes

What is opened when is what the driver says, `amc.driver.planning.plan`. A share is of the time from
the first trial's begin to the last one's begin, when there is always something left to do; the last
trials of a search leave workers idle in any mode. With a fleet trials sleep instead of computing
(`sleepy.py`), so that four of them need less than a processor, and a worker counts as busy while an
attempt runs, by the clock of its own report.
"""

import argparse
import heapq
import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from amc.config.loader import ConfigLoader
from amc.driver.planning import plan
from amc.ledger import History, Ledger, Report, Segment

WORKERS = 4
ROUNDS: dict[str, Any] = {"mode": "rounds", "trials_per_round": WORKERS}
MODES: dict[str, dict[str, Any]] = {
    "rounds of 4": ROUNDS,
    "rounds of 8": {**ROUNDS, "trials_per_round": 8},
    "in order, window 4": {"mode": "async", "window": 4},
    "in order, window 6": {"mode": "async", "window": 6},
    "in order, window 8 (the default)": {"mode": "async"},
    "in order, window 12": {"mode": "async", "window": 12},
    "in order, window 16": {"mode": "async", "window": 16},
    "as they come, window 4": {"mode": "async", "order": "as_they_come", "window": 4},
    "as they come, window 8": {"mode": "async", "order": "as_they_come"},
}
ON_A_FLEET = ("rounds of 4", "in order, window 8 (the default)", "as they come, window 8")
Draw = Callable[[np.random.Generator], float]
# Half the width of nine in ten of a normal distribution is 1.645 standard deviations.
DURATIONS: dict[str, Draw] = {
    "uniform, 1 to 4": lambda generator: float(generator.uniform(1.0, 4.0)),
    "lognormal, nine in ten within 4 times": lambda generator: float(
        generator.lognormal(sigma=np.log(4.0) / (2 * 1.645))
    ),
}
_STEPS = 64
# Trials of a fleet: 3 to 12 seconds, so that the 60 ms between two of them are little.
_SHORTEST_S = 3.0


class Worked(NamedTuple):
    """A trial on a worker."""

    begins: float
    ends: float


def share_busy(work: Sequence[Worked]) -> float:
    """What part of their time workers trained, until the last trial was begun."""
    first, last = min(one.begins for one in work), max(one.begins for one in work)
    trained = sum(min(one.ends, last) - one.begins for one in work)
    return trained / (WORKERS * (last - first))


def document(search: dict[str, Any], n_calls: int, seed: int) -> dict[str, Any]:
    """The config of a search."""
    return {
        "experiment_name": "busy",
        "algorithm": "ppo",
        "seed": seed,
        "environment": {"name": "CartPole-v1"},
        "algorithm_config": {"n_envs": 1, "n_steps": _STEPS, "batch_size": _STEPS},
        "hyperparameter_optimizer": {
            "type": "random",
            "n_calls": n_calls,
            "finalists": 0,
            "test_seeds": 0,
            "search_space": {"learning_rate": [1e-4, 1e-2]},
            **search,
        },
        "training": {"total_timesteps": _STEPS, "eval_freq": None},
    }


def simulate(task: tuple[str, str, int, int]) -> float:
    """The share of one search with a mode, durations, so many trials, a seed."""
    mode, durations, n_calls, seed = task
    config = ConfigLoader().from_mapping(document(MODES[mode], n_calls, seed))
    generator, draw = np.random.default_rng(seed), DURATIONS[durations]
    seconds = [draw(generator) for _ in range(n_calls)]
    past, now, work = History(), 0.0, list[Worked]()
    queue, running = deque[Segment](), list[tuple[float, int]]()
    while past.finish is None:
        while (decision := plan(config, past)) is not None:
            learned = {one.key for one in decision.learned}
            fresh = {key: one for key, one in past.fresh.items() if key not in learned}
            past = past.after(decision).seen(fresh)
            queue.extend(decision.segments)
        while queue and len(running) < WORKERS:
            trial = queue.popleft().trial
            heapq.heappush(running, (now + seconds[trial], trial))
            work.append(Worked(now, now + seconds[trial]))
        if running:
            now, trial = heapq.heappop(running)
            report = Report(trial, 0, "completed", _STEPS, score=0.0)
            past = past.seen({**past.fresh, report.key: report})
    return share_busy(work)


def simulated(*, trials: int, seeds: int, jobs: int) -> Iterator[str]:
    """Lines of a Markdown table: the mean share, and the least of all searches."""
    yield f"| {' | '.join(['share of time busy', *DURATIONS])} |"
    yield "|---" * (1 + len(DURATIONS)) + "|"
    with ProcessPoolExecutor(jobs) as pool:
        for mode in MODES:
            cells = []
            for durations in DURATIONS:
                tasks = [(mode, durations, trials, seed) for seed in range(seeds)]
                shares = list(pool.map(simulate, tasks))
                cells.append(f"{100 * fmean(shares):.1f} % (least {100 * min(shares):.1f} %)")
            yield f"| {' | '.join([mode, *cells])} |"


def on_a_fleet(trials: int) -> Iterator[str]:
    """Lines of a Markdown table, of real workers."""
    yield "| mode | share of time busy |"
    yield "|---|---|"
    for mode in ON_A_FLEET:
        yield f"| {mode} | {100 * share_busy(worked(MODES[mode], trials)):.1f} % |"


def worked(search: dict[str, Any], trials: int) -> list[Worked]:
    """What the workers of a fleet of its own did in a search."""
    config = document(search, trials, seed=0)
    kwargs = {"seconds": _SHORTEST_S / _STEPS}
    config["environment"] = {"name": "sleepy:Sleepy-v0", "kwargs": kwargs}
    with tempfile.TemporaryDirectory(prefix="busy-") as directory:
        path = Path(directory) / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        surroundings = {
            "AMC_SHARED_DIR": f"{directory}/shared",
            "AMC_ALLOW_MODULES": "sleepy",
            "PYTHONPATH": str(Path(__file__).parent),
        }
        command = [sys.executable, "-m", "amc", "run", str(path), "--workers", str(WORKERS)]
        environ = {key: value for key, value in os.environ.items() if key != "AMC_BROKER_URL"}
        subprocess.run(command, env={**environ, **surroundings}, check=True, stdout=sys.stderr)
        ledger = Ledger(Path(directory) / "shared" / "busy-1")
        return [
            Worked(attempt.started, attempt.started + report.seconds)
            for key, report in ledger.history().learned.items()
            for attempt in ledger.attempts(key[0])[-1:]
        ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=["simulate", "fleet"], default="simulate")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--seeds", type=int, default=20, help="repetitions of each search")
    parser.add_argument("--trials", type=int, default=48, help="of each search")
    options = parser.parse_args(arguments)
    if options.command == "fleet":
        lines = on_a_fleet(options.trials)
    else:
        lines = simulated(trials=options.trials, seeds=options.seeds, jobs=options.jobs)
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
