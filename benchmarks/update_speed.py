"""CPU microseconds of one PPO minibatch update, by what computes it.

    python benchmarks/update_speed.py [--rounds 9]

Batch 64, 17 observations, 64x64 tanh, 6 Gaussian actions, value clipping, gradient clipping, Adam:
CleanRL's recipe for HalfCheetah. The same mathematics with the gradients written out, in NumPy and
in torch without autograd, stands beside the reference (torch, autograd) and the compiled kernel:
this is the measurement that chose the compiler. The ways take turns in each round.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from amc.algorithms.base import ignore
from amc.algorithms.kernels.ppo import FastPPOLearner
from amc.algorithms.networks import ActorCritic
from amc.algorithms.ppo_learner import PPOLearner
from amc.algorithms.rollout import Rollout
from amc.config.hyperparameters import PPOHyperparameters
from amc.config.schema import OptimizerConfig

INPUTS, HIDDEN, ACTIONS, BATCH, ROWS = 17, 64, 6, 64, 2048
CLIP, VALUE_WEIGHT, MAX_NORM, RATE = 0.2, 0.5, 0.5, 3e-4
BETAS, EPSILON = (0.9, 0.999), 1e-5

Way = Callable[[], int]


def rollout() -> Rollout:
    draw = np.random.default_rng(0)
    columns = [(ROWS, INPUTS), (ROWS, ACTIONS), (ROWS,), (ROWS,), (ROWS,)]
    return Rollout(*(draw.standard_normal(shape).astype(np.float32) for shape in columns))


def learner(kind: type[PPOLearner]) -> Way:
    network = ActorCritic(
        INPUTS, ACTIONS, discrete=False, hidden_sizes=(HIDDEN, HIDDEN), activation="tanh"
    )
    network.initialize(torch.Generator().manual_seed(0), orthogonal=True)
    settings = PPOHyperparameters(batch_size=BATCH, clip_range_vf=CLIP)
    optimizer = OptimizerConfig(type="adam", learning_rate=RATE)
    made = kind(network, optimizer, settings=settings, device=torch.device("cpu"), mark=ignore)
    data, order = rollout(), np.random.default_rng(1).permutation(ROWS)[None]

    def run() -> int:
        made.update(data, order, RATE)
        return ROWS // BATCH

    return run


class WrittenOut:
    """The update with its gradients written out, over one flat parameter vector.

    Args:
        library: numpy or torch; both know every call that is made here.
    """

    def __init__(self, library: Any) -> None:
        self._xp = library
        draw = np.random.default_rng(0)
        sizes = [(INPUTS, HIDDEN), (HIDDEN, HIDDEN)]
        shapes = [
            shape
            for outputs in (ACTIONS, 1)
            for a, b in [*sizes, (HIDDEN, outputs)]
            for shape in ((a, b), (b,))
        ] + [(ACTIONS,)]
        total = sum(int(np.prod(shape)) for shape in shapes)
        self._flat = self._array(0.1 * draw.standard_normal(total))
        self._gradient, self._first, self._second = (self._array(np.zeros(total)) for _ in range(3))
        self._weights = self._views(self._flat, shapes)
        self._by = self._views(self._gradient, shapes)
        self._count = 0
        self._data = [self._array(part) for part in rollout()]
        self._old = self._array(draw.standard_normal(ROWS))
        self._order = draw.permutation(ROWS)
        if library is torch:
            self._order = torch.from_numpy(self._order)

    def _array(self, values: Any) -> Any:
        array = np.asarray(values, np.float32)
        return array if self._xp is np else torch.from_numpy(array)

    def _views(self, flat: Any, shapes: list[tuple[int, ...]]) -> list[Any]:
        views, start = [], 0
        for shape in shapes:
            size = int(np.prod(shape))
            views.append(flat[start : start + size].reshape(shape))
            start += size
        return views

    def _forward(self, x: Any, weights: list[Any]) -> tuple[Any, Any, Any]:
        tanh = self._xp.tanh
        first = tanh(x @ weights[0] + weights[1])
        second = tanh(first @ weights[2] + weights[3])
        return first, second, second @ weights[4] + weights[5]

    def _backward(self, x: Any, kept: tuple[Any, Any], delta: Any, at: int) -> None:
        weights, by = self._weights[at : at + 6], self._by[at : at + 6]
        first, second = kept
        for layer, inputs in ((4, second), (2, first), (0, x)):
            by[layer][:] = inputs.T @ delta
            by[layer + 1][:] = delta.sum(0)
            if layer:
                delta = (delta @ weights[layer].T) * (1 - inputs * inputs)

    def _minibatch(self, rows: Any) -> None:
        xp = self._xp
        x, actions, values, advantages, returns = (part[rows] for part in self._data)
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        log_std, share = self._weights[12], 1 / BATCH
        *kept, mean = self._forward(x, self._weights[:6])
        scaled = (actions - mean) * xp.exp(-log_std)
        log_prob = -0.5 * (scaled * scaled).sum(1) - log_std.sum() - 0.919 * ACTIONS
        ratio = xp.exp(xp.clip(log_prob - self._old[rows], -5, 5))
        plain, held = ratio * advantages, xp.clip(ratio, 1 - CLIP, 1 + CLIP) * advantages
        slope = -share * plain * (plain <= held)
        delta = slope[:, None] * scaled
        self._backward(x, (kept[0], kept[1]), delta * xp.exp(-log_std), 0)
        self._by[12][:] = (delta * scaled).sum(0) - slope.sum()
        *kept, value = self._forward(x, self._weights[6:12])
        value = value[:, 0]
        error = value - returns
        near = values + xp.clip(value - values, -CLIP, CLIP) - returns
        is_held = near * near > error * error
        error = xp.where(is_held, near * (xp.abs(value - values) <= CLIP), error)
        self._backward(x, (kept[0], kept[1]), (2 * VALUE_WEIGHT * share * error)[:, None], 6)
        self._descend()

    def _descend(self) -> None:
        xp, gradient = self._xp, self._gradient
        norm = float(xp.linalg.norm(gradient))
        gradient *= min(1.0, MAX_NORM / (norm + 1e-6))
        self._count += 1
        self._first *= BETAS[0]
        self._first += (1 - BETAS[0]) * gradient
        self._second *= BETAS[1]
        self._second += (1 - BETAS[1]) * gradient * gradient
        root = xp.sqrt(self._second / (1 - BETAS[1] ** self._count)) + EPSILON
        self._flat -= RATE / (1 - BETAS[0] ** self._count) * self._first / root

    def run(self) -> int:
        for start in range(0, ROWS, BATCH):
            self._minibatch(self._order[start : start + BATCH])
        return ROWS // BATCH


def microseconds(run: Way, block_s: float) -> float:
    count, begin = 0, time.process_time()
    while (spent := time.process_time() - begin) < block_s:
        count += run()
    return 1e6 * spent / count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    ways: dict[str, Way] = {
        "compiled, `fast`": learner(FastPPOLearner),
        "written out in NumPy": WrittenOut(np).run,
        "written out in torch": WrittenOut(torch).run,
        "torch with autograd, `reference`": learner(PPOLearner),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for run in ways.values():
        run()
    for _ in range(options.rounds):
        for name, run in ways.items():
            times[name].append(microseconds(run, 0.5))
    print("| one PPO minibatch | CPU microseconds, median (range) | over the compiled one |")
    print("|---|---|---|")
    compiled = times["compiled, `fast`"]
    for name, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values, compiled, strict=True))
        middle = f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"
        print(f"| {name} | {middle} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    main()
