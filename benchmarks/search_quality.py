"""How near the searches come to an optimum that is known: a Markdown table of regrets.

    OMP_NUM_THREADS=1 python benchmarks/search_quality.py --seeds 16

Every search gets 50 evaluations in batches of 4: the scores of a batch are told when all four are
there. Regret is 0 at the optimum and 1 at the mean of random points. Where scores are noisy, the
regret is that of the point whose noisy score was best: what its user would take home.
"""

import argparse
import importlib
import io
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from amc.optimizers import make

Array = NDArray[np.float64]
EVALUATIONS, BATCH = 50, 4


@dataclass(frozen=True)
class Problem:
    """A function to maximise on the unit cube.

    Attributes:
        name: for the table.
        function: points [n, d] to values [n].
        dimensions: d.
        optimum: its greatest value.
        noise: standard deviation of a score, in standard deviations of the function over the cube.
    """

    name: str
    function: Callable[[Array], Array]
    dimensions: int
    optimum: float
    noise: float = 0.0

    @cached_property
    def values(self) -> Array:
        """The function at 20,000 random points."""
        return self.function(np.random.default_rng(0).random((20_000, self.dimensions)))

    def regret(self, value: float) -> float:
        """0 at the optimum, 1 at the mean of random points."""
        return float((self.optimum - value) / (self.optimum - self.values.mean()))


def branin(points: Array) -> Array:
    x, y = points[:, 0] * 15.0 - 5.0, points[:, 1] * 15.0
    bowl = (y - 5.1 / (4.0 * np.pi**2) * x * x + 5.0 / np.pi * x - 6.0) ** 2
    return -(bowl + 10.0 * (1.0 - 1.0 / (8.0 * np.pi)) * np.cos(x) + 10.0)


HARTMANN_HEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
HARTMANN_WIDTHS = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
HARTMANN_CENTERS = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(points: Array) -> Array:
    squares = HARTMANN_WIDTHS * (points[:, None, :] - HARTMANN_CENTERS) ** 2
    return np.exp(-squares.sum(axis=2)) @ HARTMANN_HEIGHTS


def ackley(points: Array) -> Array:
    # On [-5, 10], so that the optimum is not the centre of the cube.
    x = points * 15.0 - 5.0
    bowl = 20.0 * np.exp(-0.2 * np.sqrt((x * x).mean(axis=1)))
    return bowl + np.exp(np.cos(2.0 * np.pi * x).mean(axis=1)) - 20.0 - np.e


PROBLEMS = (
    Problem("Branin", branin, 2, -0.39788735772973816),
    Problem("Branin, noisy", branin, 2, -0.39788735772973816, noise=0.5),
    Problem("Hartmann-6", hartmann, 6, 3.32236801141551),
    Problem("Hartmann-6, noisy", hartmann, 6, 3.32236801141551, noise=0.5),
    Problem("Ackley-5", ackley, 5, 0.0),
    Problem("Ackley-5, noisy", ackley, 5, 0.0, noise=0.5),
)


class Search(Protocol):
    """What is compared: batches of points out, scores in."""

    def ask(self, count: int) -> Array:
        """Points [count, d]."""

    def tell(self, points: Array, scores: Array) -> None:
        """Scores of what was asked."""


class Ours:
    """A search of amc.optimizers."""

    def __init__(self, problem: Problem, seed: int, *, type: str = "bayesian") -> None:
        space = {f"x{index}": [0.0, 1.0] for index in range(problem.dimensions)}
        self._optimizer = make(type, space, EVALUATIONS, seed=seed)

    def ask(self, count: int) -> Array:
        """See `Search`."""
        self._suggestions = self._optimizer.suggest(count)
        return np.array([list(suggestion.values()) for suggestion in self._suggestions])

    def tell(self, points: Array, scores: Array) -> None:
        """See `Search`."""
        self._optimizer.update(self._suggestions, scores.tolist())


class BayesOpt:
    """bayes_opt as it comes, with the constant liar that its authors have for batches."""

    def __init__(self, problem: Problem, seed: int) -> None:
        package = importlib.import_module("bayes_opt")
        acquisition = importlib.import_module("bayes_opt.acquisition")
        self._optimizer = package.BayesianOptimization(
            f=None,
            pbounds={f"x{index}": (0.0, 1.0) for index in range(problem.dimensions)},
            acquisition_function=acquisition.ConstantLiar(acquisition.UpperConfidenceBound()),
            random_state=seed,
            verbose=0,
            allow_duplicate_points=True,
        )

    def ask(self, count: int) -> Array:
        """See `Search`."""
        return np.array([list(self._optimizer.suggest().values()) for _ in range(count)])

    def tell(self, points: Array, scores: Array) -> None:
        """See `Search`."""
        with redirect_stdout(io.StringIO()):  # it prints every repeated point
            for point, score in zip(points, scores, strict=True):
                self._optimizer.register(point, score)


class OptunaTPE:
    """Optuna's tree-structured Parzen estimator, with its constant liar."""

    def __init__(self, problem: Problem, seed: int) -> None:
        optuna = importlib.import_module("optuna")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        uniform = optuna.distributions.FloatDistribution(0.0, 1.0)
        self._space = {f"x{index}": uniform for index in range(problem.dimensions)}

    def ask(self, count: int) -> Array:
        """See `Search`."""
        self._trials = [self._study.ask(self._space) for _ in range(count)]
        return np.array([list(trial.params.values()) for trial in self._trials])

    def tell(self, points: Array, scores: Array) -> None:
        """See `Search`."""
        for trial, score in zip(self._trials, scores, strict=True):
            self._study.tell(trial, float(score))


def searches() -> Iterator[tuple[str, Callable[[Problem, int], Search]]]:
    """Name and constructor of each search that can be compared here."""
    yield "random", lambda problem, seed: Ours(problem, seed, type="random")
    yield "sobol", lambda problem, seed: Ours(problem, seed, type="sobol")
    yield "bayes_opt as it comes", BayesOpt
    if find_spec("optuna"):
        yield "Optuna TPE", OptunaTPE
        yield "amc tpe", lambda problem, seed: Ours(problem, seed, type="tpe")
    else:
        print("Optuna is not installed, so it is left out.\n")
    yield "amc bayesian", Ours


def final_regret(search: Search, problem: Problem, seed: int) -> float:
    """Regret of the point whose score was best."""
    generator = np.random.default_rng([seed, 1])
    deviation = problem.noise * problem.values.std()
    values: list[float] = []
    scores: list[float] = []
    while len(values) < EVALUATIONS:
        points = search.ask(min(BATCH, EVALUATIONS - len(values)))
        batch = problem.function(points)
        noisy = batch + deviation * generator.standard_normal(len(batch))
        search.tell(points, noisy)
        values += batch.tolist()
        scores += noisy.tolist()
    return problem.regret(values[int(np.argmax(scores))])


def cell(make_search: Callable[[Problem, int], Search], problem: Problem, seeds: int) -> str:
    """Mean regret, its standard error, and CPU seconds a suggestion."""
    started = time.process_time()
    regrets = [final_regret(make_search(problem, seed), problem, seed) for seed in range(seeds)]
    seconds = (time.process_time() - started) / (seeds * EVALUATIONS)
    error = np.std(regrets, ddof=1) / np.sqrt(seeds) if seeds > 1 else 0.0
    return f"{np.mean(regrets):.4f} ± {error:.4f} ({seconds:.3f} s)"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Regret of each search, as a Markdown table.")
    parser.add_argument("--seeds", type=int, default=16, help="repetitions of each cell")
    parser.add_argument("--only", default="", help="problems whose name contains this")
    options: Any = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # of other people's searches
    compared = list(searches())
    print("| | " + " | ".join(name for name, _ in compared) + " |")
    print("|---" * (len(compared) + 1) + "|")
    for problem in PROBLEMS:
        if options.only in problem.name:
            print(f"| {problem.name} ", end="", flush=True)
            for _, make_search in compared:
                print(f"| {cell(make_search, problem, options.seeds)} ", end="", flush=True)
            print("|")


if __name__ == "__main__":
    main()
