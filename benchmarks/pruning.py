"""What pruning saves: environment steps to the final regret of a search without it.

    python benchmarks/pruning.py table --jobs 2     # trains what the table lacks: hours
    python benchmarks/pruning.py --jobs 2           # replays searches on it: a Markdown table

The table holds the curves of 128 configurations of PPO, two seeds each, on LunarLander and Acrobot;
whatever interrupts its making, the same command goes on. On it searches are replayed with four
simulated workers, as the driver plans them, once for each pruner and seed. Every search has the
same budget in environment steps, that of 32 whole trainings. Regret is 0 for the best configuration
of the table and 1 for the median one, by the mean over both seeds of the final score; a search sees
one seed of each. Repetitions are paired: a seed means the same first suggestions and the same draws
of seeds for all.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from replay.simulation import SEARCHES, Curves, Moment, Replay, Settings, Simulation
from replay.table import STEPS, make_table, read_rows

Array = NDArray[np.float64]
Middle = Callable[..., Any]
TABLE = Path(__file__).parent / "results" / "pruning.jsonl.gz"
BASELINE = "none"
COLUMNS = (
    "pruner",
    "steps to none's final mean regret",
    "to its median regret",
    "time to its mean regret",
    "mean regret at 1/4",
    "at 1/2",
    "at the end",
    "trials",
    "best halted",
)
_RESAMPLES = 1000
# Equal means may differ in the last bit.
_ROUNDING = 1e-9
# In percent: nine in ten of the resampled sets of repetitions lie between them.
_INTERVAL = (5, 95)
_GRID = np.linspace(0.0, 1.0, 201)[1:]


def compare(path: Path, *, seeds: int, jobs: int, settings: Settings) -> None:
    """Print the table of results, environment by environment."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read by the processes that are started below
    rows = read_rows(path)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for environment in STEPS:
            curves = Curves.of(rows, environment)
            replays = {}
            for name in SEARCHES:
                tasks = [(curves, name, settings, seed) for seed in range(seeds)]
                replays[name] = list(pool.map(_replay, tasks))
            print(f"\n{environment}, {len(curves.hyperparameters)} configurations\n")
            print("\n".join(report(replays, settings)), flush=True)


def _replay(task: tuple[Curves, str, Settings, int]) -> Replay:
    return Simulation(*task).run()


def report(replays: dict[str, list[Replay]], settings: Settings) -> Iterator[str]:
    """Lines of a Markdown table, one for each policy."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    ends = [one.moments[-1].seconds for one in replays[BASELINE]]
    by_steps = on_grid(replays, attrgetter("trainings"), settings.trainings)
    by_time = on_grid(replays, attrgetter("seconds"), float(np.median(ends)))
    for name, found in replays.items():
        regrets = [mean(by_steps[name][:, _GRID.searchsorted(at)]) for at in (0.25, 0.5, 1.0)]
        compared = [(by_steps, np.mean), (by_steps, np.median), (by_time, np.mean)]
        shares = [share(on[BASELINE], on[name], middle) for on, middle in compared]
        trials = np.median([one.n_trials for one in found])
        halted = sum(one.best_was_halted for one in found)
        cells = [name, *shares, *regrets, f"{trials:.0f}", f"{halted} of {len(found)}"]
        yield f"| {' | '.join(cells)} |"


def on_grid(
    replays: dict[str, list[Replay]], spent: Callable[[Moment], float], whole: float
) -> dict[str, Array]:
    """For each policy the regrets [repetitions, grid] once each share of `whole` was spent."""
    return {
        name: np.array([regret_at(one.moments, spent, _GRID * whole) for one in found])
        for name, found in replays.items()
    }


def regret_at(moments: Sequence[Moment], spent: Callable[[Moment], float], at: Array) -> Array:
    """The regret when so much was spent; 1, that of the median, before anything is known."""
    places = np.searchsorted([spent(moment) for moment in moments], at, side="right")
    return np.array([1.0, *[moment.regret for moment in moments]])[places]


def share(baseline: Array, regrets: Array, middle: Middle) -> str:
    """What part of the baseline's budget it takes, with an interval over repetitions."""
    generator = np.random.default_rng(0)
    samples = [
        first_share(baseline[drawn], regrets[drawn], middle)
        for drawn in generator.integers(len(baseline), size=(_RESAMPLES, len(baseline)))
    ]
    low, high = np.percentile(samples, _INTERVAL, method="nearest")
    found = first_share(baseline, regrets, middle)
    return f"{_percent(found)} ({_percent(low)} to {_percent(high)})"


def first_share(baseline: Array, regrets: Array, middle: Middle) -> float:
    """The share from which on the regret is never above the baseline's last; else infinity.

    Args:
        baseline: [repetitions, grid].
        regrets: [repetitions, grid].
        middle: of the repetitions: `np.mean`, what a user may expect, or `np.median`.
    """
    above = np.flatnonzero(middle(regrets, axis=0) > middle(baseline[:, -1]) + _ROUNDING)
    if not len(above):
        return float(_GRID[0])
    return float(_GRID[above[-1] + 1]) if above[-1] + 1 < len(_GRID) else np.inf


def mean(values: Array) -> str:
    return f"{values.mean():.2f} ± {values.std(ddof=1) / np.sqrt(len(values)):.2f}"


def _percent(part: float) -> str:
    return f"{100 * part:.0f} %" if np.isfinite(part) else "never"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=["compare", "table"], default="compare")
    parser.add_argument("--table", type=Path, default=TABLE, help="where the curves are kept")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--seeds", type=int, default=30, help="repetitions of each search")
    parser.add_argument("--trainings", type=int, default=32, help="budget of each search")
    parser.add_argument("--type", default="bayesian", help="type of the optimizer")
    options = parser.parse_args(arguments)
    if options.command == "table":
        make_table(options.table, jobs=options.jobs)
        return
    settings = Settings(trainings=options.trainings, type=options.type)
    compare(options.table, seeds=options.seeds, jobs=options.jobs, settings=settings)


if __name__ == "__main__":
    main(sys.argv[1:])
